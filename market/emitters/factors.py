"""Emission factors (排放因子) of the calculator for events: cited data, and which of them counts where and when.

The guide of 2019 holds no values, it only names the standards (annex 1); so every value stands in `factor_data` with
its source. The region is chosen first: the own province, then its grid region, then the country, then a proxy from
abroad; within it the newest year that is not after the year of the event. A default without a year counts in any year.

These are average factors of consumption. Baseline factors of the operating and build margin (OM/BM) measure what a
plant displaces, stand in `market.registry.grid`, and must never be mixed with these. Pure, but for reading its data.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib import resources

from tanyi.kernel.errors import N_, Invalid, NotFound

OFFICIAL, NATIONAL_DEFAULT, PROXY, ASSUMPTION = "OFFICIAL", "NATIONAL_DEFAULT", "PROXY", "ASSUMPTION"
QUALITIES = (OFFICIAL, NATIONAL_DEFAULT, PROXY, ASSUMPTION)
FALLBACK = "FALLBACK"  # a flag of a choice: a wider region stands in for the own one
MEASURE = "MEASURE"  # the category of a factor that counts a saving and is no emission
PROXY_REGIONS = ("UK", "NON_UK_ROUTES", "WORLD")


class UnknownActivity(Invalid):
    """The activity is not in the table of factors."""

    code = "factors.unknown_activity"
    message = N_("There is no activity called %(activity)s.")


class UnknownRegion(Invalid):
    """The region is not in the table of regions."""

    code = "factors.unknown_region"
    message = N_("There is no region called %(region)s.")


class NoFactorForRegion(NotFound):
    """No factor of the region, and none of a wider one that could stand in for it."""

    code = "factors.no_factor_for_region"
    message = N_("There is no factor for %(activity)s in %(region)s, and none of a wider region that could stand in.")


class NoFactorForYear(NotFound):
    """All factors are younger than the event: a value of a later year would be foresight."""

    code = "factors.no_factor_for_year"
    message = N_("There is no factor for %(activity)s in %(region)s of %(year)s or before; the first is of %(first)s.")


class RadiativeForcingUndecided(Invalid):
    """The list has flights, and nobody has said whether radiative forcing counts."""

    code = "factors.radiative_forcing_undecided"
    message = N_("Please decide whether the radiative forcing of flights is counted.")


class NoFactorForForcing(NotFound):
    """The flight has a factor in only one of the two ways."""

    code = "factors.no_factor_for_forcing"
    message = N_("%(activity)s has a factor only with radiative forcing. Count it, or state a factor of your own.")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a factor was published; `issued` is as exact as the source says: a day, a month or a year."""

    code: str
    title_zh: str
    title_en: str
    issuer_zh: str
    issuer_en: str
    number_zh: str
    number_en: str
    issued: str
    remark_zh: str
    remark_en: str


