"""The round as a textbook would write it: a variable for every pair that may trade, yes-or-no variables for the rules.

One matrix for every solver, so that all of them get the same model: tonnes x of each pair, rows with a lower and an
upper side, and an objective that puts compliance before voluntary tonnes before surplus by weights. The weights are
just large enough, as in the matching study: one more tonne outweighs any difference of prices.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.board import Board, Lines, Mask, Whole

FREE = -(2**40)  # below anything a row can reach


@dataclass
class Rows:
    """Rows of a sparse matrix, `low <= sum of coefficient * variable <= high`, as growing lists of arrays."""

    row: list[Whole] = field(default_factory=list)
    variable: list[Whole] = field(default_factory=list)
    coefficient: list[Whole] = field(default_factory=list)
    low: list[Whole] = field(default_factory=list)
    high: list[Whole] = field(default_factory=list)
    height: int = 0

    def add(self, terms: list[tuple[Whole, Whole, Whole]], low: Whole, high: Whole) -> None:
        """Adds len(low) rows; each term is (number of the row among these, variable, coefficient)."""
        for row, variable, coefficient in terms:
            self.row.append(row + self.height)
            self.variable.append(variable)
            self.coefficient.append(coefficient)
        self.low.append(low)
        self.high.append(high)
        self.height += len(low)


class PairModel:
    """Pairs, rows and objective of a round; `x` are the first variables, yes-or-no variables follow."""

    def __init__(self, board: Board) -> None:
        self.board, self.rows = board, Rows()
        self.bid, self.lot, self.is_outside = _pairs(board)
        self.pairs = len(self.bid)
        cap_t = _per_bid(board.group_cap_t, board)
        self.outside_cap_t, self.group_cap_t = _per_bid(board.outside_cap_t, board), cap_t
        most_t = np.minimum(np.minimum(board.quota_t[self.bid], board.supply_t[self.lot]), cap_t[self.bid])
        self.most_t = np.where(self.is_outside, np.minimum(most_t, self.outside_cap_t[self.bid]), most_t)
        self.variables = self.pairs
        self._quantities(self.bid, board.quota_t, np.array([bid.all_or_none for bid in board.bids], dtype=bool))
        self._quantities(self.lot, board.supply_t, board.is_whole_lot)
        self._floors()
        self._groups()
        if board.problem.min_line_t > 1:
            self._minimum_lines()

    @property
    def high(self) -> Whole:
        """The upper bound of every variable; the lower one is 0."""
        return np.concatenate([self.most_t, np.ones(self.variables - self.pairs, dtype=np.int64)])

    @property
    def worth(self) -> Whole:
        """The objective's coefficient of every variable, to be maximised."""
        weight = tonne_weight(self.board)
        per_tonne = np.where(self.board.is_compliance[self.bid], 2 * weight, weight)
        surplus = self.board.limit_fen[self.bid] - self.board.ask_fen[self.lot]
        return np.concatenate([per_tonne + surplus, np.zeros(self.variables - self.pairs, dtype=np.int64)])

    def matrix(self) -> tuple[Whole, Whole, Whole, Whole, Whole]:
        """Row, variable and coefficient of every entry; lower and upper side of every row."""
        rows = self.rows
        row, variable, coefficient, low, high = map(
            np.concatenate, (rows.row, rows.variable, rows.coefficient, rows.low, rows.high)
        )
        return row, variable, coefficient, low, high

    def lines(self, values: Whole) -> Lines:
        """The outcome in a vector of values."""
        tonnes = values[: self.pairs]
        held = tonnes > 0
        return Lines(self.bid[held], self.lot[held], tonnes[held])

    def _new(self, size: int) -> Whole:
        """Fresh yes-or-no variables."""
        fresh = np.arange(self.variables, self.variables + size)
        self.variables += size
        return fresh

    def _quantities(self, side: Whole, most_t: Whole, is_whole: Mask) -> None:
        """Quotas and lots are not passed; all-or-none ones are reached or left."""
        present, row = np.unique(side, return_inverse=True)
        size, whole = len(present), np.flatnonzero(is_whole[present])
        terms = [(row, np.arange(self.pairs), _ones(self.pairs))]
        terms.append((whole, self._new(len(whole)), -most_t[present[whole]]))
        low = np.full(size, FREE)
        low[whole] = 0
        self.rows.add(terms, low, np.where(is_whole[present], 0, most_t[present]))

    def _floors(self) -> None:
        chosen = np.flatnonzero(self.is_outside & (self.outside_cap_t < self.board.quota_t)[self.bid])
        present, row = np.unique(self.bid[chosen], return_inverse=True)
        self.rows.add([(row, chosen, _ones(len(chosen)))], np.full(len(present), FREE), self.outside_cap_t[present])

    def _groups(self) -> None:
        """Shares of one seller group where they can bind, and the number of groups where it is limited."""
        groups = int(self.board.lot_group.max(initial=0)) + 1
        key, place = np.unique(self.bid * groups + self.board.lot_group[self.lot], return_inverse=True)
        buyer = key // groups
        most_t, open_t = self.group_cap_t[buyer], np.zeros(len(key), dtype=np.int64)
        np.add.at(open_t, place, self.most_t)
        limited = _per_bid(lambda i: self.board.bids[i].max_sellers or groups, self.board)
        is_counted = (np.bincount(buyer, minlength=len(limited)) > limited)[buyer]
        chosen = np.flatnonzero(is_counted | (open_t > most_t))
        row_of = np.full(len(key), -1)
        row_of[chosen] = np.arange(len(chosen))
        entries = np.flatnonzero(row_of[place] >= 0)
        counted = np.flatnonzero(is_counted)
        used, high = self._new(len(counted)), np.where(is_counted, 0, most_t)[chosen]
        at_most_t = np.minimum(most_t, open_t)[counted]
        terms = [(row_of[place[entries]], entries, _ones(len(entries))), (row_of[counted], used, -at_most_t)]
        self.rows.add(terms, np.full(len(chosen), FREE), high)
        present, row = np.unique(buyer[counted], return_inverse=True)
        self.rows.add([(row, used, _ones(len(used)))], np.full(len(present), FREE), limited[present])

    def _minimum_lines(self) -> None:
        """A line reaches the minimum, or its bid is full, or its lot is sold out; whole bids and lots see to it."""
        board, least = self.board, self.board.problem.min_line_t
        is_whole_bid = np.array([bid.all_or_none for bid in board.bids], dtype=bool)
        chosen = np.flatnonzero(~is_whole_bid[self.bid] & ~board.is_whole_lot[self.lot])
        line, row, size = self._new(len(chosen)), np.arange(len(chosen)), len(chosen)
        full = self._reached(self.bid, self.bid[chosen], board.quota_t)
        out = self._reached(self.lot, self.lot[chosen], board.supply_t)
        tonnes = (row, chosen, _ones(size))
        self.rows.add([tonnes, (row, line, -self.most_t[chosen])], np.full(size, FREE), np.zeros(size, dtype=np.int64))
        exceptions = [(row, full, np.full(size, least)), (row, out, np.full(size, least))]
        low, high = np.zeros(size, dtype=np.int64), np.full(size, -FREE)
        self.rows.add([tonnes, (row, line, np.full(size, -least)), *exceptions], low, high)

    def _reached(self, side: Whole, asked: Whole, most_t: Whole) -> Whole:
        """For each asked position a yes-or-no variable that may be 1 only when its quantity is reached."""
        present, place = np.unique(asked, return_inverse=True)
        reached, row_of = self._new(len(present)), np.full(len(most_t), -1)
        row_of[present] = np.arange(len(present))
        entries = np.flatnonzero(row_of[side] >= 0)
        terms = [(row_of[side[entries]], entries, _ones(len(entries)))]
        terms.append((np.arange(len(present)), reached, -most_t[present]))
        self.rows.add(terms, np.zeros(len(present), dtype=np.int64), np.full(len(present), -FREE))
        return reached[place]


def tonne_weight(board: Board) -> int:
    """What a voluntary tonne weighs in fen (a compliance tonne twice that): more than any difference of prices."""
    return int(np.ptp(board.limit_fen)) + int(np.ptp(board.ask_fen)) + 1


def _pairs(board: Board) -> tuple[Whole, Whole, Mask]:
    """Every pair that may trade, by bid: bid, lot, and whether the lot is outside the bid's floor."""
    bids, lots, outside = [], [], []
    for i in range(len(board.bids)):
        found = np.flatnonzero(board.is_open_to(i))
        bids.append(np.full(len(found), i))
        lots.append(found)
        outside.append(board.is_outside(i)[found])
    return np.concatenate(bids), np.concatenate(lots), np.concatenate(outside)


def _per_bid(rule: Callable[[int], int], board: Board) -> Whole:
    return np.array([rule(i) for i in range(len(board.bids))], dtype=np.int64)


def _ones(size: int) -> Whole:
    return np.ones(size, dtype=np.int64)
