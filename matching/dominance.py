"""Which seller groups may be left out of sight when only so many may be dealt with.

A group is outdone by another whose tonnes are, one after the other and on either side of the floor, never dearer. Where
a portfolio buys from an outdone group it could buy the same tonnes from the other for no more. A group that is outdone
by as many others as there may be sellers is not needed: one of them is always free to take its place, and among equals
the first stands, so that the exchange comes to an end.

Prices are compared step by step, the dearest of one within a step against the cheapest of the other, hence a group may
seem not to be outdone though it is, never the other way round. Pure.
"""

from __future__ import annotations

import numpy as np

from matching.basket import Mask, Stock, Whole, earlier_t

STEPS = 4  # in which the tonnes of one group on one side are compared
MOST_STRONG = 48  # groups with low prices that are tried against all others
NONE_FEN = np.iinfo(np.int64).max


def may_be_needed(stock: Stock, is_whole: Mask, target_t: int, most: int, least_t: int) -> Mask:
    """Groups, by number, without which a portfolio of at most `most` groups might cost more; all have equal room.

    Lots sold whole count as if they could be cut for a group that may be left out, and not at all for one that outdoes
    it. With a `least_t` above 1 no line may become smaller than that by the exchange: then only a group whose first lot
    on each side holds all that may be taken outdoes, and only one without lots under `least_t` is outdone.
    """
    groups = len(stock.room_t)
    most_t = min(target_t, int(stock.room_t.max(initial=0)))
    lowest_fen, highest_fen = _prices(stock, most_t), _prices(stock.part(~is_whole), most_t, is_at_end=True)
    has_lots = np.bincount(stock.group, minlength=groups) > 0
    may_go, may_outdo = has_lots.copy(), has_lots.copy()
    if least_t > 1:
        may_go[stock.group[stock.supply_t < least_t]] = False
        may_outdo &= _is_one_lot(highest_fen, stock.part(~is_whole), most_t)
    outdone_by = np.zeros(groups, dtype=np.int64)
    for strong in _strongest(highest_fen, may_outdo).tolist():
        outdone = np.flatnonzero((highest_fen[strong] <= lowest_fen).all(axis=1))
        is_equal = (highest_fen[outdone] <= lowest_fen[strong]).all(axis=1)
        outdone_by[outdone[~is_equal | (outdone > strong)]] += 1
    return has_lots & ~(may_go & (outdone_by >= most))


def _prices(stock: Stock, most_t: int, *, is_at_end: bool = False) -> Whole:
    """Groups x steps inside and outside: the price of the first (or last) tonne of each step, `NONE_FEN` without one."""
    found = np.full((len(stock.room_t), 2 * STEPS), NONE_FEN)
    start_t = earlier_t(2 * stock.group + stock.is_outside, stock.supply_t)
    end_t, column = start_t + stock.supply_t, STEPS * stock.is_outside
    for step in range(STEPS):
        tonne = most_t * (step + 1) // STEPS - 1 if is_at_end else most_t * step // STEPS
        here = np.flatnonzero((start_t <= tonne) & (tonne < end_t))
        found[stock.group[here], column[here] + step] = stock.ask_fen[here]
    return found


def _is_one_lot(highest_fen: Whole, stock: Stock, most_t: int) -> Mask:
    """Groups whose cheapest lot on each side, where there is one, holds `most_t`."""
    is_one = np.ones(len(highest_fen), dtype=bool)
    for side in (False, True):
        lots = np.flatnonzero(stock.is_outside == side)
        groups, first = np.unique(stock.group[lots], return_index=True)
        is_one[groups[stock.supply_t[lots[first]] < most_t]] = False
    return is_one


def _strongest(highest_fen: Whole, chosen: Mask) -> Whole:
    """The groups that come first by the price of some step, about `MOST_STRONG` of them."""
    groups = np.flatnonzero(chosen)
    each = -(-MOST_STRONG // (2 * STEPS))
    if len(groups) <= MOST_STRONG:
        return groups
    return groups[np.unique(np.argpartition(highest_fen[groups], each, axis=0)[:each])]
