"""Payments: what buyers owe for their trades, collected at the gateway and mirrored here (invariants §4).

A payment pays for one or more trades of one buyer. The gateway is asked outside any transaction, with keys that make a
repetition harmless; what it says reaches the books only through signed events, each handled once: the intent is read
again from the gateway and applied as a difference. Money stands in the payment's own escrow until delivery.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from market.trading import trades
from settlement.gateway.sdk import PAYMENT_INTENT_MOVES, Gateway, GatewayError, PaymentIntent
from settlement.gateway.signing import BadSignature, WebhookKey
from settlement.tables import Inbox, Payment, PaymentTrade
from tanyi.kernel.errors import N_, Conflict, Forbidden, Invalid, NotFound, Unavailable
from tanyi.kernel.quantities import Money
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import transfers

WorkOpener = Callable[[], AbstractContextManager[Work]]
RANK = {status: rank for rank, status in enumerate(PAYMENT_INTENT_MOVES)}
ASKED = "requires_payment_method"
BANK_ACCOUNT = "pm_bank_transfer"


class WebhookRefused(Forbidden):
    """The event's signature is missing, wrong or stale; why is not told to the sender."""

    code = "settlement.webhook_refused"
    message = N_("The signature of this event is not valid.")


class WebhookUnreadable(Invalid):
    """The event is not the JSON that the gateway sends."""

    code = "settlement.webhook_unreadable"
    message = N_("This event cannot be read.")


class PaymentDeclined(Conflict):
    """The payer's bank said no; the trades stay reserved until their deadline."""

    code = "settlement.payment_declined"
    message = N_("The bank declined the payment (%(reason)s). Nothing was charged.")


class GatewaySilent(Unavailable):
    """The gateway does not answer; the same call can be made again."""

    code = "settlement.gateway_silent"
    message = N_("The bank does not answer. Nothing is lost; please try again in a moment.")


def ask(work: Work, *, trade_ids: Sequence[int]) -> Payment:
    """Asks one buyer to pay for reserved trades; opens the escrow."""
    bought = trades.by_ids(work, trade_ids)
    (buyer_id,) = {trade.buyer_id for trade in bought}
    amount_fen = sum((trades.amount_fen(trade) for trade in bought), Money(0))
    payment = Payment(buyer_id=buyer_id, amount_fen=int(amount_fen), status=ASKED, asked_at=work.now)
    work.session.add(payment)
    work.session.flush()
    rows = [{"trade_id": trade.id, "payment_id": payment.id} for trade in bought]
    work.session.execute(insert(PaymentTrade), rows)
    transfers.open_accounts(
        work, accounts=[(transfers.BANK, "OUTSIDE", None), (escrow_of(payment), "ESCROW", buyer_id)]
    )
    work.record("payment.asked", number=payment.number, amount_fen=str(int(amount_fen)), trades=str(len(rows)))
    return payment


def escrow_of(payment: Payment) -> str:
    """The account that holds this payment's money until delivery."""
    return f"escrow:{payment.number}"


def collect(gateway: Gateway, payment: Payment, *, payment_method: str = BANK_ACCOUNT) -> PaymentIntent:
    """Collects at the gateway: create, confirm, capture. No transaction is open; any step may be repeated."""
    try:
        intent = gateway.create_payment_intent(
            amount_fen=payment.amount_fen,
            metadata={"payment": payment.number},
            idempotency_key=f"{payment.number}:create",
            payment_method=payment_method,
        )
        intent = gateway.retrieve(intent.id)
        if intent.may("confirm"):
            intent = gateway.confirm(intent.id, idempotency_key=f"{payment.number}:confirm")
        if intent.may("capture"):
            intent = gateway.capture(intent.id, idempotency_key=f"{payment.number}:capture")
    except GatewayError as failed:
        raise _as_refusal(failed) from failed
    return intent


def cancel(gateway: Gateway, payment: Payment) -> None:
    """Cancels at the gateway first; only then may the tonnes be given back (invariants §4)."""
    try:
        for intent in gateway.list_payment_intents(metadata={"payment": payment.number}):
            gateway.cancel(intent.id, idempotency_key=f"{payment.number}:cancel")
    except GatewayError as failed:
        raise GatewaySilent from failed


def _as_refusal(failed: GatewayError) -> Conflict | Unavailable:
    return PaymentDeclined(reason=failed.code) if failed.kind == "card_error" else GatewaySilent()


