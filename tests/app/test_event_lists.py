"""Activities by workbook: the fixture to the tonne, every bad cell by its place, and files that are not what they say."""

from __future__ import annotations

import zipfile
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from market.emitters import footprint
from tanyi.app import event_lists, event_sheets, uploads, workbooks
from tanyi.app.event_words import HEADS
from tanyi.app.uploads import NotAWorkbook, WorkbookTooLarge
from tests.settlement.neutral_events import ACTIVITIES

HEBEI = event_lists.check_for(year=2026, region="HEBEI", has_radiative_forcing=True)
ROWS_ZH = [
    ("外购电力", "42000", "kWh"),
    ("天然气", "900", "Nm3"),
    ("铁路（含高铁）", "", "", 200, 960),
    ("国内航班（平均舱位）", "", "", 60, 2700),
    ("汽油小汽车（中型）", "", "", "", 180, 110),
    ("公交车", "", "", 400, 54),
    ("酒店住宿", 620),
    ("餐食（普通荤素搭配）", "2,000"),
    ("纸制品（原生纸）", 180.0),
    ("PVC 横幅与展板", "２４０"),
    ("混合垃圾焚烧（化石碳部分）", 900),
    ("供水与污水处理", 120),
]
HEAD = ("activity", "quantity", "unit", "persons", "distance_km", "vehicles")


def book(*sheets: list[tuple[Any, ...]]) -> bytes:
    """A workbook of these rows."""
    file = BytesIO()
    with xlsxwriter.Workbook(file) as written:
        for rows in sheets:
            page = written.add_worksheet()
            for number, row in enumerate(rows):
                for place, cell in enumerate(row):
                    page.write(number, place, cell)
    return file.getvalue()


