"""What one more tonne would be worth: single exchanges that one change of an order would have made worth while.

The goals of a round are strict: tonnes for duties, then voluntary tonnes, then yuan between limit and ask. Worth is told
in these goals. Each `Worth` is a fact that anybody can verify: make the `change` (one limit, one ask, one tonne more, one
preference less), apply the `moves` to the published lines, and the outcome is feasible and better by exactly `gain`.
Solving again may gain more, never less, since it may move everything. Where no single exchange gains, that is what is
said, not that nothing could be gained. Nothing is said of orders that are all or none, and of auctions, where a tonne
cannot move without the price.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from matching.exchanges import Exchanges
from matching.problem import MIDPOINT, QUOTA
from matching.standing import Standing
from matching.variables import Book, Whole, one

Figures = dict[str, int | str]
Moves = list[tuple[int, int, int]]  # bid, lot, tonnes more or less, by position
PREFERENCES = ("type", "vintage", "region", "floor", "group_cap", "max_sellers")
NONE = -1


@dataclass(frozen=True)
class Worth:
    """One exchange. `change` names an order and its new field, `moves` are (bid, lot, tonnes more or less)."""

    kind: str
    change: Figures
    moves: tuple[tuple[str, str, int], ...] = ()
    gain: tuple[int, int, int] = (0, 0, 0)  # compliance_t, voluntary_t, surplus_fen
    figures: Figures = field(default_factory=dict)


def worth_of_bid(standing: Standing, i: int) -> list[Worth]:
    """What a tonne would be worth to a bid: to a full one one tonne more and a cheaper one, else the limit it takes."""
    book = standing.book
    if book.problem.mechanism != QUOTA or not len(book.lots):
        return []
    exchanges = Exchanges(standing)
    if standing.unfilled_t[i] == 0:
        return [_one_more_wanted(exchanges, i), *_preferences(exchanges, i)]
    return [] if book.is_whole_bid[i] else list(_limit(exchanges, i))


def worth_of_lot(standing: Standing, j: int) -> list[Worth]:
    """What a tonne of a lot would be worth: of a lot sold out one tonne more, else the ask at which one would sell."""
    book = standing.book
    if book.problem.mechanism != QUOTA or not len(book.bids):
        return []
    exchanges = Exchanges(standing)
    if standing.unsold_t[j] == 0:
        return [_one_more_offered(exchanges, j)]
    return [] if book.is_whole_lot[j] else list(_ask(exchanges, j))


def _one_more_wanted(at: Exchanges, i: int) -> Worth:
    """A full bid that wants one tonne more: the cheapest unsold one, else one of a bid that the goals put behind it."""
    book, limit_fen = at.book, int(at.book.limit_fen[i])
    change: Figures = {"bid": book.bids[i].id, "quantity_t": int(book.quota_t[i]) + 1}
    lots = at.single(at.standing.open_lots)
    lots = lots[(book.ask_fen[lots] <= limit_fen) & at.suits(one(i), lots) & (at.room_t(one(i), lots, more_t=1) > 0)]
    if len(lots):
        j = int(lots[0])
        return _worth(book, "more_unsold", change, [(i, j, 1)], price_fen=_price_fen(book, i, j))
    lines = at.gives_way(i)
    lots, holders = at.lot[lines], at.bid[lines]
    is_gain = (book.limit_fen[holders] < limit_fen) | (book.is_compliance[holders] < book.is_compliance[i])
    may = is_gain & (book.ask_fen[lots] <= limit_fen) & (at.room_t(one(i), lots, more_t=1) > 0)
    if not may.any():
        return Worth("more_nothing", change)
    order = np.lexsort((book.limit_fen[holders[may]], book.is_compliance[holders[may]]))
    line = int(lines[may][order[0]])
    j, holder = int(at.lot[line]), int(at.bid[line])
    return _worth(book, "more_from_bid", change, [(i, j, 1), (holder, j, -1)], price_fen=_price_fen(book, i, j))


def _preferences(at: Exchanges, i: int) -> Iterator[Worth]:
    """A full bid's dearest tonne, and the cheaper unsold one that it could have had with one preference less."""
    book = at.book
    lines = np.flatnonzero((at.bid == i) & at.may_shrink)
    if not len(lines):
        return
    dearest = int(at.lot[lines[np.argmax(book.ask_fen[at.lot[lines]])]])
    lots, least_fen = at.single(at.standing.open_lots), int(book.ask_fen[dearest])
    lots = lots[book.ask_fen[lots] < least_fen]
    for code in ("", *PREFERENCES):
        may = at.suits(one(i), lots, code) & at.may_swap(one(i), one(dearest), lots, code)
        if not may.any() or book.ask_fen[lots[may][0]] >= least_fen:
            continue
        j, moves = int(lots[may][0]), [(i, int(lots[may][0]), 1), (i, dearest, -1)]
        if code:
            prices = {"price_fen": _price_fen(book, i, j), "dearest_price_fen": _price_fen(book, i, dearest)}
            yield _worth(book, f"without_{code}", {"bid": book.bids[i].id, "without": code}, moves, **prices)
        else:
            least_fen = int(book.ask_fen[j])
            yield _worth(book, "missed", {}, moves)


