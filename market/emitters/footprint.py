"""The footprint (温室气体排放量核算) of an event or of office, production and daily life, by annex 1 of the guide of 2019.

A list of activities becomes lines, each with the factor that was chosen for it, frozen with its value. The arithmetic is
exact: kilograms are sums of products of the figures as stated, and nothing is rounded before the tonnes, which are
rounded up, since what is retired must be at least what was emitted (art. 13).

The uncertainty is an assumption of ours and printed as one: each quality of factor has a percentage, lines are taken as
independent, and the root of the sum of squares combines them. It covers factors, not whether the list is complete. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from math import ceil
from typing import Annotated

from msgspec import Meta, Struct

from market.emitters import factors
from market.emitters.factors import Factor
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.quantities import Tonnes, exact_decimals, tonnes_due

PREPARATION, EVENT, CLOSE_OUT = "PREPARATION", "EVENT", "CLOSE_OUT"
PHASES = (PREPARATION, EVENT, CLOSE_OUT)
CATEGORIES = (  # annex 1 of the guide
    "FUEL_STATIONARY",
    "FUEL_MOBILE",
    "ELECTRICITY_HEAT",
    "TRANSPORT",
    "LODGING_CATERING",
    "SUPPLIES",
    "WASTE",
)
OTHER = "other"  # an activity that the table lacks: it needs a factor of one's own
OWN = "OWN"
UNCERTAINTY_PERCENT: Mapping[str, int] = {  # design: no published figure; half-width at about 95 % confidence
    factors.OFFICIAL: 5,
    factors.NATIONAL_DEFAULT: 10,
    factors.PROXY: 30,
    factors.ASSUMPTION: 50,
    OWN: 20,
}
PER_KM = ("passenger-km", "vehicle-km")
MOST_ROWS = 500
LARGEST_FIGURE = Decimal(10) ** 12
MOST_DECIMALS = 12

Words = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)")]


class FigureOutOfRange(Invalid):
    """A figure that is not positive, too large, or written with more decimals than anyone measures."""

    code = "footprint.figure_out_of_range"
    message = N_("%(field)s must be above zero, at most 1,000,000,000,000 and have at most 12 decimals.")


class FigureMissing(Invalid):
    """A row says neither how much nor how many travel how far, or both."""

    code = "footprint.figure_missing"
    message = N_("Row %(row)s needs either a quantity, or a number of people or vehicles and the distance of each.")


class WrongUnit(Invalid):
    """The quantity is stated in another unit than the factor's."""

    code = "footprint.wrong_unit"
    message = N_("Row %(row)s: %(activity)s is counted in %(unit)s.")


class CategoryUnfit(Invalid):
    """The category or phase is not one that this activity may stand in."""

    code = "footprint.category_unfit"
    message = N_("Row %(row)s: this activity does not belong to this category or phase.")


class OwnFactorUnproven(Invalid):
    """An own factor without a note on its evidence, or an activity of one's own without a factor."""

    code = "footprint.own_factor_unproven"
    message = N_(
        "Row %(row)s: a factor of your own needs a note on its evidence, and an activity of your own needs both."
    )


class ListTooLong(Invalid):
    """No rows at all, or more than a calculation takes."""

    code = "footprint.list_too_long"
    message = N_("A calculation has between 1 and 500 rows.")


