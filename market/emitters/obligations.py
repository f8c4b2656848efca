"""Duties (抵销义务, 二(三)): 10 % of verified emissions above the benchmark; 1 % of a new project's approved EIA total.

A duty is whole tonnes, rounded up once on exact decimals. It is met by retirement for it and by nothing else: the
database sums what was retired and generates the coverage, so nobody can set MET. A year without a benchmark is
NOT_ASSESSABLE_NO_BENCHMARK, which is not a duty of zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, update

from market.emitters import benchmarks, policy, reports
from market.emitters.classes import emitter_class
from market.emitters.policy import FACILITY, Law
from market.emitters.reports import SiteYear
from market.emitters.tables import Assessment, EiaProject, Obligation, Plan
from tanyi.kernel import quantities
from tanyi.kernel.errors import N_, Conflict, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader, Work

ASSESSED, NO_BENCHMARK, NO_EMISSIONS = "ASSESSED", "NOT_ASSESSABLE_NO_BENCHMARK", "NOT_ASSESSABLE_NO_EMISSIONS"
BENCHMARK_EXCESS, EIA_PROJECT = "BENCHMARK_EXCESS", "EIA_PROJECT"

# The procedure of a duty; its coverage (OPEN, PARTIAL, MET, OVER) is a generated column beside it.
STATES = Lifecycle("obligation", "NOTIFIED", {"NOTIFIED": ("CANCELLED", "CLOSED"), "CANCELLED": (), "CLOSED": ()})


class AlreadyAssessed(Conflict):
    """The firm has a duty of this kind under this plan already."""

    code = "emitters.already_assessed"
    message = N_("The duties of %(year)s were assessed before.")


@dataclass(frozen=True)
class Intensity:
    """A benchmark as the rule needs it: tCO2e a unit of output."""

    key: str
    tco2e_per_unit: Decimal
    unit: str


@dataclass(frozen=True)
class Outcome:
    """What the rule makes of one firm's year in one sector. Figures in tCO2e are exact; `duty_t` is whole tonnes."""

    status: str
    emissions_tco2e: Decimal | None
    benchmark_tco2e: Decimal | None
    duty_t: Tonnes | None
    steps: tuple[dict[str, Any], ...]


def assessed(sites: Sequence[SiteYear], intensities: Mapping[str, Intensity], law: Law, netting: str) -> Outcome:
    """One firm's sites of one sector against their benchmarks (domain §1.5, cases 4, 7, 8, 13).

    Netting by enterprise sums before it compares; by facility each site stands alone, which is never less.
    """
    with quantities.exact_decimals():
        return _assessed(sites, intensities, law, netting)


def _assessed(sites: Sequence[SiteYear], intensities: Mapping[str, Intensity], law: Law, netting: str) -> Outcome:
    steps = tuple(_step(site, intensities) for site in sites)
    if any(site.emissions_tco2e is None for site in sites):
        return Outcome(NO_EMISSIONS, None, None, None, steps)
    emissions = sum((site.emissions_tco2e for site in sites if site.emissions_tco2e is not None), Decimal(0))
    if any(site.benchmark_key not in intensities or site.output is None for site in sites):
        return Outcome(NO_BENCHMARK, emissions, None, None, steps)
    allowed = [_allowed(site, intensities) for site in sites]
    excesses = [(site.emissions_tco2e or Decimal(0)) - limit for site, limit in zip(sites, allowed, strict=True)]
    excess = (
        sum((max(Decimal(0), x) for x in excesses), Decimal(0)) if netting == FACILITY else sum(excesses, Decimal(0))
    )
    duty_t = quantities.tonnes_due(law.benchmark_rate * max(Decimal(0), excess))
    return Outcome(ASSESSED, emissions, sum(allowed, Decimal(0)), duty_t, steps)


def _allowed(site: SiteYear, intensities: Mapping[str, Intensity]) -> Decimal:
    assert site.benchmark_key is not None and site.output is not None
    return intensities[site.benchmark_key].tco2e_per_unit * site.output


def _step(site: SiteYear, intensities: Mapping[str, Intensity]) -> dict[str, Any]:
    used = intensities.get(site.benchmark_key or "")
    return {
        "name_zh": site.name_zh,
        "name_en": site.name_en,
        "emissions_tco2e": _plain(site.emissions_tco2e),
        "output": _plain(site.output),
        "output_unit": site.output_unit,
        "benchmark_key": site.benchmark_key,
        "benchmark": _plain(used.tco2e_per_unit) if used else None,
        "benchmark_unit": used.unit if used else None,
        "allowed_tco2e": _plain(_allowed(site, intensities)) if used and site.output is not None else None,
    }


