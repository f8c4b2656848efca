"""Orders for an event: what is wanted, what it reserves, and how it reads as a document that a second person approves.

An `EventOrder` takes one listing and names a new event. A `CoverOrder` is for an event that stands in the books: it takes
several listings at once, those that were chosen or those that the desk's optimiser finds, and no more than is missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from market.trading import listings
from matching import desk
from matching.wish import Wish
from settlement import clearing
from settlement.neutrality import covers, events, offsets
from settlement.payments import Payment
from tanyi.kernel import approvals, idempotency
from tanyi.kernel.errors import N_, Conflict, Invalid
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader, Work

MOST_LISTINGS: Final = 50
NEW_EVENT: Final = approvals.Kind("purchase.event")
OWN_EVENT: Final = approvals.Kind("purchase.cover")


class NotEnoughOnSale(Conflict):
    """What is on sale does not cover the order within its price."""

    code = "purchase.not_enough_on_sale"
    message = N_("Only %(covered_t)s t of %(asked_t)s t can be bought now on these terms.")


class DearerThanAgreed(Conflict):
    """What is on sale now costs more than the buyer has agreed to."""

    code = "purchase.dearer_than_agreed"
    message = N_("This would cost more now than you agreed to. Look at the offers again; nothing was bought.")


class ChoiceUnfit(Invalid):
    """Listings that do not add up to the order, or too many of them."""

    code = "purchase.choice_unfit"
    message = N_("Choose at most 50 listings whose tonnes add up to %(asked_t)s t.")


@dataclass(frozen=True, kw_only=True)
class EventOrder:
    """So many tonnes of a listing for one named event; `beneficiary` None: in the buyer's own name."""

    listing: str
    quantity_t: Tonnes
    event_name: str
    held_on: date
    place: str
    beneficiary: str | None

    @property
    def fingerprint(self) -> str:
        """What makes this order the same as one that was sent before."""
        body = {name: None if given is None else str(given) for name, given in vars(self).items()}
        return idempotency.fingerprint("POST", "event purchase", body)


@dataclass(frozen=True, kw_only=True)
class CoverOrder:
    """So many tonnes for an event of one's own.

    `chosen` is tonnes by listing; empty: the cheapest that the desk finds, for at most `most_fen` in all.
    """

    event: str
    quantity_t: Tonnes
    chosen: Mapping[str, int]
    most_fen: int | None = None
    beneficiary: str | None = None

    @property
    def fingerprint(self) -> str:
        """What makes this order the same as one that was sent before."""
        chosen = {number: str(quantity_t) for number, quantity_t in self.chosen.items()}
        plain = [self.event, str(self.quantity_t), chosen, str(self.most_fen), self.beneficiary]
        return idempotency.fingerprint("POST", "event cover", plain)


Order = EventOrder | CoverOrder


@dataclass(frozen=True)
class Reserved:
    """What an order reserved: its payment, its event, and the tonnes by listing."""

    payment: Payment
    event_id: int
    wanted: Mapping[str, int]


def reserve(work: Work, order: Order) -> Reserved:
    """Reserves the tonnes of an order for its event; refuses what offsets, listings and events refuse."""
    return _named(work, order) if isinstance(order, EventOrder) else _ordered(work, order)


def wish_for(reader: Reader, event: events.Event) -> Wish:
    """All that an event is missing and that is not ordered yet; refuses what may not be offset now."""
    missing_t = offsets.may_offset(reader, event).missing_t - covers.under_way_t(reader, event.id)
    if missing_t < 1:
        raise offsets.NothingMissing
    return Wish(quantity_t=missing_t)


def offers(reader: Reader, event: events.Event, wish: Wish | None = None) -> desk.Told:
    """What the desk finds for an event: for all that is missing, or for a wish of one's own."""
    return desk.ask(reader, wish or wish_for(reader, event), buyer_id=event.organiser_id)


def _named(work: Work, order: EventOrder) -> Reserved:
    organiser_id = organiser_of(work)
    event_id = events.name_event(
        work, organiser_id=organiser_id, name=order.event_name, held_on=order.held_on, place=order.place
    )
    payment = clearing.buy(work, listing_number=order.listing, buyer_id=organiser_id, quantity_t=order.quantity_t)
    return Reserved(payment, event_id, {order.listing: int(order.quantity_t)})


def _ordered(work: Work, order: CoverOrder) -> Reserved:
    organiser_id = organiser_of(work)
    event = events.own(work, order.event, organiser_id, for_update=True)  # two orders at once wait for each other
    offsets.refuse_unless_fitting(work, event, int(order.quantity_t))
    wanted = _wanted(work, event, order)
    payment = clearing.buy_together(work, buyer_id=organiser_id, wanted=wanted)
    if order.most_fen is not None and payment.amount_fen > order.most_fen:
        raise DearerThanAgreed
    return Reserved(payment, event.id, {number: int(quantity_t) for number, quantity_t in wanted.items()})


def _wanted(work: Work, event: events.Event, order: CoverOrder) -> dict[str, Tonnes]:
    """Tonnes by listing: those chosen, or those of the cheapest portfolio."""
    if order.chosen:
        if len(order.chosen) > MOST_LISTINGS or sum(order.chosen.values()) != order.quantity_t:
            raise ChoiceUnfit(asked_t=int(order.quantity_t))
        return {number: Tonnes(quantity_t) for number, quantity_t in order.chosen.items()}
    found = offers(work, event, Wish(quantity_t=int(order.quantity_t))).answer.best
    if found.covered_t < order.quantity_t:
        raise NotEnoughOnSale(covered_t=found.covered_t, asked_t=int(order.quantity_t))
    return {line.lot: Tonnes(line.quantity_t) for line in found.lines}


def organiser_of(work: Work) -> int:
    """The organisation that orders."""
    assert work.actor.organisation_id is not None, "only somebody of an organisation buys"
    return work.actor.organisation_id


def act_of(reader: Reader, order: Order, reserved: Reserved) -> dict[str, Any]:
    """What a second person approves: the order with the listings that it takes, their prices and its total."""
    total_fen = int(reserved.payment.amount_fen)
    if isinstance(order, EventOrder):
        given = vars(order) | {"quantity_t": int(order.quantity_t), "held_on": order.held_on.isoformat()}
        return given | {"price_fen": listings.by_number(reader, order.listing).ask_fen, "total_fen": total_fen}
    prices = {number: listings.by_number(reader, number).ask_fen for number in reserved.wanted}
    return {
        "event": order.event,
        "quantity_t": int(order.quantity_t),
        "chosen": dict(reserved.wanted),
        "prices_fen": prices,
        "total_fen": total_fen,
        "beneficiary": order.beneficiary,
    }


def kind_of(order: Order) -> approvals.Kind:
    """The kind of approval that an order needs above the threshold."""
    return NEW_EVENT if isinstance(order, EventOrder) else OWN_EVENT


def subject_of(order: Order) -> str:
    """The public reference of what is ordered."""
    return order.listing if isinstance(order, EventOrder) else order.event


def order_of(act: Mapping[str, Any]) -> Order:
    """The order that an approved act says."""
    if "chosen" in act:
        return CoverOrder(
            event=act["event"],
            quantity_t=Tonnes(act["quantity_t"]),
            chosen=dict(act["chosen"]),
            beneficiary=act["beneficiary"],
        )
    return EventOrder(
        listing=act["listing"],
        quantity_t=Tonnes(act["quantity_t"]),
        event_name=act["event_name"],
        held_on=date.fromisoformat(act["held_on"]),
        place=act["place"],
        beneficiary=act["beneficiary"],
    )
