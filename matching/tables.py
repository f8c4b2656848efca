"""The tables of rounds and their solvings: problem, checked result and certificate stay, so anyone can check again."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base


class Round(Base):
    """One round in `quota` mode. A closed round has its problem, a solved round its checked result with the certificate."""

    __tablename__ = "matching_round"
    __table_args__ = (
        CheckConstraint("(state = 'OPEN') = (problem IS NULL)", name="a_closed_round_is_frozen"),
        CheckConstraint(
            "(state IN ('SOLVED', 'PUBLISHED')) = (result IS NOT NULL)", name="a_solved_round_has_a_result"
        ),
        CheckConstraint("certificate IS NULL OR result IS NOT NULL", name="a_certificate_belongs_to_a_result"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    plan_year: Mapped[int] = mapped_column(Integer)
    price_rule: Mapped[str] = mapped_column(Text)
    minimum_line_t: Mapped[int] = mapped_column(Integer)
    seed: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    published_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    problem: Mapped[bytes | None] = mapped_column(LargeBinary)
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
    closes_on: Mapped[date | None] = mapped_column(Date)  # announced by the operator, who closes by hand
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)  # none if solved before there were certificates


class Solving(Base):
    """One attempt to solve a round. The goals of `bound` and `best` stand in their strict order, None until known."""

    __tablename__ = "matching_solving"
    __table_args__ = (
        CheckConstraint("state <> 'QUEUED' OR started_at IS NULL", name="what_waits_in_the_queue_has_not_started"),
        CheckConstraint(
            "state NOT IN ('RUNNING', 'DONE', 'FAILED') OR (started_at IS NOT NULL AND heartbeat_at IS NOT NULL)",
            name="what_a_worker_took_has_started",
        ),
        CheckConstraint(
            "(state IN ('QUEUED', 'RUNNING')) = (ended_at IS NULL)", name="a_solving_has_an_end_when_it_is_over"
        ),
        CheckConstraint("(state = 'FAILED') = (failure IS NOT NULL)", name="a_failed_solving_says_why"),
        CheckConstraint("time_limit_s > 0", name="a_time_limit_is_some_time"),
        Index(
            "one_round_is_solved_once_at_a_time",
            "round_id",
            unique=True,
            postgresql_where=text("state IN ('QUEUED', 'RUNNING')"),
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    round_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("matching_round.id"), index=True)
    state: Mapped[str] = mapped_column(Text)
    requested_by: Mapped[str] = mapped_column(Text)
    time_limit_s: Mapped[int | None] = mapped_column(Integer)
    memory_cap_mb: Mapped[int | None] = mapped_column(Integer)
    is_cancel_requested: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    queued_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    started_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    heartbeat_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    failure: Mapped[str | None] = mapped_column(Text)
    stage: Mapped[str | None] = mapped_column(Text)
    bound_compliance_t: Mapped[int | None] = mapped_column(BigInteger)
    bound_voluntary_t: Mapped[int | None] = mapped_column(BigInteger)
    bound_surplus_fen: Mapped[int | None] = mapped_column(BigInteger)
    best_compliance_t: Mapped[int | None] = mapped_column(BigInteger)
    best_voluntary_t: Mapped[int | None] = mapped_column(BigInteger)
    best_surplus_fen: Mapped[int | None] = mapped_column(BigInteger)
