"""The variables of a round as arrays: bids and lots in canonical order, and which lots look alike to every bid.

The decision is a tonnage for each pair of a bid and a lot. Pairs are far too many to list for a whole province, but
lots that no bid can tell apart by type, region or floor form a *class*; inside a class and a *window* of vintages only
the price orders them. The network of the bounds is built on those structures, never on pairs.

Positions, not ids, run through the arrays: `bids[i]` and `lots[j]` are sorted by id, so that the order of the lists in
the file has no influence. `bid_priority` and `lot_priority` rank by the earlier `submitted_at` / `offered_at`, then by
SHA-256 of seed and id (contracts §2, last rule of the goals): 0 comes first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.problem import COMPLIANCE, Bid, Lot, Problem, instant

Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
# Seller groups with this share of the supply get classes of their own, so many at most; fewer when seen coarsely.
DOMINANT_PERMILLE, MOST_DOMINANT = 5, 60
COARSE_DOMINANT_PERMILLE, COARSE_MOST_DOMINANT = 100, 12
MIDDLING_PAIRS, LARGE_PAIRS = 600_000, 2_000_000  # rounds of more pairs than these
_Choice = tuple[frozenset[str] | None, frozenset[str] | None]


@dataclass(frozen=True)
class Book:
    """Both sides of a round as arrays. Tonnes, fen and permille as in the problem file; absent limits are widened.

    `outside_cap_t` is what a bid may take outside its floor's set, `group_cap_t` from one seller group, both its whole
    quantity where it states nothing; `most_sellers` is the number of seller groups in the round then. `accepts_class`
    and `outside_class` are (bids x classes); `window_of_bid` numbers the distinct (from, to) vintage `windows`.
    """

    problem: Problem
    bids: tuple[Bid, ...]
    lots: tuple[Lot, ...]
    quota_t: Whole
    limit_fen: Whole
    is_compliance: Mask
    is_whole_bid: Mask
    bid_group: Whole
    outside_cap_t: Whole
    group_cap_t: Whole
    most_sellers: Whole
    window_of_bid: Whole
    windows: tuple[tuple[int, int], ...]
    bid_priority: Whole
    supply_t: Whole
    ask_fen: Whole
    vintage: Whole
    is_whole_lot: Mask
    lot_group: Whole
    class_of_lot: Whole
    class_owner: Whole
    lot_priority: Whole
    wish_accepts: Mask
    wish_of_bid: Whole
    floor_excludes: Mask
    floor_of_bid: Whole

    @property
    def min_line_t(self) -> int:
        """The least tonnes of a line that neither completes its bid nor empties its lot."""
        return self.problem.min_line_t

    @cached_property
    def groups(self) -> int:
        """How many distinct groups stand on either side; group numbers run below it."""
        return int(max(self.bid_group.max(initial=-1), self.lot_group.max(initial=-1))) + 1

    def accepts_class(self, bids: Whole, classes: Whole) -> Mask:
        """Whether each bid takes lots of each class by type and region (elementwise)."""
        return self.wish_accepts[self.wish_of_bid[bids], classes]

    def is_outside(self, bids: Whole, lots: Whole) -> Mask:
        """Whether each lot lies outside the set of its bid's floor (elementwise)."""
        return self.floor_excludes[self.floor_of_bid[bids], self.class_of_lot[lots]]

    def surplus_fen(self, bids: Whole, lots: Whole) -> Whole:
        """Limit less ask of each pair, fen per tonne."""
        return self.limit_fen[bids] - self.ask_fen[lots]


def book_of(problem: Problem, *, is_fine: bool = False) -> Book:
    """The arrays of a problem, the same for every order of its lists.

    A small round sees many seller groups apart, a large one only those that rule the market. A middling one is seen
    coarsely, which is several times faster and mostly enough, unless `is_fine`.
    """
    bids, lots = tuple(sorted(problem.bids, key=_by_id)), tuple(sorted(problem.lots, key=_by_id))
    group_number = {name: k for k, name in enumerate(sorted({row.group for row in (*bids, *lots)}))}
    lot_group = _whole([group_number[lot.group] for lot in lots])
    supply_t, quota_t = _whole([lot.quantity_t for lot in lots]), _whole([bid.quantity_t for bid in bids])
    vintage = _whole([lot.vintage for lot in lots])
    windows, window_of_bid = _windows(bids, vintage)
    return Book(
        problem=problem,
        bids=bids,
        lots=lots,
        quota_t=quota_t,
        limit_fen=_whole([bid.limit_fen for bid in bids]),
        is_compliance=np.array([bid.purpose == COMPLIANCE for bid in bids], dtype=bool),
        is_whole_bid=np.array([bid.all_or_none for bid in bids], dtype=bool),
        bid_group=_whole([group_number[bid.group] for bid in bids]),
        outside_cap_t=_whole(
            [_share(bid.quantity_t, 1000 - (bid.floor.min_permille if bid.floor else 0)) for bid in bids]
        ),
        group_cap_t=_whole([_share(bid.quantity_t, _or(bid.max_group_permille, 1000)) for bid in bids]),
        most_sellers=_whole([min(_or(bid.max_sellers, len(group_number)), len(group_number)) for bid in bids]),
        window_of_bid=window_of_bid,
        windows=windows,
        bid_priority=_priority([(instant(bid.submitted_at), bid.id) for bid in bids], problem.seed),
        supply_t=supply_t,
        ask_fen=_whole([lot.ask_fen for lot in lots]),
        vintage=vintage,
        is_whole_lot=np.array([lot.all_or_none for lot in lots], dtype=bool),
        lot_group=lot_group,
        lot_priority=_priority([(instant(lot.offered_at), lot.id) for lot in lots], problem.seed),
        **_classes(bids, lots, lot_group, _dominant_groups(bids, lot_group, supply_t, is_fine)),
    )


