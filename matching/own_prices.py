"""What each bid would pay at most for its own quantity, given the prices of all lots.

A bid alone takes the lots that gain it most. Its price for a tonne of quota is what the last tonne gains it, and the
price for a tonne outside its floor's set is what it gains there beyond that. With these two most bids have nothing left
to gain, and the bound of a bid is quota times price. Where a group cap, the number of sellers or scarcity keeps a bid
from filling itself with its best lots, a lower price with some gain left is the better bound: there the price is sought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from matching.constraints import may_trade
from matching.network import Network
from matching.sellers import is_limited
from matching.variables import Book, Mask, Whole, one

NOTHING = -np.int64(2**60)
DEEP = 2**40  # below any gain


def own_prices(
    book: Book, network: Network, worth: Whole, net: Whole, held_back: Mask, implied: tuple[Whole, Whole]
) -> tuple[Whole, Whole]:
    """The price of quota and the price of a tonne outside the floor's set, for each bid.

    `worth` is what a tonne counts for each bid, `net` what it leaves of each lot: less its cost and its price. `implied`
    are the prices of a flow, which serve where a dominant seller meets a cap. `held_back` are the bids worth a search.
    """
    within, outside = best_offers(book, network, net)
    bid_price = np.maximum(worth + within, 0)
    outside_price = np.maximum(worth + outside - bid_price, 0)
    if (book.class_owner >= 0).any():
        meets = book.group_cap_t < book.quota_t
        bid_price, outside_price = np.where(meets, implied, (bid_price, outside_price))
    for i in np.flatnonzero(held_back).tolist():
        alone = _Alone(book, i, worth, net)
        bid_price[i], outside_price[i] = alone.best(int(bid_price[i]), int(outside_price[i]))
    return bid_price, outside_price


def best_offers(book: Book, network: Network, net: Whole) -> tuple[Whole, Whole]:
    """For each bid the greatest `net` of the lots that it may take, within its floor's set and outside."""
    within, outside = np.full(len(book.bids), NOTHING), np.full(len(book.bids), NOTHING)
    choices, first_choice = _by_structure(network.choice_structure)
    deliveries, first_delivery = _by_structure(network.delivery_structure)
    for number in range(len(first_choice) - 1):
        choice = choices[first_choice[number] : first_choice[number + 1]]
        delivery = deliveries[first_delivery[number] : first_delivery[number + 1]]
        if not len(choice):
            continue
        lots, bids, prefix = network.delivery_lot[delivery], network.choice_bid[choice], network.choice_prefix[choice]
        best = np.full(int(max(prefix.max(), network.delivery_level[delivery].max())) + 1, NOTHING)
        np.maximum.at(best, network.delivery_level[delivery], net[lots])
        best = np.maximum.accumulate(best)[prefix]
        side = book.is_outside(bids, np.full(len(bids), lots[0]))
        np.maximum.at(within, bids[~side], best[~side])
        np.maximum.at(outside, bids[side], best[side])
    return within, outside


def _by_structure(structure: Whole) -> tuple[Whole, Whole]:
    order = np.argsort(structure, kind="stable")
    return order, np.searchsorted(structure[order], np.arange(int(structure.max(initial=-1)) + 2))


@dataclass
class _Greedy:
    """What a bid would take at a price: its gain and its tonnes."""

    gain: int
    tonnes: int


