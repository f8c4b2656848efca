"""Tables of the market: listings, bids and trades."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base


class Listing(Base):
    """An offer at a fixed price of tonnes of one issuance; how many is the sum of the blocks tied to it."""

    __tablename__ = "trading_listing"
    __table_args__ = (
        UniqueConstraint("id", "seller_id", name="a_listing_and_its_seller_can_be_referred_to"),
        CheckConstraint("ask_fen BETWEEN 1 AND 10000000", name="an_ask_is_a_price"),
        CheckConstraint("minimum_t >= 1", name="a_minimum_purchase_is_positive"),
        CheckConstraint("expires_at > offered_at", name="no_listing_locks_tonnes_for_ever"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'L' || (100000 + id)::text", persisted=True), unique=True)
    seller_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    issuance_id: Mapped[int] = mapped_column(ForeignKey("ledger_issuance.id"), index=True)
    ask_fen: Mapped[int] = mapped_column(BigInteger)
    minimum_t: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("matching_round.id"), index=True)
    offered_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Bid(Base):
    """A firm's bid in a round. For a duty the plan's ecological share is its floor: it may be raised, never lowered."""

    __tablename__ = "trading_bid"
    __table_args__ = (
        CheckConstraint("quantity_t > 0", name="a_bid_asks_for_tonnes"),
        CheckConstraint("limit_fen BETWEEN 1 AND 10000000", name="a_limit_is_a_price"),
        CheckConstraint("state IN ('DRAFT', 'LAPSED') OR limit_fen IS NOT NULL", name="a_confirmed_bid_has_a_limit"),
        CheckConstraint("floor_permille BETWEEN plan_floor_permille AND 1000", name="the_plans_share_is_never_lowered"),
        CheckConstraint("max_group_permille BETWEEN 1 AND 1000", name="a_seller_cap_is_a_share"),
        CheckConstraint("max_sellers >= 1", name="a_seller_limit_is_positive"),
        CheckConstraint(
            "(purpose = 'compliance') = (obligation_id IS NOT NULL)", name="a_compliance_bid_names_its_duty"
        ),
        ForeignKeyConstraint(
            ["obligation_id", "buyer_id"],
            ["emitters_obligation.id", "emitters_obligation.organisation_id"],
            name="a_firm_bids_for_its_own_duty",
        ),
        ForeignKeyConstraint(
            ["buyer_id", "buyer_kind"],
            ["kernel_organisation.id", "kernel_organisation.kind"],
            name="a_bidder_is_of_a_kind_that_may_bid",
        ),
        CheckConstraint("buyer_kind = 'PARTICIPANT'", name="only_participants_bid"),
        UniqueConstraint("round_id", "obligation_id", name="a_duty_has_one_bid_in_a_round"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'B' || (100000 + id)::text", persisted=True), unique=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("matching_round.id"), index=True)
    buyer_id: Mapped[int] = mapped_column(BigInteger, index=True)
    buyer_kind: Mapped[str] = mapped_column(Text, server_default="PARTICIPANT")
    purpose: Mapped[str] = mapped_column(Text)
    obligation_id: Mapped[int | None] = mapped_column(BigInteger)
    quantity_t: Mapped[int] = mapped_column(BigInteger)
    limit_fen: Mapped[int | None] = mapped_column(BigInteger)
    plan_floor_permille: Mapped[int] = mapped_column(Integer)
    floor_permille: Mapped[int] = mapped_column(Integer)
    floor_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    product_types: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    vintage_from: Mapped[int | None] = mapped_column(Integer)
    max_group_permille: Mapped[int | None] = mapped_column(Integer)
    max_sellers: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    submitted_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Trade(Base):
    """So many tonnes of one listing for one buyer at one price. The control groups are copied and must differ."""

    __tablename__ = "trading_trade"
    __table_args__ = (
        UniqueConstraint("id", "seller_id", name="a_trade_and_its_seller_can_be_referred_to"),
        UniqueConstraint("id", "buyer_id", name="a_trade_and_its_buyer_can_be_referred_to"),
        CheckConstraint("quantity_t > 0", name="a_trade_moves_tonnes"),
        CheckConstraint("price_fen BETWEEN 1 AND 10000000", name="a_trade_has_a_price"),
        CheckConstraint("seller_group <> buyer_group", name="no_trade_stays_inside_one_control_group"),
        CheckConstraint("(state = 'SETTLED') = (settlement_id IS NOT NULL)", name="settled_means_delivered_and_paid"),
        CheckConstraint("settlement_id = id", name="a_trade_has_its_own_settlement"),
        CheckConstraint("(bid_id IS NULL) = (round_id IS NULL)", name="a_round_trade_answers_a_bid"),
        ForeignKeyConstraint(
            ["seller_id", "seller_group"],
            ["kernel_organisation.id", "kernel_organisation.group_code"],
            name="the_sellers_group_is_copied",
        ),
        ForeignKeyConstraint(
            ["buyer_id", "buyer_group"],
            ["kernel_organisation.id", "kernel_organisation.group_code"],
            name="the_buyers_group_is_copied",
        ),
        ForeignKeyConstraint(
            ["listing_id", "seller_id"],
            ["trading_listing.id", "trading_listing.seller_id"],
            name="a_trade_takes_from_its_sellers_listing",
        ),
        UniqueConstraint("bid_id", "listing_id", name="one_line_for_a_bid_and_a_listing"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'T' || (100000 + id)::text", persisted=True), unique=True)
    round_id: Mapped[int | None] = mapped_column(ForeignKey("matching_round.id"), index=True)
    bid_id: Mapped[int | None] = mapped_column(ForeignKey("trading_bid.id"))
    listing_id: Mapped[int] = mapped_column(BigInteger, index=True)
    seller_id: Mapped[int] = mapped_column(BigInteger, index=True)
    seller_group: Mapped[str] = mapped_column(Text)
    buyer_id: Mapped[int] = mapped_column(BigInteger, index=True)
    buyer_group: Mapped[str] = mapped_column(Text)
    quantity_t: Mapped[int] = mapped_column(BigInteger)
    price_fen: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(Text)
    settlement_id: Mapped[int | None] = mapped_column(ForeignKey("settlement_settlement.trade_id"))
    matched_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
