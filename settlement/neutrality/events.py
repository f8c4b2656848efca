"""Events (大型活动): what is held where and when, by whom, and how far its way to neutrality has come (guide of 2019).

Performances, competitions, meetings, forums, exhibitions (art. 2); a period of office work, production or daily life
goes the same way (二(三)). The boundary must hold the event phase (art. 9 (1)). Dates, name and place stand on
certificates and are fixed with the first tonne that was retired for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, select

from market.emitters import factors
from settlement.neutrality import covers
from settlement.tables import EVENT_KINDS, Event, Retirement
from tanyi.kernel.errors import N_, Conflict, Invalid, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "event",
    "DRAFT",
    {
        "DRAFT": ("PLANNED", "WITHDRAWN"),
        "PLANNED": ("ACCOUNTED", "WITHDRAWN"),
        "ACCOUNTED": ("NEUTRAL", "WITHDRAWN"),
        "NEUTRAL": ("DECLARED", "ACCOUNTED"),
        "DECLARED": (),
        "WITHDRAWN": (),
    },
)
KINDS = EVENT_KINDS
LARGE_EVENTS = ("PERFORMANCE", "COMPETITION", "MEETING", "FORUM", "EXHIBITION")  # what the guide is written for
EVENT_PHASE = "EVENT"
PHASES = ("PREPARATION", EVENT_PHASE, "CLOSE_OUT")
UNPUBLISHED = ("DRAFT", "WITHDRAWN")
LONGEST_TEXT, LONGEST_PROSE = 200, 2000
FURTHEST_DAYS = 3653  # ten years (design: a slip of the pen must not stand on a certificate for ever)
MOST_ORGANISERS = 50


class EventUnnamed(Invalid):
    """An event needs a name and a place of reasonable length."""

    code = "settlement.event_unnamed"
    message = N_("An event needs a name and a place of 1 to 200 characters.")


class EventOutOfTime(Invalid):
    """A date so far off that it must be a slip of the pen."""

    code = "settlement.event_out_of_time"
    message = N_("The date of the event lies more than ten years away. Please check it.")


class EventEndsBeforeItStarts(Invalid):
    """The last day lies before the first."""

    code = "neutrality.event_ends_before_it_starts"
    message = N_("The event ends before it starts.")


class EventPhaseMissing(Invalid):
    """The boundary leaves out the event itself (art. 9 (1))."""

    code = "neutrality.event_phase_missing"
    message = N_("The boundary must include the event phase (guide, art. 9 (1)).")


class EventUndescribed(Invalid):
    """Kind, region, number of people or a text is not one that can be."""

    code = "neutrality.event_undescribed"
    message = N_("%(field)s of the event is not one that can be stored.")


class FixedByCertificate(Conflict):
    """Name, dates and place stand on a certificate already."""

    code = "neutrality.fixed_by_certificate"
    message = N_("Tonnes were retired for this event: its name, dates and place stand on the certificate and stay.")


class TonnesRetired(Conflict):
    """What was retired for an event cannot be given another purpose, so the event is not withdrawn."""

    code = "neutrality.tonnes_retired"
    message = N_("Tonnes were retired for this event; it can no longer be withdrawn.")


class PurchaseUnderWay(Conflict):
    """Tonnes are reserved or paid for the event and not retired yet."""

    code = "neutrality.purchase_under_way"
    message = N_("A purchase for this event is under way; finish it first.")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What an organiser says of an event. `region` is one of `factors.event_regions()`; `phases` is the boundary."""

    kind: str
    name: str
    starts_on: date
    ends_on: date
    place: str
    region: str = "HEBEI"
    content: str = ""
    expected_participants: int | None = None
    co_organisers: tuple[str, ...] = ()
    phases: tuple[str, ...] = (EVENT_PHASE,)
    boundary: str = ""


def checked(facts: Facts, today: date) -> dict[str, object]:
    """The facts as columns, or the refusal of the first that is wrong. Pure."""
    name, place, held = facts.name.strip(), facts.place.strip(), (facts.starts_on, facts.ends_on)
    if any(abs((day - today).days) > FURTHEST_DAYS for day in held):
        raise EventOutOfTime
    if not (0 < len(name) <= LONGEST_TEXT and 0 < len(place) <= LONGEST_TEXT):
        raise EventUnnamed
    if facts.ends_on < facts.starts_on:
        raise EventEndsBeforeItStarts
    if EVENT_PHASE not in facts.phases:
        raise EventPhaseMissing
    _refuse_unless_described(facts)
    return vars(facts) | {
        "name": name,
        "place": place,
        "content": facts.content.strip(),
        "boundary": facts.boundary.strip(),
        "co_organisers": [each.strip() for each in facts.co_organisers if each.strip()],
        "phases": [phase for phase in PHASES if phase in facts.phases],
    }


