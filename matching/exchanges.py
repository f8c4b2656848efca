"""Which tonnes of a result could move by themselves: exchanges that leave every rule kept.

A tonne may come to a bid from what stayed unsold, from another bid, or in place of another tonne of the same bid. Each
question here is one rule of contracts §2 asked of one such step: what suits, what shares, floors and numbers of sellers
leave, and which small lines lean on a full bid or on a lot that is sold out and would fall with it.
"""

from __future__ import annotations

import numpy as np

from matching.standing import Standing
from matching.variables import Mask, Whole, one


class Exchanges:
    """Which tonnes of a result could move by themselves. Lines are those of the standing, by position."""

    def __init__(self, standing: Standing) -> None:
        book, held = standing.book, standing.held
        self.standing, self.book = standing, book
        self.bid, self.lot, self.tonnes = held.bid, held.lot, held.tonnes
        self.is_full, self.is_out = standing.unfilled_t == 0, standing.unsold_t == 0
        self.sellers = standing.sellers()
        is_small = self.tonnes < book.min_line_t
        # A small line stands because its bid is full or its lot sold out; whoever leans on that must keep it.
        leans_on_bid, leans_on_lot = is_small & ~self.is_out[self.lot], is_small & ~self.is_full[self.bid]
        leaning = np.bincount(self.bid[leans_on_bid], minlength=len(book.bids))
        self.may_lose = ~book.is_whole_bid & (leaning == 0)
        others = np.bincount(self.lot[leans_on_lot], minlength=len(book.lots))[self.lot] - leans_on_lot
        rest_stands = self.is_full[self.bid] | (self.tonnes == 1) | (self.tonnes > book.min_line_t)
        self.may_shrink = ~book.is_whole_lot[self.lot] & (others == 0) & rest_stands

    def suits(self, bids: Whole, lots: Whole, dropped: str = "") -> Mask:
        """Whether bids and lots suit each other but for the price, one preference dropped."""
        fails = [mask for code, mask in self.standing.failures(bids, lots).items() if code != dropped]
        return ~np.any(fails, axis=0) & (self.book.bid_group[bids] != self.book.lot_group[lots])

    def room_t(self, bids: Whole, lots: Whole, more_t: int = 0) -> Whole:
        """What shares, floors and numbers of sellers leave bids of lots, when they want `more_t` tonnes more."""
        book, used_t = self.book, self.standing.used_t(bids, self.book.lot_group[lots])
        cap_t, outside_left_t = book.group_cap_t[bids], self.standing.outside_left_t[bids]
        if more_t:
            caps_t, floors_t = self._shares_more(int(bids), more_t)
            cap_t, outside_left_t = cap_t + caps_t, outside_left_t + floors_t
        room_t = np.where(book.is_outside(bids, lots), np.minimum(cap_t - used_t, outside_left_t), cap_t - used_t)
        return np.where((used_t > 0) | (self.sellers[bids] < book.most_sellers[bids]), room_t, 0)

    def _shares_more(self, i: int, more_t: int) -> tuple[int, int]:
        """By how much the share of one group and the part outside the floor grow with the bid's quantity."""
        bid = self.book.bids[i]
        cap = 1000 if bid.max_group_permille is None else bid.max_group_permille
        outside = 1000 - (bid.floor.min_permille if bid.floor else 0)
        after_t = bid.quantity_t + more_t
        caps_t = after_t * cap // 1000 - int(self.book.group_cap_t[i])
        return caps_t, after_t * outside // 1000 - int(self.book.outside_cap_t[i])

    def may_swap(self, bids: Whole, lots: Whole, to: Whole, dropped: str = "") -> Mask:
        """Whether bids may have a tonne of `to` in place of one of `lots` under their quantity rules, one dropped."""
        book, standing = self.book, self.standing
        group, to_group = book.lot_group[lots], book.lot_group[to]
        used_t, to_used_t = standing.used_t(bids, group), standing.used_t(bids, to_group)
        same = group == to_group
        floor = ~book.is_outside(bids, to) | book.is_outside(bids, lots) | (standing.outside_left_t[bids] > 0)
        cap = same | (to_used_t < book.group_cap_t[bids])
        seats = same | (to_used_t > 0) | (used_t == 1) | (self.sellers[bids] < book.most_sellers[bids])
        rules = {"floor": floor, "group_cap": cap, "max_sellers": seats}
        return np.all([mask for code, mask in rules.items() if code != dropped], axis=0)

    def smallest_t(self, bids: Whole, lots: Whole) -> Whole:
        """The fewest tonnes that bids which lack some may add of lots with some left."""
        open_t = np.minimum(self.standing.unfilled_t[bids], self.standing.unsold_t[lots])
        line_t = np.where(self.has_line(bids, lots), 1, self.book.min_line_t)
        return np.where(self.book.is_whole_lot[lots], self.standing.unsold_t[lots], np.minimum(open_t, line_t))

    def has_line(self, bids: Whole, lots: Whole) -> Mask:
        """Which pairs have a line."""
        size = np.int64(len(self.book.lots))
        return np.isin(bids * size + lots, self.bid * size + self.lot)

    def gives_way(self, i: int) -> Whole:
        """Lines whose bid could let bid `i` have a tonne of a lot that is sold out, and no goal above the yuan loses."""
        book = self.book
        first = book.is_compliance[self.bid] <= book.is_compliance[i]
        could = self.is_out[self.lot] & self.may_lose[self.bid] & (self.bid != i) & first
        lines = np.flatnonzero(could)
        return lines[self.suits(one(i), self.lot[lines])]

    def single(self, lots: Whole) -> Whole:
        """The lots of which one tonne alone may be sold."""
        return lots[~self.book.is_whole_lot[lots] | (self.book.supply_t[lots] == 1)]
