"""Events (大型活动) whose emissions somebody wants to offset of their own will (二(三)): name, day and place.

The guide of 2019 asks for retirement in the registry, traceable, for the event (art. 9-12); whether reduction products
of Hebei count in its order of preference depends on recognition by the province, and the pages say so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import select

from settlement.tables import Event
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.work import Reader, Work

LONGEST_TEXT = 200
FURTHEST_DAYS = 3653  # ten years (design: a slip of the pen must not stand on a certificate for ever)


class EventUnnamed(Invalid):
    """An event needs a name and a place of reasonable length."""

    code = "settlement.event_unnamed"
    message = N_("An event needs a name and a place of 1 to 200 characters.")


class EventOutOfTime(Invalid):
    """A date so far off that it must be a slip of the pen."""

    code = "settlement.event_out_of_time"
    message = N_("The date of the event lies more than ten years away. Please check it.")


def name_event(work: Work, *, organiser_id: int, name: str, held_on: date, place: str) -> int:
    """Enters an event; gives its id."""
    if abs((held_on - work.today).days) > FURTHEST_DAYS:
        raise EventOutOfTime
    name, place = name.strip(), place.strip()
    if not (0 < len(name) <= LONGEST_TEXT and 0 < len(place) <= LONGEST_TEXT):
        raise EventUnnamed
    event = Event(organiser_id=organiser_id, name=name, held_on=held_on, place=place)
    work.session.add(event)
    work.session.flush()
    work.record("event.named", number=str(event.id), held_on=held_on.isoformat())
    return event.id


def by_ids(reader: Reader, ids: Iterable[int]) -> dict[int, Event]:
    """Events by their ids."""
    return {row.id: row for row in reader.session.scalars(select(Event).where(Event.id.in_(set(ids))))}
