"""Projects (降碳产品项目) from draft to registration and on to issuance, step by step and dated (二(一), domain §2.3).

The procedure of Hebei was assembled from practice; the official text was not found. A project without a methodology in
this system waits as a draft and issues nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, or_, select, update

from market.registry.methodology import by_code
from market.registry.tables import Project, Step
from tanyi.kernel.errors import N_, Conflict, NotFound
from tanyi.kernel.identity import area_prefix
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "project",
    "DRAFT",
    {
        "DRAFT": ("SUBMITTED",),
        "SUBMITTED": ("ACCEPTED", "RETURNED", "REJECTED"),
        "RETURNED": ("SUBMITTED",),
        "ACCEPTED": ("PUBLICISED",),
        "PUBLICISED": ("VALIDATED", "REJECTED"),
        "VALIDATED": ("REGISTERED", "REJECTED"),
        "REGISTERED": ("MONITORING", "SUSPENDED", "CLOSED"),
        "MONITORING": ("VERIFYING", "SUSPENDED"),
        "VERIFYING": ("MONITORING", "ISSUED", "SUSPENDED"),
        "ISSUED": ("MONITORING", "SUSPENDED", "CLOSED"),
        "SUSPENDED": ("REGISTERED", "CLOSED"),
        "CLOSED": (),
        "REJECTED": (),
    },
)
TO_REGISTRATION = ("SUBMITTED", "ACCEPTED", "PUBLICISED", "VALIDATED", "REGISTERED")


class MethodologyPending(Conflict):
    """The project's methodology is not in force here yet."""

    code = "registry.methodology_pending"
    message = N_("The methodology of project %(project)s is not in force yet, so it cannot go on.")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What an owner states about a project; `expected_t` is whole tonnes a year."""

    code: str
    owner_id: int
    product_type: str
    methodology: str | None
    methodology_name_zh: str
    methodology_name_en: str
    name_zh: str
    name_en: str
    region: str
    county_zh: str
    county_en: str
    story_zh: str
    story_en: str
    expected_t: int
    started_on: date


def draft(work: Work, *, description: Description) -> Project:
    """Enters a project as a draft; a methodology that is named must exist."""
    if description.methodology is not None:
        by_code(description.methodology)
    project = Project(**vars(description), state=STATES.initial)
    work.session.add(project)
    work.session.flush()
    _note(work, project.id, STATES.initial)
    work.record("project.drafted", number=project.code, product_type=project.product_type)
    return project


def advance(work: Work, *, project_id: int, to: str) -> None:
    """Takes a project one step further along the table above."""
    query = select(Project).where(Project.id == project_id).with_for_update()
    project = work.session.scalars(query.execution_options(populate_existing=True)).one()
    STATES.refuse_unless_may(project.state, to)
    if to == "SUBMITTED" and project.methodology is None:
        raise MethodologyPending(project=project.code)
    work.session.execute(update(Project).where(Project.id == project_id).values(state=to))
    _note(work, project_id, to)
    work.record(f"project.{to.lower()}", number=project.code)


def _note(work: Work, project_id: int, state: str) -> None:
    work.session.add(Step(project_id=project_id, state=state, taken_at=work.now))
    work.session.flush()


def registered(reader: Reader) -> Sequence[Project]:
    """Projects that are registered and have not been monitored yet."""
    return reader.session.scalars(select(Project).where(Project.state == "REGISTERED").order_by(Project.code)).all()


def by_code_or_refuse(reader: Reader, code: str) -> Project:
    """A project by its public code, or `NotFound`."""
    project = reader.session.scalar(select(Project).where(Project.code == code))
    if project is None:
        raise NotFound
    return project


def all_projects(reader: Reader) -> Sequence[Project]:
    """Every project in the order of its code: the registry is public."""
    return reader.session.scalars(select(Project).order_by(Project.code)).all()


def of_owner(reader: Reader, owner_id: int) -> Sequence[Project]:
    """The projects of one owner."""
    return reader.session.scalars(select(Project).where(Project.owner_id == owner_id).order_by(Project.code)).all()


def timeline(reader: Reader, project_id: int) -> list[tuple[str, datetime]]:
    """The steps taken so far, oldest first."""
    query = select(Step.state, Step.taken_at).where(Step.project_id == project_id).order_by(Step.id)
    return [(state, taken_at) for state, taken_at in reader.session.execute(query)]


def search(
    reader: Reader,
    *,
    words: str = "",
    owner_ids: Collection[int] = (),
    product_type: str = "",
    state: str = "",
    jurisdiction: str | None = None,
    first: int = 0,
    most: int = 20,
) -> tuple[Sequence[Project], int]:
    """Projects whose code, name or place has the words or whose owner is named; gives one page and how many in all.

    `state` is a state of the table above or `PENDING` for projects whose methodology is not in force. `jurisdiction`: only
    projects in the regions that an office for it looks after.
    """
    query = select(Project)
    if words:
        texts = (Project.code, Project.name_zh, Project.name_en, Project.county_zh, Project.county_en)
        said = [text.icontains(words, autoescape=True) for text in texts]
        query = query.where(or_(*said, Project.owner_id.in_(owner_ids)))
    if product_type:
        query = query.where(Project.product_type == product_type)
    if jurisdiction is not None:
        query = query.where(Project.region.startswith(area_prefix(jurisdiction)))
    query = _in_state(query, state)
    total = reader.session.scalars(select(func.count()).select_from(query.subquery())).one()
    return reader.session.scalars(query.order_by(Project.code).offset(first).limit(most)).all(), total


PENDING = "METHODOLOGY_PENDING"  # what pages say of a draft whose methodology is not in force


def _in_state(query: Select[Project], state: str) -> Select[Project]:
    if state == PENDING:
        return query.where(Project.methodology.is_(None))
    return query.where(Project.state == state, Project.methodology.is_not(None)) if state else query


def total(reader: Reader) -> int:
    """How many projects the registry has."""
    return reader.session.scalars(select(func.count()).select_from(Project)).one()


def types_in_use(reader: Reader) -> list[str]:
    """The product types that projects have, with and without a methodology."""
    return list(reader.session.scalars(select(Project.product_type).distinct().order_by(Project.product_type)))
