"""The cheapest portfolio when some lots are sold whole and small lines may not stand: branch and bound over lots.

`basket` cuts lots at will, so what it answers is a bound. Where it cuts a lot that is sold whole, or leaves a line
under the minimum in a wish that is not filled, there are two ways on: without that lot, or with its least tonnes. Both
together lose nothing. The search is exact when it ends by itself; it stops after a number of steps, never by the clock.

Pure. More tonnes come first, then less cost (contracts §2, goals 1 to 3 for one bid).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matching.basket import Mask, Stock, Whole, cheapest, most_t, tonnes_by

MOST_STEPS = 200  # baskets computed for one question
MANY_LOTS = 8_000  # one from so many lots counts as two

Goals = tuple[int, int]  # tonnes covered, less cost in fen: the larger is the better
NOTHING: Goals = (0, 0)  # what every wish may have


@dataclass(frozen=True)
class Case:
    """One wish against the lots that it may take: at most `wanted_t`, from at most `most_sellers` seller groups."""

    stock: Stock
    is_whole: Mask
    wanted_t: int
    most_sellers: int
    min_line_t: int

    def part(self, chosen: Mask | Whole) -> Case:
        """The case with some of its lots."""
        return replace(self, stock=self.stock.part(chosen), is_whole=self.is_whole[chosen])


@dataclass(frozen=True)
class Choice:
    """Tonnes of each lot of a case."""

    tonnes: Whole
    goals: Goals

    @staticmethod
    def of(case: Case, tonnes: Whole) -> Choice:
        """These tonnes with what they reach."""
        return Choice(tonnes, (int(tonnes.sum()), -int((tonnes * case.stock.ask_fen).sum())))


@dataclass(frozen=True)
class _Branch:
    """A part of the search: the tonnes decided on, and the lots of which more may be taken."""

    held_t: Whole
    is_open: Mask

    def without(self, lots: Mask | int) -> _Branch:
        """Nothing more of these lots."""
        is_open = self.is_open.copy()
        is_open[lots] = False
        return replace(self, is_open=is_open)

    def with_least(self, lot: int, least_t: int) -> _Branch:
        """At least so much of a lot."""
        held_t = self.held_t.copy()
        held_t[lot] = least_t
        return replace(self, held_t=held_t)


class Search:
    """Looks for choices with any number of sellers. `steps` is what is left of its effort, over all it is asked."""

    def __init__(self, steps: int = MOST_STEPS) -> None:
        self.steps, self.is_complete = steps, True

    def best(self, case: Case, to_beat: Goals) -> Choice | None:
        """The best choice that beats these goals; None when there is none, or none was found and not `is_complete`."""
        lots, held = len(case.is_whole), None
        branches = [_Branch(np.zeros(lots, dtype=np.int64), np.ones(lots, dtype=bool))]
        while branches:
            if self.steps <= 0:
                self.is_complete = False
                break
            branch = branches.pop()
            found = self._relaxed(case, branch, to_beat)
            if found is None:
                continue
            wrong = _wrongly_cut(case, found)
            if wrong.any():
                branches += _two_ways(case, branch, found, wrong)
                found = self._dive(case, branch) if held is None else None
            if found is not None and found.goals > to_beat:
                held, to_beat = found, found.goals
        return held

    def _dive(self, case: Case, branch: _Branch) -> Choice | None:
        """A choice that leaves out what was in the way: not the best, but something to beat."""
        found = self._relaxed(case, branch)
        while found is not None and (wrong := _wrongly_cut(case, found)).any():
            branch = branch.without(wrong | _dearer_of_a_small_line(case, wrong))
            found = self._relaxed(case, branch) if self.steps > 0 else None
        return found

    def _relaxed(self, case: Case, branch: _Branch, to_beat: Goals = (-1, 0)) -> Choice | None:
        """The best of a branch when lots may be cut at will: a bound. None when that beats nothing or is not allowed."""
        self.steps -= 1 + len(case.is_whole) // MANY_LOTS
        stock, held_t = case.stock, branch.held_t
        room_t = stock.room_t - tonnes_by(stock.group, held_t, len(stock.room_t))
        outside_t = stock.outside_t - int(held_t[stock.is_outside].sum())
        wanted_t = case.wanted_t - int(held_t.sum())
        if wanted_t < 0 or outside_t < 0 or (room_t < 0).any():
            return None
        supply_t = np.where(branch.is_open, stock.supply_t - held_t, 0)
        rest = replace(stock, supply_t=supply_t, room_t=room_t, outside_t=outside_t)
        more_t = min(wanted_t, most_t(rest))
        covered_t, below_fen = case.wanted_t - wanted_t + more_t, None
        if covered_t < to_beat[0]:
            return None
        if covered_t == to_beat[0]:
            below_fen = -to_beat[1] - int((held_t * stock.ask_fen).sum())
        tonnes = cheapest(rest, more_t, below_fen)
        return None if tonnes is None else Choice.of(case, held_t + tonnes)


def _wrongly_cut(case: Case, found: Choice) -> Mask:
    """Lots cut though sold whole, and lines under the minimum that neither fill the wish nor empty their lot."""
    is_cut = (found.tonnes > 0) & (found.tonnes < case.stock.supply_t)
    is_small = (found.tonnes < case.min_line_t) & (found.goals[0] < case.wanted_t)
    return is_cut & (case.is_whole | is_small)


def _dearer_of_a_small_line(case: Case, wrong: Mask) -> Mask:
    """Lots that stand behind a small line in its group and side: its tonnes would only become one of theirs."""
    cell, place = 2 * case.stock.group + case.stock.is_outside, np.arange(len(wrong))
    first = np.full(2 * len(case.stock.room_t), len(wrong))
    small = np.flatnonzero(wrong & ~case.is_whole)
    np.minimum.at(first, cell[small], small)
    return place > first[cell]


def _no_better(case: Case, lot: int) -> Mask:
    """A lot and those that are not needed where it is not: dearer ones of its group and side that it could stand in for.

    It could for a lot of which at least a full line and at most its own supply would be taken.
    """
    stock, place = case.stock, np.arange(len(case.is_whole))
    if case.is_whole[lot]:
        return place == lot
    most_t = np.minimum(stock.supply_t, stock.room_t[stock.group[lot]])
    is_alike = (stock.group == stock.group[lot]) & (stock.is_outside == stock.is_outside[lot]) & (place >= lot)
    return (place == lot) | (is_alike & (stock.supply_t >= case.min_line_t) & (most_t <= stock.supply_t[lot]))


def _two_ways(case: Case, branch: _Branch, found: Choice, wrong: Mask) -> list[_Branch]:
    """Without the largest of the wrong lines, and with its least tonnes; the nearer way is taken first."""
    lot = int(np.argmax(np.where(wrong, found.tonnes, -1)))
    supply_t = int(case.stock.supply_t[lot])
    least_t = supply_t if case.is_whole[lot] else min(case.min_line_t, supply_t)
    ways = [branch.without(_no_better(case, lot)), branch.with_least(lot, least_t)]
    return ways if 2 * int(found.tonnes[lot]) >= least_t else ways[::-1]
