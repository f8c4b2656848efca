"""The side constraints of a round, one function each, named as the rule (contracts §2, "Feasible").

Pair rules take positions of bids and lots (arrays of equal shape, or shapes that broadcast) and say which pairs may
trade at all. Quantity rules take an `Allocation`, the tonnes on each open pair, and say what breaks them. The checker
has its own reading of the same text and shares nothing with this file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matching.variables import Book, Mask, Whole, one


@dataclass(frozen=True)
class Allocation:
    """Tonnes for pairs of bid and lot: parallel arrays, each pair once, every tonnage at least 1, sorted by pair."""

    bid: Whole
    lot: Whole
    tonnes: Whole

    @staticmethod
    def of(bid: Whole, lot: Whole, tonnes: Whole, lots: int) -> Allocation:
        """Sums the tonnes of equal pairs, drops empty ones and sorts."""
        pairs, place = np.unique(bid * np.int64(lots) + lot, return_inverse=True)
        summed = np.zeros(len(pairs), dtype=np.int64)
        np.add.at(summed, place, tonnes)
        pairs, summed = pairs[summed > 0], summed[summed > 0]
        return Allocation(pairs // max(lots, 1), pairs % max(lots, 1), summed)

    def filled_t(self, book: Book) -> Whole:
        """Tonnes of each bid."""
        return total(self.bid, self.tonnes, len(book.bids))

    def sold_t(self, book: Book) -> Whole:
        """Tonnes of each lot."""
        return total(self.lot, self.tonnes, len(book.lots))

    def keep(self, chosen: Mask) -> Allocation:
        """The chosen lines only."""
        return Allocation(self.bid[chosen], self.lot[chosen], self.tonnes[chosen])


def total(position: Whole, tonnes: Whole, size: int) -> Whole:
    """Sums of `tonnes` by position; exact, since all tonnes of a round are below 2^53, where floats are whole too."""
    return np.bincount(position, weights=tonnes, minlength=size).astype(np.int64)


LARGEST_LOTS = 512  # enough to fill most bids, and quickly looked at
NOTHING = Allocation(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


def the_type_and_region_are_accepted(book: Book, bids: Whole, lots: Whole) -> Mask:
    """The lot's product type and region are among those of the bid."""
    return book.accepts_class(bids, book.class_of_lot[lots])


def the_vintage_is_accepted(book: Book, bids: Whole, lots: Whole) -> Mask:
    """The lot's vintage lies in the bid's window."""
    first, last = _window_ends(book)
    window, vintage = book.window_of_bid[bids], book.vintage[lots]
    return (first[window] <= vintage) & (vintage <= last[window])


def the_ask_is_within_the_limit(book: Book, bids: Whole, lots: Whole) -> Mask:
    """Nobody pays more than its limit, nobody gets less than its ask."""
    return book.ask_fen[lots] <= book.limit_fen[bids]


def no_owner_trades_with_itself(book: Book, bids: Whole, lots: Whole) -> Mask:
    """Buyer and seller belong to different groups."""
    return book.bid_group[bids] != book.lot_group[lots]


def may_trade(book: Book, bids: Whole, lots: Whole) -> Mask:
    """All the rules on a pair together."""
    return (
        the_ask_is_within_the_limit(book, bids, lots)
        & the_vintage_is_accepted(book, bids, lots)
        & the_type_and_region_are_accepted(book, bids, lots)
        & no_owner_trades_with_itself(book, bids, lots)
    )


def bids_partly_filled_though_whole(book: Book, held: Allocation) -> Mask:
    """Bids that want all or nothing and got something between."""
    filled_t = held.filled_t(book)
    return book.is_whole_bid & (filled_t > 0) & (filled_t < book.quota_t)


def lots_partly_sold_though_whole(book: Book, held: Allocation) -> Mask:
    """Lots offered as a whole of which only a part is sold."""
    sold_t = held.sold_t(book)
    return book.is_whole_lot & (sold_t > 0) & (sold_t < book.supply_t)


def lines_below_the_minimum(book: Book, held: Allocation) -> Mask:
    """Lines under the minimum that neither stand in a full bid nor in a lot that is sold out."""
    is_full, is_out = held.filled_t(book) == book.quota_t, held.sold_t(book) == book.supply_t
    return (held.tonnes < book.min_line_t) & ~is_full[held.bid] & ~is_out[held.lot]


def bids_over_their_outside_share(book: Book, held: Allocation) -> Mask:
    """Bids with more tonnes outside the floor's set than their quota leaves for it."""
    outside = book.is_outside(held.bid, held.lot)
    return total(held.bid[outside], held.tonnes[outside], len(book.bids)) > book.outside_cap_t


def seller_pairs(book: Book, held: Allocation) -> tuple[Whole, Whole, Whole]:
    """Bid, seller group and tonnes of every distinct pair of bid and seller group (a contract)."""
    pairs, place = np.unique(held.bid * max(book.groups, 1) + book.lot_group[held.lot], return_inverse=True)
    return pairs // max(book.groups, 1), pairs % max(book.groups, 1), total(place, held.tonnes, len(pairs))


