"""Where an optimum of the relaxation breaks a rule that no row can say, and what may be done instead.

Each list of alternatives covers every result of its node: one of them holds in each. The likelier comes first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from matching.pair_rows import PairRows
from matching.programme import Limits
from matching.rounding import NOISE

Values = npt.NDArray[np.float64]


def alternatives(rows: PairRows, value: Values, limits: Limits) -> list[Limits]:
    """What to do about the rule broken worst, none where the values break no rule."""
    return _all_or_none(rows, value) or _fewer_sellers(rows, value) or _longer_lines(rows, value, limits)


def whole_tonnes(rows: PairRows, value: Values, limits: Limits) -> list[Limits]:
    """No more than the tonnes below, or no less than the tonnes above, for the pair furthest from whole tonnes."""
    x = value[rows.x]
    k = int(np.argmax(np.abs(x - np.rint(x))))
    column, below = int(rows.x[k]), int(np.floor(x[k]))
    least, most = limits.get(column, (0, int(rows.most_t[k])))
    return [{column: (least, below)}, {column: (below + 1, most)}]


def _all_or_none(rows: PairRows, value: Values) -> list[Limits]:
    """A whole order that came out partial: leave it or serve it."""
    book = rows.book
    columns = np.concatenate([rows.fill[book.is_whole_bid], rows.sold[book.is_whole_lot]])
    short_t = np.minimum(value[columns], rows.most[columns] - value[columns])
    if not (short_t > NOISE).any():
        return []
    column = int(columns[np.argmax(short_t)])
    most = int(rows.most[column])
    leave, serve = {column: (0, 0)}, {column: (most, most)}
    return [serve, leave] if 2 * value[column] > most else [leave, serve]


def _fewer_sellers(rows: PairRows, value: Values) -> list[Limits]:
    """A bid with too many seller groups: use the largest that is not settled, or do not."""
    used: dict[tuple[int, int], Any] = {}
    for k in np.flatnonzero(value[rows.x] > NOISE).tolist():
        contract = int(rows.bid[k]), int(rows.group[k])
        used[contract] = used.get(contract, 0) + value[rows.x[k]]
    number = np.bincount([i for i, _ in used], minlength=len(rows.book.bids))
    over = number > rows.book.most_sellers
    unsettled = [(t, each) for each, t in used.items() if over[each[0]] and value[rows.uses[each]] < 1 - NOISE]
    if not unsettled:
        return []
    column = rows.uses[max(unsettled)[1]]
    return [{column: (1, 1)}, {column: (0, 0)}]


def _longer_lines(rows: PairRows, value: Values, limits: Limits) -> list[Limits]:
    """A line below the minimum: drop it, lengthen it, fill its bid, or sell its lot out."""
    least = rows.book.min_line_t
    x, fill, sold = value[rows.x], rows.fill[rows.bid], rows.sold[rows.lot]
    is_open = (value[fill] < rows.most[fill] - NOISE) & (value[sold] < rows.most[sold] - NOISE)
    short = np.flatnonzero((x > NOISE) & (x < least - NOISE) & is_open)
    if not len(short):
        return []
    k = int(short[np.argmax(x[short])])
    column = int(rows.x[k])
    _, most = limits.get(column, (0, int(rows.most_t[k])))
    full = [{int(at): (int(rows.most[at]),) * 2} for at in (fill[k], sold[k])]
    longer: list[Limits] = [{column: (least, most)}] if most >= least else []
    return [{column: (0, 0)}, *longer, *full]
