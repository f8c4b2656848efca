"""A page, or one of its tables as a file: the same address, the same reader, the same rows.

`answer` is what the handlers of pages with tables give. Without `format` it is the page; `?format=csv` or `?format=xlsx`
with `table=` gives the whole filtered table, read under the very scope under which the page would be shown. A file is put
together before it is sent, so that one which cannot be finished is an error and never a shorter file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response

from settlement.certificate_claim import DEMO_LEGAL_EFFECT
from tanyi.app import spreadsheets
from tanyi.app.pages import pieces, tabular
from tanyi.app.pages.rendering import spoken, translate
from tanyi.app.pages.tabular import Asked, Column, Table
from tanyi.app.security import Visitor, page
from tanyi.app.spreadsheets import Cell, Sheet
from tanyi.kernel.clock import civil_date, system_clock
from tanyi.kernel.errors import N_, NotFound

LONGEST_ADDRESS = 500
ENDINGS = {"csv": spreadsheets.CSV_TYPE, "xlsx": spreadsheets.XLSX_TYPE}
ABOUT = N_("About this table")
AS_OF, ADDRESS, ROWS, SHOWN_OF = N_("As of"), N_("Address"), N_("Rows"), N_("the first %(most)s of %(total)s")
WITH_UNIT = N_("%(head)s (%(unit)s)")
TIMES, TIMES_SAID = N_("Times"), N_("Asia/Shanghai")


class NoSuchFile(NotFound):
    """The page has no table of this name, or files do not end like that."""

    code = "pages.no_such_file"
    message = N_("This page has no such table to save as a file.")


def asked_of(request: Request[Any, Any, Any], visitor: Visitor) -> Asked:
    """What a request asks of the tables of its page."""
    return Asked(request.url.path, request.query_params, visitor.locale, here(request))


def here(request: Request[Any, Any, Any]) -> str:
    """The address of this page with its query, so that changing the language keeps what was searched for."""
    query = request.url.query
    whole = f"{request.url.path}?{query}" if query else request.url.path
    return whole if len(whole) <= LONGEST_ADDRESS and whole.isprintable() else request.url.path


def answer(
    visitor: Visitor,
    asked: Asked,
    template: str,
    context: Mapping[str, Any],
    *,
    flash: list[dict[str, str]] | None = None,
) -> Response[Any]:
    """The page with its tables, or the table that the address asks for as a file."""
    ending = pieces.typed(asked.query, "format")
    if not ending:
        return page(visitor, template, flash=flash, path=asked.here, **context)
    wanted = pieces.typed(asked.query, "table")
    found = next((each for each in tables_in(context.values()) if each.spec.name == wanted), None)
    if found is None or ending not in ENDINGS:
        raise NoSuchFile
    return file_of(found, ending, is_demo=visitor.is_demo, at=system_clock())


def tables_in(shown: Iterable[Any]) -> Iterator[Table]:
    """The tables among what a page shows, those behind its charts included."""
    for each in shown:
        if isinstance(each, Table):
            yield each
        elif isinstance(each, Mapping):
            yield from tables_in(each.values())
        elif isinstance(behind := getattr(each, "table", None), Table):
            yield behind


def file_of(shown: Table, ending: str, *, is_demo: bool, at: datetime) -> Response[bytes]:
    """A table as an attachment; its name says what it is, of when, and whether it is all of it."""
    sheet = sheet_of(shown, is_demo=is_demo, at=at)
    body = spreadsheets.xlsx_file(sheet) if ending == "xlsx" else b"".join(spreadsheets.csv_file(sheet))
    is_cut = len(shown.source.ids) > spreadsheets.MOST_ROWS
    parts = ["DEMO" if is_demo else "", "tanyi", shown.spec.name, civil_date(at).isoformat()]
    parts.append(f"first-{spreadsheets.MOST_ROWS}" if is_cut else "")
    name = "-".join(part for part in parts if part)
    headers = {"Content-Disposition": f'attachment; filename="{name}.{ending}"', "Cache-Control": "no-store"}
    return Response(body, media_type=ENDINGS[ending], headers=headers)


def sheet_of(shown: Table, *, is_demo: bool, at: datetime) -> Sheet:
    """A table as a sheet in the reader's language."""
    locale, columns = shown.asked.locale, shown.spec.columns
    return Sheet(
        title=spoken(shown.spec.title, locale),
        columns=[_head(column, locale) for column in columns],
        rows=_cells(shown, columns, locale),
        about_title=translate(ABOUT, locale=locale),
        about=_about(shown, locale, at),
        mark=DEMO_LEGAL_EFFECT if is_demo else None,
    )


def _head(column: Column, locale: str) -> spreadsheets.Column:
    """The head of a column in a file, with its unit unless it says so already."""
    head, unit = spoken(column.head, locale), spoken(tabular.UNITS.get(column.kind, ""), locale)
    said = translate(WITH_UNIT, locale=locale, head="", unit=unit) if unit else ""
    head += "" if head.endswith(said) else said
    return spreadsheets.Column(head, tabular.FILE_KINDS[column.kind], tabular.PLACES.get(column.kind, 2))


def _cells(shown: Table, columns: Iterable[Column], locale: str) -> Iterator[list[Cell]]:
    for row in shown.all_rows():
        yield [column.cell(row, locale) for column in columns]


def _about(shown: Table, locale: str, at: datetime) -> list[tuple[str, str]]:
    """What a file says of itself: of when, from where, narrowed by what, and how much of it there is."""
    said = {name: translate(name, locale=locale) for name in (AS_OF, ADDRESS, ROWS, TIMES, TIMES_SAID)}
    told = [(said[AS_OF], spreadsheets.written(at)), (said[TIMES], said[TIMES_SAID])]
    told.append((said[ADDRESS], shown.at(page=None, per=None)))
    for each in shown.filters:
        if chosen := shown.chosen.get(each.name):
            names = {code: spoken(word, locale) for code, word in each.options or ()}
            told.append((spoken(each.label, locale), names.get(chosen, chosen)))
    total, most = len(shown.source.ids), spreadsheets.MOST_ROWS
    cut = translate(SHOWN_OF, locale=locale, most=str(most), total=str(total))
    return [*told, (said[ROWS], cut if total > most else str(total))]