def _plain(figure: Decimal | None) -> str | None:
    return None if figure is None else format(figure.normalize(), "f")


def assess(work: Work, *, plan_year: int) -> list[int]:
    """Assesses every firm's base year under the plan and notifies the duties; gives the obligations' ids."""
    plan = policy.plan_in_force(work, plan_year)
    taken = select(func.count()).select_from(Assessment).where(Assessment.year == plan.base_year)
    if work.session.scalars(taken).one():
        raise AlreadyAssessed(year=plan_year)
    end_of_year = date(plan.base_year, 12, 31)
    law = policy.on(end_of_year)
    intensities = _intensities(work, end_of_year, plan.is_strict)
    firms: dict[tuple[int, str], list[SiteYear]] = {}
    for site in reports.site_years(work, year=plan.base_year):
        firms.setdefault((site.organisation_id, site.sector), []).append(site)
    notified = []
    for (organisation_id, sector), sites in firms.items():
        outcome = assessed(sites, intensities, law, plan.netting)
        assessment = _keep(work, organisation_id, sector, plan, outcome, law)
        if outcome.duty_t:
            notified.append(
                _notify(work, plan, organisation_id, BENCHMARK_EXCESS, outcome.duty_t, assessment_id=assessment)
            )
    return notified


def total_duty(
    reader: Reader, *, base_year: int, is_strict: bool, organisation_ids: Iterable[int] | None = None
) -> Tonnes:
    """The benchmark duty of a year worked out anew in either mode, stored or not; of some firms or of all."""
    end_of_year = date(base_year, 12, 31)
    law, intensities = policy.on(end_of_year), _intensities(reader, end_of_year, is_strict)
    firms: dict[tuple[int, str], list[SiteYear]] = {}
    chosen = None if organisation_ids is None else set(organisation_ids)
    for site in reports.site_years(reader, year=base_year):
        if chosen is None or site.organisation_id in chosen:
            firms.setdefault((site.organisation_id, site.sector), []).append(site)
    outcomes = [assessed(sites, intensities, law, policy.ENTERPRISE_SECTOR) for sites in firms.values()]
    return sum((outcome.duty_t for outcome in outcomes if outcome.duty_t is not None), Tonnes(0))


def _intensities(reader: Reader, on: date, is_strict: bool) -> dict[str, Intensity]:
    rows = benchmarks.in_force(reader, on=on, is_strict=is_strict)
    return {key: Intensity(key, row.intensity, row.unit) for key, row in rows.items()}


def _keep(work: Work, organisation_id: int, sector: str, plan: Plan, outcome: Outcome, law: Law) -> int:
    row = Assessment(
        organisation_id=organisation_id,
        sector=sector,
        year=plan.base_year,
        version=1,
        status=outcome.status,
        emitter_class=emitter_class(outcome.emissions_tco2e, law),
        emissions_tco2e=outcome.emissions_tco2e,
        benchmark_tco2e=outcome.benchmark_tco2e,
        duty_t=None if outcome.duty_t is None else int(outcome.duty_t),
        steps=list(outcome.steps),
    )
    work.session.add(row)
    work.session.flush()
    return row.id


def _notify(work: Work, plan: Plan, organisation_id: int, kind: str, required_t: Tonnes, **ground: int) -> int:
    short = "B" if kind == BENCHMARK_EXCESS else "E"
    taken = select(func.count()).select_from(Obligation).where(Obligation.plan_year == plan.year)
    number = f"D{plan.year}-{short}{work.session.scalars(taken).one() + 1:03d}"
    row = Obligation(
        number=number,
        organisation_id=organisation_id,
        kind=kind,
        plan_year=plan.year,
        required_t=int(required_t),
        due_on=plan.due_on,
        state=STATES.initial,
        **ground,
    )
    work.session.add(row)
    work.session.flush()
    work.record(
        "obligation.notified", number=number, kind=kind, tonnes=str(int(required_t)), due=plan.due_on.isoformat()
    )
    return row.id


def notify_eia(work: Work, *, plan_year: int, organisation_id: int, eia_project_id: int, required_t: Tonnes) -> int:
    """Notifies the duty of an approved EIA project; gives the obligation's id."""
    plan = policy.plan_in_force(work, plan_year)
    return _notify(work, plan, organisation_id, EIA_PROJECT, required_t, eia_project_id=eia_project_id)


