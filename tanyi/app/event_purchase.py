"""Buying for an event: one order, from the reservation to the certificate, however often it is sent.

Reserving the tonnes and naming the event is one transaction, so a nameless event costs nothing; the bank is asked
outside any transaction; retiring is another one. The key of the order is kept with both, so that a form sent twice, or
again after the bank was silent, finishes the first order instead of making a second one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from settlement import clearing, payments
from settlement.neutrality import events
from tanyi.app import counter
from tanyi.app.installation import Installation
from tanyi.kernel import idempotency
from tanyi.kernel.errors import N_, Unavailable
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Actor, Work

DONE = 303


class NotYetPaid(Unavailable):
    """The bank has taken the order and not confirmed it yet: the tonnes stay reserved."""

    code = "purchase.not_yet_paid"
    message = N_("The bank has not confirmed the payment yet. Your tonnes stay reserved; send the form again shortly.")


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


def buy_and_retire(house: Installation, *, actor: Actor, order: EventOrder, key: str) -> str:
    """Buys, pays, retires for the event and certifies; gives the number of the retirement.

    Refuses what listings, events and the bank refuse; a declined payment gives the tonnes back at once.
    """
    with house.open_work(actor) as work:
        begun = _reserved(work, order, key)
        payment = payments.by_id(work, begun["payment"])
        trade_ids = payments.trades_of(work, [payment.id])
    if not counter.is_settled(house, trade_ids):
        counter.pay(house, actor=actor, payment=payment)
    if not counter.wait_until_settled(house, trade_ids):
        raise NotYetPaid
    with house.open_work(actor) as work:
        number = _retired(work, house, order, key, begun["event"], trade_ids)
    counter.finish(house)
    return number


def _reserved(work: Work, order: EventOrder, key: str) -> dict[str, Any]:
    """Reserves and names the event, or finds that this order did so before."""
    known = idempotency.known_answer(work, key=key, request=order.fingerprint)
    if known is not None:
        return known
    organiser_id = work.actor.organisation_id
    assert organiser_id is not None, "only somebody of an organisation buys"
    event_id = events.name_event(
        work, organiser_id=organiser_id, name=order.event_name, held_on=order.held_on, place=order.place
    )
    payment = clearing.buy(work, listing_number=order.listing, buyer_id=organiser_id, quantity_t=order.quantity_t)
    begun = {"payment": payment.id, "event": event_id}
    idempotency.keep_answer(work, key=key, request=order.fingerprint, answer=begun, status=DONE)
    return begun


def _retired(
    work: Work, house: Installation, order: EventOrder, key: str, event_id: int, trade_ids: Sequence[int]
) -> str:
    """Retires what was bought, or finds that this order did so before."""
    second = idempotency.fingerprint("RETIRE", "event purchase", key)  # as long as a key may be, whatever `key` is
    known = idempotency.known_answer(work, key=second, request=order.fingerprint)
    if known is not None:
        return str(known["retirement"])
    number = counter.retire_bought(
        work,
        trade_ids=trade_ids,
        event_id=event_id,
        beneficiary=order.beneficiary,
        legal_effect=house.legal_effect,
    )
    answer = {"retirement": number}
    idempotency.keep_answer(work, key=second, request=order.fingerprint, answer=answer, status=DONE)
    return number
