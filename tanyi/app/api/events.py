"""Neutral events in the API: an organiser's own events, their plans, estimates and actuals.

These routes are for organisers and firms, and know nothing of others' events (404). What offsets, confirms and declares
an event stands in `event_offsets`, what is public of it in `public_events`.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, RawBody
from msgspec import Meta

from market.emitters.footprint import Activity, Footprint
from settlement.neutrality import calculations, covers, events, plans, standing
from settlement.neutrality.calculations import Calculation
from settlement.neutrality.events import Event
from settlement.neutrality.plans import Step
from tanyi.app.api.answers import Listed, listed, once, takes
from tanyi.app.api.factors import Activities, workbook
from tanyi.app.intake import Shape, Text, page_of, read_json
from tanyi.app.security import Visitor, access
from tanyi.kernel.errors import NotFound
from tanyi.kernel.work import Reader, Work

OWN: dict[str, Any] = access("organiser", "firm", scope="own")
Prose = Annotated[str, Meta(max_length=events.LONGEST_PROSE)]
Word = Annotated[str, Meta(max_length=40)]


class EventStated(Shape, frozen=True, kw_only=True):
    """What an organiser says of an event; `phases` is the boundary and must hold EVENT."""

    kind: Word
    name: Text
    starts_on: date
    ends_on: date
    place: Text
    region: Word = "HEBEI"
    content: Prose = ""
    expected_participants: Annotated[int, Meta(ge=1, le=10**9)] | None = None
    co_organisers: Annotated[list[Text], Meta(max_length=events.MOST_ORGANISERS)] = msgspec.field(default_factory=list)
    phases: Annotated[list[Word], Meta(max_length=3)] = msgspec.field(default_factory=lambda: [events.EVENT_PHASE])
    boundary: Prose = ""

    def facts(self) -> events.Facts:
        """The facts as the verbs take them."""
        lists: dict[str, Any] = {"co_organisers": tuple(self.co_organisers), "phases": tuple(self.phases)}
        return events.Facts(**(msgspec.structs.asdict(self) | lists))


class ActivitiesStated(Shape, frozen=True, kw_only=True):
    """A list of activities; with flights, whether their radiative forcing counts."""

    activities: Activities
    has_radiative_forcing: bool | None = None


class MeasureStated(Shape, frozen=True, kw_only=True):
    """A reduction measure; `saving_kg` is what it is expected to save, if somebody can say."""

    phase: Word
    description: Prose
    saving_kg: Decimal | None = None


class PlanStated(Shape, frozen=True, kw_only=True):
    """What a plan needs beside the event and its estimate; stated as a whole, anew each time."""

    measures: Annotated[list[MeasureStated], Meta(max_length=plans.MOST_MEASURES)]
    offset_method: Word | None = None
    neutral_by_on: date | None = None


class StandingShown(msgspec.Struct, frozen=True, kw_only=True):
    """Where an event stands in tonnes. `under_way_t` is paid or reserved for it and not retired yet."""

    estimate_t: int | None
    actual_t: int | None
    retired_t: int
    forest_t: int
    missing_t: int
    surplus_t: int
    under_way_t: int
    deadline_on: date
    neutral_on: date | None
    is_overdue: bool


class EventShown(msgspec.Struct, frozen=True, kw_only=True):
    """An own event; `plan_lacks` are the items of art. 9 (5) that its plan still needs."""

    number: str
    state: str
    kind: str
    name: str
    starts_on: date
    ends_on: date
    place: str
    region: str
    content: str
    expected_participants: int | None
    co_organisers: list[str]
    phases: list[str]
    boundary: str
    offset_method: str | None
    neutral_by_on: date | None
    measures: list[MeasureStated]
    plan_lacks: list[str]
    standing: StandingShown


class CalculationShown(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an estimate or of actuals as it was stated, with the factors that counted then."""

    stage: str
    version: int
    stated_at: datetime
    retire_t: int
    activities: list[Activity]
    footprint: Footprint


@get("/api/v1/events", opt=OWN, sync_to_thread=True, tags=["events"])
def own_events(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    cursor: FromQuery[int | None] = None,
    limit: FromQuery[int | None] = None,
) -> Listed[EventShown]:
    """The own events."""
    found = events.of_organiser(reader, visitor.organisation_id)
    page = page_of(found, key=lambda event: event.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: [shown(reader, row) for row in rows])


