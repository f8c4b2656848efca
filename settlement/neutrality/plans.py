"""The implementation plan (碳中和实施计划, art. 9) and the measures that come before any offset (art. 6).

Eight items make the plan: name, time, place, content, estimated emissions, measures, way of offsetting and the date by
which neutrality is expected (art. 9 (5)). It is published before the event; later it still may be, and says so. Its hash
goes into the log, and from then on neither plan nor measures change.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select

from settlement.neutrality import calculations, events, standing
from settlement.neutrality.tables import Calculation, Measure, Plan
from settlement.tables import OFFSET_METHODS, Event
from tanyi.kernel import parties
from tanyi.kernel.canonical import canonical, sha256_hex
from tanyi.kernel.errors import N_, Conflict, Invalid
from tanyi.kernel.work import Reader, Work

MOST_MEASURES = 50
LARGEST_SAVING = Decimal(10) ** 12
ITEMS = {  # art. 9 (5), in its order; the words are those of a refusal
    "name": N_("the name of the event"),
    "time": N_("the time of the event"),
    "place": N_("the place of the event"),
    "content": N_("the content of the event"),
    "estimate": N_("the estimated emissions"),
    "measures": N_("the reduction measures"),
    "offset_method": N_("the way of offsetting"),
    "neutral_by_on": N_("the expected date of neutrality"),
}


class PlanIncomplete(Conflict):
    """One of the eight items is missing."""

    code = "neutrality.plan_incomplete"
    message = N_("The plan cannot be published yet; it still lacks %(item)s (guide, art. 9 (5)).")


class PlanDateUnfit(Invalid):
    """Neutrality is promised for before the end of the event, or for after the guide's deadline."""

    code = "neutrality.plan_date_unfit"
    message = N_("The expected date of neutrality must lie between the end of the event and %(deadline_on)s.")


class MeasureUnfit(Invalid):
    """A measure without words, with too many, outside the boundary, or with a saving that cannot be."""

    code = "neutrality.measure_unfit"
    message = N_("Measure %(row)s needs a phase, 1 to 2,000 characters, and a saving that is not below zero.")


class MeasuresFirst(Conflict):
    """Offsets are offered when there is at least one measure (art. 6)."""

    code = "neutrality.measures_first"
    message = N_("Reduction comes first: state at least one measure before you offset (guide, art. 6).")


@dataclass(frozen=True, kw_only=True)
class Step:
    """A reduction measure: in which phase, what is done, and how much that should save, if somebody can say."""

    phase: str
    description: str
    saving_kg: Decimal | None = None


def set_out(
    work: Work,
    *,
    number: str,
    organiser_id: int,
    measures: Sequence[Step],
    offset_method: str | None = None,
    neutral_by_on: date | None = None,
) -> None:
    """States measures, the way of offsetting and the expected date, all of them anew; while the plan is a draft."""
    event = events.own(work, number, organiser_id, for_update=True)
    events.STATES.refuse_unless_may(event.state, "PLANNED")
    refuse_unless_measured(measures)
    _refuse_unless_dated(event, offset_method, neutral_by_on)
    event.offset_method, event.neutral_by_on = offset_method, neutral_by_on
    work.session.execute(delete(Measure).where(Measure.event_id == event.id))
    work.session.add_all(
        Measure(event_id=event.id, position=place, **(vars(step) | {"description": step.description.strip()}))
        for place, step in enumerate(measures, start=1)
    )
    work.session.flush()
    work.record("event.measures_stated", number=event.number, measures=str(len(measures)))


def refuse_unless_measured(measures: Sequence[Step]) -> None:
    """Every measure says something, and not too many are listed. Pure."""
    for row, step in enumerate(measures, start=1):
        words = 0 < len(step.description.strip()) <= events.LONGEST_PROSE
        saved = step.saving_kg is None or (step.saving_kg.is_finite() and 0 <= step.saving_kg <= LARGEST_SAVING)
        if not (words and saved and step.phase in events.PHASES and row <= MOST_MEASURES):
            raise MeasureUnfit(row=str(row))


