"""Key, general, other (一(四)): the classes partition every stated figure, and a missing one is none of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.emitters import policy
from market.emitters.classes import GENERAL, KEY, OTHER, UNCLASSIFIED, emitter_class

LAW = policy.on(date(2025, 12, 31))
RANK = {OTHER: 0, GENERAL: 1, KEY: 2}
figures = st.decimals(min_value=0, max_value=10**8, allow_nan=False, allow_infinity=False, places=3)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("26000", KEY),
        ("26000.00", KEY),
        ("25999.99", GENERAL),
        ("25999.996", GENERAL),
        ("13000", GENERAL),
        ("12999.99", OTHER),
        ("0", OTHER),
    ],
)
def test_a_threshold_includes_its_number(stated: str, expected: str) -> None:
    assert emitter_class(Decimal(stated), LAW) == expected


def test_a_year_that_is_not_verified_is_unclassified_and_not_other() -> None:
    assert emitter_class(None, LAW) == UNCLASSIFIED


@given(figures, figures)
def test_who_emits_more_is_never_in_a_lower_class(one: Decimal, two: Decimal) -> None:
    low, high = sorted([one, two])
    assert RANK[emitter_class(low, LAW)] <= RANK[emitter_class(high, LAW)]
