"""The small rules behind the pages: what was paid for which retirement, paging, figures as people type them."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from market.registry.methodology import Step
from tanyi.app.pages import pieces
from tanyi.app.pages.forms import Form
from tanyi.app.pages.views_firms import measure, percent_text
from tanyi.app.pages.views_organisers import paid_for
from tanyi.app.pages.views_registry import shown_step
from tanyi.kernel.errors import NotFound


def trade(quantity_t: int) -> Any:
    return SimpleNamespace(quantity_t=quantity_t)


class TestWhatARetirementWasPaidWith:
    def test_what_was_bought_first_is_retired_first(self) -> None:
        first, second = trade(10), trade(5)
        found = paid_for({1: {7: 8}, 2: {7: 7}}, [(7, first), (7, second)])
        taken = {key: [(paid.trade, paid.quantity_t) for paid in each] for key, each in found.items()}
        assert taken == {1: [(first, 8)], 2: [(first, 2), (second, 5)]}

    def test_tonnes_of_another_issuance_pay_for_nothing(self) -> None:
        assert paid_for({1: {7: 8}}, [(6, trade(8))]) == {}

    def test_tonnes_that_nobody_bought_leave_the_rest_unpaid(self) -> None:
        found = paid_for({1: {7: 8}}, [(7, trade(3))])
        assert [paid.quantity_t for paid in found[1]] == [3]


class TestPaging:
    @pytest.mark.parametrize(
        ("asked", "page"),
        [("", 1), ("2", 2), ("abc", 1), ("-1", 1), ("0", 1), ("999999", 3), ("²", 1), ("9" * 5000, 3)],
    )
    def test_a_page_lies_between_the_first_and_the_last(self, asked: str, page: int) -> None:
        paging, first = pieces.paging_of({"page": asked}, 45)
        assert (paging, first) == ({"page": page, "pages": 3, "total": 45}, (page - 1) * 20)

    def test_nothing_has_one_page(self) -> None:
        assert pieces.paging_of({}, 0) == ({"page": 1, "pages": 1, "total": 0}, 0)


class TestWhatPeopleType:
    def read(self, typed: str, kind: str) -> tuple[Any, bool]:
        form = Form({"x": typed}, ("x",), "en")
        return getattr(form, kind)("x"), "x" in form.errors

    @pytest.mark.parametrize(("typed", "fen"), [("56", 5600), ("56.5", 5650), ("1,056.05", 105605), (" 0.01 ", 1)])
    def test_a_price_is_read_exactly(self, typed: str, fen: int) -> None:
        assert self.read(typed, "price") == (fen, False)

    @pytest.mark.parametrize("typed", ["", "56.505", "-1", "1e3", "NaN", "５６", "5 6", "9" * 40])
    def test_what_is_no_price_is_said(self, typed: str) -> None:
        assert self.read(typed, "price") == (0, True)

    @pytest.mark.parametrize(("typed", "permille"), [("50", 500), ("40.5", 405), ("100%", 1000), ("0", 0)])
    def test_a_share_is_read_in_permille(self, typed: str, permille: int) -> None:
        assert self.read(typed, "permille") == (permille, False)

    @pytest.mark.parametrize("typed", ["50.55", "100.1", "-1", "half"])
    def test_what_is_no_share_is_said(self, typed: str) -> None:
        assert self.read(typed, "permille")[1]

    @pytest.mark.parametrize("typed", ["12.5", "1e3", "-1", "0x10", "many", "9" * 10])
    def test_what_is_no_whole_number_of_tonnes_is_said(self, typed: str) -> None:
        assert self.read(typed, "tonnes") == (0, True)

    def test_control_characters_do_not_reach_the_books(self) -> None:
        assert Form({"x": "a\x00b\x1bc"}, ("x",), "en").typed == {"x": "abc"}

    @pytest.mark.parametrize("typed", ["a\x00", "x" * 101])
    def test_an_address_that_names_nothing_is_not_found(self, typed: str) -> None:
        with pytest.raises(NotFound):
            pieces.named(typed)


class TestFigures:
    @pytest.mark.parametrize(("money", "tonnes", "average"), [(100, 3, 33), (5, 2, 3), (0, 0, None), (7, 0, None)])
    def test_an_average_is_rounded_half_up_and_needs_tonnes(self, money: int, tonnes: int, average: int | None) -> None:
        assert pieces.average_fen(money, tonnes) == average

    @pytest.mark.parametrize(("permille", "text"), [(500, "50"), (405, "40.5"), (0, "0"), (1000, "100")])
    def test_a_share_is_written_as_it_would_be_typed(self, permille: int, text: str) -> None:
        assert percent_text(permille) == text

    @pytest.mark.parametrize(("unit", "measured"), [("t crude steel", "t"), ("MWh", "MWh"), (None, "")])
    def test_a_unit_is_shown_without_what_it_measures(self, unit: str | None, measured: str) -> None:
        assert measure(unit) == measured

    @pytest.mark.parametrize(
        ("figure", "shown", "is_exact"),
        [
            ("0.10", "0.1", True),
            ("699.57", "699.57", True),
            ("56120.355800745175", "56120.3558", False),
            ("0", "0", True),
        ],
    )
    def test_a_long_figure_is_shown_shorter_and_says_so(self, figure: str, shown: str, is_exact: bool) -> None:
        step = shown_step(Step("CDR", "tCO2e", Decimal(figure)))
        assert (step["figure"], step["is_exact"]) == (shown, is_exact)
        assert Decimal(step["exact"]) == Decimal(figure)
