"""Workbooks from outside (XLSX): read for their values only, within bounds that are held before anything is inflated.

A workbook is a ZIP of XML. Its directory is asked first how large all of it would become; then the parts that hold values
are inflated within that bound, checked, and packed anew, so that what reads the cells sees nothing else: no macros, no
media, no part that says one size and has another. A cell far out makes a reader allocate the whole rectangle before it,
so the addresses of cells are bounded too. Formulas are never computed: a cell is the value that was saved with it.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from io import BytesIO
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from tanyi.kernel.errors import N_, Invalid

LARGEST_FILE: Final = 1_000_000
LARGEST_INFLATED: Final = 10_000_000
MOST_PARTS: Final = 200
MOST_SHEETS: Final = 10
MOST_ROWS: Final = 2_000
MOST_COLUMNS: Final = 60
LONGEST_CELL: Final = 2_000
KEPT_PARTS: Final = re.compile(r"(\[Content_Types\]\.xml|_rels/\.rels|xl/[\w./-]+\.(xml|rels))")
NEEDED_PARTS: Final = ("[Content_Types].xml", "xl/workbook.xml")
ADDRESS: Final = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]*)\s*(\d+)\s*["']""")

Given = str | int | float | bool | datetime | date | time | timedelta


class NotAWorkbook(Invalid):
    """The file is not an XLSX workbook, or a broken or a protected one."""

    code = "uploads.not_a_workbook"
    message = N_("This file is not a workbook that can be read. Please save it as XLSX without a password.")


class WorkbookTooLarge(Invalid):
    """More bytes, parts, sheets, rows or columns than a list of activities can need."""

    code = "uploads.workbook_too_large"
    message = N_("The workbook is too large: at most 1 MB, 10 sheets, 2,000 rows and 60 columns.")


class FigureUnreadable(Invalid):
    """The cell holds no number."""

    code = "uploads.figure_unreadable"
    message = N_("This is not a number.")


@dataclass(frozen=True)
class SheetRead:
    """A visible sheet: its name and its cells from A1 on, an empty cell as an empty text."""

    name: str
    rows: Sequence[Sequence[Given]]


def read_workbook(raw: bytes) -> list[SheetRead]:
    """The visible sheets of a workbook with their values, or a refusal before anything large is made of it."""
    if len(raw) > LARGEST_FILE:
        raise WorkbookTooLarge
    try:
        book = CalamineWorkbook.from_filelike(BytesIO(_repacked(raw)))
        shown = [
            sheet.name
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        if len(book.sheets_metadata) > MOST_SHEETS:
            raise WorkbookTooLarge
        return [SheetRead(name[:31], book.get_sheet_by_name(name).to_python(skip_empty_area=False)) for name in shown]
    except (CalamineError, OSError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as wrong:
        raise NotAWorkbook from wrong


def _repacked(raw: bytes) -> bytes:
    """The parts that hold values, inflated within bounds and packed anew without compression."""
    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(raw)) as given, zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as fresh:
        parts = given.infolist()
        names = [part.filename for part in parts]
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_INFLATED:
            raise WorkbookTooLarge
        if len(set(names)) < len(names) or not set(NEEDED_PARTS) <= set(names):
            raise NotAWorkbook
        for name, content in _inflated(given, parts):
            fresh.writestr(name, content)
    return packed.getvalue()


def _inflated(given: zipfile.ZipFile, parts: Sequence[zipfile.ZipInfo]) -> Iterator[tuple[str, bytes]]:
    """Each part that is kept; no more is inflated than the directory said, and a part that has more fails its sum."""
    for part in parts:
        if KEPT_PARTS.fullmatch(part.filename):
            content = given.read(part)
            if b"\x00" in content or b"<!DOCTYPE" in content or b"<!ENTITY" in content:
                raise NotAWorkbook
            if part.filename.startswith("xl/worksheets/"):
                _refuse_unless_near(content)
            yield part.filename, content


def _refuse_unless_near(content: bytes) -> None:
    """No cell lies outside the rectangle of rows and columns that is read."""
    for letters, row in ADDRESS.findall(content):
        if len(row) > 7 or int(row) > MOST_ROWS or len(letters) > 3 or _column_number(letters) > MOST_COLUMNS:
            raise WorkbookTooLarge
    if content.count(b"<row") > MOST_ROWS or content.count(b":row") > MOST_ROWS:
        raise WorkbookTooLarge


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def column_letters(place: int) -> str:
    """The letters of a column by its place from 0: 0 is A, 26 is AA."""
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def text_of(cell: Given) -> str:
    """A cell as text without the spaces around it; a whole number without its decimal point."""
    if isinstance(cell, float) and float(cell).is_integer():
        return str(int(cell))
    kept = "".join(letter for letter in str(cell)[:LONGEST_CELL] if letter.isprintable())
    return kept.strip()


def figure_of(cell: Given) -> Decimal | None:
    """A cell as the figure that is shown in it, None when it is empty; refuses what is no number.

    Spreadsheets keep numbers as binary fractions; the shortest decimal that gives the same fraction is what was typed.
    """
    if isinstance(cell, bool | date | time | timedelta):
        raise FigureUnreadable
    written = text_of(cell) if isinstance(cell, str) else repr(cell)
    plain = unicodedata.normalize("NFKC", written).replace(",", "").replace(" ", "")
    if not plain:
        return None
    try:
        figure = Decimal(plain)
    except InvalidOperation as wrong:
        raise FigureUnreadable from wrong
    if not figure.is_finite() or "_" in plain:
        raise FigureUnreadable
    is_whole = figure == figure.to_integral_value() and figure.adjusted() < 16
    return figure.quantize(Decimal(1)) if is_whole else figure
