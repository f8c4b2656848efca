"""Deals out each structure of a network lot by lot, in few and large lines.

Inside a structure choices are nested by price: with the dearest lot first, whoever may take it may take every later one
too. So this step is free to serve rules that the network does not know: own group, group caps, few lines. Bids with a
group cap choose before the others, since the others can take whatever is left.
"""

from __future__ import annotations

import heapq

import numpy as np

from matching.goals import Margins
from matching.variables import Book, Whole


def allotted(book: Book, margins: Margins) -> tuple[Whole, Whole, Whole]:
    """Bid, lot and tonnes of lines (a pair may come twice) that realise most of the margins.

    Each lot goes to the bid with most left to take in that structure.
    """
    clerk = _Clerk(book)
    lots = _by_structure(margins.delivery_structure, margins.delivery_lot, margins.delivery_t)
    bids = _by_structure(margins.choice_structure, margins.choice_bid, margins.choice_t)
    for structure in sorted(lots.keys() & bids.keys()):
        clerk.allot(lots[structure], bids[structure])
    bid, lot, tonnes = (np.array(column, dtype=np.int64) for column in (clerk.bid, clerk.lot, clerk.tonnes))
    return bid, lot, tonnes


def _by_structure(structure: Whole, position: Whole, tonnes: Whole) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    some = tonnes > 0
    for s, p, t in zip(structure[some].tolist(), position[some].tolist(), tonnes[some].tolist(), strict=True):
        found.setdefault(s, []).append((p, t))
    return found


_Waiting = tuple[bool, int, int, int]  # no cap, tonnes wanted (negative), priority, bid: the least comes first


class _Clerk:
    """Writes lines and remembers what each bid already takes from each seller group."""

    def __init__(self, book: Book) -> None:
        self.ask, self.limit = book.ask_fen.tolist(), book.limit_fen.tolist()
        self.bid_group, self.lot_group = book.bid_group.tolist(), book.lot_group.tolist()
        self.bid_priority, self.lot_priority = book.bid_priority.tolist(), book.lot_priority.tolist()
        self.is_capped = (book.group_cap_t < book.quota_t).tolist()
        self.cap, self.groups, self.least = book.group_cap_t.tolist(), book.groups, book.min_line_t
        self.floor, self.kind = book.floor_of_bid.tolist(), book.class_of_lot.tolist()
        self.excludes = book.floor_excludes.tolist()
        self.outside_room = book.outside_cap_t.tolist()
        self.taken: dict[int, int] = {}
        self.bid: list[int] = []
        self.lot: list[int] = []
        self.tonnes: list[int] = []

    def allot(self, lots: list[tuple[int, int]], bids: list[tuple[int, int]]) -> None:
        """All lines of one structure."""
        lots = sorted(lots, key=lambda row: (-self.ask[row[0]], self.lot_priority[row[0]]))
        bids = sorted(bids, key=lambda row: (self.limit[row[0]], -self.bid_priority[row[0]]))
        waiting: list[_Waiting] = []
        for j, tonnes in lots:
            while bids and self.limit[bids[-1][0]] >= self.ask[j]:
                i, wanted = bids.pop()
                heapq.heappush(waiting, (not self.is_capped[i], -wanted, self.bid_priority[i], i))
            self._share_out(j, tonnes, waiting)

    def _share_out(self, j: int, tonnes: int, waiting: list[_Waiting]) -> None:
        """One lot's tonnes among the waiting bids, the one with most left first."""
        aside: list[_Waiting] = []
        while tonnes and waiting:
            last, wanted, first, i = heapq.heappop(waiting)
            part = min(-wanted, tonnes, self._room(i, j))
            if part < min(self.least, -wanted, tonnes):
                aside.append((last, wanted, first, i))
                continue
            key = i * self.groups + self.lot_group[j]
            self.taken[key] = self.taken.get(key, 0) + part
            self.outside_room[i] -= part if self._is_outside(i, j) else 0
            self.bid.append(i)
            self.lot.append(j)
            self.tonnes.append(part)
            tonnes -= part
            if wanted + part:
                aside.append((last, wanted + part, first, i))
        for row in aside:
            heapq.heappush(waiting, row)

    def _room(self, i: int, j: int) -> int:
        key = i * self.groups + self.lot_group[j]
        if self.bid_group[i] == self.lot_group[j]:
            return 0
        room = self.cap[i] - self.taken.get(key, 0)
        return min(room, self.outside_room[i]) if self._is_outside(i, j) else room

    def _is_outside(self, i: int, j: int) -> bool:
        return self.excludes[self.floor[i]][self.kind[j]]
