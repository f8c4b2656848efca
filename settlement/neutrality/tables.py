"""Tables of event neutrality: calculations, measures, plans, new forests, evaluations, confirmations, statements.

The event itself is `settlement_event`, because retirements refer to it. What is stated, published or confirmed here is
appended and never changed; documents are canonical JSON, kept as the text whose hash is in the log.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Numeric,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base

STAGES = ("ESTIMATE", "ACTUAL")
PHASES = ("PREPARATION", "EVENT", "CLOSE_OUT")
CONFIRMATIONS = ("SELF", "INDEPENDENT")


class Calculation(Base):
    """One version of an estimate or of the actuals; a correction is a new version."""

    __tablename__ = "neutrality_calculation"
    __table_args__ = (
        UniqueConstraint("event_id", "stage", "version", name="a_version_of_a_calculation_is_one"),
        UniqueConstraint("id", "event_id", name="a_calculation_and_its_event_can_be_referred_to"),
        CheckConstraint(f"stage IN {STAGES}", name="a_calculation_is_an_estimate_or_of_actuals"),
        CheckConstraint("total_kg > 0 AND retire_t * 1000 >= total_kg", name="what_is_retired_covers_what_is_emitted"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("settlement_event.id"))
    stage: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    activities: Mapped[str] = mapped_column(Text)
    document: Mapped[str] = mapped_column(Text)
    total_kg: Mapped[Decimal] = mapped_column(Numeric)
    retire_t: Mapped[int] = mapped_column(BigInteger)
    stated_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Measure(Base):
    """A measure that reduces emissions, in the order of the plan; fixed with the plan's publication."""

    __tablename__ = "neutrality_measure"
    __table_args__ = (
        CheckConstraint(f"phase IN {PHASES}", name="phase_of_a_measure_is_known"),
        CheckConstraint("saving_kg >= 0", name="a_measure_saves_something_or_nothing"),
    )
    event_id: Mapped[int] = mapped_column(ForeignKey("settlement_event.id"), primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    phase: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    saving_kg: Mapped[Decimal | None] = mapped_column(Numeric)


class Plan(Base):
    """The implementation plan as it was published (art. 9 (5)); `is_late`: not before the event began."""

    __tablename__ = "neutrality_plan"
    event_id: Mapped[int] = mapped_column(ForeignKey("settlement_event.id"), primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    is_late: Mapped[bool]
    published_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Forest(Base):
    """A new forest of the organiser's own, with all that art. 12 (2) wants to be published; certified and exclusive."""

    __tablename__ = "neutrality_forest"
    __table_args__ = (
        CheckConstraint("sink_t > 0 AND area_ha > 0", name="a_forest_stands_somewhere_and_binds_something"),
        CheckConstraint("from_on < until_on", name="the_sink_of_a_forest_takes_time"),
        CheckConstraint("is_exclusive", name="a_forest_is_used_for_nothing_else"),
        UniqueConstraint("certificate", name="a_certified_sink_is_used_once"),
    )
    event_id: Mapped[int] = mapped_column(ForeignKey("settlement_event.id"), primary_key=True, autoincrement=False)
    location: Mapped[str] = mapped_column(Text)
    coordinates: Mapped[str] = mapped_column(Text)
    species: Mapped[str] = mapped_column(Text)
    area_ha: Mapped[Decimal] = mapped_column(Numeric)
    planting_plan: Mapped[str] = mapped_column(Text)
    monitoring_plan: Mapped[str] = mapped_column(Text)
    sink_t: Mapped[int] = mapped_column(BigInteger)
    from_on: Mapped[date] = mapped_column(Date)
    until_on: Mapped[date] = mapped_column(Date)
    certifier: Mapped[str] = mapped_column(Text)
    certificate: Mapped[str] = mapped_column(Text)
    certified_on: Mapped[date] = mapped_column(Date)
    is_exclusive: Mapped[bool]
    recorded_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Suspension(Base):
    """An evaluator that may take nothing new until the suspension is lifted."""

    __tablename__ = "neutrality_suspension"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    evaluator_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    suspended_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    lifted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class Evaluation(Base):
    """The work of an independent evaluator for an event (art. 16), and its report once there is one."""

    __tablename__ = "neutrality_evaluation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["evaluator_id", "evaluator_kind"],
            ["kernel_organisation.id", "kernel_organisation.kind"],
            name="an_evaluator_is_an_organisation_of_its_kind",
        ),
        ForeignKeyConstraint(
            ["calculation_id", "event_id"],
            ["neutrality_calculation.id", "neutrality_calculation.event_id"],
            name="an_evaluation_judges_a_calculation_of_its_event",
        ),
        CheckConstraint("evaluator_kind = 'VERIFIER'", name="an_evaluator_is_a_verifier"),
        CheckConstraint(
            "state NOT IN ('REPORTED', 'APPROVED') OR (document IS NOT NULL AND calculation_id IS NOT NULL)",
            name="a_reported_evaluation_has_its_report",
        ),
        CheckConstraint("(state = 'APPROVED') = (reviewer IS NOT NULL)", name="an_approved_report_was_reviewed"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'V' || (100000 + id)::text", persisted=True), unique=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("settlement_event.id"), index=True)
    evaluator_id: Mapped[int] = mapped_column(BigInteger, index=True)
    evaluator_kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    calculation_id: Mapped[int | None] = mapped_column(BigInteger)
    document: Mapped[str | None] = mapped_column(Text)
    reviewer: Mapped[str | None] = mapped_column(Text)
    commissioned_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class Confirmation(Base):
    """That neutrality was reached, on one calculation: by the organiser itself (art. 15) or an evaluator (art. 16)."""

    __tablename__ = "neutrality_confirmation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["calculation_id", "event_id"],
            ["neutrality_calculation.id", "neutrality_calculation.event_id"],
            name="a_confirmation_is_of_a_calculation_of_its_event",
        ),
        CheckConstraint(f"kind IN {CONFIRMATIONS}", name="kind_of_a_confirmation_is_known"),
        CheckConstraint(
            "(kind = 'INDEPENDENT') = (evaluation_id IS NOT NULL)",
            name="an_independent_confirmation_has_its_evaluation",
        ),
        CheckConstraint("cardinality(evidence) > 0", name="a_confirmation_keeps_its_evidence"),
    )
    calculation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigInteger, index=True)
    kind: Mapped[str] = mapped_column(Text)
    responsible: Mapped[str] = mapped_column(Text)
    evidence: Mapped[list[str]] = mapped_column(ARRAY(Text))
    evaluation_id: Mapped[int | None] = mapped_column(ForeignKey("neutrality_evaluation.id"))
    confirmed_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Statement(Base):
    """The public statement (art. 17), published once."""

    __tablename__ = "neutrality_statement"
    event_id: Mapped[int] = mapped_column(ForeignKey("settlement_event.id"), primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    published_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Cover(Base):
    """A payment that was made to cover an event, and the retirement that ended it once there was one."""

    __tablename__ = "neutrality_cover"
    payment_id: Mapped[int] = mapped_column(ForeignKey("settlement_payment.id"), primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(ForeignKey("settlement_event.id"), index=True)
    beneficiary: Mapped[str | None] = mapped_column(Text)
    begun_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    retirement_id: Mapped[int | None] = mapped_column(ForeignKey("settlement_retirement.id"), unique=True)
