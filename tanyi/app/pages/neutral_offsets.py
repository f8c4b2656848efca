"""Offsets of an own event: choose tonnes, look at the order, pay and retire, keep the receipt.

The chosen basket travels in the address until it is paid, so that going back or loading again loses nothing. Nothing is
reserved before the order is sent; what is sold out meanwhile is said on the page, and nothing is charged.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from market.trading import listings, trades
from settlement import payments, retirement
from settlement.neutrality import events, offsets, plans, standing
from settlement.neutrality.events import Event
from tanyi.app import event_purchase
from tanyi.app.event_purchase import NotYetPaid
from tanyi.app.installation import Installation
from tanyi.app.pages import views_events, views_offsets, views_organisers
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.neutral import long_address
from tanyi.app.pages.neutral_drafts import OWN, own
from tanyi.app.pages.views_neutral import query_of
from tanyi.app.security import Form, Visitor, page, see_other
from tanyi.kernel import guests, idempotency
from tanyi.kernel.errors import N_, NotFound, Refusal
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

OFFSETS: Final = "pages/neutral/offsets.html"
CHECKOUT: Final = "pages/neutral/checkout.html"
NOT_UNDERSTOOD = N_("Please confirm that you have understood this.")
NOTHING_CHOSEN = N_("Choose at least one tonne.")
SOLD_MEANWHILE = N_("Of %(listing)s, only %(offered)s t can be bought now. Nothing was charged.")
REFUSED_ON_CHECKOUT: Final[tuple[type[Refusal], ...]] = (
    blocks.InsufficientTonnes,
    listings.NothingOffered,
    listings.NotOnSale,
    trades.OwnTonnes,
    retirement.NothingToRetire,
    offsets.TooLate,
    offsets.NothingMissing,
    offsets.MoreThanMissing,
    plans.MeasuresFirst,
    idempotency.KeyMissing,
    idempotency.KeyUsedOtherwise,
    payments.PaymentDeclined,
    payments.GatewaySilent,
    NotYetPaid,
    event_purchase.ChoiceUnfit,
)


@get("/neutral/{number:str}/offsets", opt=OWN, sync_to_thread=True)
def choose(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[Any]:
    """What is on sale, and the cheapest way that fits."""
    event = own(reader, visitor, number)
    first = _first_things(event)
    if first is not None:
        return see_other(first)
    return _offsets_page(reader, visitor, event, request, {})


def _first_things(event: Event) -> str | None:
    """The page that comes before any offset while there is no plan: reduce first, publish, then offset."""
    return None if events.is_public(event.state) else f"/neutral/{event.number}/plan"


@post("/neutral/{number:str}/offsets", opt=OWN, sync_to_thread=True)
def take(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Takes a choice to the checkout, if it can be bought."""
    with house.open_reader() as reader:
        event = own(reader, visitor, number)
        basket = views_offsets.basket_of(form)
        wrong = _wrong_with(reader, event, basket, visitor.locale)
        if not wrong:
            return see_other(_checkout_address(event, basket))
        return _offsets_page(reader, visitor, event, request, form, wrong)


def _wrong_with(reader: Reader, event: Event, basket: Mapping[str, int], locale: str) -> dict[str, str]:
    """What stands against a basket, in the reader's language; {} when it can be bought."""
    form = TypedForm({}, (), locale)
    if not basket:
        form.say("payment", NOTHING_CHOSEN)
        return form.errors
    try:
        for line in views_offsets.lines(reader, basket):
            if not line["is_on_sale"] or line["quantity_t"] > line["offered_t"]:
                most = f"{line['offered_t'] if line['is_on_sale'] else 0:,}"
                form.say("payment", SOLD_MEANWHILE, listing=line["number"], offered=most)
        offsets.refuse_unless_fitting(reader, event, sum(basket.values()))
    except Refusal as refusal:
        form.say_refusal("payment", refusal)
    return form.errors


def _checkout_address(event: Event, basket: Mapping[str, int]) -> str:
    chosen = {f"quantity-{number}": quantity_t for number, quantity_t in basket.items()}
    return f"/neutral/{event.number}/checkout{query_of(chosen)}"


