"""Branch and bound on the rules that no row can say: all or none, number of sellers, minimum line, whole tonnes.

A node is a set of limits on columns. Its relaxation gives a bound, proven in whole numbers, and shows where a rule is
broken; the alternatives, one of which every result of the node keeps, are its children. The search dives along the
likelier child, then takes up the open node that promises most. What stands between the best found and the greatest
promise of an open node is the gap; when none is open the best is proven. Effort is counted in pivots of the simplex
method, so that the course is a function of the problem.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from matching.alternatives import alternatives, whole_tonnes
from matching.constraints import Allocation, is_feasible
from matching.goals import score_of
from matching.pair_rows import PairRows
from matching.programme import PARTS, Emptiness, Limits, Point, Proof, Simplex, Sums
from matching.remainder import remainder
from matching.rounding import is_whole, rounded
from matching.variables import Book, Whole

LOOKS_BACK = 8  # the part of the effort after which a search without gain looks back
FIRST_ASKED, FIRST_STEPS = 12, 3 / 20  # nodes after which what is left is handed over, and what may be spent on it
ASKED_AGAIN = 8  # times as many nodes and steps
MOST_PAIRS_ASKED = 8_000  # of a larger round stating the question alone takes seconds
EFFORT_OF_A_STEP, EFFORT_OF_ROUNDING = 120_000_000, 600_000  # about as much time as so many pivots times rows take
Node = tuple[int, Limits]  # what every result within the limits is worth at most, and the limits on columns


class Relaxation:
    """The programme of a round and the three ways to ask it; kept from goal to goal, since each starts from the last."""

    def __init__(self, book: Book) -> None:
        self.book, self.rows = book, PairRows(book)
        self.simplex, self.sums = Simplex(self.rows.programme), Sums(self.rows.programme)
        self._emptiness: Emptiness | None = None
        self.choices = np.array(  # the columns that are nothing or all
            [*self.rows.uses.values(), *self.rows.fill[book.is_whole_bid], *self.rows.sold[book.is_whole_lot]],
            dtype=int,
        )

    @property
    def emptiness(self) -> Emptiness:
        """Made when first asked for; most searches never meet limits without a result."""
        self._emptiness = self._emptiness or Emptiness(self.sums)
        return self._emptiness

    def choices_of(self, held: Allocation) -> Limits:
        """Limits that keep the sellers in use and the whole orders served."""
        book, rows = self.book, self.rows
        contracts = set(zip(held.bid.tolist(), book.lot_group[held.lot].tolist(), strict=True))
        served = [column for contract, column in rows.uses.items() if contract in contracts]
        served += rows.fill[book.is_whole_bid & (held.filled_t(book) > 0)].tolist()
        served += rows.sold[book.is_whole_lot & (held.sold_t(book) > 0)].tolist()
        return {column: (int(rows.most[column]),) * 2 for column in served}

    def settled(self, proof: Proof, limits: Limits, best: int) -> Limits:
        """The choices that cannot be otherwise in anything better than `best`, since it would cost too much."""
        least, most = self.rows.within(limits)
        room = proof.bound - (best + 1) * PARTS
        is_open = self.choices[least[self.choices] < most[self.choices]]
        cost = proof.reduced[is_open] * most[is_open]
        taken = {k: (int(most[k]),) * 2 for k in is_open[cost > room].tolist()}
        return taken | dict.fromkeys(is_open[-cost > room].tolist(), (0, 0))


@dataclass
class Tree:
    """The search for one goal: `held` the best found, worth `best` at that goal, `lost` what could not be decided.

    `effort` is what it has spent, in pivots times rows, of what is `allowed`; `left` gives the seconds left or None.
    """

    relaxation: Relaxation
    goal: int
    held: Allocation
    allowed: int
    left: Callable[[], float | None]
    best: int = field(init=False)
    lost: int = 0
    effort: int = 0
    number: int = 0
    visits: int = 0
    asked_at: int = FIRST_ASKED
    steps: float = FIRST_STEPS

    def __post_init__(self) -> None:
        self.book, self.rows = self.relaxation.book, self.relaxation.rows
        self.kept = score_of(self.book, self.held)[: self.goal]
        self.best = score_of(self.book, self.held)[self.goal]
        self.worth = self.rows.worth(self.goal)
        self.relaxation.simplex.aim(self.worth)
        self.open: list[tuple[int, int, Limits]] = []

    def grown(self, bound: int) -> int:
        """Searches until all is proven or the effort is spent; what the goal can be at most, `bound` or less."""
        limits = {k: (tonnes, tonnes) for k, tonnes in zip(self.rows.goal.tolist(), self.kept, strict=False)}
        node: Node | None = (bound, limits)
        first = self.best
        looked_back = False
        while node is not None and not self.is_over():
            if not looked_back and self.effort > self.allowed // LOOKS_BACK:
                looked_back = True
                if self.best == first:
                    self.look_back(bound, limits)
            if self.may_ask() and self.is_settled_at_once(limits, self.promise(node)):
                return self.best
            node = self.visited(*node) or self.most_promising()
        return self.promise(node)

    def may_ask(self) -> bool:
        """Whether it is time to hand over what is left, of a round that is small enough."""
        return self.visits >= self.asked_at and len(self.rows.x) <= MOST_PAIRS_ASKED

    def promise(self, node: Node | None) -> int:
        """What the goal can be at most, with this node and those that are open."""
        promised = [node[0]] if node is not None else []
        return max([self.best, self.lost, *promised, *(-promise for promise, _, _ in self.open)])

    def is_settled_at_once(self, limits: Limits, most: int) -> bool:
        """Hands over everything that may be better than the best: whether that is known afterwards."""
        left_s, allowed = self.left(), (self.allowed - self.effort) / EFFORT_OF_A_STEP
        steps, self.asked_at, self.steps = (
            min(self.steps, allowed),
            self.asked_at * ASKED_AGAIN,
            self.steps * ASKED_AGAIN,
        )
        found = remainder(self.rows, self.worth, limits, (self.best + 1, most), steps, left_s)
        self.effort += int(found.steps * EFFORT_OF_A_STEP)
        if found.tonnes is None:
            return found.is_settled
        return self.is_taken(found.tonnes) and found.is_settled

    def is_over(self) -> bool:
        """Whether the effort is spent or the time is up."""
        return self.effort >= self.allowed or self.left() == 0

    def look_back(self, bound: int, limits: Limits) -> None:
        """Where nothing better turns up: one dive that starts from the choices held. It proves nothing."""
        kept, self.open, lost = self.open, [], self.lost
        node: Node | None = (bound, limits | self.relaxation.choices_of(self.held))
        while node is not None and not self.is_over():
            node = self.visited(*node)
        self.open, self.lost = kept, lost

    def visited(self, most: int, limits: Limits) -> Node | None:
        """The likeliest child of a node, the others left open; None where nothing better can be below."""
        point = self.relaxation.simplex.solve(limits)
        self.visits += 1
        self.effort += self.relaxation.simplex.effort
        if point is None:
            self.lost = self.lost if self.is_empty(limits) else max(self.lost, most)
            return None
        proof = self.relaxation.sums.proof(self.worth, point.multiplier, limits)
        most = min(most, proof.most)
        children = alternatives(self.rows, point.at, limits) if most > self.best else []
        if most > self.best and not children:
            self.try_whole(point, limits, most)
            if most > self.best and is_whole(point.at[self.rows.x]):
                self.lost = max(self.lost, most)  # the numbers were too much for the simplex method
            elif most > self.best:
                children = whole_tonnes(self.rows, point.at, limits)
        if not children:
            return None
        limits = limits | self.relaxation.settled(proof, limits, self.best)
        for child in children[1:]:
            self.number += 1
            heapq.heappush(self.open, (-most, -self.number, limits | child))  # of equal promise the latest comes first
        return most, limits | children[0]

    def is_empty(self, limits: Limits) -> bool:
        """Whether it is proven that nothing lies within the limits."""
        emptiness = self.relaxation.emptiness
        is_proven = emptiness.is_proven(limits)
        self.effort += emptiness.simplex.effort
        return is_proven

    def most_promising(self) -> Node | None:
        """The open node to go on with, None when no open node can hold anything better."""
        if not self.open or -self.open[0][0] <= self.best:
            return None
        promise, _, limits = heapq.heappop(self.open)
        return -promise, limits

    def try_whole(self, point: Point, limits: Limits, most: int) -> None:
        """Takes the whole tonnes at a point, or next to it, if they are better than the best found."""
        tonnes: Whole | None = np.rint(point.at[self.rows.x]).astype(np.int64)
        if not is_whole(point.at[self.rows.x]):
            self.effort += EFFORT_OF_ROUNDING
            tonnes = rounded(self.rows, self.worth, point.at, limits, self.best + 1, most)
        if tonnes is not None:
            self.is_taken(tonnes)

    def is_taken(self, tonnes: Whole) -> bool:
        """Takes tonnes of every pair if they keep every rule and are better than the best found."""
        found = Allocation.of(self.rows.bid, self.rows.lot, tonnes, len(self.book.lots))
        score = score_of(self.book, found)
        is_better = score[: self.goal] == self.kept and score[self.goal] > self.best
        if not (is_better and is_feasible(self.book, found)):
            return False
        self.held, self.best = found, score[self.goal]
        return True
