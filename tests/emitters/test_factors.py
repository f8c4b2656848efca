"""Which factor counts: region first, then the newest year that is not after the event; each has its citation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from market.emitters import factors


def test_every_factor_has_a_series_a_source_a_region_and_a_quality() -> None:
    assert len(factors.all_factors()) == 52
    for factor in factors.all_factors():
        assert factor.series in factors.all_series() and factor.source in factors.sources()
        assert factor.region in factors.regions() and factor.quality in factors.QUALITIES
        assert factor.kgco2e_per_unit > 0 and factor.ghg_basis in ("CO2", "CO2e")
    assert len({factor.code for factor in factors.all_factors()}) == 52


def test_every_source_is_cited_in_both_languages() -> None:
    for source in factors.sources().values():
        assert all((source.title_zh, source.title_en, source.issuer_zh, source.issuer_en, source.issued))


def test_a_value_keeps_the_decimals_it_was_published_with() -> None:
    assert str(factors.by_code("EL-NC-2021").kgco2e_per_unit) == "0.7120"


@pytest.mark.parametrize(
    ("region", "year", "code"),
    [
        ("HEBEI", 2026, "EL-HB-2022"),  # the province's older value before the grid region's newer one
        ("HEBEI", 2022, "EL-HB-2022"),
        ("HEBEI", 2021, "EL-HB-2021"),
        ("BEIJING", 2023, "EL-BJ-2022"),
        ("CHINA", 2022, "EL-CN-2022"),
    ],
)
def test_the_region_is_chosen_first_and_then_the_newest_year(region: str, year: int, code: str) -> None:
    chosen = factors.choose("grid_electricity", region=region, year=year)
    assert (chosen.factor.code, chosen.flags) == (code, ())


def test_a_region_without_a_value_falls_back_to_a_wider_one_and_says_so() -> None:
    chosen = factors.choose("grid_electricity", region="JIANGSU", year=2026)
    assert (chosen.factor.code, chosen.flags) == ("EL-CN-2023", ("FALLBACK",))


def test_a_province_without_an_old_value_falls_back_to_its_grid_region() -> None:
    chosen = factors.choose("grid_electricity", region="SHANDONG", year=2021)
    assert (chosen.factor.code, chosen.flags) == ("EL-NC-2021", ("FALLBACK",))


def test_a_region_that_nothing_can_stand_in_for_is_refused() -> None:
    with pytest.raises(factors.NoFactorForRegion):
        factors.choose("grid_electricity", region="HONG_KONG", year=2026)


def test_an_event_before_every_factor_is_refused_and_told_the_first_year() -> None:
    with pytest.raises(factors.NoFactorForYear) as refused:
        factors.choose("grid_electricity", region="HEBEI", year=2020)
    assert refused.value.facts["first"] == "2021"


def test_a_proxy_of_a_later_year_is_not_used_for_an_earlier_event() -> None:
    with pytest.raises(factors.NoFactorForYear):
        factors.choose("rail", region="HEBEI", year=2024)


def test_a_default_without_a_year_counts_in_any_year() -> None:
    assert factors.choose("natural_gas", region="HEBEI", year=2010).factor.code == "NG-CN"


@pytest.mark.parametrize(("activity", "flag"), [("rail", "PROXY"), ("meal", "ASSUMPTION"), ("bus", "PROXY")])
def test_a_proxy_and_an_assumption_say_so(activity: str, flag: str) -> None:
    assert factors.choose(activity, region="HEBEI", year=2026).flags == (flag,)


def test_a_countrys_value_is_no_fallback_where_no_region_has_its_own() -> None:
    assert factors.choose("purchased_heat", region="HEBEI", year=2026).flags == ()


def test_radiative_forcing_is_decided_by_somebody() -> None:
    flight = {"region": "HEBEI", "year": 2026}
    with pytest.raises(factors.RadiativeForcingUndecided):
        factors.choose("flight_domestic", **flight)
    codes = [
        factors.choose("flight_domestic", **flight, has_radiative_forcing=each).factor.code for each in (True, False)
    ]
    assert codes == ["AIR-DOM", "AIR-DOM-N"]
    with pytest.raises(factors.NoFactorForForcing):
        factors.choose("flight_international_business", **flight, has_radiative_forcing=False)


def test_baseline_factors_of_the_margins_are_not_in_the_table() -> None:
    margins = {Decimal("0.9419"), Decimal("0.4819"), Decimal("0.8269"), Decimal("0.8843")}
    assert not margins & {factor.kgco2e_per_unit for factor in factors.all_factors()}


def test_an_unknown_activity_or_region_is_refused() -> None:
    with pytest.raises(factors.UnknownActivity):
        factors.choose("teleport", region="HEBEI", year=2026)
    with pytest.raises(factors.UnknownRegion):
        factors.choose("rail", region="ATLANTIS", year=2026)


def test_the_factors_of_a_year_and_region_can_be_listed() -> None:
    found = {factor.code for factor in factors.usable(year=2022, region="HEBEI")}
    assert "EL-HB-2022" in found and "EL-NC-2023" not in found and "EL-BJ-2022" not in found and "RAIL" not in found
