"""From the plan of an auction to its lines, and orders put back in where there is room for them.

At given prices and margins an auction is a quota round: every tonne of the plan is worth drawing, so the most tonnes
are the best outcome. The bids that the plan serves, with what it gives them for quotas, and the lots it sells are
therefore handed to the maker of lines of quota rounds. What the rules of pairs and sellers keep it from drawing is
taken off, whole orders that lost a part are taken out, and whatever is left in the money is put back in wherever a line
keeps every rule at the same prices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from matching.auction_prices import Hall, within
from matching.constraints import NOTHING, Allocation, may_trade, seller_pairs, total
from matching.variables import Book, Whole, one

# Lines of a book's bids, each with this most tonnes. Pair rules, floors, caps and numbers of sellers hold; with True (in
# full) effort goes into the lines and every rule of the book holds.
LinesOf = Callable[[Book, Whole, bool], Allocation]

BID_FIELDS = (
    *("quota_t", "limit_fen", "is_compliance", "is_whole_bid", "bid_group", "outside_cap_t", "group_cap_t"),
    *("most_sellers", "window_of_bid", "bid_priority", "wish_of_bid", "floor_of_bid"),
)
LOT_FIELDS = ("supply_t", "ask_fen", "vintage", "is_whole_lot", "lot_group", "class_of_lot", "lot_priority")


def at_prices(hall: Hall, prices_fen: Whole) -> Book:
    """The round at these prices: the pairs that may trade are those that trade at the price of the lot's type."""
    offered = within(hall, prices_fen, prices_fen)
    return replace(offered, limit_fen=hall.book.limit_fen, ask_fen=hall.book.ask_fen)


def drawn(offered: Book, filled_t: Whole, sold_t: Whole, lines_of: LinesOf, *, in_full: bool) -> Allocation:
    """Lines for these tonnes by bid and by lot, or for as many of them as `lines_of` can draw."""
    bids, lots = np.flatnonzero(filled_t > 0), np.flatnonzero(sold_t > 0)
    if not len(bids):
        return NOTHING
    goods = replace(offered, quota_t=filled_t, supply_t=sold_t, is_compliance=np.ones(len(filled_t), dtype=bool))
    served = {name: getattr(goods, name)[bids] for name in BID_FIELDS}
    sold = {name: getattr(goods, name)[lots] for name in LOT_FIELDS}
    served["bid_priority"], sold["lot_priority"] = _ranks(served["bid_priority"]), _ranks(sold["lot_priority"])
    orders = {"bids": tuple(offered.bids[i] for i in bids), "lots": tuple(offered.lots[j] for j in lots)}
    held = lines_of(replace(goods, **orders, **served, **sold), filled_t[bids], in_full)
    return Allocation.of(bids[held.bid], lots[held.lot], held.tonnes, len(offered.lots))


def _ranks(numbers: Whole) -> Whole:
    ranks = np.empty(len(numbers), dtype=np.int64)
    ranks[np.argsort(numbers)] = np.arange(len(numbers))
    return ranks


def put_back(offered: Book, held: Allocation) -> Allocation:
    """The lines with more tonnes wherever bids and lots that are open may trade and every rule is kept.

    Every such tonne adds to the surplus, or to the tonnes where ask and limit are equal. High limits and low asks come
    first, then early orders.
    """
    clerk = _Clerk(offered, held)
    for i in clerk.open_bids():
        clerk.serve(i)
    for j in clerk.open_whole_lots():
        clerk.sell_out(j)
    return clerk.lines()


