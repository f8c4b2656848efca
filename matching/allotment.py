"""Who gets which lot: the margins of the bound turned into lines.

Coverage and surplus depend on the fills and the uses alone, not on who gets what, so this step is free to serve the
rules that the network does not know: own group, group caps, number of sellers, few lines. Inside a structure choices
are nested by price: with the dearest lot first, whoever may take it may take every later one too.
"""

from __future__ import annotations

import heapq

import numpy as np

from matching.constraints import Allocation
from matching.goals import Margins
from matching.sellers import is_limited
from matching.variables import Book, Whole


def allotted(book: Book, margins: Margins, choice: Whole) -> Allocation:
    """Lines that realise most of the margins; each lot goes to the bid with most left to take in that structure."""
    clerk = _Clerk(book, choice)
    lots = _by_structure(margins.delivery_structure, margins.delivery_lot, margins.delivery_t)
    bids = _by_structure(margins.choice_structure, margins.choice_bid, margins.choice_t)
    for structure in sorted(lots.keys() & bids.keys()):
        clerk.allot(lots[structure], bids[structure])
    bid, lot, tonnes = (np.array(column, dtype=np.int64) for column in (clerk.bid, clerk.lot, clerk.tonnes))
    return Allocation.of(bid, lot, tonnes, len(book.lots))


def _by_structure(structure: Whole, position: Whole, tonnes: Whole) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    some = tonnes > 0
    for s, p, t in zip(structure[some].tolist(), position[some].tolist(), tonnes[some].tolist(), strict=True):
        found.setdefault(s, []).append((p, t))
    return found


class _Clerk:
    """Writes lines and remembers what each bid already takes from each seller group."""

    def __init__(self, book: Book, choice: Whole) -> None:
        self.ask, self.limit = book.ask_fen.tolist(), book.limit_fen.tolist()
        self.bid_group, self.lot_group = book.bid_group.tolist(), book.lot_group.tolist()
        self.bid_priority, self.lot_priority = book.bid_priority.tolist(), book.lot_priority.tolist()
        self.cap, self.groups, self.least = book.group_cap_t.tolist(), book.groups, book.min_line_t
        self.limited, self.choice = is_limited(book).tolist(), set(choice.tolist())
        self.taken: dict[int, int] = {}
        self.bid: list[int] = []
        self.lot: list[int] = []
        self.tonnes: list[int] = []

    def allot(self, lots: list[tuple[int, int]], bids: list[tuple[int, int]]) -> None:
        """All lines of one structure."""
        lots = sorted(lots, key=lambda row: (-self.ask[row[0]], self.lot_priority[row[0]]))
        bids = sorted(bids, key=lambda row: (self.limit[row[0]], -self.bid_priority[row[0]]))
        waiting: list[tuple[int, int, int]] = []
        for j, tonnes in lots:
            while bids and self.limit[bids[-1][0]] >= self.ask[j]:
                i, wanted = bids.pop()
                heapq.heappush(waiting, (-wanted, self.bid_priority[i], i))
            self._share_out(j, tonnes, waiting)

    def _share_out(self, j: int, tonnes: int, waiting: list[tuple[int, int, int]]) -> None:
        """One lot's tonnes among the waiting bids, the one with most left first."""
        aside: list[tuple[int, int, int]] = []
        while tonnes and waiting:
            wanted, first, i = heapq.heappop(waiting)
            part = min(-wanted, tonnes, self._room(i, j))
            if part < min(self.least, -wanted, tonnes):
                aside.append((wanted, first, i))
                continue
            key = i * self.groups + self.lot_group[j]
            self.taken[key] = self.taken.get(key, 0) + part
            self.bid.append(i)
            self.lot.append(j)
            self.tonnes.append(part)
            tonnes -= part
            if wanted + part:
                aside.append((wanted + part, first, i))
        for row in aside:
            heapq.heappush(waiting, row)

    def _room(self, i: int, j: int) -> int:
        key = i * self.groups + self.lot_group[j]
        if self.bid_group[i] == self.lot_group[j] or (self.limited[i] and key not in self.choice):
            return 0
        return self.cap[i] - self.taken.get(key, 0)
