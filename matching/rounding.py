"""Whole tonnes next to an optimum in fractions: the last step of the search, where only tonnes are left to settle.

Floors and group caps cross, so that an optimum of the relaxation may hold halves of a tonne though every choice is
made. Whole tonnes are then sought a few tonnes around it, on its own lines and under all rules, by a constraint solver:
one worker, a fixed seed and a limit counted in its own steps make what it finds a function of the problem. What it
finds is a proposal; that there is nothing else is never believed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matching.pair_rows import PairRows
from matching.programme import Limits
from matching.variables import Whole

NEAR_T = 2  # tonnes that a line, a fill or a sale may move
STEPS = 1 / 10  # the constraint solver's own measure of effort; most answers take a tenth of it
NOISE = 1 / 10_000  # of a tonne: what the simplex method may be off


def is_whole(values: npt.NDArray[np.float64]) -> bool:
    """Whether the values are whole numbers but for noise."""
    return bool((np.abs(values - np.rint(values)) < NOISE).all())


def rounded(
    rows: PairRows, worth: Whole, value: npt.NDArray[np.float64], limits: Limits, least: int, most: int
) -> Whole | None:
    """Tonnes of every pair near `value`, worth from `least` to `most`; None where there are none or none is found."""
    from ortools.sat.python import cp_model  # heavy, and only a worker that solves needs it

    model = cp_model.CpModel()
    column = _columns(rows, value, limits, model)
    own = rows.programme
    entries: list[list[Any]] = [[] for _ in own.row_least]
    for row, k, factor in zip(own.row, own.column, own.factor, strict=True):
        if k in column:
            entries[row].append(factor * column[k])
    for row, terms in enumerate(entries):
        if terms:
            model.add_linear_constraint(sum(terms), own.row_least[row], own.row_most[row])
    goal = sum(int(worth[k]) * column[k] for k in np.flatnonzero(worth).tolist() if k in column)
    model.add_linear_constraint(goal, least, most)
    model.maximize(goal)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.linearization_level = 1
    solver.parameters.max_deterministic_time = STEPS
    if solver.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return np.array([solver.value(column[k]) if k in column else 0 for k in rows.x.tolist()], dtype=np.int64)


def _columns(rows: PairRows, value: npt.NDArray[np.float64], limits: Limits, model: Any) -> dict[int, Any]:
    """A variable near its value for all that may move; pairs without a line and groups without use are left out."""
    least, most = rows.within(limits)
    low = np.maximum(least, np.floor(value + NOISE).astype(np.int64) - NEAR_T)
    high = np.minimum(most, np.ceil(value - NOISE).astype(np.int64) + NEAR_T)
    pair = np.flatnonzero(value[rows.x] > NOISE)
    line, min_line_t = rows.x[pair], rows.book.min_line_t
    low[line] = np.maximum(low[line], np.minimum(min_line_t, np.floor(value[line] + NOISE).astype(np.int64)))
    short = pair[value[line] < min_line_t - NOISE]
    book, stands_on = rows.book, [rows.fill[rows.bid[short]], rows.sold[rows.lot[short]]]
    full = np.concatenate([rows.fill[book.is_whole_bid], rows.sold[book.is_whole_lot], *stands_on])
    full = full[value[full] > rows.most[full] - NOISE]
    low[full] = high[full] = rows.most[full]  # whole orders, and what short lines stand on
    movable = np.concatenate([line, rows.fill, rows.sold, rows.goal])
    column = {k: model.new_int_var(int(low[k]), int(high[k]), "") for k in movable.tolist()}
    contracts = set(zip(rows.bid[pair].tolist(), rows.group[pair].tolist(), strict=True))
    return column | {rows.uses[each]: model.new_constant(1) for each in contracts if each in rows.uses}
