"""Small rounds are solved to the end: a search that finishes what the flow leaves open and proves it.

One goal after the other, each with the ones before it held at what was reached. A goal that already meets its bound is
not searched. The search (`matching.branching`) counts its effort in steps of its own, so that what comes of it is a
function of the problem; a limit in seconds, where the caller gives one, is the exception that the result declares.
"""

from __future__ import annotations

from collections.abc import Callable

from matching.branching import Relaxation, Tree
from matching.constraints import Allocation
from matching.goals import Score, score_of, tighter
from matching.problem import Bound
from matching.progress import PROOF, Progress, Tell, untold
from matching.variables import Book

MOST_BIDS, MOST_LOTS = 100, 500
SMALL_BIDS, SMALL_LOTS = 60, 200
EFFORT = 600_000_000  # of the search, in pivots times rows; some fifteen seconds, of which most rounds need a tenth
BRIEF = 40_000_000  # for rounds that are not small: a second, which proves most of them


def is_small(book: Book) -> bool:
    """Whether the round is small enough for a proof by search."""
    return len(book.bids) <= MOST_BIDS and len(book.lots) <= MOST_LOTS


def is_brief(book: Book) -> bool:
    """Whether the round is small, but so large that a search takes longer than its proof is mostly worth."""
    return len(book.bids) > SMALL_BIDS or len(book.lots) > SMALL_LOTS


def searched(
    book: Book,
    held: Allocation,
    bound_of: Callable[[Score], Bound],
    left: Callable[[], float | None],
    tell: Tell = untold,
) -> tuple[Allocation, Bound | None]:
    """The best allocation found, at least as good as `held`, and the bounds proven by search (None: no search ran).

    `bound_of` gives the bounds by flow for a reached score, `left` the seconds left or None. `tell` hears of each goal.
    """
    proven: dict[int, int] = {}
    allowed = effort = BRIEF if is_brief(book) else EFFORT
    relaxation: Relaxation | None = None
    for goal in range(3):
        score = score_of(book, held)
        bound = tighter(bound_of(score), None)
        if score[goal] == bound[goal]:
            continue
        relaxation = relaxation or Relaxation(book)
        kept_for_later = (2 - goal) * allowed // 6
        tree = Tree(relaxation, goal, held, effort - kept_for_later, left)
        proven[goal] = tree.grown(bound[goal])
        held, effort = tree.held, effort - tree.effort
        tell(Progress(PROOF, tighter(bound_of(score_of(book, held)), None), score_of(book, held)))
    if not proven:
        return held, None
    bound = tighter(bound_of(score_of(book, held)), None)
    compliance_t, voluntary_t, surplus_fen = (min(bound[goal], proven.get(goal, bound[goal])) for goal in range(3))
    return held, Bound(compliance_t=compliance_t, voluntary_t=voluntary_t, surplus_fen=surplus_fen)