def _limit(at: Exchanges, i: int) -> Iterator[Worth]:
    """The lowest limit at which a bid that lacks tonnes would have one: an unsold one, or one of a bid worth less."""
    book, standing = at.book, at.standing
    lots = standing.open_lots
    open_t = np.minimum(np.minimum(standing.unfilled_t[i], standing.unsold_t[lots]), at.room_t(one(i), lots))
    lots = lots[at.suits(one(i), lots) & (open_t >= at.smallest_t(one(i), lots))]
    found = []
    if len(lots):
        j = int(lots[0])
        found.append((int(book.ask_fen[j]), "limit_unsold", [(i, j, int(at.smallest_t(one(i), one(j))))]))
    lines = at.gives_way(i)
    lines = lines[at.room_t(one(i), at.lot[lines]) > 0]
    if len(lines):
        holders = at.bid[lines]
        above_fen = np.where(book.is_compliance[holders] < book.is_compliance[i], 0, book.limit_fen[holders] + 1)
        needed_fen = np.maximum(book.ask_fen[at.lot[lines]], above_fen)
        best = np.lexsort((book.limit_fen[holders], needed_fen))[0]
        j, holder = int(at.lot[lines[best]]), int(holders[best])
        found.append((int(needed_fen[best]), "limit_from_bid", [(i, j, 1), (holder, j, -1)]))
    for needed_fen, kind, moves in sorted(found, key=lambda each: each[0])[:1]:
        if needed_fen <= book.limit_fen[i]:
            yield _worth(book, "missed", {}, moves)
        else:
            change: Figures = {"bid": book.bids[i].id, "limit_fen": needed_fen}
            yield _worth(book, kind, change, moves, needed_limit_fen=needed_fen)


def _one_more_offered(at: Exchanges, j: int) -> Worth:
    """A lot sold out that offers one tonne more: to a bid that lacks one, else in place of a dearer one."""
    book = at.book
    change: Figures = {"lot": book.lots[j].id, "quantity_t": int(book.supply_t[j]) + 1}
    bids = at.standing.open_bids
    bids = bids[~book.is_whole_bid[bids] & (book.limit_fen[bids] >= book.ask_fen[j]) & at.suits(bids, one(j))]
    bids = bids[at.room_t(bids, one(j)) > 0]
    if len(bids):
        i = int(bids[np.lexsort((-book.limit_fen[bids], ~book.is_compliance[bids]))[0]])
        return _worth(book, "more_to_bid", change, [(i, j, 1)])
    line = _dearest(at, j, np.flatnonzero(at.may_shrink & (book.ask_fen[at.lot] > book.ask_fen[j])))
    if line == NONE:
        return Worth("more_nothing", change)
    i, dearer = int(at.bid[line]), int(at.lot[line])
    return _worth(book, "more_instead", change, [(i, j, 1), (i, dearer, -1)])


