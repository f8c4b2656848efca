"""Retirement: tonnes end once, for one named claim, by who holds them, and for no more than is owed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from market.emitters import obligations
from market.trading import listings
from settlement import retirement
from settlement.neutrality import events
from settlement.retirement import MoreThanOwed, NothingToRetire, Order
from tanyi.kernel.errors import NotFound, Refusal
from tanyi.ledger import blocks
from tests.market_makers import PLAN_YEAR, SALT, Market, make_duties, make_issued, make_listing


def order(market: Market, parts: dict[int, int], holder: str = "E01", **others: object) -> Order:
    usual: dict[str, object] = {"holder_id": market.party(holder), "purpose": "VOLUNTARY_ORG", "salt": SALT}
    return Order(parts=parts, **(usual | others))  # type: ignore[arg-type]


def for_duty(market: Market, parts: dict[int, int], obligation_id: int, holder: str = "E01") -> Order:
    return order(market, parts, holder, purpose="COMPLIANCE_BENCHMARK", obligation_id=obligation_id)


def retire(market: Market, *orders: Order) -> list[int]:
    with market.work("E01") as work:
        return retirement.retire(work, orders=orders, legal_effect=market.house.legal_effect)


def tonnes(market: Market) -> dict[str, int]:
    with market.house.open_reader() as reader:
        return {state: int(total_t) for state, total_t in blocks.by_state_t(reader).items()}


@pytest.fixture
def held(market: Market) -> int:
    """100 t of one issuance in the hands of E01."""
    return make_issued(market, "E01", 100)


# The end of a tonne


def test_a_retired_tonne_never_moves_again(market: Market, held: int) -> None:
    retire(market, order(market, {held: 60}))
    assert tonnes(market) == {"RETIRED": 60, "FREE": 40}
    with pytest.raises(blocks.InsufficientTonnes):
        retire(market, order(market, {held: 41}))
    with pytest.raises(blocks.InsufficientTonnes):
        make_listing(market, "E01", held, 41)
    with pytest.raises(IntegrityError, match="never moves again"), market.work("E01") as work:
        work.session.execute(
            text("UPDATE ledger_block SET state = 'FREE', retirement_id = NULL WHERE state = 'RETIRED'")
        )


def test_tonnes_on_sale_are_not_retired(market: Market, held: int) -> None:
    make_listing(market, "E01", held, 60)
    with pytest.raises(blocks.InsufficientTonnes):
        retire(market, order(market, {held: 41}))


def test_nobody_retires_the_tonnes_of_another(market: Market, held: int) -> None:
    with pytest.raises(blocks.InsufficientTonnes):
        retire(market, order(market, {held: 1}, holder="E02"))


@pytest.mark.parametrize("parts", [{}, {1: 0}])
def test_a_retirement_of_nothing_is_refused(market: Market, parts: dict[int, int]) -> None:
    with pytest.raises(NothingToRetire):
        retire(market, order(market, parts))


def test_a_beneficiary_has_a_name_of_reasonable_length(market: Market, held: int) -> None:
    with pytest.raises(NothingToRetire):
        retire(market, order(market, {held: 1}, beneficiary="x" * 201))


def test_of_several_orders_all_are_done_or_none(market: Market, held: int) -> None:
    with pytest.raises(blocks.InsufficientTonnes):
        retire(market, order(market, {held: 60}), order(market, {held: 60}))
    assert tonnes(market) == {"FREE": 100}


# For a duty


def test_no_more_is_retired_than_is_owed(market: Market, held: int) -> None:
    duty = make_duties(market, E01="500")["E01"]
    with pytest.raises(MoreThanOwed):
        retire(market, for_duty(market, {held: 51}, duty))
    with pytest.raises(MoreThanOwed):
        retire(market, for_duty(market, {held: 30}, duty), for_duty(market, {held: 21}, duty))
    assert tonnes(market) == {"FREE": 100}


def test_a_firm_retires_for_its_own_duty_only(market: Market, held: int) -> None:
    duty = make_duties(market, E02="500")["E02"]
    with pytest.raises(IntegrityError, match="a_firm_retires_for_its_own_duty"):
        retire(market, for_duty(market, {held: 10}, duty))


def test_a_duty_that_was_cancelled_takes_no_more_tonnes(market: Market, held: int) -> None:
    duty = make_duties(market, E01="500")["E01"]
    with market.work("R01") as work:
        obligations.cancel(work, obligation_id=duty)
    with pytest.raises(MoreThanOwed):
        retire(market, for_duty(market, {held: 1}, duty))
    assert tonnes(market) == {"FREE": 100}


def test_two_who_retire_for_one_duty_at_once_do_not_overfill_it(market: Market, held: int) -> None:
    duty = make_duties(market, E01="500")["E01"]
    start = threading.Barrier(2)

    def race(_: int) -> str:
        start.wait(timeout=10)
        try:
            retire(market, for_duty(market, {held: 50}, duty))
        except Refusal as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(2) as threads:
        said = sorted(threads.map(race, range(2)))
    with market.house.open_reader() as reader:
        (found,) = obligations.of_plan(reader, PLAN_YEAR)
    assert (said, found.retired_t, found.coverage) == (["done", "settlement.more_than_owed"], 50, "MET")


@pytest.mark.parametrize(
    ("purpose", "named"), [("COMPLIANCE_BENCHMARK", False), ("VOLUNTARY_ORG", True), ("VOLUNTARY_EVENT", False)]
)
def test_a_purpose_names_what_it_serves_and_nothing_else(market: Market, held: int, purpose: str, named: bool) -> None:
    duty = make_duties(market, E01="500")["E01"]
    with pytest.raises(IntegrityError):
        retire(market, order(market, {held: 1}, purpose=purpose, obligation_id=duty if named else None))


# What it claims


def test_the_claim_is_what_was_retired(market: Market, held: int) -> None:
    other = make_issued(market, "E01", 50, "P02", "wind")
    duty = make_duties(market, E01="500")["E01"]
    (retired,) = retire(market, for_duty(market, {held: 20, other: 30}, duty))
    with market.house.open_reader() as reader:
        claim = retirement.claims_of(reader, [retired])[retired]
        runs = blocks.runs(reader, retirement_ids=[retired])
        number = obligations.of_plan(reader, PLAN_YEAR)[0].number
    assert (claim.tonnes, claim.purpose, claim.beneficiary, claim.event) == (50, "COMPLIANCE_BENCHMARK", None, None)
    assert claim.obligation is not None
    assert (claim.obligation.number, claim.obligation.year) == (number, PLAN_YEAR)
    assert [(line.first, line.last, line.product_type) for line in claim.lines] == [
        (runs[0].lo, runs[0].end - 1, "forestry"),
        (runs[1].lo, runs[1].end - 1, "wind"),
    ]
    assert claim.legal_effect == market.house.legal_effect


def test_an_event_claim_names_the_event(market: Market) -> None:
    held = make_issued(market, "N01", 119)
    with market.work("N01") as work:
        event = events.name_event(
            work, organiser_id=market.party("N01"), name="低碳论坛", held_on=date(2026, 9, 1), place="石家庄"
        )
    claimed = order(market, {held: 119}, "N01", purpose="VOLUNTARY_EVENT", event_id=event, beneficiary="论坛组委会")
    (retired,) = retire(market, claimed)
    with market.house.open_reader() as reader:
        claim = retirement.claims_of(reader, [retired])[retired]
        assert retirement.newest(reader, holder_id=market.party("N01"))[0].id == retired
    assert claim.event is not None
    assert claim.beneficiary is not None
    assert (claim.event.name, claim.event.held_on, claim.beneficiary.name) == (
        "低碳论坛",
        date(2026, 9, 1),
        "论坛组委会",
    )


def test_a_claim_and_its_retirement_are_never_changed(market: Market, held: int) -> None:
    retire(market, order(market, {held: 10}))
    for table, column in (("settlement_claim", "document"), ("settlement_retirement", "salt")):
        for change in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
            with (
                pytest.raises(IntegrityError, match="append-only"),
                market.house.database.owner_engine().begin() as owner,
            ):
                owner.execute(text(change))


def test_a_retirement_is_found_by_its_public_number(market: Market, held: int) -> None:
    (retired,) = retire(market, order(market, {held: 10}))
    with market.house.open_reader() as reader:
        number = retirement.by_id(reader, retired).number
        assert retirement.by_number(reader, number).id == retired
        with pytest.raises(NotFound):
            retirement.by_number(reader, "R0")
        assert listings.all_open(reader) == []
