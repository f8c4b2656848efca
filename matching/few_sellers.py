"""The cheapest portfolio from few sellers: branch and bound over subsets of seller groups.

Groups that others outdo are left out (`dominance`). The rest are gone through in the order of their worth, and a subset,
begun or whole, is not looked at when its bound shows that it cannot beat what is held (`worth`); the few that are left
are answered exactly (`selection`).

The search is exact when it ends by itself; it stops after a number of steps, never by the clock. Pure.
"""

from __future__ import annotations

import numpy as np

from matching.basket import Mask, Whole, earlier_t, sides_t
from matching.dominance import may_be_needed
from matching.selection import MOST_STEPS, NOTHING, Case, Choice, Goals, Search
from matching.worth import Bounds

ANY_LINE = 0  # as a least line: the wish is to be filled, and then no line is too small
WEIGHED_A_STEP = 20_000  # groups at prices, weighed for bounds, that count as one step of the search
ROWS_BEGUN, MOST_BEGINNINGS = 12, 4  # prices whose best subset is looked at first, and how many different ones


def select(case: Case, to_beat: Goals = NOTHING, steps: int = MOST_STEPS) -> tuple[Choice | None, bool]:
    """The most tonnes at the least cost, None when that does not beat the goals given; and whether this is proven.

    A filled wish may have small lines, so where it can be filled they do not matter; if it then is not, the search
    begins again with care for the minimum line.
    """
    search = Search(steps)
    found = search.best(case, to_beat)
    if found is not None and len(np.unique(case.stock.group[found.tonnes > 0])) > case.most_sellers:
        covered_t, found = found.goals[0], None
        if covered_t == case.wanted_t:
            found = _from_few(case, _is_of_use(case), search, covered_t, to_beat, ANY_LINE)
        if (found.goals if found else to_beat)[0] < case.wanted_t:
            near = _may_hold_a_line(case)
            found = _from_few(case, near, search, covered_t, to_beat, case.min_line_t)
    return found, search.is_complete


def _from_few(case: Case, is_near: Mask, search: Search, covered_t: int, to_beat: Goals, least_t: int) -> Choice | None:
    """The best choice from the lots that are near; without a limit on sellers it covers `covered_t`.

    Groups that others outdo with no line under `least_t` are left out. With `ANY_LINE` the wish is to be filled: None
    when it cannot be.
    """
    part, most = case.part(is_near), case.most_sellers
    inside_t, outside_t = sides_t(part.stock)
    target_t = min(covered_t, _top(inside_t + outside_t, most), _top(inside_t, most) + part.stock.outside_t)
    if least_t == ANY_LINE and target_t < case.wanted_t:
        return None
    needed = may_be_needed(part.stock, part.is_whole, target_t, most, least_t)
    is_near = is_near & needed[case.stock.group]
    part = case.part(is_near)
    found = _Subsets(part, search, target_t, to_beat).best() if needed.sum() > most else search.best(part, to_beat)
    if found is None:
        return None
    tonnes = np.zeros(len(is_near), dtype=np.int64)
    tonnes[is_near] = found.tonnes
    return Choice(tonnes, found.goals)


def _is_of_use(case: Case) -> Mask:
    """Lots of which a filled wish may need tonnes: cheaper ones of the same group and side do not suffice."""
    stock = case.stock
    divisible_t = np.where(case.is_whole, 0, stock.supply_t)
    cheaper_t = earlier_t(2 * stock.group + stock.is_outside, divisible_t)
    return cheaper_t < np.minimum(stock.room_t, case.wanted_t)[stock.group]


def _may_hold_a_line(case: Case) -> Mask:
    """Lots whose group has room for a line of theirs in a wish that is not filled."""
    return np.minimum(case.stock.supply_t, case.min_line_t) <= case.stock.room_t[case.stock.group]


