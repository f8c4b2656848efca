"""Law as dated data: the percentages and thresholds of the measures, and the annual offset plan.

The measures fix two rates and three classes (一(四), 二(三)). Everything else, due date, vintages, netting, the ecological
share, is left to the department's annual plan (年度碳排放抵销实施方案), of which none has been published: a plan entered
here says which of its rules are assumptions, and the pages repeat it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select, update

from market.emitters.tables import Plan
from tanyi.kernel.errors import N_, Conflict, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "annual plan",
    "DRAFT",
    {
        "DRAFT": ("CONSULTATION",),
        "CONSULTATION": ("DRAFT", "ISSUED"),
        "ISSUED": ("AMENDED", "CLOSED"),
        "AMENDED": ("CLOSED",),
        "CLOSED": (),
    },
)
IN_FORCE = ("ISSUED", "AMENDED")
ENTERPRISE_SECTOR, FACILITY = "ENTERPRISE_SECTOR", "FACILITY"


class NoPlan(NotFound):
    """No annual plan of that year is in force."""

    code = "policy.no_plan"
    message = N_("There is no annual offset plan in force for %(year)s.")


class PlanExists(Conflict):
    """A year has one plan."""

    code = "policy.plan_exists"
    message = N_("There is an annual offset plan for %(year)s already.")


@dataclass(frozen=True)
class Law:
    """What the measures fix from a date on."""

    valid_from_on: date
    benchmark_rate: Decimal
    eia_rate: Decimal
    key_from_tco2e: Decimal
    general_from_tco2e: Decimal
    citation: str


LAWS = (
    Law(
        date(2022, 1, 1), Decimal("0.10"), Decimal("0.01"), Decimal(26_000), Decimal(13_000), citation="一(四), 二(三)"
    ),
)


def on(day: date) -> Law:
    """The law in force on a day: the latest entry not after it."""
    in_force = [law for law in LAWS if law.valid_from_on <= day]
    if not in_force:
        raise NoPlan(year=day.year)
    return max(in_force, key=lambda law: law.valid_from_on)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules of one annual plan. `assumptions` names the fields that no published text supports."""

    year: int
    base_year: int
    due_on: date
    ecological_permille: int
    ecological_types: Sequence[str]
    eligible_types: Sequence[str]
    vintage_from: int
    netting: str
    is_strict: bool
    assumptions: Sequence[str]


def draft(work: Work, *, rules: Rules) -> None:
    """Enters a plan as a draft."""
    if work.session.get(Plan, rules.year) is not None:
        raise PlanExists(year=rules.year)
    columns = {name: list(given) if isinstance(given, list | tuple) else given for name, given in vars(rules).items()}
    work.session.add(Plan(**columns, state=STATES.initial))
    work.session.flush()
    work.record("plan.drafted", number=str(rules.year), assumptions=list(rules.assumptions))


def advance(work: Work, *, year: int, to: str) -> None:
    """Takes the plan one step along its table."""
    plan = work.session.get_one(Plan, year, with_for_update=True)
    STATES.refuse_unless_may(plan.state, to)
    work.session.execute(update(Plan).where(Plan.year == year).values(state=to))
    work.record(f"plan.{to.lower()}", number=str(year))


def plan_in_force(reader: Reader, year: int) -> Plan:
    """The plan of a year, or `NoPlan`."""
    plan = reader.session.scalar(select(Plan).where(Plan.year == year, Plan.state.in_(IN_FORCE)))
    if plan is None:
        raise NoPlan(year=year)
    return plan


def latest_plan(reader: Reader) -> Plan | None:
    """The newest plan in force, if there is any."""
    return reader.session.scalar(select(Plan).where(Plan.state.in_(IN_FORCE)).order_by(Plan.year.desc()).limit(1))
