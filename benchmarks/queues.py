"""What a market without an optimiser does: bids are served one after the other, each from the cheapest lots it may take.

Three orders of serving: duties first and then the earlier bid; the highest limit and then the earlier bid, as an exchange
with price-time priority would; duties first and then the lowest limit, which has the fewest choices. Every rule of the
round is kept: a lot of all or none is taken whole or not, and a bid of all or none that cannot be filled gives back what
it took.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.board import Board, Lines, Whole
from matching.problem import Bid

FETCHED = 64  # lots looked at before the queue is thinned out
Order = Callable[[Bid], tuple[object, ...]]

ORDERS: dict[str, Order] = {
    "greedy, cheapest first": lambda bid: (bid.purpose != "compliance", bid.submitted_at, bid.id),
    "order book, price-time": lambda bid: (-bid.limit_fen, bid.submitted_at, bid.id),
    "greedy, lowest limit first": lambda bid: (bid.purpose != "compliance", bid.limit_fen, bid.submitted_at, bid.id),
}


def served(board: Board, order: Order) -> Lines:
    """The outcome of serving the bids in an order."""
    left_t = board.supply_t.copy()
    rows: list[tuple[int, int, int]] = []
    for i in sorted(range(len(board.bids)), key=lambda i: order(board.bids[i])):
        taken = _basket(board, i, left_t)
        if board.bids[i].all_or_none and sum(t for _, t in taken) < board.bids[i].quantity_t:
            continue
        for j, t in taken:
            left_t[j] -= t
            rows.append((i, j, t))
    return Lines.of(rows)


def _basket(board: Board, i: int, left_t: Whole) -> list[tuple[int, int]]:
    """What a bid takes: (lot, tonnes), the cheapest lot first, no more than its rules allow."""
    queue, is_outside = board.lots_by_price, board.is_outside(i)
    queue = queue[(board.is_open_to(i) & (left_t > 0))[queue]]
    columns = (left_t, board.lot_group, is_outside, board.is_whole_lot)
    basket, was_spent, was_settled = _Basket(board, i), False, False
    while basket.open_t and queue.size:
        some, queue = queue[:FETCHED], queue[FETCHED:]
        for j, *lot in zip(some.tolist(), *(column[some].tolist() for column in columns), strict=True):
            basket.offer(j, *lot)
        if basket.outside_t <= 0 and not was_spent:
            queue, was_spent = queue[~is_outside[queue]], True
        if basket.is_settled and not was_settled:
            queue, was_settled = queue[np.isin(board.lot_group[queue], list(basket.from_group_t))], True
    return basket.taken


class _Basket:
    """What a bid has taken so far and may still take; what it may not take any more is no longer offered to it."""

    def __init__(self, board: Board, i: int) -> None:
        bid = board.bids[i]
        self.open_t, self.outside_t, self.group_cap_t = bid.quantity_t, board.outside_cap_t(i), board.group_cap_t(i)
        self.min_line_t, self.max_sellers = board.problem.min_line_t, bid.max_sellers
        self.from_group_t: dict[int, int] = {}
        self.taken: list[tuple[int, int]] = []

    @property
    def is_settled(self) -> bool:
        """Whether it deals with as many seller groups as it may."""
        return self.max_sellers is not None and len(self.from_group_t) >= self.max_sellers

    def offer(self, j: int, here_t: int, group: int, is_outside: bool, is_whole: bool) -> None:
        """Takes as much of a lot as the rules allow, if they allow any."""
        had_t = self.from_group_t.get(group, 0)
        if not had_t and self.is_settled:
            return
        most_t = min(self.open_t, here_t, self.group_cap_t - had_t)
        if is_outside:
            most_t = min(most_t, self.outside_t)
        is_too_small = most_t < self.min_line_t and most_t not in (self.open_t, here_t)
        if most_t <= 0 or is_too_small or (is_whole and most_t < here_t):
            return
        self.taken.append((j, most_t))
        self.from_group_t[group] = had_t + most_t
        self.open_t -= most_t
        self.outside_t -= most_t if is_outside else 0
