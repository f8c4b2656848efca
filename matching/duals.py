"""The bounds of a round and the prices that prove them (`tanyi.match.certificate/1`).

An optimal flow implies a price for every node: what one more tonne there would cost. From the price of each lot follows
the best that every bid could do alone, and so a bound (`matching.bounds`, which derives it from the prices and nothing
else). The prices made here are good ones; that the bound holds does not depend on it.

Bounds are those of contracts §3: `voluntary_t` among results with exactly the reached compliance tonnes, `surplus_fen`
among results with exactly both reached tonnages. The rewards of a tonne in the last are the lowest at which the flow is
still the best one, so that little is lost where a result falls short of the flow's tonnes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from matching.bounds import derived_in
from matching.certificate import Prices, Proofs
from matching.goals import Margins, Score
from matching.market import Market
from matching.network import COMPLIANCE_NODE, SINK, SOURCE, VOLUNTARY_NODE, Network
from matching.own_prices import own_prices
from matching.problem import AUCTION, Bound, Totals
from matching.variables import Book, Mask, Whole

GOALS = ("compliance_t", "voluntary_t", "surplus_fen")
NOWHERE = np.int64(2**60)
MOST_SWEEPS = 400  # more than the best flow of any round we saw needs, by far
FEW_SWEEPS = 10  # over a flow that is not the best one, where they would not come to an end


def nothing_to_gain(book: Book) -> Proofs:
    """The prices of a round without bids or without lots, where nobody can gain anything: all are 0."""
    lots, bids = (0,) * len(book.lots), (0,) * len(book.bids)
    nothing = Prices(scale=1, compliance_worth=0, voluntary_worth=0, lot_price=lots, bid_price=bids, outside_price=bids)
    if book.problem.mechanism == AUCTION:
        return Proofs(surplus_fen=nothing)
    return Proofs(compliance_t=nothing, voluntary_t=nothing, surplus_fen=nothing)


@dataclass(frozen=True)
class Worth:
    """What a tonne counts in one goal: for each bid, and less `lot_fen` for each lot."""

    bid: Whole
    lot_fen: Whole
    compliance: int = 0
    voluntary: int = 0


class Bounds:
    """The bounds for a reached score, each the least that the networks of a relaxation imply, or that is known already."""

    def __init__(
        self,
        book: Book,
        relaxed: Sequence[tuple[Network, Margins]],
        most_t: Whole,
        *,
        is_cut_short: bool = False,
        known: Bounds | None = None,
    ) -> None:
        self._book, self._market = book, Market(book.problem)
        self._held_back = most_t < book.quota_t
        sweeps = FEW_SWEEPS if is_cut_short else MOST_SWEEPS
        self._residuals = [(_Residual(network, margins, sweeps), network, margins) for network, margins in relaxed]
        self._known: dict[tuple[str, Score], tuple[int, Prices]] = {}
        self._others: Bounds | None = known
        # what the flows promise of all three goals together; nothing where one of them was cut short
        self.promised = None if is_cut_short else min(margins.score for _, margins in relaxed)

    def look_at(self, bids: Mask) -> None:
        """Seeks the prices of these bids one by one from now on: rules that the networks leave out hold them back."""
        if (bids & ~self._held_back).any():
            self._held_back = self._held_back | bids
            self._known.clear()

    def bound(self, reached: Score) -> Bound:
        """Upper bounds of the three goals for a result that reached this."""
        return self.proven(reached)[0]

    def proven(self, reached: Score) -> tuple[Bound, Proofs]:
        """The bounds and the prices that prove them."""
        proofs = {goal: self.least(goal, reached) for goal in GOALS}
        figures = {goal: most for goal, (most, _) in proofs.items()}
        return Bound(**figures), Proofs(**{goal: prices for goal, (_, prices) in proofs.items()})

    def of_auction(self) -> tuple[int, Proofs]:
        """The bound of an auction's surplus, without the one-price rule, and the prices that prove it."""
        surplus_fen, prices = self.least("surplus_fen", (0, 0, 0))
        return surplus_fen, Proofs(surplus_fen=prices)

    def least(self, goal: str, reached: Score) -> tuple[int, Prices]:
        """The bound of a goal and its prices. Only the surplus needs other prices for another reached score."""
        given = (reached[0], reached[1], 0) if goal == "surplus_fen" else (0, 0, 0)
        if (goal, given) not in self._known:
            self._known[goal, given] = min(
                (self._derived(goal, given, *each) for each in self._residuals), key=lambda each: each[0]
            )
        most, prices = self._known[goal, given]
        own = most - (prices.compliance_worth * reached[0] if goal == "voluntary_t" else 0), prices
        return own if self._others is None else min(own, self._others.least(goal, reached), key=lambda each: each[0])

    def _derived(
        self, goal: str, given: Score, residual: _Residual, network: Network, margins: Margins
    ) -> tuple[int, Prices]:
        worth = _worth(self._book, goal, residual, margins, given)
        prices = _prices(self._book, network, residual, worth, self._held_back)
        totals = Totals(compliance_t=given[0], voluntary_t=given[1], surplus_fen=0, cost_fen=0, lines=0)
        return derived_in(self._market, totals, {goal: prices})[goal], prices


def _worth(book: Book, goal: str, residual: _Residual, margins: Margins, reached: Score) -> Worth:
    is_compliance, nothing = book.is_compliance.astype(np.int64), np.zeros_like(book.supply_t)
    if goal == "compliance_t":
        return Worth(is_compliance, nothing)
    if goal == "voluntary_t":
        return Worth(np.ones_like(is_compliance), nothing, compliance=1)
    if book.problem.mechanism == AUCTION:
        return Worth(book.limit_fen, book.ask_fen)
    compliance, voluntary = _lowest_rewards(book, residual, margins, reached)
    bid = book.limit_fen + np.where(book.is_compliance, compliance, voluntary)
    return Worth(bid, book.ask_fen, compliance, voluntary)


