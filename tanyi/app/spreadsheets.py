"""Tables as files: CSV and XLSX that open in any spreadsheet, keep every figure exact, and never run as a formula.

A cell keeps its type. Whole numbers stay whole; a number with more digits than a spreadsheet shows (15) is written as
text rather than rounded. CSV is UTF-8 with a byte order mark and RFC 4180; XLSX is written with constant memory, its head
frozen and filtered, with a second sheet that says what the table is, of when, and by which filters.

Formulas: text that a spreadsheet would take for one (it starts with = + - @, a tab, a line break or one of the full-width
twins, after spaces or not) gets one apostrophe in front in CSV. The same text is written to XLSX unchanged, as a cell of
type string. `plain` takes the apostrophe off again, so that what goes out comes back as it was.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from io import BytesIO, StringIO
from itertools import islice
from typing import Any, Final, Literal

import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from tanyi.kernel.clock import SHANGHAI

Kind = Literal["text", "whole", "year", "decimal", "date", "instant"]
Cell = str | int | Decimal | date | datetime | None

MOST_ROWS: Final = 100_000  # of one file; more is for the programming interface
CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
ROWS_A_CHUNK: Final = 500
SHOWN_DIGITS: Final = 15  # spreadsheets keep numbers as binary fractions and show no more than this
LONGEST_CELL: Final = 32_767
FIRST_DAY: Final = date(1900, 3, 1)  # before it the calendars of spreadsheets disagree
SIGNS: Final = "=+-@"
TWINS: Final = "".join(chr(ord(sign) + 0xFEE0) for sign in SIGNS)  # the full-width forms of the same signs
FORMULA: Final = re.compile(f"'*[\\s\ufeff\u200b]*[{re.escape(SIGNS + TWINS)}\t\r\n]")
FORMATS: Final = {"whole": "#,##0", "year": "0", "date": "yyyy-mm-dd", "instant": "yyyy-mm-dd hh:mm:ss"}
NARROWEST, WIDEST = 10, 48


@dataclass(frozen=True)
class Column:
    """One column: its head in the reader's language, what its cells are, and the decimals of a `decimal`."""

    head: str
    kind: Kind = "text"
    places: int = 2


@dataclass(frozen=True)
class Sheet:
    """A table to be written: `rows` are cells in the order of the columns and may come one by one.

    `about` says in the reader's language what this is, of when, with which filters; `about_title` names that sheet;
    `mark` (DEMO, say) stands above it.
    """

    title: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Cell]]
    about_title: str = "About"
    about: Sequence[tuple[str, str]] = ()
    mark: str | None = None


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula: one apostrophe in front of what looks like one."""
    return f"'{text}" if FORMULA.match(text) else text


def plain(text: str) -> str:
    """What `neutral` was given: takes its apostrophe off."""
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


def csv_file(sheet: Sheet) -> Iterator[bytes]:
    """The table as CSV, in pieces that can be sent while the rest is read."""
    yield BYTE_ORDER_MARK + _lines([[neutral(column.head) for column in sheet.columns]])
    rows = islice(sheet.rows, MOST_ROWS)
    while chunk := list(islice(rows, ROWS_A_CHUNK)):
        yield _lines([[written(cell) for cell in row] for row in chunk])


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def written(cell: Cell) -> str:
    """A cell in CSV: figures in full, dates as ISO 8601, instants with their offset in Asia/Shanghai."""
    match cell:
        case None:
            return ""
        case str():
            return neutral(cell)
        case datetime():
            return cell.astimezone(SHANGHAI).isoformat(timespec="seconds")
        case date():
            return cell.isoformat()
        case Decimal():
            return f"{cell:f}"
    return str(cell)


def xlsx_file(sheet: Sheet) -> bytes:
    """The table as a workbook of two sheets: the rows, and what they are."""
    file = BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(file, options) as book:
        formats = {column: book.add_format({"num_format": _format(column)}) for column in sheet.columns}
        bold = book.add_format({"bold": True, "bottom": 1})
        page = book.add_worksheet(_tab_name(sheet.title))
        _write_head(page, sheet, bold)
        last = 0
        for last, row in enumerate(islice(sheet.rows, MOST_ROWS), 1):
            for place, (column, cell) in enumerate(zip(sheet.columns, row, strict=True)):
                _write(page, last, place, cell, formats[column])
        page.autofilter(0, 0, last, max(0, len(sheet.columns) - 1))
        _write_about(book.add_worksheet(_tab_name(sheet.about_title, sheet.title)), sheet, bold)
    return file.getvalue()


def _format(column: Column) -> str:
    return "#,##0." + "0" * column.places if column.kind == "decimal" else FORMATS.get(column.kind, "General")


def _tab_name(title: str, taken: str | None = None) -> str:
    """A name that a workbook allows for a sheet: 31 characters, none of []:*?/\\, no apostrophe at the ends."""
    name = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", title).strip().strip("'").strip()[:31].strip("'").strip() or "Table"
    is_double = taken is not None and name.casefold() == _tab_name(taken).casefold()
    return f"{name[:29]} 2" if is_double else name


def _write_head(page: Worksheet, sheet: Sheet, bold: Any) -> None:
    page.freeze_panes(1, 0)
    for place, column in enumerate(sheet.columns):
        page.set_column(place, place, _width(column))
        page.write_string(0, place, column.head, bold)


def _width(column: Column) -> int:
    """Of a column in characters, from its head and kind: the rows are not known when it must be said."""
    wide = sum(2 if ord(letter) > 0x2E7F else 1 for letter in column.head) + 4
    least = {"text": 24, "instant": 20, "date": 12}.get(column.kind, NARROWEST)
    return min(WIDEST, max(least, wide))


def _write(page: Worksheet, row: int, place: int, cell: Cell, form: Any) -> None:
    """One cell with its type; what a spreadsheet would change is written as text."""
    match cell:
        case str():
            page.write_string(row, place, cell if len(cell) <= LONGEST_CELL else cell[: LONGEST_CELL - 1] + "…")
        case date() if local_time(cell).date() >= FIRST_DAY:
            page.write_datetime(row, place, local_time(cell), form)
        case int() | Decimal() if shows_exactly(cell):
            page.write_number(row, place, cell, form)  # pyrefly: ignore  # the library takes Decimals as they are
        case date() | int() | Decimal():
            page.write_string(row, place, written(cell))


def local_time(when: date) -> datetime:
    """A date or an instant as spreadsheets keep both: a time without a zone, in Asia/Shanghai."""
    if isinstance(when, datetime):
        return when.astimezone(SHANGHAI).replace(tzinfo=None)
    return datetime.combine(when, time.min)


def shows_exactly(figure: int | Decimal) -> bool:
    """Whether a spreadsheet keeps and shows every digit of a figure: below 10^15, and 15 digits in all."""
    _, digits, exponent = Decimal(figure).as_tuple()
    if not isinstance(exponent, int):
        return False  # NaN or infinite
    significant = "".join(map(str, digits)).lstrip("0").rstrip("0")
    is_below = abs(figure) < 10**SHOWN_DIGITS
    return is_below and len(significant) <= SHOWN_DIGITS and exponent >= -2 * SHOWN_DIGITS


def _write_about(page: Worksheet, sheet: Sheet, bold: Any) -> None:
    page.set_column(0, 0, 24)
    page.set_column(1, 1, 80)
    lines = ([(sheet.mark, "")] if sheet.mark else []) + [(sheet.title, "")]
    for row, (label, text) in enumerate([*lines, *sheet.about]):
        page.write_string(row, 0, label, bold if row < len(lines) else None)
        page.write_string(row, 1, text)