@dataclass
class _Clerk:
    """Writes additional lines and remembers what each bid has left of its caps and sellers."""

    book: Book
    held: Allocation
    unfilled_t: Whole = field(init=False)
    unsold_t: Whole = field(init=False)
    outside_t: Whole = field(init=False)
    contracts_t: dict[tuple[int, int], int] = field(init=False)
    sellers: Whole = field(init=False)
    line_t: dict[tuple[int, int], int] = field(init=False)

    def __post_init__(self) -> None:
        book, held = self.book, self.held
        self.unfilled_t = book.quota_t - held.filled_t(book)
        self.unsold_t = book.supply_t - held.sold_t(book)
        outside = book.is_outside(held.bid, held.lot)
        self.outside_t = book.outside_cap_t - total(held.bid[outside], held.tonnes[outside], len(book.bids))
        bid, group, tonnes = (column.tolist() for column in seller_pairs(book, held))
        self.contracts_t = dict(zip(zip(bid, group, strict=True), tonnes, strict=True))
        self.sellers = total(np.array(bid, dtype=np.int64), np.ones(len(bid), dtype=np.int64), len(book.bids))
        pairs = zip(held.bid.tolist(), held.lot.tolist(), strict=True)
        self.line_t = dict(zip(pairs, held.tonnes.tolist(), strict=True))

    def open_bids(self) -> list[int]:
        """Bids with tonnes unfilled, the highest limit first."""
        bids = np.flatnonzero(self.unfilled_t > 0)
        return bids[np.lexsort((self.book.bid_priority[bids], -self.book.limit_fen[bids]))].tolist()

    def open_whole_lots(self) -> list[int]:
        """Lots offered as a whole that are unsold, the lowest ask first."""
        lots = np.flatnonzero((self.unsold_t > 0) & self.book.is_whole_lot)
        return lots[np.lexsort((self.book.lot_priority[lots], self.book.ask_fen[lots]))].tolist()

    def serve(self, i: int) -> None:
        """As many tonnes as bid `i` may take; all or none where it wants that."""
        book = self.book
        lots = np.flatnonzero(self.unsold_t > 0)
        lots = lots[may_trade(book, one(i), lots)]
        written: list[tuple[int, int, int]] = []
        for j in lots[np.lexsort((book.lot_priority[lots], book.ask_fen[lots]))].tolist():
            if not self.unfilled_t[i]:
                break
            self._write(i, j, self._room_t(i, j), written, bid_is_whole=bool(book.is_whole_bid[i]))
        if book.is_whole_bid[i] and self.unfilled_t[i]:
            self._take_back(written)

    def sell_out(self, j: int) -> None:
        """Several bids that together take lot `j` as a whole."""
        book = self.book
        bids = np.flatnonzero((self.unfilled_t > 0) & ~book.is_whole_bid)
        bids = bids[may_trade(book, bids, one(j))]
        written: list[tuple[int, int, int]] = []
        for i in bids[np.lexsort((book.bid_priority[bids], -book.limit_fen[bids]))].tolist():
            if not self.unsold_t[j]:
                break
            self._write(i, j, self._room_t(i, j), written, lot_is_whole=True)
        if self.unsold_t[j]:
            self._take_back(written)

    def lines(self) -> Allocation:
        """All lines, old and new."""
        rows = np.array([(i, j, tonnes) for (i, j), tonnes in self.line_t.items()], dtype=np.int64).reshape(-1, 3)
        return Allocation.of(rows[:, 0], rows[:, 1], rows[:, 2], len(self.book.lots))

    def _room_t(self, i: int, j: int) -> int:
        """The most tonnes that bid `i` may take of lot `j` now."""
        book, group = self.book, int(self.book.lot_group[j])
        used_t = self.contracts_t.get((i, group), 0)
        if not used_t and self.sellers[i] >= book.most_sellers[i]:
            return 0
        room_t = min(int(self.unfilled_t[i]), int(self.unsold_t[j]), int(book.group_cap_t[i]) - used_t)
        return min(room_t, int(self.outside_t[i])) if book.is_outside(one(i), one(j)) else room_t

    def _write(
        self,
        i: int,
        j: int,
        tonnes: int,
        written: list[tuple[int, int, int]],
        *,
        bid_is_whole: bool = False,
        lot_is_whole: bool = False,
    ) -> None:
        """A line, unless it is too small or leaves a part of a whole lot. An order served as a whole excuses both."""
        completes = bid_is_whole or lot_is_whole or tonnes == self.unfilled_t[i] or tonnes == self.unsold_t[j]
        if not completes and self.line_t.get((i, j), 0) + tonnes < self.book.min_line_t:
            return
        if tonnes <= 0 or (self.book.is_whole_lot[j] and not lot_is_whole and tonnes < self.unsold_t[j]):
            return
        self._move(i, j, tonnes)
        written.append((i, j, tonnes))

    def _take_back(self, written: list[tuple[int, int, int]]) -> None:
        for i, j, tonnes in written:
            self._move(i, j, -tonnes)

    def _move(self, i: int, j: int, tonnes: int) -> None:
        contract = i, int(self.book.lot_group[j])
        before_t = self.contracts_t.get(contract, 0)
        self.contracts_t[contract] = before_t + tonnes
        self.sellers[i] += (before_t + tonnes > 0) - (before_t > 0)
        self.line_t[i, j] = self.line_t.get((i, j), 0) + tonnes
        self.unfilled_t[i] -= tonnes
        self.unsold_t[j] -= tonnes
        if self.book.is_outside(one(i), one(j)):
            self.outside_t[i] -= tonnes


def in_turn(book: Book, held: Allocation) -> Allocation:
    """At equal terms the earlier order is served first: orders that differ in nothing but name and time change places.

    What each place got stays as it is, so every rule and every goal does too.
    """
    sellers = {lot.group for lot in book.lots}
    bid_terms = [
        (b.group if b.group in sellers else None, b.purpose, b.quantity_t, b.limit_fen, b.product_types, b.vintage_from,
         b.vintage_to, b.regions, b.floor, b.max_group_permille, b.max_sellers, b.all_or_none)
        for b in book.bids
    ]  # fmt: skip
    lot_terms = [
        (x.group, x.product_type, x.vintage, x.region, x.quantity_t, x.ask_fen, x.all_or_none) for x in book.lots
    ]
    bid = _places(bid_terms, held.filled_t(book), book.bid_priority)[held.bid]
    lot = _places(lot_terms, held.sold_t(book), book.lot_priority)[held.lot]
    return Allocation.of(bid, lot, held.tonnes, len(book.lots))


def _places(terms: Sequence[tuple[object, ...]], tonnes: Whole, priority: Whole) -> Whole:
    """Whose turn the turn of each order becomes: most tonnes to the earliest of the same terms."""
    places = np.arange(len(terms))
    alike: dict[tuple[object, ...], list[int]] = {}
    for position in np.argsort(priority).tolist():
        alike.setdefault(terms[position], []).append(position)
    for earliest in alike.values():
        if len(earliest) > 1:
            by_tonnes = sorted(earliest, key=lambda k: -tonnes[k])  # stable: at equal tonnes all stay where they are
            places[by_tonnes] = earliest
    return places
