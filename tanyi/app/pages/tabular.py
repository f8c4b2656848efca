"""The tables of the pages: columns are declared once, and from that a table is shown, sorted, paged and exported.

A row is a mapping as the views give it; a column says where its cell stands in the row and what it is. The template
`layout/tables.html` draws a `Table`, `exports` writes it as a file: both hold the same rows in the same order, so nobody
can export what the page would not show. A `Source` loads rows by their ids, so that a page in the order of the database
reads only what it shows; only sorting by another column reads them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

from tanyi.app.pages import labels, pieces
from tanyi.app.pages.rendering import spoken, translate, with_query
from tanyi.app.spreadsheets import Cell, Kind
from tanyi.kernel.errors import N_

Row = Mapping[str, Any]
Said = str | pieces.Names  # a msgid, or what has names in both languages
Place = Literal["cell", "under", "file"]  # a cell of its own, small under the cell before it, in the file only

SIZES: Final = (10, 20, 50, 100)
LOADED_AT_ONCE: Final = 500
OWN: Final = ("sort", "page", "per")
STATE: Final = re.compile(r"(?:[a-z_]+-)?(?:sort|page|per)")  # of this table and of others on the same page
TEXT_KINDS: Final = ("text", "names", "serial", "certificate", "state", "word", "type")
WHOLE, DECIMAL = ("tonnes", "whole", "ppm"), ("yuan", "price", "percent", "figure")
KINDS: Final[Sequence[tuple[Sequence[str], Kind]]] = (
    *((TEXT_KINDS, "text"), (WHOLE, "whole"), (DECIMAL, "decimal")),
    *((("year",), "year"), (("date",), "date"), (("instant",), "instant")),
)
FILE_KINDS: Final = {shown: kind for kinds, kind in KINDS for shown in kinds}
PLACES: Final = {"percent": 1, "figure": 3}
UNITS: Final = {"tonnes": N_("t"), "yuan": N_("yuan"), "price": N_("yuan/t"), "percent": "%", "ppm": "ppm"}
NUMBERS: Final = frozenset({"tonnes", "whole", "year", "ppm", "yuan", "price", "percent", "figure"})


@dataclass(frozen=True)
class Column:
    """One column. `key` says where the cell stands in a row (`project.code` goes inside); `head` is a msgid or names.

    `kind` is one of `FILE_KINDS`: `yuan` and `price` are fen, `percent` is permille; `state` and `word` are codes whose
    words are those of `words` in `labels`. `link` is an address with places, such as `/projects/{project.code}`.
    """

    key: str
    head: Said
    kind: str = "text"
    link: str = ""
    words: str = ""
    place: Place = "cell"

    @property
    def is_number(self) -> bool:
        return self.kind in NUMBERS

    def raw(self, row: Row) -> Any:
        """The cell as the row holds it."""
        return dig(row, self.key)

    def address(self, row: Row) -> str | None:
        """Where the cell leads, None when a part of the address is missing."""
        parts = {key: dig(row, key) for key in re.findall(r"\{([a-z_.]+)\}", self.link)}
        if not self.link or any(part is None for part in parts.values()):
            return None
        return re.sub(r"\{([a-z_.]+)\}", lambda found: str(parts[found[1]]), self.link)

    def cell(self, row: Row, locale: str) -> Cell:
        """The cell as a file holds it, in the reader's language; also what the table is sorted by."""
        said = self.raw(row)
        if said is None or FILE_KINDS[self.kind] in ("whole", "year"):
            return said
        if self.kind in ("yuan", "price"):
            return Decimal(int(said)).scaleb(-2)
        if self.kind == "percent":
            return Decimal(int(said)).scaleb(-1)
        return said if isinstance(said, date | Decimal) else self._text(said, locale)

    def _text(self, said: Any, locale: str) -> str:
        if not isinstance(said, str):
            return spoken(said, locale)
        known = {"state": labels.state_word, "word": labels.word_for}.get(self.kind)
        word = known(self.words, said) if known else labels.PRODUCT_TYPES.get(said) if self.kind == "type" else None
        return translate(word, locale=locale) if word else said


def dig(row: Row, key: str) -> Any:
    """What stands in a row at `a.b`; None where a part on the way is None."""
    found: Any = row
    for part in key.split("."):
        found = None if found is None else found[part]
    return found


@dataclass(frozen=True)
class Filter:
    """A field above a table. With `options` (value, names) a choice, else typed."""

    name: str
    label: Said
    options: Sequence[tuple[str, pieces.Names]] | None = None
    unit: str | None = None
    placeholder: str = ""


@dataclass(frozen=True)
class Asked:
    """What a reader asks of the tables of a page: at which address, with which query, in which language."""

    address: str
    query: Mapping[str, str] = field(default_factory=dict)
    locale: str = "zh"
    here: str = "/"  # with the query, so that changing the language keeps what was searched for


@dataclass(frozen=True)
class Source:
    """Rows by their ids in the table's own order; `load` gives the rows of some ids in the order asked."""

    ids: Sequence[Any]
    load: Callable[[Sequence[Any]], Sequence[Row]]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Source:
        """Rows that are at hand already."""
        return cls(range(len(rows)), lambda places: [rows[place] for place in places])


