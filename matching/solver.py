"""Solves a round: the bound by flow, the lines, the repair, and for a small round the proof.

The order of work is matching §1.3: tighten each bid alone, one cheapest greatest flow on the network of structures,
lines from its margins, passes of repair on pairs, then branch and bound where the round is small enough. Pure: no
database, no clock but for the figure `solver.seconds` and the time limit it is given. What it returns is a proposal
that the checker decides on.

Source: contracts §1-3.
"""

from __future__ import annotations

import time

from matching.auction import Time, auctioned
from matching.auction_lines import LinesOf
from matching.certificate import CERTIFICATE_FORMAT, Certificate, Proofs
from matching.consolidation import consolidated
from matching.constraints import Allocation, most_alone_t
from matching.duals import Bounds, nothing_to_gain
from matching.goals import Relaxation, gap_of, score_of, tighter, weights_of
from matching.outcome import empty_result, result_of, timed
from matching.problem import AUCTION, Problem, Result
from matching.progress import BOUNDING, EXPLAINING, LINES, PROOF, READING, Progress, Tell, untold
from matching.proof import is_brief, is_small, searched
from matching.regret import mended
from matching.repair import in_order_of_time, repaired
from matching.routing import routed
from matching.variables import Book, Whole, book_of, is_large, is_middling

BRIEF_FAIR_PPM, MIDDLING_FAIR_PPM, LARGE_FAIR_PPM = (
    200,
    100,
    300,
)  # a gap below which another look costs more time than it brings


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


def solve(problem: Problem, *, time_limit_s: int | None = None, workers: int = 1, tell: Tell = untold) -> Result:
    """The result of a quota round or an auction. Raises `NotSolvable` for no workers. `tell` hears how far it is.

    `workers` is the number of processors that may be used; the outcome does not depend on it (contracts §2), and this
    solver uses one whatever it is.
    """
    return solve_certified(problem, time_limit_s=time_limit_s, workers=workers, tell=tell)[0]


def solve_certified(
    problem: Problem, *, time_limit_s: int | None = None, workers: int = 1, tell: Tell = untold
) -> tuple[Result, Certificate]:
    """The result, and the certificate of its bounds (contracts §3)."""
    if workers < 1:
        raise NotSolvable(f"workers must be at least 1, got {workers}")
    deadline = Deadline(time_limit_s)
    tell(Progress(READING, None, None))
    book = book_of(problem)
    if not (book.bids and book.lots):
        result, proofs = empty_result(book), nothing_to_gain(book)
    elif problem.mechanism == AUCTION:
        result, proofs = auctioned(book, _lines_by(deadline), Time(deadline.is_late, deadline.left), tell)
    else:
        result, proofs = _cleared(book, deadline, tell)
    certificate = Certificate(format=CERTIFICATE_FORMAT, problem_sha256=result.problem_sha256, bounds=proofs)
    return timed(result, deadline.elapsed()), certificate


def _lines_by(deadline: Deadline) -> LinesOf:
    """The maker of lines, for an auction that knows what every bid is to get."""

    def lines_of(book: Book, most_t: Whole, in_full: bool) -> Allocation:
        relaxation = Relaxation(book, most_t)
        return _proposed(book, relaxation, deadline) if in_full else routed(book, *relaxation.best)

    return lines_of


def _cleared(book: Book, deadline: Deadline, tell: Tell) -> tuple[Result, Proofs]:
    fair_ppm = MIDDLING_FAIR_PPM if is_middling(book) else LARGE_FAIR_PPM if is_large(book) else 0
    held, bounds = _approached(book, None, fair_ppm, deadline, tell)
    if is_middling(book) and _gap_ppm(book, bounds, held) > fair_ppm and not deadline.is_late():
        book, seen_coarsely = book_of(book.problem, is_fine=True), held
        held, bounds = _approached(book, bounds, 0, deadline, tell)
        held = max(held, seen_coarsely, key=lambda each: score_of(book, each))
    search = None
    if _is_to_be_proven(book, bounds, held) and not deadline.is_late():
        tell(Progress(PROOF, bounds.promised, score_of(book, held)))
        held, search = searched(book, held, bounds.bound, deadline.left, tell)
        held = in_order_of_time(book, weights_of(book), held)
        deadline.is_late()
    tell(Progress(EXPLAINING, bounds.promised, score_of(book, held)))
    held = consolidated(book, held)
    bound, proofs = bounds.proven(score_of(book, held))
    return result_of(book, held, bound, search, was_late=deadline.has_struck), proofs


def _approached(
    book: Book, known: Bounds | None, fair_ppm: int, deadline: Deadline, tell: Tell
) -> tuple[Allocation, Bounds]:
    """The best allocation that flows and repairs lead to, and the bounds beside it, no higher than those known."""
    tell(Progress(BOUNDING, None, None))
    relaxation = Relaxation(book, most_alone_t(book), deadline.left)
    deadline.has_struck |= relaxation.is_cut_short
    bounds = Bounds(book, relaxation.relaxed, relaxation.most_t, is_cut_short=relaxation.is_cut_short, known=known)
    tell(Progress(LINES, bounds.promised, None))
    held = _proposed(book, relaxation, deadline)
    bounds.look_at(relaxation.best[1].filled_t(book) > held.filled_t(book))
    return mended(book, weights_of(book), bounds, held, fair_ppm=fair_ppm, is_late=deadline.is_late), bounds


def _is_to_be_proven(book: Book, bounds: Bounds, held: Allocation) -> bool:
    """A small round always; one of a few hundred lots only if much is open, since there a search takes seconds."""
    return is_small(book) and (not is_brief(book) or _gap_ppm(book, bounds, held) > BRIEF_FAIR_PPM)


def _gap_ppm(book: Book, bounds: Bounds, held: Allocation) -> int:
    score = score_of(book, held)
    gap = gap_of(tighter(bounds.bound(score), None), score)
    return max(gap.coverage, gap.surplus)


def _proposed(book: Book, relaxation: Relaxation, deadline: Deadline) -> Allocation:
    """A feasible allocation near the margins."""
    network, margins = relaxation.best
    held = routed(book, network, margins)
    return repaired(book, weights_of(book), margins, held, is_late=deadline.is_late)
