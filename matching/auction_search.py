"""Which prices an auction should have, and which whole orders it serves: branch and bound over ranges of prices.

When in the flow of a range no type has a lot in use that asks more than a bid served would pay, the outcome has prices
and nothing better is in the range. Otherwise the range of the type most at odds is cut where most tonnes must give way
on either side, and both parts are solved. Whole orders that came out partial are treated alike: served as a whole, or
not at all. Every figure is an upper bound, as in `matching.auction_flow`; making lines is left to others.

Everything is counted, nothing is timed, so that the outcome is a function of the problem (contracts §2).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from matching.auction_flow import Flowed, Flows, Range, Score
from matching.auction_prices import sums_up_to
from matching.variables import Book, Mask, Whole

MOST_FLOWS = 200  # of one search
MOST_ARCS = 2_500_000  # over all its flows: a large auction has time for a dozen
PATIENT_ROUNDS, MOST_ROUNDS = 4, 14  # of giving up partial whole orders
MOST_REOPENINGS = 3  # of offering again what was given up
MILLION = 1_000_000


@dataclass(frozen=True)
class Plan:
    """An outcome by margins: one price a type, tonnes by bid and by lot. `is_rough`: whole orders are still partial."""

    prices: Range
    filled_t: Whole
    sold_t: Whole
    score: Score
    is_rough: bool = False


def searched(flows: Flows, is_late: Callable[[], bool]) -> tuple[Plan, Score]:
    """The best plan found, late or not, and a bound on every outcome that has prices."""
    search = _Search(flows)
    search.add(flows.every_price, flows.widest())
    while search.open and not search.is_spent:
        search.step()
        if is_late():
            break
    plan = search.best or search.rough
    assert plan is not None, "the first range gives a plan"
    return plan, search.bound


@dataclass(frozen=True)
class _Odds:
    """Tonnes at odds in one type: at least `tonnes` give way on each side of a cut at `at_fen`."""

    tonnes: int
    kind: int
    at_fen: int
    lower_is_better: bool


class _Search:
    """The open ranges, best bound first, and the best plan."""

    def __init__(self, flows: Flows) -> None:
        self.flows, self.hall = flows, flows.hall
        self.best: Plan | None = None
        self.rough: Plan | None = None
        self.open: list[tuple[Score, int, Range, Flowed]] = []
        self.added = 0

    @property
    def is_spent(self) -> bool:
        """Whether the effort is used up."""
        return self.flows.count >= MOST_FLOWS or self.flows.arcs >= MOST_ARCS

    @property
    def bound(self) -> Score:
        """No outcome with prices is better than this."""
        best = (0, 0) if self.best is None else self.best.score
        return max([best, *((-row[0][0], -row[0][1]) for row in self.open[:1])])

    def is_better(self, found: Flowed) -> bool:
        """Whether a flow promises more than the best plan."""
        return self.best is None or found.score > self.best.score

    def add(self, prices: Range, found: Flowed) -> None:
        """Keeps a range that may hold something better."""
        if self.is_better(found) and self.flows.serves(prices, found):
            self.added += 1
            surplus_fen, tonnes = found.score
            heapq.heappush(self.open, ((-surplus_fen, -tonnes), self.added, prices, found))

    def step(self) -> None:
        """Takes the most promising range: it is an outcome, or it is cut in two."""
        _, _, prices, found = heapq.heappop(self.open)
        if not self.is_better(found):
            self.open.clear()
            return
        odds = [odd for kind in range(len(self.hall.types)) if (odd := self._odds(found, kind)) is not None]
        self.plan(prices, found, odds)
        worst = max(odds, key=lambda odd: (odd.tonnes, -odd.kind), default=None)
        for part in self._cut_order(prices, found) if worst is None else self._cut_price(prices, worst):
            self.add(part, self.flows.flow(part))

    def plan(self, prices: Range, found: Flowed, odds: list[_Odds]) -> None:
        """An outcome near that of the range: one price for each type, and every whole order decided.

        Whole orders that were given up on the way are offered again beside those that are served then.
        """
        offered = prices.at(self._prices_fen(prices, found, odds))
        flowed = self.flows.flow(offered) if odds else found
        self.rough = self.rough or Plan(offered, *flowed.margins(self.hall.book), flowed.score, is_rough=True)
        for _ in range(MOST_REOPENINGS):
            settled = decided(self.flows, offered, flowed)
            if settled is None or not self._keep(*settled) or self.is_spent:
                return
            if (settled[0].most_t == prices.most_t).all() and (settled[0].no_lot == prices.no_lot).all():
                return
            offered = as_served(self.hall.book, offered, settled[1], closing=False)
            flowed = self.flows.flow(offered)

    def _keep(self, prices: Range, decided: Flowed) -> bool:
        """Keeps an outcome that is better than the best, and says whether it is."""
        if not self.is_better(decided):
            return False
        self.best = Plan(prices, *decided.margins(self.hall.book), decided.score)
        return True

    def _prices_fen(self, prices: Range, found: Flowed, odds: list[_Odds]) -> Whole:
        """One price a type: the dearest ask in use, or a price at the cut where a type is at odds."""
        hall = self.hall
        chosen = prices.lowest_fen.copy()
        np.maximum.at(chosen, hall.type_of_lot[found.lot], hall.least_fen[found.lot])
        for odd in odds:
            price_fen = odd.at_fen - (hall.tick_fen if odd.lower_is_better else 0)
            chosen[odd.kind] = min(max(price_fen, prices.lowest_fen[odd.kind]), prices.highest_fen[odd.kind])
        return chosen

    def _odds(self, found: Flowed, kind: int) -> _Odds | None:
        """Where to cut the range of a type: None when one price suits all that was traded of it."""
        hall = self.hall
        bids, lots = found.type_of_bid == kind, hall.type_of_lot[found.lot] == kind
        limits, limit_t = hall.most_fen[found.bid[bids]], found.bid_t[bids]
        asks, ask_t = hall.least_fen[found.lot[lots]], found.lot_t[lots]
        if not len(asks) or asks.max() <= limits.min():
            return None
        at_fen = np.unique(np.concatenate([asks[asks > limits.min()], limits[limits < asks.max()] + hall.tick_fen]))
        above_t, below_t = sums_up_to(-asks, ask_t, -at_fen), sums_up_to(limits, limit_t, at_fen - 1)
        least_t = np.minimum(above_t, below_t)
        place = int(np.argmax(least_t))
        return _Odds(int(least_t[place]), kind, int(at_fen[place]), bool(above_t[place] < below_t[place]))

    def _cut_price(self, prices: Range, odd: _Odds) -> list[Range]:
        """The range below the cut and the one from it on."""
        highest_fen, lowest_fen = prices.highest_fen.copy(), prices.lowest_fen.copy()
        highest_fen[odd.kind], lowest_fen[odd.kind] = odd.at_fen - self.hall.tick_fen, odd.at_fen
        return [replace(prices, highest_fen=highest_fen), replace(prices, lowest_fen=lowest_fen)]

    def _cut_order(self, prices: Range, found: Flowed) -> list[Range]:
        """One partial whole order served as a whole, or not at all; nothing when there is none."""
        partial, done_t, full_t = _partial(self.hall.book, found)
        if not partial.any():
            return []
        least_t = np.where(partial, np.minimum(done_t, full_t - done_t), 0)
        bid, lot = np.split(np.arange(len(partial)) == np.argmax(least_t), [len(prices.must_bid)])
        return [prices.serving(prices.must_bid | bid, prices.must_lot | lot), prices.without(bid, lot)]


def decided(flows: Flows, prices: Range, flowed: Flowed) -> tuple[Range, Flowed] | None:
    """Gives up the half of the partial whole orders that came least far, round by round, until none is partial.

    Where that has no end soon, all that are not served are given up at once and those that are must stay, as far as
    they can. None when that has no end either.
    """
    for number in range(MOST_ROUNDS):
        partial, done_t, full_t = _partial(flows.hall.book, flowed)
        if not partial.any():
            return prices, flowed
        if number < PATIENT_ROUNDS:
            share_ppm = np.where(partial, done_t * MILLION // full_t, 2 * MILLION)
            last = np.argsort(share_ppm, kind="stable")[: (int(partial.sum()) + 1) // 2]
            given_up = np.isin(np.arange(len(partial)), last)
            prices = prices.without(*np.split(given_up, [len(prices.must_bid)]))
        else:
            prices = as_served(flows.hall.book, prices, flowed, closing=True)
        flowed = flows.flow(prices)
    return None


def as_served(book: Book, prices: Range, flowed: Flowed, *, closing: bool) -> Range:
    """The range with the whole orders that are served as those that must be; `closing`: and no others."""
    filled_t, sold_t = flowed.margins(book)
    bids, lots = book.is_whole_bid & (filled_t == book.quota_t), book.is_whole_lot & (sold_t == book.supply_t)
    if closing:
        prices = prices.without(book.is_whole_bid & ~bids, book.is_whole_lot & ~lots)
    return prices.serving(bids, lots)


def _partial(book: Book, flowed: Flowed) -> tuple[Mask, Whole, Whole]:
    """Which whole orders (bids, then lots) came out partial, the tonnes of all and their full tonnes."""
    done_t, full_t = np.concatenate(flowed.margins(book)), np.concatenate([book.quota_t, book.supply_t])
    is_whole = np.concatenate([book.is_whole_bid, book.is_whole_lot])
    return is_whole & (done_t > 0) & (done_t < full_t), done_t, full_t
