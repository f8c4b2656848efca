"""What seller groups are worth at given prices, and what a portfolio from few of them must cost at least.

Give every tonne a price and every tonne outside the floor's set a surcharge. A group is worth what its tonnes are priced
above their asks, and no subset of groups covers a target for less than the target at that price, less the surcharge on
what may lie outside, less the worth of the subset (Lagrangian duality). This holds at any prices, so the highest of
many such bounds counts. Pure.
"""

from __future__ import annotations

from copy import copy
from itertools import pairwise

import numpy as np

from matching.basket import Mask, Stock, Whole, floor_price, least, most_t, within_room

SURCHARGES_PERMILLE = (0, 500, 1000, 1500, 2200)  # of the floor's price with any number of sellers
FINENESS = 256  # steps of an average ask in which prices are searched
REFINEMENTS = 3  # times that two more surcharges are tried around the best
PRICES_PERMILLE = (980, 1000, 1020, 1060, 1200)  # of the best price of a tonne at a surcharge


class _Ladder:
    """The lots by group, cheapest first at one surcharge, as far as each group has room."""

    def __init__(self, stock: Stock, surcharge_fen: int, target_t: int) -> None:
        cost_fen = stock.ask_fen + surcharge_fen * stock.is_outside
        order = np.lexsort((cost_fen, stock.group))
        group, self.cost_fen = stock.group[order], cost_fen[order]
        self.tonnes = within_room(group, stock.supply_t[order], np.minimum(stock.room_t, target_t))
        self.starts = np.unique(group, return_index=True)[1]

    def worth_fen(self, price_fen: int) -> Whole:
        """What each group is worth, in the order of their numbers."""
        return np.add.reduceat(np.maximum(price_fen - self.cost_fen, 0) * self.tonnes, self.starts)

    def top_t(self, price_fen: int, most: int) -> int:
        """Tonnes below the price in the groups worth most."""
        below_t = np.add.reduceat(self.tonnes * (self.cost_fen < price_fen), self.starts)
        return int(below_t[np.argpartition(-self.worth_fen(price_fen), most - 1)[:most]].sum())


class Bounds:
    """Bounds on the cost of `target_t` tonnes or less from at most `most` groups; there are more groups than that.

    Rows are prices, columns groups. A row says: so many tonnes cost at least `base_fen` + tonnes x `price_fen` less the
    worth of the groups that they come from.
    """

    def __init__(self, stock: Stock, target_t: int, most: int) -> None:
        self.stock, self.target_t, self.most = stock, target_t, most
        self.base_fen, self.price_fen = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self.worth_fen = np.zeros((0, len(np.unique(stock.group))), dtype=np.int64)
        self.known: dict[tuple[int, int], Whole] = {}
        self.weighed = 0
        tried = [self._try(fen) for fen in _surcharges(stock, target_t)]
        for _ in range(REFINEMENTS if len(tried) > 1 else 0):
            tried.sort()
            best = max(range(len(tried)), key=lambda k: tried[k][1])
            ends = [tried[k][0] for k in (best - 1, best, best + 1) if 0 <= k < len(tried)]
            tried += [self._try((low + high) // 2) for low, high in pairwise(ends)]

    def _try(self, surcharge_fen: int) -> tuple[int, int]:
        """Adds the rows of a surcharge; gives it with the highest of its bounds."""
        ladder, target_t, most = _Ladder(self.stock, surcharge_fen, self.target_t), self.target_t, self.most
        step_fen = 1 + int(self.stock.ask_fen.sum()) // len(self.stock.ask_fen) // FINENESS
        guess = (int(self.price_fen[-1]) if len(self.price_fen) else int(self.stock.ask_fen.min())) // step_fen
        highest = 4 * int(ladder.cost_fen.max()) // step_fen + 1
        price_fen = step_fen * least(highest, guess, lambda steps: ladder.top_t(steps * step_fen, most) >= target_t)
        prices = np.array([price_fen * permille // 1000 for permille in PRICES_PERMILLE])
        worth_fen = np.vstack([ladder.worth_fen(fen) for fen in prices.tolist()])
        self.price_fen = np.concatenate([self.price_fen, prices])
        self.base_fen = np.append(self.base_fen, np.full(len(prices), -surcharge_fen * self.stock.outside_t))
        self.worth_fen = np.vstack([self.worth_fen, worth_fen])
        least_fen = target_t * prices - self._top_fen(worth_fen, most) - surcharge_fen * self.stock.outside_t
        return surcharge_fen, int(least_fen.max())

    def _least_cost_fen(self, covered_t: int, worth_fen: Whole) -> Whole:
        return self.base_fen + covered_t * self.price_fen - worth_fen

    def _top_fen(self, worth_fen: Whole, most: int) -> Whole:
        """For each row the worth of the best columns."""
        if 0 < most < worth_fen.shape[1]:
            self.weighed += worth_fen.size
            worth_fen = np.partition(worth_fen, -most, axis=1)[:, -most:]
        return worth_fen.sum(axis=1) if most else np.zeros(len(worth_fen), dtype=np.int64)

    def in_order(self, columns: Whole) -> Bounds:
        """The same bounds for some of the columns, in this order."""
        chosen = copy(self)
        chosen.worth_fen, chosen.known, chosen.weighed = self.worth_fen[:, columns], {}, 0
        return chosen

    def best_first(self, most_rows: int) -> Whole:
        """Columns by their worth in some rows, the row with the highest bound first."""
        rows = np.argsort(-self._least_cost_fen(self.target_t, self._top_fen(self.worth_fen, self.most)), kind="stable")
        return np.argsort(-self.worth_fen[rows[:most_rows]], axis=1, kind="stable")

    def may_cost_less(self, cost_fen: int) -> Mask:
        """Columns that may be in a portfolio of `target_t` at less than this cost."""
        top_fen = self._top_fen(self.worth_fen, self.most)
        last_fen = np.partition(self.worth_fen, -self.most, axis=1)[:, -self.most]
        least_fen = self._least_cost_fen(self.target_t, top_fen)[:, None]
        return (least_fen + np.maximum(last_fen[:, None] - self.worth_fen, 0)).max(axis=0) < cost_fen

    def least_cost_fen(self, covered_t: int, chosen: tuple[int, ...], place: int) -> int:
        """The bound on the cost of so many tonnes from the chosen columns and any from a place on."""
        more = self.most - len(chosen)
        if (place, more) not in self.known:
            self.known[place, more] = self._top_fen(self.worth_fen[:, place:], more)
        worth_fen = self.known[place, more] + self.worth_fen[:, list(chosen)].sum(axis=1)
        return int(self._least_cost_fen(covered_t, worth_fen).max())


def _surcharges(stock: Stock, target_t: int) -> list[int]:
    """Surcharges worth trying; where the floor has no price yet, shares of what a tonne costs."""
    if stock.outside_t >= target_t or not stock.is_outside.any():
        return [0]
    floor_fen, last_fen = floor_price(stock, min(target_t, most_t(stock)))
    unit_fen = floor_fen or last_fen // 5
    return sorted({unit_fen * permille // 1000 for permille in SURCHARGES_PERMILLE})