def correct(work: Work, *, obligation_id: int, required_t: Tonnes) -> int:
    """Replaces the figure of a duty after a correction and gives the delta; nothing retired is ever revived."""
    duty = work.session.get_one(Obligation, obligation_id, with_for_update=True)
    delta_t = int(required_t) - duty.required_t
    work.session.execute(update(Obligation).where(Obligation.id == obligation_id).values(required_t=int(required_t)))
    work.record("obligation.corrected", number=duty.number, tonnes=str(int(required_t)), delta=str(delta_t))
    return delta_t


def cancel(work: Work, *, obligation_id: int) -> None:
    """Ends a duty whose ground is gone; holdings are kept, retirements stand."""
    duty = work.session.get_one(Obligation, obligation_id, with_for_update=True)
    STATES.refuse_unless_may(duty.state, "CANCELLED")
    work.session.execute(update(Obligation).where(Obligation.id == obligation_id).values(state="CANCELLED"))
    work.record("obligation.cancelled", number=duty.number)


def by_number(reader: Reader, number: str) -> Obligation:
    """A duty by its number, or `NotFound`."""
    duty = reader.session.scalar(select(Obligation).where(Obligation.number == number))
    if duty is None:
        raise NotFound
    return duty


def by_ids(reader: Reader, ids: Iterable[int]) -> dict[int, Obligation]:
    """Duties by their ids."""
    rows = reader.session.scalars(select(Obligation).where(Obligation.id.in_(set(ids))))
    return {row.id: row for row in rows}


def held(work: Work, *, ids: Iterable[int]) -> Sequence[Obligation]:
    """Duties by their ids, locked in order, so that two who retire for one duty at once see one another."""
    query = select(Obligation).where(Obligation.id.in_(set(ids))).order_by(Obligation.id).with_for_update()
    return work.session.scalars(query.execution_options(populate_existing=True)).all()


def of_plan(reader: Reader, plan_year: int, organisation_id: int | None = None) -> Sequence[Obligation]:
    """The duties under a plan that stand, of one firm or of all, in the order of their numbers."""
    query = select(Obligation).where(Obligation.plan_year == plan_year, Obligation.state != "CANCELLED")
    if organisation_id is not None:
        query = query.where(Obligation.organisation_id == organisation_id)
    return reader.session.scalars(query.order_by(Obligation.number)).all()


def numbered_like(reader: Reader, words: str, most: int, organisation_id: int | None = None) -> Sequence[Obligation]:
    """The duties whose number has these words, of one firm or of all."""
    query = select(Obligation).where(Obligation.number.icontains(words, autoescape=True))
    if organisation_id is not None:
        query = query.where(Obligation.organisation_id == organisation_id)
    return reader.session.scalars(query.order_by(Obligation.number).limit(most)).all()


def assessments(reader: Reader, year: int, organisation_id: int | None = None) -> Sequence[Assessment]:
    """The assessments of a year, of one firm or of all."""
    query = select(Assessment).where(Assessment.year == year).order_by(Assessment.id)
    if organisation_id is not None:
        query = query.where(Assessment.organisation_id == organisation_id)
    return reader.session.scalars(query).all()


def ground_of(reader: Reader, duty: Obligation) -> Assessment | EiaProject:
    """What a duty rests on: an assessment or an EIA project."""
    if duty.assessment_id is not None:
        return reader.session.get_one(Assessment, duty.assessment_id)
    return reader.session.get_one(EiaProject, duty.eia_project_id)


def eia_codes(reader: Reader, obligation_ids: Iterable[int]) -> dict[int, str]:
    """The codes of the EIA projects that these duties rest on; benchmark duties are left out."""
    query = select(Obligation.id, EiaProject.code).join(EiaProject, EiaProject.id == Obligation.eia_project_id)
    return {row[0]: row[1] for row in reader.session.execute(query.where(Obligation.id.in_(set(obligation_ids))))}


CHECKS = {
    "a_duty_counts_what_was_retired_for_it": """
        SELECT d.number FROM emitters_obligation d LEFT JOIN (
            SELECT r.obligation_id, sum(b.end_ - b.lo) AS tonnes FROM settlement_retirement r
            JOIN ledger_block b ON b.retirement_id = r.id AND b.state = 'RETIRED' GROUP BY r.obligation_id) s
        ON s.obligation_id = d.id WHERE d.retired_t <> COALESCE(s.tonnes, 0)""",
}
