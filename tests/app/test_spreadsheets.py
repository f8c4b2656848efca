"""Tables as files: nothing runs as a formula, no figure changes, every cell keeps its type."""

from __future__ import annotations

import csv
import re
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from tanyi.app.spreadsheets import MOST_ROWS, Cell, Column, Sheet, csv_file, neutral, plain, shows_exactly, xlsx_file

DANGER = "=+-@\t\r\n＝＋－＠"
ATTACKS = [
    '=HYPERLINK("http://x","y")',
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠A",
    "  =1",
]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
dangerous = st.builds(
    lambda lead, sign, rest: lead + sign + rest,
    st.sampled_from(["", " ", "'", "''", "\u00a0", "\ufeff"]),
    st.sampled_from(list(DANGER)),
    texts,
)


def text_sheet(*cells: str) -> Sheet:
    return Sheet("Table", [Column("Head")], [[cell] for cell in cells])


def read_csv(sheet: Sheet) -> list[list[str]]:
    raw = b"".join(csv_file(sheet))
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(StringIO(raw[3:].decode(), newline="")))


def read_xlsx(sheet: Sheet) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(BytesIO(xlsx_file(sheet))).get_sheet_by_index(0).to_python()


def parts_of(raw: bytes) -> dict[str, str]:
    with zipfile.ZipFile(BytesIO(raw)) as book:
        return {name: book.read(name).decode() for name in book.namelist()}


class TestFormulas:
    @given(texts | dangerous)
    @settings(max_examples=400, deadline=None)
    def test_no_text_of_a_csv_starts_like_a_formula_and_all_of_it_comes_back(self, text: str) -> None:
        safe = neutral(text)
        assert not safe.lstrip().startswith(tuple(DANGER))
        assert plain(safe) == text

    @pytest.mark.parametrize("attack", ATTACKS)
    def test_an_attack_arrives_as_text(self, attack: str) -> None:
        assert read_csv(text_sheet(attack)) == [["Head"], ["'" + attack]]
        sheet = parts_of(xlsx_file(text_sheet(attack)))["xl/worksheets/sheet1.xml"]
        assert "<f>" not in sheet
        assert "<f " not in sheet
        assert read_xlsx(text_sheet(attack))[1][0].strip() == attack.strip()

    @given(st.lists(texts | dangerous, min_size=1, max_size=5))
    @settings(max_examples=60, deadline=None)
    def test_a_workbook_never_holds_a_formula_or_a_link(self, cells: list[str]) -> None:
        parts = parts_of(xlsx_file(text_sheet("https://example.org", *cells)))
        assert not re.search(r"<f[ >]|<hyperlink", parts["xl/worksheets/sheet1.xml"])
        assert [name for name in parts if "externalLink" in name or name.endswith("sheet1.xml.rels")] == []

    def test_the_head_is_as_safe_as_the_cells(self) -> None:
        assert read_csv(Sheet("T", [Column("=1+1")], [])) == [["'=1+1"]]

    @given(st.lists(st.lists(texts, min_size=2, max_size=2), max_size=5))
    @settings(max_examples=100, deadline=None)
    def test_commas_quotes_and_line_breaks_stay_inside_their_cell(self, rows: list[list[str]]) -> None:
        found = read_csv(Sheet("T", [Column("a"), Column("b")], rows))
        assert [[plain(cell) for cell in row] for row in found[1:]] == rows


