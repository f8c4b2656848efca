"""Workbooks from outside (XLSX): bounded before anything is inflated, and read for their values only.

A workbook is a ZIP of XML. Its directory is asked first how large all of it would become; then the few parts that hold
values are inflated within that bound, and a part that has more than its directory says fails its sum. Macros, media and
links to other files are never opened.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
import zlib
from datetime import date
from decimal import Decimal, InvalidOperation
from io import BytesIO
from typing import Final

from tanyi.app import workbooks
from tanyi.app.workbooks import Given, SheetRead
from tanyi.kernel.errors import N_, Invalid

LARGEST_FILE: Final = 1_000_000
LARGEST_INFLATED: Final = 10_000_000
MOST_PARTS: Final = 200
KEPT_PARTS: Final = re.compile(
    r"xl/(workbook|styles|sharedStrings)\.xml|xl/_rels/workbook\.xml\.rels|xl/worksheets/[\w-]+\.xml"
)
LONGEST_CELL: Final = workbooks.LONGEST_CELL
UNREADABLE = (workbooks.Broken, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError)


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


def read_workbook(raw: bytes) -> list[SheetRead]:
    """The visible sheets of a workbook with their values, or a refusal before anything large is made of it."""
    if len(raw) > LARGEST_FILE:
        raise WorkbookTooLarge
    try:
        return workbooks.read(_inflated(raw))
    except workbooks.OutOfBounds as far:
        raise WorkbookTooLarge from far
    except UNREADABLE as wrong:
        raise NotAWorkbook from wrong


def _inflated(raw: bytes) -> dict[str, bytes]:
    """The parts that hold values; no more is inflated than the directory said."""
    with zipfile.ZipFile(BytesIO(raw)) as given:
        parts = given.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST_INFLATED:
            raise workbooks.OutOfBounds
        return {part.filename: given.read(part) for part in parts if KEPT_PARTS.fullmatch(part.filename)}


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
    if isinstance(cell, bool | date):
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
