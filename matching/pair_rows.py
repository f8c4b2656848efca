"""The rules of a round as rows of a programme over the pairs that may trade.

One column for the tonnes of each pair, one for what each bid is filled and each lot is sold, one yes-or-no for each
seller group that a bid with few sellers may use, one for each goal in tonnes. All rules are rows but three, which no
row can say: all or none, the whole yes-or-no, and the minimum line. Those are the search's (`matching.branching`).
"""

from __future__ import annotations

import numpy as np

from matching.programme import Limits, Programme
from matching.repair import every_pair
from matching.variables import Book, Mask, Whole


class PairRows:
    """The programme and where its columns are.

    `x` parallel to the pairs (`bid`, `lot`, seller `group`, `most_t`), `fill` by bid, `sold` by lot, `uses` by (bid,
    seller group), `goal` compliance and voluntary tonnes; `most` is what each column may be at most.
    """

    def __init__(self, book: Book) -> None:
        self.book, self.programme = book, Programme()
        bid, lot = every_pair(book)
        outside = book.is_outside(bid, lot)
        most_t = np.minimum(np.minimum(book.quota_t[bid], book.supply_t[lot]), book.group_cap_t[bid])
        most_t = np.where(outside, np.minimum(most_t, book.outside_cap_t[bid]), most_t)
        may_flow = most_t > 0
        self.bid, self.lot = bid[may_flow], lot[may_flow]
        self.outside, self.most_t = outside[may_flow], most_t[may_flow]
        self.group = book.lot_group[self.lot]
        self.x = self.programme.columns(self.most_t.tolist())
        self.fill = self.programme.columns(book.quota_t.tolist())
        self.sold = self.programme.columns(book.supply_t.tolist())
        self.uses: dict[tuple[int, int], int] = {}
        self._totals(self.bid, self.fill)
        self._totals(self.lot, self.sold)
        for i in np.unique(self.bid).tolist():
            self._floor(i)
            self._sellers(i)
        is_compliance = book.is_compliance
        self.goal = np.concatenate([self._goal(is_compliance), self._goal(~is_compliance)])
        self.most = np.array(self.programme.most, dtype=np.int64)

    def within(self, limits: Limits) -> tuple[Whole, Whole]:
        """Least and most of every column under limits."""
        least, most = np.zeros_like(self.most), self.most.copy()
        for k, limit in limits.items():
            least[k], most[k] = limit
        return least, most

    def worth(self, goal: int) -> Whole:
        """What each column counts for a goal: compliance tonnes, voluntary tonnes, surplus."""
        worth = np.zeros(len(self.programme.most), dtype=np.int64)
        if goal < len(self.goal):
            worth[self.goal[goal]] = 1
        else:
            worth[self.x] = self.book.surplus_fen(self.bid, self.lot)
        return worth

    def _goal(self, chosen: Mask) -> Whole:
        """The column of all tonnes of the chosen bids."""
        column = self.programme.columns([int(self.book.quota_t[chosen].sum())])
        self._total(self.fill[chosen], int(column[0]))
        return column

    def _totals(self, side: Whole, columns: Whole) -> None:
        for k, column in enumerate(columns.tolist()):
            self._total(self.x[side == k], column)

    def _total(self, parts: Whole, column: int) -> None:
        self.programme.add(np.append(parts, column), [1] * len(parts) + [-1], 0, 0)

    def _floor(self, i: int) -> None:
        cap_t, chosen = int(self.book.outside_cap_t[i]), (self.bid == i) & self.outside
        if int(self.most_t[chosen].sum()) > cap_t:
            self.programme.add(self.x[chosen], [1] * int(chosen.sum()), 0, cap_t)

    def _sellers(self, i: int) -> None:
        """Group caps and the number of seller groups."""
        book, mine = self.book, self.bid == i
        groups = np.unique(self.group[mine]).tolist()
        most = int(book.most_sellers[i])
        is_limited = len(groups) > most
        for g in groups:
            sold = mine & (self.group == g)
            most_t = self.most_t[sold].tolist()
            cap_t = min(sum(most_t), int(book.group_cap_t[i]), int(book.quota_t[i]))
            if is_limited:
                self._used((i, g), self.x[sold], most_t, cap_t)
            elif sum(most_t) > cap_t:
                self.programme.add(self.x[sold], [1] * len(most_t), 0, cap_t)
        if is_limited:
            uses = np.array([self.uses[i, g] for g in groups])
            self.programme.add(uses, [1] * len(uses), 0, most)

    def _used(self, contract: tuple[int, int], x: Whole, most_t: list[int], cap_t: int) -> None:
        """Tonnes from a seller group only if it is used: each pair by itself, and all of them under the cap."""
        used = self.uses[contract] = int(self.programme.columns([1], unit=cap_t)[0])
        if len(x) > 1:
            for column, most in zip(x.tolist(), most_t, strict=True):
                self.programme.add(np.array([column, used]), (1, -most), -most, 0)
        self.programme.add(np.append(x, used), [1] * len(x) + [-cap_t], -cap_t, 0)
