"""Passes that bring an allocation nearer to the bound: open pairs around what is unfilled or unsold, and flow again.

A pass proposes a field of pairs and choices for the discrete rules; its outcome is kept only when it scores better.
Everything is counted, nothing is timed, so that the outcome is a function of the problem (contracts §2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from matching.constraints import (
    NOTHING,
    Allocation,
    bids_partly_filled_though_whole,
    bids_with_too_many_sellers,
    is_feasible,
    lots_partly_sold_though_whole,
    may_trade,
    seller_pairs,
)
from matching.division import divided, is_crossed
from matching.goals import Margins, Score, Weights, gap_of, score_of
from matching.neighbourhood import Aimed, around
from matching.pairs import Field, greatest_on, settled, stripped
from matching.sellers import is_limited, largest_in_use, next_choice, within_choice
from matching.shares import Toll
from matching.variables import Book, Mask, Whole

DENSE_PAIRS = 600_000  # up to here every pair that may trade is in play
MOST_SPREADS, SPREAD_PAIRS = 4, 60_000  # greatest flows are quick
MOST_PASSES = 4
STRIPPED_PART = 200  # a loss of one part in so many is too much
LARGE_PASSES, NEAR_PAIRS = 5, 1_000  # cheapest flows are not
STALE_PASSES = 2  # passes without gain after which the rest is left
NEAR_PPM = 50  # of a large round; what is left costs more time than it brings


def every_pair(book: Book) -> tuple[Whole, Whole]:
    """All pairs that may trade, for rounds where they are few enough to list."""
    bid, lot = np.divmod(np.arange(len(book.bids) * len(book.lots)), max(len(book.lots), 1))
    chosen = may_trade(book, bid, lot)
    return bid[chosen], lot[chosen]


def repaired(
    book: Book, weights: Weights, margins: Margins, held: Allocation, *, is_late: Callable[[], bool]
) -> Allocation:
    """The best allocation found from `held`; stops near the bound, when stale, or when late.

    `held` keeps the rules of pairs, caps and sellers; whole orders and minimum lines may still be broken.
    """
    pairs = _Pairs(book, margins)
    best = _caught_up(book, weights, margins, held, is_late)
    best_score, stale = score_of(book, best), 0
    for number in range(MOST_PASSES if pairs.all else LARGE_PASSES):
        if pairs.is_near(best_score) or stale == STALE_PASSES or is_late():
            break
        field = _field(book, weights, margins, best, number, pairs)
        split = divided(book, weights, field.bid, field.lot) if pairs.all and number == 1 and is_crossed(book) else None
        found = settled(book, weights, field, best, split)
        score = score_of(book, found)
        stale = 0 if score > best_score else stale + 1
        if score > best_score:
            best, best_score = found, score
    return best


def _feasible(book: Book, held: Allocation) -> Allocation:
    found = stripped(book, held)
    return found if is_feasible(book, found) else NOTHING


@dataclass(frozen=True)
class _Aims:
    """What a pass may fill and sell at most."""

    filled_t: Whole
    sold_t: Whole


def _caught_up(
    book: Book, weights: Weights, margins: Margins, held: Allocation, is_late: Callable[[], bool]
) -> Allocation:
    """A feasible allocation near the fills and uses of the margins, by greatest flows, which are quick.

    Where so many orders are all or none that stripping the partial ones leaves too little, they are given up one part
    after the other instead, and what comes free goes to the rest.
    """
    aims = _Aims(margins.filled_t(book), margins.sold_t(book))
    held = _spread(book, aims, held, range(MOST_SPREADS), is_late)
    found = _feasible(book, held)
    lost_t = int(held.tonnes.sum() - found.tonnes.sum())
    if lost_t * STRIPPED_PART <= held.tonnes.sum() or is_late():
        return found
    lacking_t, left_t = aims.filled_t - held.filled_t(book), aims.sold_t - held.sold_t(book)
    bid, lot = around(book, Aimed(book, held, lacking_t, left_t), 0, SPREAD_PAIRS)
    field = Field.of(book, bid, lot, *_given_up(book, margins, held, 0))
    settled_ = settled(book, weights, field, found, held)
    return max(found, settled_, key=lambda each: score_of(book, each))


def _spread(book: Book, aims: _Aims, held: Allocation, numbers: range, is_late: Callable[[], bool]) -> Allocation:
    for number in numbers:
        lacking_t, left_t = aims.filled_t - held.filled_t(book), aims.sold_t - held.sold_t(book)
        if not lacking_t.any() or is_late():
            break
        bid, lot = around(book, Aimed(book, held, lacking_t, left_t), number, SPREAD_PAIRS)
        found = held
        if _sound_t(book, held) < held.tonnes.sum():
            found = _greatest(book, bid, lot, _shrunk(book, aims), found, number)
        found = _greatest(book, bid, lot, aims, found, number)
        if _sound_t(book, found) > _sound_t(book, held):
            held = found
    return held


def _greatest(book: Book, bid: Whole, lot: Whole, aims: _Aims, held: Allocation, number: int) -> Allocation:
    """The greatest flow on these pairs; whole orders that are complete stay as they are."""
    complete = (book.is_whole_bid & (held.filled_t(book) == book.quota_t))[held.bid]
    complete |= (book.is_whole_lot & (held.sold_t(book) == book.supply_t))[held.lot]
    nobody = np.zeros(len(book.bids), dtype=bool), np.zeros(len(book.lots), dtype=bool)
    field = Field.of(book, bid, lot, *nobody, turn=number)
    sure = held.keep(complete)
    field.committed_t[np.searchsorted(bid * len(book.lots) + lot, sure.bid * len(book.lots) + sure.lot)] = sure.tonnes
    return _within_sellers(book, greatest_on(book, field, held, aims.filled_t, aims.sold_t))


def _sound_t(book: Book, held: Allocation) -> int:
    """Tonnes without those of whole orders that are neither nothing nor complete."""
    bids, lots = bids_partly_filled_though_whole(book, held), lots_partly_sold_though_whole(book, held)
    return int(held.tonnes[~bids[held.bid] & ~lots[held.lot]].sum())


def _shrunk(book: Book, aims: _Aims) -> _Aims:
    """A little less for orders that may be partial, so that whole ones come through first."""
    return _Aims(
        np.where(book.is_whole_bid, aims.filled_t, aims.filled_t - aims.filled_t // 64),
        np.where(book.is_whole_lot, aims.sold_t, aims.sold_t - aims.sold_t // 64),
    )


def _within_sellers(book: Book, held: Allocation) -> Allocation:
    """Without the smallest contracts of bids that deal with too many sellers."""
    keys = book.groups * held.bid + book.lot_group[held.lot]
    return held.keep(~bids_with_too_many_sellers(book, held)[held.bid] | np.isin(keys, largest_in_use(book, held)))


def in_order_of_time(book: Book, weights: Weights, held: Allocation) -> Allocation:
    """The allocation of a small round settled once more with its discrete choices kept, so that ties fall by priority.

    Branch and bound knows the goals but not the order of time. The goals stay as they are.
    """
    bid, lot = every_pair(book)
    mine = within_choice(book, largest_in_use(book, held), bid, lot)
    field = Field.of(book, bid[mine], lot[mine], held.filled_t(book) == 0, held.sold_t(book) == 0)
    found = settled(book, weights, field, held)
    return found if score_of(book, found) == score_of(book, held) else held


class _Pairs:
    """The pairs of each pass: all of them in a small round, the lines and their neighbourhood in a large one."""

    def __init__(self, book: Book, margins: Margins) -> None:
        self.book, self.margins = book, margins
        self.all = every_pair(book) if len(book.bids) * len(book.lots) <= DENSE_PAIRS else None

    def is_near(self, score: Score) -> bool:
        """Whether no pass is worth its time: at the bound, or in a large round close to it."""
        gap = gap_of(self.margins.score, score)
        return score == self.margins.score or (self.all is None and max(gap.coverage, gap.surplus) <= NEAR_PPM)

    def of(self, held: Allocation, number: int) -> tuple[Whole, Whole]:
        """Pairs for pass `number`; in a small round with every seller in even passes, with a choice in odd ones."""
        book = self.book
        if self.all is None:
            lacking_t = np.maximum(self.margins.filled_t(book) - held.filled_t(book), 0)
            left_t = np.maximum(self.margins.sold_t(book) - held.sold_t(book), 0)
            return around(book, Aimed(book, held, lacking_t, left_t), number, NEAR_PAIRS)
        if number % 2 == 0 or not is_limited(book).any():
            return self.all
        mine = within_choice(book, next_choice(book, held, number // 2 % 3), *self.all)
        return self.all[0][mine], self.all[1][mine]


def _field(book: Book, weights: Weights, margins: Margins, held: Allocation, number: int, pairs: _Pairs) -> Field:
    bid, lot = pairs.of(held, number)
    no_bid, no_lot = _given_up(book, margins, held, number)
    field = Field.of(book, bid, lot, no_bid, no_lot, turn=number)
    if pairs.all is None:
        field = _frozen(book, field, held)
    return replace(field, toll=_toll(book, weights, held)) if number and number % 2 == 0 else field


def _frozen(book: Book, field: Field, held: Allocation) -> Field:
    """The field with lines held fast where no pair of their bid was opened, so that the flow stays small."""
    keys, line = field.bid * len(book.lots) + field.lot, held.bid * len(book.lots) + held.lot
    is_line = np.isin(keys, line)
    touched = np.zeros(len(book.bids), dtype=bool)
    touched[field.bid[~is_line]] = True
    tonnes = np.zeros(len(keys), dtype=np.int64)
    tonnes[np.searchsorted(keys, line)] = held.tonnes
    return replace(field, committed_t=np.where(touched[field.bid], 0, tonnes))


def _toll(book: Book, weights: Weights, held: Allocation) -> Toll | None:
    """For limited bids: a toll on every contract that is not in use, so that new sellers come one at a time."""
    return Toll(weights.compliance_reward // 4, _contracts(book, held)) if is_limited(book).any() else None


def _contracts(book: Book, held: Allocation) -> Whole:
    bid, group, _ = seller_pairs(book, held)
    return bid * book.groups + group


def _given_up(book: Book, margins: Margins, held: Allocation, number: int) -> tuple[Mask, Mask]:
    """Whole orders left out of a pass: at first those the bound hardly serves, then unserved ones by turns."""
    if number == 0:
        return margins.filled_t(book) * 10 < book.quota_t, margins.sold_t(book) * 10 < book.supply_t
    no_bid, no_lot = held.filled_t(book) == 0, held.sold_t(book) == 0
    turn = number % 4
    if turn == 0:
        return no_bid, no_lot
    back_bid = (book.bid_priority % 3 == turn - 1) | (number <= 2)
    back_lot = (book.lot_priority % 3 == turn - 1) | (number <= 2)
    return no_bid & ~back_bid, no_lot & ~back_lot
