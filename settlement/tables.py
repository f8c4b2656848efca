"""Tables of settlement: payments at the gateway, settlements, payouts, events, retirements and certificates."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    LargeBinary,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base

COMPLIANCE = ("COMPLIANCE_BENCHMARK", "COMPLIANCE_EIA")
EVENT_KINDS = (
    "PERFORMANCE",
    "COMPETITION",
    "MEETING",
    "FORUM",
    "EXHIBITION",
    "OFFICE",
    "PRODUCTION",
    "DAILY_LIFE",
    "OTHER",
)
OFFSET_METHODS = ("CREDITS", "NEW_FOREST")  # retired tonnes, or a sink of the organiser's own (art. 12 (1), (2))
VOLUNTARY = ("VOLUNTARY_EVENT", "VOLUNTARY_ORG", "VOLUNTARY_PERSON")


class Payment(Base):
    """What one buyer pays for one or more trades; mirrors an intent at the gateway, whose rank only rises."""

    __tablename__ = "settlement_payment"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="a_payment_is_positive"),
        CheckConstraint(
            "captured_fen BETWEEN 0 AND amount_fen AND refunded_fen BETWEEN 0 AND captured_fen",
            name="no_more_is_refunded_than_captured",
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'P' || (100000 + id)::text", persisted=True), unique=True)
    buyer_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    captured_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    refunded_fen: Mapped[int] = mapped_column(BigInteger, server_default="0")
    intent: Mapped[str | None] = mapped_column(Text, unique=True)
    status: Mapped[str] = mapped_column(Text)
    asked_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class PaymentTrade(Base):
    """Which payment pays for a trade: exactly one."""

    __tablename__ = "settlement_payment_trade"
    trade_id: Mapped[int] = mapped_column(ForeignKey("trading_trade.id"), primary_key=True, autoincrement=False)
    payment_id: Mapped[int] = mapped_column(ForeignKey("settlement_payment.id"), index=True)


class Settlement(Base):
    """Both legs of one trade, in one row and one transaction: delivered if and only if paid."""

    __tablename__ = "settlement_settlement"
    __table_args__ = (
        ForeignKeyConstraint(
            ["trade_id", "buyer_id"],
            ["trading_trade.id", "trading_trade.buyer_id"],
            name="a_settlement_delivers_to_the_buyer",
        ),
    )
    trade_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    buyer_id: Mapped[int] = mapped_column(BigInteger)
    payment_id: Mapped[int] = mapped_column(ForeignKey("settlement_payment.id"))
    transfer_id: Mapped[int] = mapped_column(ForeignKey("ledger_transfer.id"), unique=True)
    settled_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Inbox(Base):
    """A webhook event as it arrived; its id makes the second delivery harmless."""

    __tablename__ = "settlement_inbox"
    event: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    handled_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class Payout(Base):
    """Money owed to a seller, to be sent through the gateway once; written with the settlement it comes from."""

    __tablename__ = "settlement_payout"
    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="a_payout_is_positive"),
        CheckConstraint("(state = 'SENT') = (sent_as IS NOT NULL)", name="a_sent_payout_has_a_receipt"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    seller_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    amount_fen: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    sent_as: Mapped[str | None] = mapped_column(Text, unique=True)


class Event(Base):
    """A performance, match, meeting, forum or exhibition, or a year of office work, production or daily life, whose
    emissions somebody wants to offset (二(三)). What is worked out for it stands in `settlement.neutrality`."""

    __tablename__ = "settlement_event"
    __table_args__ = (
        CheckConstraint(f"kind IN {EVENT_KINDS}", name="kind_of_an_event_is_known"),
        CheckConstraint("starts_on <= ends_on", name="an_event_ends_after_it_starts"),
        CheckConstraint("'EVENT' = ANY (phases)", name="the_boundary_holds_the_event_itself"),
        CheckConstraint("expected_participants > 0", name="an_event_expects_somebody"),
        CheckConstraint(f"offset_method IN {OFFSET_METHODS}", name="method_of_an_offset_is_known"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'N' || (100000 + id)::text", persisted=True), unique=True)
    organiser_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    co_organisers: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")
    kind: Mapped[str] = mapped_column(Text, server_default="OTHER")
    name: Mapped[str] = mapped_column(Text)
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    place: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text, server_default="HEBEI")
    content: Mapped[str] = mapped_column(Text, server_default="")
    expected_participants: Mapped[int | None] = mapped_column(BigInteger)
    phases: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{EVENT}")
    boundary: Mapped[str] = mapped_column(Text, server_default="")
    offset_method: Mapped[str | None] = mapped_column(Text)
    neutral_by_on: Mapped[date | None] = mapped_column(Date)
    state: Mapped[str] = mapped_column(Text, server_default="DRAFT")

    @property
    def held_on(self) -> date:
        """The day that a certificate names: the last one."""
        return self.ends_on


class Retirement(Base):
    """The end of tonnes, for one named claim. Never changed, never deleted."""

    __tablename__ = "settlement_retirement"
    __table_args__ = (
        UniqueConstraint("id", "holder_id", name="a_retirement_and_its_holder_can_be_referred_to"),
        CheckConstraint("quantity_t > 0", name="a_retirement_takes_tonnes"),
        CheckConstraint(f"purpose IN {COMPLIANCE + VOLUNTARY}", name="purpose_of_a_retirement_is_known"),
        CheckConstraint(
            f"(purpose IN {COMPLIANCE}) = (obligation_id IS NOT NULL)", name="a_compliance_claim_names_its_duty"
        ),
        CheckConstraint(
            "(purpose = 'VOLUNTARY_EVENT') = (event_id IS NOT NULL)", name="an_event_claim_names_its_event"
        ),
        UniqueConstraint("bid_id", name="what_a_bid_bought_is_retired_once"),
        ForeignKeyConstraint(
            ["obligation_id", "holder_id"],
            ["emitters_obligation.id", "emitters_obligation.organisation_id"],
            name="a_firm_retires_for_its_own_duty",
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'R' || (100000 + id)::text", persisted=True), unique=True)
    holder_id: Mapped[int] = mapped_column(BigInteger, index=True)
    beneficiary: Mapped[str | None] = mapped_column(Text)
    purpose: Mapped[str] = mapped_column(Text)
    obligation_id: Mapped[int | None] = mapped_column(BigInteger)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("settlement_event.id"))
    bid_id: Mapped[int | None] = mapped_column(ForeignKey("trading_bid.id"))
    quantity_t: Mapped[int] = mapped_column(BigInteger)
    salt: Mapped[str] = mapped_column(Text)
    retired_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class StoredClaim(Base):
    """What a retirement claims, as canonical JSON from the moment of retirement: later renamings do not reach it."""

    __tablename__ = "settlement_claim"
    retirement_id: Mapped[int] = mapped_column(
        ForeignKey("settlement_retirement.id"), primary_key=True, autoincrement=False
    )
    document: Mapped[str] = mapped_column(Text)


class Certificate(Base):
    """The signed document of a retirement, as issued, byte for byte."""

    __tablename__ = "settlement_certificate"
    retirement_id: Mapped[int] = mapped_column(
        ForeignKey("settlement_retirement.id"), primary_key=True, autoincrement=False
    )
    number: Mapped[str] = mapped_column(Text, unique=True)
    document: Mapped[bytes] = mapped_column(LargeBinary)
    issued_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
