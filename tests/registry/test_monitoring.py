"""Monitored periods: inside one year, never overlapping, quantified by the version in force and again at any time."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from market.registry import methodology, monitoring, projects
from market.registry.monitoring import PeriodWrong, refuse_unless_period
from market.registry.parameters import ParameterRefused
from tests.market_makers import Market, example_parameters, make_project, year_of

STARTED, TODAY = date(2023, 3, 1), date(2026, 11, 1)
PARAMETERS = example_parameters("afforestation")


def submit(market: Market, project_id: int, first_on: date, end_on: date) -> monitoring.Monitoring:
    with market.work("S01") as work:
        return monitoring.submit(work, project_id=project_id, first_on=first_on, end_on=end_on, parameters=PARAMETERS)


@pytest.fixture
def project_id(market: Market) -> int:
    with market.work("S01") as work:
        return make_project(work, market.party("S01"))


# The rule of a period


@pytest.mark.parametrize(
    ("first_on", "end_on"),
    [
        (date(2023, 3, 1), date(2024, 1, 1)),
        (date(2024, 1, 1), date(2025, 1, 1)),
        (date(2026, 1, 1), TODAY),
        (date(2024, 6, 1), date(2024, 6, 2)),
    ],
)
def test_a_period_lies_inside_one_year_after_the_start_and_before_today(first_on: date, end_on: date) -> None:
    refuse_unless_period(first_on, end_on, STARTED, TODAY)


@pytest.mark.parametrize(
    ("first_on", "end_on"),
    [
        (date(2023, 2, 28), date(2024, 1, 1)),
        (date(2024, 1, 1), date(2025, 1, 2)),
        (date(2026, 1, 1), date(2026, 11, 2)),
        (date(2024, 1, 1), date(2024, 1, 1)),
        (date(2024, 6, 2), date(2024, 6, 1)),
    ],
)
def test_any_other_period_is_refused(first_on: date, end_on: date) -> None:
    with pytest.raises(PeriodWrong):
        refuse_unless_period(first_on, end_on, STARTED, TODAY)


@given(st.dates(date(2020, 1, 1), date(2027, 1, 1)), st.dates(date(2020, 1, 1), date(2027, 1, 1)))
def test_a_period_that_is_accepted_has_one_vintage(first_on: date, end_on: date) -> None:
    try:
        refuse_unless_period(first_on, end_on, STARTED, TODAY)
    except PeriodWrong:
        return
    last_on = date.fromordinal(end_on.toordinal() - 1)
    assert first_on.year == last_on.year
    assert STARTED <= first_on <= last_on < TODAY


# Quantified at once, and again at any time


def test_a_report_is_quantified_by_the_version_in_force(market: Market, project_id: int) -> None:
    report = submit(market, project_id, **year_of(2025))
    example = methodology.by_code("afforestation").examples[0]
    assert (report.methodology_version, report.reduction_t) == ("afforestation@V01", example.expected_t)
    assert report.vintage == 2025


def test_an_old_report_is_worked_out_again_from_what_was_stated(market: Market, project_id: int) -> None:
    submit(market, project_id, **year_of(2025))
    with market.house.open_reader() as reader:
        (stored,) = monitoring.of_project(reader, project_id)
    replayed = monitoring.replay(stored)
    assert replayed.quantity_t == stored.reduction_t
    assert replayed.steps


def test_a_report_is_never_changed(market: Market, project_id: int) -> None:
    submit(market, project_id, **year_of(2025))
    with (
        pytest.raises(IntegrityError, match="append-only"),
        market.house.database.owner_engine().begin() as owner,
    ):
        owner.execute(text("UPDATE registry_monitoring SET reduction_t = reduction_t + 1"))


def test_parameters_that_the_methodology_does_not_know_are_refused(market: Market, project_id: int) -> None:
    stated = PARAMETERS | {"wish": "more"}
    with pytest.raises(ParameterRefused), market.work("S01") as work:
        monitoring.submit(work, project_id=project_id, **year_of(2025), parameters=stated)
    with market.house.open_reader() as reader:
        assert projects.by_code_or_refuse(reader, "P01").state == "REGISTERED"


# Two periods of one project never overlap


def as_monitored_and_issued(market: Market, project_id: int) -> None:
    """The project is where it may be monitored again."""
    with market.work("S01") as work:
        for step in ("VERIFYING", "ISSUED"):
            projects.advance(work, project_id=project_id, to=step)


@pytest.mark.parametrize(
    ("first_on", "end_on"),
    [
        (date(2024, 1, 1), date(2025, 1, 1)),
        (date(2024, 6, 30), date(2024, 7, 1)),
        (date(2024, 1, 1), date(2024, 6, 30)),
    ],
)
def test_the_database_refuses_a_period_that_overlaps(
    market: Market, project_id: int, first_on: date, end_on: date
) -> None:
    submit(market, project_id, date(2024, 6, 29), date(2024, 12, 31))
    as_monitored_and_issued(market, project_id)
    with pytest.raises(IntegrityError, match="periods_of_a_project_do_not_overlap"):
        submit(market, project_id, first_on, end_on)


def test_periods_that_touch_do_not_overlap(market: Market, project_id: int) -> None:
    submit(market, project_id, date(2024, 1, 1), date(2024, 6, 30))
    as_monitored_and_issued(market, project_id)
    submit(market, project_id, date(2024, 6, 30), date(2025, 1, 1))
    with market.house.open_reader() as reader:
        assert [row.vintage for row in monitoring.of_project(reader, project_id)] == [2024, 2024]


def test_the_same_days_of_two_projects_do_not_overlap(market: Market, project_id: int) -> None:
    with market.work("S01") as work:
        other_id = make_project(work, market.party("S01"), "P02")
    submit(market, project_id, **year_of(2024))
    assert submit(market, other_id, **year_of(2024)).vintage == 2024
