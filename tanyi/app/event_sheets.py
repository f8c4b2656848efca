"""Workbooks that go out for event neutrality: the template to fill in, and a calculation with its citations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Final

import xlsxwriter

from market.emitters import footprint
from market.emitters.footprint import Footprint
from tanyi.app import spreadsheets, uploads
from tanyi.app.event_words import (
    CATEGORY_WORDS,
    FORCING_WORDS,
    HEADS,
    OTHER_WORD,
    PHASE_WORDS,
    QUALITY_WORDS,
    activity_name,
    citation,
    offered,
    region_name,
)
from tanyi.app.pages.rendering import translate
from tanyi.app.spreadsheets import Column, Sheet
from tanyi.kernel.errors import N_

SHEET_TITLE: Final = N_("Activities of the event")
CHOICES_TITLE: Final = N_("What can be chosen")
ADVICE: Final = N_(
    "One activity a row: either a quantity in its unit, or people or vehicles and the distance that each of them travels."
)


def template(*, locale: str) -> bytes:
    """An empty list with its head and the words to choose from, in the reader's language."""
    file = BytesIO()
    names = [each.name_zh if locale == "zh" else each.name_en for each in offered()]
    names.append(translate(OTHER_WORD, locale=locale))
    words = {
        "activity": names,
        "phase": [translate(msgid, locale=locale) for msgid in PHASE_WORDS.values()],
        "category": [translate(msgid, locale=locale) for msgid in CATEGORY_WORDS.values()],
    }
    units = [each.unit for each in offered()]
    with xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        page = book.add_worksheet(translate(SHEET_TITLE, locale=locale)[:31])
        choices = book.add_worksheet(translate(CHOICES_TITLE, locale=locale)[:31])
        page.freeze_panes(1, 0)
        for place, (key, msgid) in enumerate(HEADS.items()):
            page.write_string(0, place, translate(msgid, locale=locale), bold)
            page.set_column(place, place, 32 if key in ("activity", "label", "own_evidence") else 16)
        for place, (key, listed) in enumerate(words.items()):
            choices.write_string(0, place, translate(HEADS[key], locale=locale), bold)
            choices.write_column(1, place, listed)
            choices.set_column(place, place, 40)
            letter = uploads.column_letters(place)
            source = f"='{choices.get_name()}'!${letter}$2:${letter}${len(listed) + 1}"
            column = list(HEADS).index(key)
            page.data_validation(1, column, footprint.MOST_ROWS, column, {"validate": "list", "source": source})
        choices.write_string(0, len(words), translate(HEADS["unit"], locale=locale), bold)
        choices.write_column(1, len(words), units)
        choices.write_string(len(names) + 2, 0, translate(ADVICE, locale=locale))
    return file.getvalue()


def calculation_sheet(made: Footprint, *, locale: str, title: str, mark: str | None = None) -> bytes:
    """A calculation as a workbook: every line with its factor and citation, the total, and how it was reckoned."""

    def said(msgid: str) -> str:
        return translate(msgid, locale=locale)

    columns = [
        Column(said(HEADS["activity"])),
        Column(said(HEADS["label"])),
        Column(said(HEADS["category"])),
        Column(said(HEADS["phase"])),
        Column(said(HEADS["quantity"]), "decimal", 3),
        Column(said(HEADS["unit"])),
        Column(said(N_("Factor"))),
        Column(said(N_("Factor (kgCO2e per unit)")), "decimal", 5),
        Column(said(N_("Data year"))),
        Column(said(N_("Region"))),
        Column(said(N_("Quality"))),
        Column(said(N_("Source"))),
        Column(said(N_("Emissions (kgCO2e)")), "decimal", 2),
    ]
    about = [
        (said(N_("Total (kgCO2e)")), f"{made.total_kg:f}"),
        (said(N_("Tonnes to retire")), str(made.tonnes_to_retire)),
        (said(N_("Uncertainty (kgCO2e, our assumption)")), f"± {made.uncertainty_kg:f}"),
        (said(N_("Year and region")), f"{made.year} {region_name(made.region, locale)}"),
        (said(N_("Radiative forcing of flights")), said(FORCING_WORDS[made.has_radiative_forcing])),
    ]
    cited = dict.fromkeys(line.source for line in made.lines if line.source)
    about += [(code, citation(code, locale)) for code in cited]
    sheet = Sheet(title, columns, _rows(made, locale), about_title=said(N_("Sources")), about=about, mark=mark)
    return spreadsheets.xlsx_file(sheet)


def _rows(made: Footprint, locale: str) -> Iterator[Sequence[spreadsheets.Cell]]:
    for line in made.lines:
        yield (
            activity_name(line.activity, locale),
            line.label,
            translate(CATEGORY_WORDS[line.category], locale=locale),
            translate(PHASE_WORDS[line.phase], locale=locale),
            line.quantity,
            line.unit,
            line.factor or translate(QUALITY_WORDS["OWN"], locale=locale),
            line.kgco2e_per_unit,
            str(line.data_year or ""),
            region_name(line.region, locale) if line.region else "",
            ", ".join(
                translate(QUALITY_WORDS[each], locale=locale) for each in dict.fromkeys((line.quality, *line.flags))
            ),
            citation(line.source, locale) if line.source else line.evidence,
            line.emissions_kg,
        )
    total: list[spreadsheets.Cell] = [translate(N_("Total"), locale=locale), *[None] * 11, made.total_kg]
    yield total
