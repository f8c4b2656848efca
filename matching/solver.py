"""Solves a round: the bound by flow, the lines, the repair, and for a small round the proof.

The order of work is matching §1.3: tighten each bid alone, one cheapest greatest flow on the network of structures,
lines from its margins, passes of repair on pairs, then branch and bound where the round is small enough. Pure: no
database, no clock but for the figure `solver.seconds` and the time limit it is given. What it returns is a proposal
that the checker decides on.

Source: contracts §1-3.
"""

from __future__ import annotations

import time

import numpy as np

from matching.allotment import allotted
from matching.consolidation import consolidated
from matching.constraints import NOTHING, Allocation, is_feasible, most_alone_t
from matching.goals import Margins, Relaxation, score_of, weights_of
from matching.outcome import result_of, timed
from matching.pairs import stripped
from matching.problem import QUOTA, Bound, Problem, Result
from matching.proof import is_small, searched
from matching.repair import in_order_of_time, repaired
from matching.sellers import first_choice
from matching.variables import Book, book_of


class NotSolvable(ValueError):  # noqa: N818  a refusal says what is wrong
    """The problem is sound but this solver does not clear its mechanism."""


class Deadline:
    """The time limit as a question: is it late? Without a limit it never is."""

    def __init__(self, seconds: int | None) -> None:
        self._started = time.perf_counter()
        self._seconds = seconds
        self.has_struck = False

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    def left(self) -> float | None:
        """Seconds left, None without a limit."""
        return None if self._seconds is None else max(0, self._seconds - self.elapsed())

    def is_late(self) -> bool:
        """Whether the limit has struck; work that asks and stops makes the result a `time_limit` one."""
        self.has_struck = self.has_struck or self.left() == 0
        return self.has_struck


def solve(problem: Problem, *, time_limit_s: int | None = None, workers: int = 1) -> Result:
    """The result of a quota round. Raises `NotSolvable` for another mechanism.

    `workers` is the number of processors that may be used; the outcome does not depend on it (contracts §2), and this
    solver uses one whatever it is.
    """
    if problem.mechanism != QUOTA:
        raise NotSolvable(f"$.mechanism: this solver clears {QUOTA} rounds only, got {problem.mechanism}")
    if workers < 1:
        raise NotSolvable(f"workers must be at least 1, got {workers}")
    deadline = Deadline(time_limit_s)
    book = book_of(problem)
    result = _cleared(book, deadline) if book.bids and book.lots else _empty(book)
    return timed(result, deadline.elapsed())


def _empty(book: Book) -> Result:
    return result_of(book, NOTHING, Bound(compliance_t=0, voluntary_t=0, surplus_fen=0), None, was_late=False)


def _cleared(book: Book, deadline: Deadline) -> Result:
    relaxation = Relaxation(book, most_alone_t(book))
    held = _proposed(book, relaxation.best, deadline)
    search = None
    if is_small(book) and not deadline.is_late():
        held, search = searched(book, held, relaxation.bound, deadline.left)
        held = in_order_of_time(book, weights_of(book), held)
        deadline.is_late()
    held = consolidated(book, held)
    bound = relaxation.bound(score_of(book, held))
    return result_of(book, held, bound, search, was_late=deadline.has_struck)


def _proposed(book: Book, margins: Margins, deadline: Deadline) -> Allocation:
    """A feasible allocation near the margins."""
    filled_t, sold_t = np.zeros_like(book.quota_t), np.zeros_like(book.supply_t)
    np.add.at(filled_t, margins.choice_bid, margins.choice_t)
    np.add.at(sold_t, margins.delivery_lot, margins.delivery_t)
    choice = first_choice(book, filled_t, sold_t)
    held = stripped(book, allotted(book, margins, choice))
    if not is_feasible(book, held):
        held = NOTHING
    return repaired(book, weights_of(book), margins, held, is_late=deadline.is_late)
