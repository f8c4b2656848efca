"""The calculator's form without a server: what is read, what is refused, what is suggested, and what comes back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from market.emitters.footprint import Activity
from tanyi.app.pages import calculator_page, views_footprint
from tanyi.app.pages.calculator import typed_of
from tanyi.app.pages.calculator_page import Basis, count
from tanyi.app.pages.calculator_rows import KNOWN_ROWS, SUGGESTION, suggested
from tests.app.walks import FIGURES
from tests.settlement.neutral_events import ACTIVITIES

BASIS = Basis(date(2026, 5, 15), "HEBEI", 400, 2)


def total(typed: dict[str, str], basis: Basis = BASIS) -> str:
    counted = count(typed, basis, "zh")
    return views_footprint.total(list(counted.lines.values()))["mass_t"]


class TestReading:
    def test_the_fixture_as_it_is_typed_is_118_782_tonnes(self) -> None:
        counted = count(FIGURES, BASIS, "zh")
        assert counted.is_fit
        assert views_footprint.total(list(counted.lines.values())) | {"low_t": "", "high_t": ""} == {
            "mass_t": "118.782",
            "due_t": 119,
            "spread_t": "15.2",
            "low_t": "",
            "high_t": "",
            "proxies": 7,
            "assumptions": 1,
        }

    @pytest.mark.parametrize(
        ("wrong", "beside"),
        [
            ({"quantity-lpg": "much"}, "quantity-lpg"),
            ({"quantity-lpg": "-3"}, "quantity-lpg"),
            ({"quantity-lpg": "1e9"}, "quantity-lpg"),
            ({"many-metro": "3"}, "quantity-metro"),
            ({"many-metro": "x", "each-metro": "2"}, "quantity-metro"),
            ({"quantity-rail": "5"}, "quantity-rail"),
            ({"own-meal": "2.5"}, "evidence-meal"),
            ({"many-taxi": "1.5", "each-taxi": "10"}, "quantity-taxi"),
            ({"more-0-quantity": "3"}, "more-0-quantity"),
            ({"more-0-activity": "other", "more-0-quantity": "3"}, "more-0-quantity"),
            ({"more-0-activity": "plastic"}, "more-0-quantity"),
            ({"more-0-activity": "unheard_of", "more-0-quantity": "3"}, "more-0-quantity"),
        ],
    )
    def test_what_cannot_be_read_is_said_beside_its_field_and_kept(self, wrong: dict[str, str], beside: str) -> None:
        counted = count(FIGURES | wrong, BASIS, "en")
        assert list(counted.sheet.errors) == [beside]
        assert {name: counted.sheet.typed[name] for name in wrong} == wrong
        assert len(counted.lines) >= len(ACTIVITIES) - 1  # the other rows still count

    def test_an_empty_form_asks_for_a_figure(self) -> None:
        assert list(count({}, BASIS, "zh").sheet.errors) == ["activities"]
        assert calculator_page.fresh(Basis(BASIS.ends_on, "HEBEI"), "zh").is_fit

    def test_full_width_figures_and_separators_are_read(self) -> None:
        assert total(FIGURES | {"quantity-grid_electricity": "\uff14\uff12\uff0c\uff10\uff10\uff10"}) == "118.782"

    def test_an_own_factor_with_its_evidence_takes_the_place_of_the_cited_one(self) -> None:
        assert total(FIGURES | {"own-meal": "2", "evidence-meal": "the caterer's bill"}) == "119.782"

    def test_radiative_forcing_left_out_lowers_the_flights(self) -> None:
        assert total(FIGURES | {"forcing": "no"}) == "103.593"

    def test_a_year_before_the_first_factor_is_told_with_its_year(self) -> None:
        counted = count(FIGURES, Basis(date(2020, 5, 15), "HEBEI"), "en")
        assert "2020" in counted.sheet.errors["quantity-grid_electricity"]

    def test_a_province_without_a_factor_of_its_own_takes_that_of_the_country_and_says_so(self) -> None:
        counted = count({"quantity-grid_electricity": "100"}, Basis(date(2026, 5, 15), "JIANGSU"), "en")
        (line,) = counted.lines.values()
        told = views_footprint.of_line(line)
        assert (told["id"], told["is_fallback"], told["is_proxy"]) == ("EL-CN-2023", True, False)


class TestSuggestions:
    def test_they_follow_people_and_days_and_none_is_made_for_nobody(self) -> None:
        assert suggested(400, 2)["meal"] == {"many": "400", "each": "4", "quantity": "1600"}
        assert "hotel" not in suggested(400, 1)
        assert suggested(0, 2) == {}
        assert set(suggested(400, 2)) <= set(KNOWN_ROWS)

    def test_one_that_is_left_is_known_as_one_and_one_that_is_changed_is_not(self) -> None:
        typed = calculator_page.first_figures(400, 2)
        labels = {each.activity: each.label for each in count(typed, BASIS, "zh").activities}
        assert set(labels.values()) == {SUGGESTION}
        changed = count(typed | {"each-meal": "5", "quantity-meal": "2000"}, BASIS, "zh")
        assert {each.activity: each.label for each in changed.activities}["meal"] == "400 × 5"

    def test_what_rests_on_one_counts_as_an_assumption(self) -> None:
        lines = list(count(calculator_page.first_figures(400, 2), BASIS, "zh").lines.values())
        assert views_footprint.total(lines)["assumptions"] == len(lines)


class TestComingBack:
    def test_a_saved_list_comes_back_as_it_was_typed(self) -> None:
        again = typed_of(count(FIGURES, BASIS, "zh").activities)
        assert {name: again[name] for name in FIGURES} == {
            name: each.replace(",", "") for name, each in FIGURES.items()
        }
        assert total(again) == "118.782"

    def test_what_the_form_has_no_row_for_comes_back_in_further_rows(self) -> None:
        own = Activity(
            activity="other",
            quantity=Decimal("2.50"),
            unit="t",
            category="WASTE",
            label="Confetti",
            own_kgco2e_per_unit=Decimal("1.20"),
            own_evidence="the supplier",
        )
        before = Activity(activity="grid_electricity", quantity=Decimal(10), phase="PREPARATION")
        crowd = Activity(activity="car_petrol", persons=100, occupants=Decimal(3), distance_km=Decimal(10))
        typed = typed_of([*ACTIVITIES, own, before, crowd])
        again = count(typed, BASIS, "zh")
        assert again.is_fit
        assert again.sheet.more == [0, 1, 2]
        found = {(each.activity, each.phase): each for each in again.activities}
        assert found["grid_electricity", "PREPARATION"].quantity == 10
        assert found["other", "EVENT"].own_kgco2e_per_unit == Decimal("1.2")
        assert any(each.quantity == 340 for each in again.activities)  # 34 cars, since a car drives whole
