"""A new forest of the organiser's own as the offset (新建林业项目, art. 12 (2)): six years, certified, public, for this alone.

Location, coordinates, species, area, planting plan, monitoring plan, sink and its period are published; the sink is
certified by a body accredited for afforestation; after this use it is never a project or another offset again. The
certificate's number counts once in these books; what happens in other registries is the organiser's declaration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import exists, select

from settlement.neutrality import events, standing
from settlement.neutrality.tables import Forest
from tanyi.kernel.errors import N_, Conflict, Invalid
from tanyi.kernel.work import Reader, Work

TEXTS = ("location", "coordinates", "species", "planting_plan", "monitoring_plan", "certifier", "certificate")


class ForestUndisclosed(Invalid):
    """One of the things that art. 12 (2) wants to be public is missing."""

    code = "neutrality.forest_undisclosed"
    message = N_("A new forest needs its %(field)s, which the guide wants to be public (art. 12 (2)).")


class ForestUsedElsewhere(Invalid):
    """The organiser does not declare that the sink serves nothing else."""

    code = "neutrality.forest_used_elsewhere"
    message = N_(
        "A new forest counts only if it is used for no other project, mechanism or event (guide, art. 12 (2))."
    )


class ForestCounted(Conflict):
    """This certificate stands in the books already."""

    code = "neutrality.forest_counted"
    message = N_("This certified sink was recorded already; it counts once.")


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """What is published of a new forest; whole tonnes of its certified sink between two days."""

    location: str
    coordinates: str
    species: str
    area_ha: Decimal
    planting_plan: str
    monitoring_plan: str
    sink_t: int
    from_on: date
    until_on: date
    certifier: str
    certificate: str
    certified_on: date
    is_exclusive: bool


def refuse_unless_disclosed(given: Disclosure, today: date) -> None:
    """All of it is there, and nothing of it lies ahead. Pure."""
    checks = {field: 0 < len(getattr(given, field).strip()) <= events.LONGEST_PROSE for field in TEXTS}
    checks |= {
        "area_ha": given.area_ha.is_finite() and 0 < given.area_ha < 10**9,
        "sink_t": 0 < given.sink_t < 10**9,
        "period": given.from_on < given.until_on <= given.certified_on <= today,
    }
    for field, is_so in checks.items():
        if not is_so:
            raise ForestUndisclosed(field=field)
    if not given.is_exclusive:
        raise ForestUsedElsewhere


def record(work: Work, *, number: str, organiser_id: int, disclosure: Disclosure) -> Forest:
    """Records a certified new forest for an event and trues up."""
    event = events.own(work, number, organiser_id, for_update=True)
    events.STATES.refuse_unless_may(event.state, "WITHDRAWN")
    refuse_unless_disclosed(disclosure, work.today)
    known = (Forest.certificate == disclosure.certificate.strip()) | (Forest.event_id == event.id)
    if work.session.scalar(select(exists().where(known))):
        raise ForestCounted
    texts = {field: getattr(disclosure, field).strip() for field in TEXTS}
    forest = Forest(event_id=event.id, recorded_at=work.now, **(vars(disclosure) | texts))
    work.session.add(forest)
    work.session.flush()
    work.record("event.forest_recorded", number=event.number, sink_t=str(forest.sink_t))
    standing.true_up(work, event=event)
    return forest


def of_event(reader: Reader, event_id: int) -> Forest | None:
    """The new forest of an event."""
    return reader.session.get(Forest, event_id)
