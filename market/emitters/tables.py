"""Tables of demand: benchmarks, the annual plan, verified reports, assessments, EIA projects and duties."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base


class Benchmark(Base):
    """A published intensity of one sector and process from a date on (一(三)); figures as stated."""

    __tablename__ = "emitters_benchmark"
    __table_args__ = (
        UniqueConstraint("key", "valid_from_on", name="one_benchmark_from_one_date"),
        CheckConstraint("intensity > 0", name="a_benchmark_is_positive"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    sector: Mapped[str] = mapped_column(Text)
    intensity: Mapped[Decimal] = mapped_column(Numeric)
    unit: Mapped[str] = mapped_column(Text)
    valid_from_on: Mapped[date] = mapped_column(Date)
    is_named_in_measures: Mapped[bool] = mapped_column(Boolean)
    source: Mapped[str] = mapped_column(Text)


class Plan(Base):
    """The annual offset plan (年度碳排放抵销实施方案): everything that the measures leave open."""

    __tablename__ = "emitters_plan"
    __table_args__ = (
        CheckConstraint("ecological_permille BETWEEN 0 AND 1000", name="a_share_is_a_share"),
        CheckConstraint(
            "state IN ('DRAFT', 'CONSULTATION', 'ISSUED', 'AMENDED', 'CLOSED')", name="plan_state_is_known"
        ),
    )
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    base_year: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)
    ecological_permille: Mapped[int] = mapped_column(Integer)
    ecological_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    eligible_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    vintage_from: Mapped[int] = mapped_column(Integer)
    netting: Mapped[str] = mapped_column(Text)
    is_strict: Mapped[bool] = mapped_column(Boolean)
    assumptions: Mapped[list[str]] = mapped_column(ARRAY(Text))


class Facility(Base):
    """A production site of a firm with the product that its benchmark is stated in."""

    __tablename__ = "emitters_facility"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    sector: Mapped[str] = mapped_column(Text)
    benchmark_key: Mapped[str | None] = mapped_column(Text)


class Report(Base):
    """One version of a site's verified year: figures as stated in the verification conclusion; null: not verified."""

    __tablename__ = "emitters_report"
    __table_args__ = (
        UniqueConstraint("facility_id", "year", "version", name="a_version_of_a_year_stands_once"),
        CheckConstraint("emissions_tco2e >= 0 AND output >= 0", name="figures_are_not_negative"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    facility_id: Mapped[int] = mapped_column(ForeignKey("emitters_facility.id"))
    year: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    emissions_tco2e: Mapped[Decimal | None] = mapped_column(Numeric)
    output: Mapped[Decimal | None] = mapped_column(Numeric)
    output_unit: Mapped[str | None] = mapped_column(Text)
    stated_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Assessment(Base):
    """A firm's year in one sector against its benchmarks, with the steps that led to the figure."""

    __tablename__ = "emitters_assessment"
    __table_args__ = (
        UniqueConstraint("organisation_id", "sector", "year", "version", name="an_assessment_version_stands_once"),
        CheckConstraint("(status = 'ASSESSED') = (duty_t IS NOT NULL)", name="only_the_assessed_have_a_duty"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    sector: Mapped[str] = mapped_column(Text)
    year: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(Text)
    emitter_class: Mapped[str] = mapped_column(Text)
    emissions_tco2e: Mapped[Decimal | None] = mapped_column(Numeric)
    benchmark_tco2e: Mapped[Decimal | None] = mapped_column(Numeric)
    duty_t: Mapped[int | None] = mapped_column(BigInteger)
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class EiaProject(Base):
    """A new, reconstructed or expanded project of a key sector with the total in its approved EIA document."""

    __tablename__ = "emitters_eia_project"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    kind: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    approval_number: Mapped[str] = mapped_column(Text)
    approving_level: Mapped[str] = mapped_column(Text)
    approved_on: Mapped[date] = mapped_column(Date)
    approved_tco2e: Mapped[Decimal] = mapped_column(Numeric)
    state: Mapped[str] = mapped_column(Text)


class Obligation(Base):
    """A duty in whole tonnes. A trigger sums what was retired and the coverage is generated: nobody sets MET."""

    __tablename__ = "emitters_obligation"
    __table_args__ = (
        UniqueConstraint("id", "organisation_id", name="an_obligation_and_its_firm_can_be_referred_to"),
        CheckConstraint("required_t >= 0 AND retired_t >= 0", name="duty_figures_are_not_negative"),
        CheckConstraint(
            "(kind = 'BENCHMARK_EXCESS') = (assessment_id IS NOT NULL)"
            " AND (kind = 'EIA_PROJECT') = (eia_project_id IS NOT NULL)",
            name="a_duty_has_one_ground",
        ),
        CheckConstraint("kind IN ('BENCHMARK_EXCESS', 'EIA_PROJECT')", name="kind_of_duty_is_known"),
        ForeignKeyConstraint(["plan_year"], ["emitters_plan.year"], name="a_duty_falls_under_a_plan"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    kind: Mapped[str] = mapped_column(Text)
    plan_year: Mapped[int] = mapped_column(Integer)
    assessment_id: Mapped[int | None] = mapped_column(ForeignKey("emitters_assessment.id"))
    eia_project_id: Mapped[int | None] = mapped_column(ForeignKey("emitters_eia_project.id"))
    required_t: Mapped[int] = mapped_column(BigInteger)
    retired_t: Mapped[int] = mapped_column(BigInteger, server_default="0")
    due_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(Text)
    coverage: Mapped[str] = mapped_column(
        Text,
        Computed(
            "CASE WHEN retired_t > required_t THEN 'OVER' WHEN retired_t = required_t THEN 'MET'"
            " WHEN retired_t > 0 THEN 'PARTIAL' ELSE 'OPEN' END",
            persisted=True,
        ),
    )
