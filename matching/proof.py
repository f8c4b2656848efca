"""Branch and bound for small rounds: finishes what the flow leaves open and proves it.

One goal after the other, each with the ones before it held at what was reached. A goal that already meets its bound
is not searched. The minimum line is stated only where it can bind, that is where a floor or a group cap can keep
tonnes from flowing though bid and lot both have room; elsewhere every best result keeps it. One worker, a fixed seed
and a limit counted in the solver's own steps make the search a function of the problem; a limit in seconds, where the
caller gives one, is the exception that the result declares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from matching.constraints import Allocation, is_feasible
from matching.goals import Score, score_of, tighter
from matching.problem import Bound
from matching.repair import every_pair
from matching.variables import Book, Mask, Whole

MOST_BIDS, MOST_LOTS = 60, 200
STEPS = 6.0  # deterministic time of one goal, about as many seconds


def is_small(book: Book) -> bool:
    """Whether the round is small enough for a proof by search."""
    return len(book.bids) <= MOST_BIDS and len(book.lots) <= MOST_LOTS


def searched(
    book: Book, held: Allocation, bound_of: Callable[[Score], Bound], left: Callable[[], float | None]
) -> tuple[Allocation, Bound | None]:
    """The best allocation found, at least as good as `held`, and the bounds proven by search (None: no search ran).

    `bound_of` gives the bounds by flow for a reached score, `left` the seconds left or None.
    """
    best, score = held, score_of(book, held)
    proven: dict[int, int] = {}
    model: _Model | None = None
    for goal in range(3):
        bound = tighter(bound_of(score), None)
        if score[goal] == bound[goal]:
            continue
        model = model or _Model(book)
        found, most = model.best(goal, score, best, left())
        proven[goal] = min(most, bound[goal])
        if found is not None and score_of(book, found) > score:
            best, score = found, score_of(book, found)
    if not proven:
        return held, None
    bound = tighter(bound_of(score), None)
    compliance_t, voluntary_t, surplus_fen = (min(bound[goal], proven.get(goal, bound[goal])) for goal in range(3))
    return best, Bound(compliance_t=compliance_t, voluntary_t=voluntary_t, surplus_fen=surplus_fen)


class _Model:
    """The rules of the round as a constraint model over the pairs that may trade."""

    def __init__(self, book: Book) -> None:
        from ortools.sat.python import cp_model  # noqa: PLC0415  heavy, and only a worker that solves needs it

        self.cp, self.book, self.model = cp_model, book, cp_model.CpModel()
        self.bid, self.lot = every_pair(book)
        most_t = np.minimum(np.minimum(book.quota_t[self.bid], book.supply_t[self.lot]), book.group_cap_t[self.bid])
        outside = book.is_outside(self.bid, self.lot)
        most_t = np.where(outside, np.minimum(most_t, book.outside_cap_t[self.bid]), most_t)
        self.x = [self.model.new_int_var(0, int(most), "") for most in most_t]
        self.full: dict[int, Any] = {}
        self.out: dict[int, Any] = {}
        self.quantities()
        self.caps(outside)
        self.sellers()
        self.minimum_lines(outside)

    def sum_of(self, chosen: Mask | Whole) -> Any:
        """The tonnes on the chosen pairs."""
        positions = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return sum(self.x[k] for k in positions.tolist())

    def quantities(self) -> None:
        """Quotas and lots, all or none where they say so."""
        book = self.book
        for side, most_t, is_whole in (
            (self.bid, book.quota_t, book.is_whole_bid),
            (self.lot, book.supply_t, book.is_whole_lot),
        ):
            for k in range(len(most_t)):
                tonnes = self.sum_of(side == k)
                whole = is_whole[k] and (side == k).any()
                self.model.add(tonnes == int(most_t[k]) * self.model.new_bool_var("")) if whole else self.model.add(
                    tonnes <= int(most_t[k])
                )

    def caps(self, outside: Mask) -> None:
        """Floors and group caps."""
        book = self.book
        for i in range(len(book.bids)):
            mine = self.bid == i
            if book.outside_cap_t[i] < book.quota_t[i] and (mine & outside).any():
                self.model.add(self.sum_of(mine & outside) <= int(book.outside_cap_t[i]))
            if book.group_cap_t[i] < book.quota_t[i]:
                for group in np.unique(book.lot_group[self.lot[mine]]):
                    sold = mine & (book.lot_group[self.lot] == group)
                    self.model.add(self.sum_of(sold) <= int(book.group_cap_t[i]))

    def sellers(self) -> None:
        """The number of seller groups of a bid."""
        book = self.book
        for i in range(len(book.bids)):
            mine = self.bid == i
            groups = np.unique(book.lot_group[self.lot[mine]])
            if len(groups) <= book.most_sellers[i]:
                continue
            used = []
            for group in groups:
                used.append(self.model.new_bool_var(""))
                sold = mine & (book.lot_group[self.lot] == group)
                most_t = min(int(book.group_cap_t[i]), int(book.supply_t[book.lot_group == group].sum()))
                self.model.add(self.sum_of(sold) <= most_t * used[-1])
            self.model.add(sum(used) <= int(book.most_sellers[i]))

    def minimum_lines(self, outside: Mask) -> None:
        """A line reaches the minimum, or completes its bid, or empties its lot."""
        book = self.book
        floored = outside & (book.outside_cap_t[self.bid] < book.quota_t[self.bid])
        capped = floored | (book.group_cap_t[self.bid] < book.quota_t[self.bid])
        may_bind = capped & ~book.is_whole_bid[self.bid] & ~book.is_whole_lot[self.lot]
        for k in np.flatnonzero(may_bind).tolist():
            none, enough = self.model.new_bool_var(""), self.model.new_bool_var("")
            self.model.add(self.x[k] == 0).only_enforce_if(none)
            self.model.add(self.x[k] >= book.min_line_t).only_enforce_if(enough)
            i, j = int(self.bid[k]), int(self.lot[k])
            self.model.add_bool_or(
                none, enough, self.reached(self.full, i, self.bid, book.quota_t), self.reached(self.out, j, self.lot, book.supply_t)
            )

    def reached(self, known: dict[int, Any], position: int, side: Whole, most_t: Whole) -> Any:
        """A literal that holds only if the bid is full (or the lot sold out)."""
        if position not in known:
            known[position] = self.model.new_bool_var("")
            self.model.add(self.sum_of(side == position) == int(most_t[position])).only_enforce_if(known[position])
        return known[position]

    def goal(self, number: int) -> Any:
        """Compliance tonnes, voluntary tonnes or surplus."""
        if number == 2:
            surplus = self.book.surplus_fen(self.bid, self.lot).tolist()
            return sum(fen * x for fen, x in zip(surplus, self.x, strict=True))
        return self.sum_of(self.book.is_compliance[self.bid] == (number == 0))

    def best(
        self, number: int, score: Score, held: Allocation, seconds: float | None
    ) -> tuple[Allocation | None, int]:
        """The best allocation found for a goal with the earlier goals at `score`, and an upper bound."""
        model = self.model.clone()
        for earlier in range(number):
            model.add(self.goal(earlier) == score[earlier])
        model.add(self.goal(number) >= score[number])
        model.maximize(self.goal(number))
        tonnes = dict(zip((held.bid * len(self.book.lots) + held.lot).tolist(), held.tonnes.tolist(), strict=True))
        for x, key in zip(self.x, (self.bid * len(self.book.lots) + self.lot).tolist(), strict=True):
            model.add_hint(x, tonnes.get(key, 0))
        solver = self.cp.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.max_deterministic_time = STEPS
        if seconds is not None:
            solver.parameters.max_time_in_seconds = seconds
        status = solver.solve(model)
        if status not in (self.cp.OPTIMAL, self.cp.FEASIBLE):
            return None, int(np.iinfo(np.int64).max)
        values = np.array([solver.value(x) for x in self.x], dtype=np.int64)
        found = Allocation.of(self.bid, self.lot, values, len(self.book.lots))
        most = int(np.floor(solver.best_objective_bound + 1e-6))
        return (found if is_feasible(self.book, found) else None), most
