"""What an event will have emitted, and what it did: estimates before, actuals after (art. 9 (2), art. 11).

Every version is kept as it was stated, with the factors that counted then, and none is ever overwritten. Actuals are
stated after the event has ended and under a published plan (art. 8).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
from sqlalchemy import func, select

from market.emitters import footprint
from market.emitters.footprint import Activity, Footprint
from settlement.neutrality import events, standing
from settlement.neutrality.tables import Calculation
from settlement.tables import Event
from tanyi.kernel.canonical import canonical, sha256_hex
from tanyi.kernel.errors import N_, Conflict
from tanyi.kernel.work import Reader, Work

ESTIMATE, ACTUAL = standing.ESTIMATE, standing.ACTUAL


class EventNotOver(Conflict):
    """Actuals are what has happened."""

    code = "neutrality.event_not_over"
    message = N_("The event ends on %(ends_on)s; its actual emissions can be stated from the day after.")


class PhaseOutsideBoundary(Conflict):
    """A row belongs to a phase that the boundary leaves out."""

    code = "neutrality.phase_outside_boundary"
    message = N_("Row %(row)s belongs to a phase outside the boundary of this event.")


def estimate(
    work: Work,
    *,
    number: str,
    organiser_id: int,
    activities: Sequence[Activity],
    has_radiative_forcing: bool | None = None,
) -> Calculation:
    """States a version of the estimate, until the plan is published (art. 9 (2))."""
    event = events.own(work, number, organiser_id, for_update=True)
    events.STATES.refuse_unless_may(event.state, "PLANNED")
    return _keep(work, event, ESTIMATE, activities, has_radiative_forcing)


def account(
    work: Work,
    *,
    number: str,
    organiser_id: int,
    activities: Sequence[Activity],
    has_radiative_forcing: bool | None = None,
) -> Calculation:
    """States a version of the actuals, after the event and before its declaration (art. 11); trues up at once."""
    event = events.own(work, number, organiser_id, for_update=True)
    if not events.STATES.may(event.state, "NEUTRAL"):  # otherwise these are corrected actuals
        events.STATES.refuse_unless_may(event.state, "ACCOUNTED")
    if work.today <= event.ends_on:
        raise EventNotOver(ends_on=event.ends_on.isoformat())
    kept = _keep(work, event, ACTUAL, activities, has_radiative_forcing)
    if events.STATES.may(event.state, "ACCOUNTED"):
        events.move(work, event=event, to="ACCOUNTED", version=str(kept.version))
    standing.true_up(work, event=event)
    return kept


def calculated(event: Event, activities: Sequence[Activity], has_radiative_forcing: bool | None) -> Footprint:
    """The footprint of an event with the factors of its region and of the year in which it ends. Pure."""
    for row, stated in enumerate(activities, start=1):
        if stated.phase not in event.phases:
            raise PhaseOutsideBoundary(row=str(row))
    return footprint.calculate(
        activities, year=event.ends_on.year, region=event.region, has_radiative_forcing=has_radiative_forcing
    )


def versions(reader: Reader, event_id: int, stage: str) -> Sequence[Calculation]:
    """All versions of the estimate or of the actuals, newest first."""
    query = select(Calculation).where(Calculation.event_id == event_id, Calculation.stage == stage)
    return reader.session.scalars(query.order_by(Calculation.version.desc())).all()


def footprint_of(calculation: Calculation) -> Footprint:
    """The calculation as it was made, with the factors of that day."""
    return msgspec.json.decode(calculation.document, type=Footprint)


def activities_of(calculation: Calculation) -> list[Activity]:
    """What was stated for it, to be corrected in a new version."""
    return msgspec.json.decode(calculation.activities, type=list[Activity])


def _keep(
    work: Work, event: Event, stage: str, activities: Sequence[Activity], has_radiative_forcing: bool | None
) -> Calculation:
    made = calculated(event, activities, has_radiative_forcing)
    before = select(func.coalesce(func.max(Calculation.version), 0))
    version = work.session.scalars(before.where(Calculation.event_id == event.id, Calculation.stage == stage)).one() + 1
    kept = Calculation(
        event_id=event.id,
        stage=stage,
        version=version,
        activities=canonical(msgspec.to_builtins(list(activities))).decode(),
        document=canonical(msgspec.to_builtins(made)).decode(),
        total_kg=made.total_kg,
        retire_t=made.tonnes_to_retire,
        stated_at=work.now,
    )
    work.session.add(kept)
    work.session.flush()
    told = {"number": event.number, "stage": stage, "version": str(version), "retire_t": str(kept.retire_t)}
    work.record("event.calculated", sha256=sha256_hex(json.loads(kept.document)), **told)
    return kept