class _Subsets:
    """Goes through the subsets of seller groups, those worth most first; `held` is the best choice so far."""

    def __init__(self, case: Case, search: Search, target_t: int, to_beat: Goals) -> None:
        self.case, self.search, self.target_t, self.to_beat = case, search, target_t, to_beat
        self.most = case.most_sellers
        self.held: Choice | None = None
        self.bounds = Bounds(case.stock, target_t, self.most)
        self.best_first, self.groups = self.bounds.best_first(ROWS_BEGUN), np.unique(case.stock.group)

    def best(self) -> Choice | None:
        """The best choice from any subset, as far as the effort suffices."""
        self.begin()
        self.narrow()
        subsets: list[tuple[tuple[int, ...], int]] = [((), 0)]  # chosen places, and the first that is undecided
        while subsets and self.search.steps * WEIGHED_A_STEP > self.bounds.weighed:
            chosen, place = subsets.pop()
            if self.bound(chosen, place) <= self.to_beat:
                continue
            if len(chosen) == self.most or place == len(self.groups):
                self.look_at(self.groups[list(chosen)])
            else:
                subsets += [(chosen, place + 1), ((*chosen, place), place + 1)]
        self.search.is_complete &= not subsets
        return self.held

    def begin(self) -> None:
        """Looks at the groups worth most at the prices whose bound is highest."""
        tops = {tuple(sorted(row[: self.most].tolist())): None for row in self.best_first}
        for top in list(tops)[:MOST_BEGINNINGS]:
            self.look_at(self.groups[list(top)])

    def narrow(self) -> None:
        """Leaves out the groups that cannot be in anything better, and puts the rest in the order of their worth."""
        columns = self.best_first[0]
        if self.to_beat[0] == self.target_t:
            columns = columns[self.bounds.may_cost_less(-self.to_beat[1])[columns]]
        self.bounds, self.groups = self.bounds.in_order(columns), self.groups[columns]
        inside_t, outside_t = (side_t[self.groups] for side_t in sides_t(self.case.stock))
        self.covers = _Cover(inside_t + outside_t, 0), _Cover(inside_t, self.case.stock.outside_t)

    def bound(self, chosen: tuple[int, ...], place: int) -> Goals:
        """The best goals that the chosen groups and any from a place on could reach."""
        more = self.most - len(chosen)
        covered_t = min(self.target_t, *(cover.most_t(chosen, place, more) for cover in self.covers))
        return covered_t, -self.bounds.least_cost_fen(covered_t, chosen, place)

    def look_at(self, groups: Whole) -> None:
        """Holds the best choice from these groups if it is better."""
        is_chosen = np.zeros(len(self.case.stock.room_t), dtype=bool)
        is_chosen[groups] = True
        places = np.flatnonzero(is_chosen[self.case.stock.group])
        found = self.search.best(self.case.part(places), self.to_beat)
        if found is not None:
            tonnes = np.zeros(len(self.case.is_whole), dtype=np.int64)
            tonnes[places] = found.tonnes
            self.held, self.to_beat = Choice(tonnes, found.goals), found.goals


class _Cover:
    """The most that groups cover: so many tonnes each, and some that do not depend on which groups they are."""

    def __init__(self, by_group_t: Whole, plus_t: int) -> None:
        self.by_group_t, self.listed_t, self.plus_t = by_group_t, by_group_t.tolist(), plus_t
        self.known: dict[tuple[int, int], int] = {}

    def most_t(self, chosen: tuple[int, ...], place: int, more: int) -> int:
        """With the chosen groups and the best of those from a place on."""
        if (place, more) not in self.known:
            self.known[place, more] = self.plus_t + _top(self.by_group_t[place:], more)
        return self.known[place, more] + sum(self.listed_t[k] for k in chosen)


def _top(tonnes: Whole, most: int) -> int:
    """The sum of the largest."""
    if most <= 0:
        return 0
    return int(np.partition(tonnes, -most)[-most:].sum()) if most < len(tonnes) else int(tonnes.sum())
