"""The demo's events: a forum that goes its whole way to a public statement, and a race that a visitor may finish.

Plan and actuals of the forum are entered when the demo runs, after the event, so the plan says that it was published late.
The guide gives a year: when it is over, the demo's forum is held in a later year.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from market.emitters.footprint import Activity
from settlement.neutrality import calculations, confirmations, events, plans, standing, statements
from settlement.neutrality.events import Event, Facts
from settlement.neutrality.plans import Step
from tanyi.app import demo_province as province
from tanyi.app.installation import Installation
from tanyi.kernel.work import Actor, Work


def plan_forum(house: Installation, organiser: Actor) -> Event:
    """The forum with its plan published and its actuals stated; what was done before is not done again."""
    told, facts = province.fixture("people")["events"][0], province.fixture("events")["forum"]
    with house.open_work(organiser) as work:
        organiser_id = _of(organiser)
        known = {event.name: event for event in events.of_organiser(work, organiser_id)}
        if told["name_zh"] not in known:
            return _planned_and_accounted(work, organiser_id, told, facts)
        return known[told["name_zh"]]


def declare_forum(house: Installation, organiser: Actor, event: Event) -> None:
    """The forum, neutral by now, confirmed by its organiser and declared to the public."""
    facts, organiser_id = province.fixture("events")["forum"], _of(organiser)
    with house.open_work(organiser) as work:
        mine = {"number": event.number, "organiser_id": organiser_id}
        now = events.own(work, event.number, organiser_id)
        if not events.STATES.may(now.state, "DECLARED"):
            return
        if confirmations.of_event(work, now.id) is None:
            said = {"responsible": facts["responsible_zh"], "evidence": facts["evidence_zh"]}
            confirmations.declare_self(work, **mine, **said)
        statements.publish(work, **mine)


def draft_race(house: Installation, organiser: Actor) -> None:
    """A race in two months: a draft with its estimate, without measures and plan."""
    told, organiser_id = province.fixture("events")["race"], _of(organiser)
    with house.open_work(organiser) as work:
        if any(event.name == told["name_zh"] for event in events.of_organiser(work, organiser_id)):
            return
        starts_on = work.today + timedelta(days=told["starts_in_days"])
        facts = Facts(
            kind=told["kind"],
            name=told["name_zh"],
            starts_on=starts_on,
            ends_on=starts_on + timedelta(days=told["days"] - 1),
            place=told["place_zh"],
            content=told["content_zh"],
            expected_participants=told["people"],
        )
        number = events.draft(work, organiser_id=organiser_id, facts=facts).number
        calculations.estimate(work, number=number, organiser_id=organiser_id, activities=_activities(told))


def _planned_and_accounted(work: Work, organiser_id: int, told: dict[str, Any], facts: dict[str, Any]) -> Event:
    later = _years_later(date.fromisoformat(told["to_on"]), work.today)
    starts_on, ends_on, neutral_by_on = (
        _moved(day, later) for day in (told["from_on"], told["to_on"], facts["neutral_by_on"])
    )
    held = Facts(
        kind=facts["kind"],
        name=told["name_zh"],
        starts_on=starts_on,
        ends_on=ends_on,
        place=told["place_zh"],
        content=facts["content_zh"],
        boundary=facts["boundary_zh"],
        expected_participants=told["people"],
    )
    event = events.draft(work, organiser_id=organiser_id, facts=held)
    mine = {"number": event.number, "organiser_id": organiser_id}
    activities = _activities(facts)
    calculations.estimate(work, **mine, activities=activities, has_radiative_forcing=True)
    measures = [_measure(row) for row in facts["measures_zh"]]
    plans.set_out(work, **mine, measures=measures, offset_method=standing.CREDITS, neutral_by_on=neutral_by_on)
    plans.publish(work, **mine)
    calculations.account(work, **mine, activities=activities, has_radiative_forcing=True)
    return event


def _years_later(ends_on: date, today: date) -> int:
    """How many years the forum is moved so that its year is not over."""
    later = 0
    while standing.deadline(ends_on.replace(year=ends_on.year + later), standing.CREDITS) < today:
        later += 1
    return later


def _moved(day: str, years: int) -> date:
    found = date.fromisoformat(day)
    return found.replace(year=found.year + years)


def _measure(row: dict[str, Any]) -> Step:
    saving_kg = None if row["saving_kg"] is None else Decimal(row["saving_kg"])
    return Step(phase=row["phase"], description=row["description_zh"], saving_kg=saving_kg)


def _activities(told: dict[str, Any]) -> list[Activity]:
    return msgspec.convert(told["activities"], list[Activity])


def _of(organiser: Actor) -> int:
    assert organiser.organisation_id is not None, "an organiser belongs to an organisation"
    return organiser.organisation_id
