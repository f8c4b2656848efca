"""How floors and group caps share a bid: the one place where the round is solved in fractions, as advice only.

Floors and group caps cross, so a flow can hold one of them whole and must split the other. The linear programme of the
same pairs holds both; its tonnes, rounded down, say how to split. What comes of it is still a flow in whole numbers
and judged by its goals, so that no fraction enters a result or a bound.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from matching.constraints import Allocation
from matching.goals import Weights
from matching.variables import Book, Mask, Whole

MOST_PAIRS = 150_000  # a second or two


def is_crossed(book: Book) -> bool:
    """Whether some bid has both a floor and a group cap that can bind."""
    return bool(((book.outside_cap_t < book.quota_t) & (book.group_cap_t < book.quota_t)).any())


def divided(book: Book, weights: Weights, bid: Whole, lot: Whole) -> Allocation | None:
    """The best tonnes in fractions on these pairs, rounded down; None where there is no answer or too many pairs."""
    if not 0 < len(bid) <= MOST_PAIRS:
        return None
    programme = _Programme(book, weights, bid, lot)
    solved = programme.tonnes()
    return None if solved is None else Allocation.of(bid, lot, solved, len(book.lots))


class _Programme:
    """Quotas, lots, floors and group caps over the pairs; all or none, sellers and small lines are left out."""

    def __init__(self, book: Book, weights: Weights, bid: Whole, lot: Whole) -> None:
        from ortools.linear_solver import pywraplp  # heavy, and only a worker that solves needs it

        self.optimal = pywraplp.Solver.OPTIMAL
        self.solver: Any = pywraplp.Solver.CreateSolver("GLOP")
        self.x = [self.solver.NumVar(0, self.solver.infinity(), "") for _ in range(len(bid))]
        reward = weights.compliance_reward // weights.fen
        goal = self.solver.Objective()
        goal.SetMaximization()
        worth = book.surplus_fen(bid, lot) + reward * (1 + book.is_compliance[bid])
        for x, fen in zip(self.x, worth.tolist(), strict=True):
            goal.SetCoefficient(x, fen)
        everywhere = np.ones(len(bid), dtype=bool)
        contract = bid * book.groups + book.lot_group[lot]
        floored = book.is_outside(bid, lot) & (book.outside_cap_t < book.quota_t)[bid]
        self.limit(everywhere, bid, book.quota_t.__getitem__)
        self.limit(everywhere, lot, book.supply_t.__getitem__)
        self.limit(floored, bid, book.outside_cap_t.__getitem__)
        capped = (book.group_cap_t < book.quota_t)[bid]
        self.limit(capped, contract, lambda key: book.group_cap_t[key // book.groups])

    def limit(self, chosen: Mask, key: Whole, most_t: Callable[[int], Any]) -> None:
        """No more than `most_t(key)` on the chosen pairs of each key."""
        pairs = np.flatnonzero(chosen)
        pairs = pairs[np.argsort(key[pairs], kind="stable")]
        keys, first = np.unique(key[pairs], return_index=True)
        for k, mine in zip(keys.tolist(), np.split(pairs, first[1:]), strict=len(keys) > 0):
            row = self.solver.Constraint(0, int(most_t(k)))
            for pair in mine.tolist():
                row.SetCoefficient(self.x[pair], 1)

    def tonnes(self) -> Whole | None:
        """Whole tonnes below the best fractions; what is whole but for noise stays whole."""
        if self.solver.Solve() != self.optimal:
            return None
        solved = np.array([x.solution_value() for x in self.x])
        return np.maximum(np.floor(np.round(solved, 3)), 0).astype(np.int64)
