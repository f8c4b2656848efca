"""Lists of activities that come in as workbooks: what counts, and every cell that does not.

A row that counts becomes an `Activity`; a cell that does not is named by sheet, row and column with the reason in the
reader's language, and nothing falls silently out. Heads and words are understood in both languages and as codes, whatever
language the reader has now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from market.emitters import factors, footprint
from market.emitters.footprint import Activity, Line
from tanyi.app import uploads
from tanyi.app.event_words import CATEGORY_WORDS, HEADS, OTHER_WORD, PHASE_WORDS, in_both, offered
from tanyi.app.pages.rendering import translate
from tanyi.app.uploads import Given, SheetRead
from tanyi.kernel.errors import N_, Invalid, Refusal

WHOLE: Final = ("persons", "vehicles")
FIGURES: Final = ("quantity", "distance_km", "occupants", "own_kgco2e_per_unit", *WHOLE)
MOST_BAD_CELLS: Final = 500


class NoActivities(Invalid):
    """No sheet has the head of a list of activities."""

    code = "event_lists.no_activities"
    message = N_(
        "No sheet of this workbook begins with the head of the template. Download the template and fill it in."
    )


class WordUnknown(Invalid):
    """A word that is none of those to choose from."""

    code = "event_lists.word_unknown"
    message = N_("This is none of the words to choose from.")


class NotWhole(Invalid):
    """A number of people or vehicles that is not whole."""

    code = "event_lists.not_whole"
    message = N_("This must be a whole number above zero, at most 10,000,000.")


@dataclass(frozen=True)
class BadCell:
    """A cell that does not count: where it stands, what is in it, and why; `column` is empty for a whole row."""

    sheet: str
    row: int
    column: str
    given: str
    code: str
    reason: str


@dataclass
class Reading:
    """What a workbook holds: activities by the number of their row, and every cell that does not count."""

    activities: dict[int, Activity] = field(default_factory=dict)
    bad_cells: list[BadCell] = field(default_factory=list)


Check = Callable[[Activity, int], Any]


def read(raw: bytes, *, locale: str, check: Check | None = None) -> Reading:
    """The activities of a workbook; `check` refuses a row that does not fit the event, and is told beside it."""
    reading = Reading()
    sheet, rows, places, first = _list_in(uploads.read_workbook(raw))
    for number, row in enumerate(rows[first:], start=first + 1):
        cells = {key: row[place] for key, place in places.items() if place < len(row) and uploads.text_of(row[place])}
        if cells:
            _take(reading, sheet.name, number, cells, places, locale, check)
    del reading.bad_cells[MOST_BAD_CELLS:]
    return reading


def check_for(*, year: int, region: str, has_radiative_forcing: bool | None) -> Check:
    """Refuses rows without a factor for this year and region, or with figures that cannot be."""

    def check(stated: Activity, row: int) -> Line:
        return footprint.line_of(stated, row, year=year, region=region, has_radiative_forcing=has_radiative_forcing)

    return check


def _list_in(sheets: Sequence[SheetRead]) -> tuple[SheetRead, list[list[Given]], dict[str, int], int]:
    """The sheet with the list, its rows, the places of its columns, and the row after its head (looked for in the first ten)."""
    known = {_folded(word): key for key, msgid in HEADS.items() for word in (key, *in_both(msgid))}
    for sheet in sheets:
        rows = sheet.rows()
        for number, row in enumerate(rows[:10]):
            heads = [known.get(_folded(uploads.text_of(cell))) for cell in row]
            places = {key: place for place, key in reversed(list(enumerate(heads))) if key is not None}
            if "activity" in places and len(places) >= 3:
                return sheet, rows, places, number + 1
    raise NoActivities


def _take(
    reading: Reading,
    sheet: str,
    row: int,
    cells: Mapping[str, Given],
    places: Mapping[str, int],
    locale: str,
    check: Check | None,
) -> None:
    """One row: an activity, or what is wrong with it."""

    def tell(key: str | None, refusal: Refusal) -> None:
        column = uploads.column_letters(places[key]) if key in places else ""
        given = uploads.text_of(cells[key])[:80] if key in cells else ""
        reason = translate(refusal.message, locale=locale, **refusal.facts)
        reading.bad_cells.append(BadCell(sheet, row, column, given, refusal.code, reason))

    known, stated = len(reading.bad_cells), {}
    for key, cell in cells.items():
        try:
            stated[key] = _cell(key, cell)
        except Refusal as refusal:
            tell(key, refusal)
    if "activity" not in cells:
        tell("activity", WordUnknown())
    if len(reading.bad_cells) > known:
        return
    try:
        activity = Activity(**stated)
        if check is not None:
            check(activity, row)
        reading.activities[row] = activity
    except Refusal as refusal:
        tell(_field_of(refusal), refusal)


def _field_of(refusal: Refusal) -> str | None:
    """The column that a refusal is about, where it is about one."""
    if isinstance(refusal, footprint.FigureOutOfRange):
        return str(refusal.facts.get("field"))
    if isinstance(refusal, footprint.WrongUnit):
        return "unit"
    if isinstance(refusal, footprint.OwnFactorUnproven):
        return "own_evidence"
    about_activity = (factors.UnknownActivity, factors.NoFactorForRegion, factors.NoFactorForYear)
    return "activity" if isinstance(refusal, about_activity) else None


def _cell(key: str, cell: Given) -> Any:
    if key in WHOLE:
        figure = uploads.figure_of(cell)
        if figure is None or figure != figure.to_integral_value() or not 0 < figure <= 10_000_000:
            raise NotWhole
        return int(figure)
    if key in FIGURES:
        return uploads.figure_of(cell)
    text = uploads.text_of(cell)
    if key in ("activity", "phase", "category"):
        found = _words(key).get(_folded(text))
        if found is None:
            raise WordUnknown
        return found
    if len(text) > 200:
        raise Invalid(detail=N_("at most 200 characters"))
    return text


def _words(key: str) -> dict[str, str]:
    """What may stand in a column of words, folded, with the code that it means."""
    if key == "activity":
        series = {each.code: [each.code, each.name_zh, each.name_en] for each in offered()}
        series[footprint.OTHER] = [footprint.OTHER, *in_both(OTHER_WORD)]
        return {_folded(word): code for code, words in series.items() for word in words}
    table = PHASE_WORDS if key == "phase" else CATEGORY_WORDS
    return {_folded(word): code for code, msgid in table.items() for word in (code, *in_both(msgid))}


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace("*", "").split())
