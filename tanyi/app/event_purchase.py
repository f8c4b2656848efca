"""Buying for an event: one order, from the reservation to the certificate, however often it is sent.

Reserving the tonnes and naming the event is one transaction, so a nameless event costs nothing; the bank is asked
outside any transaction; retiring is another one. The key of the order is kept with both, so that a form sent twice, or
again after the bank was silent, finishes the first order instead of making a second one. Above the threshold nothing is
reserved: the order waits for a second person, and the approval carries it out as it was prepared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from market.trading import listings
from settlement import clearing, payments
from settlement.neutrality import events
from tanyi.app import counter, second_person
from tanyi.app.installation import Installation
from tanyi.kernel import approvals, idempotency
from tanyi.kernel.approvals import Approved
from tanyi.kernel.errors import N_, Conflict, Unavailable
from tanyi.kernel.quantities import Money, Tonnes, cost_fen
from tanyi.kernel.work import Actor, Work

DONE: Final = 303
KIND: Final = approvals.Kind("purchase.event")


class PriceChanged(Conflict):
    """The listing asks for another price than the one that was prepared."""

    code = "purchase.price_changed"
    message = N_("The price has changed since this purchase was prepared. Nothing was bought.")


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

    Refuses what listings, events and the bank refuse; a declined payment gives the tonnes back at once. Above the threshold
    it prepares an approval instead and refuses with `WaitsForSecondPerson`, whose fact `approval` is its number.
    """
    with house.open_work(actor) as work:
        begun = _begun(work, order, key)
    if "approval" in begun:
        raise second_person.WaitsForSecondPerson(approval=begun["approval"])
    return _completed(house, actor, order, key, begun)


def begin_approved(work: Work, approved: Approved) -> None:
    """Reserves the tonnes of an approved order and names its event, in the transaction of the approval."""
    order, key = order_of(approved.act), key_of(approved.number)
    if listings.by_number(work, order.listing).ask_fen != approved.act["price_fen"]:
        raise PriceChanged
    begun = _reserve(work, order)
    idempotency.keep_answer(work, key=key, request=order.fingerprint, answer=begun, status=DONE)


def complete_approved(house: Installation, *, actor: Actor, number: str, act: Mapping[str, Any]) -> str:
    """Pays and retires what an approval has begun; gives the retirement's number. May be repeated."""
    order, key = order_of(act), key_of(number)
    with house.open_work(actor) as work:
        begun = idempotency.known_answer(work, key=key, request=order.fingerprint)
    assert begun is not None, "an approved purchase has reserved its tonnes"
    return _completed(house, actor, order, key, begun)


def key_of(number: str) -> str:
    """The key under which an approval's purchase is made once."""
    return idempotency.fingerprint("APPROVED", "event purchase", number)


def act_of(order: EventOrder, price_fen: Money, total_fen: Money) -> dict[str, Any]:
    """What a second person approves: the order with its price and its total."""
    given = vars(order) | {"quantity_t": int(order.quantity_t), "held_on": order.held_on.isoformat()}
    return given | {"price_fen": int(price_fen), "total_fen": int(total_fen)}


def order_of(act: Mapping[str, Any]) -> EventOrder:
    """The order that an approved act says."""
    return EventOrder(
        listing=act["listing"],
        quantity_t=Tonnes(act["quantity_t"]),
        event_name=act["event_name"],
        held_on=date.fromisoformat(act["held_on"]),
        place=act["place"],
        beneficiary=act["beneficiary"],
    )


def _begun(work: Work, order: EventOrder, key: str) -> dict[str, Any]:
    """Reserves and names the event, or asks a second person, or finds that this order did so before."""
    known = idempotency.known_answer(work, key=key, request=order.fingerprint)
    if known is not None:
        return known
    second_person.refuse_unless_may_buy(work.actor)
    price_fen = Money(listings.by_number(work, order.listing).ask_fen)
    total_fen = cost_fen(price_fen, order.quantity_t)
    if second_person.needs_second_person(work, _organiser(work), int(total_fen)):
        begun = {"approval": _asked(work, order, act_of(order, price_fen, total_fen))}
    else:
        begun = _reserve(work, order)
    idempotency.keep_answer(work, key=key, request=order.fingerprint, answer=begun, status=DONE)
    return begun


def _asked(work: Work, order: EventOrder, act: Mapping[str, Any]) -> str:
    """Prepares an order for a second person, after it was tried: what cannot be bought now is refused now."""
    happened = len(work.happenings)
    with work.session.begin_nested() as trial:
        _reserve(work, order)
        trial.rollback()
    del work.happenings[happened:]
    return approvals.ask(work, kind=KIND, organisation_id=_organiser(work), subject=order.listing, act=act).number


def _reserve(work: Work, order: EventOrder) -> dict[str, Any]:
    event_id = events.name_event(
        work, organiser_id=_organiser(work), name=order.event_name, held_on=order.held_on, place=order.place
    )
    payment = clearing.buy(work, listing_number=order.listing, buyer_id=_organiser(work), quantity_t=order.quantity_t)
    return {"payment": payment.id, "event": event_id}


def _organiser(work: Work) -> int:
    assert work.actor.organisation_id is not None, "only somebody of an organisation buys"
    return work.actor.organisation_id


def _completed(house: Installation, actor: Actor, order: EventOrder, key: str, begun: Mapping[str, Any]) -> str:
    """Pays, waits until it is settled, retires and certifies."""
    with house.open_reader() as reader:
        payment = payments.by_id(reader, begun["payment"])
        trade_ids = payments.trades_of(reader, [payment.id])
    if not counter.is_settled(house, trade_ids):
        counter.pay(house, actor=actor, payment=payment)
    if not counter.wait_until_settled(house, trade_ids):
        raise NotYetPaid
    with house.open_work(actor) as work:
        number = _retired(work, house, order, key, begun["event"], trade_ids)
    counter.finish(house)
    return number


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