def with_part(raw: bytes, name: str, content: bytes) -> bytes:
    """The workbook with one part replaced or added."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(raw)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return file.getvalue()


def read(raw: bytes, locale: str = "en") -> event_lists.Reading:
    return event_lists.read(raw, locale=locale, check=HEBEI)


def test_the_fixture_of_the_domain_comes_in_as_a_workbook_to_the_tonne() -> None:
    reading = read(book([HEAD, *ROWS_ZH]))
    assert reading.bad_cells == []
    made = footprint.calculate(list(reading.activities.values()), year=2026, region="HEBEI", has_radiative_forcing=True)
    assert (footprint.shown_kg(made.total_kg), made.tonnes_to_retire) == (Decimal("118781.97"), 119)


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_template_is_read_back_in_either_language(locale: str) -> None:
    other = "en" if locale == "zh" else "zh"
    empty = event_lists.read(event_sheets.template(locale=locale), locale=other)
    assert (empty.activities, empty.bad_cells) == ({}, [])
    names = CalamineWorkbook.from_filelike(BytesIO(event_sheets.template(locale=locale))).sheet_names
    assert len(names) == 2


def test_every_bad_cell_is_told_by_its_place_and_good_rows_are_kept() -> None:
    rows = [
        HEAD,
        ("hotel", 10),
        ("hotel", "many"),
        ("teleport", 3),
        ("hotel", -4),
        ("rail", "", "", 2.5, 100),
        ("", 7),
        ("hotel", True),
        ("meal", 5, "kWh"),
    ]
    reading = read(book(rows))
    assert list(reading.activities) == [2]
    told = {(each.row, each.column): each.code for each in reading.bad_cells}
    assert told == {
        (3, "B"): "uploads.figure_unreadable",
        (4, "A"): "event_lists.word_unknown",
        (5, "B"): "footprint.figure_out_of_range",
        (6, "D"): "event_lists.not_whole",
        (7, "A"): "event_lists.word_unknown",
        (8, "B"): "uploads.figure_unreadable",
        (9, "C"): "footprint.wrong_unit",
    }
    assert all(each.sheet == "Sheet1" and each.reason for each in reading.bad_cells)
    assert reading.bad_cells[0].given == "many"


def test_a_reason_is_in_the_readers_language() -> None:
    raw = book([HEAD, ("hotel", "many")])
    (english,), (chinese,) = read(raw, "en").bad_cells, read(raw, "zh").bad_cells
    assert english.reason == "This is not a number." and chinese.reason != english.reason


def test_no_row_is_lost() -> None:
    rows = [HEAD, *[("hotel", number if number % 3 else "x") for number in range(1, 301)]]
    reading = read(book(rows))
    assert len(reading.activities) + len({each.row for each in reading.bad_cells}) == 300


def test_a_formula_is_the_value_that_was_saved_with_it() -> None:
    file = BytesIO()
    with xlsxwriter.Workbook(file) as written:
        page = written.add_worksheet()
        page.write_row(0, 0, HEAD)
        page.write_string(1, 0, "hotel")
        page.write_formula(1, 1, "=1+1", None, 7)
        page.write_string(2, 0, "hotel")
        page.write_string(2, 1, '=cmd|"/c calc"!A1')
        page.write_string(3, 0, "hotel")
        page.write_number(3, 1, 3)
    reading = read(file.getvalue())
    assert [row.quantity for row in reading.activities.values()] == [Decimal(7), Decimal(3)]
    assert [(each.row, each.column) for each in reading.bad_cells] == [(3, "B")]


def test_a_figure_is_the_decimal_that_was_typed() -> None:
    assert uploads.figure_of(0.1) == Decimal("0.1") and uploads.figure_of(42000.0) == Decimal(42000)
    assert str(uploads.figure_of(42000.0)) == "42000"
    assert uploads.figure_of("1 234.5") == Decimal("1234.5") and uploads.figure_of(" ") is None
    for wrong in ("NaN", "inf", "1_000", "1e", "十"):
        with pytest.raises(uploads.FigureUnreadable):
            uploads.figure_of(wrong)


@pytest.mark.parametrize("raw", [b"", b"PK\x03\x04", b"activity,quantity\nhotel,3\n", b"\xd0\xcf\x11\xe0" + b"0" * 600])
def test_what_is_no_workbook_is_refused(raw: bytes) -> None:
    with pytest.raises(NotAWorkbook):
        read(raw)


def test_a_workbook_without_the_head_of_the_template_is_refused() -> None:
    with pytest.raises(event_lists.NoActivities):
        read(book([("a", "b", "c"), ("hotel", 1, "")]))


def test_a_bomb_is_refused_by_what_its_directory_says() -> None:
    raw = with_part(book([HEAD]), "xl/media/zeros.xml", b"0" * (uploads.LARGEST_INFLATED + 1))
    assert len(raw) < 100_000
    with pytest.raises(WorkbookTooLarge):
        read(raw)


def test_a_bomb_that_lies_in_its_directory_is_refused_without_being_inflated() -> None:
    raw = bytearray(with_part(book([HEAD]), "xl/worksheets/sheet1.xml", b" " * (uploads.LARGEST_INFLATED + 1)))
    size = (uploads.LARGEST_INFLATED + 1).to_bytes(4, "little")
    assert raw.count(size) == 2
    with pytest.raises(NotAWorkbook):
        read(bytes(raw.replace(size, (100).to_bytes(4, "little"))))


def test_a_file_above_the_limit_is_refused_unread() -> None:
    with pytest.raises(WorkbookTooLarge):
        read(b"PK" + b"0" * uploads.LARGEST_FILE)


def test_a_cell_far_out_allocates_nothing() -> None:
    for address in ("XFD1048576", "A1048576", "XFD1", "BI1"):
        sheet = (
            '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
            f'<row r="1"><c r="A1"><v>1</v></c></row><row r="2"><c r="{address}"><v>1</v></c></row></sheetData></worksheet>'
        )
        with pytest.raises(WorkbookTooLarge):
            read(with_part(book([HEAD]), "xl/worksheets/sheet1.xml", sheet.encode()))


def test_addresses_that_mean_nothing_are_refused() -> None:
    for address in ("a1", "A0", "1A", "A99999999999", "A-1", ""):
        sheet = f'<worksheet><sheetData><row><c r="{address}"><v>1</v></c></row></sheetData></worksheet>'
        with pytest.raises(NotAWorkbook):
            read(with_part(book([HEAD]), "xl/worksheets/sheet1.xml", sheet.encode()))


def test_a_date_where_a_figure_belongs_is_told() -> None:
    file = BytesIO()
    with xlsxwriter.Workbook(file) as written:
        page = written.add_worksheet()
        page.write_row(0, 0, HEAD)
        page.write_string(1, 0, "hotel")
        page.write_datetime(1, 1, date(2026, 5, 1), written.add_format({"num_format": "yyyy-mm-dd"}))
    (bad,) = read(file.getvalue()).bad_cells
    assert (bad.column, bad.given, bad.code) == ("B", "2026-05-01", "uploads.figure_unreadable")


def test_too_many_rows_or_sheets_are_refused() -> None:
    with pytest.raises(WorkbookTooLarge):
        read(book([HEAD, *[("hotel", 1)] * workbooks.MOST_ROWS]))
    with pytest.raises(WorkbookTooLarge):
        read(book(*[[HEAD]] * (workbooks.MOST_SHEETS + 1)))


def test_entities_are_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'
    with pytest.raises(NotAWorkbook):
        read(with_part(book([HEAD]), "xl/worksheets/sheet1.xml", bomb))


def test_a_broken_workbook_is_refused_whatever_is_broken() -> None:
    whole = book([HEAD, ("hotel", 1)])
    for place in range(0, len(whole), 97):
        broken = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        try:
            read(broken)
        except (NotAWorkbook, WorkbookTooLarge, event_lists.NoActivities):
            continue


def test_the_export_of_a_calculation_has_every_line_with_its_citation() -> None:
    made = footprint.calculate(ACTIVITIES, year=2026, region="HEBEI", has_radiative_forcing=True)
    raw = event_sheets.calculation_sheet(made, locale="en", title="=evil", mark="DEMO")
    lines, sources = (sheet.rows() for sheet in uploads.read_workbook(raw))
    assert len(lines) == 1 + 12 + 1 and lines[0][0] == HEADS["activity"]
    assert lines[1][6] == "EL-HB-2022" and "Announcement No. 33 of 2024" in str(lines[1][11])
    assert lines[-1][-1] == 118781.9654
    told = {str(row[0]): str(row[1]) for row in sources}
    assert {"S2", "S4", "S5", "S6", "S7", "S8"} <= set(told) and told["Tonnes to retire"] == "119"


def test_texts_that_look_like_formulas_stay_texts_in_the_export() -> None:
    row = footprint.Activity(activity="hotel", quantity=Decimal(1), label='=HYPERLINK("http://x")')
    made = footprint.calculate([row], year=2026, region="HEBEI")
    raw = event_sheets.calculation_sheet(made, locale="zh", title="演示")
    with zipfile.ZipFile(BytesIO(raw)) as parts:
        assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
