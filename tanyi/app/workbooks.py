"""The values of an XLSX workbook, read by a stream parser that keeps nothing but cells inside a small rectangle.

Written by hand because a native reader allocates the whole rectangle up to the farthest cell that a file claims to have,
and ends the process when there is not so much memory; here a cell outside the bounds is a refusal. No document type, no
entity, no formula: a cell is the value that was saved with it. Namespaces are ignored, so both dialects of the format
(transitional and strict) read alike.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

MOST_ROWS: Final = 2_000
MOST_COLUMNS: Final = 60
MOST_SHEETS: Final = 10
MOST_TEXTS: Final = 100_000
LONGEST_CELL: Final = 2_000
WORKBOOK, RELATIONS, STRINGS, STYLES = (
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/sharedStrings.xml",
    "xl/styles.xml",
)
FIRST_DAY: Final = date(1899, 12, 30)  # day 0 of the calendar of spreadsheets
DATE_FORMATS: Final = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})  # ECMA-376 18.8.30
DATE_LETTERS: Final = re.compile(r"[ymdhs]", re.IGNORECASE)
NOT_LETTERS: Final = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.')
ADDRESS: Final = re.compile(r"([A-Z]{1,3})([1-9]\d{0,6})")

Given = str | float | bool | date


class Broken(ValueError):  # noqa: N818  named after what is wrong
    """The parts do not make a workbook."""


class OutOfBounds(ValueError):  # noqa: N818  named after what is wrong
    """More sheets, rows, columns or texts than are read."""


@dataclass(frozen=True)
class SheetRead:
    """A visible sheet: its name and its cells by row and column from 0; what is not there is empty."""

    name: str
    cells: Mapping[tuple[int, int], Given]

    def rows(self) -> list[list[Given]]:
        """The cells row by row from A1 on; an empty cell is an empty text."""
        height = max((row for row, _ in self.cells), default=-1) + 1
        width = max((column for _, column in self.cells), default=-1) + 1
        return [[self.cells.get((row, column), "") for column in range(width)] for row in range(height)]


def read(parts: Mapping[str, bytes]) -> list[SheetRead]:
    """The visible sheets of a workbook that was taken apart; `Broken` or `OutOfBounds` for what is none of ours."""
    try:
        places = _places(parts[RELATIONS])
        texts = _texts(parts.get(STRINGS))
        dates = _date_styles(parts.get(STYLES))
        listed = _sheets(parts[WORKBOOK])
        if len(listed) > MOST_SHEETS:
            raise OutOfBounds
        shown = [(name, places[relation]) for name, relation in listed if relation in places]
        return [SheetRead(name, _Cells(texts, dates).of(parts[place])) for name, place in shown]
    except (LookupError, ExpatError, OverflowError) as wrong:
        raise Broken from wrong


def _parse(part: bytes, on_start: Callable[[str, dict[str, str]], None], on_end: Callable[[str, str], None]) -> None:
    """Walks over the elements of a part, names without their prefixes; an end comes with the text inside."""
    parser, text = ParserCreate(), []

    def refuse(*_: object) -> None:
        raise Broken

    def start(name: str, attributes: dict[str, str]) -> None:
        text.clear()
        on_start(_local(name), {_local(each): given for each, given in attributes.items()})

    def end(name: str) -> None:
        on_end(_local(name), "".join(text))
        text.clear()

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text.append
    parser.Parse(part, True)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _ignore(*_: object) -> None:
    """An element of which only the other side matters."""
    return


def _sheets(part: bytes) -> list[tuple[str, str]]:
    """(name, relation) of the visible sheets in order."""
    found: list[tuple[str, str]] = []

    def start(name: str, given: dict[str, str]) -> None:
        if name == "sheet" and given.get("state", "visible") == "visible":
            found.append((given.get("name", "")[:31], given["id"]))

    _parse(part, start, _ignore)
    return found


def _places(part: bytes) -> dict[str, str]:
    """Where the worksheets stand, by relation."""
    found: dict[str, str] = {}

    def start(name: str, given: dict[str, str]) -> None:
        if name == "Relationship" and given.get("Type", "").endswith("/worksheet"):
            found[given["Id"]] = posixpath.normpath(posixpath.join("/xl", given["Target"])).lstrip("/")

    _parse(part, start, _ignore)
    return found


def _texts(part: bytes | None) -> list[str]:
    """The shared texts in order, without how they are read aloud."""
    found: list[str] = []
    inside: list[str] = []
    phonetic: list[bool] = []

    def start(name: str, _: dict[str, str]) -> None:
        if name == "si":
            inside.clear()
            if len(found) >= MOST_TEXTS:
                raise OutOfBounds
        elif name == "rPh":
            phonetic.append(True)

    def end(name: str, text: str) -> None:
        if name == "t" and not phonetic:
            inside.append(text)
        elif name == "rPh":
            phonetic.clear()
        elif name == "si":
            found.append("".join(inside)[:LONGEST_CELL])

    if part is not None:
        _parse(part, start, end)
    return found


def _date_styles(part: bytes | None) -> set[int]:
    """The numbers of the cell styles that show a date or a time."""
    own: set[int] = set()
    shown: list[int] = []
    within: list[str] = []

    def start(name: str, given: dict[str, str]) -> None:
        if name in ("cellXfs", "cellStyleXfs", "dxfs"):
            within[:] = [name]
        if name == "numFmt" and DATE_LETTERS.search(NOT_LETTERS.sub("", given.get("formatCode", ""))):
            own.add(_whole(given.get("numFmtId", "0")))
        if name == "xf" and within == ["cellXfs"]:
            shown.append(_whole(given.get("numFmtId", "0")))

    if part is not None:
        _parse(part, start, _ignore)
    return {style for style, number in enumerate(shown) if number in own | DATE_FORMATS}


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Broken
    return int(text)


@dataclass
class _Cells:
    """The cells of one sheet while it is read."""

    texts: list[str]
    dates: set[int]
    found: dict[tuple[int, int], Given] = field(default_factory=dict)
    row: int = -1
    column: int = -1
    kind: str = "n"
    style: int = 0
    words: list[str] = field(default_factory=list)
    saved: str | None = None

    def of(self, part: bytes) -> dict[tuple[int, int], Given]:
        """All cells that hold something."""
        _parse(part, self._start, self._end)
        return self.found

    def _start(self, name: str, given: dict[str, str]) -> None:
        if name == "row":
            self.row, self.column = (_whole(given["r"]) - 1 if "r" in given else self.row + 1), -1
        elif name == "c":
            self.row, self.column = self._address(given.get("r"))
            self.kind, self.style = given.get("t", "n"), _whole(given.get("s", "0"))
            self.words, self.saved = [], None
        if not -1 <= self.row < MOST_ROWS or self.column >= MOST_COLUMNS:
            raise OutOfBounds

    def _address(self, written: str | None) -> tuple[int, int]:
        if written is None:
            return self.row, self.column + 1
        address = ADDRESS.fullmatch(written)
        if address is None:
            raise Broken
        column = 0
        for letter in address.group(1):
            column = column * 26 + ord(letter) - 64
        return int(address.group(2)) - 1, column - 1

    def _end(self, name: str, text: str) -> None:
        if name == "v":
            self.saved = text
        elif name == "t":
            self.words.append(text)
        elif name == "c" and self.row >= 0:
            cell = self._cell()
            if cell != "":
                self.found[self.row, self.column] = cell

    def _cell(self) -> Given:
        if self.kind == "inlineStr":
            return "".join(self.words)[:LONGEST_CELL]
        if self.saved is None:
            return ""
        match self.kind:
            case "s":
                return self.texts[_whole(self.saved.strip())]
            case "b":
                return self.saved.strip() == "1"
            case "n":
                return self._number(self.saved.strip())
        return self.saved[:LONGEST_CELL]

    def _number(self, saved: str) -> Given:
        if not saved:
            return ""
        try:
            number = float(saved)
        except ValueError as wrong:
            raise Broken from wrong
        if self.style in self.dates and 0 <= number < 3_000_000:
            return FIRST_DAY + timedelta(days=int(number))
        return number
