"""Buying for an event: one order, from the reservation to the certificate, however often it is sent.

Reserving the tonnes (and naming the event, where it is new) is one transaction, so an order that is refused costs nothing;
the bank is asked outside any transaction; retiring is another one. The key of the order is kept with both, so that a form
sent twice, or again after the bank was silent, finishes the first order instead of making a second one. Above the threshold
nothing is reserved: the order waits for a second person, and the approval carries it out as it was prepared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from settlement import payments
from settlement.neutrality import covers
from tanyi.app import counter, event_orders, second_person
from tanyi.app.event_orders import CoverOrder, EventOrder, Order, Reserved
from tanyi.app.installation import Installation
from tanyi.kernel import approvals, idempotency
from tanyi.kernel.approvals import Approved
from tanyi.kernel.errors import N_, Conflict, Unavailable
from tanyi.kernel.work import Actor, Work

DONE: Final = 303


class PriceChanged(Conflict):
    """The listings ask for another price than the one that was prepared."""

    code = "purchase.price_changed"
    message = N_("The price has changed since this purchase was prepared. Nothing was bought.")


class NotYetPaid(Unavailable):
    """The bank has taken the order and not confirmed it yet: the tonnes stay reserved."""

    code = "purchase.not_yet_paid"
    message = N_("The bank has not confirmed the payment yet. Your tonnes stay reserved; send the form again shortly.")


def buy_and_retire(house: Installation, *, actor: Actor, order: EventOrder, key: str) -> str:
    """Buys, pays, retires for a new event and certifies; gives the number of the retirement.

    Refuses what listings, events and the bank refuse; a declined payment gives the tonnes back at once. Above the threshold
    it prepares an approval instead and refuses with `WaitsForSecondPerson`, whose fact `approval` is its number.
    """
    return _carry_out(house, actor, order, key)


def cover(house: Installation, *, actor: Actor, order: CoverOrder, key: str) -> str:
    """Buys from one or more listings, pays, retires for an own event and certifies; gives the retirement's number.

    Refuses what offsets, listings and the bank refuse; a declined payment gives all tonnes back at once. Above the
    threshold it asks a second person, as `buy_and_retire` does.
    """
    return _carry_out(house, actor, order, key)


def begin_approved(work: Work, approved: Approved) -> None:
    """Reserves the tonnes of an approved order for its event, in the transaction of the approval."""
    order, key = event_orders.order_of(approved.act), key_of(approved.number)
    reserved = event_orders.reserve(work, order)
    if reserved.payment.amount_fen != approved.act["total_fen"]:
        raise PriceChanged
    begun = _noted(work, order, reserved)
    idempotency.keep_answer(work, key=key, request=order.fingerprint, answer=begun, status=DONE)


def complete_approved(house: Installation, *, actor: Actor, number: str, act: Mapping[str, Any]) -> str:
    """Pays and retires what an approval has begun; gives the retirement's number. May be repeated."""
    order, key = event_orders.order_of(act), key_of(number)
    with house.open_work(actor) as work:
        begun = idempotency.known_answer(work, key=key, request=order.fingerprint)
    assert begun is not None, "an approved purchase has reserved its tonnes"
    return _completed(house, actor, order, key, begun)


def key_of(number: str) -> str:
    """The key under which an approval's purchase is made once."""
    return idempotency.fingerprint("APPROVED", "event purchase", number)


def _carry_out(house: Installation, actor: Actor, order: Order, key: str) -> str:
    with house.open_work(actor) as work:
        begun = _begun(work, order, key)
    if "approval" in begun:
        raise second_person.WaitsForSecondPerson(approval=begun["approval"])
    return _completed(house, actor, order, key, begun)


def _begun(work: Work, order: Order, key: str) -> dict[str, Any]:
    """Reserves for the event, or asks a second person, or finds that this order did so before.

    Reserving is tried in either case: what cannot be bought now is refused now, and only then is its price known.
    """
    known = idempotency.known_answer(work, key=key, request=order.fingerprint)
    if known is not None:
        return known
    second_person.refuse_unless_may_buy(work.actor)
    organiser_id, happened = event_orders.organiser_of(work), len(work.happenings)
    act: dict[str, Any] | None = None
    begun: dict[str, Any] = {}
    with work.session.begin_nested() as trial:
        reserved = event_orders.reserve(work, order)
        if second_person.needs_second_person(work, organiser_id, int(reserved.payment.amount_fen)):
            act = event_orders.act_of(work, order, reserved)
            trial.rollback()
        else:
            begun = _noted(work, order, reserved)
    if act is not None:
        del work.happenings[happened:]
        kind, subject = event_orders.kind_of(order), event_orders.subject_of(order)
        asked = approvals.ask(work, kind=kind, organisation_id=organiser_id, subject=subject, act=act)
        begun = {"approval": asked.number}
    idempotency.keep_answer(work, key=key, request=order.fingerprint, answer=begun, status=DONE)
    return begun


def _noted(work: Work, order: Order, reserved: Reserved) -> dict[str, Any]:
    covers.begin(work, event_id=reserved.event_id, payment_id=reserved.payment.id, beneficiary=order.beneficiary)
    return {"payment": reserved.payment.id, "event": reserved.event_id}


def _completed(house: Installation, actor: Actor, order: Order, key: str, begun: Mapping[str, Any]) -> str:
    """Pays, waits until it is settled, retires and certifies."""
    with house.open_reader() as reader:
        payment = payments.by_id(reader, begun["payment"])
        trade_ids = payments.trades_of(reader, [payment.id])
    if not counter.is_settled(house, trade_ids):
        counter.pay(house, actor=actor, payment=payment)
    if not counter.wait_until_settled(house, trade_ids):
        raise NotYetPaid
    with house.open_work(actor) as work:
        number = _retired(work, house, order, key, begun)
    counter.finish(house)
    return number


def _retired(work: Work, house: Installation, order: Order, key: str, begun: Mapping[str, Any]) -> str:
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