class _Alone:
    """One bid alone in the market at given lot prices: the lots that gain it something, the best first."""

    def __init__(self, book: Book, i: int, worth: Whole, net: Whole) -> None:
        lots = np.flatnonzero((worth[i] + net > 0) | (book.is_whole_bid[i] & (book.ask_fen <= book.limit_fen[i])))
        self.lots = lots[may_trade(book, one(i), lots)]
        self.gain = worth[i] + net[self.lots]
        self.outside = book.is_outside(one(i), self.lots)
        self.supply_t, self.group = book.supply_t[self.lots], book.lot_group[self.lots]
        self.quota_t, self.outside_cap_t = int(book.quota_t[i]), int(book.outside_cap_t[i])
        self.group_cap_t = int(book.group_cap_t[i])
        self.sellers = int(book.most_sellers[i]) if is_limited(book)[i] else len(self.lots)
        self.is_whole = bool(book.is_whole_bid[i])

    def best(self, bid_price: int, outside_price: int) -> tuple[int, int]:
        """The better of the given prices and those found for some prices of a tonne outside."""
        found = [(self.bound(bid_price, outside_price), bid_price, outside_price)]
        inside = int(self.gain[~self.outside].max(initial=0))
        highest = int(self.gain.max(initial=0))
        tried = {0, outside_price, highest, highest - inside} if self.outside_cap_t < self.quota_t else {0}
        for outside in sorted(tried):
            own = self._own(outside, highest)
            found.append((self.bound(own, outside), own, outside))
        if self.is_whole:
            found += [(self.bound(*pair), *pair) for pair in self._out_of_reach(highest)]
        return min(found)[1:]

    def _own(self, outside_price: int, highest: int) -> int:
        """The best price of quota for a price outside: what the last tonne of the quota gains."""
        if self.sellers < len(np.unique(self.group)):
            return self._halved(highest, lambda price: self.taken(price, outside_price).tonnes - self.quota_t)
        gain, part_t, _ = self._parts(0, outside_price)
        order = np.argsort(-gain, kind="stable")
        last = int(np.searchsorted(np.cumsum(part_t[order]), self.quota_t))
        return int(gain[order[last]]) if last < len(order) else 0

    def _out_of_reach(self, highest: int) -> Iterator[tuple[int, int]]:
        """For a whole bid that cannot be filled alone: a price so far below 0 that it is better off with nothing."""
        all_t, within_t = self.taken(-DEEP, 0).tonnes, self.taken(-DEEP, 2 * DEEP).tonnes
        if all_t < self.quota_t:
            yield -(highest * all_t // (self.quota_t - all_t)) - 1, 0
        if (missing_t := self.quota_t - self.outside_cap_t - within_t) > 0:
            price = highest * all_t // missing_t + 1
            yield -price, price

    def bound(self, bid_price: int, outside_price: int) -> int:
        """The bid's part of the bound at these prices."""
        gain = self.taken(bid_price, outside_price).gain
        cap_t = 0 if self.outside_cap_t == self.quota_t else self.outside_cap_t
        bound = self.quota_t * bid_price + cap_t * outside_price + gain
        return max(bound, 0) if self.is_whole else bound

    def taken(self, bid_price: int, outside_price: int) -> _Greedy:
        """The most gain at these prices within the group caps and the number of sellers."""
        gain, part_t, first = self._parts(bid_price, outside_price)
        if not len(gain):
            return _Greedy(0, 0)
        gains, tonnes = (np.add.reduceat(each, first) for each in (_product(gain, part_t), part_t))
        chosen = np.argsort(-gains, kind="stable")[: self.sellers]
        return _Greedy(int(sum(gains[chosen].tolist())), int(tonnes[chosen].sum()))

    def _parts(self, bid_price: int, outside_price: int) -> tuple[Whole, Whole, Whole]:
        """Lots that gain something, by group and best first: gain, tonnes within the cap, where groups begin."""
        gain = self.gain - bid_price - outside_price * self.outside
        some = np.flatnonzero(gain > 0)
        some = some[np.lexsort((-gain[some], self.group[some]))]
        group, supply_t = self.group[some], self.supply_t[some]
        first = np.flatnonzero(np.diff(group, prepend=-1))
        before_t = np.cumsum(supply_t) - supply_t
        before_t -= np.repeat(before_t[first], np.diff(first, append=len(group)))
        return gain[some], np.clip(self.group_cap_t - before_t, 0, supply_t), first

    def _halved(self, high: int, excess_t: Callable[[int], int]) -> int:
        """The lowest price from 0 at which no more is taken than may be."""
        low = 0
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if excess_t(middle) > 0 else (low, middle)
        return high


def _product(gain: Whole, tonnes: Whole) -> Whole:
    """Products that may pass what 64 bits hold are made in Python's integers."""
    if int(gain.max()) * int(tonnes.sum()) < 2**62:
        return gain * tonnes
    return gain.astype(object) * tonnes.astype(object)
