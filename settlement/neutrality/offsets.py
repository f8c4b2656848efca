"""Which tonnes count for an event, and which the guide would rather see (art. 12 (1)): order, recognition, poor areas.

The order is a recommendation: allowances, CCER, reductions of inclusive schemes that a province has approved, filed or
recognised, CDM and other mechanisms. Reduction products of Hebei stand in the third place only if the province
recognises them for this; no such document is known, so `RECOGNITIONS` is empty and certificate and pages say so.

Poor areas are the counties of Hebei that were on the national lists of 2012 (all were taken off by 2020): the guide
encourages credits from there, and does not ask for them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib import resources

from settlement import retirement
from settlement.neutrality import covers, events, plans, standing
from settlement.tables import Event, Retirement
from tanyi.kernel.errors import N_, Conflict
from tanyi.kernel.work import Reader, Work

PREFERENCE = {  # art. 12 (1), in its order; the words are msgids
    "ALLOWANCE": N_("allowances of a national or regional emissions trading scheme"),
    "CCER": N_("Chinese certified emission reductions (CCER)"),
    "RECOGNISED": N_("reductions of schemes approved, filed or recognised by a provincial department or above"),
    "MECHANISM": N_("reductions of Chinese projects under the CDM or another mechanism"),
}
UNRECOGNISED_NOTE = N_(
    "Reduction products of Hebei count in the guide's third place only if the province recognises them; "
    "no such recognition has been published."
)
COUNTIES_SOURCE_ZH = (
    "国务院扶贫开发领导小组办公室《国家扶贫开发工作重点县名单》《集中连片特殊困难地区分县名单》（2012年）"
)
COUNTIES_SOURCE_EN = (
    "State Council Leading Group Office of Poverty Alleviation and Development: lists of key counties and of counties in "
    "contiguous poor areas (2012)"
)


@dataclass(frozen=True)
class Recognition:
    """The province's word that its reduction products count (third place of art. 12 (1)), from a day on."""

    valid_from_on: date
    by_zh: str
    by_en: str
    document_zh: str
    document_en: str


RECOGNITIONS: tuple[Recognition, ...] = ()


class TooLate(Conflict):
    """The guide's year is over: what is bought now no longer makes the event neutral by it."""

    code = "neutrality.too_late"
    message = N_("Neutrality had to be reached by %(deadline_on)s (guide, art. 12); tonnes retired now come too late.")


class NothingMissing(Conflict):
    """There is no calculation yet, or all of it is covered."""

    code = "neutrality.nothing_missing"
    message = N_("There is nothing to offset: state the emissions first, or all of them are covered already.")


class MoreThanMissing(Conflict):
    """More tonnes than are missing: what is retired cannot be reclaimed, so the order is refused."""

    code = "neutrality.more_than_missing"
    message = N_("%(missing_t)s t are missing; %(asked_t)s t would be too many.")


def recognition_on(day: date, known: Sequence[Recognition] = RECOGNITIONS) -> Recognition | None:
    """Who recognises the products of Hebei on a day: the latest entry not after it, None as long as nobody does."""
    in_force = [each for each in known if each.valid_from_on <= day]
    return max(in_force, key=lambda each: each.valid_from_on, default=None)


def recognised_by(day: date) -> str | None:
    """The recognition on a day as one line, for certificate notes and statements; None: `UNRECOGNISED_NOTE` holds."""
    found = recognition_on(day)
    return f"{found.by_zh} {found.document_zh}" if found else None


def place_on(day: date) -> str | None:
    """Where the products of Hebei stand in `PREFERENCE` on a day; None: nowhere yet."""
    return "RECOGNISED" if recognition_on(day) else None


def is_from_poor_area(county_zh: str) -> bool:
    """Whether a project's county was on the lists of poor counties, by its old or its present name."""
    return any(county_zh.endswith(name) for name in _poor_counties())


def preferred(counties_zh: Iterable[str]) -> set[str]:
    """Those of these counties that the guide would rather see (art. 12)."""
    return {each for each in counties_zh if is_from_poor_area(each)}


@lru_cache(maxsize=1)
def _poor_counties() -> tuple[str, ...]:
    text = (resources.files("settlement.neutrality") / "county_data" / "counties.csv").read_text(encoding="utf8")
    rows = list(csv.DictReader(text.splitlines()))
    return tuple(city + name for row in rows for city in ("", row["city_zh"]) for name in _names(row))


def _names(row: dict[str, str]) -> list[str]:
    return [name for name in (row["county_zh"], row["later_zh"]) if name]


def may_offset(reader: Reader, event: Event) -> standing.Standing:
    """Where an event stands that may be offset now, or the refusal that says what comes first."""
    events.STATES.refuse_unless_may(event.state, _next(event))
    plans.refuse_unless_measures_first(reader, event.id)
    now = standing.of(reader, event)
    if now.is_overdue:
        raise TooLate(deadline_on=now.deadline_on.isoformat())
    if not now.missing_t:
        raise NothingMissing
    return now


def refuse_unless_fitting(reader: Reader, event: Event, quantity_t: int) -> None:
    """An order for an event takes no more than is missing and not ordered yet."""
    open_t = may_offset(reader, event).missing_t - covers.under_way_t(reader, event.id)
    if not 0 < quantity_t <= open_t:
        raise MoreThanMissing(missing_t=max(0, open_t), asked_t=quantity_t)


def note_retired(work: Work, *, event_id: int) -> None:
    """After a retirement for an event: it may be neutral now."""
    standing.true_up(work, event=events.locked(work, event_id))


def retired_for(reader: Reader, event_id: int) -> Sequence[Retirement]:
    """The retirements for an event, newest first."""
    return retirement.newest(reader, event_id=event_id)


def _next(event: Event) -> str:
    """The step that tells a living event from an ended one: all but DECLARED and WITHDRAWN go on somewhere."""
    following = events.STATES.moves[event.state]
    return following[0] if following else "NEUTRAL"