def one(position: int) -> Whole:
    """A single position as an array, to stand beside many."""
    return np.array(position, dtype=np.int64)


def _by_id(row: Bid | Lot) -> str:
    return row.id


def _or(stated: int | None, otherwise: int) -> int:
    return otherwise if stated is None else stated


def _share(quantity_t: int, permille: int) -> int:
    """A share of the quota, rounded down as contracts §2 has it for floors and group caps."""
    return quantity_t * permille // 1000


def _whole(values: Sequence[int]) -> Whole:
    return np.array(values, dtype=np.int64)


def _priority(keys: list[tuple[tuple[str, str, str], str]], seed: str) -> Whole:
    """Ranks by instant, then by SHA-256(UTF-8 of seed and id)."""
    hashed = [(moment, hashlib.sha256((seed + name).encode()).digest()) for moment, name in keys]
    rank = np.empty(len(keys), dtype=np.int64)
    rank[sorted(range(len(keys)), key=hashed.__getitem__)] = np.arange(len(keys))
    return rank


def _windows(bids: Sequence[Bid], vintage: Whole) -> tuple[tuple[tuple[int, int], ...], Whole]:
    """Distinct vintage windows, narrowed to vintages on offer so that equal choices are equal windows."""
    years = np.unique(vintage)
    lowest, highest = (int(years[0]), int(years[-1])) if years.size else (0, 0)
    numbers: dict[tuple[int, int], int] = {}
    found = []
    for bid in bids:
        inside = years[(years >= _or(bid.vintage_from, lowest)) & (years <= _or(bid.vintage_to, highest))]
        window = (int(inside[0]), int(inside[-1])) if inside.size else (1, 0)
        found.append(numbers.setdefault(window, len(numbers)))
    return tuple(numbers), _whole(found)


def is_middling(book: Book) -> bool:
    """Whether the round may be seen coarsely or finely."""
    return MIDDLING_PAIRS < len(book.bids) * len(book.lots) <= LARGE_PAIRS


def is_large(book: Book) -> bool:
    """Whether the round can only be seen coarsely."""
    return len(book.bids) * len(book.lots) > LARGE_PAIRS


def _dominant_groups(bids: Sequence[Bid], lot_group: Whole, supply_t: Whole, is_fine: bool) -> list[int]:
    """Seller groups so large that the caps against them must be seen by the bound, largest first."""
    if not lot_group.size or all(bid.max_group_permille is None for bid in bids):
        return []
    permille, most = DOMINANT_PERMILLE, MOST_DOMINANT
    if len(bids) * len(lot_group) > (LARGE_PAIRS if is_fine else MIDDLING_PAIRS):
        permille, most = COARSE_DOMINANT_PERMILLE, COARSE_MOST_DOMINANT
    held_t = np.zeros(int(lot_group.max()) + 1, dtype=np.int64)
    np.add.at(held_t, lot_group, supply_t)
    largest = np.argsort(-held_t, kind="stable")[:most]
    return [int(g) for g in largest if held_t[g] * 1000 >= permille * held_t.sum()]


def _classes(bids: Sequence[Bid], lots: Sequence[Lot], lot_group: Whole, dominant: list[int]) -> dict[str, Any]:
    """Classes of lots no bid can tell apart: equal columns of (what wishes accept, what floors exclude, dominance)."""
    cells: dict[tuple[str, str, int], int] = {}
    owners = [g if g in dominant else -1 for g in lot_group.tolist()]
    of_lot = [
        cells.setdefault((lot.product_type, lot.region, owner), len(cells))
        for lot, owner in zip(lots, owners, strict=True)
    ]
    wishes: dict[_Choice, int] = {}
    floors: dict[_Choice, int] = {}
    wish_of_bid = [wishes.setdefault((_set(b.product_types), _set(b.regions)), len(wishes)) for b in bids]
    nothing_outside = (None, None)
    floor_of_bid = [
        floors.setdefault(
            (_set(b.floor.product_types), _set(b.floor.regions)) if b.floor else nothing_outside, len(floors)
        )
        for b in bids
    ]
    accepted, excluded = _table(wishes, cells), ~_table(floors, cells)
    owner_of_cell = _whole([owner for _, _, owner in cells])
    looks = np.vstack([accepted.astype(np.int64), excluded.astype(np.int64), owner_of_cell[None, :]])
    first, class_of_cell = _alike(looks)
    return {
        "class_of_lot": class_of_cell[_whole(of_lot)],
        "class_owner": owner_of_cell[first],
        "wish_accepts": accepted[:, first],
        "wish_of_bid": _whole(wish_of_bid),
        "floor_excludes": excluded[:, first],
        "floor_of_bid": _whole(floor_of_bid),
    }


def _table(choices: Iterable[_Choice], cells: Collection[tuple[str, str, int]]) -> Mask:
    """Whether each choice of types and regions holds each cell (choices x cells)."""
    rows = [[_holds(choice, cell) for cell in cells] for choice in choices]
    return np.array(rows, dtype=bool).reshape(len(rows), len(cells))


def _alike(looks: npt.NDArray[np.int64]) -> tuple[Whole, Whole]:
    """Which columns are equal: the first of each kind, and the kind of each."""
    kinds: dict[bytes, int] = {}
    of_column = [kinds.setdefault(column.tobytes(), len(kinds)) for column in looks.T.copy()]
    first = [of_column.index(kind) for kind in range(len(kinds))]
    return _whole(first), _whole(of_column)


def _set(names: Sequence[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _holds(chosen: _Choice, cell: tuple[str, str, int]) -> bool:
    types, regions = chosen
    return (types is None or cell[0] in types) and (regions is None or cell[1] in regions)