@dataclass(frozen=True)
class Spec:
    """A kind of table: its name (in addresses and file names), title (a msgid), columns, and what it says when empty.

    `by` is the column of the table's own order, with "-" in front for falling. A `prefix` keeps the parameters of
    several tables on one page apart. A table that `is_whole` shows all its rows at once, with the sums of `sums`.
    """

    name: str
    title: Said
    columns: tuple[Column, ...]
    by: str = ""
    prefix: str = ""
    size: int = pieces.PER_PAGE  # rows on a page unless the reader asks for more
    is_whole: bool = False
    is_sortable: bool = True
    sums: tuple[str, ...] = ()
    empty_title: str = N_("Nothing here yet")
    empty_text: str = N_("What comes in is shown here.")


@dataclass(frozen=True)
class Head:
    """The head of a column: `aria` is its state for screen readers, `address` sorts by it or turns the order round."""

    column: Column
    aria: str
    address: str


@dataclass(frozen=True)
class Table:
    """A table for one reader and one request: the rows of this page, and the addresses of everything it offers."""

    spec: Spec
    source: Source
    asked: Asked
    sort: str
    per: int
    paging: Mapping[str, int]
    rows: Sequence[Row]
    filters: Sequence[Filter] = ()
    chosen: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kept(self) -> dict[str, Any]:
        """What every address of the table keeps: its filters, and the state of this table and its neighbours."""
        query = self.asked.query
        state = {name: pieces.typed(query, name) for name in query if STATE.fullmatch(name)}
        return {**self.chosen, **state}

    @property
    def cells(self) -> list[tuple[Column, list[Column]]]:
        """The columns of the page, each with those that stand small under it."""
        found: list[tuple[Column, list[Column]]] = []
        for column in self.spec.columns:
            if column.place == "cell":
                found.append((column, []))
            elif column.place == "under":
                found[-1][1].append(column)
        return found

    @property
    def heads(self) -> list[Head]:
        """The heads of the page's columns."""
        found = []
        for column, _ in self.cells:
            aria = {column.key: "ascending", f"-{column.key}": "descending"}.get(self.sort, "none")
            wanted = f"-{column.key}" if aria == "ascending" else column.key
            found.append(Head(column, aria, self.at(sort=wanted, page=None)))
        return found

    def sum(self, column: Column) -> int | None:
        """The sum of a column of a whole table, None for one that is not summed."""
        return sum(column.raw(row) or 0 for row in self.rows) if column.key in self.spec.sums else None

    @property
    def sizes(self) -> list[int]:
        """The page sizes worth offering: those that show more or less than all of it."""
        sizes = [size for size in SIZES if size >= self.spec.size]
        return sizes if self.paging["total"] > sizes[0] and not self.spec.is_whole else []

    @property
    def sorts(self) -> list[tuple[str, Column, bool]]:
        """Every order as (value, column, whether it falls), for the choice that replaces the heads on a telephone."""
        return [(sign + column.key, column, bool(sign)) for column, _ in self.cells for sign in ("", "-")]

    def at(self, **changes: object) -> str:
        """The address of this table with its own `sort`, `page` or `per` changed."""
        own = {self.spec.prefix + name: changed for name, changed in changes.items()}
        return with_query(self.asked.address, self.kept, **own)

    def file(self, ending: str) -> str:
        """The address of the whole filtered table as a file."""
        query = {name: said for name, said in self.kept.items() if not name.endswith(("page", "per"))}
        return with_query(self.asked.address, query, format=ending, table=self.spec.name)

    def all_rows(self) -> Iterator[Row]:
        """Every row of the filtered table in the order of the page, loaded in parts."""
        if self.sort != self.spec.by:
            yield from _sorted(self.spec, self.source, self.sort, self.asked.locale)
            return
        for first in range(0, len(self.source.ids), LOADED_AT_ONCE):
            yield from self.source.load(self.source.ids[first : first + LOADED_AT_ONCE])


def table(
    spec: Spec,
    source: Source,
    asked: Asked,
    *,
    filters: Sequence[Filter] = (),
    chosen: Mapping[str, Any] | None = None,
) -> Table:
    """The table that a reader asks for; an order, size or page that makes no sense falls back to the usual one."""
    said = {name: pieces.typed(asked.query, spec.prefix + name) for name in OWN}
    keys = {column.key for column in spec.columns if column.place == "cell"}
    sort = said["sort"] if said["sort"].removeprefix("-") in keys else spec.by
    total = len(source.ids)
    per = total if spec.is_whole else next((size for size in SIZES if str(size) == said["per"]), spec.size)
    paging, first = pieces.paging_of({"page": said["page"]}, total, max(1, per))
    here = slice(first, first + per)
    is_usual = sort == spec.by
    rows = source.load(source.ids[here]) if is_usual else _sorted(spec, source, sort, asked.locale)[here]
    return Table(spec, source, asked, sort, per, paging, rows, filters, chosen or {})


def _sorted(spec: Spec, source: Source, sort: str, locale: str) -> list[Row]:
    """All rows by one column; what is missing comes last in either direction, and ties keep the table's own order."""
    column = next(each for each in spec.columns if each.key == sort.removeprefix("-"))
    rows = list(source.load(source.ids))
    known = [row for row in rows if column.raw(row) is not None]
    missing = [row for row in rows if column.raw(row) is None]
    known.sort(key=lambda row: _order(column.cell(row, locale)), reverse=sort.startswith("-"))
    return known + missing


def _order(cell: Cell) -> Any:
    """GB 18030 has the common characters in the order of their pronunciation: names sort as a reader expects."""
    if isinstance(cell, datetime):
        return cell.timestamp()
    return cell.casefold().encode("gb18030", "replace") if isinstance(cell, str) else cell
