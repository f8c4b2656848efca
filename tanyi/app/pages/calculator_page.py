"""The page of the calculator, before and after the event, saved or not: one form, shown and read in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from market.emitters import footprint
from market.emitters.footprint import Activity, Line
from settlement.neutrality import calculations
from settlement.neutrality.events import Event
from tanyi.app import event_lists
from tanyi.app.event_lists import BadCell
from tanyi.app.pages import views_footprint
from tanyi.app.pages.calculator import BLANK_ROWS, Sheet, first_figures, typed_of
from tanyi.app.pages.calculator_rows import suggested
from tanyi.app.pages.event_facts import Asked
from tanyi.app.pages.rendering import translate
from tanyi.app.pages.sent import Sent
from tanyi.kernel.errors import N_, Invalid, Refusal

TEMPLATE: Final = "pages/neutral/activities.html"
SAVE, UPLOAD, RECALCULATE = "save", "upload", "recalculate"
BAD_CELLS = N_("Some cells could not be read. They are listed here; everything else was taken in.")


@dataclass(frozen=True)
class Basis:
    """What the factors and the suggestions depend on; `participants` 0: nothing is suggested."""

    ends_on: date
    region: str
    participants: int = 0
    days: int = 0

    @property
    def proposed(self) -> dict[str, dict[str, str]]:
        return suggested(self.participants, self.days)


def basis_of(event: Event, *, suggests: bool) -> Basis:
    """The basis of a saved event; after the event nothing is suggested."""
    people = event.expected_participants or 0
    return Basis(event.ends_on, event.region, people if suggests else 0, (event.ends_on - event.starts_on).days + 1)


def basis_asked(asked: Asked) -> Basis:
    """The basis of an event that is not saved yet."""
    assert asked.facts is not None, "only facts that can be read are a basis"
    return Basis(asked.facts.ends_on, asked.facts.region, asked.participants, asked.days)


@dataclass
class Counted:
    """A sheet that was read: what it states, which rows can be counted, and the page that shows it again."""

    sheet: Sheet
    basis: Basis
    activities: list[Activity]
    lines: dict[str, Line]
    bad_cells: list[BadCell] = field(default_factory=list)

    @property
    def is_fit(self) -> bool:
        return not self.sheet.errors

    def context(self, **about: Any) -> dict[str, Any]:
        """What the template asks for; `about` says whose page it is."""
        year, region, forcing = self.basis.ends_on.year, self.basis.region, self.sheet.has_forcing
        where: dict[str, Any] = {"year": year, "region": region, "has_forcing": forcing}
        proposed = self.basis.proposed
        categories = views_footprint.form_categories(self.sheet.typed, lines=self.lines, proposed=proposed, **where)
        return {
            "categories": categories,
            "further": views_footprint.further_rows(self.sheet, BLANK_ROWS, self.lines),
            "choices": views_footprint.choices(**where),
            "total": views_footprint.total(list(self.lines.values())),
            "errors": self.sheet.errors,
            "has_forcing": forcing,
            "bad_cells": self.bad_cells,
            "form": {"contact": self.sheet.typed["contact"]},
            "basis": {"participants": self.basis.participants, "days": self.basis.days} if proposed else None,
            "phases": list(footprint.PHASES),
            "line_categories": list(footprint.CATEGORIES),
        } | about


def count(typed: Mapping[str, Any], basis: Basis, locale: str) -> Counted:
    """Reads what was typed and counts what can be counted."""
    sheet = Sheet(typed, locale)
    activities = sheet.take_in(basis.proposed)
    lines = {}
    found = sheet.lines(year=basis.ends_on.year, region=basis.region)
    refused = set(sheet.errors)
    countable = [field for field in sheet.fields if field not in refused]
    lines = dict(zip(countable, found, strict=False))
    return Counted(sheet, basis, activities, lines)


def fresh(basis: Basis, locale: str) -> Counted:
    """The page of an event for which nothing was stated yet: the suggestions; an empty form is no mistake."""
    counted = count(first_figures(basis.participants, basis.days), basis, locale)
    counted.sheet.errors.clear()
    return counted


def saved(activities: Sequence[Activity], basis: Basis, locale: str, *, has_forcing: bool | None) -> Counted:
    """The page of an event for which something was stated before."""
    return count(typed_of(activities) | {"forcing": "no" if has_forcing is False else "yes"}, basis, locale)


def received(sent: Sent, basis: Basis, locale: str) -> Counted:
    """The page after it was sent; a workbook that came along takes the place of what was typed."""
    if sent.typed.get("action") != UPLOAD:
        return count(sent.typed, basis, locale)
    try:
        return _uploaded(sent, basis, locale)
    except Refusal as refusal:
        counted = count(sent.typed, basis, locale)
        counted.sheet.errors.clear()
        counted.sheet.errors["sheet"] = translate(refusal.message, locale=locale, **refusal.facts)
        return counted


def _uploaded(sent: Sent, basis: Basis, locale: str) -> Counted:
    """What a workbook states; a cell that does not count is told beside the rows that do."""
    if not sent.file:
        raise NothingUploaded
    forcing = sent.typed.get("forcing", "yes")
    year, region = basis.ends_on.year, basis.region
    check = event_lists.check_for(year=year, region=region, has_radiative_forcing=forcing != "no")
    read = event_lists.read(sent.file, locale=locale, check=check)
    kept = {"contact": sent.typed.get("contact", ""), "forcing": forcing}
    counted = count(typed_of(list(read.activities.values())) | kept, basis, locale)
    counted.bad_cells = read.bad_cells
    if read.bad_cells:
        counted.sheet.say("sheet", BAD_CELLS)
    return counted


class NothingUploaded(Invalid):
    """The button was pressed without a file."""

    code = "calculator.nothing_uploaded"
    message = N_("Choose a workbook first.")


def before(event: Event, versions: Sequence[calculations.Calculation], locale: str, *, suggests: bool) -> Counted:
    """The page of a saved event: its newest version, else the suggestions."""
    basis = basis_of(event, suggests=suggests)
    if not versions:
        return fresh(basis, locale)
    made = calculations.footprint_of(versions[0])
    stated = calculations.activities_of(versions[0])
    return saved(stated, basis, locale, has_forcing=made.has_radiative_forcing)