@post(
    "/api/v1/events",
    opt=OWN | takes(EventStated, is_keyed=True),
    status_code=201,
    sync_to_thread=True,
    tags=["events"],
)
def draft_event(
    body: RawBody, request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> Response[EventShown]:
    """Enters an event as a draft."""
    stated = read_json(body, EventStated)

    def drafted() -> EventShown:
        return shown(work, events.draft(work, organiser_id=visitor.organisation_id, facts=stated.facts()))

    return once(work, request, stated, drafted)


@get("/api/v1/events/{number:str}", opt=OWN, sync_to_thread=True, tags=["events"])
def own_event(number: FromPath[str], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> EventShown:
    """One own event."""
    return shown(reader, events.own(reader, number, visitor.organisation_id))


@put("/api/v1/events/{number:str}", opt=OWN | takes(EventStated), sync_to_thread=True, tags=["events"])
def describe_event(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EventShown:
    """Describes a draft anew."""
    facts = read_json(body, EventStated).facts()
    return shown(work, events.describe(work, number=number, organiser_id=visitor.organisation_id, facts=facts))


@post("/api/v1/events/{number:str}/withdrawal", opt=OWN, status_code=200, sync_to_thread=True, tags=["events"])
def withdraw_event(number: FromPath[str], visitor: NamedDependency[Visitor], work: NamedDependency[Work]) -> EventShown:
    """Ends the way of an event for which nothing was retired."""
    events.withdraw(work, number=number, organiser_id=visitor.organisation_id)
    return shown(work, events.own(work, number, visitor.organisation_id))


@put("/api/v1/events/{number:str}/plan", opt=OWN | takes(PlanStated), sync_to_thread=True, tags=["events"])
def set_out_plan(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EventShown:
    """States measures, the way of offsetting and the expected date."""
    stated = read_json(body, PlanStated)
    plans.set_out(
        work,
        number=number,
        organiser_id=visitor.organisation_id,
        measures=[Step(**msgspec.structs.asdict(each)) for each in stated.measures],
        offset_method=stated.offset_method,
        neutral_by_on=stated.neutral_by_on,
    )
    return shown(work, events.own(work, number, visitor.organisation_id))


@post("/api/v1/events/{number:str}/plan/publication", opt=OWN, status_code=200, sync_to_thread=True, tags=["events"])
def publish_plan(number: FromPath[str], visitor: NamedDependency[Visitor], work: NamedDependency[Work]) -> EventShown:
    """Publishes the plan; refused while one of its eight items is missing."""
    plans.publish(work, number=number, organiser_id=visitor.organisation_id)
    return shown(work, events.own(work, number, visitor.organisation_id))


@post(
    "/api/v1/events/{number:str}/estimates",
    opt=OWN | takes(ActivitiesStated),
    status_code=201,
    sync_to_thread=True,
    tags=["events"],
)
def estimate(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> CalculationShown:
    """States a version of the estimate, until the plan is published."""
    stated, mine = read_json(body, ActivitiesStated), {"number": number, "organiser_id": visitor.organisation_id}
    return calculated(calculations.estimate(work, **mine, **_list(stated)))


@post(
    "/api/v1/events/{number:str}/actuals",
    opt=OWN | takes(ActivitiesStated),
    status_code=201,
    sync_to_thread=True,
    tags=["events"],
)
def account(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> CalculationShown:
    """States a version of the actuals, after the event."""
    stated, mine = read_json(body, ActivitiesStated), {"number": number, "organiser_id": visitor.organisation_id}
    return calculated(calculations.account(work, **mine, **_list(stated)))


@get("/api/v1/events/{number:str}/calculations", opt=OWN, sync_to_thread=True, tags=["events"])
def own_calculations(
    number: FromPath[str], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> list[CalculationShown]:
    """Every version of estimate and actuals, newest first."""
    event = events.own(reader, number, visitor.organisation_id)
    stages = (calculations.ACTUAL, calculations.ESTIMATE)
    return [calculated(row) for stage in stages for row in calculations.versions(reader, event.id, stage)]


@get("/api/v1/events/{number:str}/calculations.xlsx", opt=OWN, sync_to_thread=True, tags=["events"])
def own_workbook(
    number: FromPath[str], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[bytes]:
    """The newest actuals, else the newest estimate, as a workbook with its citations."""
    event = events.own(reader, number, visitor.organisation_id)
    stages = (calculations.ACTUAL, calculations.ESTIMATE)
    kept = [row for stage in stages for row in calculations.versions(reader, event.id, stage)[:1]]
    if not kept:
        raise NotFound
    return workbook(visitor, calculations.footprint_of(kept[0]), f"{event.number}-{kept[0].stage.lower()}")


def shown(reader: Reader, event: Event) -> EventShown:
    """An event as its organiser sees it."""
    measures = [
        MeasureStated(phase=each.phase, description=each.description, saving_kg=each.saving_kg)
        for each in plans.measures_of(reader, event.id)
    ]
    told = {"measures", "plan_lacks", "standing"}
    own = {name: getattr(event, name) for name in EventShown.__struct_fields__ if name not in told}
    lacks = plans.missing_items(reader, event)
    return EventShown(measures=measures, plan_lacks=lacks, standing=stands(reader, event), **own)


def stands(reader: Reader, event: Event) -> StandingShown:
    """Where an event stands."""
    now, under_way_t = standing.of(reader, event), covers.under_way_t(reader, event.id)
    names = [name for name in StandingShown.__struct_fields__ if name != "under_way_t"]
    return StandingShown(under_way_t=under_way_t, **{name: getattr(now, name) for name in names})


def calculated(row: Calculation) -> CalculationShown:
    """A version as it was stated."""
    return CalculationShown(
        stage=row.stage,
        version=row.version,
        stated_at=row.stated_at,
        retire_t=row.retire_t,
        activities=calculations.activities_of(row),
        footprint=calculations.footprint_of(row),
    )


def _list(stated: ActivitiesStated) -> dict[str, Any]:
    return {"activities": stated.activities, "has_radiative_forcing": stated.has_radiative_forcing}


ROUTES = [
    own_events,
    draft_event,
    own_event,
    describe_event,
    withdraw_event,
    set_out_plan,
    publish_plan,
    estimate,
    account,
    own_calculations,
    own_workbook,
]
