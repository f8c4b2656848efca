"""Whole quantities: no mixing, no floats, and every rounding in the direction that its name says."""

from __future__ import annotations

import json
from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanyi.kernel.quantities import (
    LARGEST,
    Mass,
    Money,
    NotAQuantity,
    Tonnes,
    cost_fen,
    mass_kg,
    money_from_yuan,
    tonnes_due,
    tonnes_issuable,
    yuan,
)

UNITS = (Tonnes, Mass, Money)
figures = st.decimals(min_value=0, max_value=10**15, allow_nan=False, allow_infinity=False)
long_figures = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(0, 10**27), st.integers(13, 20)
)
whole = st.integers(0, 10**9)


# --- units do not mix -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("given_figure", [1.0, True, "1", None, Decimal(1), LARGEST + 1])
def test_a_quantity_takes_whole_numbers_only(unit, given_figure):
    with pytest.raises(NotAQuantity):
        unit(given_figure)


@pytest.mark.parametrize("unit", [Tonnes, Mass])
def test_tonnes_and_masses_are_never_negative(unit):
    with pytest.raises(NotAQuantity):
        unit(-1)
    with pytest.raises(NotAQuantity):
        unit(1) - unit(2)


def test_money_may_run_the_other_way():
    assert Money(100) - Money(250) == Money(-150)


@pytest.mark.parametrize("one", UNITS)
@pytest.mark.parametrize("other", UNITS)
def test_different_units_are_neither_added_nor_subtracted_nor_converted(one, other):
    if one is other:
        assert one(2) + other(1) == one(3)
        return
    with pytest.raises(TypeError):
        one(2) + other(1)
    with pytest.raises(TypeError):
        one(2) - other(1)
    with pytest.raises(NotAQuantity):
        one(other(1))


@pytest.mark.parametrize("unit", UNITS)
def test_a_bare_number_is_not_a_quantity(unit):
    for attempt in (lambda: unit(2) + 1, lambda: 1 + unit(2), lambda: unit(2) - 1, lambda: 5 - unit(2)):
        with pytest.raises(TypeError):
            attempt()


@pytest.mark.parametrize("unit", UNITS)
def test_no_arithmetic_of_a_quantity_makes_a_float(unit):
    for attempt in (
        lambda: unit(3) / 2,
        lambda: 3 / unit(2),
        lambda: unit(3) / unit(2),
        lambda: unit(3) * 0.5,
        lambda: unit(3) * Decimal("0.5"),
        lambda: unit(3) * unit(2),
    ):
        with pytest.raises(TypeError):
            attempt()


@pytest.mark.parametrize("unit", UNITS)
def test_a_quantity_keeps_its_unit(unit):
    for made in (unit(2) + unit(1), unit(2) - unit(1), unit(2) * 3, 3 * unit(2), sum([unit(1), unit(2)])):
        assert type(made) is unit


@given(numbers=st.lists(whole, max_size=20))
def test_sums_are_those_of_the_numbers(numbers):
    assert sum((Tonnes(number) for number in numbers), Tonnes(0)) == sum(numbers)


@pytest.mark.parametrize("unit", UNITS)
def test_a_quantity_is_written_as_its_number(unit):
    assert (str(unit(1234)), f"{unit(1234):,}", repr(unit(5))) == ("1234", "1,234", f"{unit.__name__}(5)")
    assert json.dumps(unit(7)) == "7"


# --- the bridges ------------------------------------------------------------------------------------------------------


@given(emission=figures)
def test_a_duty_is_rounded_up(emission):
    assert int(tonnes_due(emission)) == ceil(Fraction(emission))


@given(reduction=figures)
def test_an_issuance_is_rounded_down(reduction):
    assert int(tonnes_issuable(reduction)) == floor(Fraction(reduction))


@given(figure=figures)
def test_no_tonne_is_made_by_rounding(figure):
    assert tonnes_issuable(figure) <= figure <= tonnes_due(figure)
    assert int(tonnes_due(figure)) - int(tonnes_issuable(figure)) in (0, 1)


@given(figure=long_figures)
def test_a_mass_is_the_nearest_kilogram_and_a_half_goes_up(figure):
    assert int(mass_kg(figure)) == floor(Fraction(figure) * 1000 + Fraction(1, 2))


@given(fen=st.integers(-(10**12), 10**12))
def test_yuan_and_fen_are_the_same_money(fen):
    assert money_from_yuan(yuan(fen)) == Money(fen)
    assert yuan(fen) == Fraction(fen, 100)


@given(figure=long_figures)
def test_a_part_of_a_fen_is_refused_and_never_rounded(figure):
    fen = Fraction(figure) * 100
    if fen.denominator == 1 and fen <= LARGEST:
        assert int(money_from_yuan(figure)) == fen
    else:
        with pytest.raises(NotAQuantity):
            money_from_yuan(figure)


@pytest.mark.parametrize(
    "written", ["1.001", "0.0000000000000000000000000000000000001", "1.00000000000000000000000000001"]
)
def test_a_third_decimal_of_a_yuan_is_refused_however_far_it_stands(written):
    with pytest.raises(NotAQuantity):
        money_from_yuan(Decimal(written))


def test_the_bridges_do_not_depend_on_the_precision_of_the_moment():
    with localcontext(prec=3):
        assert tonnes_due(Decimal("123456.1")) == Tonnes(123457)
        assert tonnes_issuable(Decimal("123456.9")) == Tonnes(123456)
        assert mass_kg(Decimal("123456.789")) == Mass(123456789)
        assert money_from_yuan(Decimal("123456.78")) == Money(12345678)
        assert yuan(12345678) == Decimal("123456.78")


@pytest.mark.parametrize("bridge", [tonnes_due, tonnes_issuable, mass_kg, money_from_yuan])
@pytest.mark.parametrize(
    "figure", [1, 1.5, "1", Decimal("NaN"), Decimal("Infinity"), Decimal("1e30"), Decimal("1e999999999")]
)
def test_a_bridge_takes_only_a_finite_decimal_of_reasonable_size(bridge, figure):
    with pytest.raises(NotAQuantity):
        bridge(figure)


@pytest.mark.parametrize("bridge", [tonnes_due, tonnes_issuable, mass_kg])
def test_a_negative_figure_is_no_mass_and_no_tonnes(bridge):
    with pytest.raises(NotAQuantity):
        bridge(Decimal("-1.5"))


@given(price=st.integers(1, 10**7), tonnes=st.integers(1, 10**9))
def test_a_cost_is_exact(price, tonnes):
    assert int(cost_fen(Money(price), Tonnes(tonnes))) == price * tonnes


def test_a_cost_takes_a_price_and_tonnes_in_their_units():
    for price, tonnes in ((1, Tonnes(1)), (Money(1), 1), (Tonnes(1), Money(1)), (Mass(1), Tonnes(1))):
        with pytest.raises(TypeError):
            cost_fen(price, tonnes)
    with pytest.raises(NotAQuantity):
        cost_fen(Money(2**40), Tonnes(2**40))
