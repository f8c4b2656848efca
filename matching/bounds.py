"""What a certificate proves: upper bounds of the goals, derived from its prices in whole numbers and nothing else.

Put a price on every lot. Whatever the outcome, its value is at most what all lots are worth at these prices plus what
each bid could gain at most if it alone bought at them. So every list of prices bounds every feasible outcome, and no
network, no solver and no trust is needed. The proof, formula by formula: `docs/matching-certificate.md`.

There are too many pairs to look at each. Among bids that see the same lots (`matching.market`) the best lot within a
limit is a running maximum along the asks. Only bids for which that best lot promises a gain have their lots looked at
one by one, and of these only the lots that promise one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.certificate import Prices
from matching.market import Market, Mask, Stall, View, Whole
from matching.problem import COMPLIANCE, Problem, Totals

Exact = npt.NDArray[Any]  # int64 where nothing can overflow, else Python's own integers
MOST_PAIRS = 500_000  # looked at together, for the sake of memory


def derived(problem: Problem, totals: Totals, prices: Mapping[str, Prices]) -> dict[str, int]:
    """For each goal that has prices the bound they prove, among the feasible results that have these totals.

    `compliance_t` holds for every feasible result, `voluntary_t` for those with exactly `totals.compliance_t`, and
    `surplus_fen` for those with exactly both tonnages (of an auction for all, since its worths are 0). The checker sees
    to it that the prices have the right lengths and signs.
    """
    return derived_in(Market(problem), totals, prices)


def derived_in(market: Market, totals: Totals, prices: Mapping[str, Prices]) -> dict[str, int]:
    """The same for a problem whose market is at hand."""
    sheets = {goal: _Sheet(market, goal, given) for goal, given in prices.items()}
    for view in market.views():
        for sheet in sheets.values():
            sheet.note_gains(view)
    return {goal: sheet.bound(totals) for goal, sheet in sheets.items()}


@dataclass(frozen=True)
class _Choice:
    """The lots of a stall that promise a gain, the best first; what each bid offers, and how many gain it anything."""

    lots: Whole
    offers: Exact
    reach: Whole

    def of(self, rows: Whole) -> _Choice:
        """The choice of some of the bids."""
        return _Choice(self.lots, self.offers[rows], self.reach[rows])


class _Sheet:
    """The prices of one goal laid over the market, and what each bid could gain at most at them.

    A bid gains on a tonne of a lot what it offers and the lot nets: r of the documentation, as offer_i + net_j.
    """

    def __init__(self, market: Market, goal: str, prices: Prices) -> None:
        self._market, self._prices = market, prices
        fen = prices.scale if goal == "surplus_fen" else 0
        compliance = prices.compliance_worth + (prices.scale if goal == "compliance_t" else 0)
        voluntary = prices.voluntary_worth + (prices.scale if goal == "voluntary_t" else 0)
        self._kind = _kind(market, prices, 2 * fen * market.dearest_fen + abs(compliance) + abs(voluntary))
        worth = self._exact([compliance if bid.purpose == COMPLIANCE else voluntary for bid in market.bids])
        self._offer = market.limit_fen.astype(self._kind) * fen + worth - self._exact(prices.bid_price)
        self._net = -market.ask_fen.astype(self._kind) * fen - self._exact(prices.lot_price)
        self._outside_price = self._exact(prices.outside_price)
        self._gain = self._exact([0] * len(market.bids))

    def note_gains(self, view: View) -> None:
        """Works out what each bid of the view could gain at most: T of the documentation."""
        promising = np.zeros(len(view.bids), dtype=bool)
        for stall in view.stalls:
            best = np.maximum.accumulate(self._net[stall.lots])[np.maximum(stall.within_limit, 1) - 1]
            promising |= (stall.within_limit > 0) & (self._offers(stall, view.bids) + best > 0)
        bids = view.bids[promising]
        if not len(bids):
            return
        choices = [self._choice(stall, bids) for stall in view.stalls]
        turn = np.cumsum(sum(choice.reach for choice in choices)) // MOST_PAIRS
        for rows in np.split(np.arange(len(bids)), np.flatnonzero(np.diff(turn)) + 1):
            self._gain[bids[rows]] = self._gains(bids[rows], [choice.of(rows) for choice in choices])

    def bound(self, totals: Totals) -> int:
        """The bound, once every view is noted. From here on the integers are Python's own."""
        market, prices = self._market, self._prices
        worth = sum(map(int.__mul__, market.supply_t.tolist(), prices.lot_price))
        outside = map(int.__mul__, market.outside_t.tolist(), prices.outside_price)
        filled = map(int.__mul__, market.quantity_t.tolist(), prices.bid_price)
        for bid, *parts in zip(market.bids, filled, outside, self._gain.tolist(), strict=True):
            worth += max(0, sum(parts)) if bid.all_or_none else sum(parts)
        worth -= prices.compliance_worth * totals.compliance_t + prices.voluntary_worth * totals.voluntary_t
        return worth // prices.scale

    def _exact(self, figures: Sequence[int]) -> Exact:
        return np.array(figures, dtype=self._kind)

    def _offers(self, stall: Stall, bids: Whole) -> Exact:
        return self._offer[bids] - self._outside_price[bids] if stall.is_outside else self._offer[bids]

    def _choice(self, stall: Stall, bids: Whole) -> _Choice:
        offers = self._offers(stall, bids)
        lots = stall.lots[self._net[stall.lots] + offers.max() > 0]
        lots = lots[np.argsort(-self._net[lots], kind="stable")]
        lots = lots[_is_needed(self._market, lots, int(self._market.from_group_t[bids].max()))]
        return _Choice(lots, offers, np.searchsorted(-self._net[lots], offers, side="left"))

    def _gains(self, bids: Whole, choices: Sequence[_Choice]) -> Exact:
        """The most that each of the bids gains when it picks lots alone, from as much of a group as it may take."""
        market = self._market
        row = np.concatenate([np.repeat(np.arange(len(bids)), choice.reach) for choice in choices])
        lot = np.concatenate([choice.lots[_counted(choice.reach)] for choice in choices])
        gain = np.concatenate([np.repeat(choice.offers, choice.reach) for choice in choices]) + self._net[lot]
        may_trade = market.ask_fen[lot] <= market.limit_fen[bids[row]]
        may_trade &= market.lot_group[lot] != market.bid_group[bids[row]]
        row, lot, gain = row[may_trade], lot[may_trade], gain[may_trade]
        place = row * market.groups + market.lot_group[lot]
        order = _best_first(place, gain)
        place, lot, gain = place[order], lot[order], gain[order]
        supply_t, first = market.supply_t[lot], _runs(place)[0]
        left_t = market.from_group_t[bids[place // market.groups]] - _before(supply_t, place)
        of_group = np.add.reduceat(gain * np.clip(left_t, 0, supply_t), first) if len(first) else gain
        return self._of_the_best_groups(bids, place[first] // market.groups, of_group)

    def _of_the_best_groups(self, bids: Whole, row: Whole, of_group: Exact) -> Exact:
        """The sum, for each of the bids, of what its most gainful seller groups give, as many as it may have."""
        gains = self._exact([0] * len(bids))
        order = _best_first(row, of_group)
        row, of_group = row[order], of_group[order]
        rank = _before(np.ones_like(row), row)
        np.add.at(gains, row, np.where(rank < self._market.sellers[bids[row]], of_group, 0))
        return gains


def _kind(market: Market, prices: Prices, widest_value: int) -> type:
    """int64 when nothing can overflow, else object: the same sums in Python's own integers, only slower.

    Every offer, net or gain and every sum on the way to it lies within the widest value of a tonne plus the largest
    price of each list. A gain is multiplied by tonnes of a lot and added up over no more tonnes than there are, nor
    than a bid may take of all groups. The tonnes alone are at most 10^6 lots of 10^9.
    """
    lists = (prices.lot_price, prices.bid_price, prices.outside_price)
    widest = widest_value + sum(max(map(abs, each), default=0) for each in lists)
    most_t = min(int(market.supply_t.sum()), int(market.quantity_t.max(initial=0)) * market.groups)
    return np.int64 if widest * max(1, most_t) < 2**63 else object


def _is_needed(market: Market, lots: Whole, most_t: int) -> Mask:
    """Whether a bid that takes up to so much from a group may come to each of these lots, the best of a stall first.

    Among the lots of a group, one after another, whoever can pay for a lot can pay for those before it unless the asks
    fall in between, and gains no less on them. Once they hold as much as any bid may take, nobody needs more.
    """
    order = np.argsort(market.lot_group[lots], kind="stable")
    group, ask_fen = market.lot_group[lots][order], market.ask_fen[lots][order]
    begins = (np.diff(group, prepend=-1) != 0) | (np.diff(ask_fen, prepend=0) < 0)
    needed = np.empty(len(lots), dtype=bool)
    needed[order] = _before(market.supply_t[lots][order], np.cumsum(begins)) < most_t
    return needed


def _best_first(place: Whole, gain: Exact) -> Whole:
    """The order by place, and in each place from the greatest gain to the least."""
    order = np.argsort(-gain, kind="stable")
    return order[np.argsort(place[order], kind="stable")]


def _runs(place: Whole) -> tuple[Whole, Whole]:
    """Where each run of equal places begins, and how long it is."""
    first = np.flatnonzero(np.diff(place, prepend=-1))
    return first, np.diff(first, append=len(place))


def _before(tonnes: Whole, place: Whole) -> Whole:
    """What comes before each figure in its run of equal places."""
    before, (first, size) = np.cumsum(tonnes) - tonnes, _runs(place)
    return before - np.repeat(before[first], size)


def _counted(reach: Whole) -> Whole:
    """0, 1, … up to each figure, one after another."""
    return np.arange(reach.sum()) - np.repeat(np.cumsum(reach) - reach, reach)
