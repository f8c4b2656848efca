"""Fewer lines for the same outcome: where lines close a ring, tonnes are passed around it until one line is empty.

Passing tonnes around a ring of bids and lots changes no fill and no use, so coverage and surplus stand and so does the
order of time; only who gets what changes. Rings are found in a forest of lines, largest lines first, so that the small
ones go. Where a floor or a group cap stops the passing before a line is empty, the ring stays.

Heuristic for the goals after the third (contracts §2: fewest contracts, fewest lines), unproven.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from matching.constraints import Allocation, seller_pairs, total
from matching.variables import Book

Pair = tuple[int, int]
FARTHEST = 24  # lines looked along from either side; rings that are longer stay


def consolidated(book: Book, held: Allocation) -> Allocation:
    """The same fills and uses on fewer lines. Lines of a bid and a lot that are both open are left alone."""
    is_full, is_out = held.filled_t(book) == book.quota_t, held.sold_t(book) == book.supply_t
    free = is_full[held.bid] | is_out[held.lot]
    ring = _Rings(book, held)
    order = np.flatnonzero(free)[np.argsort(-held.tonnes[free], kind="stable")]
    for k in order.tolist():
        ring.add((int(held.bid[k]), int(held.lot[k])))
    pairs = [pair for pair, tonnes in ring.tonnes.items() if tonnes]
    columns = np.array([(i, j, ring.tonnes[i, j]) for i, j in pairs], dtype=np.int64).reshape(-1, 3)
    return Allocation.of(columns[:, 0], columns[:, 1], columns[:, 2], len(book.lots))


@dataclass
class _Step:
    """One bid on a ring: the line that gains, the line that loses."""

    gains: Pair
    loses: Pair


class _Rings:
    """A forest over bids (node i) and lots (node -1 - j) whose edges are lines; `parent` points to the root."""

    def __init__(self, book: Book, held: Allocation) -> None:
        self.book = book
        self.tonnes: dict[Pair, int] = dict(
            zip(zip(held.bid.tolist(), held.lot.tolist(), strict=True), held.tonnes.tolist(), strict=True)
        )
        outside = book.is_outside(held.bid, held.lot)
        self.outside = dict(zip(self.tonnes, outside.tolist(), strict=True))
        used_t = total(held.bid[outside], held.tonnes[outside], len(book.bids))
        self.outside_room = (book.outside_cap_t - used_t).tolist()
        bid, group, tonnes = seller_pairs(book, held)
        room_t = (book.group_cap_t[bid] - tonnes).tolist()
        self.group_room = dict(zip(zip(bid.tolist(), group.tolist(), strict=True), room_t, strict=True))
        self.group = book.lot_group.tolist()
        self.parent: dict[int, int] = {}
        self.tree: dict[int, int] = {}
        self.size: dict[int, int] = {}

    def add(self, pair: Pair) -> None:
        """Adds a line to the forest; a ring that it closes is broken at its smallest line if it may be."""
        bid, lot = pair[0], -1 - pair[1]
        path = self._path(bid, lot)
        if path is None:
            self._link(bid, lot)
            return
        if not path:
            return
        emptied = self._pass_around(pair, path)
        if emptied is not None and emptied != pair:
            self._cut(emptied)
            self._link(bid, lot)

    def _pass_around(self, pair: Pair, path: list[int]) -> Pair | None:
        """Passes tonnes the way that empties the smaller line; the emptied line, None where a rule stops it."""
        lines = [pair, *(_line(one, other) for one, other in zip(path[1:], path, strict=False))][: len(path)]
        sides = lines[0::2], lines[1::2]
        for losing in sorted((0, 1), key=lambda side: min((self.tonnes[line], line) for line in sides[side])):
            steps = self._steps(sides[losing], sides[1 - losing])
            smallest = min(sides[losing], key=lambda line: (self.tonnes[line], line))
            tonnes = self.tonnes[smallest]
            if all(self._room(step) >= tonnes for step in steps):
                for step in steps:
                    self._move(step, tonnes)
                return smallest
        return None

    def _steps(self, losing: list[Pair], gaining: list[Pair]) -> list[_Step]:
        """The ring bid by bid; every bid on it has one line on each side."""
        by_bid = {line[0]: line for line in gaining}
        return [_Step(by_bid[line[0]], line) for line in losing]

    def _room(self, step: _Step) -> int:
        bid = step.gains[0]
        room = self.tonnes[step.loses]
        if self.outside[step.gains] and not self.outside[step.loses]:
            room = min(room, self.outside_room[bid])
        group, other = self.group[step.gains[1]], self.group[step.loses[1]]
        return room if group == other else min(room, self.group_room[bid, group])

    def _move(self, step: _Step, tonnes: int) -> None:
        bid = step.gains[0]
        self.tonnes[step.gains] += tonnes
        self.tonnes[step.loses] -= tonnes
        self.outside_room[bid] -= tonnes * (self.outside[step.gains] - self.outside[step.loses])
        self.group_room[bid, self.group[step.gains[1]]] -= tonnes
        self.group_room[bid, self.group[step.loses[1]]] += tonnes

    def _path(self, one: int, other: int) -> list[int] | None:
        """Nodes from one to the other, None when they are in different trees, empty when it is too far."""
        if self._tree(one) != self._tree(other):
            return None
        left, right = self._towards_root(one, FARTHEST), self._towards_root(other, FARTHEST)
        met = set(left).intersection(right)
        if not met:
            return []
        left = left[: next(k for k, node in enumerate(left) if node in met) + 1]
        return left + right[: right.index(left[-1])][::-1]

    def _towards_root(self, node: int, most: int) -> list[int]:
        path, parent = [node], self.parent
        while len(path) < most and (node := parent.get(node, node)) != path[-1]:
            path.append(node)
        return path

    def _tree(self, node: int) -> int:
        """A node that stands for the whole tree; ways to it are shortened as they are walked."""
        tree = self.tree
        while (above := tree.get(node, node)) != node:
            tree[node] = tree.get(above, above)
            node = above
        return node

    def _link(self, one: int, other: int) -> None:
        """Joins a tree to another: the smaller is turned to hang on the larger. Or mends the one that was cut."""
        mine, its = self._tree(one), self._tree(other)
        if self.size.get(mine, 1) > self.size.get(its, 1):
            one, other, mine, its = other, one, its, mine
        for node, above in reversed(list(pairwise(self._towards_root(one, len(self.parent) + 2)))):
            self.parent[above] = node
        self.parent[one] = other
        if mine != its:
            self.tree[mine] = its
            self.size[its] = self.size.get(its, 1) + self.size.get(mine, 1)

    def _cut(self, pair: Pair) -> None:
        """Takes a line out of the forest."""
        bid, lot = pair[0], -1 - pair[1]
        del self.parent[bid if self.parent.get(bid) == lot else lot]


def _line(one: int, other: int) -> Pair:
    return (one, -1 - other) if one >= 0 else (other, -1 - one)
