"""Pairs worth opening around orders that fell short, where a round has too many pairs to open them all.

An order that fell short finds its tonnes directly (an open order on the other side) or through a third party (an order
that is served already and can turn elsewhere). Both kinds of pairs are opened: the best of the first, and of the second
others in every pass.
"""

from __future__ import annotations

import numpy as np

from matching.constraints import Allocation, may_trade, seller_pairs, total
from matching.sellers import is_limited
from matching.variables import Book, Mask, Whole, one

MOST_SHORT = 400  # orders of each side around which pairs are opened in one pass
THIRD_PARTIES = 300  # pairs with served orders opened for each, at most
DIRECT = 60  # pairs with open orders


class Aimed:
    """What is held, and what each bid lacks and each lot has left of what was aimed at."""

    def __init__(self, book: Book, held: Allocation, lacking_t: Whole, left_t: Whole) -> None:
        self.held, self.lacking_t, self.left_t = held, lacking_t, left_t
        self.unfilled_t, self.unsold_t = book.quota_t - held.filled_t(book), book.supply_t - held.sold_t(book)
        outside = book.is_outside(held.bid, held.lot)
        self.outside_room_t = book.outside_cap_t - total(held.bid[outside], held.tonnes[outside], len(book.bids))
        bid, group, tonnes = seller_pairs(book, held)
        at_cap = tonnes >= book.group_cap_t[bid]
        self.at_cap = np.sort(bid[at_cap] * book.groups + group[at_cap])

    def useful(self, book: Book, bids: Whole, lots: Whole) -> Mask:
        """Pairs that may trade and would not break a floor or a group cap with their first tonne."""
        in_floor = ~book.is_outside(bids, lots) | (self.outside_room_t[bids] > 0)
        in_cap = ~np.isin(bids * book.groups + book.lot_group[lots], self.at_cap)
        return may_trade(book, bids, lots) & in_floor & in_cap


def around(book: Book, aimed: Aimed, number: int, most: int) -> tuple[Whole, Whole]:
    """Bids and lots of the pairs in play in pass `number`: the lines, and pairs around what fell short.

    `most` is about how many pairs with served orders are opened in all: each touches a bid whose lines come into play.

    A bid that may deal with few sellers keeps to those it has, but for room that it has left.
    """
    held = aimed.held
    bids, lots = _largest(aimed.lacking_t), _largest(aimed.left_t)
    each = min(THIRD_PARTIES, most // max(len(bids) + len(lots), 1) + 1)
    found = [(held.bid, held.lot)]
    found += [_for_bid(book, aimed, i, number, each) for i in bids]
    found += [_for_lot(book, aimed, j, number, each) for j in lots]
    bid, lot = (np.concatenate([pair[side] for pair in found]) for side in (0, 1))
    keys = np.unique(bid * len(book.lots) + lot)
    return _with_known_sellers(book, held, keys // len(book.lots), keys % len(book.lots))


def _largest(short_t: Whole) -> list[int]:
    order = np.argsort(-short_t, kind="stable")[:MOST_SHORT]
    return order[short_t[order] > 0].tolist()


def _for_bid(book: Book, aimed: Aimed, i: int, number: int, each: int) -> tuple[Whole, Whole]:
    """What is left of what was aimed at, the cheapest open lots, and served lots by turns."""
    lots = np.flatnonzero(book.ask_fen <= book.limit_fen[i])
    lots = lots[may_trade(book, one(i), lots)]
    useful = lots[aimed.useful(book, one(i), lots)]
    opened = useful[aimed.unsold_t[useful] > 0]
    direct = opened[np.lexsort((book.ask_fen[opened], -aimed.left_t[opened]))[:DIRECT]]
    cheapest = opened[np.argsort(book.ask_fen[opened], kind="stable")[:DIRECT]]
    served = _some(lots, i, number, each // 2 + 1), _some(useful, i, number, each // 2 + 1)
    chosen = np.unique(np.concatenate([direct, cheapest, *served]))
    return np.full(len(chosen), i), chosen


def _for_lot(book: Book, aimed: Aimed, j: int, number: int, each: int) -> tuple[Whole, Whole]:
    """The open bids with the highest limits, and served bids by turns."""
    bids = np.flatnonzero(book.limit_fen >= book.ask_fen[j])
    bids = bids[may_trade(book, bids, one(j))]
    opened = bids[(aimed.unfilled_t[bids] > 0) & aimed.useful(book, bids, one(j))]
    opened = opened[np.lexsort((-book.limit_fen[opened], ~book.is_compliance[opened]))[:DIRECT]]
    chosen = np.union1d(opened, _some(bids, j, number, each))
    return chosen, np.full(len(chosen), j)


def _some(positions: Whole, anchor: int, number: int, each: int) -> Whole:
    """A choice that looks random and is a function of its arguments alone."""
    order = (positions * 2_654_435_761 + anchor * 40_503 + number * 69_069) % 4_294_967_291 * 48_271 % 2_147_483_647
    return positions[np.argsort(order, kind="stable")[:each]]


def _with_known_sellers(book: Book, held: Allocation, bid: Whole, lot: Whole) -> tuple[Whole, Whole]:
    bids, groups, _ = seller_pairs(book, held)
    has_room = np.bincount(bids, minlength=len(book.bids)) < book.most_sellers
    known = np.isin(bid * book.groups + book.lot_group[lot], bids * book.groups + groups)
    chosen = ~is_limited(book)[bid] | known | has_room[bid]
    return bid[chosen], lot[chosen]
