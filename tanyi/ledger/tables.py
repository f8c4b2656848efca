"""The ledger's tables: one line of tonnes cut into blocks, money as transfers, and the log (invariants §1-3).

The constraints are the last word. Every block starts where exactly one other ends and lies inside its issuance, so the
blocks are an exact partition of all tonnes ever issued, whoever writes to the tables. Triggers and grants stand in the
migration beside them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base

LATE = {"deferrable": True, "initially": "DEFERRED"}

# Each state but FREE and GENESIS is tied to exactly one id: one tonne has one encumbrance.
ENCUMBRANCES = {
    "LISTED": "listing_id",
    "RESERVED": "trade_id",
    "PLEDGED": "pledge_id",
    "LOCKED": "lock_id",
    "FROZEN": "freeze_id",
    "BUFFER": "buffer_id",
    "RETIRED": "retirement_id",
    "CANCELLED": "cancellation_id",
}
BLOCK_STATES = ("GENESIS", "FREE", *ENCUMBRANCES)


class Issuance(Base):
    """Tonnes [lo, end_) made once from one accepted verification; the chain of issuances has no gap."""

    __tablename__ = "ledger_issuance"
    __table_args__ = (
        UniqueConstraint("id", "lo", "end_", name="issuance_range_can_be_referred_to"),
        UniqueConstraint("verification_id", name="a_verification_is_issued_once"),
        UniqueConstraint("origin_key", name="an_origin_issues_once"),
        UniqueConstraint("end_", name="no_two_issuances_end_at_one_place"),
        UniqueConstraint("lo", name="no_two_issuances_start_at_one_place"),
        CheckConstraint("lo < end_ AND lo >= 0", name="an_issuance_is_not_empty"),
        CheckConstraint("quantity_t = end_ - lo", name="issued_quantity_is_its_range"),
        CheckConstraint(
            "CASE WHEN lo = 0 THEN id = 0 AND end_ = 1 AND prev_end IS NULL ELSE COALESCE(prev_end = lo, false) END",
            name="an_issuance_starts_where_one_ended",
        ),
        CheckConstraint(
            "CASE WHEN lo = 0 THEN verification_id IS NULL"
            " ELSE COALESCE(verification_id IS NOT NULL AND quantity_t <= verified_t, false) END",
            name="no_more_is_issued_than_was_verified",
        ),
        ForeignKeyConstraint(["prev_end"], ["ledger_issuance.end_"], name="issuances_form_one_chain", **LATE),
        ForeignKeyConstraint(
            ["id", "lo"],
            ["ledger_block.issuance_id", "ledger_block.lo"],
            name="an_issuance_begins_with_a_block",
            **LATE,
        ),
        ForeignKeyConstraint(
            ["id", "end_"],
            ["ledger_block.issuance_id", "ledger_block.end_"],
            name="an_issuance_ends_with_a_block",
            **LATE,
        ),
        ForeignKeyConstraint(
            ["verification_id", "verified_t"],
            ["registry_verification.id", "registry_verification.verified_t"],
            name="an_issuance_quotes_its_verification",
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False, start=1), primary_key=True)
    lo: Mapped[int] = mapped_column(BigInteger)
    end_: Mapped[int] = mapped_column(BigInteger)
    prev_end: Mapped[int | None] = mapped_column(BigInteger)
    quantity_t: Mapped[int] = mapped_column(BigInteger)
    verification_id: Mapped[int | None] = mapped_column(BigInteger)
    verified_t: Mapped[int | None] = mapped_column(BigInteger)
    origin_key: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Block(Base):
    """Tonnes [lo, end_) of one issuance with one holder, one state and at most one encumbrance."""

    __tablename__ = "ledger_block"
    __table_args__ = (
        UniqueConstraint("end_", name="no_two_blocks_end_at_one_place"),
        UniqueConstraint("issuance_id", "lo", name="block_start_can_be_referred_to"),
        UniqueConstraint("issuance_id", "end_", name="block_end_can_be_referred_to"),
        CheckConstraint("lo < end_", name="a_block_is_not_empty"),
        CheckConstraint("lo >= issuance_lo AND end_ <= issuance_end", name="a_block_lies_inside_its_issuance"),
        CheckConstraint(
            "CASE WHEN lo = 0 THEN issuance_id = 0 AND state = 'GENESIS' AND end_ = 1 AND prev_end IS NULL"
            " ELSE COALESCE(prev_end = lo, false) AND state <> 'GENESIS' END",
            name="a_block_starts_where_one_ended",
        ),
        CheckConstraint(f"state IN {BLOCK_STATES}", name="state_of_a_block_is_known"),
        CheckConstraint("holder_kind IN ('PARTICIPANT', 'SYSTEM')", name="only_participants_hold_tonnes"),
        *(
            CheckConstraint(f"(state = '{state}') = ({column} IS NOT NULL)", name=f"{state.lower()}_is_tied_to_one_id")
            for state, column in ENCUMBRANCES.items()
        ),
        ForeignKeyConstraint(["prev_end"], ["ledger_block.end_"], name="blocks_form_one_chain", **LATE),
        ForeignKeyConstraint(
            ["issuance_id", "issuance_lo", "issuance_end"],
            ["ledger_issuance.id", "ledger_issuance.lo", "ledger_issuance.end_"],
            name="a_block_belongs_to_one_issuance",
        ),
        ForeignKeyConstraint(
            ["holder_id", "holder_kind"],
            ["kernel_organisation.id", "kernel_organisation.kind"],
            name="a_holder_is_of_a_kind_that_may_hold",
        ),
        ForeignKeyConstraint(
            ["listing_id", "holder_id"],
            ["trading_listing.id", "trading_listing.seller_id"],
            name="a_listing_offers_its_sellers_tonnes",
        ),
        ForeignKeyConstraint(
            ["trade_id", "holder_id"],
            ["trading_trade.id", "trading_trade.seller_id"],
            name="a_trade_reserves_its_sellers_tonnes",
        ),
        ForeignKeyConstraint(
            ["retirement_id", "holder_id"],
            ["settlement_retirement.id", "settlement_retirement.holder_id"],
            name="a_retirement_takes_its_holders_tonnes",
        ),
        Index("blocks_by_holder", "holder_id", "state"),
        Index("blocks_by_listing", "listing_id", postgresql_where="listing_id IS NOT NULL"),
        Index("blocks_by_trade", "trade_id", postgresql_where="trade_id IS NOT NULL"),
        Index("blocks_by_retirement", "retirement_id", postgresql_where="retirement_id IS NOT NULL"),
    )
    lo: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    end_: Mapped[int] = mapped_column(BigInteger)
    prev_end: Mapped[int | None] = mapped_column(BigInteger)
    issuance_id: Mapped[int] = mapped_column(BigInteger)
    issuance_lo: Mapped[int] = mapped_column(BigInteger)
    issuance_end: Mapped[int] = mapped_column(BigInteger)
    holder_id: Mapped[int] = mapped_column(BigInteger)
    holder_kind: Mapped[str] = mapped_column(Text, server_default="PARTICIPANT")
    state: Mapped[str] = mapped_column(Text)
    listing_id: Mapped[int | None] = mapped_column(BigInteger)
    trade_id: Mapped[int | None] = mapped_column(BigInteger)
    pledge_id: Mapped[int | None] = mapped_column(BigInteger)
    lock_id: Mapped[int | None] = mapped_column(BigInteger)
    freeze_id: Mapped[int | None] = mapped_column(BigInteger)
    buffer_id: Mapped[int | None] = mapped_column(BigInteger)
    retirement_id: Mapped[int | None] = mapped_column(BigInteger)
    cancellation_id: Mapped[int | None] = mapped_column(BigInteger)


class Genesis(Base):
    """One row that pins the start of both chains, so that it can never be deleted."""

    __tablename__ = "ledger_genesis"
    __table_args__ = (
        CheckConstraint("issuance_id = 0 AND block_lo = 0", name="there_is_one_genesis"),
        ForeignKeyConstraint(["issuance_id"], ["ledger_issuance.id"], name="genesis_pins_the_first_issuance", **LATE),
        ForeignKeyConstraint(["block_lo"], ["ledger_block.lo"], name="genesis_pins_the_first_block", **LATE),
    )
    issuance_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    block_lo: Mapped[int] = mapped_column(BigInteger)


class Account(Base):
    """Where money stands. Only an account of the outside world may be negative: it mirrors what came from there."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        CheckConstraint("balance_fen >= 0 OR kind = 'OUTSIDE'", name="no_account_is_overdrawn"),
        CheckConstraint("kind IN ('OUTSIDE', 'ESCROW', 'PAYABLE', 'FEE')", name="kind_of_account_is_known"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_organisation.id"))
    balance_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")


class Transfer(Base):
    """Money from one account to another; balanced by construction, never edited, one per outside reference."""

    __tablename__ = "ledger_transfer"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="a_transfer_moves_money"),
        CheckConstraint("debit_account_id <> credit_account_id", name="a_transfer_has_two_ends"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    debit_account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"), index=True)
    credit_account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"), index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    moved_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class AuditEntry(Base):
    """One thing that happened, as RFC 8785 bytes, linked to the entry before by its hash: a fork is a broken key."""

    __tablename__ = "ledger_audit_entry"
    __table_args__ = (
        CheckConstraint(
            "CASE WHEN seq = 0 THEN prev_seq IS NULL AND prev_hash IS NULL"
            " ELSE COALESCE(prev_seq = seq - 1 AND prev_hash IS NOT NULL, false) END",
            name="an_entry_follows_the_one_before",
        ),
        UniqueConstraint("prev_hash", name="no_two_entries_follow_one"),
        Index(
            "entries_by_event_and_number", text("(document ->> 'event')"), text("(document -> 'facts' ->> 'number')")
        ),
        UniqueConstraint("seq", "leaf_hash", name="an_entry_can_be_referred_to"),
        ForeignKeyConstraint(
            ["prev_seq", "prev_hash"],
            ["ledger_audit_entry.seq", "ledger_audit_entry.leaf_hash"],
            name="entries_form_one_chain",
        ),
    )
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    prev_seq: Mapped[int | None] = mapped_column(BigInteger)
    prev_hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[str] = mapped_column(Text)
    document: Mapped[dict[str, Any]] = mapped_column(JSONB, Computed("body::jsonb", persisted=True))


class LogHead(Base):
    """The last entry, one row: locking it first is what makes the log linear."""

    __tablename__ = "ledger_log_head"
    __table_args__ = (
        CheckConstraint("id = 1", name="the_log_has_one_head"),
        ForeignKeyConstraint(
            ["seq", "leaf_hash"],
            ["ledger_audit_entry.seq", "ledger_audit_entry.leaf_hash"],
            name="the_head_is_an_entry",
        ),
    )
    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger)
    leaf_hash: Mapped[bytes] = mapped_column(LargeBinary)


class Checkpoint(Base):
    """A signed statement of the log's size and root at one instant (C2SP signed note)."""

    __tablename__ = "ledger_checkpoint"
    tree_size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    note: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
