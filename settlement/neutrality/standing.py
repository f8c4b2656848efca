"""Where an event stands: what it must retire, what was retired for it, and the clock of the guide (art. 12, 13).

Credits (and allowances) count when neutrality is reached within a year after the event, a new forest within six. What
is retired must be at least what was emitted; what is retired beyond that is told as a surplus and cannot be reclaimed.
The clock is a must of the guide ("不得晚于"), so an event that comes too late does not become NEUTRAL by it; tonnes may
still be retired for it, and the pages say what that does and does not mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from settlement.neutrality import events
from settlement.neutrality.tables import Calculation, Forest
from settlement.tables import Event, Retirement
from tanyi.kernel.clock import civil_date
from tanyi.kernel.work import Reader, Work

ESTIMATE, ACTUAL = "ESTIMATE", "ACTUAL"
CREDITS, NEW_FOREST = "CREDITS", "NEW_FOREST"
YEARS = {CREDITS: 1, NEW_FOREST: 6}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Tonnes of an event. `needed_t` is the actual, else the estimate; `neutral_on` is when the actual was covered by
    tonnes that came in time, `covered_on` by tonnes that came at any time."""

    estimate_t: int | None
    actual_t: int | None
    retired_t: int
    forest_t: int
    deadline_on: date
    neutral_on: date | None
    covered_on: date | None
    today_on: date

    @property
    def needed_t(self) -> int:
        return self.estimate_t or 0 if self.actual_t is None else self.actual_t

    @property
    def covered_t(self) -> int:
        return self.retired_t + self.forest_t

    @property
    def missing_t(self) -> int:
        """What is still to be retired."""
        return max(0, self.needed_t - self.covered_t)

    @property
    def surplus_t(self) -> int:
        """What was retired beyond the actual; it cannot be reclaimed."""
        return 0 if self.actual_t is None else max(0, self.covered_t - self.actual_t)

    @property
    def is_overdue(self) -> bool:
        """The deadline has passed without neutrality."""
        return self.neutral_on is None and self.today_on > self.deadline_on


def deadline(ends_on: date, method: str | None) -> date:
    """The last day on which neutrality counts: one year after the end, six for a new forest. Pure."""
    year = ends_on.year + YEARS[method or CREDITS]
    leaps = (ends_on.month, ends_on.day) == (2, 29) and not (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return ends_on.replace(year=year, day=28 if leaps else ends_on.day)


def covered_when(needed_t: int, covers: Sequence[tuple[date, int]]) -> date | None:
    """The day on which the sum of the covers reached what was needed; None while it has not. Pure."""
    sum_t = 0
    for day, cover_t in sorted(covers):
        sum_t += cover_t
        if sum_t >= needed_t:
            return day
    return None


def of(reader: Reader, event: Event) -> Standing:
    """Where an event stands."""
    return of_many(reader, [event])[event.id]


def of_many(reader: Reader, found: Sequence[Event]) -> dict[int, Standing]:
    """Where events stand, three queries for all of them."""
    ids = [event.id for event in found]
    latest = _latest(reader, ids)
    forests = {row.event_id: row for row in reader.session.scalars(select(Forest).where(Forest.event_id.in_(ids)))}
    retired: dict[int, list[tuple[date, int]]] = {event_id: [] for event_id in ids}
    for row in reader.session.scalars(select(Retirement).where(Retirement.event_id.in_(ids))):
        retired[row.event_id or 0].append((civil_date(row.retired_at), row.quantity_t))
    return {event.id: _standing(reader, event, latest, retired[event.id], forests.get(event.id)) for event in found}


def true_up(work: Work, *, event: Event) -> Standing:
    """Takes an accounted event to NEUTRAL as soon as it is covered in time, and back when new actuals need more."""
    now = of(work, event)
    if now.actual_t is not None and now.neutral_on is not None and events.STATES.may(event.state, "NEUTRAL"):
        events.move(work, event=event, to="NEUTRAL", retired_t=str(now.covered_t), actual_t=str(now.actual_t))
    return now


def _latest(reader: Reader, ids: Sequence[int]) -> dict[tuple[int, str], Calculation]:
    query = select(Calculation).where(Calculation.event_id.in_(ids)).order_by(Calculation.version)
    return {(row.event_id, row.stage): row for row in reader.session.scalars(query)}


def _standing(
    reader: Reader,
    event: Event,
    latest: dict[tuple[int, str], Calculation],
    retired: list[tuple[date, int]],
    forest: Forest | None,
) -> Standing:
    estimated, accounted = (latest.get((event.id, stage)) for stage in (ESTIMATE, ACTUAL))
    planted = [(civil_date(forest.recorded_at), forest.sink_t)] if forest else []
    in_time = [each for each in retired if each[0] <= deadline(event.ends_on, CREDITS)]
    in_time += [each for each in planted if each[0] <= deadline(event.ends_on, NEW_FOREST)]
    return Standing(
        estimate_t=estimated.retire_t if estimated else None,
        actual_t=accounted.retire_t if accounted else None,
        retired_t=sum(each for _, each in retired),
        forest_t=forest.sink_t if forest else 0,
        deadline_on=deadline(event.ends_on, NEW_FOREST if forest else event.offset_method),
        neutral_on=covered_when(accounted.retire_t, in_time) if accounted else None,
        covered_on=covered_when(accounted.retire_t, [*retired, *planted]) if accounted else None,
        today_on=reader.today,
    )
