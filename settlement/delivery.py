"""Delivery versus payment (银货对付): both legs of every trade in one local transaction, or neither.

Escrow pays the seller's account, the tonnes go to the buyer, the payout is written down: for one retail trade or for a
whole round in a handful of statements. The database refuses a settlement without its reserved tonnes or its exact
price, and a holder's change without a settlement.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select, update

from market.trading import trades
from market.trading.trades import Trade
from settlement import payments
from settlement.gateway.sdk import Gateway
from settlement.payments import WorkOpener, escrow_of
from settlement.tables import Payout, Settlement
from tanyi.kernel import notices, parties
from tanyi.kernel.quantities import Money
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks, transfers


def settle(work: Work, *, trade_ids: Sequence[int]) -> None:
    """Settles funded trades: money and tonnes change hands together."""
    if not trade_ids:
        return
    ready = trades.by_ids(work, trade_ids)
    paid_by = payments.payments_of(work, trade_ids)
    owed = {trade.seller_id: payable_of(trade.seller_id) for trade in ready}
    transfers.open_accounts(work, accounts=[(code, "PAYABLE", seller) for seller, code in owed.items()])
    movements = [
        transfers.Movement(
            escrow_of(paid_by[trade.id]), owed[trade.seller_id], trades.amount_fen(trade), "delivery", trade.number
        )
        for trade in ready
    ]
    moved = transfers.move(work, movements=movements)
    rows = [_row(work, trade, paid_by[trade.id].id, leg) for trade, leg in zip(ready, moved, strict=True)]
    work.session.execute(insert(Settlement), rows)
    trades.advance(work, trade_ids=[trade.id for trade in ready], was="FUNDED", to="SETTLED")
    blocks.deliver(work, trades=[(trade.id, trade.buyer_id) for trade in ready])
    _write_payouts(work, ready, {trade.id: paid_by[trade.id].number for trade in ready})
    total_fen = sum((m.amount_fen for m in movements), Money(0))
    work.record("trades.settled", trades=str(len(ready)), amount_fen=str(int(total_fen)))
    _tell_buyers(work, ready, {trade.id: paid_by[trade.id].number for trade in ready})


def _row(work: Work, trade: Trade, payment_id: int, transfer_id: int) -> dict[str, object]:
    legs = {"payment_id": payment_id, "transfer_id": transfer_id}
    return {"trade_id": trade.id, "buyer_id": trade.buyer_id, "settled_at": work.now, **legs}


def _tell_buyers(work: Work, settled: Sequence[Trade], payment_of: dict[int, str]) -> None:
    """One notice for each payment: what it paid for has been delivered."""
    by_payment: dict[tuple[str, int], list[Trade]] = {}
    for trade in settled:
        by_payment.setdefault((payment_of[trade.id], trade.buyer_id), []).append(trade)
    notes = [
        notices.Note(
            organisation_id=buyer_id,
            kind="purchase.settled",
            address="/my",
            facts={
                "payment": number,
                "bought_t": sum(trade.quantity_t for trade in paid_for),
                "amount_fen": sum(int(trades.amount_fen(trade)) for trade in paid_for),
            },
        )
        for (number, buyer_id), paid_for in by_payment.items()
    ]
    notices.tell(work, notes=notes)


def payable_of(seller_id: int) -> str:
    """The account of what a seller is owed."""
    return f"payable:{seller_id}"


def _write_payouts(work: Work, settled: Sequence[Trade], payment_of: dict[int, str]) -> None:
    """One payout for each payment and seller, written with the settlement that it comes from."""
    sums: dict[tuple[str, int], Money] = {}
    for trade in settled:
        key = (payment_of[trade.id], trade.seller_id)
        sums[key] = sums.get(key, Money(0)) + trades.amount_fen(trade)
    rows = [
        {"reference": f"{number}:{seller_id}", "seller_id": seller_id, "amount_fen": int(total), "state": "PENDING"}
        for (number, seller_id), total in sums.items()
    ]
    work.session.execute(insert(Payout), rows)


def send_payouts(open_work: WorkOpener, gateway: Gateway) -> int:
    """Sends what is owed to sellers through the gateway, each once whatever fails; gives how many were sent."""
    with open_work() as work:
        query = select(Payout).where(Payout.state == "PENDING").order_by(Payout.id)
        waiting = [(row, payee) for row, payee in _with_payees(work, list(work.session.scalars(query)))]
    sent_count = 0
    for payout, payee in waiting:
        with payments.refusals_of_the_bank():
            sent = gateway.create_payout(
                amount_fen=payout.amount_fen,
                destination=f"ba_{payee.code}",
                metadata={"payout": payout.reference},
                idempotency_key=f"payout:{payout.reference}",
            )
        if not sent.has_failed:  # one that failed left the bank's balance untouched: it stays owed here too
            with open_work() as work:
                _note_sent(work, payout, sent.id)
            sent_count += 1
    return sent_count


def _with_payees(work: Work, waiting: list[Payout]) -> list[tuple[Payout, parties.Organisation]]:
    payees = parties.organisations(work, {row.seller_id for row in waiting})
    return [(row, payees[row.seller_id]) for row in waiting]


def _note_sent(work: Work, payout: Payout, sent_as: str) -> None:
    pending = update(Payout).where(Payout.id == payout.id, Payout.state == "PENDING")
    if work.session.scalar(pending.values(state="SENT", sent_as=sent_as).returning(Payout.id)) is None:
        return  # another worker was faster; the key made the gateway send it once all the same
    movement = transfers.Movement(
        payable_of(payout.seller_id), transfers.BANK, Money(payout.amount_fen), "payout", sent_as
    )
    transfers.move(work, movements=[movement])
    work.record("payout.sent", payout=payout.reference, amount_fen=str(payout.amount_fen))


def received_fen(reader: Reader, seller_id: int) -> Money:
    """What was paid out to a seller so far."""
    query = select(Payout.amount_fen).where(Payout.seller_id == seller_id, Payout.state == "SENT")
    return sum((Money(amount) for amount in reader.session.scalars(query)), Money(0))


def settled_at(reader: Reader, trade_ids: Sequence[int]) -> dict[int, datetime]:
    """When each of these trades was settled."""
    query = select(Settlement.trade_id, Settlement.settled_at).where(Settlement.trade_id.in_(trade_ids))
    return {row[0]: row[1] for row in reader.session.execute(query)}


CHECKS = {
    "a_settled_trade_has_both_legs": """
        SELECT t.number FROM trading_trade t LEFT JOIN settlement_settlement s ON s.trade_id = t.id
        LEFT JOIN ledger_transfer m ON m.id = s.transfer_id
        WHERE (t.state = 'SETTLED') <> (s.trade_id IS NOT NULL)
           OR (s.trade_id IS NOT NULL AND m.amount_fen IS DISTINCT FROM t.quantity_t * t.price_fen)""",
    "a_settled_trade_holds_no_tonnes_back": """
        SELECT b.lo FROM ledger_block b JOIN trading_trade t ON t.id = b.trade_id
        WHERE t.state NOT IN ('RESERVED', 'FUNDED') OR b.state <> 'RESERVED'""",
    "a_payout_leaves_the_payable_account_once": """
        SELECT p.reference FROM settlement_payout p LEFT JOIN ledger_transfer m ON m.reference = p.sent_as
        WHERE p.state = 'SENT' AND (m.id IS NULL OR m.amount_fen <> p.amount_fen OR m.kind <> 'payout')""",
}