class Activity(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row as stated. Either `quantity` in `unit`, or `persons` or `vehicles` times `distance_km` of each.

    With `occupants` the number of cars is that of the persons divided by it, rounded up. `category` None: the usual
    one. `activity` "other" takes `unit`, `category` and an own factor. Figures are decimals as strings.
    """

    activity: Words
    quantity: Decimal | None = None
    unit: Words | None = None
    persons: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    vehicles: Annotated[int, Meta(ge=1, le=10_000_000)] | None = None
    distance_km: Decimal | None = None
    occupants: Decimal | None = None
    phase: Words = EVENT
    category: Words | None = None
    label: Words = ""
    own_kgco2e_per_unit: Decimal | None = None
    own_evidence: Words = ""


class Line(Struct, frozen=True, kw_only=True):
    """One row with its factor as it counts for ever; `factor` is None for an own one, whose `evidence` is the note."""

    activity: str
    label: str
    category: str
    phase: str
    quantity: Decimal
    unit: str
    factor: str | None
    kgco2e_per_unit: Decimal
    ghg_basis: str
    data_year: int | None
    region: str | None
    source: str | None
    quality: str
    flags: tuple[str, ...]
    evidence: str
    uncertainty_percent: int
    emissions_kg: Decimal


class Footprint(Struct, frozen=True, kw_only=True):
    """The whole calculation: exact kilograms, whole tonnes to retire, and the half-width of its uncertainty."""

    year: int
    region: str
    has_radiative_forcing: bool | None
    lines: tuple[Line, ...]
    total_kg: Decimal
    tonnes_to_retire: int
    uncertainty_kg: Decimal

    @property
    def flags(self) -> tuple[str, ...]:
        """What must be said of the whole: every flag of a line, once."""
        return tuple(dict.fromkeys(flag for line in self.lines for flag in line.flags))


def calculate(
    activities: Sequence[Activity], *, year: int, region: str, has_radiative_forcing: bool | None = None
) -> Footprint:
    """The footprint of a list for a region and the year of the event; refuses the first row that is wrong."""
    if not 1 <= len(activities) <= MOST_ROWS:
        raise ListTooLong
    with exact_decimals():
        lines = tuple(
            line_of(stated, row, year=year, region=region, has_radiative_forcing=has_radiative_forcing)
            for row, stated in enumerate(activities, start=1)
        )
        total_kg = sum((line.emissions_kg for line in lines), Decimal(0))
    return Footprint(
        year=year,
        region=region,
        has_radiative_forcing=has_radiative_forcing,
        lines=lines,
        total_kg=total_kg,
        tonnes_to_retire=int(tonnes_to_offset(total_kg)),
        uncertainty_kg=uncertainty_kg(lines),
    )


def line_of(stated: Activity, row: int, *, year: int, region: str, has_radiative_forcing: bool | None = None) -> Line:
    """One row of the list with its factor, or the refusal of what is wrong in it."""
    own = stated.own_kgco2e_per_unit
    if (own is None) != (not stated.own_evidence.strip()) or (stated.activity == OTHER and own is None):
        raise OwnFactorUnproven(row=str(row))
    unit = _unit(stated, row)
    figure = stated_figure(stated, unit, row)
    chosen = factors.Choice(_own(own), (OWN,)) if own is not None else None
    if chosen is None:
        chosen = factors.choose(stated.activity, region=region, year=year, has_radiative_forcing=has_radiative_forcing)
    factor = chosen.factor
    with exact_decimals():
        emissions_kg = figure * factor.kgco2e_per_unit
    return Line(
        activity=stated.activity,
        label=stated.label.strip(),
        category=_category(stated, row),
        phase=stated.phase,
        quantity=figure,
        unit=unit,
        evidence=stated.own_evidence.strip(),
        factor=factor.code or None,
        kgco2e_per_unit=factor.kgco2e_per_unit,
        ghg_basis=factor.ghg_basis,
        data_year=factor.data_year,
        region=factor.region or None,
        source=factor.source or None,
        quality=factor.quality,
        flags=chosen.flags,
        uncertainty_percent=UNCERTAINTY_PERCENT[factor.quality],
        emissions_kg=emissions_kg,
    )


def stated_figure(stated: Activity, unit: str, row: int) -> Decimal:
    """How much there is of a row, in its unit."""
    counted = stated.persons is not None or stated.vehicles is not None
    if (stated.quantity is not None) == counted or counted != (stated.distance_km is not None):
        raise FigureMissing(row=str(row))
    if stated.quantity is not None:
        return _in_range(stated.quantity, "quantity")
    assert stated.distance_km is not None, "counted rows state a distance"
    distance_km = _in_range(stated.distance_km, "distance_km")
    if unit not in PER_KM or (stated.vehicles is not None) != (unit == "vehicle-km" and stated.occupants is None):
        raise WrongUnit(row=str(row), activity=stated.activity, unit=unit)
    many = stated.vehicles if stated.vehicles is not None else stated.persons or 0
    if unit == "vehicle-km" and stated.occupants is not None:
        many = vehicles_for(many, _in_range(stated.occupants, "occupants", at_least=1))
    with exact_decimals():
        return _in_range(distance_km * many, "distance_km")


def vehicles_for(persons: int, occupants: Decimal) -> int:
    """Cars for so many people: rounded up, since a car drives whole (design)."""
    return ceil(Fraction(persons) / Fraction(occupants))


def tonnes_to_offset(emissions_kg: Decimal) -> Tonnes:
    """Whole tonnes to retire for so many kilograms: rounded up, once, at the end (art. 13: at least what was emitted)."""
    with exact_decimals():
        return tonnes_due(emissions_kg.scaleb(-3))


def shown_kg(emissions_kg: Decimal) -> Decimal:
    """Kilograms as a table prints them: two decimals, half up (design). Never used to go on calculating."""
    return emissions_kg.quantize(Decimal("0.01"), ROUND_HALF_UP, context=Context(prec=60))


def uncertainty_kg(lines: Iterable[Line]) -> Decimal:
    """Root of the sum of squares of each line's share, to the kilogram, half up: our assumption, see the head."""
    wide = Context(prec=60)
    squares = Decimal(0)
    for line in lines:
        part = wide.multiply(line.emissions_kg, Decimal(line.uncertainty_percent).scaleb(-2))
        squares = wide.add(squares, wide.multiply(part, part))
    return wide.sqrt(squares).quantize(Decimal(1), ROUND_HALF_UP, context=wide)


def by(lines: Iterable[Line], field: str) -> dict[str, Decimal]:
    """Kilograms summed by `category` or `phase`, in the order of the guide."""
    order = CATEGORIES if field == "category" else PHASES
    sums = dict.fromkeys(order, Decimal(0))
    with exact_decimals():
        for line in lines:
            sums[getattr(line, field)] += line.emissions_kg
    return sums


def _unit(stated: Activity, row: int) -> str:
    if stated.activity == OTHER:
        if not (stated.unit or "").strip():
            raise WrongUnit(row=str(row), activity=OTHER, unit=N_("a unit of your own"))
        return (stated.unit or "").strip()
    unit = factors.series_of(stated.activity).unit
    if stated.unit not in (None, "", unit):
        raise WrongUnit(row=str(row), activity=stated.activity, unit=unit)
    return unit


def _category(stated: Activity, row: int) -> str:
    allowed = CATEGORIES if stated.activity == OTHER else factors.series_of(stated.activity).categories
    category = stated.category or ("" if stated.activity == OTHER else allowed[0])
    if category not in CATEGORIES or category not in allowed or stated.phase not in PHASES:
        raise CategoryUnfit(row=str(row))
    return category


def _own(kgco2e_per_unit: Decimal) -> Factor:
    """An organiser's own factor: no code, no source, no region; its evidence stands in the line."""
    return Factor(
        code="",
        series=OTHER,
        kgco2e_per_unit=_in_range(kgco2e_per_unit, "own_kgco2e_per_unit"),
        ghg_basis="CO2e",
        data_year=None,
        region="",
        source="",
        quality=OWN,
        has_radiative_forcing=None,
        note_zh="",
        note_en="",
    )


def _in_range(figure: Decimal, field: str, at_least: int = 0) -> Decimal:
    exponent = figure.as_tuple().exponent
    fits = isinstance(exponent, int) and -MOST_DECIMALS <= exponent <= MOST_DECIMALS and 0 < figure <= LARGEST_FIGURE
    if not fits or figure < at_least:
        raise FigureOutOfRange(field=field)
    return figure
