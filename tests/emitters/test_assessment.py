"""The rule of the benchmark duty (二(三)), without a database: 10 % of what lies above, rounded up once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.emitters import policy
from market.emitters.obligations import ASSESSED, NO_BENCHMARK, NO_EMISSIONS, Intensity, Outcome, assessed
from market.emitters.policy import ENTERPRISE_SECTOR, FACILITY
from market.emitters.reports import SiteYear

LAW = policy.on(date(2025, 12, 31))
CLINKER = {"clinker": Intensity("clinker", Decimal("0.840"), "t")}
UNIT = {"steel": Intensity("steel", Decimal(1), "t"), "wire": Intensity("wire", Decimal(2), "t")}

masses = st.decimals(min_value=0, max_value=10**7, allow_nan=False, allow_infinity=False, places=4)


def site(emissions: str | Decimal | None, output: str | Decimal | None, key: str | None = "steel") -> SiteYear:
    figures = [None if given is None else Decimal(given) for given in (emissions, output)]
    return SiteYear(1, 1, "厂", "Works", "steel", key, figures[0], figures[1], "t", 1)


def of_enterprise(*sites: SiteYear) -> Outcome:
    return assessed(sites, UNIT, LAW, ENTERPRISE_SECTOR)


# What is above the benchmark


def test_a_tenth_of_the_excess_is_due() -> None:
    steel = {"steel_bf": Intensity("steel_bf", Decimal("1.75"), "t")}
    outcome = assessed([site("14694400", "8200000", "steel_bf")], steel, LAW, ENTERPRISE_SECTOR)
    assert (outcome.status, outcome.benchmark_tco2e, outcome.duty_t) == (ASSESSED, Decimal(14_350_000), 34_440)


def test_emissions_equal_to_the_benchmark_are_not_above_it() -> None:
    outcome = of_enterprise(site("1000", "1000"))
    assert (outcome.status, outcome.duty_t) == (ASSESSED, 0)


def test_emissions_below_the_benchmark_give_no_duty() -> None:
    assert of_enterprise(site("900", "1000")).duty_t == 0


@pytest.mark.parametrize(
    ("excess", "due_t"), [("0.01", 1), ("10", 1), ("10.001", 2), ("100.001", 11), ("344400", 34440)]
)
def test_a_duty_is_rounded_up_once_on_exact_decimals(excess: str, due_t: int) -> None:
    assert of_enterprise(site(Decimal(1000) + Decimal(excess), "1000")).duty_t == due_t


def test_rounding_waits_until_all_products_are_summed() -> None:
    sites = [site("1003", "1000"), site("1003", "1000"), site("1004", "1000")]
    assert of_enterprise(*sites).duty_t == 1


def test_products_of_one_sector_are_each_measured_by_their_own_benchmark() -> None:
    outcome = of_enterprise(site("1000", "500"), site("1000", "500", "wire"))
    assert (outcome.benchmark_tco2e, outcome.duty_t) == (Decimal(1500), 50)


def test_an_idle_plant_that_burns_fuel_is_wholly_above_its_benchmark() -> None:
    assert of_enterprise(site("1234", "0")).duty_t == 124


# What cannot be assessed


@pytest.mark.parametrize("key", [None, "tile"])
def test_a_year_without_a_benchmark_is_not_a_duty_of_zero(key: str | None) -> None:
    outcome = of_enterprise(site("182400", "41000000", key))
    assert (outcome.status, outcome.duty_t) == (NO_BENCHMARK, None)
    assert NO_BENCHMARK == "NOT_ASSESSABLE_NO_BENCHMARK"


def test_one_site_without_a_benchmark_leaves_the_whole_sector_open() -> None:
    assert of_enterprise(site("1200", "1000"), site("10", "10", "tile")).duty_t is None


def test_a_benchmark_without_an_output_cannot_be_applied() -> None:
    assert of_enterprise(site("1200", None)).status == NO_BENCHMARK


def test_missing_emissions_are_not_zero_emissions() -> None:
    outcome = of_enterprise(site(None, None), site("5000", "1000"))
    assert (outcome.status, outcome.emissions_tco2e, outcome.duty_t) == (NO_EMISSIONS, None, None)


def test_the_steps_say_which_benchmark_was_used() -> None:
    (step,) = of_enterprise(site("1000.50", "1000")).steps
    assert (step["benchmark"], step["emissions_tco2e"], step["allowed_tco2e"]) == ("1", "1000.5", "1000")


# Netting


E25 = [site("435000", "500000", "clinker"), site("577500", "700000", "clinker")]


@pytest.mark.parametrize(("netting", "due_t"), [(ENTERPRISE_SECTOR, 450), (FACILITY, 1500)])
def test_two_sites_net_by_enterprise_and_stand_alone_by_facility(netting: str, due_t: int) -> None:
    assert assessed(E25, CLINKER, LAW, netting).duty_t == due_t


@given(st.lists(st.tuples(masses, masses), min_size=1, max_size=6))
def test_netting_by_facility_never_owes_less(years: list[tuple[Decimal, Decimal]]) -> None:
    sites = [site(emissions, output) for emissions, output in years]
    by_facility = assessed(sites, UNIT, LAW, FACILITY).duty_t
    by_enterprise = assessed(sites, UNIT, LAW, ENTERPRISE_SECTOR).duty_t
    assert by_facility is not None
    assert by_enterprise is not None
    assert by_facility >= by_enterprise


@given(masses, masses, masses)
def test_who_emits_more_never_owes_less(output: Decimal, emissions: Decimal, more: Decimal) -> None:
    low, high = of_enterprise(site(emissions, output)), of_enterprise(site(emissions + more, output))
    assert low.duty_t is not None
    assert high.duty_t is not None
    assert high.duty_t >= low.duty_t


@given(masses, masses)
def test_a_duty_is_the_smallest_whole_number_that_is_not_too_little(emissions: Decimal, output: Decimal) -> None:
    due_t = of_enterprise(site(emissions, output)).duty_t
    raw = Decimal("0.1") * max(Decimal(0), emissions - output)
    assert due_t is not None
    assert int(due_t) - 1 < raw <= int(due_t)
