"""A programme in whole numbers, and what its linear relaxation proves of it, exactly.

The simplex method runs in floating point and is believed in nothing. Its multipliers, rounded to whole multiples of a
small fraction, bound every point of the programme whatever they are: with a multiplier on each row, the value of a
point is the sum over columns of (worth less the multipliers of its rows) times the column, plus the sum over rows of
multiplier times the row's value. No term passes what the limits of its column or row allow, and those terms are added
up in whole numbers. A bound below zero of a programme worth nothing shows in the same way that it has no point at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.variables import Whole

Limits = dict[int, tuple[int, int]]  # least and most of some columns, in place of their own
# With preprocessing it forgets where it stood; the plainest choice of pivots is by far the fastest on these programmes.
PARAMETERS = "use_preprocessing: false feasibility_rule: DANTZIG optimization_rule: DANTZIG"
PIVOTS_OF_A_START = 100  # as many take as long as handing a solution over and back
PARTS = 2**40  # multipliers are rounded to multiples of 1 / PARTS


@dataclass
class Programme:
    """Columns between a least and a most, rows likewise, all whole; entries as (row, column, factor).

    `unit` is what counts as one of a column for the simplex method: a yes-or-no that stands for many tonnes gets
    their number, so that all columns are of one order of magnitude.
    """

    least: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    unit: list[int] = field(default_factory=list)
    row_least: list[int] = field(default_factory=list)
    row_most: list[int] = field(default_factory=list)
    row: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    factor: list[int] = field(default_factory=list)

    def columns(self, most: Iterable[int], unit: int = 1) -> Whole:
        """New columns from 0 to `most` each; their numbers."""
        first = len(self.most)
        self.most += [int(each) for each in most]
        self.least += [0] * (len(self.most) - first)
        self.unit += [unit] * (len(self.most) - first)
        return np.arange(first, len(self.most))

    def add(self, columns: Whole, factors: Iterable[int], least: int, most: int) -> None:
        """A row: the columns times their factors add up to something from `least` to `most`."""
        self.row += [len(self.row_least)] * len(columns)
        self.column += columns.tolist()
        self.factor += [int(each) for each in factors]
        self.row_least.append(int(least))
        self.row_most.append(int(most))

    def copy(self) -> Programme:
        """The same programme, to be added to."""
        return replace(self, **{name: list(rows) for name, rows in vars(self).items()})


@dataclass(frozen=True)
class Point:
    """An optimum of the relaxation: a value for each column, a multiplier for each row."""

    at: npt.NDArray[np.float64]
    multiplier: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Proof:
    """A bound, and each column's worth less the multipliers of its rows, both in units of 1 / PARTS."""

    bound: int
    reduced: npt.NDArray[np.object_]

    @property
    def most(self) -> int:
        """The greatest whole value a point may have."""
        return self.bound // PARTS


class Sums:
    """The exact side: turns multipliers into a bound, in Python's own integers, which know no end."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        self.row, self.column = np.array(programme.row), np.array(programme.column)
        self.factor = np.array(programme.factor, dtype=object)

    def proof(self, worth: Whole, multiplier: npt.NDArray[np.float64], limits: Limits) -> Proof:
        """The bound on the value of every point within the limits, whatever the multipliers are."""
        times = np.array([int(each) for each in np.rint(multiplier * PARTS)], dtype=object)
        reduced = worth.astype(object) * PARTS
        np.subtract.at(reduced, self.column, self.factor * times[self.row])
        least, most = self.programme.least.copy(), self.programme.most.copy()
        for k, limit in limits.items():
            least[k], most[k] = limit
        rows = zip(times.tolist(), self.programme.row_least, self.programme.row_most, strict=True)
        columns = zip(reduced.tolist(), least, most, strict=True)
        terms = (each * (most if each > 0 else least) for side in (rows, columns) for each, least, most in side)
        return Proof(sum(terms), reduced)


class Simplex:
    """The relaxation of one programme, solved again and again under other limits from where it stood last."""

    def __init__(self, programme: Programme) -> None:
        from ortools.linear_solver import pywraplp  # heavy, and only a worker that solves needs it

        self.programme = programme
        self.optimal = pywraplp.Solver.OPTIMAL
        self.solver: Any = pywraplp.Solver.CreateSolver("GLOP")
        self.solver.SetSolverSpecificParametersAsString(PARAMETERS)
        self.unit = np.array(programme.unit, dtype=np.float64)
        columns = zip(programme.least, programme.most, programme.unit, strict=True)
        self.columns = [self.solver.NumVar(least * unit, most * unit, "") for least, most, unit in columns]
        rows = zip(programme.row_least, programme.row_most, strict=True)
        self.rows = [self.solver.Constraint(least, most) for least, most in rows]
        for row, column, factor in zip(programme.row, programme.column, programme.factor, strict=True):
            self.rows[row].SetCoefficient(self.columns[column], factor / programme.unit[column])
        self.worth: dict[int, int] = {}
        self.limits: Limits = {}
        self.goal = self.solver.Objective()
        self.goal.SetMaximization()

    def aim(self, worth: Whole) -> None:
        """What to maximize from now on: the worth of one of each column."""
        wanted = {k: int(worth[k]) for k in np.flatnonzero(worth).tolist()}
        for k in self.worth.keys() | wanted.keys():
            self.goal.SetCoefficient(self.columns[k], wanted.get(k, 0) / self.programme.unit[k])
        self.worth = wanted

    def solve(self, limits: Limits) -> Point | None:
        """An optimum under the limits; None where there is none or the numbers are too much for it."""
        own = self.programme
        for k in self.limits.keys() - limits.keys():
            self.columns[k].SetBounds(own.least[k] * own.unit[k], own.most[k] * own.unit[k])
        for k, limit in limits.items():
            if self.limits.get(k) != limit:
                self.columns[k].SetBounds(limit[0] * own.unit[k], limit[1] * own.unit[k])
        self.limits = limits
        if self.solver.Solve() != self.optimal:
            return None
        value = np.array([column.solution_value() for column in self.columns]) / self.unit
        return Point(value, np.array([row.dual_value() for row in self.rows]))

    @property
    def effort(self) -> int:
        """Of the latest solution, pivots times rows: a function of the programme and of what was solved before."""
        return (int(self.solver.iterations()) + PIVOTS_OF_A_START) * len(self.rows)


class Emptiness:
    """Proves that no point lies within limits: every row may be broken at a price, and the least price is not 0."""

    def __init__(self, sums: Sums) -> None:
        self.sums, elastic = sums, sums.programme.copy()
        own = len(elastic.most)
        room = sum(elastic.most)
        for row, (least, most) in enumerate(zip(elastic.row_least, elastic.row_most, strict=True)):
            signs = (1, -1) if least == most else (-1,)  # no other row can fall short of its least
            elastic.column += elastic.columns([room] * len(signs)).tolist()
            elastic.row += [row] * len(signs)
            elastic.factor += signs
        self.simplex = Simplex(elastic)
        self.simplex.aim(-(np.arange(len(elastic.most)) >= own).astype(np.int64))
        self.nothing = np.zeros(own, dtype=np.int64)

    def is_proven(self, limits: Limits) -> bool:
        """Whether it is certain that there is no point."""
        point = self.simplex.solve(limits)
        return point is not None and self.sums.proof(self.nothing, point.multiplier, limits).bound < 0