def _offsets_page(
    reader: Reader,
    visitor: Visitor,
    event: Event,
    request: Request[Any, Any, Any],
    typed: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> Response[str]:
    now = standing.of(reader, event)
    wanted = views_offsets.preference_of(request.query_params)
    context = views_offsets.offers(reader, wanted, now.missing_t, event.organiser_id)
    quantities = {number: str(quantity_t) for number, quantity_t in views_offsets.basket_of(typed).items()}
    context |= {
        "event": views_events.head(event),
        "steps": views_events.steps("offsets", event.number, views_events.done_steps(reader, event)),
        "needed_t": now.missing_t,
        "retired_t": now.covered_t,
        "clock": views_events.clock(event, now),
        "form": {"quantities": quantities},
        "errors": errors or {},
    }
    return page(visitor, OFFSETS, status=422 if errors else 200, path=long_address(request), **context)


@get("/neutral/{number:str}/checkout", opt=OWN, sync_to_thread=True)
def checkout(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[Any]:
    """The order before it is paid; one that can no longer be bought leads back to the choice."""
    event = own(reader, visitor, number)
    basket = views_offsets.basket_of({str(name): str(said) for name, said in request.query_params.items()})
    if not (events.is_public(event.state) and basket):
        return see_other(f"/neutral/{event.number}/offsets")
    wrong = _wrong_with(reader, event, basket, visitor.locale)
    form = {"beneficiary": "", "key": secrets.token_urlsafe(16)}
    return _checkout_page(reader, visitor, event, basket, form, wrong, path=long_address(request))


@post("/neutral/{number:str}/checkout", opt=OWN, sync_to_thread=True)
def pay(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Buys, pays, retires and certifies; sent twice it is done once. What is refused is said, and nothing is charged."""
    basket = views_offsets.basket_of(form)
    sent = TypedForm(form, ("beneficiary", "understood", "key"), visitor.locale)
    beneficiary = sent.text("beneficiary", is_required=False)
    if not sent.typed["understood"]:
        sent.say("understood", NOT_UNDERSTOOD)
    if not sent.errors and (bought := _bought(house, visitor, sent, number, basket, beneficiary)):
        return see_other(f"/neutral/{number}/purchases/{bought}")
    with house.open_reader() as reader:
        event = own(reader, visitor, number)
        path = _checkout_address(event, basket)
        return _checkout_page(reader, visitor, event, basket, sent.typed, sent.errors, path=path)


def _bought(
    house: Installation, visitor: Visitor, sent: TypedForm, number: str, basket: Mapping[str, int], beneficiary: str
) -> str | None:
    """The number of the retirement, or None with the refusal said on the form."""
    order = event_purchase.CoverOrder(
        event=number, quantity_t=Tonnes(sum(basket.values())), chosen=dict(basket), beneficiary=beneficiary or None
    )
    try:
        return event_purchase.cover(house, actor=visitor.actor, order=order, key=sent.typed["key"])
    except REFUSED_ON_CHECKOUT as refusal:
        sent.say_refusal("beneficiary" if isinstance(refusal, retirement.NothingToRetire) else "payment", refusal)
        if not isinstance(refusal, payments.GatewaySilent | NotYetPaid):
            sent.typed["key"] = secrets.token_urlsafe(16)  # what was refused is over; what waits for the bank is not
    return None


def _checkout_page(
    reader: Reader,
    visitor: Visitor,
    event: Event,
    basket: Mapping[str, int],
    form: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    path: str,
) -> Response[str]:
    chosen, now = views_offsets.lines(reader, basket), standing.of(reader, event)
    context = {
        "event": views_events.head(event),
        "steps": views_events.steps("pay", event.number, [*views_events.done_steps(reader, event), "offsets"]),
        "lines": chosen,
        "quantity_t": sum(basket.values()),
        "needed_t": now.missing_t,
        "cost_fen": sum(line["cost_fen"] for line in chosen),
        "form": form,
        "key": form["key"],
        "errors": errors,
        "organiser": views_events.organiser_names(reader, event)[0],
        "contact": _contact(reader, visitor),
        "back": f"/neutral/{event.number}/offsets",
    }
    return page(visitor, CHECKOUT, status=422 if errors else 200, path=path, **context)


def _contact(reader: Reader, visitor: Visitor) -> str | None:
    """The contact of a guest, told to itself; None for somebody with an account."""
    user_id = visitor.actor.user_id
    return guests.contact_told(reader, user_id) if user_id is not None and guests.is_guest(reader, user_id) else None


@get("/neutral/{number:str}/purchases/{purchase:str}", opt=OWN, sync_to_thread=True)
def receipt(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    house: NamedDependency[Installation],
    number: FromPath[str],
    purchase: FromPath[str],
) -> Response[str]:
    """What was paid and retired, with the certificate, the badge and the way on."""
    event, now = own(reader, visitor, number), None
    told = views_organisers.receipt(reader, purchase, visitor.organisation_id)
    if told["purchase"]["event"]["number"] != event.number:
        raise NotFound
    now = standing.of(reader, event)
    context = told | {
        "event": views_events.head(event),
        "missing_t": now.missing_t,
        "ended": now.today_on > event.ends_on,
        "clock": views_events.clock(event, now),
        "badge": views_events.badge(event, house.settings.public_url),
        "contact": _contact(reader, visitor),
    }
    return page(visitor, "pages/neutral/receipt.html", **context)


ROUTES = [choose, take, checkout, pay, receipt]
