"""Monitored periods: what an owner measured, quantified at once by the version of the methodology then in force.

The parameters are kept as stated, so the figure can be worked out again step by step at any time (domain §4). Two
periods of one project never overlap: the database holds that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from market.registry import methodology, projects
from market.registry.tables import Monitoring, Project, Verification
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.work import Reader, Work

DAY_ZERO = date(2000, 1, 1)


class PeriodWrong(Invalid):
    """The period is empty, before the project's start, not over yet, or spans two vintages."""

    code = "registry.period_wrong"
    message = N_("A monitored period lies inside one calendar year, after the project's start and before today.")


def refuse_unless_period(first_on: date, end_on: date, started_on: date, today: date) -> None:
    """[first_on, end_on) inside one calendar year, since the vintage is that year (domain §4.7)."""
    inside = first_on < end_on <= date(first_on.year + 1, 1, 1)
    if not (inside and first_on >= started_on and end_on <= today):
        raise PeriodWrong


def submit(work: Work, *, project_id: int, first_on: date, end_on: date, parameters: dict[str, Any]) -> Monitoring:
    """Enters a monitored period [first_on, end_on) and quantifies it; the project goes to MONITORING."""
    project = work.session.get_one(Project, project_id)
    refuse_unless_period(first_on, end_on, project.started_on, work.today)
    projects.advance(work, project_id=project_id, to="MONITORING")
    assert project.methodology is not None, "only a project with a methodology reaches registration"
    version = methodology.by_code(project.methodology).version_on(end_on)
    quantified = methodology.quantify(project.methodology, version, parameters)
    report = Monitoring(
        project_id=project_id,
        first_day=(first_on - DAY_ZERO).days,
        end_day=(end_on - DAY_ZERO).days,
        vintage=first_on.year,
        methodology_version=methodology.reference(project.methodology, version),
        parameters=parameters,
        reduction_t=int(quantified.quantity_t),
        submitted_by_id=work.actor.user_id,
        submitted_at=work.now,
    )
    work.session.add(report)
    work.session.flush()
    work.record("monitoring.submitted", number=project.code, vintage=str(first_on.year), tonnes=str(report.reduction_t))
    return report


def replay(report: Monitoring) -> methodology.Quantification:
    """The quantification worked out again from the stated parameters, by the version it was made with."""
    method, version = methodology.by_reference(report.methodology_version)
    return methodology.quantify(method.code, version, report.parameters)


def of_project(reader: Reader, project_id: int) -> Sequence[Monitoring]:
    """The monitored periods of a project, oldest first."""
    query = select(Monitoring).where(Monitoring.project_id == project_id).order_by(Monitoring.first_day)
    return reader.session.scalars(query).all()


def waiting(reader: Reader) -> Sequence[tuple[Monitoring, Project]]:
    """The monitored periods that no verifier has stated anything on, with their projects, oldest first."""
    stated = select(Verification.monitoring_id)
    query = select(Monitoring, Project).join(Project, Project.id == Monitoring.project_id)
    rows = reader.session.execute(query.where(Monitoring.id.not_in(stated)).order_by(Monitoring.id))
    return [(row[0], row[1]) for row in rows]
