"""The goals of a quota round in strict order and the upper bounds that prove how near a result is.

First the most compliance tonnes, then the most voluntary tonnes, then the greatest surplus (limit less ask, times
tonnes). One flow serves all three: among greatest flows a residual cycle changes at most one fill and one use, so a
reward just above the widest difference of prices puts compliance strictly first, and one rank just below a fen lets
the earlier order win what is still tied (contracts §2).

The bounds themselves are made by `matching.duals` from the prices that this flow implies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from matching.constraints import Allocation, total
from matching.flow import LARGEST_COST, Arcs, cheapest_greatest_flow, cheapest_in_time, greatest_flow
from matching.network import SINK, SOURCE, Network, network_of
from matching.problem import Bound, Gap
from matching.variables import Book, Whole

Score = tuple[int, int, int]  # compliance tonnes, voluntary tonnes, surplus in fen: compared in this order


@dataclass(frozen=True)
class Weights:
    """Unit costs: `bid_cost` and `lot_cost` carry prices and ranks, `compliance_reward` puts compliance first.

    `fen` is what one fen weighs; below it there is room for the ranks of `bid_priority` and `lot_priority`.
    """

    bid_cost: Whole
    lot_cost: Whole
    compliance_reward: int
    fen: int


@dataclass(frozen=True)
class Margins:
    """What a flow gives: tonnes by bid and structure, tonnes by lot and structure, its score, and each arc's flow."""

    choice_bid: Whole
    choice_structure: Whole
    choice_t: Whole
    delivery_lot: Whole
    delivery_structure: Whole
    delivery_t: Whole
    score: Score
    flows: Whole

    def filled_t(self, book: Book) -> Whole:
        """Tonnes by bid."""
        return total(self.choice_bid, self.choice_t, len(book.bids))

    def sold_t(self, book: Book) -> Whole:
        """Tonnes by lot."""
        return total(self.delivery_lot, self.delivery_t, len(book.lots))


def weights_of(book: Book) -> Weights:
    """Weights that keep the goals in order, with the ranks wherever the numbers leave room for them."""
    spread = int(np.ptp(book.limit_fen)) + int(np.ptp(book.ask_fen)) + 1
    dearest = int(max(book.limit_fen.max(), book.ask_fen.max()))
    fen = len(book.bids) + len(book.lots) + 1
    nodes = 1000 * (len(book.bids) + len(book.lots))  # more than any network of the round has
    ranks = 1
    if (spread + 2 * dearest) * fen * nodes > LARGEST_COST:
        fen, ranks = 1, 0
    return Weights(
        bid_cost=-book.limit_fen * fen + ranks * book.bid_priority,
        lot_cost=book.ask_fen * fen + ranks * book.lot_priority,
        compliance_reward=spread * fen,
        fen=fen,
    )


def score_of(book: Book, held: Allocation) -> Score:
    """The three goals of an allocation."""
    compliance = book.is_compliance[held.bid]
    surplus = book.surplus_fen(held.bid, held.lot)
    return (
        int(held.tonnes[compliance].sum()),
        int(held.tonnes[~compliance].sum()),
        sum((surplus * held.tonnes).tolist()),
    )


class Relaxation:
    """The networks of a round without its discrete rules: give the margins to aim at.

    Two where dominant sellers are capped: in one the floors hold as a whole, in the other the caps. Both relax the round.
    Where the time left is too short for the best flow, `is_cut_short`: the margins have most tonnes, at any price.
    """

    def __init__(self, book: Book, most_t: Whole, left: Callable[[], float | None] = lambda: None) -> None:
        weights = weights_of(book)
        gate_cost = (-weights.compliance_reward, 0)
        self.most_t = most_t
        networks = [
            network_of(book, most_t, weights.bid_cost, weights.lot_cost, gate_cost, caps_first=caps_first)
            for caps_first in crossing(book, most_t)
        ]
        flows = [_best_flow(network.arcs, left()) for network in networks]
        self.is_cut_short = any(flow is None for flow in flows)
        self.relaxed = [
            (network, _margins(book, network, greatest_flow(network.arcs) if flow is None else flow))
            for network, flow in zip(networks, flows, strict=True)
        ]

    @property
    def best(self) -> tuple[Network, Margins]:
        """The network that promises least, and its margins."""
        return min(self.relaxed, key=lambda each: each[1].score)


