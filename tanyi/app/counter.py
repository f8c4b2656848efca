"""The counter: what the edge does when somebody buys, when the bank has news, and when a round is to be settled.

The bank is asked outside any transaction and its news comes through the signed webhook, also here where the bank is a
simulator in the same process. Everything may be called again and finishes what was begun.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import datetime

from market.trading import trades
from matching import rounds
from settlement import certificates, clearing, delivery, payments, retirement
from settlement.neutrality import offsets
from settlement.payments import Payment
from tanyi.app.installation import Installation
from tanyi.kernel.clock import system_clock
from tanyi.kernel.errors import Refusal
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Actor, Work

ACCEPTED, REFUSED = 200, 400
PATIENCE_S, LOOK_AGAIN_S = 3.0, 0.1


def hear(house: Installation, body: bytes, header: str) -> int:
    """The webhook: takes in one event of the bank; gives the HTTP status to answer with."""
    try:
        with house.open_work() as work:
            payments.receive(work, body=body, header=header, key=house.webhook_key)
    except Refusal:
        return REFUSED
    return ACCEPTED


def clear(house: Installation, now: datetime | None = None) -> int:
    """Lets the bank deliver its news, handles them, and settles what is funded; gives how many trades settled."""
    house.gateway.deliver(lambda body, header: hear(house, body, header), now=now or system_clock(), limit=10_000)
    clearing.handle_events(house.work_opener(), house.gateway)
    clearing.refund_late(house.work_opener(), house.gateway)
    return clearing.settle_funded(house.work_opener())


def purchase(house: Installation, *, actor: Actor, listing: str, buyer_id: int, quantity_t: Tonnes) -> Payment:
    """Buys from a listing: reserve, collect, settle. A declined payment gives the tonnes back at once."""
    with house.open_work(actor) as work:
        payment = clearing.buy(work, listing_number=listing, buyer_id=buyer_id, quantity_t=quantity_t)
    pay(house, actor=actor, payment=payment)
    return payment


def pay(house: Installation, *, actor: Actor, payment: Payment) -> None:
    """Collects a payment and settles what it pays for; may be called again and finishes what was begun."""
    try:
        payments.collect(house.gateway, payment)
    except payments.PaymentDeclined:
        payments.cancel(house.gateway, payment)
        with house.open_work(actor) as work:
            clearing.give_back(work, payment_id=payment.id)
        raise
    clear(house)


def collect(house: Installation, trade_ids: Sequence[int]) -> None:
    """Collects what was asked for these trades and has not come in, and settles what is funded."""
    with house.open_reader() as reader:
        asked = payments.uncollected(reader, trade_ids)
    for payment in asked:
        payments.collect(house.gateway, payment)
    clear(house)
    wait_until_settled(house, trade_ids)


def wait_until_settled(house: Installation, trade_ids: Sequence[int]) -> bool:
    """Looks again for a moment, and asks the bank itself: its news may be in the hands of a worker that has died."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not is_settled(house, trade_ids):
        if time.monotonic() > give_up_s:
            return False
        time.sleep(LOOK_AGAIN_S)
        with house.open_reader() as reader:
            waiting = payments.uncollected(reader, trade_ids)
        clearing.ask_the_bank(house.work_opener(), house.gateway, waiting)
        clear(house)
    return True


def is_settled(house: Installation, trade_ids: Sequence[int]) -> bool:
    """Whether each of these trades is delivered and paid."""
    with house.open_reader() as reader:
        return all(trade.settlement_id is not None for trade in trades.by_ids(reader, trade_ids))


def settle_round(house: Installation, number: str) -> None:
    """A published round to its end: payments, settlement in one transaction, retirement, certificates, payouts."""
    with house.open_work() as work:
        round_id = rounds.by_number(work, number).id
        clearing.ask_for_round(work, round_id=round_id)
        trade_ids = [trade.id for trade in trades.of_round(work, round_id)]
    collect(house, trade_ids)
    with house.open_work() as work:
        salts = [secrets.token_hex(16) for _ in trades.of_round(work, round_id)]
        clearing.retire_round(work, round_id=round_id, salts=salts, legal_effect=house.legal_effect)
    finish(house)


def finish(house: Installation) -> None:
    """Issues the certificates that are due and sends the payouts that are due."""
    with house.open_work() as work:
        certificates.issue_pending(work, key=house.signing_key)
    delivery.send_payouts(house.work_opener(), house.gateway)


def retire_for_event(
    house: Installation, *, actor: Actor, trade_ids: list[int], event_id: int, beneficiary: str | None
) -> str:
    """Retires what these trades brought for an event and certifies it; gives the retirement's number."""
    with house.open_work(actor) as work:
        number = retire_bought(
            work, trade_ids=trade_ids, event_id=event_id, beneficiary=beneficiary, legal_effect=house.legal_effect
        )
    finish(house)
    return number


def retire_bought(
    work: Work, *, trade_ids: Sequence[int], event_id: int, beneficiary: str | None, legal_effect: str | None
) -> str:
    """Retires what these trades brought for an event of the actor's organisation; gives the retirement's number."""
    assert work.actor.organisation_id is not None, "only somebody of an organisation buys"
    order = retirement.Order(
        holder_id=work.actor.organisation_id,
        purpose="VOLUNTARY_EVENT",
        parts=clearing.parts_of(work, trades.by_ids(work, trade_ids)),
        salt=secrets.token_hex(16),
        event_id=event_id,
        beneficiary=beneficiary,
    )
    (retired,) = retirement.retire(work, orders=[order], legal_effect=legal_effect)
    offsets.note_retired(work, event_id=event_id)
    return retirement.by_id(work, retired).number
