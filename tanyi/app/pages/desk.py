"""The desk: anyone may ask for the cheapest portfolio of what is on sale. A question, so a GET that can be shared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from market.trading import listings
from matching import desk
from matching.problem import Floor
from matching.wish import Wish
from tanyi.app.pages import pieces, views_desk
from tanyi.app.pages.exports import answer, asked_of, here
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.security import Visitor, access, page
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Reader

SMALL_WHOLE = re.compile(r"[0-9]{1,4}", re.ASCII)
FIRST_YEAR, LAST_YEAR, MOST_SELLERS = 2000, 2100, 1000
TOO_MANY_TONNES = N_("At most %(most)s tonnes can be asked for at once.")
NOT_A_YEAR = N_("Write a year in four figures, such as 2024.")
NOT_A_COUNT = N_("Write a whole number from 1 to 1,000.")
NO_SHARE = N_("A share of 0 leaves nothing to buy; leave the field empty for no restriction.")


@get("/market/desk", opt=access(scope="public"), sync_to_thread=True)
def ask(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """The form and, once tonnes are asked for, the answer; what is wrong is said beside its field."""
    buyer_id = visitor.actor.organisation_id
    form = views_desk.form(reader, buyer_id if "firm" in visitor.actor.roles else None)
    if "quantity_t" not in request.query_params:
        return page(visitor, views_desk.TEMPLATE, path=here(request), **form)
    sent = TypedForm(request.query_params, views_desk.FIELDS, visitor.locale)
    types = [code for code in request.query_params.getall("type", []) if code in pieces.type_codes()]
    wish = _wish(sent, types, form["ecological"])
    context = form | {"form": sent.typed, "chosen": types, "errors": sent.errors}
    if sent.errors:
        return page(visitor, views_desk.TEMPLATE, status=422, path=here(request), **context)
    asked, said = asked_of(request, visitor), sent.typed | {"type": types}
    told = views_desk.told(reader, wish, desk.ask(reader, wish, buyer_id=buyer_id), asked, said)
    return answer(visitor, asked, views_desk.TEMPLATE, context | {"told": told})


def _wish(sent: TypedForm, types: Sequence[str], ecological: dict[str, Any] | None) -> Wish:
    """What was typed as a wish; without a plan there is no ecological share to ask for."""
    quantity_t = int(sent.tonnes("quantity_t"))
    if quantity_t < 1:
        sent.say("quantity_t", listings.NothingOffered.message)
    if quantity_t > desk.MOST_WISHED_T:
        sent.say("quantity_t", TOO_MANY_TONNES, most=f"{desk.MOST_WISHED_T:,}")
    floor_permille = sent.permille("ecological_percent", is_required=False) if ecological else None
    max_group_permille = sent.permille("max_group_percent", is_required=False)
    if max_group_permille == 0:
        sent.say("max_group_percent", NO_SHARE)
    inside = tuple(ecological["codes"]) if ecological else ()
    region = sent.typed["region"] if sent.typed["region"] in REGIONS else ""
    return Wish(
        quantity_t=quantity_t,
        limit_fen=_limit_fen(sent),
        product_types=tuple(types) or None,
        vintage_from=_whole(sent, "vintage_from", FIRST_YEAR, LAST_YEAR, NOT_A_YEAR),
        regions=(region,) if region else None,
        floor=Floor(product_types=inside, regions=None, min_permille=floor_permille) if floor_permille else None,
        max_group_permille=max_group_permille,
        max_sellers=_whole(sent, "max_sellers", 1, MOST_SELLERS, NOT_A_COUNT),
    )


def _limit_fen(sent: TypedForm) -> int | None:
    if not sent.typed["limit_yuan"]:
        return None
    limit_fen = sent.price("limit_yuan")
    if limit_fen == 0 or limit_fen > listings.HIGHEST_FEN:
        sent.say("limit_yuan", listings.PriceOutOfRange.message)
    return int(limit_fen)


def _whole(sent: TypedForm, field: str, lowest: int, highest: int, message: str) -> int | None:
    """A small whole number that may be left out."""
    said = sent.typed[field]
    if not said:
        return None
    found = int(said) if SMALL_WHOLE.fullmatch(said) else None
    if found is None or not lowest <= found <= highest:
        sent.say(field, message)
    return found


ROUTES = [ask]
