"""Floors and group caps as arcs: how the pairs of a bid hang on it when a flow runs on pairs.

A floor limits what lies outside its set, over all sellers; a cap limits what comes from one seller group, inside the
set and outside. The two cross, and a network can hold only one of them for the bid as a whole; the other is split by
what the bid holds already. Passes take turns (`turn`): floors whole and caps split, then caps whole and floors split,
so that what one split keeps from moving the next one lets go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matching.constraints import Allocation, total
from matching.sellers import is_limited
from matching.variables import Book, Mask, Whole

Part = tuple[Whole, Whole, Whole, Whole]  # tail, head, capacity, cost


@dataclass(frozen=True)
class Toll:
    """What a tonne costs extra in a contract (bid * groups + seller group) of a limited bid, those in use excepted."""

    cost: int
    in_use: Whole


@dataclass
class Shares:
    """Makes nodes below the bids. `sure_t` is committed to each pair and taken off every capacity.

    `first_bid` is the node of bid 0 and `free` the first unused node number.
    """

    book: Book
    bid: Whole
    lot: Whole
    sure_t: Whole
    held: Allocation
    toll: Toll | None
    turn: int
    first_bid: int
    free: int

    def hung(self) -> tuple[Whole, list[Part]]:
        """The node each pair hangs on, and the arcs above it."""
        book, bid = self.book, self.bid
        self.node, self.parts = self.first_bid + bid, []
        self.contract = bid * book.groups + book.lot_group[self.lot]
        is_floored = book.outside_cap_t < book.quota_t
        is_capped = book.group_cap_t < book.quota_t
        outside = book.is_outside(bid, self.lot) & is_floored[bid]
        crossed = (is_floored & is_capped)[bid] if self.turn % 2 else np.zeros(len(bid), dtype=bool)
        shared = is_capped[bid] if self.toll is None else is_capped[bid] | is_limited(book)[bid]
        self._floors_whole(outside & ~crossed)
        self._caps_split(outside, shared & ~crossed)
        self._caps_whole(crossed)
        self._floors_split(outside & crossed)
        return self.node, self.parts

    def _floors_whole(self, chosen: Mask) -> None:
        bids, place = np.unique(self.bid[chosen], return_inverse=True)
        self._join(chosen, place, self.book.outside_cap_t[bids], np.zeros_like(bids))

    def _caps_split(self, outside: Mask, chosen: Mask) -> None:
        """A node for each (contract, side of the floor); where both sides are in play one gets the spare room."""
        keys, place = np.unique((self.contract * 2 + outside)[chosen], return_inverse=True)
        side, contract = keys % 2, keys // 2
        cap_t = self.book.group_cap_t[contract // self.book.groups]
        used = self._used(keys, place, chosen, sides=True)
        mine_t, other_t = (
            np.array([used.get(k, 0) for k in each.tolist()], dtype=np.int64) for each in (keys, keys ^ 1)
        )
        gets_spare = (side == 0) == (self.turn % 4 < 2)
        split_t = np.where(gets_spare, cap_t - other_t, mine_t)
        room_t = np.where(np.isin(keys ^ 1, keys), split_t, cap_t)
        self._join(chosen, place, room_t, self._tolls(contract))

    def _caps_whole(self, chosen: Mask) -> None:
        contract, place = np.unique(self.contract[chosen], return_inverse=True)
        cap_t = self.book.group_cap_t[contract // self.book.groups]
        self._join(chosen, place, cap_t, self._tolls(contract))

    def _floors_split(self, chosen: Mask) -> None:
        """A node for the outside part of each contract; spare room goes to contracts by turns, up to their cap."""
        contract, place = np.unique(self.contract[chosen], return_inverse=True)
        used = self._used(contract, place, chosen, sides=False)
        spare: dict[int, int] = {}
        for key, tonnes in used.items():
            i = key // self.book.groups
            spare[i] = spare.get(i, int(self.book.outside_cap_t[i])) - tonnes
        room_t = np.zeros_like(contract)
        for k in np.argsort((contract * 48_271 + self.turn * 69_069) % 65_537, kind="stable").tolist():
            key = int(contract[k])
            i, now_t = key // self.book.groups, used.get(key, 0)
            more_t = max(0, min(spare.get(i, int(self.book.outside_cap_t[i])), int(self.book.group_cap_t[i]) - now_t))
            spare[i] = spare.get(i, int(self.book.outside_cap_t[i])) - more_t
            room_t[k] = now_t + more_t
        self._join(chosen, place, room_t, np.zeros_like(contract))

    def _used(self, keys: Whole, place: Whole, chosen: Mask, *, sides: bool) -> dict[int, int]:
        """Tonnes by contract (its outside part), or by (contract, side): as held, or as committed if that is more."""
        book, held = self.book, self.held
        outside = book.is_outside(held.bid, held.lot) & (book.outside_cap_t < book.quota_t)[held.bid]
        contract = held.bid * book.groups + book.lot_group[held.lot]
        counted = outside | sides
        held_keys = (contract * 2 + outside if sides else contract)[counted]
        used = dict.fromkeys(keys.tolist(), 0)
        for key, tonnes in zip(held_keys.tolist(), held.tonnes[counted].tolist(), strict=True):
            if key in used:
                used[key] += tonnes
        sure_t = total(place, self.sure_t[chosen], len(keys))
        return {key: max(used[key], sure) for key, sure in zip(keys.tolist(), sure_t.tolist(), strict=True)}

    def _tolls(self, contract: Whole) -> Whole:
        if self.toll is None:
            return np.zeros_like(contract)
        pays = is_limited(self.book)[contract // self.book.groups] & ~np.isin(contract, self.toll.in_use)
        return self.toll.cost * pays

    def _join(self, chosen: Mask, place: Whole, room_t: Whole, cost: Whole) -> None:
        """A node with this room for each place; the chosen pairs move below theirs."""
        _, first = np.unique(place, return_index=True)
        nodes = self.free + np.arange(len(room_t))
        left_t = np.maximum(room_t - total(place, self.sure_t[chosen], len(room_t)), 0)
        self.parts.append((self.node[chosen][first], nodes, left_t, cost))
        self.node[chosen] = self.free + place
        self.free += len(room_t)
