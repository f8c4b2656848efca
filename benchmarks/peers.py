"""The peers: general solvers on the pair model, and the queues, each held to the same rules and judged by the checker.

The general solvers get the model as it is, with their default settings, a time limit and, for CP-SAT, two workers. An
expert could help them by pruning or column generation; that would be another program.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.board import Board, Lines
from benchmarks.pair_model import FREE, PairModel, tonne_weight
from benchmarks.queues import ORDERS, served

CP_SAT, SCIPY = "CP-SAT, 2 workers", "scipy.optimize.milp"
EXACT = 1e-6  # how far from a whole number a solver's value may be


@dataclass(frozen=True)
class Answer:
    """What a peer came back with; `lines` is None when it found nothing in its time. `seconds` include the model."""

    peer: str
    lines: Lines | None
    seconds: float
    said: str


def by_scipy(board: Board, limit_s: float, *, whole_tonnes: bool = True) -> Answer:
    """HiGHS by scipy. Without `whole_tonnes` tonnes may be fractions, which is the easier problem for it."""
    from scipy.optimize import Bounds, LinearConstraint, milp  # only `make bench` installs it
    from scipy.sparse import csr_array

    began = time.perf_counter()
    model = PairModel(board)
    if not model.pairs:
        return _nothing_may_trade(SCIPY, began)
    row, variable, coefficient, low, high = model.matrix()
    matrix = csr_array((coefficient.astype(float), (row, variable)), shape=(len(low), model.variables))
    is_whole = np.ones(model.variables)
    is_whole[: model.pairs] = whole_tonnes
    found = milp(
        -model.worth.astype(float),
        integrality=is_whole,
        bounds=Bounds(0, model.high),
        constraints=LinearConstraint(
            matrix, np.where(low == FREE, -np.inf, low), np.where(high == -FREE, np.inf, high)
        ),
        options={"time_limit": limit_s},
    )
    seconds = time.perf_counter() - began
    lines = None
    if found.x is not None:
        nearest = np.rint(found.x)
        if whole_tonnes and np.abs(nearest - found.x).max(initial=0) > EXACT * max(1.0, float(np.abs(found.x).max())):
            return Answer(SCIPY, None, seconds, "gave fractions of tonnes")
        lines = model.lines(nearest.astype(np.int64))
    return Answer(
        SCIPY, lines, seconds, {0: "optimal by its own tolerance", 1: "stopped on time"}.get(found.status, "none")
    )


def by_cp_sat(board: Board, limit_s: float) -> Answer:
    """CP-SAT of OR-Tools."""
    from ortools.sat.python import cp_model

    began = time.perf_counter()
    model, cp = PairModel(board), cp_model.CpModel()
    if not model.pairs:
        return _nothing_may_trade(CP_SAT, began)
    x = [cp.new_int_var(0, int(high), "") for high in model.high]
    row, variable, coefficient, low, high = model.matrix()
    order = np.argsort(row, kind="stable")
    ends = np.searchsorted(row[order], np.arange(len(low) + 1))
    variable, coefficient = variable[order].tolist(), coefficient[order].tolist()
    for k, (first, last) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
        terms = cp_model.LinearExpr.weighted_sum([x[v] for v in variable[first:last]], coefficient[first:last])
        cp.add_linear_constraint(terms, int(low[k]), int(high[k]))
    cp.maximize(cp_model.LinearExpr.weighted_sum(x, model.worth.tolist()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.max_time_in_seconds = 2, limit_s
    status = solver.solve(cp)
    seconds = time.perf_counter() - began
    said = solver.status_name(status).lower()
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(CP_SAT, None, seconds, said)
    values = np.array([solver.value(one) for one in x], dtype=np.int64)
    return Answer(CP_SAT, model.lines(values), seconds, said)


def _nothing_may_trade(peer: str, began: float) -> Answer:
    return Answer(peer, Lines.of([]), time.perf_counter() - began, "no pair may trade")


def by_queue(board: Board, name: str) -> Answer:
    """One of the queues."""
    began = time.perf_counter()
    lines = served(board, ORDERS[name])
    return Answer(name, lines, time.perf_counter() - began, "done")


def in_one_number(board: Board, goals: Sequence[int]) -> int:
    """Weight of the tonnes and surplus in one sum, as the general solvers maximise it."""
    weight = tonne_weight(board)
    return 2 * weight * goals[0] + weight * goals[1] + goals[2]


def bound_in_one_number(board: Board, bound: Sequence[int], reached: Sequence[int]) -> int:
    """An upper bound of that sum from our bounds of the goals one after the other.

    The surplus bound holds for results with exactly the tonnes that we reached; for each tonne we may have missed, the
    widest margin of the round is added, since that is the most that it could bring.
    """
    widest_fen = int(board.limit_fen.max(initial=0) - board.ask_fen.min(initial=0))
    missed_t = bound[0] - reached[0] + bound[1] - reached[1]
    return in_one_number(board, bound) + missed_t * max(0, widest_fen)


def judged(board: Board, answer: Answer, bound: Sequence[int], reached: Sequence[int]) -> dict[str, Any]:
    """A peer's answer as figures beside ours: `bound` is our certified bound, `reached` what we reached."""
    figures: dict[str, Any] = {"peer": answer.peer, "seconds": round(answer.seconds, 3), "said": answer.said}
    if answer.lines is None:
        return figures | {"violations": 0, "found": False}
    goals, most = board.goals(answer.lines), bound_in_one_number(board, bound, reached)
    tonnes, most_t = goals[0] + goals[1], bound[0] + bound[1]
    return figures | {
        "found": True,
        "violations": len(board.violations(answer.lines)),
        "compliance_t": goals[0],
        "voluntary_t": goals[1],
        "surplus_fen": goals[2],
        "one_number_ppm": ppm(most - in_one_number(board, goals), most),
        "compliance_ppm": ppm(bound[0] - goals[0], bound[0]),
        "coverage_ppm": ppm(most_t - tonnes, most_t),
        "surplus_of_ours_ppm": goals[2] * 1_000_000 // reached[2] if reached[2] else 0,
    }


def our_gap_in_one_number(board: Board, bound: Sequence[int], reached: Sequence[int]) -> int:
    """What we lack ourselves, measured as the peers are."""
    most = bound_in_one_number(board, bound, reached)
    return ppm(most - in_one_number(board, reached), most)


def ppm(short: int, whole: int) -> int:
    """Parts per million, rounded up; 0 of nothing."""
    return -(-short * 1_000_000 // whole) if whole else 0


Peer = Callable[[Board], Answer]


def peers_of_a_small_round(limit_s: float) -> list[Peer]:
    """All of them, the general solvers with a time limit."""
    queues: list[Peer] = [lambda board, name=name: by_queue(board, name) for name in ORDERS]
    return [lambda board: by_scipy(board, limit_s), lambda board: by_cp_sat(board, limit_s), *queues]
