"""EIA projects (新改扩建项目, 二(三)): 1 % of the total emissions in the approved environmental impact document.

The total of the approved document counts, also for a reconstruction (case 17), once (case 18). A re-approval after a
major change replaces the figure and leaves a delta; a project that is dropped ends the duty, holdings are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select, update

from market.emitters import obligations, policy
from market.emitters.policy import Law
from market.emitters.tables import EiaProject, Obligation
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.quantities import Tonnes, tonnes_due
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "EIA project",
    "APPROVED",
    {"APPROVED": ("AMENDED", "CANCELLED"), "AMENDED": ("AMENDED", "CANCELLED"), "CANCELLED": ()},
)


@dataclass(frozen=True, kw_only=True)
class Approval:
    """What an approval says. `kind` is NEW, RECONSTRUCTION or EXPANSION; the total is tCO2e as stated."""

    code: str
    organisation_id: int
    kind: str
    name_zh: str
    name_en: str
    approval_number: str
    approving_level: str
    approved_on: date
    approved_tco2e: Decimal


def eia_duty(approved_tco2e: Decimal, law: Law) -> Tonnes:
    """The duty of an approved total, rounded up once."""
    return tonnes_due(law.eia_rate * approved_tco2e)


def approve(work: Work, *, plan_year: int, approval: Approval) -> int:
    """Enters an approval and notifies its duty; gives the obligation's id."""
    project = EiaProject(**vars(approval), state=STATES.initial)
    work.session.add(project)
    work.session.flush()
    required_t = eia_duty(approval.approved_tco2e, policy.on(approval.approved_on))
    work.record("eia_project.approved", number=approval.code, total=str(approval.approved_tco2e))
    return obligations.notify_eia(
        work,
        plan_year=plan_year,
        organisation_id=approval.organisation_id,
        eia_project_id=project.id,
        required_t=required_t,
    )


def amend(work: Work, *, code: str, approved_tco2e: Decimal) -> int:
    """A re-approval with another total; gives the change of the duty in tonnes."""
    project, duty = _locked(work, code)
    STATES.refuse_unless_may(project.state, "AMENDED")
    changed = {"state": "AMENDED", "approved_tco2e": approved_tco2e}
    work.session.execute(update(EiaProject).where(EiaProject.code == code).values(**changed))
    work.record("eia_project.amended", number=code, total=str(approved_tco2e))
    required_t = eia_duty(approved_tco2e, policy.on(project.approved_on))
    return obligations.correct(work, obligation_id=duty.id, required_t=required_t)


def cancel(work: Work, *, code: str) -> None:
    """The project is dropped: its duty ends."""
    project, duty = _locked(work, code)
    STATES.refuse_unless_may(project.state, "CANCELLED")
    work.session.execute(update(EiaProject).where(EiaProject.code == code).values(state="CANCELLED"))
    work.record("eia_project.cancelled", number=code)
    obligations.cancel(work, obligation_id=duty.id)


def is_cancelled(reader: Reader, code: str) -> bool:
    """Whether a project was dropped."""
    query = select(EiaProject.id).where(EiaProject.code == code, EiaProject.state.in_(STATES.terminal))
    return reader.session.scalar(query) is not None


def _locked(work: Work, code: str) -> tuple[EiaProject, Obligation]:
    project = work.session.scalars(select(EiaProject).where(EiaProject.code == code).with_for_update()).one()
    duty = work.session.scalars(select(Obligation).where(Obligation.eia_project_id == project.id)).one()
    return project, duty
