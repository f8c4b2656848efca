"""The calculator in the API: factors with their citations, calculations that keep nothing, workbooks in and out. Public."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, RawBody
from msgspec import Meta

from market.emitters import factors, footprint
from market.emitters.footprint import Activity, Footprint
from tanyi.app import event_lists, event_sheets
from tanyi.app.api.answers import takes
from tanyi.app.event_words import citation
from tanyi.app.intake import Shape, read_json
from tanyi.app.security import Visitor, access
from tanyi.app.spreadsheets import XLSX_TYPE

Year = Annotated[int, Meta(ge=2000, le=2100)]
Activities = Annotated[list[Activity], Meta(min_length=1, max_length=footprint.MOST_ROWS)]


class CalculationAsked(Shape, frozen=True, kw_only=True):
    """A list of activities, the year and region of the event, and whether the radiative forcing of flights counts."""

    year: Year
    region: str
    activities: Activities
    has_radiative_forcing: bool | None = None


class SourceShown(msgspec.Struct, frozen=True, kw_only=True):
    """A source with its full citation in both languages."""

    code: str
    citation_zh: str
    citation_en: str


class FactorShown(msgspec.Struct, frozen=True, kw_only=True):
    """A factor in kg of `ghg_basis` per unit; `data_year` None: a default of any year."""

    code: str
    activity: str
    name_zh: str
    name_en: str
    unit: str
    kgco2e_per_unit: Decimal
    ghg_basis: str
    data_year: int | None
    region: str
    quality: str
    has_radiative_forcing: bool | None
    note_zh: str
    note_en: str
    source: SourceShown


class FactorsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Factors in the order of the table."""

    items: list[FactorShown]


class SumShown(msgspec.Struct, frozen=True, kw_only=True):
    """Kilograms of one category or phase."""

    code: str
    emissions_kg: Decimal


class FootprintShown(msgspec.Struct, frozen=True, kw_only=True):
    """A calculation. Kilograms are exact; `shown_kg` is what a page prints. `uncertainty_kg` is our assumption."""

    footprint: Footprint
    shown_kg: Decimal
    flags: tuple[str, ...]
    by_category: list[SumShown]
    by_phase: list[SumShown]
    factors: list[FactorShown]


class BadCellShown(msgspec.Struct, frozen=True, kw_only=True):
    """A cell of a workbook that does not count, and why, in the reader's language."""

    sheet: str
    row: int
    column: str
    given: str
    code: str
    reason: str


class UploadShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a workbook holds: the rows that count, by number, their calculation, and every cell that does not count."""

    rows: list[int]
    activities: list[Activity]
    bad_cells: list[BadCellShown]
    calculation: FootprintShown | None


@get("/api/v1/factors", opt=access(scope="public"), sync_to_thread=True, tags=["events"])
def all_factors(year: FromQuery[int | None] = None, region: FromQuery[str | None] = None) -> FactorsShown:
    """Every factor of the calculator with its citation; those usable for an event of a year and in a region."""
    return FactorsShown(items=[_factor(each) for each in factors.usable(year=year, region=region)])


@get("/api/v1/factors/{code:str}", opt=access(scope="public"), sync_to_thread=True, tags=["events"])
def one_factor(code: FromPath[str]) -> FactorShown:
    """One factor with its citation."""
    return _factor(factors.by_code(code))


@post(
    "/api/v1/footprints",
    opt=access(scope="public") | takes(CalculationAsked),
    status_code=200,
    sync_to_thread=True,
    tags=["events"],
)
def calculate(body: RawBody) -> FootprintShown:
    """The footprint of a list of activities, each line with its factor; nothing is kept."""
    return shown(_made(read_json(body, CalculationAsked)))


@post(
    "/api/v1/footprints/workbook",
    opt=access(scope="public") | takes(CalculationAsked),
    status_code=200,
    sync_to_thread=True,
    tags=["events"],
)
def calculate_workbook(body: RawBody, visitor: NamedDependency[Visitor]) -> Response[bytes]:
    """The same calculation as a workbook with its citations."""
    return workbook(visitor, _made(read_json(body, CalculationAsked)), "tanyi-footprint")


@get("/api/v1/footprints/template", opt=access(scope="public"), sync_to_thread=True, tags=["events"])
def template(visitor: NamedDependency[Visitor]) -> Response[bytes]:
    """The workbook to fill in, in the reader's language."""
    return _xlsx(event_sheets.template(locale=visitor.locale), "tanyi-activities")


@post("/api/v1/footprints/uploads", opt=access(scope="public"), status_code=200, sync_to_thread=True, tags=["events"])
def upload(
    body: RawBody,
    visitor: NamedDependency[Visitor],
    year: FromQuery[Year],
    region: FromQuery[str],
    has_radiative_forcing: FromQuery[bool | None] = None,
) -> UploadShown:
    """Reads a filled-in workbook (the body): good rows and their calculation, and every bad cell with its reason."""
    place = {"year": year, "region": region, "has_radiative_forcing": has_radiative_forcing}
    reading = event_lists.read(body, locale=visitor.locale, check=event_lists.check_for(**place))
    activities = list(reading.activities.values())
    return UploadShown(
        rows=list(reading.activities),
        activities=activities,
        bad_cells=[BadCellShown(**asdict(each)) for each in reading.bad_cells],
        calculation=shown(footprint.calculate(activities, **place)) if activities else None,
    )


def shown(made: Footprint) -> FootprintShown:
    """A calculation with its sums and the factors that it used."""
    used = dict.fromkeys(line.factor for line in made.lines if line.factor)
    return FootprintShown(
        footprint=made,
        shown_kg=footprint.shown_kg(made.total_kg),
        flags=made.flags,
        by_category=_sums(made, "category"),
        by_phase=_sums(made, "phase"),
        factors=[_factor(factors.by_code(code)) for code in used],
    )


def workbook(visitor: Visitor, made: Footprint, name: str) -> Response[bytes]:
    """A calculation as a workbook in the visitor's language."""
    mark = "DEMO 演示，无法律效力" if visitor.is_demo else None
    return _xlsx(event_sheets.calculation_sheet(made, locale=visitor.locale, title=name, mark=mark), name)


def _made(asked: CalculationAsked) -> Footprint:
    return footprint.calculate(
        asked.activities, year=asked.year, region=asked.region, has_radiative_forcing=asked.has_radiative_forcing
    )


def _sums(made: Footprint, field: str) -> list[SumShown]:
    return [SumShown(code=code, emissions_kg=kg) for code, kg in footprint.by(made.lines, field).items() if kg]


def _xlsx(raw: bytes, name: str) -> Response[bytes]:
    named = {"Content-Disposition": f'attachment; filename="{name}.xlsx"'}
    return Response(raw, media_type=XLSX_TYPE, headers=named)


def _factor(found: factors.Factor) -> FactorShown:
    series = factors.series_of(found.series)
    own: dict[str, Any] = {name: getattr(found, name) for name in FactorShown.__struct_fields__ if name in _OF_FACTOR}
    return FactorShown(
        activity=series.code, name_zh=series.name_zh, name_en=series.name_en, source=_source(found.source), **own
    )


def _source(code: str) -> SourceShown:
    return SourceShown(code=code, citation_zh=citation(code, "zh"), citation_en=citation(code, "en"))


_OF_FACTOR: Sequence[str] = (
    "code",
    "unit",
    "kgco2e_per_unit",
    "ghg_basis",
    "data_year",
    "region",
    "quality",
    "has_radiative_forcing",
    "note_zh",
    "note_en",
)

ROUTES = [all_factors, one_factor, calculate, calculate_workbook, template, upload]
