"""What drives settlement: payments are collected, events are heard and handled, funded trades are settled.

Every function here may be called again after a crash and finishes what was begun: the gateway's keys make a repetition
harmless, events are handled once, and a trade settles once. A purchase settles by itself as soon as it is funded; a
round waits until all its trades are, and then settles whole, in one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from market.trading import bids, listings, trades
from market.trading.trades import Trade
from settlement import delivery, payments, retirement
from settlement.gateway.sdk import Gateway
from settlement.payments import WorkOpener
from settlement.tables import Payment
from tanyi.kernel.errors import Conflict
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks

log = logging.getLogger(__name__)
OF_A_PAYMENT = ("payment_intent.", "charge.", "refund.")


def buy(work: Work, *, listing_number: str, buyer_id: int, quantity_t: Tonnes) -> Payment:
    """A purchase from a listing at its price: the tonnes are reserved and the buyer is asked to pay."""
    return buy_together(work, buyer_id=buyer_id, wanted={listing_number: quantity_t})


def buy_together(work: Work, *, buyer_id: int, wanted: Mapping[str, Tonnes]) -> Payment:
    """One purchase from several listings at their prices, all or none: tonnes by listing, paid by one payment."""
    if not wanted or any(quantity_t < 1 for quantity_t in wanted.values()):
        raise listings.NothingOffered
    offers = [listings.on_sale_or_refuse(work, number=number) for number in sorted(wanted)]  # one order of locks
    deals = [trades.Deal(offer.id, buyer_id, int(wanted[offer.number]), offer.ask_fen) for offer in offers]
    made = trades.record(work, deals=deals)
    for offer in offers:
        listings.close_if_empty(work, listing_id=offer.id)
    return payments.ask(work, trade_ids=made)


def give_back(work: Work, *, payment_id: int) -> None:
    """Ends the trades of a payment that was cancelled at the gateway; their tonnes are on sale again."""
    ended = trades.by_ids(work, payments.trades_of(work, [payment_id]))
    trades.advance(work, trade_ids=[trade.id for trade in ended], was="RESERVED", to="EXPIRED")
    for trade in ended:
        listings.reopen(work, listing_id=trade.listing_id)
        blocks.release(work, trade_id=trade.id, listing_id=trade.listing_id)
    work.record("trades.expired", trades=str(len(ended)))


def ask_for_round(work: Work, *, round_id: int) -> list[Payment]:
    """Asks each buyer of a round once, for all its trades together."""
    waiting = trades.unpaid_of_round(work, round_id)
    open_ids = set(payments.unpaid(work, [trade.id for trade in waiting]))
    by_buyer: dict[int, list[int]] = {}
    for trade in waiting:
        if trade.id in open_ids:
            by_buyer.setdefault(trade.buyer_id, []).append(trade.id)
    return [payments.ask(work, trade_ids=trade_ids) for trade_ids in by_buyer.values()]


def handle_events(open_work: WorkOpener, gateway: Gateway) -> int:
    """Handles what the webhook has taken in: reads each intent again and applies it; gives how many events."""
    with open_work() as work:
        waiting = payments.unhandled(work)
    handled = 0
    for event, kind, subject in waiting:
        try:
            _handle(open_work, gateway, event, subject if kind.startswith(OF_A_PAYMENT) else None)
            handled += 1
        except Conflict as odd:  # it stays in the inbox, and those behind it do not wait for it
            log.warning("event %s cannot be applied: %s", event, odd)
    return handled


def _handle(open_work: WorkOpener, gateway: Gateway, event: str, intent_id: str | None) -> None:
    with payments.refusals_of_the_bank():
        intent = gateway.retrieve(intent_id) if intent_id else None
    with open_work() as work:
        if intent is not None:
            payments.apply(work, intent=intent)
        payments.note_handled(work, event=event)


def ask_the_bank(open_work: WorkOpener, gateway: Gateway, waiting: Sequence[Payment]) -> None:
    """Applies what the bank says of payments whose news is late; when it comes in the end it changes nothing."""
    for payment in waiting:
        with payments.refusals_of_the_bank():
            known = gateway.list_payment_intents(metadata={"payment": payment.number})
        for intent in known:
            with open_work() as work:
                payments.apply(work, intent=intent)


def refund_late(open_work: WorkOpener, gateway: Gateway) -> int:
    """Gives back what was paid for trades that had ended by then; gives how many payments."""
    with open_work() as work:
        late = payments.too_late(work)
    for payment in late:
        payments.refund(gateway, payment)
    return len(late)


def settle_funded(open_work: WorkOpener) -> int:
    """Settles every funded purchase, and every round whose trades are all funded; gives how many trades.

    Each stands in a transaction of its own: one whose money was taken back again holds up no other.
    """
    with open_work() as work:
        ready = trades.funded(work)
    settled = 0
    for key in dict.fromkeys(_settled_with(trade) for trade in ready):
        try:
            with open_work() as work:
                settled += _settle_together(work, key)
        except Conflict as odd:
            log.warning("trades %s cannot be settled: %s", key, odd)
    return settled


def _settled_with(trade: Trade) -> tuple[str, int]:
    """What a trade settles together with: its round, or only itself."""
    return ("purchase", trade.id) if trade.round_id is None else ("round", trade.round_id)


def _settle_together(work: Work, key: tuple[str, int]) -> int:
    kind, number = key
    if kind == "round" and trades.unpaid_of_round(work, number):
        return 0
    together = [trade.id for trade in trades.funded(work) if _settled_with(trade) == key]
    delivery.settle(work, trade_ids=together)
    return len(together)


def retire_round(work: Work, *, round_id: int, salts: Sequence[str], legal_effect: str | None) -> list[int]:
    """Retires the settled tonnes of a round's compliance bids, each for the duty that its bid names."""
    bought: dict[int, list[Trade]] = {}
    for trade in trades.of_round(work, round_id):
        if trade.bid_id is not None and trade.settlement_id is not None:
            bought.setdefault(trade.bid_id, []).append(trade)
    asked = bids.by_ids(work, bought)
    retired = {row.bid_id for row in retirement.of_bids(work, asked)}
    due = [bid for bid in asked.values() if bid.obligation_id is not None and bid.id not in retired]
    orders = [
        retirement.Order(
            holder_id=bid.buyer_id,
            purpose=retirement.purpose_of(work, bid.obligation_id),
            parts=parts_of(work, bought[bid.id]),
            salt=salt,
            obligation_id=bid.obligation_id,
            bid_id=bid.id,
        )
        for bid, salt in zip(due, salts, strict=False)
        if bid.obligation_id is not None
    ]
    return retirement.retire(work, orders=orders, legal_effect=legal_effect)


def parts_of(reader: Reader, bought: Sequence[Trade]) -> Mapping[int, int]:
    """Tonnes by issuance of some trades."""
    offers = listings.by_ids(reader, {trade.listing_id for trade in bought})
    parts: dict[int, int] = {}
    for trade in bought:
        issuance_id = offers[trade.listing_id].issuance_id
        parts[issuance_id] = parts.get(issuance_id, 0) + trade.quantity_t
    return parts
