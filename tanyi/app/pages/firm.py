"""What firms do: look at a duty and how it was met, and confirm the bid that was made from it."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from market.trading import bids, listings
from tanyi.app.installation import Installation
from tanyi.app.pages import views_firms
from tanyi.app.pages.account import flash_of
from tanyi.app.pages.exports import answer, asked_of
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.tabular import Asked
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel.errors import Refusal
from tanyi.kernel.work import Reader

FIELDS: Final = ("limit_yuan", "ecological_percent", "max_group_percent")
FIELD_OF: Final[dict[type[Refusal], str]] = {
    listings.PriceOutOfRange: "limit_yuan",
    bids.FloorLowered: "ecological_percent",
    bids.ShareOutOfRange: "max_group_percent",
}


@get("/duties/{number:str}", opt=access("firm", "regulator", scope="own"), sync_to_thread=True)
def duty(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[Any]:
    """A duty of the own firm; the department may read all of them."""
    asked, may_read_all = asked_of(request, visitor), "regulator" in visitor.actor.roles
    told = views_firms.duty(reader, number, asked, organisation_id=visitor.organisation_id, may_read_all=may_read_all)
    return answer(visitor, asked, "pages/firm/duty.html", told)


@get("/bids/{number:str}", opt=access("firm", scope="own"), sync_to_thread=True)
def bid(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[Any]:
    """An own bid with its terms."""
    asked = asked_of(request, visitor)
    told = views_firms.bid(reader, number, visitor.organisation_id, asked)
    return answer(visitor, asked, "pages/firm/bid.html", told, flash=flash_of(request, visitor))


@post("/bids/{number:str}", opt=access("firm", scope="own"), sync_to_thread=True)
def confirm(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Confirms the bid, or changes it while the round is open; what is wrong is said beside its field."""
    with house.open_reader() as reader:
        told = views_firms.bid(reader, number, visitor.organisation_id, Asked(f"/bids/{number}"))
    sent = TypedForm(form, FIELDS, visitor.locale)
    terms = _terms(sent, told)
    if not sent.errors:
        _confirm(house, visitor, sent, number, terms)
    if not sent.errors:
        return see_other(f"/bids/{number}?said=confirmed")
    return page(visitor, "pages/firm/bid.html", status=422, **(told | {"form": sent.typed, "errors": sent.errors}))


def _terms(sent: TypedForm, told: dict[str, Any]) -> bids.Terms:
    """A bid without a duty has no ecological share under it, so the form does not ask for one."""
    has_floor = told["bid"]["duty"] is not None
    floor = sent.permille("ecological_percent") if has_floor else told["plan"]["ecological_permille"]
    return bids.Terms(
        limit_fen=sent.price("limit_yuan"),
        floor_permille=floor or 0,
        max_group_permille=sent.permille("max_group_percent", is_required=False),
    )


def _confirm(house: Installation, visitor: Visitor, sent: TypedForm, number: str, terms: bids.Terms) -> None:
    try:
        with house.open_work(visitor.actor) as work:
            bids.confirm(work, number=number, buyer_id=visitor.organisation_id, terms=terms)
    except tuple(FIELD_OF) as refusal:
        sent.say_refusal(FIELD_OF[type(refusal)], refusal)


ROUTES = [duty, bid, confirm]