def _ask(at: Exchanges, j: int) -> Iterator[Worth]:
    """The highest ask at which a tonne left over would be sold: to a bid that lacks one, or in place of a dearer one."""
    book, standing = at.book, at.standing
    bids = standing.open_bids[~book.is_whole_bid[standing.open_bids]]
    open_t = np.minimum(np.minimum(standing.unfilled_t[bids], standing.unsold_t[j]), at.room_t(bids, one(j)))
    bids = bids[at.suits(bids, one(j)) & (open_t >= at.smallest_t(bids, one(j)))]
    found = []
    if len(bids):
        i = int(bids[np.argmax(book.limit_fen[bids])])
        found.append((int(book.limit_fen[i]), "ask_to_bid", [(i, j, int(at.smallest_t(one(i), one(j))))]))
    stands = at.is_full[at.bid] | at.has_line(at.bid, one(j)) | (standing.unsold_t[j] == 1)
    line = _dearest(at, j, np.flatnonzero(at.may_shrink & stands & (at.lot != j)))
    if line != NONE:
        i, dearer = int(at.bid[line]), int(at.lot[line])
        found.append((int(book.ask_fen[dearer]) - 1, "ask_instead", [(i, j, 1), (i, dearer, -1)]))
    for needed_fen, kind, moves in sorted(found, key=lambda each: -each[0])[:1]:
        if needed_fen >= book.ask_fen[j]:
            yield _worth(book, "missed", {}, moves)
        elif needed_fen >= 0:
            change: Figures = {"lot": book.lots[j].id, "ask_fen": needed_fen}
            yield _worth(book, kind, change, moves, needed_ask_fen=needed_fen)


def _dearest(at: Exchanges, j: int, lines: Whole) -> int:
    """Of some lines the one with the dearest tonne that its bid could give for one of lot `j`, NONE if there is none."""
    bids, lots = at.bid[lines], at.lot[lines]
    lines = lines[at.suits(bids, one(j)) & at.may_swap(bids, lots, one(j))]
    return int(lines[np.argmax(at.book.ask_fen[at.lot[lines]])]) if len(lines) else NONE


def _worth(book: Book, kind: str, change: Figures, moves: Moves, **figures: int) -> Worth:
    """A worth from positions: what the moves gain under the change, and who moves."""
    gain = [0, 0, 0]
    for i, j, tonnes in moves:
        bid, lot = book.bids[i], book.lots[j]
        limit_fen = change.get("limit_fen", bid.limit_fen) if change.get("bid") == bid.id else bid.limit_fen
        ask_fen = change.get("ask_fen", lot.ask_fen) if change.get("lot") == lot.id else lot.ask_fen
        gain[0 if book.is_compliance[i] else 1] += tonnes
        gain[2] += (int(limit_fen) - int(ask_fen)) * tonnes
    named = tuple((book.bids[i].id, book.lots[j].id, tonnes) for i, j, tonnes in moves)
    return Worth(kind, change, named, (gain[0], gain[1], gain[2]), _told(book, moves) | figures)


def _told(book: Book, moves: Moves) -> Figures:
    """The figures of an exchange: who gets how much of what, and whose or what else makes room for it."""
    i, j, tonnes = moves[0]
    told: Figures = {"bid": book.bids[i].id, "lot": book.lots[j].id, "tonnes": tonnes}
    told |= {"limit_fen": int(book.limit_fen[i]), "ask_fen": int(book.ask_fen[j])}
    for other, instead, _ in moves[1:]:
        if other != i:
            told |= {"from_bid": book.bids[other].id, "other_limit_fen": int(book.limit_fen[other])}
        else:
            told |= {"instead_of": book.lots[instead].id, "other_ask_fen": int(book.ask_fen[instead])}
    return told


def _price_fen(book: Book, i: int, j: int) -> int:
    """What a bid pays for a tonne of a lot."""
    ask_fen, limit_fen = int(book.ask_fen[j]), int(book.limit_fen[i])
    return (ask_fen + limit_fen) // 2 if book.problem.price_rule == MIDPOINT else ask_fen
