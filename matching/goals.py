"""The goals of a quota round in strict order and the upper bounds that prove how near a result is.

First the most compliance tonnes, then the most voluntary tonnes, then the greatest surplus (limit less ask, times
tonnes). One flow serves all three: among greatest flows a residual cycle changes at most one fill and one use, so a
reward just above the widest difference of prices puts compliance strictly first, and one rank just below a fen lets
the earlier order win what is still tied (contracts §2).

The bounds are those of contracts §3: `voluntary_t` among results with exactly the reached compliance, `surplus_fen`
among results with exactly both reached tonnages. Each is the value of a flow that every such result is a case of.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matching.constraints import Allocation, total
from matching.flow import LARGEST_COST, cheapest_greatest_flow
from matching.network import Network, network_of
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
    """What a flow gives: tonnes by bid and structure, tonnes by lot and structure, and its score."""

    choice_bid: Whole
    choice_structure: Whole
    choice_t: Whole
    delivery_lot: Whole
    delivery_structure: Whole
    delivery_t: Whole
    score: Score


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
    """The networks of a round without its discrete rules: give the margins to aim at and the bounds to prove.

    Two where dominant sellers are capped: in one the floors hold as a whole, in the other the caps. Both bound.
    """

    def __init__(self, book: Book, most_t: Whole) -> None:
        weights = weights_of(book)
        gate_cost = (-weights.compliance_reward, 0)
        cross = (book.class_owner >= 0).any() and ((book.group_cap_t < most_t) & (book.outside_cap_t < most_t)).any()
        self._book = book
        self._networks: list[Network] = [
            network_of(book, most_t, weights.bid_cost, weights.lot_cost, gate_cost, caps_first=caps_first)
            for caps_first in ((False, True) if cross else (False,))
        ]
        self._best = [self._margins(network) for network in self._networks]

    @property
    def best(self) -> Margins:
        """The margins of the network that promises least."""
        return min(self._best, key=lambda margins: margins.score)

    def bound(self, reached: Score) -> Bound:
        """The three upper bounds for a result that reached this, each the least over the networks."""
        bounds = [self._bound(*both, reached) for both in zip(self._networks, self._best, strict=True)]
        compliance_t, voluntary_t, surplus_fen = map(min, zip(*bounds, strict=True))
        return Bound(compliance_t=compliance_t, voluntary_t=voluntary_t, surplus_fen=surplus_fen)

    def _bound(self, network: Network, best: Margins, reached: Score) -> Score:
        compliance_t, voluntary_t, surplus_fen = best.score
        if reached[0] < compliance_t:
            voluntary_t = self._margins(network, reached[0]).score[1]
        if reached[:2] != best.score[:2]:
            surplus_fen = self._margins(network, *reached[:2]).score[2]
        return compliance_t, voluntary_t, surplus_fen

    def _margins(self, network: Network, compliance_t: int | None = None, voluntary_t: int | None = None) -> Margins:
        """The lexicographic optimum of a network, with no more tonnes of a purpose than stated."""
        arcs, book = network.arcs, self._book
        capacity = arcs.capacity.copy()
        for gate, most in enumerate((compliance_t, voluntary_t)):
            capacity[gate] = capacity[gate] if most is None else most
        flows = cheapest_greatest_flow(replace(arcs, capacity=capacity))
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
            network.delivery_lot, network.delivery_structure, delivery_t, score,
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
