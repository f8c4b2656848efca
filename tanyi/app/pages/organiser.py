"""What organisers do: buy from a listing, retire for a named event, and keep the receipt."""

from __future__ import annotations

import secrets
from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from market.trading import listings, trades
from settlement import payments, retirement
from settlement.neutrality import events
from tanyi.app import event_purchase, second_person
from tanyi.app.event_orders import EventOrder
from tanyi.app.event_purchase import NotYetPaid
from tanyi.app.installation import Installation
from tanyi.app.pages import views_market, views_organisers
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.tabular import Asked
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel import approvals, idempotency
from tanyi.kernel.errors import N_, Refusal
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

FIELDS: Final = ("quantity_t", "event_name", "event_on", "event_place", "beneficiary", "understood", "purchase_key")
FIELD_OF: Final[dict[type[Refusal], str]] = {
    blocks.InsufficientTonnes: "quantity_t",
    listings.NothingOffered: "quantity_t",
    events.EventUnnamed: "event_name",
    events.EventOutOfTime: "event_on",
    retirement.NothingToRetire: "beneficiary",
    listings.NotOnSale: "payment",
    trades.OwnTonnes: "payment",
    idempotency.KeyMissing: "payment",
    idempotency.KeyUsedOtherwise: "payment",
    payments.PaymentDeclined: "payment",
    payments.GatewaySilent: "payment",
    NotYetPaid: "payment",
    second_person.MayNotBuy: "payment",
    approvals.NobodyElse: "payment",
}
NOT_UNDERSTOOD = N_("Please confirm that you have understood this.")


def empty_form() -> dict[str, Any]:
    """A fresh form with a fresh key."""
    return {"form": dict.fromkeys(FIELDS, ""), "errors": {}, "purchase_key": secrets.token_urlsafe(16)}


@post("/listings/{number:str}/purchases", opt=access("organiser", scope="own"), sync_to_thread=True)
def purchase(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Buys and retires for the event that the form names; what is wrong is said beside its field."""
    sent = TypedForm(form, FIELDS, visitor.locale)
    order = _order(sent, number)
    try:
        if order is not None and not sent.errors:
            key = sent.typed["purchase_key"]
            bought = event_purchase.buy_and_retire(house, actor=visitor.actor, order=order, key=key)
            return see_other(f"/purchases/{bought}")
    except second_person.WaitsForSecondPerson as waits:
        return see_other(f"/approvals/{waits.facts['approval']}?said=asked")
    except tuple(FIELD_OF) as refusal:
        sent.say_refusal(FIELD_OF[type(refusal)], refusal)
        _renew_key(sent, refusal)
    return _again(house, visitor, sent, number)


def _renew_key(sent: TypedForm, refusal: Refusal) -> None:
    """An order that was refused is over and the next one is new; one that waits for the bank keeps its key."""
    if not isinstance(refusal, payments.GatewaySilent | NotYetPaid):
        sent.typed["purchase_key"] = secrets.token_urlsafe(16)


def _order(sent: TypedForm, number: str) -> EventOrder | None:
    quantity_t, held_on = sent.tonnes("quantity_t"), sent.day("event_on")
    name, place = sent.text("event_name"), sent.text("event_place")
    beneficiary = sent.text("beneficiary", is_required=False)
    if not sent.typed["understood"]:
        sent.say("understood", NOT_UNDERSTOOD)
    if held_on is None:
        return None
    return EventOrder(
        listing=number,
        quantity_t=quantity_t,
        event_name=name,
        held_on=held_on,
        place=place,
        beneficiary=beneficiary or None,
    )


def _again(house: Installation, visitor: Visitor, sent: TypedForm, number: str) -> Response[str]:
    with house.open_reader() as reader:
        offer = views_market.listing(reader, number, Asked(f"/listings/{number}"), buyer=visitor.actor)
    context = offer | {"form": sent.typed, "errors": sent.errors, "purchase_key": sent.typed["purchase_key"]}
    return page(visitor, "pages/public/listing.html", status=422, path=f"/listings/{number}", **context)


@get("/purchases/{number:str}", opt=access("organiser", scope="own"), sync_to_thread=True)
def receipt(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """The receipt of an own purchase."""
    told = views_organisers.receipt(reader, number, visitor.organisation_id)
    return page(visitor, "pages/organiser/purchase.html", **told)


ROUTES = [purchase, receipt]
