"""The gateway's own books, in a PostgreSQL schema of its own: the bank is another house and shares no table with us.

Amounts are whole fen in BIGINT, the currency is `cny`. The constraints say what the bank would never do: capture more
than was authorised, refund more than was captured, pay out what it does not hold.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from settlement.gateway.sdk import CURRENCY, PAYMENT_INTENT_MOVES

SCHEMA = "gateway"

metadata = MetaData(schema=SCHEMA)


def _one_of(column: str, words: tuple[str, ...], name: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN ({', '.join(repr(word) for word in words)})", name=name)


payment_intent = Table(
    "payment_intent",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("capture_method", Text, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("payment_method", Text),
    Column("amount_captured_fen", BigInteger, nullable=False, server_default=text("0")),
    Column("amount_refunded_fen", BigInteger, nullable=False, server_default=text("0")),
    Column("last_error", JSONB(none_as_null=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("settles_at", DateTime(timezone=True)),
    CheckConstraint("amount_fen > 0", name="an_intent_has_an_amount"),
    _one_of("currency", (CURRENCY,), "intents_are_in_yuan"),
    _one_of("status", tuple(PAYMENT_INTENT_MOVES), "an_intent_has_a_known_status"),
    _one_of("capture_method", ("manual", "automatic"), "capture_is_manual_or_automatic"),
    CheckConstraint("amount_captured_fen BETWEEN 0 AND amount_fen", name="captured_never_exceeds_the_amount"),
    CheckConstraint("amount_refunded_fen BETWEEN 0 AND amount_captured_fen", name="refunded_never_exceeds_captured"),
    CheckConstraint("(status = 'succeeded') = (amount_captured_fen > 0)", name="captured_exactly_when_succeeded"),
    CheckConstraint("(status = 'processing') = (settles_at IS NOT NULL)", name="processing_has_an_end"),
    CheckConstraint(
        "status IN ('requires_payment_method', 'canceled') OR payment_method IS NOT NULL",
        name="only_a_payment_method_moves_an_intent_on",
    ),
)
Index(
    "payment_intent_by_metadata",
    payment_intent.c.metadata,
    postgresql_using="gin",
    postgresql_ops={"metadata": "jsonb_path_ops"},
)
Index(
    "payment_intent_processing", payment_intent.c.settles_at, postgresql_where=payment_intent.c.settles_at.is_not(None)
)

refund = Table(
    "refund",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("payment_intent_id", Text, ForeignKey(payment_intent.c.id), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("metadata", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("amount_fen > 0", name="a_refund_has_an_amount"),
    _one_of("currency", (CURRENCY,), "refunds_are_in_yuan"),
    _one_of("status", ("succeeded",), "a_refund_has_a_known_status"),
)

Index("refund_by_payment_intent", refund.c.payment_intent_id)

payout = Table(
    "payout",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("amount_fen", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("failure_code", Text),
    Column("metadata", JSONB, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("settles_at", DateTime(timezone=True)),
    CheckConstraint("amount_fen > 0", name="a_payout_has_an_amount"),
    _one_of("currency", (CURRENCY,), "payouts_are_in_yuan"),
    _one_of("status", ("pending", "paid", "failed"), "a_payout_has_a_known_status"),
    CheckConstraint("(status = 'failed') = (failure_code IS NOT NULL)", name="a_failed_payout_says_why"),
    CheckConstraint("(status = 'pending') = (settles_at IS NOT NULL)", name="a_pending_payout_has_an_end"),
)
Index(
    "payout_by_metadata",
    payout.c.metadata,
    postgresql_using="gin",
    postgresql_ops={"metadata": "jsonb_path_ops"},
)
Index("payout_pending", payout.c.settles_at, postgresql_where=payout.c.settles_at.is_not(None))

# One row, made by the first capture: the guard that keeps two payouts from spending one balance (invariants §8 case 8).
balance = Table(
    "balance",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("captured_fen", BigInteger, nullable=False),
    Column("refunded_fen", BigInteger, nullable=False),
    Column("paid_out_fen", BigInteger, nullable=False),
    CheckConstraint("id = 1", name="there_is_one_balance"),
    CheckConstraint("refunded_fen >= 0 AND paid_out_fen >= 0", name="money_leaves_in_one_direction"),
    CheckConstraint("refunded_fen + paid_out_fen <= captured_fen", name="nothing_leaves_that_did_not_come"),
)

# `answer` is NULL only between the two statements of the one transaction that makes the row.
idempotency = Table(
    "idempotency",
    metadata,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("answer", JSONB(none_as_null=True)),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

event = Table(
    "event",
    metadata,
    Column("id", Text, primary_key=True),
    Column("seq", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("data", JSONB, nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("delivered_at", DateTime(timezone=True)),
    Column("last_failure", Text),
    CheckConstraint("attempts >= 0", name="attempts_are_counted_up"),
    CheckConstraint("delivered_at IS NULL OR attempts > 0", name="delivered_only_after_an_attempt"),
)
Index("event_undelivered", event.c.due_at, event.c.seq, postgresql_where=event.c.delivered_at.is_(None))
