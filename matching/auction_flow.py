"""The greatest surplus in a range of prices, as one flow in whole numbers.

With a range of prices for each product type, whatever trades at some price of the ranges is in play. The network is
that of quota rounds (`matching.network`) with a way past all orders, so that a tonne flows only where it brings a
surplus or costs none. What no flow knows (small sellers' shares, numbers of sellers, all or none, the minimum line) is
left out, so the value of a flow is an upper bound on every outcome with prices in the range.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matching.auction_prices import Hall, within
from matching.constraints import total
from matching.flow import LARGEST_COST, Arcs, cheapest_greatest_flow
from matching.goals import crossing
from matching.network import SINK, SOURCE, network_of
from matching.problem import LARGEST_PRICE_FEN
from matching.variables import Book, Mask, Whole

Score = tuple[int, int]  # surplus in fen, tonnes: the goals of an auction, compared in this order


@dataclass(frozen=True)
class Range:
    """Prices from `lowest_fen` to `highest_fen` by type, and which orders are in play.

    `most_t` is what each bid may get, `no_lot` are lots left out; the whole orders of `must_bid` and `must_lot` must be
    served.
    """

    lowest_fen: Whole
    highest_fen: Whole
    must_bid: Mask
    must_lot: Mask
    most_t: Whole
    no_lot: Mask

    def at(self, price_fen: Whole) -> Range:
        """The same orders at one price for each type."""
        return replace(self, lowest_fen=price_fen, highest_fen=price_fen)

    def serving(self, bids: Mask, lots: Mask) -> Range:
        """The same range with these whole orders, and no others, as those that must be served."""
        return replace(self, must_bid=bids, must_lot=lots)

    def without(self, bids: Mask, lots: Mask) -> Range:
        """The same range without these orders."""
        return replace(
            self,
            must_bid=self.must_bid & ~bids,
            must_lot=self.must_lot & ~lots,
            most_t=np.where(bids, 0, self.most_t),
            no_lot=self.no_lot | lots,
        )


@dataclass(frozen=True)
class Flowed:
    """What a flow gives: the tonnes each bid takes of a type, the tonnes each lot gives, and its score."""

    bid: Whole
    type_of_bid: Whole
    bid_t: Whole
    lot: Whole
    lot_t: Whole
    score: Score

    def margins(self, book: Book) -> tuple[Whole, Whole]:
        """Tonnes by bid and by lot."""
        return total(self.bid, self.bid_t, len(book.bids)), total(self.lot, self.lot_t, len(book.lots))


class Flows:
    """The flows of one auction, and the effort that went into them."""

    def __init__(self, hall: Hall, most_t: Whole) -> None:
        self.hall, self.most_t = hall, most_t
        self._caps_first = False
        self.count = self.arcs = 0

    @property
    def every_price(self) -> Range:
        """Every price, every order."""
        kinds, tick_fen, book = len(self.hall.types), self.hall.tick_fen, self.hall.book
        bids, lots = (np.zeros(len(orders), dtype=bool) for orders in (book.bids, book.lots))
        highest_fen = np.full(kinds, LARGEST_PRICE_FEN // tick_fen * tick_fen)
        return Range(np.zeros(kinds, dtype=np.int64), highest_fen, bids, lots, self.most_t, lots)

    def widest(self) -> Flowed:
        """The flow over every price and every order.

        Where floors and the caps of dominant sellers cross, a network holds one of the two as a whole; the one that
        promises less is taken here and for all that follows.
        """
        found = []
        for caps_first in crossing(self.hall.book, self.most_t):
            self._caps_first = caps_first
            found.append(self.flow(self.every_price))
        self._caps_first = found[-1].score < found[0].score
        return min(found, key=lambda flowed: flowed.score)

    def flow(self, prices: Range, *, ranked: bool = False) -> Flowed:
        """The best outcome for the range, with as much as possible of what must be served. `ranked`: early ones first.

        A tonne weighs less than a fen, the rank of an order less than a tonne: a residual cycle changes one fill and
        one use at most.
        """
        book = self.hall.book
        unit, rank = self._unit(ranked)
        reward = 4 * unit * (int(book.limit_fen.max()) + int(book.ask_fen.max()) + 1)
        bid_cost = rank * book.bid_priority - unit * (2 * book.limit_fen + 1) - reward * prices.must_bid
        lot_cost = rank * book.lot_priority + unit * 2 * book.ask_fen - reward * prices.must_lot
        offered = within(self.hall, prices.lowest_fen, prices.highest_fen)
        offered = replace(offered, ask_fen=np.where(prices.no_lot, LARGEST_PRICE_FEN + 1, offered.ask_fen))
        return self._flow(offered, prices.most_t, bid_cost, lot_cost)

    def serves(self, prices: Range, found: Flowed) -> bool:
        """Whether all that must be served is."""
        book = self.hall.book
        filled_t, sold_t = found.margins(book)
        bids, lots = filled_t == book.quota_t, sold_t == book.supply_t
        return bool(bids[prices.must_bid].all() and lots[prices.must_lot].all())

    def _flow(self, offered: Book, most_t: Whole, bid_cost: Whole, lot_cost: Whole) -> Flowed:
        network = network_of(offered, most_t, bid_cost, lot_cost, (0, 0), caps_first=self._caps_first)
        arcs, plenty_t = network.arcs, int(most_t.sum())
        start = int(max(arcs.tail.max(), arcs.head.max())) + 1
        past = np.array([[start, SOURCE, plenty_t, 0], [SOURCE, SINK, plenty_t, 0]]).T  # the way past all orders
        parts = [(arcs.tail, arcs.head, arcs.capacity, arcs.cost), (past[0], past[1], past[2], past[3])]
        flows = cheapest_greatest_flow(Arcs.joined(parts, start, SINK))
        self.count, self.arcs = self.count + 1, self.arcs + len(arcs.tail)
        bid_t, lot_t = flows[network.choice_arc], flows[network.delivery_arc]
        type_of = np.zeros(int(network.delivery_structure.max(initial=-1)) + 1, dtype=np.int64)
        type_of[network.delivery_structure] = self.hall.type_of_lot[network.delivery_lot]
        bids, lots, book = bid_t > 0, lot_t > 0, self.hall.book
        bid, bid_t, lot, lot_t = network.choice_bid[bids], bid_t[bids], network.delivery_lot[lots], lot_t[lots]
        surplus_fen = int((book.limit_fen[bid] * bid_t).sum()) - int((book.ask_fen[lot] * lot_t).sum())
        score = surplus_fen, int(bid_t.sum())
        return Flowed(bid, type_of[network.choice_structure[bids]], bid_t, lot, lot_t, score)

    def _unit(self, ranked: bool) -> tuple[int, int]:
        """What half a fen weighs and what a rank: ranks only where the numbers leave room for them."""
        book = self.hall.book
        unit = len(book.bids) + len(book.lots) + 1
        dearest = int(book.limit_fen.max()) + int(book.ask_fen.max()) + 1
        return (unit, 1) if ranked and 8000 * unit * unit * dearest < LARGEST_COST else (1, 0)