def bids_over_a_group_cap(book: Book, held: Allocation) -> Mask:
    """Bids that take more from one seller group than they may."""
    bid, _, tonnes = seller_pairs(book, held)
    over = np.zeros(len(book.bids), dtype=bool)
    over[bid[tonnes > book.group_cap_t[bid]]] = True
    return over


def bids_with_too_many_sellers(book: Book, held: Allocation) -> Mask:
    """Bids that deal with more seller groups than they may."""
    bid, _, _ = seller_pairs(book, held)
    return np.bincount(bid, minlength=len(book.bids)) > book.most_sellers


def is_feasible(book: Book, held: Allocation) -> bool:
    """Whether an allocation keeps every rule. For the solver's own choices; the judge is the checker."""
    return bool(
        may_trade(book, held.bid, held.lot).all()
        and (held.filled_t(book) <= book.quota_t).all()
        and (held.sold_t(book) <= book.supply_t).all()
        and not any(
            rule(book, held).any()
            for rule in (
                bids_partly_filled_though_whole,
                lots_partly_sold_though_whole,
                lines_below_the_minimum,
                bids_over_their_outside_share,
                bids_over_a_group_cap,
                bids_with_too_many_sellers,
            )
        )
    )


def most_alone_t(book: Book) -> Whole:
    """The most tonnes each bid could get if it were alone: a valid upper bound that keeps the network honest.

    Counts its floor, group cap, number of sellers and all-or-none; 0 for a whole bid that cannot be filled.
    """
    within_t, beyond_t = _offered_t(book)
    most = np.minimum(book.quota_t, within_t + np.minimum(beyond_t, book.outside_cap_t))
    largest = np.argsort(-book.supply_t, kind="stable")[:LARGEST_LOTS]
    is_simple = (book.group_cap_t == book.quota_t) & (book.most_sellers >= len(np.unique(book.lot_group)))
    for i in np.flatnonzero(~is_simple).tolist():
        if _alone_among(book, i, largest) < most[i]:
            most[i] = _alone_among(book, i, np.flatnonzero(book.ask_fen <= book.limit_fen[i]))
    most[book.is_whole_bid & (most < book.quota_t)] = 0
    return most


def _offered_t(book: Book) -> tuple[Whole, Whole]:
    """Tonnes on offer to each bid within its floor's set and beyond, its own group's among them."""
    sides = np.zeros((2, len(book.bids)), dtype=np.int64)
    kinds = book.wish_accepts.shape[1]
    for window, (first, last) in enumerate(book.windows):
        members = np.flatnonzero(book.window_of_bid == window)
        in_window = np.flatnonzero((book.vintage >= first) & (book.vintage <= last))
        for kind in range(kinds):
            bids = members[book.accepts_class(members, np.full(len(members), kind))]
            lots = in_window[book.class_of_lot[in_window] == kind]
            lots = lots[np.argsort(book.ask_fen[lots], kind="stable")]
            upto_t = np.append(0, np.cumsum(book.supply_t[lots]))
            reach = np.searchsorted(book.ask_fen[lots], book.limit_fen[bids], side="right")
            side = book.floor_excludes[book.floor_of_bid[bids], kind].astype(np.int64)
            np.add.at(sides, (side, bids), upto_t[reach])
    return sides[0], sides[1]


def _alone_among(book: Book, i: int, lots: Whole) -> int:
    """The most tonnes one bid could get of these lots."""
    lots = lots[may_trade(book, one(i), lots)]
    outside = book.is_outside(one(i), lots)
    _, group = np.unique(book.lot_group[lots], return_inverse=True)
    size = int(group.max(initial=-1)) + 1
    within_t, beyond_t = (total(group[side], book.supply_t[lots[side]], size) for side in (~outside, outside))
    return _alone_t(within_t, beyond_t, book, i)


def _alone_t(within_t: Whole, beyond_t: Whole, book: Book, i: int) -> int:
    """One bid's most from its tonnes by group within and beyond the floor's set: the set first, then the rest."""
    cap_t, sellers = int(book.group_cap_t[i]), int(book.most_sellers[i])
    within_t = np.minimum(within_t, cap_t)
    beyond_t = np.minimum(beyond_t, cap_t - within_t)
    most = int(within_t.sum()) + min(int(beyond_t.sum()), int(book.outside_cap_t[i]))
    if sellers < len(within_t):
        most = min(most, int(np.sort(within_t + beyond_t)[-sellers:].sum()))
    return min(most, int(book.quota_t[i]))


def _window_ends(book: Book) -> tuple[Whole, Whole]:
    ends = np.array(book.windows, dtype=np.int64).reshape(-1, 2)
    return ends[:, 0], ends[:, 1]
