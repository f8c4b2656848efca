"""What a search has left open, handed to a constraint solver: is there anything better at all?

Between the best result found and the bound often lie only a few fen, which crossing floors and caps leave open in halves
of a tonne. Splitting tonnes one by one does not end there, while a solver that reasons in whole numbers sees at once
that the window is empty. It gets the programme with all its rules, also those that no row can say. One worker, a fixed
seed and a limit in its own steps make its answer a function of the problem. What it finds is proposed like everything
else; that there is nothing is believed, since it calculates in whole numbers, and counts for the `search_bound` only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.pair_rows import PairRows
from matching.programme import Limits
from matching.variables import Whole


@dataclass(frozen=True)
class Remainder:
    """Tonnes of every pair, the best found or None; whether nothing is better for certain; the steps that it took."""

    tonnes: Whole | None
    is_settled: bool
    steps: float


def remainder(
    rows: PairRows, worth: Whole, limits: Limits, window: tuple[int, int], most_steps: float, left_s: float | None
) -> Remainder:
    """The best point within the limits whose worth lies in the window, as far as these steps and seconds lead."""
    from ortools.sat.python import cp_model  # heavy, and only a worker that solves needs it

    model = cp_model.CpModel()
    columns = _columns(rows, limits, model)
    _add_rows(rows, columns, model, cp_model.LinearExpr.weighted_sum)
    _add_rules(rows, columns, model)
    counted = np.flatnonzero(worth).tolist()
    goal = cp_model.LinearExpr.weighted_sum([columns[k] for k in counted], [int(worth[k]) for k in counted])
    model.add_linear_constraint(goal, *window)
    model.maximize(goal)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = most_steps
    if left_s is not None:
        solver.parameters.max_time_in_seconds = left_s
    status = solver.solve(model)
    is_found = status in (cp_model.OPTIMAL, cp_model.FEASIBLE)
    tonnes = np.array([solver.value(columns[k]) for k in rows.x.tolist()], dtype=np.int64) if is_found else None
    steps = solver.response_proto.deterministic_time
    return Remainder(tonnes, status in (cp_model.OPTIMAL, cp_model.INFEASIBLE), steps)


def _columns(rows: PairRows, limits: Limits, model: Any) -> list[Any]:
    least, most = rows.within(limits)
    return [
        model.new_int_var(low, high, "") if low < high else model.new_constant(low)
        for low, high in zip(least.tolist(), most.tolist(), strict=True)
    ]


def _add_rows(rows: PairRows, columns: list[Any], model: Any, weighted_sum: Callable[..., Any]) -> None:
    own = rows.programme
    entries: list[tuple[list[Any], list[int]]] = [([], []) for _ in own.row_least]
    for row, k, factor in zip(own.row, own.column, own.factor, strict=True):
        entries[row][0].append(columns[k])
        entries[row][1].append(factor)
    for entry, least, most in zip(entries, own.row_least, own.row_most, strict=True):
        model.add_linear_constraint(weighted_sum(*entry), least, most)


def _add_rules(rows: PairRows, columns: list[Any], model: Any) -> None:
    """All or none, and the minimum line that may be undercut by what fills its bid or empties its lot."""
    is_full = _Fullness(rows, columns, model)
    book, nowhere = rows.book, model.new_constant(0)
    for column in [*rows.fill[book.is_whole_bid].tolist(), *rows.sold[book.is_whole_lot].tolist()]:
        model.add(columns[column] == 0).only_enforce_if(~is_full.of(column))
    stands_on = zip(rows.fill[rows.bid].tolist(), rows.sold[rows.lot].tolist(), strict=True)
    for x, most_t, (fill, sold) in zip(rows.x.tolist(), rows.most_t.tolist(), stands_on, strict=True):
        is_none, is_long = model.new_bool_var(""), nowhere
        model.add(columns[x] == 0).only_enforce_if(is_none)
        if most_t >= book.min_line_t:
            is_long = model.new_bool_var("")
            model.add(columns[x] >= book.min_line_t).only_enforce_if(is_long)
        model.add_bool_or([is_none, is_long, is_full.of(fill), is_full.of(sold)])


class _Fullness:
    """For columns of fills and sales, once each, a yes that means: all of it."""

    def __init__(self, rows: PairRows, columns: list[Any], model: Any) -> None:
        self.rows, self.columns, self.model = rows, columns, model
        self.known: dict[int, Any] = {}

    def of(self, column: int) -> Any:
        """The yes of one column."""
        if column not in self.known:
            is_full = self.known[column] = self.model.new_bool_var("")
            self.model.add(self.columns[column] == int(self.rows.most[column])).only_enforce_if(is_full)
        return self.known[column]
