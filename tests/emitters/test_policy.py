"""Law is dated data: the rates of the measures, benchmarks from a date on, and one annual plan a year."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from market.emitters import benchmarks, policy
from tanyi.kernel.lifecycle import WrongState
from tests.market_makers import Market, make_benchmark, make_plan


def test_the_measures_fix_two_rates_and_two_thresholds() -> None:
    law = policy.on(date(2026, 1, 1))
    assert (law.benchmark_rate, law.eia_rate) == (Decimal("0.10"), Decimal("0.01"))
    assert (law.key_from_tco2e, law.general_from_tco2e) == (26_000, 13_000)


def test_before_the_measures_there_is_no_law_to_ask() -> None:
    with pytest.raises(policy.NoPlan):
        policy.on(date(2021, 12, 31))


def test_a_year_has_one_plan(market: Market) -> None:
    with pytest.raises(policy.PlanExists), market.work("R01") as work:
        make_plan(work)


def test_a_plan_is_heard_before_it_is_issued(market: Market) -> None:
    with market.work("R01") as work:
        rules = {name: given for name, given in vars(policy.plan_in_force(work, 2026)).items() if name[0] != "_"}
    del rules["state"]
    with market.work("R01") as work:
        policy.draft(work, rules=policy.Rules(**(rules | {"year": 2027})))
    with pytest.raises(WrongState), market.work("R01") as work:
        policy.advance(work, year=2027, to="ISSUED")


def test_a_draft_is_not_in_force(market: Market) -> None:
    with market.work("R01") as work, pytest.raises(policy.NoPlan):
        policy.plan_in_force(work, 2027)


def test_an_amended_plan_stays_in_force_and_a_closed_one_does_not(market: Market) -> None:
    with market.work("R01") as work:
        policy.advance(work, year=2026, to="AMENDED")
        assert policy.plan_in_force(work, 2026).year == 2026
        policy.advance(work, year=2026, to="CLOSED")
        with pytest.raises(policy.NoPlan):
            policy.plan_in_force(work, 2026)


def test_a_benchmark_counts_from_its_date_and_the_older_one_before(market: Market) -> None:
    with market.work("R01") as work:
        make_benchmark(work, "glass", from_on=date(2023, 1, 1))
        make_benchmark(work, "glass", from_on=date(2025, 6, 1))
        found = [benchmarks.in_force(work, on=date(year, 12, 31), is_strict=True) for year in (2022, 2024, 2025)]
    assert "glass" not in found[0]
    assert [each["glass"].valid_from_on.year for each in found[1:]] == [2023, 2025]


def test_strict_mode_leaves_out_what_the_measures_do_not_name(market: Market) -> None:
    with market.work("R01") as work:
        make_benchmark(work, "paper", is_named=False)
        year_end = date(2025, 12, 31)
        assert "paper" in benchmarks.in_force(work, on=year_end, is_strict=False)
        assert "paper" not in benchmarks.in_force(work, on=year_end, is_strict=True)
