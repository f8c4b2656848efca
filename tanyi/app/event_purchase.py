"""Buying for an event: one order, from the reservation to the certificate, however often it is sent.

Reserving the tonnes (and naming the event, where it is new) is one transaction, so an order that is refused costs nothing;
the bank is asked outside any transaction; retiring is another one. The key of the order is kept with both, so that a form
sent twice, or again after the bank was silent, finishes the first order instead of making a second one.

`cover` is for an event that stands in the books: it may take several listings at once, those that were chosen or those
that the desk's optimiser finds, pays them with one payment, and takes no more than is missing. `buy_and_retire` takes one
listing and names a new event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from matching import desk
from matching.wish import Wish
from settlement import clearing, payments
from settlement.neutrality import covers, events, offsets
from settlement.payments import Payment
from tanyi.app import counter
from tanyi.app.installation import Installation
from tanyi.kernel import idempotency
from tanyi.kernel.errors import N_, Conflict, Invalid, Unavailable
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Actor, Reader, Work

DONE = 303
MOST_LISTINGS = 50


class NotYetPaid(Unavailable):
    """The bank has taken the order and not confirmed it yet: the tonnes stay reserved."""

    code = "purchase.not_yet_paid"
    message = N_("The bank has not confirmed the payment yet. Your tonnes stay reserved; send the form again shortly.")


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


def buy_and_retire(house: Installation, *, actor: Actor, order: EventOrder, key: str) -> str:
    """Buys, pays, retires for a new event and certifies; gives the number of the retirement.

    Refuses what listings, events and the bank refuse; a declined payment gives the tonnes back at once.
    """
    return _carry_out(house, actor, order, key, lambda work: _named(work, order))


def cover(house: Installation, *, actor: Actor, order: CoverOrder, key: str) -> str:
    """Buys from one or more listings, pays, retires for an own event and certifies; gives the retirement's number.

    Refuses what offsets, listings and the bank refuse; a declined payment gives all tonnes back at once.
    """
    return _carry_out(house, actor, order, key, lambda work: _ordered(work, order))


def wish_for(reader: Reader, event: events.Event) -> Wish:
    """All that an event is missing and that is not ordered yet; refuses what may not be offset now."""
    missing_t = offsets.may_offset(reader, event).missing_t - covers.under_way_t(reader, event.id)
    if missing_t < 1:
        raise offsets.NothingMissing
    return Wish(quantity_t=missing_t)


def offers(reader: Reader, event: events.Event, wish: Wish | None = None) -> desk.Told:
    """What the desk finds for an event: for all that is missing, or for a wish of one's own."""
    return desk.ask(reader, wish or wish_for(reader, event), buyer_id=event.organiser_id)


def _carry_out(
    house: Installation,
    actor: Actor,
    order: EventOrder | CoverOrder,
    key: str,
    reserve: Callable[[Work], tuple[Payment, int]],
) -> str:
    with house.open_work(actor) as work:
        begun = _begun(work, order, key, reserve)
        payment = payments.by_id(work, begun["payment"])
        trade_ids = payments.trades_of(work, [payment.id])
    if not counter.is_settled(house, trade_ids):
        counter.pay(house, actor=actor, payment=payment)
    if not counter.wait_until_settled(house, trade_ids):
        raise NotYetPaid
    with house.open_work(actor) as work:
        number = _retired(work, house, order, key, begun)
    counter.finish(house)
    return number


def _begun(
    work: Work, order: EventOrder | CoverOrder, key: str, reserve: Callable[[Work], tuple[Payment, int]]
) -> dict[str, Any]:
    """Reserves for the event, or finds that this order did so before.

    A purchase that needs a second signature asks for it here, before anything is reserved.
    """
    known = idempotency.known_answer(work, key=key, request=order.fingerprint)
    if known is not None:
        return known
    payment, event_id = reserve(work)
    covers.begin(work, event_id=event_id, payment_id=payment.id, beneficiary=order.beneficiary)
    begun = {"payment": payment.id, "event": event_id}
    idempotency.keep_answer(work, key=key, request=order.fingerprint, answer=begun, status=DONE)
    return begun


def _named(work: Work, order: EventOrder) -> tuple[Payment, int]:
    organiser_id = _organiser_id(work)
    event_id = events.name_event(
        work, organiser_id=organiser_id, name=order.event_name, held_on=order.held_on, place=order.place
    )
    payment = clearing.buy(work, listing_number=order.listing, buyer_id=organiser_id, quantity_t=order.quantity_t)
    return payment, event_id


def _ordered(work: Work, order: CoverOrder) -> tuple[Payment, int]:
    organiser_id = _organiser_id(work)
    event = events.own(work, order.event, organiser_id, for_update=True)  # two orders at once wait for each other
    offsets.refuse_unless_fitting(work, event, int(order.quantity_t))
    payment = clearing.buy_together(work, buyer_id=organiser_id, wanted=_wanted(work, event, order))
    if order.most_fen is not None and payment.amount_fen > order.most_fen:
        raise DearerThanAgreed
    return payment, event.id


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


def _organiser_id(work: Work) -> int:
    assert work.actor.organisation_id is not None, "only somebody of an organisation buys"
    return work.actor.organisation_id


def _retired(
    work: Work, house: Installation, order: EventOrder | CoverOrder, key: str, begun: Mapping[str, Any]
) -> str:
    """Retires what was bought, or finds that this order did so before."""
    second = idempotency.fingerprint("RETIRE", "event purchase", key)  # as long as a key may be, whatever `key` is
    known = idempotency.known_answer(work, key=second, request=order.fingerprint)
    if known is not None:
        return str(known["retirement"])
    number = counter.retire_bought(
        work,
        trade_ids=payments.trades_of(work, [begun["payment"]]),
        event_id=begun["event"],
        beneficiary=order.beneficiary,
        legal_effect=house.legal_effect,
    )
    covers.end(work, payment_id=begun["payment"], retirement_number=number)
    answer = {"retirement": number}
    idempotency.keep_answer(work, key=second, request=order.fingerprint, answer=answer, status=DONE)
    return number
