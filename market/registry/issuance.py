"""Verification (核查), its acceptance by the department, and issuance (签发): tonnes come into being once.

The verifier states a quantity not above what was quantified; somebody else accepts it; the ledger makes exactly that
many tonnes for the owner. One verification, one issuance: the database holds each of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select, update

from market.registry import projects
from market.registry.tables import Monitoring, Project, Verification
from tanyi.kernel.errors import N_, Conflict, Forbidden
from tanyi.kernel.identity import serial
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks


class MoreThanQuantified(Conflict):
    """The verifier states more tonnes than the methodology gives."""

    code = "registry.more_than_quantified"
    message = N_("Verified tonnes %(verified_t)s exceed the quantified %(reduction_t)s.")


class SamePerson(Forbidden):
    """Who made it may not approve it (four eyes)."""

    code = "registry.same_person"
    message = N_("Somebody else has to accept what you have verified.")


@dataclass(frozen=True)
class Provenance:
    """Where the tonnes of an issuance come from, as certificates and pages tell it."""

    issuance_id: int
    project_id: int
    project_code: str
    project_name_zh: str
    project_name_en: str
    county_zh: str
    county_en: str
    region: str
    product_type: str
    methodology: str
    vintage: int

    def serial(self, lo: int, end: int) -> str:
        return serial(self.product_type, self.project_code, self.vintage, lo, end)


def verify(work: Work, *, monitoring_id: int, verified_t: Tonnes) -> int:
    """The verifier's statement on a monitored period; gives its id."""
    report = work.session.get_one(Monitoring, monitoring_id)
    if verified_t > report.reduction_t:
        raise MoreThanQuantified(verified_t=int(verified_t), reduction_t=report.reduction_t)
    projects.advance(work, project_id=report.project_id, to="VERIFYING")
    statement = Verification(
        monitoring_id=monitoring_id,
        verified_t=int(verified_t),
        verified_by_id=work.actor.user_id,
        verified_at=work.now,
    )
    work.session.add(statement)
    work.session.flush()
    work.record("verification.stated", verification=str(statement.id), tonnes=str(int(verified_t)))
    return statement.id


def accept(work: Work, *, verification_id: int) -> None:
    """The department accepts a verification that somebody else stated."""
    statement = work.session.get_one(Verification, verification_id)
    if statement.verified_by_id == work.actor.user_id:
        raise SamePerson
    accepted = {"accepted_by_id": work.actor.user_id, "accepted_at": work.now}
    work.session.execute(update(Verification).where(Verification.id == verification_id).values(**accepted))
    work.record("verification.accepted", verification=str(verification_id))


def issue(work: Work, *, verification_id: int) -> int:
    """Makes the verified tonnes for the project's owner; gives the issuance's id."""
    statement = work.session.get_one(Verification, verification_id)
    report = work.session.get_one(Monitoring, statement.monitoring_id)
    project = work.session.get_one(Project, report.project_id)
    projects.advance(work, project_id=project.id, to="ISSUED")
    issuance_id = blocks.issue(
        work,
        verification_id=verification_id,
        verified_t=Tonnes(statement.verified_t),
        quantity_t=Tonnes(statement.verified_t),
        holder_id=project.owner_id,
        origin_key=f"{project.code}/{report.vintage}/{report.id}",
    )
    work.record("tonnes.issued", number=project.code, vintage=str(report.vintage), tonnes=str(statement.verified_t))
    return issuance_id


def provenance(reader: Reader, issuance_ids: Iterable[int]) -> dict[int, Provenance]:
    """Where the tonnes of these issuances come from."""
    verifications = blocks.verifications_of(reader, issuance_ids)
    query = (
        select(Verification.id, Monitoring, Project)
        .join(Monitoring, Monitoring.id == Verification.monitoring_id)
        .join(Project, Project.id == Monitoring.project_id)
        .where(Verification.id.in_(verifications.values()))
    )
    found = {verification_id: (report, project) for verification_id, report, project in reader.session.execute(query)}
    return {issuance_id: _provenance(issuance_id, *found[v]) for issuance_id, v in verifications.items()}


def _provenance(issuance_id: int, report: Monitoring, project: Project) -> Provenance:
    return Provenance(
        issuance_id,
        project.id,
        project.code,
        project.name_zh,
        project.name_en,
        project.county_zh,
        project.county_en,
        project.region,
        project.product_type,
        report.methodology_version,
        report.vintage,
    )


def of_projects(reader: Reader, project_ids: Iterable[int]) -> dict[int, list[int]]:
    """The issuances of each project, oldest first."""
    query = (
        select(Monitoring.project_id, Verification.id)
        .join(Verification, Verification.monitoring_id == Monitoring.id)
        .where(Monitoring.project_id.in_(project_ids))
    )
    project_of = {verification_id: project_id for project_id, verification_id in reader.session.execute(query)}
    issued: dict[int, list[int]] = {}
    for verification_id, issuance_id in blocks.issuances_of(reader, project_of).items():
        issued.setdefault(project_of[verification_id], []).append(issuance_id)
    return issued


def ids_of(reader: Reader, *, product_type: str = "", region: str = "") -> set[int]:
    """The issuances of one product type, one region, or both."""
    query = (
        select(Verification.id)
        .join(Monitoring, Monitoring.id == Verification.monitoring_id)
        .join(Project, Project.id == Monitoring.project_id)
    )
    if product_type:
        query = query.where(Project.product_type == product_type)
    if region:
        query = query.where(Project.region == region)
    return set(blocks.issuances_of(reader, reader.session.scalars(query).all()).values())


def statements(reader: Reader, monitoring_ids: Iterable[int]) -> Mapping[int, Verification]:
    """What the verifier stated on each of these monitored periods."""
    query = select(Verification).where(Verification.monitoring_id.in_(set(monitoring_ids)))
    return {row.monitoring_id: row for row in reader.session.scalars(query)}


def stated(reader: Reader, user_ids: Iterable[int] | None = None) -> list[tuple[Verification, Monitoring, Project]]:
    """The verifications that some users have stated, or all of them, newest first, with period and project."""
    query = (
        select(Verification, Monitoring, Project)
        .join(Monitoring, Monitoring.id == Verification.monitoring_id)
        .join(Project, Project.id == Monitoring.project_id)
        .order_by(Verification.id.desc())
    )
    if user_ids is not None:
        query = query.where(Verification.verified_by_id.in_(set(user_ids)))
    return [(row[0], row[1], row[2]) for row in reader.session.execute(query)]
