"""Where everybody stands after a round: what stayed open, and what each bid has used of its floor, share and sellers.

Everything that explains a result is read from here, and from nothing but a problem and its lines. Whether a lot suits a
bid is asked rule by rule (type, region, vintage, price, own group), since an explanation drops one rule at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from matching.constraints import Allocation, seller_pairs, total
from matching.variables import Book, Mask, Whole

_Names = tuple[str, ...] | None


@dataclass
class Standing:
    """The book and its lines, with open tonnes by position. `open_lots` run from the cheapest ask to the dearest.

    `accepts_type` (type choices x types) and `accepts_region` hold each distinct preference once. Bids of one *kind* have
    the same types, regions, vintages and floor. `outside_left_t` is what a bid may still take outside its floor's set,
    whatever else it lacks; `buys` and `sells` say which groups stand on either side.
    """

    book: Book
    held: Allocation
    unfilled_t: Whole = field(init=False)
    unsold_t: Whole = field(init=False)
    outside_left_t: Whole = field(init=False)
    open_bids: Whole = field(init=False)
    open_lots: Whole = field(init=False)
    type_of_lot: Whole = field(init=False)
    region_of_lot: Whole = field(init=False)
    accepts_type: Mask = field(init=False)
    types_of_bid: Whole = field(init=False)
    accepts_region: Mask = field(init=False)
    regions_of_bid: Whole = field(init=False)
    kind_of_bid: Whole = field(init=False)
    example_of_kind: Whole = field(init=False)
    buys: Mask = field(init=False)
    sells: Mask = field(init=False)

    def __post_init__(self) -> None:
        book, held = self.book, self.held
        self.unfilled_t = book.quota_t - held.filled_t(book)
        self.unsold_t = book.supply_t - held.sold_t(book)
        outside = book.is_outside(held.bid, held.lot)
        self.outside_left_t = book.outside_cap_t - total(held.bid[outside], held.tonnes[outside], len(book.bids))
        self.open_bids = np.flatnonzero(self.unfilled_t > 0)
        unsold = np.flatnonzero(self.unsold_t > 0)
        self.open_lots = unsold[np.argsort(book.ask_fen[unsold], kind="stable")]
        self._contracts = seller_pairs(book, held)
        self._first, self._last = np.array(book.windows, dtype=np.int64).reshape(-1, 2).T
        self.type_of_lot, types = _numbered(lot.product_type for lot in book.lots)
        self.region_of_lot, regions = _numbered(lot.region for lot in book.lots)
        self.accepts_type, self.types_of_bid = _choices([bid.product_types for bid in book.bids], types)
        self.accepts_region, self.regions_of_bid = _choices([bid.regions for bid in book.bids], regions)
        tastes = np.stack([self.types_of_bid, self.regions_of_bid, book.window_of_bid, book.floor_of_bid])
        _, self.example_of_kind, kinds = np.unique(tastes, axis=1, return_index=True, return_inverse=True)
        self.kind_of_bid = kinds.ravel()
        groups = book.groups
        self.buys, self.sells = (np.bincount(g, minlength=groups) > 0 for g in (book.bid_group, book.lot_group))

    def lines_of(self, i: int) -> tuple[Whole, Whole]:
        """The lots of a bid's lines and their tonnes."""
        lo, hi = np.searchsorted(self.held.bid, [i, i + 1])
        return self.held.lot[lo:hi], self.held.tonnes[lo:hi]

    def contracts_of(self, i: int) -> tuple[Whole, Whole]:
        """The seller groups that a bid deals with, and its tonnes from each."""
        lo, hi = np.searchsorted(self._contracts[0], [i, i + 1])
        return self._contracts[1][lo:hi], self._contracts[2][lo:hi]

    def contracts(self) -> tuple[Whole, Whole, Whole]:
        """Bid, seller group and tonnes of every contract, sorted by bid and group."""
        return self._contracts

    def used_t(self, bids: Whole, groups: Whole) -> Whole:
        """The tonnes that bids have from seller groups (positions that broadcast)."""
        keys = self._contracts[0] * len(self.sells) + self._contracts[1]
        wanted = bids * len(self.sells) + groups
        if not len(keys):
            return np.zeros_like(wanted)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, self._contracts[2][place], 0)

    def sellers(self) -> Whole:
        """With how many seller groups each bid deals."""
        return np.bincount(self._contracts[0], minlength=len(self.book.bids))

    def suits(self, lots: Whole) -> Mask:
        """Whether lots suit each kind of bid by type, region and vintage (kinds x lots)."""
        fails = self.failures(self.example_of_kind[:, None], lots[None, :])
        return ~(fails["type"] | fails["region"] | fails["vintage"])

    def failures(self, bids: Whole, lots: Whole) -> dict[str, Mask]:
        """Which pairs fail the rules of type, region and vintage (positions that broadcast)."""
        window, vintage = self.book.window_of_bid[bids], self.book.vintage[lots]
        return {
            "type": ~self.accepts_type[self.types_of_bid[bids], self.type_of_lot[lots]],
            "region": ~self.accepts_region[self.regions_of_bid[bids], self.region_of_lot[lots]],
            "vintage": (vintage < self._first[window]) | (vintage > self._last[window]),
        }


def _numbered(names: Iterable[str]) -> tuple[Whole, dict[str, int]]:
    """A number for each name, and which name has which."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64), numbers


def _choices(stated: Sequence[_Names], names: dict[str, int]) -> tuple[Mask, Whole]:
    """The distinct preferences as a table (choices x names), and which one each bid has."""
    numbers: dict[frozenset[str] | None, int] = {}
    sets = [None if each is None else frozenset(each) for each in stated]
    of_bid = np.array([numbers.setdefault(each, len(numbers)) for each in sets], dtype=np.int64)
    table = [[chosen is None or name in chosen for name in names] for chosen in numbers]
    return np.array(table, dtype=bool).reshape(len(numbers), len(names)), of_bid
