"""Which seller groups a bid deals with, where it may deal with a few only (`max_sellers`).

The number of sellers is no flow rule, so the groups are chosen first and the flow runs on the chosen ones. A *choice*
is a sorted array of keys bid * groups + group; bids that may deal with everybody do not appear in it.
"""

from __future__ import annotations

import numpy as np

from matching.constraints import Allocation, may_trade, seller_pairs, total
from matching.variables import Book, Mask, Whole, one


def is_limited(book: Book) -> Mask:
    """Bids whose number of sellers can bind at all."""
    return book.most_sellers < len(np.unique(book.lot_group))


def within_choice(book: Book, choice: Whole, bid: Whole, lot: Whole) -> Mask:
    """Pairs of unlimited bids, and pairs with a chosen group."""
    return ~is_limited(book)[bid] | np.isin(bid * book.groups + book.lot_group[lot], choice)


def next_choice(book: Book, held: Allocation, spare: int) -> Whole:
    """The groups in use, less the `spare` smallest of each unfilled bid, and new ones with unsold tonnes instead."""
    left_t = book.supply_t - held.sold_t(book)
    filled_t = held.filled_t(book)
    limited = is_limited(book)
    bid, group, tonnes = seller_pairs(book, held)
    used: dict[int, list[tuple[int, int]]] = {}
    for i, g, t in zip(bid.tolist(), group.tolist(), tonnes.tolist(), strict=True):
        used.setdefault(i, []).append((t, g))
    keys: list[int] = []
    open_first = np.lexsort((book.bid_priority, -(book.quota_t - filled_t)))
    for i in open_first[limited[open_first]].tolist():
        mine = sorted(used.get(i, []), reverse=True)
        unfilled_t = int(book.quota_t[i] - filled_t[i])
        if unfilled_t:
            room = int(book.most_sellers[i]) - len(mine)
            dropped = mine[len(mine) - max(0, spare - room) :] if mine else []
            mine = mine[: len(mine) - len(dropped)]
            unfilled_t += sum(t for t, _ in dropped)
        taken = {g for _, g in mine}
        keys += [i * book.groups + g for g in taken]
        keys += _chosen(book, i, unfilled_t, int(book.most_sellers[i]) - len(taken), left_t, taken)
    return np.array(sorted(keys), dtype=np.int64)


def largest_in_use(book: Book, held: Allocation) -> Whole:
    """The choice that keeps, for each limited bid, the groups that give it most."""
    bid, group, tonnes = seller_pairs(book, held)
    order = np.lexsort((group, -tonnes, bid))
    bid, group = bid[order], group[order]
    place = np.arange(len(bid)) - np.searchsorted(bid, bid)
    kept = is_limited(book)[bid] & (place < book.most_sellers[bid])
    return np.sort(bid[kept] * book.groups + group[kept])


def _chosen(book: Book, i: int, need_t: int, sellers: int, left_t: Whole, taken: set[int]) -> list[int]:
    """Up to `sellers` more groups for one bid; takes what it counts on from `left_t`."""
    if sellers <= 0 or need_t <= 0:
        return []
    lots = np.flatnonzero(left_t > 0)
    lots = lots[may_trade(book, one(i), lots)]
    offered_t = np.minimum(total(book.lot_group[lots], left_t[lots], book.groups), book.group_cap_t[i])
    offered_t[list(taken)] = 0
    keys: list[int] = []
    while need_t > 0 and len(keys) < sellers and offered_t.any():
        enough = np.flatnonzero(offered_t >= need_t)
        group = int(enough[np.argmin(offered_t[enough])]) if len(enough) else int(np.argmax(offered_t))
        need_t -= _reserve(book, lots[book.lot_group[lots] == group], min(need_t, int(offered_t[group])), left_t)
        offered_t[group] = 0
        keys.append(i * book.groups + group)
    return keys


def _reserve(book: Book, lots: Whole, wanted_t: int, left_t: Whole) -> int:
    """Takes tonnes from lots, dearest first, and says how many."""
    taken_t = 0
    for j in lots[np.lexsort((lots, -book.ask_fen[lots]))].tolist():
        part_t = min(wanted_t - taken_t, int(left_t[j]))
        left_t[j] -= part_t
        taken_t += part_t
        if taken_t == wanted_t:
            break
    return taken_t