class TestFigures:
    @given(st.integers(-(10**22), 10**22))
    @settings(max_examples=200, deadline=None)
    def test_a_whole_number_keeps_every_digit(self, figure: int) -> None:
        sheet = Sheet("T", [Column("t", "whole")], [[figure]])
        assert read_csv(sheet)[1] == [str(figure)]
        (shown,) = read_xlsx(sheet)[1]
        assert int(shown) == figure
        assert isinstance(shown, str) is not shows_exactly(figure)

    @given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**18), max_value=10**18))
    @settings(max_examples=200, deadline=None)
    def test_a_decimal_keeps_every_digit(self, figure: Decimal) -> None:
        sheet = Sheet("T", [Column("yuan", "decimal")], [[figure]])
        assert Decimal(read_csv(sheet)[1][0]) == figure
        (shown,) = read_xlsx(sheet)[1]
        assert Decimal(str(shown)) == figure

    @pytest.mark.parametrize("figure", [Decimal("1." + "0" * 35 + "1"), 10**29 + 1, Decimal("NaN"), 10**15])
    def test_a_figure_with_more_digits_than_are_shown_is_not_kept_as_a_number(self, figure: Decimal) -> None:
        assert not shows_exactly(figure)

    def test_what_a_spreadsheet_would_round_is_text(self) -> None:
        beyond = 2**53 + 1
        assert read_xlsx(Sheet("T", [Column("t", "whole")], [[beyond]]))[1] == [str(beyond)]

    def test_a_number_is_no_formula(self) -> None:
        assert read_csv(Sheet("T", [Column("t", "whole")], [[-5], [Decimal("-1.50")]]))[1:] == [["-5"], ["-1.50"]]


class TestDates:
    MOMENT = datetime(2026, 11, 8, 16, 30, 5, tzinfo=UTC)

    def test_an_instant_is_told_in_hebeis_time(self) -> None:
        sheet = Sheet("T", [Column("at", "instant"), Column("on", "date")], [[self.MOMENT, date(2026, 11, 9)]])
        assert read_csv(sheet)[1] == ["2026-11-09T00:30:05+08:00", "2026-11-09"]
        assert read_xlsx(sheet)[1] == [datetime(2026, 11, 9, 0, 30, 5), date(2026, 11, 9)]  # noqa: DTZ001

    def test_a_day_before_the_calendars_of_spreadsheets_is_text(self) -> None:
        assert read_xlsx(Sheet("T", [Column("on", "date")], [[date(1066, 10, 14)]]))[1] == ["1066-10-14"]


class TestTheFile:
    def test_a_workbook_says_what_it_is(self) -> None:
        about = [("When", "2026-11-25"), ("Type", "=wind")]
        raw = xlsx_file(Sheet("On sale", [Column("n")], [["a"]], about_title="About", about=about, mark="DEMO"))
        book = CalamineWorkbook.from_filelike(BytesIO(raw))
        assert book.sheet_names == ["On sale", "About"]
        assert book.get_sheet_by_name("About").to_python() == [["DEMO", ""], ["On sale", ""], *map(list, about)]
        sheet = parts_of(raw)["xl/worksheets/sheet1.xml"]
        assert 'state="frozen"' in sheet
        assert "<autoFilter" in sheet

    @pytest.mark.parametrize("title", ["", "a/b:c*?[d]\\e", "'quoted'", "x" * 60, "About", "碳" * 40])
    def test_every_title_makes_a_workbook(self, title: str) -> None:
        names = CalamineWorkbook.from_filelike(
            BytesIO(xlsx_file(text_sheet("a").__class__(title, [Column("h")], [])))
        ).sheet_names
        assert len({name.casefold() for name in names}) == 2

    def test_an_empty_cell_is_empty(self) -> None:
        sheet = Sheet("T", [Column("a"), Column("b", "whole")], [["", None], ["x", 1]])
        assert read_csv(sheet)[1:] == [["", ""], ["x", "1"]]

    def test_rows_are_read_as_they_are_written_and_never_without_end(self) -> None:
        endless = ([number] for number in count())
        pieces = csv_file(Sheet("T", [Column("n", "whole")], endless))
        next(pieces)
        next(pieces)
        assert next(endless)[0] < MOST_ROWS / 10
        assert sum(piece.count(b"\n") for piece in pieces) < MOST_ROWS

    def test_a_row_of_another_length_is_a_bug(self) -> None:
        rows: list[list[Cell]] = [["a", "b"]]
        with pytest.raises(ValueError):
            xlsx_file(Sheet("T", [Column("one")], rows))
