"""What is on offer, as arrays, and what one buyer may take of it.

A wish is a bid of contracts §2 without a round around it: types, vintages, regions, a limit price, a floor as a share of
the quantity, a largest share from one seller group, a number of seller groups; never the own group. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from msgspec import Struct

from matching.basket import Mask, Stock, Whole
from matching.problem import Floor, Lot, instant
from matching.selection import Case


class Wish(Struct, frozen=True, kw_only=True):
    """What one buyer wants; None is no restriction. `group` is the buyer's own, from which it never buys."""

    quantity_t: int
    limit_fen: int | None = None
    product_types: tuple[str, ...] | None = None
    vintage_from: int | None = None
    vintage_to: int | None = None
    regions: tuple[str, ...] | None = None
    floor: Floor | None = None
    max_group_permille: int | None = None
    max_sellers: int | None = None
    group: str | None = None


@dataclass(frozen=True)
class Shelf:
    """All lots on offer as parallel arrays: by ask, then the earlier offer, then SHA-256 of seed and id.

    Groups, types and regions are numbers; the mappings give the number of each name.
    """

    ids: tuple[str, ...]
    ask_fen: Whole
    supply_t: Whole
    vintage: Whole
    is_whole: Mask
    group: Whole
    product_type: Whole
    region: Whole
    groups: dict[str, int]
    product_types: dict[str, int]
    regions: dict[str, int]


def shelf_of(lots: Iterable[Lot], seed: str = "") -> Shelf:
    """The lots as arrays, the same for every order of the lots."""
    ordered: list[Lot] = []
    for _, tied in groupby(sorted(lots, key=lambda lot: lot.ask_fen), key=lambda lot: lot.ask_fen):
        equals = list(tied)
        ordered += equals if len(equals) == 1 else sorted(equals, key=lambda lot: _priority(lot, seed))
    groups, types, regions = (_numbered(ordered, name) for name in ("group", "product_type", "region"))
    return Shelf(
        ids=tuple(lot.id for lot in ordered),
        ask_fen=np.array([lot.ask_fen for lot in ordered], dtype=np.int64),
        supply_t=np.array([lot.quantity_t for lot in ordered], dtype=np.int64),
        vintage=np.array([lot.vintage for lot in ordered], dtype=np.int64),
        is_whole=np.array([lot.all_or_none for lot in ordered], dtype=bool),
        group=np.array([groups[lot.group] for lot in ordered], dtype=np.int64),
        product_type=np.array([types[lot.product_type] for lot in ordered], dtype=np.int64),
        region=np.array([regions[lot.region] for lot in ordered], dtype=np.int64),
        groups=groups,
        product_types=types,
        regions=regions,
    )


def _priority(lot: Lot, seed: str) -> tuple[tuple[str, str, str], bytes]:
    return instant(lot.offered_at), hashlib.sha256((seed + lot.id).encode()).digest()


def _numbered(lots: Sequence[Lot], field: str) -> dict[str, int]:
    return {name: number for number, name in enumerate(sorted({getattr(lot, field) for lot in lots}))}


def case_of(shelf: Shelf, wish: Wish, min_line_t: int, without: Collection[str] = ()) -> tuple[Whole, Case]:
    """The lots that a wish may take, as positions on the shelf, and the case; `without` names more groups left out."""
    inside, outside_t = _floor(shelf, wish)
    room_t = _share(wish.quantity_t, wish.max_group_permille)
    most_t = np.where(inside, room_t, min(room_t, outside_t))
    closed = _named(shelf.groups, {*without, wish.group})[shelf.group]
    is_open = _suits(shelf, wish) & ~closed & (most_t >= np.where(shelf.is_whole, shelf.supply_t, 1))
    places = np.flatnonzero(is_open)
    stock = Stock(
        ask_fen=shelf.ask_fen[places],
        supply_t=shelf.supply_t[places],
        group=shelf.group[places],
        is_outside=~inside[places],
        room_t=np.full(len(shelf.groups), room_t, dtype=np.int64),
        outside_t=outside_t,
    )
    most_sellers = len(shelf.groups) if wish.max_sellers is None else wish.max_sellers
    return places, Case(stock, shelf.is_whole[places], wish.quantity_t, most_sellers, min_line_t)


def _suits(shelf: Shelf, wish: Wish) -> Mask:
    """Lots of a type, region, vintage and price that the wish allows."""
    suits = _is_among(shelf, wish.product_types, wish.regions)
    if wish.vintage_from is not None:
        suits &= shelf.vintage >= wish.vintage_from
    if wish.vintage_to is not None:
        suits &= shelf.vintage <= wish.vintage_to
    if wish.limit_fen is not None:
        suits &= shelf.ask_fen <= wish.limit_fen
    return suits


def _floor(shelf: Shelf, wish: Wish) -> tuple[Mask, int]:
    """Lots inside the floor's set, and the most tonnes outside it: a share of the quantity, not of the fill."""
    if wish.floor is None:
        return np.ones(len(shelf.ids), dtype=bool), wish.quantity_t
    inside = _is_among(shelf, wish.floor.product_types, wish.floor.regions)
    return inside, _share(wish.quantity_t, 1000 - wish.floor.min_permille)


def _is_among(shelf: Shelf, product_types: Sequence[str] | None, regions: Sequence[str] | None) -> Mask:
    """Lots of these types and regions; None is any."""
    among = np.ones(len(shelf.ids), dtype=bool)
    if product_types is not None:
        among &= _named(shelf.product_types, product_types)[shelf.product_type]
    if regions is not None:
        among &= _named(shelf.regions, regions)[shelf.region]
    return among


def _named(numbers: dict[str, int], names: Iterable[str | None]) -> Mask:
    """By number, whether a name is among these."""
    chosen = np.zeros(len(numbers), dtype=bool)
    chosen[[numbers[name] for name in names if name in numbers]] = True
    return chosen


def _share(quantity_t: int, permille: int | None) -> int:
    """A share of the quantity, rounded down (contracts §2); all of it when none is stated."""
    return quantity_t if permille is None else quantity_t * permille // 1000