def _refuse_unless_dated(event: Event, offset_method: str | None, neutral_by_on: date | None) -> None:
    if offset_method is not None and offset_method not in OFFSET_METHODS:
        raise events.EventUndescribed(field="offset_method")
    last_on = standing.deadline(event.ends_on, offset_method)
    if neutral_by_on is not None and not event.ends_on <= neutral_by_on <= last_on:
        raise PlanDateUnfit(deadline_on=last_on.isoformat())


def missing(event: Event, estimated: Calculation | None, measures: Sequence[Measure]) -> list[str]:
    """Which of the eight items a plan still lacks, in the order of the guide. Pure."""
    has = {
        "name": event.name,
        "time": event.starts_on and event.ends_on,
        "place": event.place,
        "content": event.content,
        "estimate": estimated,
        "measures": measures,
        "offset_method": event.offset_method,
        "neutral_by_on": event.neutral_by_on,
    }
    return [item for item in ITEMS if not has[item]]


def missing_items(reader: Reader, event: Event) -> list[str]:
    """Which of the eight items the plan of an event still lacks: keys of `ITEMS`."""
    return missing(event, _estimated(reader, event.id), measures_of(reader, event.id))


def publish(work: Work, *, number: str, organiser_id: int) -> Plan:
    """Publishes the plan; refuses while an item is missing and names it."""
    event = events.own(work, number, organiser_id, for_update=True)
    events.STATES.refuse_unless_may(event.state, "PLANNED")
    estimated, measures = _estimated(work, event.id), measures_of(work, event.id)
    for item in missing(event, estimated, measures):
        raise PlanIncomplete(item=ITEMS[item])
    assert estimated is not None, "an estimate is one of the items"
    _refuse_unless_dated(event, event.offset_method, event.neutral_by_on)
    organiser = parties.organisations(work, {event.organiser_id})[event.organiser_id]
    is_late = work.today >= event.starts_on
    document = plan_document(event, organiser, estimated, measures) | {"published_on": work.today.isoformat()}
    text, digest = canonical(document | {"is_late": is_late}).decode(), sha256_hex(document | {"is_late": is_late})
    plan = Plan(event_id=event.id, document=text, sha256=digest, is_late=is_late, published_at=work.now)
    work.session.add(plan)
    events.move(work, event=event, to="PLANNED", sha256=digest, is_late="yes" if is_late else "no")
    return plan


def plan_document(
    event: Event, organiser: parties.Organisation, estimated: Calculation, measures: Sequence[Measure]
) -> dict[str, Any]:
    """The eight items and who answers for them, as JSON whose figures are strings. Pure."""
    return {
        "number": event.number,
        "kind": event.kind,
        "organisers": [organiser.name_zh, *event.co_organisers],
        "name": event.name,
        "starts_on": event.starts_on.isoformat(),
        "ends_on": event.ends_on.isoformat(),
        "place": event.place,
        "content": event.content,
        "boundary": {"phases": list(event.phases), "text": event.boundary},
        "estimate": {
            "emissions_kg": f"{estimated.total_kg:f}",
            "tonnes": str(estimated.retire_t),
            "version": str(estimated.version),
            "calculation_sha256": sha256_hex(json.loads(estimated.document)),
        },
        "measures": [
            {
                "phase": each.phase,
                "description": each.description,
                "saving_kg": None if each.saving_kg is None else f"{each.saving_kg:f}",
            }
            for each in measures
        ],
        "offset_method": event.offset_method,
        "neutral_by_on": event.neutral_by_on.isoformat() if event.neutral_by_on else None,
    }


def measures_of(reader: Reader, event_id: int) -> Sequence[Measure]:
    """The measures of an event in their order."""
    query = select(Measure).where(Measure.event_id == event_id).order_by(Measure.position)
    return reader.session.scalars(query).all()


def refuse_unless_measures_first(reader: Reader, event_id: int) -> None:
    """Offsets wait for at least one measure (art. 6)."""
    if not measures_of(reader, event_id):
        raise MeasuresFirst


def of_event(reader: Reader, event_id: int) -> Plan | None:
    """The published plan of an event."""
    return reader.session.get(Plan, event_id)


def document_of(plan: Plan) -> dict[str, Any]:
    """The plan as it was published."""
    return json.loads(plan.document)


def _estimated(reader: Reader, event_id: int) -> Calculation | None:
    return next(iter(calculations.versions(reader, event_id, calculations.ESTIMATE)), None)
