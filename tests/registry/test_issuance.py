"""Verification, its acceptance by another person, and issuance: tonnes come into being once."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from market.registry import issuance, methodology, monitoring, projects
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks
from tests.market_makers import Market, example_parameters, make_issued, make_project, year_of

QUANTIFIED_T = methodology.by_code("afforestation").examples[0].expected_t


@pytest.fixture
def monitoring_id(market: Market) -> int:
    with market.work("S01") as work:
        project_id = make_project(work, market.party("S01"))
        parameters = example_parameters("afforestation")
        return monitoring.submit(work, project_id=project_id, **year_of(2025), parameters=parameters).id


def verify(market: Market, monitoring_id: int, verified_t: int, by: str = "C01") -> int:
    with market.work(by) as work:
        return issuance.verify(work, monitoring_id=monitoring_id, verified_t=Tonnes(verified_t))


# Verification


@pytest.mark.parametrize("verified_t", [1, QUANTIFIED_T])
def test_a_verifier_may_state_up_to_what_was_quantified(market: Market, monitoring_id: int, verified_t: int) -> None:
    assert verify(market, monitoring_id, verified_t) > 0


def test_a_verifier_cannot_state_a_tonne_more_than_was_quantified(market: Market, monitoring_id: int) -> None:
    with pytest.raises(issuance.MoreThanQuantified):
        verify(market, monitoring_id, QUANTIFIED_T + 1)


def test_a_verification_of_nothing_is_refused(market: Market, monitoring_id: int) -> None:
    with pytest.raises(IntegrityError, match="something_was_verified"):
        verify(market, monitoring_id, 0)


def test_a_report_is_verified_once(market: Market, monitoring_id: int) -> None:
    verify(market, monitoring_id, 100)
    with pytest.raises(WrongState):
        verify(market, monitoring_id, 100)


# Four eyes


def test_nobody_accepts_what_they_have_verified_themselves(market: Market, monitoring_id: int) -> None:
    statement = verify(market, monitoring_id, 100, by="R01")
    with pytest.raises(issuance.SamePerson), market.work("R01") as work:
        issuance.accept(work, verification_id=statement)
    with market.work("R01b") as work:
        issuance.accept(work, verification_id=statement)


def test_the_database_holds_the_four_eyes_too(market: Market, monitoring_id: int) -> None:
    verify(market, monitoring_id, 100)
    accept_oneself = "UPDATE registry_verification SET accepted_by_id = verified_by_id, accepted_at = now()"
    with pytest.raises(IntegrityError, match="a_verification_is_accepted_by_another"), market.work("C01") as work:
        work.session.execute(text(accept_oneself))


def test_an_acceptance_stands_once_it_is_given(market: Market, monitoring_id: int) -> None:
    statement = verify(market, monitoring_id, 100)
    with market.work("R01") as work:
        issuance.accept(work, verification_id=statement)
    with pytest.raises(IntegrityError, match="stands"), market.work("R01b") as work:
        issuance.accept(work, verification_id=statement)


def test_raw_sql_cannot_verify_more_than_was_quantified(market: Market, monitoring_id: int) -> None:
    forged = (
        "INSERT INTO registry_verification (monitoring_id, verified_t, verified_by_id, verified_at)"
        " SELECT id, reduction_t + 1, submitted_by_id, now() FROM registry_monitoring WHERE id = :id"
    )
    with (
        pytest.raises(IntegrityError, match="more was verified"),
        market.house.database.owner_engine().begin() as owner,
    ):
        owner.execute(text(forged), {"id": monitoring_id})


# Issuance


def test_the_verified_tonnes_are_made_for_the_owner(market: Market) -> None:
    issuance_id = make_issued(market, "S01", 1234)
    with market.house.open_reader() as reader:
        (run,) = blocks.runs(reader, issuance_ids=[issuance_id])
        origin = issuance.provenance(reader, [issuance_id])[issuance_id]
        assert projects.by_code_or_refuse(reader, "P01").state == "ISSUED"
    assert (run.quantity_t, run.holder_id, run.state) == (1234, market.party("S01"), "FREE")
    assert origin.serial(run.lo, run.end) == f"HB-forestry-P01-2025-{run.lo}-{run.end - 1}"
    assert (origin.methodology, origin.vintage) == ("afforestation@V01", 2025)


def test_a_verification_that_nobody_accepted_cannot_be_issued(market: Market, monitoring_id: int) -> None:
    statement = verify(market, monitoring_id, 100)
    with pytest.raises(IntegrityError, match="not accepted"), market.work("R01") as work:
        issuance.issue(work, verification_id=statement)


def test_raw_sql_cannot_issue_what_nobody_accepted_either(market: Market, monitoring_id: int) -> None:
    statement = verify(market, monitoring_id, 100)
    row = "(1, 101, 1, 100, :id, 100, 'forged', now())"
    columns = "(lo, end_, prev_end, quantity_t, verification_id, verified_t, origin_key, issued_at)"
    with pytest.raises(IntegrityError, match="not accepted"), market.house.database.owner_engine().begin() as owner:
        owner.execute(text(f"INSERT INTO ledger_issuance {columns} VALUES {row}"), {"id": statement})


def test_a_verification_is_issued_once(market: Market) -> None:
    make_issued(market, "S01", 100)
    with market.house.open_reader() as reader:
        (statement,) = reader.session.scalars(text("SELECT id FROM registry_verification"))
    with pytest.raises(WrongState), market.work("R01") as work:
        issuance.issue(work, verification_id=statement)
    with market.house.open_reader() as reader:
        assert blocks.by_state_t(reader) == {"FREE": 100}


def test_issuances_of_a_project_are_told_oldest_first(market: Market) -> None:
    first = make_issued(market, "S01", 100)
    second = make_issued(market, "S02", 200, "P02", "wind")
    with market.house.open_reader() as reader:
        ids = {project.code: project.id for project in projects.all_projects(reader)}
        assert issuance.of_projects(reader, ids.values()) == {ids["P01"]: [first], ids["P02"]: [second]}