def receive(work: Work, *, body: bytes, header: str, key: WebhookKey) -> None:
    """Takes in a signed event; one that came before is taken in once."""
    try:
        key.verify(body, header, now=work.now)
    except BadSignature as bad:
        raise WebhookRefused from bad
    try:
        event = json.loads(body)
        row = {"event": str(event["id"]), "kind": str(event["type"]), "subject": str(event["data"]["object"]["id"])}
    except (ValueError, KeyError, TypeError) as wrong:
        raise WebhookUnreadable from wrong
    work.session.execute(upsert(Inbox).values(**row, received_at=work.now).on_conflict_do_nothing())


def unhandled(reader: Reader) -> list[tuple[str, str, str]]:
    """Events (id, kind, subject) that nobody has handled yet, in the order of their arrival."""
    query = select(Inbox.event, Inbox.kind, Inbox.subject).where(Inbox.handled_at.is_(None))
    return [(row[0], row[1], row[2]) for row in reader.session.execute(query.order_by(Inbox.received_at, Inbox.event))]


def note_handled(work: Work, *, event: str) -> None:
    """Marks an event as handled, in the transaction of its effect."""
    work.session.execute(update(Inbox).where(Inbox.event == event).values(handled_at=work.now))


def apply(work: Work, *, intent: PaymentIntent) -> bool:
    """Applies what the gateway says of an intent now: ranks only rise, money counts as a difference.

    True when the payment became fully captured by this and its trades are FUNDED.
    """
    query = select(Payment).where(Payment.number == intent.metadata.get("payment", "")).with_for_update()
    payment = work.session.scalar(query.execution_options(populate_existing=True))
    if payment is None:
        raise NotFound
    fresh_fen = intent.amount_captured_fen - payment.captured_fen
    if RANK[intent.status] <= RANK[payment.status] and fresh_fen <= 0:
        return False
    columns = {"status": intent.status, "intent": intent.id, "captured_fen": intent.amount_captured_fen}
    work.session.execute(update(Payment).where(Payment.id == payment.id).values(**columns))
    if fresh_fen <= 0:
        return False
    reference = f"{intent.id}:capture"
    movement = transfers.Movement(transfers.BANK, escrow_of(payment), Money(fresh_fen), "payment", reference)
    transfers.move(work, movements=[movement])
    work.record("payment.captured", number=payment.number, amount_fen=str(fresh_fen))
    if intent.amount_captured_fen < payment.amount_fen:
        return False
    trades.advance(work, trade_ids=trades_of(work, [payment.id]), was="RESERVED", to="FUNDED")
    return True


def trades_of(reader: Reader, payment_ids: Sequence[int]) -> list[int]:
    """The trades that these payments pay for."""
    query = select(PaymentTrade.trade_id).where(PaymentTrade.payment_id.in_(payment_ids))
    return list(reader.session.scalars(query.order_by(PaymentTrade.trade_id)))


def payments_of(reader: Reader, trade_ids: Sequence[int]) -> dict[int, Payment]:
    """Which payment pays for each trade."""
    query = select(PaymentTrade.trade_id, Payment).join(Payment, Payment.id == PaymentTrade.payment_id)
    return {row[0]: row[1] for row in reader.session.execute(query.where(PaymentTrade.trade_id.in_(trade_ids)))}


def unpaid(reader: Reader, trade_ids: Sequence[int]) -> list[int]:
    """Those of the trades that nobody was asked to pay for yet."""
    asked = set(reader.session.scalars(select(PaymentTrade.trade_id).where(PaymentTrade.trade_id.in_(trade_ids))))
    return [trade_id for trade_id in trade_ids if trade_id not in asked]


def uncollected(reader: Reader, trade_ids: Sequence[int]) -> list[Payment]:
    """The payments for these trades that were asked for and have not come in."""
    ids = {payment.id: payment for payment in payments_of(reader, trade_ids).values()}
    return [ids[key] for key in sorted(ids) if ids[key].captured_fen < ids[key].amount_fen]


CHECKS = {
    "escrow_holds_what_is_paid_and_not_delivered": """
        SELECT p.number FROM settlement_payment p JOIN ledger_account a ON a.code = 'escrow:' || p.number
        WHERE a.balance_fen <> p.captured_fen - p.refunded_fen - COALESCE((
            SELECT sum(m.amount_fen) FROM settlement_settlement s JOIN ledger_transfer m ON m.id = s.transfer_id
            WHERE s.payment_id = p.id), 0)""",
}