@dataclass(frozen=True, kw_only=True)
class Series:
    """One activity with its unit; `categories` are those of annex 1 that it may stand in, the usual one first."""

    code: str
    categories: tuple[str, ...]
    unit: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region; `within` is the wider one that stands in for it."""

    code: str
    within: str | None
    name_zh: str
    name_en: str


@dataclass(frozen=True, kw_only=True)
class Factor:
    """A cited factor; `data_year` None: a default of any year. `has_radiative_forcing` None: no flight."""

    code: str
    series: str
    kgco2e_per_unit: Decimal
    ghg_basis: str
    data_year: int | None
    region: str
    source: str
    quality: str
    has_radiative_forcing: bool | None
    note_zh: str
    note_en: str

    @property
    def unit(self) -> str:
        return all_series()[self.series].unit


@dataclass(frozen=True)
class Choice:
    """The factor that counts, and what must be said of it: `PROXY`, `ASSUMPTION`, `FALLBACK`."""

    factor: Factor
    flags: tuple[str, ...]


def choose(activity: str, *, region: str, year: int, has_radiative_forcing: bool | None = None) -> Choice:
    """The factor of an activity for a region and the year of an event, or a refusal that says what is missing."""
    of_series = _decided(activity, has_radiative_forcing)
    chain = chain_of(region)
    near = [factor for factor in of_series if factor.region in chain]
    if not near:
        raise NoFactorForRegion(activity=activity, region=region)
    for place in chain:
        dated = [each for each in near if each.region == place and (each.data_year is None or each.data_year <= year)]
        if dated:
            newest = max(dated, key=lambda each: each.data_year or 0)
            return Choice(newest, _flags(newest, region, of_series))
    first = min(factor.data_year or 0 for factor in near)
    raise NoFactorForYear(activity=activity, region=region, year=str(year), first=str(first))


def chain_of(region: str) -> tuple[str, ...]:
    """The region and those that may stand in for it, the nearest first, proxies from abroad last."""
    known, chain = regions(), [region]
    if region not in known:
        raise UnknownRegion(region=region)
    while (wider := known[chain[-1]].within) is not None:
        chain.append(wider)
    return (*chain, *(each for each in PROXY_REGIONS if each not in chain))


def has_flights(activities: Sequence[str]) -> bool:
    """Whether one of these activities has a factor with and one without radiative forcing, or only one of them."""
    return any(factor.has_radiative_forcing is not None for factor in all_factors() if factor.series in activities)


def usable(*, year: int | None = None, region: str | None = None) -> list[Factor]:
    """Every factor with its data year not after `year`, of a region or of one that may stand in for it."""
    chain = None if region is None else chain_of(region)
    return [
        factor
        for factor in all_factors()
        if (year is None or factor.data_year is None or factor.data_year <= year)
        and (chain is None or factor.region in chain)
    ]


def by_code(code: str) -> Factor:
    """A factor by its code, or `NotFound`."""
    for factor in all_factors():
        if factor.code == code:
            return factor
    raise NotFound


def series_of(activity: str) -> Series:
    """An activity by its code, or `UnknownActivity`."""
    found = all_series().get(activity)
    if found is None:
        raise UnknownActivity(activity=activity)
    return found


def event_regions() -> list[Region]:
    """Where an event may take place: provinces, and the country for one that is held in several."""
    return [each for each in regions().values() if each.code not in (*PROXY_REGIONS, "NORTH_CHINA")]


@lru_cache(maxsize=1)
def all_factors() -> tuple[Factor, ...]:
    """The whole table, in its order."""
    return tuple(_factor(row) for row in _rows("factors"))


@lru_cache(maxsize=1)
def all_series() -> Mapping[str, Series]:
    """All activities by code, in the order of the table."""
    rows = _rows("series")
    return {
        row["code"]: Series(
            code=row["code"],
            categories=tuple(row["categories"].split()),
            unit=row["unit"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
        )
        for row in rows
    }


@lru_cache(maxsize=1)
def sources() -> Mapping[str, Source]:
    """All sources by code."""
    return {row["code"]: Source(**row) for row in _rows("sources")}


@lru_cache(maxsize=1)
def regions() -> Mapping[str, Region]:
    """All regions by code."""
    return {
        row["code"]: Region(
            code=row["code"], within=row["within"] or None, name_zh=row["name_zh"], name_en=row["name_en"]
        )
        for row in _rows("regions")
    }


def _decided(activity: str, has_radiative_forcing: bool | None) -> list[Factor]:
    of_series = [factor for factor in all_factors() if factor.series == series_of(activity).code]
    if all(factor.has_radiative_forcing is None for factor in of_series):
        return of_series
    if has_radiative_forcing is None:
        raise RadiativeForcingUndecided
    chosen = [factor for factor in of_series if factor.has_radiative_forcing == has_radiative_forcing]
    if not chosen:
        raise NoFactorForForcing(activity=activity)
    return chosen


def _flags(chosen: Factor, region: str, of_series: Sequence[Factor]) -> tuple[str, ...]:
    """A country's value is a fallback only where some of its regions have values of their own."""
    narrower = any(chosen.region in chain_of(each.region)[1:] for each in of_series if each.region not in PROXY_REGIONS)
    is_fallback = chosen.region not in (region, *PROXY_REGIONS) and narrower
    flags = [chosen.quality] if chosen.quality in (PROXY, ASSUMPTION) else []
    return (*flags, FALLBACK) if is_fallback else tuple(flags)


def _factor(row: dict[str, str]) -> Factor:
    return Factor(
        code=row["code"],
        series=row["series"],
        kgco2e_per_unit=Decimal(row["kgco2e_per_unit"]),
        ghg_basis=row["ghg_basis"],
        data_year=int(row["data_year"]) if row["data_year"] else None,
        region=row["region"],
        source=row["source"],
        quality=row["quality"],
        has_radiative_forcing={"yes": True, "no": False, "": None}[row["has_radiative_forcing"]],
        note_zh=row["note_zh"],
        note_en=row["note_en"],
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("market.emitters") / "factor_data" / f"{name}.csv").read_text(encoding="utf8")
    return list(csv.DictReader(text.splitlines()))
