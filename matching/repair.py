"""Passes that bring an allocation nearer to the bound: open pairs around what is unfilled or unsold, and flow again.

A pass proposes a field of pairs and choices for the discrete rules; its outcome is kept only when it scores better.
Everything is counted, nothing is timed, so that the outcome is a function of the problem (contracts §2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from matching.constraints import Allocation, may_trade, seller_pairs
from matching.division import divided, is_crossed
from matching.goals import Margins, Weights, score_of
from matching.pairs import Field, settled
from matching.sellers import is_limited, largest_in_use, next_choice, within_choice
from matching.shares import Toll
from matching.variables import Book, Mask, Whole, one

DENSE_PAIRS = 600_000  # up to here every pair that may trade is in play
WIDE_PAIRS = 600_000  # beyond, up to here every lot is in play for an unfilled bid that may deal with few sellers
MOST_PASSES = 12
NEIGHBOURS = 12  # pairs opened for each unfilled bid and each unsold lot of a large round, more where there is room
NEAR_PAIRS = 120_000  # up to here there is room
MOST_UNSOLD = 4_000  # lots for which pairs are opened in one pass
STALE_PASSES = 4  # passes without gain after which the rest is left


def every_pair(book: Book) -> tuple[Whole, Whole]:
    """All pairs that may trade, for rounds where they are few enough to list."""
    bid, lot = np.divmod(np.arange(len(book.bids) * len(book.lots)), max(len(book.lots), 1))
    chosen = may_trade(book, bid, lot)
    return bid[chosen], lot[chosen]


def repaired(
    book: Book, weights: Weights, margins: Margins, held: Allocation, *, is_late: Callable[[], bool]
) -> Allocation:
    """The best allocation found from `held`, which is feasible; stops at the bound, when stale, or when late."""
    pairs = _Pairs(book)
    best, best_score, stale = held, score_of(book, held), 0
    for number in range(MOST_PASSES):
        if best_score == margins.score or stale == STALE_PASSES or is_late():
            break
        field = _field(book, weights, margins, best, number, pairs)
        split = divided(book, weights, field.bid, field.lot) if number == 1 and is_crossed(book) else None
        found = settled(book, weights, field, best, split)
        score = score_of(book, found)
        stale = 0 if score > best_score else stale + 1
        if score > best_score:
            best, best_score = found, score
    return best


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

    def __init__(self, book: Book) -> None:
        self.book = book
        self.all = every_pair(book) if len(book.bids) * len(book.lots) <= DENSE_PAIRS else None

    def of(self, held: Allocation, number: int) -> tuple[Whole, Whole]:
        """Pairs for pass `number`: with every seller in even passes, with a choice for limited bids in odd ones."""
        book, chooses = self.book, number % 2 == 1 and bool(is_limited(self.book).any())
        choice = next_choice(book, held, number // 2 % 3) if chooses else _contracts(book, held)
        bid, lot = self.all or _neighbourhood(book, held, choice, number)
        mine = within_choice(book, choice, bid, lot) if chooses else np.ones(len(bid), dtype=bool)
        return bid[mine], lot[mine]


def _field(book: Book, weights: Weights, margins: Margins, held: Allocation, number: int, pairs: _Pairs) -> Field:
    bid, lot = pairs.of(held, number)
    no_bid, no_lot = _given_up(book, margins, held, number)
    field = Field.of(book, bid, lot, no_bid, no_lot, turn=number)
    return replace(field, toll=_toll(book, weights, held)) if number and number % 2 == 0 else field


def _toll(book: Book, weights: Weights, held: Allocation) -> Toll | None:
    """For limited bids: a toll on every contract that is not in use, so that new sellers come one at a time."""
    return Toll(weights.compliance_reward // 4, _contracts(book, held)) if is_limited(book).any() else None


def _contracts(book: Book, held: Allocation) -> Whole:
    bid, group, _ = seller_pairs(book, held)
    return bid * book.groups + group


def _given_up(book: Book, margins: Margins, held: Allocation, number: int) -> tuple[Mask, Mask]:
    """Whole orders left out of a pass: at first those the bound hardly serves, then unserved ones by turns."""
    if number == 0:
        filled_t = _sums(margins.choice_bid, margins.choice_t, len(book.bids))
        sold_t = _sums(margins.delivery_lot, margins.delivery_t, len(book.lots))
        return filled_t * 10 < book.quota_t, sold_t * 10 < book.supply_t
    no_bid, no_lot = held.filled_t(book) == 0, held.sold_t(book) == 0
    turn = number % 4
    if turn == 0:
        return no_bid, no_lot
    back_bid = (book.bid_priority % 3 == turn - 1) | (number <= 2)
    back_lot = (book.lot_priority % 3 == turn - 1) | (number <= 2)
    return no_bid & ~back_bid, no_lot & ~back_lot


def _sums(position: Whole, tonnes: Whole, size: int) -> Whole:
    summed = np.zeros(size, dtype=np.int64)
    np.add.at(summed, position, tonnes)
    return summed


def _neighbourhood(book: Book, held: Allocation, choice: Whole, number: int) -> tuple[Whole, Whole]:
    """Open lines, and for each unfilled bid and unsold lot some pairs that may trade, others in every pass."""
    unfilled_t, unsold_t = book.quota_t - held.filled_t(book), book.supply_t - held.sold_t(book)
    open_orders = int((unfilled_t > 0).sum()) + min(int((unsold_t > 0).sum()), MOST_UNSOLD)
    each = max(NEIGHBOURS, NEAR_PAIRS // max(open_orders, 1))
    found = [(held.bid, held.lot), *_around_bids(book, unfilled_t, unsold_t, number, each)]
    if unfilled_t.any():
        found += _around_lots(book, unsold_t, number, each)
    limited = np.flatnonzero(is_limited(book) & (unfilled_t > 0))
    for place, i in enumerate(limited[np.argsort(-unfilled_t[limited], kind="stable")].tolist()):
        is_near = np.isin(i * book.groups + book.lot_group, choice) | (place * len(book.lots) < WIDE_PAIRS)
        lots = np.flatnonzero(is_near & may_trade(book, one(i), np.arange(len(book.lots))))
        found.append((np.full(len(lots), i), lots))
    bid, lot = (np.concatenate([pair[side] for pair in found]) for side in (0, 1))
    keys = np.unique(bid * len(book.lots) + lot)
    return keys // len(book.lots), keys % len(book.lots)


def _around_bids(
    book: Book, unfilled_t: Whole, unsold_t: Whole, number: int, each: int
) -> Iterator[tuple[Whole, Whole]]:
    """For an unfilled bid: the lots with most unsold tonnes, and as many others."""
    for i in np.flatnonzero(unfilled_t > 0).tolist():
        lots = np.flatnonzero(may_trade(book, one(i), np.arange(len(book.lots))))
        unsold = lots[np.argsort(-unsold_t[lots], kind="stable")[:each]]
        others = lots[np.argsort(_shuffle(lots, i, number), kind="stable")[:each]]
        chosen = np.union1d(unsold, others)
        yield np.full(len(chosen), i), chosen


def _around_lots(book: Book, unsold_t: Whole, number: int, each: int) -> Iterator[tuple[Whole, Whole]]:
    """For an unsold lot: some bids that could take it, so that what they hold comes free for others."""
    largest = np.argsort(-unsold_t, kind="stable")[:MOST_UNSOLD]
    for j in largest[unsold_t[largest] > 0].tolist():
        bids = np.flatnonzero(may_trade(book, np.arange(len(book.bids)), one(j)))
        chosen = bids[np.argsort(_shuffle(bids, j, number), kind="stable")[:each]]
        yield chosen, np.full(len(chosen), j)


def _shuffle(positions: Whole, anchor: int, number: int) -> Whole:
    """An order that looks random and is a function of its arguments alone."""
    return (positions * 2_654_435_761 + anchor * 40_503 + number * 69_069) % 4_294_967_291 * 48_271 % 2_147_483_647
