"""Reduction measures that the form offers to tick (art. 6, 9(3)): what most events can do, by the source it lowers.

They are stored in the plan as Chinese sentences, as if they had been typed, and shown in the reader's language.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from tanyi.app.pages.pieces import Names, both
from tanyi.app.pages.rendering import translate
from tanyi.kernel.errors import N_

OPTIONS: Final[Mapping[str, tuple[str, str, str]]] = {  # code: phase, what is done, why
    "transit": (
        "EVENT",
        N_("Public transport, shuttles and shared rides instead of single cars"),
        N_("Journeys are the largest part of most events."),
    ),
    "rail": (
        "EVENT",
        N_("Rail instead of flights wherever it takes less than five hours"),
        N_("A journey by rail emits a small part of a flight."),
    ),
    "online": (
        "EVENT",
        N_("Remote participation for those who need not travel"),
        N_("Whoever does not travel emits nothing on the way."),
    ),
    "power": (
        "EVENT",
        N_("Energy-saving light, stage and climate: 26 °C in summer, 20 °C in winter, off when empty"),
        N_("Lowers electricity and heat of the venue."),
    ),
    "paperless": (
        "PREPARATION",
        N_("Paperless: digital invitations, programmes and handouts"),
        N_("Lowers paper, print and dispatch."),
    ),
    "reuse": (
        "PREPARATION",
        N_("Stands, boards and badges that are rented or used again"),
        N_("Lowers supplies and waste."),
    ),
    "meals": (
        "EVENT",
        N_("Local and seasonal food, sensible portions, nothing thrown away"),
        N_("Lowers meals and food waste."),
    ),
    "bottles": (
        "EVENT",
        N_("Water dispensers and own cups instead of bottles, no single-use tableware"),
        N_("Lowers plastic and waste."),
    ),
    "sorting": (
        "CLOSE_OUT",
        N_("Waste is sorted and recycled, food waste composted"),
        N_("Lowers what is burnt or buried."),
    ),
    "lodging": (
        "PREPARATION",
        N_("Lodging within walking distance, linen changed on request only"),
        N_("Lowers journeys and nights in hotels."),
    ),
}


def as_choices() -> list[dict[str, Any]]:
    """The options for the form, with their words in both languages."""
    return [{"code": code, "name": both(what), "hint": both(why)} for code, (_, what, why) in OPTIONS.items()]


def sentence(code: str) -> tuple[str, str]:
    """Phase and sentence of an option, as the plan keeps them."""
    phase, what, _ = OPTIONS[code]
    return phase, translate(what, locale="zh")


def code_of(description: str) -> str | None:
    """The option that a stored sentence came from, if it did."""
    return _codes().get(description)


def measure_names(description: str) -> Names | str:
    """A stored sentence in both languages if it is one of the options, else as it was written."""
    code = code_of(description)
    return both(OPTIONS[code][1]) if code else description


@lru_cache(maxsize=1)
def _codes() -> dict[str, str]:
    return {sentence(code)[1]: code for code in OPTIONS}
