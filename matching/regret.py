"""Looks again where most is lost, and mends it there.

At the prices of the bound (`matching.duals`) every order has a figure for what it lost: a bid the difference between the
best it could have had and what it got, a lot what its unsold tonnes are worth. These figures add up to the whole gap
between the bound and the outcome, so the largest of them say where to look. There a handful of bids is taken up again
with all their lots, everything else held fast, and settled anew: a small flow, so that many places can be tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from matching.certificate import Prices
from matching.constraints import Allocation, may_trade, total
from matching.duals import Bounds
from matching.goals import Weights, gap_of, score_of, tighter
from matching.pairs import Field, settled
from matching.problem import GOALS, QUOTA
from matching.repair import DENSE_PAIRS
from matching.variables import Book, Whole, one

SURPLUS = 2  # the number of the goal
TRIES, LARGE_TRIES = 40, 16  # for each goal
BIDS = 12  # taken up again together
BEST_LOTS = 120  # of each, besides those it has
LARGEST = 8  # losses looked at in turn


def mended(
    book: Book, weights: Weights, bounds: Bounds, held: Allocation, *, fair_ppm: int, is_late: Callable[[], bool]
) -> Allocation:
    """A better allocation, or the same: goal after goal that has not met its bound is looked at.

    Gaps of at most `fair_ppm` are left as they are.
    """
    most_tries = LARGE_TRIES if len(book.bids) * len(book.lots) > DENSE_PAIRS else TRIES
    for goal in range(3):
        score = score_of(book, held)
        bound = tighter(bounds.bound(score), None)
        gap = gap_of(bound, score)
        if score[goal] == bound[goal] or max(gap.coverage, gap.surplus) <= fair_ppm:
            continue
        prices = getattr(bounds.proven(score)[1], GOALS[QUOTA][goal])
        loss = _Loss(book, prices, goal)
        held = _searched(book, weights, loss, held, bound[: goal + 1], most_tries, is_late)
    return held


def _searched(
    book: Book,
    weights: Weights,
    loss: _Loss,
    held: Allocation,
    bound: tuple[int, ...],
    most_tries: int,
    is_late: Callable[[], bool],
) -> Allocation:
    best, best_score = held, score_of(book, held)
    order = loss.largest(best)
    for number in range(most_tries):
        if not len(order) or best_score[: len(bound)] == bound or is_late():
            break
        seed = int(order[number % min(len(order), LARGEST)])
        bids = loss.around(best, seed, number)
        found = settled(book, weights, _field(book, loss, best, bids, seed, number), best)
        score = score_of(book, found)
        if score > best_score:
            best, best_score = found, score
            order = loss.largest(best)
    return best


class _Loss:
    """What each order lost at the prices, and who is near it."""

    def __init__(self, book: Book, prices: Prices, goal: int) -> None:
        self.book = book
        self.lot_price = np.array(prices.lot_price, dtype=np.int64)
        self.bid_price = np.array(prices.bid_price, dtype=np.int64)
        self.outside_price = np.array(prices.outside_price, dtype=np.int64)
        purpose = np.where(book.is_compliance, prices.compliance_worth, prices.voluntary_worth)
        counted = (book.is_compliance, ~book.is_compliance, book.limit_fen)[goal]
        self.worth = counted.astype(np.int64) + purpose
        self.net = -self.lot_price - (book.ask_fen if goal == SURPLUS else 0)
        self.most = book.quota_t * self.bid_price + book.outside_cap_t * self.outside_price
        self.most = np.where(book.is_whole_bid, np.maximum(self.most, 0), self.most)

    def largest(self, held: Allocation) -> Whole:
        """Orders by loss, the largest first: bids by position, lots after them."""
        book = self.book
        gain = total(held.bid, held.tonnes * (self.worth[held.bid] + self.net[held.lot]), len(book.bids))
        unsold_t = book.supply_t - held.sold_t(book)
        loss = np.concatenate([self.most - gain, unsold_t * self.lot_price])
        order = np.argsort(-loss, kind="stable")
        return order[loss[order] > 0]

    def around(self, held: Allocation, order: int, number: int) -> Whole:
        """The bids to take up again around an order."""
        book = self.book
        if order >= len(book.bids):
            j = order - len(book.bids)
            bids = np.flatnonzero(may_trade(book, np.arange(len(book.bids)), one(j)))
            misses = self._misses(bids, np.full(len(bids), j))
            holders = held.bid[held.lot == j]
            return np.unique(np.concatenate([holders, bids[np.argsort(misses, kind="stable")[:BIDS]]]))
        lots = self.wanted(order, number)
        wanted = np.zeros(len(book.lots), dtype=bool)
        wanted[lots] = True
        holders = np.flatnonzero(total(held.bid, held.tonnes * wanted[held.lot], len(book.bids)))
        ranked = holders[np.argsort(_shuffled(holders, number), kind="stable")]
        return np.unique(np.concatenate([ranked[:BIDS], [order], held.bid[np.isin(held.lot, self.dear(held, order))]]))

    def dear(self, held: Allocation, i: int) -> Whole:
        """The lots that a bid has though it could do better at the prices."""
        lots = held.lot[held.bid == i]
        return lots[self._misses(np.full(len(lots), i), lots) > 0]

    def wanted(self, i: int, number: int) -> Whole:
        """The lots that a bid would like best at the prices, and others by turns."""
        book = self.book
        lots = np.flatnonzero(book.ask_fen <= book.limit_fen[i])
        lots = lots[may_trade(book, one(i), lots)]
        misses = self._misses(np.full(len(lots), i), lots)
        best = lots[np.argsort(misses, kind="stable")[:BEST_LOTS]]
        return np.union1d(best, lots[np.argsort(_shuffled(lots, number), kind="stable")[: BEST_LOTS // 2]])

    def _misses(self, bids: Whole, lots: Whole) -> Whole:
        """How much a pair misses of what both could have elsewhere."""
        outside = self.outside_price[bids] * self.book.is_outside(bids, lots)
        return self.bid_price[bids] + outside - self.worth[bids] - self.net[lots]


def _field(book: Book, loss: _Loss, held: Allocation, bids: Whole, seed: int, number: int) -> Field:
    """All lots these bids have or would like, and every other line held fast.

    Every other time the order itself and the dear lots of a bid are given up where they are all or none.
    """
    found = [(np.full(len(lots), i), lots) for i in bids.tolist() for lots in [loss.wanted(i, number)]]
    bid, lot = (np.concatenate([pair[side] for pair in [(held.bid, held.lot), *found]]) for side in (0, 1))
    keys = np.unique(bid * len(book.lots) + lot)
    bid, lot = keys // len(book.lots), keys % len(book.lots)
    is_open = np.zeros(len(book.bids), dtype=bool)
    is_open[bids] = True
    tonnes = np.zeros(len(keys), dtype=np.int64)
    tonnes[np.searchsorted(keys, held.bid * len(book.lots) + held.lot)] = held.tonnes
    no_bid, no_lot = np.zeros(len(book.bids), dtype=bool), np.zeros(len(book.lots), dtype=bool)
    if seed < len(book.bids):
        no_lot[loss.dear(held, seed)] = number % 2 == 0
        no_bid[seed] = number % 4 == 3
    field = Field.of(book, bid, lot, no_bid, no_lot, turn=number // 2)
    return replace(field, committed_t=np.where(is_open[bid], 0, tonnes))


def _shuffled(positions: Whole, number: int) -> Whole:
    """An order that looks random and is a function of its arguments alone."""
    return (positions * 2_654_435_761 + number * 69_069) % 4_294_967_291 * 48_271 % 2_147_483_647
