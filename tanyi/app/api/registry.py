"""Supply in the API: projects, what was issued for them, and what the own organisation holds. Projects are public."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from market.registry import issuance, projects
from tanyi.app.api.answers import Listed, Origin, listed, origin
from tanyi.app.intake import page_of
from tanyi.app.security import Visitor, access
from tanyi.kernel import parties
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

MOST_FOUND = 10_000


class ProjectShown(msgspec.Struct, frozen=True, kw_only=True):
    """A project of the registry. `expected_t` is whole tonnes a year; `methodology` None: not in force yet."""

    code: str
    name_zh: str
    name_en: str
    owner: str
    product_type: str
    methodology: str | None
    region: str
    county_zh: str
    county_en: str
    started_on: date
    expected_t: int
    state: str


class StepShown(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a project's procedure."""

    state: str
    taken_at: datetime


class IssuedShown(msgspec.Struct, frozen=True, kw_only=True):
    """Tonnes of one issuance by the state they are in."""

    origin: Origin
    tonnes: dict[str, int]


class ProjectWhole(msgspec.Struct, frozen=True, kw_only=True):
    """A project with its procedure and its tonnes."""

    project: ProjectShown
    steps: list[StepShown]
    issued: list[IssuedShown]


class HoldingShown(msgspec.Struct, frozen=True, kw_only=True):
    """Free tonnes of the own organisation."""

    origin: Origin
    free_t: int


@get("/api/v1/projects", opt=access(scope="public"), sync_to_thread=True, tags=["registry"])
def all_projects(
    reader: NamedDependency[Reader],
    search: FromQuery[str] = "",
    product_type: FromQuery[str] = "",
    cursor: FromQuery[int | None] = None,
    limit: FromQuery[int | None] = None,
) -> Listed[ProjectShown]:
    """Projects by words of their code, name or place and by product type."""
    found, _ = projects.search(reader, words=search[:100], product_type=product_type, most=MOST_FOUND)
    page = page_of(found, key=lambda project: project.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: _shown(reader, rows))


@get("/api/v1/projects/{code:str}", opt=access(scope="public"), sync_to_thread=True, tags=["registry"])
def one_project(code: FromPath[str], reader: NamedDependency[Reader]) -> ProjectWhole:
    """One project with its steps and its tonnes."""
    project = projects.by_code_or_refuse(reader, code)
    issued = issuance.of_projects(reader, [project.id]).get(project.id, [])
    origins, tonnes = issuance.provenance(reader, issued), blocks.states_t(reader, issued)
    return ProjectWhole(
        project=_shown(reader, [project])[0],
        steps=[StepShown(state=state, taken_at=at) for state, at in projects.timeline(reader, project.id)],
        issued=[IssuedShown(origin=origin(origins[each]), tonnes=_plain(tonnes.get(each, {}))) for each in issued],
    )


@get("/api/v1/holdings", opt=access("seller", "firm", "organiser", scope="own"), sync_to_thread=True, tags=["registry"])
def own_holdings(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> Listed[HoldingShown]:
    """The free tonnes of the own organisation: what can be put on sale or retired."""
    free = blocks.free_t(reader, visitor.organisation_id)
    origins = issuance.provenance(reader, free)
    items = [HoldingShown(origin=origin(origins[each]), free_t=int(free[each])) for each in sorted(free)]
    return Listed(items=items, next_cursor=None)


def _plain(tonnes: dict[str, blocks.Tonnes]) -> dict[str, int]:
    return {state: int(quantity_t) for state, quantity_t in tonnes.items()}


def _shown(reader: Reader, rows: Sequence[projects.Project]) -> list[ProjectShown]:
    owners = parties.organisations(reader, {row.owner_id for row in rows})
    return [
        ProjectShown(
            code=row.code,
            name_zh=row.name_zh,
            name_en=row.name_en,
            owner=owners[row.owner_id].code,
            product_type=row.product_type,
            methodology=row.methodology,
            region=row.region,
            county_zh=row.county_zh,
            county_en=row.county_en,
            started_on=row.started_on,
            expected_t=row.expected_t,
            state=row.state,
        )
        for row in rows
    ]


ROUTES = [all_projects, one_project, own_holdings]
