"""Footprints are exact sums with frozen factors; the fixture of the domain gives 118.782 t and 119 t to retire."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.emitters import factors, footprint
from market.emitters.footprint import Activity, Footprint
from tests.settlement.neutral_events import ACTIVITIES, FIXTURE

PLACE = {"year": 2026, "region": "HEBEI", "has_radiative_forcing": True}
figures = st.decimals("0.001", "1000000", places=3)
rows = st.lists(
    st.builds(Activity, activity=st.sampled_from(["hotel", "meal", "natural_gas", "paper"]), quantity=figures),
    min_size=1,
    max_size=20,
)


def test_the_fixture_of_the_domain_to_the_cent_of_a_kilogram() -> None:
    made = footprint.calculate(ACTIVITIES, **PLACE)
    told = [(line.factor, str(footprint.shown_kg(line.emissions_kg))) for line in made.lines]
    assert told == [(code, shown) for _, code, shown in FIXTURE]
    assert footprint.shown_kg(made.total_kg) == Decimal("118781.97")
    assert made.tonnes_to_retire == 119


def test_the_pairs_of_the_fixture_that_stand_together_add_up_as_printed() -> None:
    lines = {line.factor: line.emissions_kg for line in footprint.calculate(ACTIVITIES, **PLACE).lines}
    assert footprint.shown_kg(lines["PAPER"] + lines["PVC"]) == Decimal("948.86")
    assert footprint.shown_kg(lines["INCIN"] + lines["WATER"]) == Decimal("287.99")


def test_proxies_and_assumptions_of_a_list_are_told() -> None:
    assert set(footprint.calculate(ACTIVITIES, **PLACE).flags) == {"PROXY", "ASSUMPTION"}


@given(rows, st.randoms())
def test_the_order_of_rows_changes_nothing_and_the_total_is_the_sum(stated, shuffle) -> None:
    made = footprint.calculate(stated, **PLACE)
    mixed = list(stated)
    shuffle.shuffle(mixed)
    again = footprint.calculate(mixed, **PLACE)
    assert (again.total_kg, again.uncertainty_kg) == (made.total_kg, made.uncertainty_kg)
    assert made.total_kg == sum(line.emissions_kg for line in made.lines)
    assert sum(footprint.by(made.lines, "category").values()) == made.total_kg
    assert sum(footprint.by(made.lines, "phase").values()) == made.total_kg


@given(rows)
def test_the_tonnes_cover_the_kilograms_and_one_less_would_not(stated) -> None:
    made = footprint.calculate(stated, **PLACE)
    assert made.tonnes_to_retire * 1000 >= made.total_kg > (made.tonnes_to_retire - 1) * 1000


@pytest.mark.parametrize(("kg", "tonnes"), [("1000", 1), ("1000.0000001", 2), ("0.001", 1), ("118781.97", 119)])
def test_tonnes_are_rounded_up_once_at_the_end(kg: str, tonnes: int) -> None:
    assert footprint.tonnes_to_offset(Decimal(kg)) == tonnes


def test_cars_of_so_many_people_are_whole_cars() -> None:
    row = Activity(activity="car_petrol", persons=120, occupants=Decimal("1.1"), distance_km=Decimal(180))
    (line,) = footprint.calculate([row], **PLACE).lines
    assert line.quantity == 110 * 180
    assert footprint.vehicles_for(1, Decimal(4)) == 1 and footprint.vehicles_for(8, Decimal(4)) == 2


def test_an_own_factor_overrides_with_its_evidence() -> None:
    row = Activity(
        activity="hotel", quantity=Decimal(10), own_kgco2e_per_unit=Decimal("20.5"), own_evidence="酒店年度盘查报告"
    )
    (line,) = footprint.calculate([row], **PLACE).lines
    assert (line.emissions_kg, line.factor, line.source, line.flags) == (Decimal(205), None, None, ("OWN",))
    assert line.evidence == "酒店年度盘查报告"


def test_an_activity_that_the_table_lacks_comes_with_unit_category_and_factor() -> None:
    row = Activity(
        activity="other",
        quantity=Decimal(3),
        unit="台",
        category="SUPPLIES",
        own_kgco2e_per_unit=Decimal(7),
        own_evidence="供应商声明",
    )
    assert footprint.calculate([row], **PLACE).total_kg == 21


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"activity": "hotel"}, footprint.FigureMissing),
        ({"activity": "rail", "persons": 3}, footprint.FigureMissing),
        ({"activity": "rail", "quantity": Decimal(3), "persons": 3}, footprint.FigureMissing),
        ({"activity": "rail", "vehicles": 3, "distance_km": Decimal(5)}, footprint.WrongUnit),
        ({"activity": "car_petrol", "persons": 3, "distance_km": Decimal(5)}, footprint.WrongUnit),
        ({"activity": "hotel", "persons": 3, "distance_km": Decimal(5)}, footprint.WrongUnit),
        ({"activity": "hotel", "quantity": Decimal(3), "unit": "kWh"}, footprint.WrongUnit),
        ({"activity": "hotel", "quantity": Decimal(0)}, footprint.FigureOutOfRange),
        (
            {"activity": "taxi", "persons": 3, "distance_km": Decimal(5), "occupants": Decimal("0.9")},
            footprint.FigureOutOfRange,
        ),
        ({"activity": "hotel", "quantity": Decimal(-1)}, footprint.FigureOutOfRange),
        ({"activity": "hotel", "quantity": Decimal("NaN")}, footprint.FigureOutOfRange),
        ({"activity": "hotel", "quantity": Decimal("Infinity")}, footprint.FigureOutOfRange),
        ({"activity": "hotel", "quantity": Decimal("1e999999")}, footprint.FigureOutOfRange),
        ({"activity": "hotel", "quantity": Decimal(1), "category": "TRANSPORT"}, footprint.CategoryUnfit),
        ({"activity": "hotel", "quantity": Decimal(1), "phase": "LATER"}, footprint.CategoryUnfit),
        ({"activity": "food_waste_avoided", "quantity": Decimal(1)}, footprint.CategoryUnfit),
        ({"activity": "hotel", "quantity": Decimal(1), "own_kgco2e_per_unit": Decimal(2)}, footprint.OwnFactorUnproven),
        ({"activity": "hotel", "quantity": Decimal(1), "own_evidence": "x"}, footprint.OwnFactorUnproven),
        ({"activity": "other", "quantity": Decimal(1), "unit": "台"}, footprint.OwnFactorUnproven),
        ({"activity": "teleport", "quantity": Decimal(1)}, factors.UnknownActivity),
    ],
)
def test_a_row_that_is_wrong_is_refused(wrong: dict, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        footprint.calculate([Activity(**wrong)], **PLACE)


def test_an_empty_list_and_one_that_is_too_long_are_refused() -> None:
    for count in (0, footprint.MOST_ROWS + 1):
        with pytest.raises(footprint.ListTooLong):
            footprint.calculate([ACTIVITIES[0]] * count, **PLACE)


def test_uncertainty_is_the_root_of_the_sum_of_squares() -> None:
    both = [Activity(activity="natural_gas", quantity=Decimal(3000)), Activity(activity="meal", quantity=Decimal(400))]
    made = footprint.calculate(both, **PLACE)  # 6,486.57 kg at 10 % and 600 kg at 50 %: √(648.657² + 300²) = 714.7
    assert made.uncertainty_kg == 715


def test_a_calculation_is_kept_as_json_and_read_back_as_it_was() -> None:
    made = footprint.calculate(ACTIVITIES, **PLACE)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Footprint) == made
