"""A round from its opening to its publication: frozen, solved apart, checked, and nothing kept that fails the check."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

from market.emitters import policy
from market.trading import bids, listings, trades
from matching import apart, rounds
from matching.certificate import BadCertificate, Certificate, Prices, read_certificate, write_certificate
from matching.checker import check
from matching.problem import BadResult, problem_sha256, read_problem, read_result, write_result
from tanyi.kernel.errors import NotFound
from tanyi.kernel.lifecycle import WrongState
from tanyi.ledger import blocks
from tests.market_makers import PLAN_YEAR, ROUND, Market, make_duties, make_offers, make_published_round, make_round


@pytest.fixture
def closed(market: Market) -> Market:
    """Two duties of 1,000 t and 500 t and two offers of 3,000 t, frozen."""
    make_duties(market, E01="10000", E02="5000")
    make_offers(market)
    make_round(market)
    with market.work() as work:
        rounds.close(work, number=ROUND)
    return market


def found(market: Market) -> rounds.Round:
    with market.house.open_reader() as reader:
        return rounds.by_number(reader, ROUND)


def certificate_of(kept: rounds.Round) -> Certificate:
    assert kept.certificate is not None
    return read_certificate(kept.certificate)


def nothing_is_kept(market: Market) -> bool:
    kept = found(market)
    return (kept.state, kept.result, kept.certificate) == ("CLOSED", None, None)


def solved(market: Market) -> apart.Answer:
    problem = found(market).problem
    assert problem is not None
    return apart.solve_apart(problem)


def keep(market: Market, **changed: bytes) -> None:
    """Keeps what the solver answers, with another result or another certificate in its place."""
    answer = dataclasses.replace(solved(market), **changed)
    with market.work() as work:
        rounds.keep_result(work, number=ROUND, answer=answer)


# Opening and closing


def test_the_seed_is_announced_with_the_round_before_any_bid(market: Market) -> None:
    with market.work() as work:
        rounds.open_round(work, number=ROUND, plan_year=PLAN_YEAR)
    assert found(market).seed == hashlib.sha256(f"tanyi/{ROUND}".encode()).hexdigest()[:16]


def test_a_round_needs_a_plan_in_force(market: Market) -> None:
    with pytest.raises(policy.NoPlan), market.work() as work:
        rounds.open_round(work, number="2031-1", plan_year=2031)


def test_closing_freezes_a_problem_that_reads_as_one(closed: Market) -> None:
    raw = found(closed).problem
    assert raw is not None
    problem = read_problem(raw)
    assert (problem.id, problem.mechanism, problem.price_rule, problem.min_line_t) == (
        ROUND,
        "quota",
        "pay_as_ask",
        100,
    )
    assert [(bid.buyer, bid.quantity_t, bid.purpose) for bid in problem.bids] == [
        ("E01", 1000, "compliance"),
        ("E02", 500, "compliance"),
    ]
    assert [(lot.seller, lot.product_type, lot.quantity_t) for lot in problem.lots] == [
        ("S01", "forestry", 3000),
        ("S02", "wind", 3000),
    ]
    assert {bid.floor.min_permille for bid in problem.bids if bid.floor} == {500}


def test_a_closed_round_takes_no_second_close(closed: Market) -> None:
    with pytest.raises(WrongState), closed.work() as work:
        rounds.close(work, number=ROUND)


def test_a_round_of_nobody_and_nothing_is_solved_and_published(market: Market) -> None:
    with market.work() as work:
        rounds.open_round(work, number=ROUND, plan_year=PLAN_YEAR)
        rounds.close(work, number=ROUND)
    rounds.run(market.house.work_opener(), number=ROUND)
    with market.work() as work:
        assert rounds.publish(work, number=ROUND) == []


# Solving and checking


def test_a_solved_round_keeps_a_checked_result(closed: Market) -> None:
    result = rounds.run(closed.house.work_opener(closed.people["X01"]), number=ROUND)
    kept = found(closed)
    assert (kept.state, result.status, result.totals.compliance_t) == ("SOLVED", "optimal", 1500)
    assert check(rounds.problem_of(kept), rounds.result_of(kept), certificate_of(kept)) == []


def test_the_log_has_the_fingerprints_of_what_was_kept(closed: Market) -> None:
    keep(closed)
    kept = found(closed)
    with closed.work() as work:
        entry = work.session.scalars(text("SELECT body FROM ledger_audit_entry WHERE body LIKE '%round.solved%'")).one()
    for raw in (kept.result, kept.certificate):
        assert raw is not None
        assert hashlib.sha256(raw).hexdigest() in entry


def test_the_plans_share_is_kept_although_the_other_type_is_cheaper(closed: Market) -> None:
    result = read_result(solved(closed).result)
    forest = rounds.problem_of(found(closed)).lots[0].id
    served: dict[str, int] = {}
    for line in result.lines:
        served[line.lot] = served.get(line.lot, 0) + line.quantity_t
    assert served[forest] == 750


def tampered(market: Market, what: str) -> bytes:
    result = read_result(solved(market).result)
    line = result.lines[0]
    changed = {
        "more": {"quantity_t": line.quantity_t + 1},
        "price": {"price_fen": line.price_fen - 1},
        "bid": {"bid": "B999999"},
    }
    replaced = msgspec.structs.replace(line, **changed[what])
    return write_result(msgspec.structs.replace(result, lines=(replaced, *result.lines[1:])))


@pytest.mark.parametrize("what", ["more", "price", "bid"])
def test_a_tampered_result_is_refused_and_nothing_of_it_is_kept(closed: Market, what: str) -> None:
    with pytest.raises(rounds.CheckFailed):
        keep(closed, result=tampered(closed, what))
    assert nothing_is_kept(closed)


def test_a_certificate_that_proves_other_bounds_is_refused_and_nothing_is_kept(closed: Market) -> None:
    proof = read_certificate(solved(closed).certificate)
    prices = proof.bounds.surplus_fen
    assert isinstance(prices, Prices)
    dearer = (prices.lot_price[0] + prices.scale, *prices.lot_price[1:])
    bounds = msgspec.structs.replace(proof.bounds, surplus_fen=msgspec.structs.replace(prices, lot_price=dearer))
    with pytest.raises(rounds.CheckFailed):
        keep(closed, certificate=write_certificate(msgspec.structs.replace(proof, bounds=bounds)))
    assert nothing_is_kept(closed)


def test_totals_that_are_not_the_sums_of_the_lines_are_refused(closed: Market) -> None:
    result = read_result(solved(closed).result)
    totals = msgspec.structs.replace(result.totals, compliance_t=result.totals.compliance_t + 1)
    with pytest.raises(rounds.CheckFailed):
        keep(closed, result=write_result(msgspec.structs.replace(result, totals=totals)))


def test_the_result_of_another_problem_is_refused(closed: Market) -> None:
    problem = rounds.problem_of(found(closed))
    other = msgspec.structs.replace(problem, seed="another")
    assert problem_sha256(other) != problem_sha256(problem)
    result = msgspec.structs.replace(read_result(solved(closed).result), problem_sha256=problem_sha256(other))
    with pytest.raises(rounds.CheckFailed):
        keep(closed, result=write_result(result))


@pytest.mark.parametrize(("what", "refusal"), [("result", BadResult), ("certificate", BadCertificate)])
def test_what_is_not_a_result_or_not_a_certificate_is_refused(
    closed: Market, what: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        keep(closed, **{what: b""})
    assert nothing_is_kept(closed)


def test_a_solver_that_is_killed_leaves_the_round_closed_and_solvable(
    closed: Market, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\ncat > /dev/null\nkill -9 $$\n", encoding="utf-8")
    killed.chmod(0o700)
    open_work = closed.house.work_opener(closed.people["X01"])
    with monkeypatch.context() as patched:
        patched.setattr(sys, "executable", str(killed))
        with pytest.raises(rounds.SolverDown):
            rounds.run(open_work, number=ROUND)
    assert found(closed).state == "CLOSED"
    assert rounds.run(open_work, number=ROUND).totals.compliance_t == 1500


def test_an_open_round_cannot_be_solved(market: Market) -> None:
    make_round(market)
    with pytest.raises(WrongState):
        rounds.run(market.house.work_opener(), number=ROUND)


def test_a_round_that_does_not_exist_is_not_found(market: Market) -> None:
    with pytest.raises(NotFound):
        rounds.run(market.house.work_opener(), number="1999-1")


# Publishing


def test_publishing_records_the_lines_with_their_tonnes_reserved(market: Market) -> None:
    number = make_published_round(market)
    with market.house.open_reader() as reader:
        published = rounds.by_number(reader, number)
        lines = rounds.result_of(published).lines
        made = trades.of_round(reader, published.id)
        assert blocks.by_state_t(reader)["RESERVED"] == 1500
        assert sorted(trade.quantity_t for trade in made) == sorted(line.quantity_t for line in lines)
        assert {trade.state for trade in made} == {"RESERVED"}
        assert [lot.state for lot in listings.of_round(reader, published.id)] == ["OPEN", "OPEN"]
        assert {bid.state for bid in bids.of_round(reader, published.id)} == {"ENTERED"}


def test_a_round_is_published_once(market: Market) -> None:
    number = make_published_round(market)
    with pytest.raises(WrongState), market.work() as work:
        rounds.publish(work, number=number)
    with market.house.open_reader() as reader:
        assert blocks.by_state_t(reader)["RESERVED"] == 1500


def test_a_round_that_was_not_solved_is_not_published(closed: Market) -> None:
    with pytest.raises(WrongState), closed.work() as work:
        rounds.publish(work, number=ROUND)


def test_anyone_can_check_a_published_round_again(market: Market) -> None:
    make_published_round(market)
    published = found(market)
    assert check(rounds.problem_of(published), rounds.result_of(published), certificate_of(published)) == []
