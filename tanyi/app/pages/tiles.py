"""The tile map: the eleven prefecture cities and Xiong'an as a schematic grid with a figure, a shade and a link each.

It shows neighbours, not boundaries: a map with boundaries needs an approval number in China. The tiles are one inline
SVG drawn on the server, every tile a link that the keyboard reaches; the same figures stand beside it as a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tanyi.app.pages import pieces, tabular
from tanyi.app.pages.rendering import with_query
from tanyi.app.pages.tabular import Asked, Column, Said, Source, Spec, Table
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS

PLACES: Final[Mapping[str, tuple[int, int]]] = {  # column and row, north up
    "130700": (0, 0),
    "130800": (2, 0),
    "131000": (1, 1),
    "130200": (2, 1),
    "130300": (3, 1),
    "130600": (0, 2),
    "133100": (1, 2),
    "130900": (2, 3),
    "130100": (0, 3),
    "131100": (1, 3),
    "130500": (0, 4),
    "130400": (0, 5),
}
SHORT: Final = {"133100": N_("Xiong'an")}  # a tile is narrow
WIDTH, HEIGHT, GAP = 132, 76, 8
SHADES: Final = 5


@dataclass(frozen=True)
class Tile:
    """One city: where it stands in the drawing, its figure, its shade from 0 (nothing) to 5, where it leads."""

    code: str
    name: pieces.Names
    x: int
    y: int
    quantity_t: int
    shade: int
    address: str


@dataclass(frozen=True)
class TileMap:
    """All tiles and the table of the same figures."""

    title: Said
    tiles: tuple[Tile, ...]
    table: Table
    width: int = 4 * (WIDTH + GAP) - GAP
    height: int = 6 * (HEIGHT + GAP) - GAP
    tile_width: int = WIDTH
    tile_height: int = HEIGHT


def shade_of(quantity_t: int, most_t: int) -> int:
    """0 for nothing, else which fifth of the largest figure this one lies in, from 1 to 5."""
    return 0 if quantity_t <= 0 else -(-quantity_t * SHADES // most_t)


def tile_map(asked: Asked, name: str, title: Said, figures: Mapping[str, int], address: str) -> TileMap:
    """The map of these tonnes by city; a tile leads to `address` narrowed to it by `region`."""
    most_t = max(figures.values(), default=0)
    drawn = tuple(
        Tile(
            code=code,
            name=pieces.both(SHORT.get(code, REGIONS[code])),
            x=column * (WIDTH + GAP),
            y=row * (HEIGHT + GAP),
            quantity_t=figures.get(code, 0),
            shade=shade_of(figures.get(code, 0), most_t),
            address=with_query(address, {"region": code}),
        )
        for code, (column, row) in PLACES.items()
    )
    largest_first = sorted(drawn, key=lambda tile: (-tile.quantity_t, tile.code))
    rows = [{"code": tile.code, "city": tile.name, "quantity_t": tile.quantity_t} for tile in largest_first]
    columns = (
        Column("city", N_("City"), "names", link=f"{address}?region={{code}}"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
    )
    spec = Spec(f"{name}-by-city", title, columns, is_whole=True, is_sortable=False)
    return TileMap(title, drawn, tabular.table(spec, Source.of(rows), asked))
