"""The round on a list of pairs: the best allocation that uses these pairs only, by flow, and its discrete rules.

On pairs all rules but three are flow rules: floors, group caps, own groups, prices. What is left is settled by
repetition: whole orders that came out partial are given up (fewest tonnes first), sellers beyond the number allowed
are cut, a line below the minimum is first forced up and then given up. A line below the minimum is rare: where bid and
lot both have room, more tonnes would flow, so only a floor or a cap can leave one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from matching.constraints import (
    Allocation,
    bids_partly_filled_though_whole,
    bids_with_too_many_sellers,
    is_feasible,
    lines_below_the_minimum,
    lots_partly_sold_though_whole,
    seller_pairs,
    total,
)
from matching.flow import Arcs, cheapest_greatest_flow, greatest_flow
from matching.goals import Weights
from matching.sellers import largest_in_use, within_choice
from matching.shares import Shares, Toll
from matching.variables import Book, Mask, Whole

MOST_ROUNDS = 14  # of giving up partial orders before the rest of them is stripped at once
MILLION = 1_000_000
SOURCE, SINK, FIRST_BID = 0, 1, 2


@dataclass(frozen=True)
class Field:
    """Pairs in play, orders given up, tonnes committed to a pair, and whose turn it is (`matching.shares`).

    `committed_t` is parallel to the pairs: a line forced up to the minimum. `toll` moves a bid to fewer sellers; it
    has no part in the goals.
    """

    bid: Whole
    lot: Whole
    committed_t: Whole
    no_bid: Mask
    no_lot: Mask
    turn: int = 0
    toll: Toll | None = None

    @staticmethod
    def of(book: Book, bid: Whole, lot: Whole, no_bid: Mask, no_lot: Mask, turn: int = 0) -> Field:
        """A field without commitments."""
        none = np.zeros(len(bid), dtype=np.int64)
        whole_bid, whole_lot = no_bid & book.is_whole_bid, no_lot & book.is_whole_lot
        return Field(bid, lot, none, whole_bid, whole_lot, turn)

    def keep(self, chosen: Mask) -> Field:
        """The field with the chosen pairs only."""
        return replace(self, bid=self.bid[chosen], lot=self.lot[chosen], committed_t=self.committed_t[chosen])


def settled(
    book: Book, weights: Weights, field: Field, held: Allocation, split: Allocation | None = None
) -> Allocation:
    """A feasible allocation on the field, near the best one.

    `held` is feasible and the answer if all else fails. `split` (else `held`) says how crossing rules are split.
    """
    split = held if split is None else split
    for number in range(MOST_ROUNDS):
        found = flow_on(book, weights, field, split)
        if bids_with_too_many_sellers(book, found).any() or field.toll is not None:
            mine = within_choice(book, largest_in_use(book, found), field.bid, field.lot)
            field = replace(field.keep(mine), toll=None)
        elif (part := _partial(book, found))[0].any() or part[1].any():
            field = _given_up(book, field, found, *part)
        elif (small := lines_below_the_minimum(book, found)).any():
            field = _forced_or_given_up(book, field, found.keep(small), forced=number < MOST_ROUNDS // 2)
        else:
            return found if is_feasible(book, found) else held
    found = stripped(book, flow_on(book, weights, field, split))
    return found if is_feasible(book, found) else held


def stripped(book: Book, held: Allocation) -> Allocation:
    """Takes lines away until every discrete rule holds. Caps and pair rules must hold already."""
    keys = book.groups * held.bid + book.lot_group[held.lot]
    held = held.keep(~bids_with_too_many_sellers(book, held)[held.bid] | np.isin(keys, largest_in_use(book, held)))
    while True:
        partial_bids, partial_lots = _partial(book, held)
        wrong = partial_bids[held.bid] | partial_lots[held.lot]
        if not wrong.any():
            wrong = lines_below_the_minimum(book, held)
        if not wrong.any():
            return held
        held = held.keep(~wrong)


def _partial(book: Book, held: Allocation) -> tuple[Mask, Mask]:
    return bids_partly_filled_though_whole(book, held), lots_partly_sold_though_whole(book, held)


def _given_up(book: Book, field: Field, held: Allocation, bids: Mask, lots: Mask) -> Field:
    """Gives up the half of the partial whole orders that came least far, one at least."""
    bid_ppm = np.where(bids, held.filled_t(book) * MILLION // book.quota_t, 2 * MILLION)
    lot_ppm = np.where(lots, held.sold_t(book) * MILLION // book.supply_t, 2 * MILLION)
    last = np.argsort(np.concatenate([bid_ppm, lot_ppm]), kind="stable")[: (int(bids.sum() + lots.sum()) + 1) // 2]
    given = np.zeros(len(bids) + len(lots), dtype=bool)
    given[last] = True
    no_bid, no_lot = field.no_bid | given[: len(bids)], field.no_lot | given[len(bids) :]
    return replace(field, no_bid=no_bid, no_lot=no_lot)


def _forced_or_given_up(book: Book, field: Field, small: Allocation, forced: bool) -> Field:
    """Commits the minimum to lines that fell short where their caps have room for it; else takes the pair out."""
    is_small = np.isin(field.bid * len(book.lots) + field.lot, small.bid * len(book.lots) + small.lot)
    if forced:
        once = np.zeros(len(field.bid), dtype=bool)
        _, first = np.unique(field.bid[is_small], return_index=True)
        once[np.flatnonzero(is_small)[first]] = True
        trial = replace(field, committed_t=np.where(once, book.min_line_t, field.committed_t))
        fits = _committed_fits(book, trial)
        if (fits & once).any():
            return replace(field, committed_t=np.where(once & fits, book.min_line_t, field.committed_t))
    return field.keep(~is_small)


def _committed_fits(book: Book, field: Field) -> Mask:
    """Pairs whose bid and lot can hold all that is committed to them."""
    sure = field.committed_t
    held = Allocation(field.bid[sure > 0], field.lot[sure > 0], sure[sure > 0])
    outside = book.is_outside(held.bid, held.lot)
    beyond = total(held.bid[outside], held.tonnes[outside], len(book.bids)) > book.outside_cap_t
    over_bid = (held.filled_t(book) > book.quota_t) | beyond
    capped_bid, _, tonnes = seller_pairs(book, held)
    over_bid[capped_bid[tonnes > book.group_cap_t[capped_bid]]] = True
    return ~over_bid[field.bid] & ~(held.sold_t(book) > book.supply_t)[field.lot]


def flow_on(book: Book, weights: Weights, field: Field, held: Allocation) -> Allocation:
    """The best allocation on the field for the rules that are flow rules."""
    reward = 2 * (weights.compliance_reward + int(np.abs(weights.bid_cost).max() + np.abs(weights.lot_cost).max()))
    bid_cost = weights.bid_cost - weights.compliance_reward * book.is_compliance - reward * book.is_whole_bid
    lot_cost = weights.lot_cost - reward * book.is_whole_lot
    return _flown(book, field, held, _Sides(book.quota_t, book.supply_t, bid_cost, lot_cost), cheapest_greatest_flow)


def greatest_on(book: Book, field: Field, held: Allocation, filled_t: Whole, sold_t: Whole) -> Allocation:
    """An allocation with most tonnes on the field that fills and sells no more than stated, at whatever price."""
    free = _Sides(filled_t, sold_t, np.zeros_like(filled_t), np.zeros_like(sold_t))
    return _flown(book, field, held, free, greatest_flow)


@dataclass(frozen=True)
class _Sides:
    """What bids may take and lots may give at most, and their unit costs."""

    filled_t: Whole
    sold_t: Whole
    bid_cost: Whole
    lot_cost: Whole


def _flown(book: Book, field: Field, held: Allocation, sides: _Sides, flow: Callable[[Arcs], Whole]) -> Allocation:
    """The flow on the field. Bids all of whose pairs are committed stand aside: what they hold is taken off the lots."""
    bids, lots = len(book.bids), len(book.lots)
    field = field.keep(~field.no_bid[field.bid] & ~field.no_lot[field.lot])
    moves = np.zeros(bids, dtype=bool)
    moves[field.bid[field.committed_t == 0]] = True
    fast, field = field.keep(~moves[field.bid]), field.keep(moves[field.bid])
    held, bid, lot, sure_t = held.keep(moves[held.bid]), field.bid, field.lot, field.committed_t
    if not len(bid):
        return Allocation(fast.bid, fast.lot, fast.committed_t)
    most_t = sides.filled_t - total(bid, sure_t, bids)
    left_t = sides.sold_t - total(lot, sure_t, lots) - total(fast.lot, fast.committed_t, lots)
    zero_bid, zero_lot, zero_pair = (np.zeros(n, dtype=np.int64) for n in (bids, lots, len(bid)))
    shares = Shares(book, bid, lot, sure_t, held, field.toll, field.turn, FIRST_BID, FIRST_BID + bids + lots)
    node, limits = shares.hung()
    lot_nodes = FIRST_BID + bids + np.arange(lots)
    arcs = Arcs.joined(
        [
            (zero_pair + node, FIRST_BID + bids + lot, np.minimum(most_t[bid], left_t[lot]), zero_pair),
            (zero_bid + SOURCE, FIRST_BID + np.arange(bids), np.where(moves, most_t, 0), sides.bid_cost),
            (lot_nodes, zero_lot + SINK, np.minimum(left_t, int(most_t.sum())), sides.lot_cost),
            *limits,
        ],
        SOURCE,
        SINK,
    )
    bid, lot = np.concatenate([bid, fast.bid]), np.concatenate([lot, fast.lot])
    tonnes = np.concatenate([flow(arcs)[: len(sure_t)] + sure_t, fast.committed_t])
    return Allocation.of(bid, lot, tonnes, lots)
