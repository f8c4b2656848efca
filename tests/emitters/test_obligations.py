"""Duties as they are notified, corrected and met: nobody sets MET, the tonnes retired for a duty do."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from market.emitters import obligations, reports
from settlement import retirement
from tanyi.app import demo_province as province
from tanyi.kernel import parties
from tanyi.kernel.db import Database
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Work
from tanyi.ledger import blocks
from tests.market_makers import (
    BASE_YEAR,
    PLAN_YEAR,
    SALT,
    Market,
    make_benchmark,
    make_duties,
    make_house,
    make_issued,
    make_site,
    state_year,
)


def duties(market: Market) -> dict[str, obligations.Obligation]:
    with market.house.open_reader() as reader:
        codes = {market.party(code): code for code in ("E01", "E02")}
        return {codes[duty.organisation_id]: duty for duty in obligations.of_plan(reader, PLAN_YEAR)}


# Assessment


def test_only_firms_above_the_benchmark_get_a_duty(market: Market) -> None:
    with market.work("R01") as work:
        make_site(work, market.party("E01"), "1000.01", "1000")
        make_site(work, market.party("E02"), "1000", "1000")
        obligations.assess(work, plan_year=PLAN_YEAR)
        statuses = {row.organisation_id: row.status for row in obligations.assessments(work, BASE_YEAR)}
    assert {code: duty.required_t for code, duty in duties(market).items()} == {"E01": 1}
    assert statuses == {market.party("E01"): "ASSESSED", market.party("E02"): "ASSESSED"}


def test_a_firm_without_a_benchmark_is_not_assessable_and_has_no_duty(market: Market) -> None:
    with market.work("R01") as work:
        make_site(work, market.party("E01"), "182400", "41000000", "tile")
        assert obligations.assess(work, plan_year=PLAN_YEAR) == []
        (row,) = obligations.assessments(work, BASE_YEAR)
    assert (row.status, row.emitter_class, row.duty_t) == ("NOT_ASSESSABLE_NO_BENCHMARK", "KEY", None)


def test_a_firm_that_is_not_verified_is_unclassified(market: Market) -> None:
    with market.work("R01") as work:
        make_site(work, market.party("E01"), None, None)
        obligations.assess(work, plan_year=PLAN_YEAR)
        (row,) = obligations.assessments(work, BASE_YEAR)
    assert (row.status, row.emitter_class) == ("NOT_ASSESSABLE_NO_EMISSIONS", "UNCLASSIFIED")


def test_a_surplus_in_one_sector_is_never_netted_against_another(market: Market) -> None:
    with market.work("R01") as work:
        make_benchmark(work, "glass")
        make_site(work, market.party("E01"), "2000", "1000")
        make_site(work, market.party("E01"), "0", "1000", "glass")
        obligations.assess(work, plan_year=PLAN_YEAR)
    assert duties(market)["E01"].required_t == 100


def test_a_year_is_assessed_once(market: Market) -> None:
    make_duties(market, E01="100")
    with pytest.raises(obligations.AlreadyAssessed), market.work("R01") as work:
        obligations.assess(work, plan_year=PLAN_YEAR)
    assert duties(market)["E01"].required_t == 10


@pytest.mark.parametrize("figures", [("-0.01", "1"), ("1", "-1"), ("NaN", "1"), ("Infinity", "1")])
def test_a_figure_that_is_not_a_number_of_zero_or_more_is_refused(market: Market, figures: tuple[str, str]) -> None:
    with pytest.raises(reports.NegativeFigure), market.work("E01") as work:
        make_site(work, market.party("E01"), *figures)


# The demo province


def test_the_demo_province_owes_what_the_design_says_in_both_modes(database: Database, tmp_path: Path) -> None:
    house = make_house(database, tmp_path)
    with house.open_work() as work:
        province.enrol_everyone(work)
        province.publish_rules(work)
        province.state_emissions(work)
        province.assess_duties(work)
        firms = {f"E{number:02d}": parties.organisation(work, f"E{number:02d}").id for number in range(1, 26)}
        due_t = {code: _benchmark_duty_t(work, firm) for code, firm in firms.items()}
        counted = [firm for code, firm in firms.items() if code <= "E23"]
        strict_t = obligations.total_duty(work, base_year=BASE_YEAR, is_strict=True, organisation_ids=counted)
    assert sum(due_t[code] for code in due_t if code <= "E23") == 191_909
    assert strict_t == 160_215
    assert (due_t["E01"], due_t["E22"], due_t["E24"], due_t["E25"]) == (34_440, 2_184, 0, 450)


def _benchmark_duty_t(work: Work, firm: int) -> int:
    found = obligations.of_plan(work, PLAN_YEAR, firm)
    return sum(duty.required_t for duty in found if duty.kind == obligations.BENCHMARK_EXCESS)


# Corrections


def test_a_corrected_year_is_a_new_version_and_leaves_a_delta(market: Market) -> None:
    with market.work("R01") as work:
        facility_id = make_site(work, market.party("E01"), "14694400", "14350000")
        (obligation_id,) = obligations.assess(work, plan_year=PLAN_YEAR)
        assert duties_due_t(work) == 34_440
        state_year(work, facility_id, "14706745.6", "14350000")
        assert [year.version for year in reports.site_years(work, year=BASE_YEAR)] == [2]
        corrected_t = duties_due_t(work)
        assert corrected_t == 35_675
        assert obligations.correct(work, obligation_id=obligation_id, required_t=corrected_t) == 1_235
    assert duties(market)["E01"].required_t == 35_675


def duties_due_t(work: Work) -> Tonnes:
    return obligations.total_duty(work, base_year=BASE_YEAR, is_strict=False)


# Coverage


def retire_for(market: Market, obligation_id: int, issuance_id: int, quantity_t: int) -> None:
    order = retirement.Order(
        holder_id=market.party("E01"),
        purpose="COMPLIANCE_BENCHMARK",
        parts={issuance_id: quantity_t},
        salt=SALT,
        obligation_id=obligation_id,
    )
    with market.work("E01") as work:
        retirement.retire(work, orders=[order], legal_effect=market.house.legal_effect)


def test_holding_tonnes_does_not_discharge_a_duty(market: Market) -> None:
    make_duties(market, E01="100")
    make_issued(market, "E01", 10)
    assert duties(market)["E01"].coverage == "OPEN"


def test_coverage_follows_what_was_retired(market: Market) -> None:
    obligation_id = make_duties(market, E01="100")["E01"]
    issuance_id = make_issued(market, "E01", 10)
    seen = []
    for quantity_t in (4, 6):
        retire_for(market, obligation_id, issuance_id, quantity_t)
        seen.append((duties(market)["E01"].retired_t, duties(market)["E01"].coverage))
    assert seen == [(4, "PARTIAL"), (10, "MET")]


def test_a_downward_correction_shows_over_compliance_and_revives_nothing(market: Market) -> None:
    obligation_id = make_duties(market, E01="100")["E01"]
    issuance_id = make_issued(market, "E01", 10)
    retire_for(market, obligation_id, issuance_id, 10)
    with market.work("R01") as work:
        assert obligations.correct(work, obligation_id=obligation_id, required_t=Tonnes(8)) == -2
    duty = duties(market)["E01"]
    assert (duty.required_t, duty.retired_t, duty.coverage) == (8, 10, "OVER")
    with market.house.open_reader() as reader:
        assert blocks.states_t(reader, [issuance_id])[issuance_id] == {"RETIRED": 10}


@pytest.mark.parametrize("column", ["coverage = 'MET'", "retired_t = 10"])
def test_nobody_can_write_that_a_duty_is_met(market: Market, column: str) -> None:
    make_duties(market, E01="100")
    with pytest.raises(ProgrammingError), market.work("R01") as work:
        work.session.execute(text(f"UPDATE emitters_obligation SET {column}"))
