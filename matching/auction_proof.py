"""Small auctions are solved to the end: branch and bound over prices, whole orders, sellers and small lines together.

The search is that of small quota rounds (`matching.branching`) with another goal and one more rule that no row can say:
in the optimum of a relaxation a type may sell a lot that asks more than another bid of it would pay. Then its price is
either below that ask, and no lot with such an ask is sold, or not, and no bid with a lower limit is served; where most
tonnes must give way on either side, there the search parts. First the greatest surplus, then the most tonnes at that
surplus. Effort is counted, so that what comes of it is a function of the problem.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from matching.auction_flow import Score
from matching.auction_prices import Hall, has_prices
from matching.branching import Node, Relaxation, Tree
from matching.constraints import Allocation, is_feasible
from matching.programme import Limits, Point, Simplex, Sums
from matching.rounding import NOISE
from matching.variables import Book, Whole

MOST_BIDS, MOST_LOTS = 100, 500
SMALL_BIDS, SMALL_LOTS = 60, 200
EFFORT, BRIEF = 200_000_000, 40_000_000  # in pivots times rows; BRIEF where the auction is not small
SURPLUS, TONNES = 0, 1
SURPLUS_OF_ROUND = 2  # the goal's number in `matching.pair_rows`


def is_small(book: Book) -> bool:
    """Whether the auction is small enough for a proof by search."""
    return len(book.bids) <= MOST_BIDS and len(book.lots) <= MOST_LOTS


def score_of(book: Book, held: Allocation) -> Score:
    """The two goals of an allocation."""
    return sum((book.surplus_fen(held.bid, held.lot) * held.tonnes).tolist()), int(held.tonnes.sum())


def proved(hall: Hall, held: Allocation, bound: Score, left: Callable[[], float | None]) -> tuple[Allocation, Score]:
    """The best outcome found, at least as good as `held`, and a bound on all of them.

    `bound` holds already: on the surplus, and on the tonnes of outcomes with that surplus. `left` gives the seconds left or
    None.
    """
    book, most_t = hall.book, int(hall.book.quota_t.sum())
    is_brief = len(book.bids) > SMALL_BIDS or len(book.lots) > SMALL_LOTS
    effort, surplus_fen = BRIEF if is_brief else EFFORT, bound[0]
    if score_of(book, held)[SURPLUS] < surplus_fen:
        tree = _Tree(Relaxation(book), SURPLUS_OF_ROUND, held, effort, left, hall=hall, sought=SURPLUS)
        surplus_fen, held, effort = tree.grown(surplus_fen), tree.held, effort - tree.effort // 2
    reached = score_of(book, held)
    if reached[SURPLUS] < surplus_fen:
        return held, (surplus_fen, most_t)
    most_t = bound[1] if surplus_fen == bound[0] else most_t
    if reached[TONNES] < most_t:
        relaxation = _AtSurplus(book, surplus_fen)
        tree = _Tree(relaxation, SURPLUS_OF_ROUND, held, effort, left, hall=hall, sought=TONNES)
        most_t, held = tree.grown(most_t), tree.held
    return held, (surplus_fen, most_t)


class _AtSurplus(Relaxation):
    """The programme of an auction whose surplus is known."""

    def __init__(self, book: Book, surplus_fen: int) -> None:
        super().__init__(book)
        rows = self.rows
        rows.programme.add(rows.x, book.surplus_fen(rows.bid, rows.lot).tolist(), surplus_fen, surplus_fen)
        self.simplex, self.sums = Simplex(rows.programme), Sums(rows.programme)


@dataclass
class _Tree(Tree):
    """The search for one goal of an auction, `sought`."""

    hall: Hall = field(kw_only=True)
    sought: int = field(kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.kept = ()  # no goal comes before the surplus, and the surplus is a row of its own when tonnes are sought
        self.best = score_of(self.book, self.held)[self.sought]
        self.kind = self.hall.type_of_lot[self.rows.lot]
        if self.sought == TONNES:
            self.worth = self.rows.worth(0) + self.rows.worth(1)
            self.relaxation.simplex.aim(self.worth)

    def visited(self, most: int, limits: Limits) -> Node | None:
        """The likelier part of a node whose prices are at odds, else what the search of a round does with it."""
        point = self.relaxation.simplex.solve(limits)
        parts = [] if point is None else self.parts(point)
        if point is None or not parts:
            return super().visited(most, limits)
        self.visits += 1
        self.effort += self.relaxation.simplex.effort
        proof = self.relaxation.sums.proof(self.worth, point.multiplier, limits)
        most = min(most, proof.most)
        if most <= self.best:
            return None
        limits = limits | self.relaxation.settled(proof, limits, self.best)
        self.number += 1
        heapq.heappush(self.open, (-most, -self.number, limits | parts[1]))
        return most, limits | parts[0]

    def parts(self, point: Point) -> list[Limits]:
        """The prices below the cut and from it on, for the type most at odds; the likelier first, none without odds."""
        tonnes = point.at[self.rows.x]
        used = np.flatnonzero(tonnes > NOISE)
        odds = []
        for kind in np.unique(self.kind[used]).tolist():
            mine = used[self.kind[used] == kind]
            asks, limits = self.hall.least_fen[self.rows.lot[mine]], self.hall.most_fen[self.rows.bid[mine]]
            for cut_fen in np.unique(asks[asks > limits.min()]).tolist():
                sold, served = tonnes[mine[asks >= cut_fen]].sum(), tonnes[mine[limits < cut_fen]].sum()
                odds.append((min(sold, served), sold < served, -kind, -cut_fen))
        if not odds:
            return []
        _, is_below, kind, cut_fen = max(odds)
        kind, cut_fen = -kind, -cut_fen
        dear = np.flatnonzero((self.hall.type_of_lot == kind) & (self.hall.least_fen >= cut_fen))
        poor = np.flatnonzero((self.kind == kind) & (self.hall.most_fen[self.rows.bid] < cut_fen))
        below: Limits = dict.fromkeys(self.rows.sold[dear].tolist(), (0, 0))
        above: Limits = dict.fromkeys(self.rows.x[poor].tolist(), (0, 0))
        return [below, above] if is_below else [above, below]

    def is_taken(self, tonnes: Whole) -> bool:
        """Takes tonnes of every pair if they keep every rule, have prices and are better than the best found."""
        found = Allocation.of(self.rows.bid, self.rows.lot, tonnes, len(self.book.lots))
        score = score_of(self.book, found)
        is_kept = self.sought == SURPLUS or score[SURPLUS] == score_of(self.book, self.held)[SURPLUS]
        if not (is_kept and score[self.sought] > self.best and self.is_outcome(found)):
            return False
        self.held, self.best = found, score[self.sought]
        return True

    def is_outcome(self, found: Allocation) -> bool:
        """Whether every rule is kept and every type has a price."""
        return is_feasible(self.book, found) and has_prices(self.hall, found)
