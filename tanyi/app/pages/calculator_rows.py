"""The rows of the calculator's form: which activities it asks for at once, in which words, and what it suggests.

The order is that of annex 1 of the guide of 2019. What stands here as a row is what most events have; every other
activity can be entered in a further row. A suggestion is an assumption of ours, worked out from people and days, and is
marked as one wherever it stands; the guide gives none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tanyi.kernel.errors import N_

SUGGESTION: Final = "suggestion"  # the label of a row that somebody left as it was suggested


@dataclass(frozen=True, kw_only=True)
class Row:
    """One activity that the form asks for. `many` and `each`: what is multiplied to get the quantity, as msgids."""

    activity: str
    hint: str = ""
    many: str = ""
    each: str = ""

    @property
    def is_product(self) -> bool:
        """Whether the quantity may be worked out from two figures."""
        return bool(self.many)


PEOPLE, CARS, THERE_AND_BACK = N_("People"), N_("Cars"), N_("km, both ways")
ROWS: Final[Mapping[str, tuple[Row, ...]]] = {
    "FUEL_STATIONARY": (
        Row(activity="natural_gas", hint=N_("Boilers and kitchens of the venue and of the organisers' offices.")),
        Row(activity="lpg", hint=N_("Bottled gas, such as for outdoor kitchens.")),
    ),
    "FUEL_MOBILE": (
        Row(activity="petrol", hint=N_("Fuel of vehicles that serve the event. A litre weighs about 0.74 kg.")),
        Row(activity="diesel", hint=N_("Generators, lorries, buses that you fuel. A litre weighs about 0.84 kg.")),
    ),
    "ELECTRICITY_HEAT": (
        Row(activity="grid_electricity", hint=N_("Ask the venue; the last similar event is a good estimate.")),
        Row(activity="purchased_heat", hint=N_("District heating of the venue in these days.")),
    ),
    "TRANSPORT": (
        Row(activity="rail", many=PEOPLE, each=THERE_AND_BACK),
        Row(activity="flight_domestic", many=PEOPLE, each=THERE_AND_BACK),
        Row(activity="car_petrol", hint=N_("Cars, not people."), many=CARS, each=THERE_AND_BACK),
        Row(activity="car_new_energy", hint=N_("Cars, not people."), many=CARS, each=THERE_AND_BACK),
        Row(activity="coach", many=PEOPLE, each=THERE_AND_BACK),
        Row(activity="bus", hint=N_("Journeys on the spot, over all days."), many=PEOPLE, each=N_("km, all days")),
        Row(activity="metro", hint=N_("Journeys on the spot, over all days."), many=PEOPLE, each=N_("km, all days")),
        Row(activity="taxi", hint=N_("Cars, not people."), many=CARS, each=N_("km, all days")),
    ),
    "LODGING_CATERING": (
        Row(activity="hotel", hint=N_("Rooms times nights."), many=N_("Rooms"), each=N_("Nights")),
        Row(activity="meal", hint=N_("All meals of all days."), many=PEOPLE, each=N_("Meals each")),
    ),
    "SUPPLIES": (
        Row(activity="paper", hint=N_("Programmes, handouts, packaging.")),
        Row(activity="pvc", hint=N_("About 0.5 kg a square metre.")),
        Row(activity="plastic", hint=N_("Bottles, tableware, badges.")),
        Row(activity="water"),
    ),
    "WASTE": (
        Row(activity="incineration", hint=N_("Residual waste that is burnt.")),
        Row(activity="food_waste_landfill"),
    ),
}
KNOWN_ROWS: Final[Mapping[str, Row]] = {row.activity: row for rows in ROWS.values() for row in rows}
PER_KM: Final = ("rail", "flight_domestic", "car_petrol", "car_new_energy", "coach", "bus", "metro", "taxi")
CARS_DRIVEN: Final = ("car_petrol", "car_new_energy", "taxi")

MEALS_A_DAY, LOCAL_KM_A_DAY = 2, 10
STAYING_OVERNIGHT_PERMILLE, WASTE_G_A_DAY, PAPER_G = 500, 500, 300


def suggested(participants: int, days: int) -> dict[str, dict[str, str]]:
    """What the form proposes for so many people and days, by activity: the texts of its fields (design)."""
    if participants < 1 or days < 1:
        return {}
    rooms = -(-participants * STAYING_OVERNIGHT_PERMILLE // 1000)
    found = {
        "bus": _product(participants, LOCAL_KM_A_DAY * days),
        "meal": _product(participants, MEALS_A_DAY * days),
        "paper": {"quantity": _plain(Decimal(participants * PAPER_G).scaleb(-3))},
        "incineration": {"quantity": _plain(Decimal(participants * days * WASTE_G_A_DAY).scaleb(-3))},
    }
    return found | ({"hotel": _product(rooms, days - 1)} if days > 1 else {})


def _product(many: int, each: int) -> dict[str, str]:
    return {"many": str(many), "each": str(each), "quantity": str(many * each)}


def _plain(figure: Decimal) -> str:
    """A figure without an exponent and without needless zeros."""
    text = f"{figure:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