def _best_flow(arcs: Arcs, seconds: float | None) -> Whole | None:
    return cheapest_greatest_flow(arcs) if seconds is None else cheapest_in_time(arcs, seconds)


def crossing(book: Book, most_t: Whole) -> tuple[bool, ...]:
    """The networks worth making, by whether the caps hold as a whole: both where a dominant seller is capped."""
    capped = (book.group_cap_t < most_t) & (book.outside_cap_t < most_t)
    return (False, True) if (book.class_owner >= 0).any() and capped.any() else (False,)


def of_most_surplus(book: Book, most_t: Whole) -> list[tuple[Network, Margins]]:
    """Networks with their flows of greatest surplus, however few tonnes that takes: what an auction is bounded by."""
    found = []
    for caps_first in crossing(book, most_t):
        network = network_of(book, most_t, -book.limit_fen, book.ask_fen, (0, 0), caps_first=caps_first)
        arcs, plenty = network.arcs, np.array([int(most_t.sum())] * 2)
        first = int(max(arcs.tail.max(), arcs.head.max())) + 1  # from here tonnes may pass by all orders for free
        around = np.array([first, SOURCE]), np.array([SOURCE, SINK]), plenty, np.zeros(2, dtype=np.int64)
        parts = [(arcs.tail, arcs.head, arcs.capacity, arcs.cost), around]
        flows = cheapest_greatest_flow(Arcs.joined(parts, first, SINK))
        found.append((network, _margins(book, network, flows[: len(arcs.tail)])))
    return found


def _margins(book: Book, network: Network, flows: Whole) -> Margins:
    choice_t, delivery_t = flows[network.choice_arc], flows[network.delivery_arc]
    filled_t = total(network.choice_bid, choice_t, len(book.bids))
    sold_t = total(network.delivery_lot, delivery_t, len(book.lots))
    score = (
        int(filled_t[book.is_compliance].sum()),
        int(filled_t[~book.is_compliance].sum()),
        sum((filled_t * book.limit_fen).tolist()) - sum((sold_t * book.ask_fen).tolist()),
    )
    return Margins(
        network.choice_bid, network.choice_structure, choice_t,
        network.delivery_lot, network.delivery_structure, delivery_t, score, flows,
    )  # fmt: skip


def tighter(bound: Bound, search: Bound | None) -> Score:
    """The lower of the two bounds, goal by goal."""
    pairs = [(getattr(bound, name), getattr(search, name, None)) for name in Bound.__struct_fields__]
    compliance_t, voluntary_t, surplus_fen = (one if other is None else min(one, other) for one, other in pairs)
    return compliance_t, voluntary_t, surplus_fen


def gap_of(bound: Score, reached: Score) -> Gap:
    """Parts per million, rounded up, that the reached may be short of the bound (contracts §3)."""
    covered_t, bound_t = reached[0] + reached[1], bound[0] + bound[1]
    return Gap(coverage=_ppm(bound_t - covered_t, bound_t), surplus=_ppm(bound[2] - reached[2], bound[2]))


def proven(bound: Score, reached: Score) -> tuple[str, ...]:
    """The goals proven: each meets its bound and so do all before it, since a later goal stands on the earlier."""
    names: list[str] = []
    for name, most, got in zip(Bound.__struct_fields__, bound, reached, strict=True):
        if got != most:
            break
        names.append(name)
    return tuple(names)


def _ppm(short: int, whole: int) -> int:
    return -(-short * 1_000_000 // whole) if whole else 0
