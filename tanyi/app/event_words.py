"""The words of event neutrality at the edge: columns, phases, categories, qualities, and sources as they are cited.

The words are msgids; names of activities, regions and sources are data in both languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from market.emitters import factors, footprint
from tanyi.app.pages.rendering import LANGUAGES, translate
from tanyi.kernel.errors import N_

HEADS: Final[Mapping[str, str]] = {
    "activity": N_("Activity"),
    "label": N_("What it is"),
    "quantity": N_("Quantity"),
    "unit": N_("Unit"),
    "persons": N_("People"),
    "vehicles": N_("Vehicles"),
    "distance_km": N_("Distance of each (km)"),
    "occupants": N_("People in a car"),
    "phase": N_("Phase"),
    "category": N_("Category"),
    "own_kgco2e_per_unit": N_("Own factor (kgCO2e per unit)"),
    "own_evidence": N_("Evidence of the own factor"),
}
PHASE_WORDS: Final[Mapping[str, str]] = {
    "PREPARATION": N_("Preparation"),
    "EVENT": N_("Event"),
    "CLOSE_OUT": N_("Close-out"),
}
CATEGORY_WORDS: Final[Mapping[str, str]] = {
    "FUEL_STATIONARY": N_("Fuel burnt on site"),
    "FUEL_MOBILE": N_("Fuel burnt in vehicles"),
    "ELECTRICITY_HEAT": N_("Purchased electricity and heat"),
    "TRANSPORT": N_("Transport of people"),
    "LODGING_CATERING": N_("Lodging and catering"),
    "SUPPLIES": N_("Supplies"),
    "WASTE": N_("Waste"),
}
QUALITY_WORDS: Final[Mapping[str, str]] = {
    "OFFICIAL": N_("Official"),
    "NATIONAL_DEFAULT": N_("National default"),
    "PROXY": N_("Proxy"),
    "ASSUMPTION": N_("Assumption"),
    "OWN": N_("Own factor"),
    "FALLBACK": N_("Wider region"),
}
OTHER_WORD: Final = N_("Other (own factor)")
FORCING_WORDS: Final[Mapping[bool | None, str]] = {
    True: N_("counted"),
    False: N_("not counted"),
    None: N_("no flights in the list"),
}


def offered() -> list[factors.Series]:
    """The activities that emit: all but those that count a saving."""
    return [each for each in factors.all_series().values() if factors.MEASURE not in each.categories]


def in_both(msgid: str) -> list[str]:
    """A msgid in both languages."""
    return [translate(msgid, locale=locale) for locale in LANGUAGES]


def activity_name(code: str, locale: str) -> str:
    """An activity in the reader's language."""
    if code == footprint.OTHER:
        return translate(OTHER_WORD, locale=locale)
    series = factors.series_of(code)
    return series.name_zh if locale == "zh" else series.name_en


def region_name(code: str, locale: str) -> str:
    """A region in the reader's language."""
    region = factors.regions()[code]
    return region.name_zh if locale == "zh" else region.name_en


def citation(code: str, locale: str) -> str:
    """A source as it is cited: who, what, which number, when."""
    source = factors.sources()[code]
    if locale == "zh":
        return _cited_in_chinese(source)
    cited = ", ".join(part for part in (source.issuer_en, source.title_en, source.number_en, source.issued) if part)
    return f"{cited}. {source.remark_en}".strip()


def _cited_in_chinese(source: factors.Source) -> str:
    cited = "，".join(
        part for part in (f"{source.issuer_zh}《{source.title_zh}》", source.number_zh, source.issued) if part
    )
    return f"{cited}。{source.remark_zh}"
