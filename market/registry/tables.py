"""Tables of supply: projects, the steps of their procedure, monitored periods and accepted verifications."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Identity, Integer, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base


class Project(Base):
    """A forest, a wetland, a wind or PV farm whose reductions may become tonnes."""

    __tablename__ = "registry_project"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"), index=True)
    product_type: Mapped[str] = mapped_column(Text)
    methodology: Mapped[str | None] = mapped_column(Text)
    methodology_name_zh: Mapped[str] = mapped_column(Text)
    methodology_name_en: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text)
    county_zh: Mapped[str] = mapped_column(Text)
    county_en: Mapped[str] = mapped_column(Text)
    story_zh: Mapped[str] = mapped_column(Text)
    story_en: Mapped[str] = mapped_column(Text)
    expected_t: Mapped[int] = mapped_column(BigInteger)
    started_on: Mapped[date] = mapped_column(Date)
    state: Mapped[str] = mapped_column(Text)


class Step(Base):
    """One move of a project from state to state, and when."""

    __tablename__ = "registry_step"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("registry_project.id"), index=True)
    state: Mapped[str] = mapped_column(Text)
    taken_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Monitoring(Base):
    """One monitored period of a project with the parameters as stated; periods of a project never overlap."""

    __tablename__ = "registry_monitoring"
    __table_args__ = (
        CheckConstraint("first_day < end_day", name="a_period_is_not_empty"),
        CheckConstraint("first_day >= 0 AND end_day < 1000000", name="a_period_fits_the_key"),
        # One range per project and day: the embedded server has no btree_gist for a two-column exclusion.
        ExcludeConstraint(
            (text("int8range(project_id * 1000000 + first_day, project_id * 1000000 + end_day)"), "&&"),
            name="periods_of_a_project_do_not_overlap",
            using="gist",
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("registry_project.id"))
    first_day: Mapped[int] = mapped_column(Integer)
    end_day: Mapped[int] = mapped_column(Integer)
    vintage: Mapped[int] = mapped_column(Integer)
    methodology_version: Mapped[str] = mapped_column(Text)
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    reduction_t: Mapped[int] = mapped_column(BigInteger)
    submitted_by_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    submitted_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Verification(Base):
    """A verifier's statement on one monitored period, and its acceptance by another person (four eyes)."""

    __tablename__ = "registry_verification"
    __table_args__ = (
        UniqueConstraint("id", "verified_t", name="verified_quantity_can_be_referred_to"),
        CheckConstraint("verified_t > 0", name="something_was_verified"),
        CheckConstraint("verified_by_id <> accepted_by_id", name="a_verification_is_accepted_by_another"),
        CheckConstraint("(accepted_by_id IS NULL) = (accepted_at IS NULL)", name="an_acceptance_has_a_time"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    monitoring_id: Mapped[int] = mapped_column(ForeignKey("registry_monitoring.id"), unique=True)
    verified_t: Mapped[int] = mapped_column(BigInteger)
    verified_by_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    verified_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("kernel_user.id"))
    accepted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
