"""Payments: what buyers owe for their trades, collected at the gateway and mirrored here (invariants §4).

A payment pays for one or more trades of one buyer. The gateway is asked outside any transaction, with keys that make a
repetition harmless; what it says reaches the books only through signed events, each handled once: the intent is read
again from the gateway and applied as a difference. Money stands in the payment's own escrow until delivery. What
comes after its trades have ended is given back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from market.trading import trades
from settlement.gateway.sdk import (
    PAYMENT_INTENT_MOVES,
    CardDeclined,
    Gateway,
    GatewayError,
    GatewayTimeout,
    GatewayUnavailable,
    PaymentIntent,
)
from settlement.gateway.signing import BadSignature, WebhookKey
from settlement.tables import Inbox, Payment, PaymentTrade, Settlement
from tanyi.kernel.errors import N_, Conflict, Forbidden, Invalid, Unavailable
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


class GatewayRefused(Conflict):
    """The gateway takes the request for wrong, or its key for used: asking again would change nothing."""

    code = "settlement.gateway_refused"
    message = N_("The bank refused this request (%(reason)s). Nothing has changed.")


@contextmanager
def refusals_of_the_bank() -> Iterator[None]:
    """What the gateway says no with, as our refusals: declined, silent (ask again), or refused for good."""
    try:
        yield
    except CardDeclined as declined:
        raise PaymentDeclined(reason=declined.code) from declined
    except (GatewayTimeout, GatewayUnavailable) as silent:
        raise GatewaySilent from silent
    except GatewayError as refused:
        raise GatewayRefused(reason=refused.code) from refused


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
    """Collects at the gateway: create, confirm, capture. No transaction is open; any step may be repeated.

    The key of a confirmation names the attempt that failed before it, so that repeating a call repeats nothing, and
    trying once more after the bank said no is a new attempt.
    """
    with refusals_of_the_bank():
        intent = gateway.create_payment_intent(
            amount_fen=payment.amount_fen,
            metadata={"payment": payment.number},
            idempotency_key=f"{payment.number}:create",
        )
        intent = gateway.retrieve(intent.id)
        if intent.may("confirm"):
            after = intent.last_error.charge if intent.last_error else "nothing"
            key = f"{payment.number}:confirm-after-{after}"
            intent = gateway.confirm(intent.id, idempotency_key=key, payment_method=payment_method)
        if intent.may("capture"):
            intent = gateway.capture(intent.id, idempotency_key=f"{payment.number}:capture")
    if not (PAYMENT_INTENT_MOVES[intent.status] or intent.amount_captured_fen):
        raise PaymentDeclined(reason=intent.status)  # it was cancelled before, and is not begun anew
    return intent


def cancel(gateway: Gateway, payment: Payment) -> None:
    """Cancels at the gateway first; only then may the tonnes be given back (invariants §4).

    `GatewayRefused` when the money has been taken or is on its way: the trades go on.
    """
    with refusals_of_the_bank():
        for intent in gateway.list_payment_intents(metadata={"payment": payment.number}):
            gateway.cancel(intent.id, idempotency_key=f"{payment.number}:cancel:{intent.id}")


def refund(gateway: Gateway, payment: Payment) -> None:
    """Gives back all that is left of a payment, once; the books follow when the bank says that it is done."""
    assert payment.intent is not None, "only money that came is given back"
    with refusals_of_the_bank():
        gateway.create_refund(payment.intent, idempotency_key=f"{payment.number}:refund")


def receive(work: Work, *, body: bytes, header: str, key: WebhookKey) -> None:
    """Takes in a signed event; one that came before is taken in once."""
    try:
        key.verify(body, header, now=work.now)
    except BadSignature as bad:
        raise WebhookRefused from bad
    try:
        event = json.loads(body)
        thing = event["data"]["object"]  # a charge and a refund name the intent that they belong to
        subject = str(thing.get("payment_intent") or thing["id"])
        row = {"event": str(event["id"]), "kind": str(event["type"]), "subject": subject}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
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

    True when the payment became fully captured by this and its trades are FUNDED. An intent that pays for nothing here
    changes nothing: others may use the same gateway.
    """
    query = select(Payment).where(Payment.number == intent.metadata.get("payment", "")).with_for_update()
    payment = work.session.scalar(query.execution_options(populate_existing=True))
    if payment is None:
        return False
    taken_fen, returned_fen = intent.amount_captured_fen, intent.amount_refunded_fen
    fresh_fen, back_fen = taken_fen - payment.captured_fen, returned_fen - payment.refunded_fen
    if RANK[intent.status] <= RANK[payment.status] and fresh_fen <= 0 and back_fen <= 0:
        return False
    columns = {"status": intent.status, "intent": intent.id, "captured_fen": taken_fen, "refunded_fen": returned_fen}
    work.session.execute(update(Payment).where(Payment.id == payment.id).values(**columns))
    escrow = escrow_of(payment)
    if fresh_fen > 0:
        _mirror(
            work, payment, "payment.captured", (transfers.BANK, escrow), fresh_fen, "payment", f"{intent.id}:capture"
        )
    if back_fen > 0:
        reference = f"{intent.id}:refunded:{returned_fen}"  # the gateway's figure is cumulative (invariants §8 case 6)
        _mirror(work, payment, "payment.refunded", (escrow, transfers.BANK), back_fen, "refund", reference)
    return fresh_fen > 0 and taken_fen == payment.amount_fen and _is_funding(work, payment)


def _mirror(
    work: Work, payment: Payment, event: str, accounts: tuple[str, str], moved_fen: int, kind: str, reference: str
) -> None:
    transfers.move(work, movements=[transfers.Movement(*accounts, Money(moved_fen), kind, reference)])
    work.record(event, number=payment.number, amount_fen=str(moved_fen))


def _is_funding(work: Work, payment: Payment) -> bool:
    """Funds the payment's trades, unless they have ended meanwhile: an ended trade is never touched."""
    paid_for = trades.by_ids(work, trades_of(work, [payment.id]))
    if not all(trades.STATES.may(trade.state, "FUNDED") for trade in paid_for):
        work.record("payment.came_too_late", number=payment.number)
        return False
    trades.advance(work, trade_ids=[trade.id for trade in paid_for], was="RESERVED", to="FUNDED")
    return True


def too_late(reader: Reader) -> list[Payment]:
    """Payments that came in after their trades had ended and were not given back yet.

    A trade that ended stays ended, so nobody can settle it between the two questions asked here.
    """
    settled = select(Settlement.payment_id).where(Settlement.payment_id == Payment.id).exists()
    query = select(Payment).where(Payment.captured_fen > Payment.refunded_fen, ~settled).order_by(Payment.id)
    return [
        payment
        for payment in reader.session.scalars(query).all()
        if all(_is_over(trade) for trade in trades.by_ids(reader, trades_of(reader, [payment.id])))
    ]


def _is_over(trade: trades.Trade) -> bool:
    """Whether a trade ended without delivery."""
    return trade.settlement_id is None and trade.state in trades.STATES.terminal


def by_id(reader: Reader, payment_id: int) -> Payment:
    """A payment by its id."""
    return reader.session.get_one(Payment, payment_id)


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
