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
STEPS = 3  # the search's own measure of the effort for one goal; some five seconds


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
        found, most = model.best(goal, score, best, bound[goal], left())
        proven[goal] = min(most, bound[goal])
        if found is not None and score_of(book, found) > score:
            best, score = found, score_of(book, found)
    if not proven:
        return held, None
    bound = tighter(bound_of(score), None)
    compliance_t, voluntary_t, surplus_fen = (min(bound[goal], proven.get(goal, bound[goal])) for goal in range(3))
    return best, Bound(compliance_t=compliance_t, voluntary_t=voluntary_t, surplus_fen=surplus_fen)


class _Model:
    """The rules of the round as a constraint model over the pairs that may trade.

    Every yes-or-no variable is made with the test that says what it is for given tonnes, so that what is already held
    can be handed to the search as a complete solution.
    """

    def __init__(self, book: Book) -> None:
        from ortools.sat.python import cp_model  # heavy, and only a worker that solves needs it

        self.cp, self.book, self.model = cp_model, book, cp_model.CpModel()
        self.bid, self.lot = every_pair(book)
        self.outside = book.is_outside(self.bid, self.lot)
        most_t = np.minimum(np.minimum(book.quota_t[self.bid], book.supply_t[self.lot]), book.group_cap_t[self.bid])
        self.most_t = np.where(self.outside, np.minimum(most_t, book.outside_cap_t[self.bid]), most_t)
        self.x = [self.model.new_int_var(0, int(most), "") for most in self.most_t]
        self.tests: list[tuple[Any, Callable[[Whole], bool]]] = []
        self.reached: dict[tuple[bool, int], Any] = {}
        self.quantities(self.bid, book.quota_t, book.is_whole_bid)
        self.quantities(self.lot, book.supply_t, book.is_whole_lot)
        self.caps()
        self.sellers()
        self.minimum_lines()

    def yes_or_no(self, test: Callable[[Whole], bool]) -> Any:
        """A new variable, and what it is for given tonnes."""
        self.tests.append((self.model.new_bool_var(""), test))
        return self.tests[-1][0]

    def sum_of(self, chosen: Mask) -> Any:
        """The tonnes on the chosen pairs."""
        return sum(self.x[k] for k in np.flatnonzero(chosen).tolist())

    def quantities(self, side: Whole, most_t: Whole, is_whole: Mask) -> None:
        """Quotas (or lots) are not passed, and are all or none where they say so."""
        for k in np.unique(side).tolist():
            mine, most = side == k, int(most_t[k])
            if is_whole[k]:
                self.model.add(self.sum_of(mine) == most * self.yes_or_no(lambda t, mine=mine: bool(t[mine].any())))
            else:
                self.model.add(self.sum_of(mine) <= most)

    def caps(self) -> None:
        """Floors and group caps."""
        book = self.book
        for i in np.unique(self.bid).tolist():
            mine = self.bid == i
            if book.outside_cap_t[i] < book.quota_t[i]:
                self.model.add(self.sum_of(mine & self.outside) <= int(book.outside_cap_t[i]))
            if book.group_cap_t[i] < book.quota_t[i]:
                for _, sold in self.by_group(mine):
                    self.model.add(self.sum_of(sold) <= int(book.group_cap_t[i]))

    def by_group(self, mine: Mask) -> list[tuple[int, Mask]]:
        """The chosen pairs by seller group."""
        group = self.book.lot_group[self.lot]
        return [(int(g), mine & (group == g)) for g in np.unique(group[mine])]

    def sellers(self) -> None:
        """The number of seller groups of a bid."""
        book = self.book
        for i in np.unique(self.bid).tolist():
            groups = self.by_group(self.bid == i)
            if len(groups) <= book.most_sellers[i]:
                continue
            used = []
            for _, sold in groups:
                used.append(self.yes_or_no(lambda t, sold=sold: bool(t[sold].any())))
                for k in np.flatnonzero(sold).tolist():
                    self.model.add(self.x[k] <= int(self.most_t[k]) * used[-1])
            self.model.add(sum(used) <= int(book.most_sellers[i]))

    def minimum_lines(self) -> None:
        """A line reaches the minimum, or completes its bid, or empties its lot."""
        book, least = self.book, self.book.min_line_t
        floored = self.outside & (book.outside_cap_t[self.bid] < book.quota_t[self.bid])
        capped = floored | (book.group_cap_t[self.bid] < book.quota_t[self.bid])
        may_bind = capped & ~book.is_whole_bid[self.bid] & ~book.is_whole_lot[self.lot]
        for k in np.flatnonzero(may_bind).tolist():
            none = self.yes_or_no(lambda t, k=k: bool(t[k] == 0))
            enough = self.yes_or_no(lambda t, k=k: bool(t[k] >= least))
            self.model.add(self.x[k] == 0).only_enforce_if(none)
            self.model.add(self.x[k] >= least).only_enforce_if(enough)
            full = self.is_reached(True, int(self.bid[k]), self.bid, book.quota_t)
            out = self.is_reached(False, int(self.lot[k]), self.lot, book.supply_t)
            self.model.add_bool_or(none, enough, full, out)

    def is_reached(self, is_bid: bool, position: int, side: Whole, most_t: Whole) -> Any:
        """A literal that holds only if the bid is full (or the lot sold out)."""
        if (is_bid, position) not in self.reached:
            mine, most = side == position, int(most_t[position])
            literal = self.yes_or_no(lambda t: bool(t[mine].sum() == most))
            self.model.add(self.sum_of(mine) == most).only_enforce_if(literal)
            self.reached[is_bid, position] = literal
        return self.reached[is_bid, position]

    def goal(self, number: int) -> Any:
        """Compliance tonnes, voluntary tonnes or surplus."""
        if number == 2:
            surplus = self.book.surplus_fen(self.bid, self.lot).tolist()
            return sum(fen * x for fen, x in zip(surplus, self.x, strict=True))
        return self.sum_of(self.book.is_compliance[self.bid] == (number == 0))

    def best(
        self, number: int, score: Score, held: Allocation, bound: int, seconds: float | None
    ) -> tuple[Allocation | None, int]:
        """The best allocation found for a goal with the earlier goals at `score`, and an upper bound."""
        model = self.model.clone()
        for earlier in range(number):
            model.add(self.goal(earlier) == score[earlier])
        model.add(self.goal(number) >= score[number])
        model.add(self.goal(number) <= bound)
        model.maximize(self.goal(number))
        self.hint(model, held)
        solver = self.solver(seconds)
        status = solver.solve(model)
        most = min(bound, round(solver.best_objective_bound))  # whole and below 2^53, hence exact
        if status not in (self.cp.OPTIMAL, self.cp.FEASIBLE):
            return None, most
        values = np.array([solver.value(x) for x in self.x], dtype=np.int64)
        found = Allocation.of(self.bid, self.lot, values, len(self.book.lots))
        return (found if is_feasible(self.book, found) else None), most

    def hint(self, model: Any, held: Allocation) -> None:
        """Tells the search what is held."""
        tonnes = np.zeros(len(self.x), dtype=np.int64)
        lots = len(self.book.lots)
        tonnes[np.searchsorted(self.bid * lots + self.lot, held.bid * lots + held.lot)] = held.tonnes
        for x, t in zip(self.x, tonnes.tolist(), strict=True):
            model.add_hint(x, t)
        for literal, test in self.tests:
            model.add_hint(literal, test(tonnes))

    def solver(self, seconds: float | None) -> Any:
        """A solver whose course is a function of the model, but for a limit in seconds."""
        solver = self.cp.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 1
        solver.parameters.linearization_level = 2
        solver.parameters.max_deterministic_time = STEPS
        if seconds is not None:
            solver.parameters.max_time_in_seconds = seconds
        return solver
