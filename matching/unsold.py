"""Why tonnes of a lot stayed unsold: facts with figures from the unfilled bids, each from relaxing one rule alone.

A bid that fails exactly one rule with a lot counts for that rule, with the tonnes it could then have taken. Bids with
which nothing but the ask is in the way are counted down to the price at which there are enough of them. What is left
was not asked for at all (`demand_short`), or those who asked were served by other lots (`priority`).

Lots of one type, region and vintage meet the same bids, so they are counted together: the bids by limit, running sums
of what each rule holds back, and each lot's ask says where it stands in them. What depends on the seller's group (own
group, a used-up share, a seller already dealt with) is put right afterwards, pair by pair.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from matching.constraints import total
from matching.problem import AUCTION, Reason
from matching.reasons import PAIR_CODES, QUANTITY_CODES, Figures
from matching.standing import Standing
from matching.variables import Mask, Whole, one

CODES = (*QUANTITY_CODES, "min_line", *PAIR_CODES, "free")
NUMBER = {code: number for number, code in enumerate(CODES)}
FREE, PRICE, MIN_LINE, ALL_OR_NONE = (NUMBER[code] for code in ("free", "price", "min_line", "all_or_none"))
NOTHING = -1
PAIRS_AT_ONCE, BIDS_AT_ONCE = 1_000_000, 250


def reasons_of_lots(standing: Standing, lots: Whole) -> dict[int, tuple[Reason, ...]]:
    """Reasons of lots with something unsold, that add up to it, by position."""
    counted = _Counted(standing, lots)
    found: dict[int, list[Reason]] = {j: [] for j in lots.tolist()}
    open_t = standing.unsold_t[lots].copy()
    for code in CODES:
        part_t = np.minimum(open_t, counted.of(code)) if code != "free" else np.zeros_like(open_t)
        open_t -= part_t
        for at in np.flatnonzero(part_t).tolist():
            found[int(lots[at])].append(Reason(code=code, tonnes=int(part_t[at]), figures=counted.figures(code, at)))
    for at, reason in counted.rest(open_t):
        found[int(lots[at])].append(reason)
    return {j: tuple(reasons) for j, reasons in found.items()}


class _Counted:
    """For each of the lots: how many tonnes of unfilled bids each rule keeps from it (codes x lots)."""

    def __init__(self, standing: Standing, lots: Whole) -> None:
        book = standing.book
        self.standing, self.lots = standing, lots
        self.bids = standing.open_bids[np.argsort(book.limit_fen[standing.open_bids], kind="stable")]
        self.limit_fen = book.limit_fen[self.bids]
        self.is_seller_full = standing.sellers() >= book.most_sellers
        self.tonnes = np.zeros((len(CODES), len(lots)), dtype=np.int64)
        self.needed_ask_fen, self.highest_limit_fen = np.zeros((2, len(lots)), dtype=np.int64)
        self.is_mixed = np.zeros(len(lots), dtype=bool)  # its price cannot be read off the running sums
        bid, group, used_t = standing.contracts()
        dealt = np.flatnonzero(standing.unfilled_t[bid] > 0)
        dealt = dealt[np.argsort(group[dealt], kind="stable")]
        self.dealt_bid, self.dealt_group, self.dealt_t = bid[dealt], group[dealt], used_t[dealt]
        for at in _alike(standing, lots):
            self._count(at)
        self._put_right()
        self._let_small_lines_be()
        is_whole = book.is_whole_lot[lots]  # nobody takes a part of it; together they may well have wanted all of it
        wanted_t = np.where(is_whole, self.tonnes[FREE], 0)
        is_held = wanted_t < book.supply_t[lots]
        self.tonnes[ALL_OR_NONE] += np.where(is_held, wanted_t, 0)
        self.tonnes[FREE] = np.where(is_whole, np.where(is_held, 0, wanted_t), self.tonnes[FREE])

    def of(self, code: str) -> Whole:
        """Tonnes of one code by lot."""
        return self.tonnes[NUMBER[code]]

    def _codes(
        self, bids: Whole, lots: Whole, used_t: Whole, grows: Mask | None = None, rest_t: int | None = None
    ) -> tuple[Whole, Whole]:
        """For pairs: the one rule that keeps the bid from the lot at any ask, and the tonnes it could take without.

        `used_t` is what the bid has from the lot's group. NOTHING where several rules are in the way. `grows` (there
        is a line) and `rest_t` (tonnes left of the lot) let small lines be where they are known.
        """
        standing, book = self.standing, self.standing.book
        lacks_t, outside = standing.unfilled_t[bids], book.is_outside(bids, lots)
        left_t, outside_left_t = book.group_cap_t[bids] - used_t, standing.outside_left_t[bids]
        is_floor, is_cap = outside & (outside_left_t < 1), left_t < 1
        tonnes = np.where(is_cap, lacks_t, np.minimum(lacks_t, left_t))
        tonnes = np.where(outside & ~is_floor, np.minimum(tonnes, outside_left_t), tonnes)
        is_small = (tonnes < np.minimum(book.min_line_t, lacks_t)) & ~(is_floor | is_cap | book.is_whole_bid[bids])
        is_small &= ~book.is_whole_lot[lots]
        if grows is not None:
            is_small &= ~grows & (tonnes < rest_t)
        fails = {
            "all_or_none": book.is_whole_bid[bids],
            "floor": is_floor,
            "group_cap": is_cap,
            "max_sellers": self.is_seller_full[bids] & (used_t < 1),
            "min_line": is_small,
        } | standing.failures(bids, lots)
        failed, code = np.zeros(len(bids), dtype=np.int8), np.full(len(bids), FREE)
        for name, mask in fails.items():
            failed += mask
            code[mask] = NUMBER[name]
        return np.where(failed > 1, NOTHING, code), tonnes

    def _count(self, at: Whole) -> None:
        """Counts lots of one kind by the running sums of the bids from the lowest limit to the highest."""
        lots, bids = self.lots[at], self.bids
        code, tonnes = self._codes(bids, lots[:1], np.zeros(len(bids), dtype=np.int64))
        limit_fen = self.limit_fen
        place = np.searchsorted(limit_fen, self.standing.book.ask_fen[lots])
        for number in np.unique(code[code != NOTHING]).tolist():
            running_t = np.concatenate([[0], np.cumsum(np.where(code == number, tonnes, 0))])
            self.tonnes[number, at] = running_t[-1] - running_t[place]
            if number == FREE:
                below_t = running_t[place]
                self.tonnes[PRICE, at] = below_t
                wanted_t = np.minimum(self.standing.unsold_t[lots], below_t)
                needed = np.searchsorted(running_t, below_t - wanted_t, side="right") - 1
                highest = np.searchsorted(running_t, below_t) - 1
                self.needed_ask_fen[at] = limit_fen[np.minimum(needed, len(bids) - 1)]
                self.highest_limit_fen[at] = limit_fen[highest]

    def _put_right(self) -> None:
        """Moves the tonnes of pairs for which the seller's group makes a difference to the rule that really holds."""
        book = self.standing.book
        for bids, at, used_t in self._ties():
            lots = self.lots[at]
            before, before_t = self._codes(bids, lots, np.zeros_like(used_t))
            after, after_t = self._codes(bids, lots, used_t)
            is_own = book.bid_group[bids] == book.lot_group[lots]
            after = np.where(is_own, np.where(before == FREE, NUMBER["own_group"], NOTHING), after)
            is_dear = book.limit_fen[bids] < book.ask_fen[lots]
            for code, tonnes, sign in ((before, before_t, -1), (after, after_t, 1)):
                told = np.where(is_dear, np.where(code == FREE, PRICE, NOTHING), code)
                is_told = told != NOTHING
                np.add.at(self.tonnes, (told[is_told], at[is_told]), sign * tonnes[is_told])
            self.is_mixed[at[is_dear & ((before != after) | (before_t != after_t))]] = True

    def _ties(self) -> Iterator[tuple[Whole, Whole, Whole]]:
        """Pairs of an unfilled bid and a lot of its own group or of one that it deals with, some at a time.

        Bids, places among the lots, and the tonnes that the bid has from the group.
        """
        standing, book = self.standing, self.standing.book
        bids = np.append(self.dealt_bid, standing.open_bids)
        groups = np.append(self.dealt_group, book.bid_group[standing.open_bids])
        used_t = np.append(self.dealt_t, np.zeros_like(standing.open_bids))
        lot_group = book.lot_group[self.lots]
        by_group = np.argsort(lot_group, kind="stable")
        lo, hi = (np.searchsorted(lot_group[by_group], groups, side=side) for side in ("left", "right"))
        for part in np.split(np.arange(len(bids)), _cuts(hi - lo)):
            size = (hi - lo)[part]
            if total_size := int(size.sum()):
                pair = np.repeat(part, size)
                step = np.arange(total_size) - np.repeat(np.cumsum(size) - size, size)
                yield bids[pair], by_group[lo[pair] + step], used_t[pair]

    def _let_small_lines_be(self) -> None:
        """A line may be however small if it takes all that is left of its lot, or adds to one that is there."""
        standing, held = self.standing, self.standing.held
        grown = held.lot[standing.unfilled_t[held.bid] > 0]
        may = (standing.unsold_t[self.lots] < standing.book.min_line_t) | np.isin(self.lots, grown)
        for at in np.flatnonzero(may).tolist():
            code, tonnes = self._exactly(at, self.bids)
            self.tonnes[:, at] = total(code[code != NOTHING], tonnes[code != NOTHING], len(CODES))
            self.is_mixed[at] = True

    def _exactly(self, at: int, bids: Whole) -> tuple[Whole, Whole]:
        """The code and the tonnes of unfilled bids with one lot: price, groups and small lines included."""
        book, held, j = self.standing.book, self.standing.held, int(self.lots[at])
        lo, hi = np.searchsorted(self.dealt_group, [book.lot_group[j], book.lot_group[j] + 1])
        used_t = np.zeros(len(book.bids), dtype=np.int64)
        used_t[self.dealt_bid[lo:hi]] = self.dealt_t[lo:hi]
        grows = np.isin(bids, held.bid[held.lot == j])
        code, tonnes = self._codes(bids, one(j)[None], used_t[bids], grows, int(self.standing.unsold_t[j]))
        is_own = book.bid_group[bids] == book.lot_group[j]
        code = np.where(is_own, np.where(code == FREE, NUMBER["own_group"], NOTHING), code)
        return np.where(book.limit_fen[bids] < book.ask_fen[j], np.where(code == FREE, PRICE, NOTHING), code), tonnes

    def figures(self, code: str, at: int) -> Figures:
        """What supports a reason: tonnes of the bids that it speaks of, for the price also where they stand."""
        book, j, unfilled_t = self.standing.book, self.lots[at], int(self.of(code)[at])
        if code == "price":
            needed_fen, highest_fen = int(self.needed_ask_fen[at]), int(self.highest_limit_fen[at])
            if self.is_mixed[at]:
                needed_fen, highest_fen = self._prices(at)
            bids: Figures = {"unfilled_t": unfilled_t, "highest_limit_fen": highest_fen}
            if book.problem.mechanism == AUCTION:  # nobody pays less than the price, which stands in the ask's place
                return bids | {"price_fen": int(book.ask_fen[j])}
            demand_t = min(unfilled_t, int(self.standing.unsold_t[j]))
            return bids | {"ask_fen": int(book.ask_fen[j]), "needed_ask_fen": needed_fen, "demand_t": demand_t}
        if code == "min_line":
            return {"unfilled_t": unfilled_t, "min_line_t": book.min_line_t}
        if code == "all_or_none" and book.is_whole_lot[j]:
            return {"unfilled_t": unfilled_t, "quantity_t": int(book.supply_t[j])}
        return {"unfilled_t": unfilled_t}

    def _prices(self, at: int) -> tuple[int, int]:
        """The ask at which the lot would have had enough takers, or all there are, and the highest limit of these."""
        book, j = self.standing.book, int(self.lots[at])
        wanted_t = min(int(self.standing.unsold_t[j]), int(self.tonnes[PRICE, at]))
        place = int(np.searchsorted(self.limit_fen, book.ask_fen[j]))
        for first in (max(0, place - BIDS_AT_ONCE), 0):  # the highest limits are nearly always enough
            bids = self.bids[first:place][::-1]
            code, tonnes = self._exactly(at, bids)
            taken_t, limit_fen = np.cumsum(tonnes[code == PRICE]), book.limit_fen[bids[code == PRICE]]
            if len(taken_t) and taken_t[-1] >= wanted_t:
                break
        return int(limit_fen[np.searchsorted(taken_t, wanted_t)]), int(limit_fen[0])

    def rest(self, open_t: Whole) -> Iterator[tuple[int, Reason]]:
        """What no unfilled bid accounts for: nobody asked for it, or those who did were served otherwise."""
        standing, book = self.standing, self.standing.book
        bids = np.argsort(book.limit_fen, kind="stable")
        limit_fen, quota_t, kind = book.limit_fen[bids], book.quota_t[bids], standing.kind_of_bid[bids]
        for group in _alike(standing, self.lots, np.flatnonzero(open_t)):
            lots = self.lots[group]
            running_t = np.concatenate([[0], np.cumsum(quota_t * standing.suits(lots[:1])[kind, 0])])
            asked_t = running_t[-1] - running_t[np.searchsorted(limit_fen, book.ask_fen[lots])]
            for at, wanted_t in zip(group.tolist(), asked_t.tolist(), strict=True):
                yield from self._rest_of(at, wanted_t - self._own_t(at), int(open_t[at]))

    def _rest_of(self, at: int, wanted_t: int, open_t: int) -> Iterator[tuple[int, Reason]]:
        offered_t, free_t = int(self.standing.book.supply_t[self.lots[at]]), int(self.tonnes[FREE, at])
        if (short_t := min(open_t, offered_t - wanted_t)) > 0:
            figures: Figures = {"quantity_t": offered_t, "wanted_t": wanted_t}
            yield at, Reason(code="demand_short", tonnes=short_t, figures=figures)
            open_t -= short_t
        if open_t:
            missed: Figures = {"missed_t": min(open_t, free_t)} if free_t else {}
            yield at, Reason(code="priority", tonnes=open_t, figures={"wanted_t": wanted_t} | missed)

    def _own_t(self, at: int) -> int:
        """What bids of the seller's own group ask for that would suit the lot."""
        standing, book, j = self.standing, self.standing.book, int(self.lots[at])
        if not standing.buys[book.lot_group[j]]:
            return 0
        bids = np.flatnonzero((book.bid_group == book.lot_group[j]) & (book.limit_fen >= book.ask_fen[j]))
        return int(book.quota_t[bids[standing.suits(one(j)[None])[standing.kind_of_bid[bids], 0]]].sum())


def _alike(standing: Standing, lots: Whole, chosen: Whole | None = None) -> list[Whole]:
    """Places of the (chosen) lots, together where type, region, vintage and being whole are the same."""
    places = np.arange(len(lots)) if chosen is None else chosen
    at = lots[places]
    book = standing.book
    columns = np.stack(
        [standing.type_of_lot[at], standing.region_of_lot[at], book.vintage[at], book.is_whole_lot[at].astype(np.int64)]
    )
    order = np.lexsort(columns)
    breaks = np.flatnonzero(np.any(np.diff(columns[:, order], axis=1) != 0, axis=0)) + 1
    return [part for part in np.split(places[order], breaks) if len(part)]


def _cuts(size: Whole) -> Whole:
    """Where to cut a list so that the sizes of a part add up to about PAIRS_AT_ONCE."""
    return np.flatnonzero(np.diff(np.cumsum(size) // PAIRS_AT_ONCE)) + 1
