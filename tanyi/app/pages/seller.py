"""What sellers do: put free tonnes on sale at a fixed price until a day."""

from __future__ import annotations

import secrets
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from market.trading import listings
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_sellers
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel import idempotency
from tanyi.kernel.clock import SHANGHAI
from tanyi.kernel.errors import N_, Refusal
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks

FIELDS: Final = ("holding", "quantity_t", "price_yuan", "expires_on", "listing_key")
FIELD_OF: Final[dict[type[Refusal], str]] = {
    blocks.InsufficientTonnes: "quantity_t",
    listings.NothingOffered: "quantity_t",
    listings.PriceOutOfRange: "price_yuan",
    listings.ExpiryWrong: "expires_on",
    idempotency.KeyUsedOtherwise: "holding",
    idempotency.KeyMissing: "holding",
}
NO_HOLDING = N_("Choose which of your holdings to sell from.")


@get("/sell", opt=access("seller", scope="own"), sync_to_thread=True)
def sell_form(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> Response[str]:
    """The form, with what may be put on sale."""
    offer = views_sellers.offer(reader, visitor.organisation_id)
    return page(visitor, "pages/seller/list.html", **offer, listing_key=secrets.token_urlsafe(16))


@post("/sell", opt=access("seller", scope="own"), sync_to_thread=True)
def sell(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[Any]:
    """Opens a listing; what is wrong is said beside its field and nothing is changed."""
    sent = TypedForm(form, FIELDS, visitor.locale)
    with house.open_reader() as reader:
        offer = views_sellers.offer(reader, visitor.organisation_id)
    holding = _holding(sent, offer)
    quantity_t, ask_fen, until = sent.tonnes("quantity_t"), sent.price("price_yuan"), sent.day("expires_on")
    if not sent.errors and until is not None:
        _open(house, visitor, sent, holding, quantity_t, ask_fen, until)
    if not sent.errors:
        return see_other("/my?said=listed")
    context = offer | {"form": sent.typed, "errors": sent.errors, "listing_key": secrets.token_urlsafe(16)}
    return page(visitor, "pages/seller/list.html", status=422, **context)


@post("/listings/{number:str}/withdrawal", opt=access("seller", scope="own"), sync_to_thread=True)
def withdraw(visitor: NamedDependency[Visitor], work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Takes what is not sold off the market; the tonnes are free again."""
    listings.withdraw(work, number=pieces.named(number), seller_id=visitor.organisation_id)
    return see_other("/my?said=withdrawn")


def _holding(sent: TypedForm, offer: dict[str, Any]) -> int:
    keys = {holding["key"] for holding in offer["holdings"]}
    if sent.typed["holding"] not in keys:
        sent.say("holding", NO_HOLDING)
        return 0
    return int(sent.typed["holding"])


def _open(
    house: Installation,
    visitor: Visitor,
    sent: TypedForm,
    holding: int,
    quantity_t: Tonnes,
    ask_fen: Money,
    until: date,
) -> None:
    """Opens the listing once for one form, however often it is sent."""
    key = sent.typed["listing_key"]
    request = idempotency.fingerprint("POST", "/sell", {name: sent.typed[name] for name in FIELDS})
    try:
        with house.open_work(visitor.actor) as work:
            if idempotency.known_answer(work, key=key, request=request) is None:
                made = listings.open_listing(
                    work,
                    seller_id=visitor.organisation_id,
                    issuance_id=holding,
                    quantity_t=quantity_t,
                    ask_fen=ask_fen,
                    expires_at=end_of(until),
                )
                idempotency.keep_answer(work, key=key, request=request, answer={"listing": made.number}, status=303)
    except tuple(FIELD_OF) as refusal:
        sent.say_refusal(FIELD_OF[type(refusal)], refusal)


def end_of(day: date) -> datetime:
    """The end of a civil day in Hebei as an instant; the last day of the calendar ends with itself."""
    if day >= date.max - timedelta(days=1):
        return datetime.max.replace(tzinfo=SHANGHAI)
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI)


ROUTES = [sell_form, sell, withdraw]