def _refuse_unless_described(facts: Facts) -> None:
    prose = all(len(text) <= LONGEST_PROSE for text in (facts.content, facts.boundary))
    organisers = [len(each.strip()) <= LONGEST_TEXT for each in facts.co_organisers]
    checks = {
        "kind": facts.kind in KINDS,
        "region": facts.region in {region.code for region in factors.event_regions()},
        "phases": set(facts.phases) <= set(PHASES),
        "content": prose,
        "co_organisers": all(organisers) and len(organisers) <= MOST_ORGANISERS,
        "expected_participants": facts.expected_participants is None or 0 < facts.expected_participants <= 10**9,
    }
    for field, is_so in checks.items():
        if not is_so:
            raise EventUndescribed(field=field)


def draft(work: Work, *, organiser_id: int, facts: Facts) -> Event:
    """Enters an event as a draft."""
    event = Event(organiser_id=organiser_id, **checked(facts, work.today))
    work.session.add(event)
    work.session.flush()
    work.record("event.named", number=event.number, held_on=event.ends_on.isoformat())
    return event


def name_event(work: Work, *, organiser_id: int, name: str, held_on: date, place: str) -> int:
    """Enters an event of which no more is known than a certificate says; gives its id."""
    facts = Facts(kind="OTHER", name=name, starts_on=held_on, ends_on=held_on, place=place)
    return draft(work, organiser_id=organiser_id, facts=facts).id


def describe(work: Work, *, number: str, organiser_id: int, facts: Facts) -> Event:
    """Describes a draft anew."""
    event = own(work, number, organiser_id, for_update=True)
    STATES.refuse_unless_may(event.state, "PLANNED")
    columns = checked(facts, work.today)
    on_certificate = ("name", "starts_on", "ends_on", "place")
    if has_retirements(work, event.id) and any(getattr(event, each) != columns[each] for each in on_certificate):
        raise FixedByCertificate
    for column, given in columns.items():
        setattr(event, column, given)
    work.session.flush()
    work.record("event.described", number=event.number)
    return event


def withdraw(work: Work, *, number: str, organiser_id: int) -> None:
    """Ends the way of an event for which nothing was retired."""
    event = own(work, number, organiser_id, for_update=True)
    STATES.refuse_unless_may(event.state, "WITHDRAWN")
    if has_retirements(work, event.id):
        raise TonnesRetired
    if covers.under_way(work, event.id):
        raise PurchaseUnderWay
    move(work, event=event, to="WITHDRAWN")


def move(work: Work, *, event: Event, to: str, **facts: str) -> None:
    """Takes an event one step along its table and tells the log; for the verbs of this package."""
    STATES.refuse_unless_may(event.state, to)
    event.state = to
    work.session.flush()
    work.record(f"event.{to.lower()}", number=event.number, **facts)


def has_retirements(reader: Reader, event_id: int) -> bool:
    """Whether anything was retired for an event."""
    return bool(reader.session.scalar(select(exists().where(Retirement.event_id == event_id))))


def locked(work: Work, event_id: int) -> Event:
    """An event, held against changes by others until this work ends."""
    return work.session.get_one(Event, event_id, with_for_update=True, populate_existing=True)


def by_ids(reader: Reader, ids: Iterable[int]) -> dict[int, Event]:
    """Events by their ids."""
    return {row.id: row for row in reader.session.scalars(select(Event).where(Event.id.in_(set(ids))))}


def own(reader: Reader, number: str, organiser_id: int, *, for_update: bool = False) -> Event:
    """An organiser's own event, or `NotFound`: another's does not exist."""
    query = select(Event).where(Event.number == number, Event.organiser_id == organiser_id)
    event = reader.session.scalar(query.with_for_update() if for_update else query)
    if event is None:
        raise NotFound
    return event


def public(reader: Reader, number: str) -> Event:
    """An event whose plan was published, or `NotFound`."""
    event = reader.session.scalar(select(Event).where(Event.number == number, Event.state.not_in(UNPUBLISHED)))
    if event is None:
        raise NotFound
    return event


def is_public(state: str) -> bool:
    """Whether an event in this state has a published plan that was not withdrawn. Pure."""
    return state not in UNPUBLISHED


def is_given_up(state: str) -> bool:
    """Whether an event in this state was withdrawn. Pure."""
    return state == "WITHDRAWN"


def of_organiser(reader: Reader, organiser_id: int) -> Sequence[Event]:
    """An organiser's events, newest first."""
    query = select(Event).where(Event.organiser_id == organiser_id).order_by(Event.id.desc())
    return reader.session.scalars(query).all()


def all_public(reader: Reader) -> Sequence[Event]:
    """Events whose plan was published, newest first."""
    query = select(Event).where(Event.state.not_in(UNPUBLISHED)).order_by(Event.id.desc())
    return reader.session.scalars(query).all()