def _lowest_rewards(book: Book, residual: _Residual, margins: Margins, reached: Score) -> tuple[int, int]:
    """Rewards of a compliance and of a voluntary tonne, lowered as far as the result falls short of the flow."""
    voluntary = int(np.ptp(book.limit_fen) + np.ptp(book.ask_fen)) + 1
    compliance = 2 * voluntary
    short_t = [most - got for most, got in zip(margins.score[:2], reached[:2], strict=True)]

    def room(*gates: int) -> int:
        bid = book.limit_fen + np.where(book.is_compliance, compliance, voluntary)
        return residual.room(Worth(bid, book.ask_fen), gates)

    if short_t[0] > 0:
        compliance -= min(room(COMPLIANCE_NODE), compliance)
    if sum(short_t) > 0:
        both = min(room(COMPLIANCE_NODE, VOLUNTARY_NODE), voluntary)
        compliance, voluntary = compliance - both, voluntary - both
    return compliance, voluntary


def _prices(book: Book, network: Network, residual: _Residual, worth: Worth, held_back: Mask) -> Prices:
    implied = residual.prices(worth)
    lot_price, net = implied.lot, -worth.lot_fen - implied.lot
    bid_price, outside_price = own_prices(book, network, worth.bid, net, held_back, (implied.bid, implied.outside))
    return Prices(
        scale=1,
        compliance_worth=worth.compliance,
        voluntary_worth=worth.voluntary,
        lot_price=tuple(lot_price.tolist()),
        bid_price=tuple(bid_price.tolist()),
        outside_price=tuple(outside_price.tolist()),
    )


@dataclass(frozen=True)
class _Implied:
    """Prices that a flow implies: of a tonne of each lot, of each bid's quota, and outside its floor's set."""

    lot: Whole
    bid: Whole
    outside: Whole


class _Residual:
    """The moves that a flow leaves: along an arc with room, and back along an arc with flow.

    Only bids, lots, floors and caps have capacities of their own. The sink leads back to the source, and the source to
    the sink, so that a flow may also grow or shrink.
    """

    def __init__(self, network: Network, margins: Margins, sweeps: int) -> None:
        self._sweeps = sweeps
        arcs, flows = network.arcs, margins.flows
        has_room = np.ones(len(arcs.tail), dtype=bool)
        own = np.concatenate([network.bid_arc, network.lot_arc, network.share_arc])
        has_room[own] = flows[own] < arcs.capacity[own]
        forth, back = np.flatnonzero(has_room), np.flatnonzero(flows > 0)
        around = ([SINK, SOURCE], [SOURCE, SINK]) if len(back) else ([SINK], [SOURCE])
        tail = np.concatenate([arcs.tail[forth], arcs.head[back], around[0]])
        head = np.concatenate([arcs.head[forth], arcs.tail[back], around[1]])
        order = np.argsort(head, kind="stable")
        self._tail, self._head = tail[order], head[order]
        self._arc = np.concatenate([forth, back, np.full(len(around[0]), -1)])[order]
        sizes = [len(forth), len(back), len(around[0])]
        self._sign: Whole = np.repeat(np.array([1, -1, 0], dtype=np.int64), sizes)[order]
        self._first = np.flatnonzero(np.diff(self._head, prepend=-1))
        self._nodes = int(max(tail.max(), head.max())) + 1
        self._network = network

    def prices(self, worth: Worth) -> _Implied:
        """What a tonne more of each capacity is worth, 0 or more."""
        network, arcs = self._network, self._network.arcs
        price = self._distances(self._costs(worth), np.zeros(self._nodes, dtype=np.int64))

        def of(arc: Whole, worth_fen: Whole | int) -> Whole:
            worth_here: Whole = price[arcs.head[arc]] - price[arcs.tail[arc]] + worth_fen
            return np.maximum(worth_here, 0)

        outside = np.zeros_like(worth.bid)
        outside[network.outside_bid] = of(network.outside_arc, 0)
        return _Implied(of(network.lot_arc, -worth.lot_fen), of(network.bid_arc, worth.bid), outside)

    def room(self, worth: Worth, gates: tuple[int, ...]) -> int:
        """How far the reward of the bids behind these gates may fall until the flow is no longer the best."""
        cost = self._costs(worth)
        price = self._distances(cost, np.zeros(self._nodes, dtype=np.int64))
        cost = cost + price[self._tail] - price[self._head]
        cost[(self._tail == SOURCE) & np.isin(self._head, gates)] = NOWHERE
        start = np.full(self._nodes, NOWHERE)
        start[SOURCE] = 0
        return int(self._distances(np.minimum(cost, NOWHERE), start)[list(gates)].min())

    def _costs(self, worth: Worth) -> Whole:
        cost = np.zeros(len(self._network.arcs.tail) + 1, dtype=np.int64)
        cost[self._network.bid_arc] = -worth.bid
        cost[self._network.lot_arc] = worth.lot_fen
        return cost[self._arc] * self._sign

    def _distances(self, cost: Whole, start: Whole) -> Whole:
        """The least cost of a way to each node from any node, plus what that one starts with (Bellman and Ford)."""
        distance, heads = start.copy(), self._head[self._first]
        for _ in range(self._sweeps):
            nearer = np.minimum.reduceat(distance[self._tail] + cost, self._first)
            if not (nearer < distance[heads]).any():
                break
            distance[heads] = np.minimum(distance[heads], nearer)
        return distance
