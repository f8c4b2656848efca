"""Bids are made from duties with the plan's ecological share as their floor, and confirmed by the firm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from market.trading import bids
from market.trading.bids import FloorLowered, ShareOutOfRange, Terms, TypeNotEligible, refuse_unless_terms
from market.trading.listings import PriceOutOfRange
from matching import rounds
from tanyi.kernel.errors import NotFound
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.quantities import Money, Tonnes
from tests.market_makers import PLAN_YEAR, ROUND, Market, make_duties

PLAN_PERMILLE = 500


def terms(limit_fen: int = 6500, floor_permille: int = PLAN_PERMILLE, **others: object) -> Terms:
    return Terms(limit_fen=Money(limit_fen), floor_permille=floor_permille, **others)  # type: ignore[arg-type]


def open_round(market: Market) -> int:
    with market.work() as work:
        return rounds.open_round(work, number=ROUND, plan_year=PLAN_YEAR)


def bid_of(market: Market, code: str) -> bids.Bid:
    with market.house.open_reader() as reader:
        return bids.of_buyer(reader, market.party(code))[0]


def confirm(market: Market, code: str, number: str, given: Terms) -> None:
    with market.work(code) as work:
        bids.confirm(work, number=number, buyer_id=market.party(code), terms=given)


# The terms of a bid


@given(st.integers(0, 1000), st.integers(0, 1000))
def test_a_firm_may_raise_the_floor_and_never_lower_it(plan_permille: int, floor_permille: int) -> None:
    if floor_permille >= plan_permille:
        refuse_unless_terms(terms(floor_permille=floor_permille), plan_permille)
        return
    with pytest.raises(FloorLowered):
        refuse_unless_terms(terms(floor_permille=floor_permille), plan_permille)


@pytest.mark.parametrize(
    "wrong",
    [
        {"floor_permille": 1001},
        {"max_group_permille": 0},
        {"max_group_permille": 1001},
        {"max_group_permille": -1},
        {"max_sellers": -1},
        {"max_sellers": 0},
    ],
)
def test_a_share_outside_its_range_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ShareOutOfRange):
        refuse_unless_terms(terms(**wrong), PLAN_PERMILLE)


@pytest.mark.parametrize("limit_fen", [0, -5, 10_000_001])
def test_a_limit_is_a_price(limit_fen: int) -> None:
    with pytest.raises(PriceOutOfRange):
        refuse_unless_terms(terms(limit_fen), PLAN_PERMILLE)


# Drafted from duties


def test_every_duty_that_lacks_tonnes_gets_a_draft_with_the_plans_share(market: Market) -> None:
    duties = make_duties(market, E01="10000", E02="5000", N01="0.01")
    open_round(market)
    bid = bid_of(market, "E01")
    assert (bid.quantity_t, bid.purpose, bid.obligation_id) == (1000, "compliance", duties["E01"])
    assert (bid.plan_floor_permille, bid.floor_permille, bid.floor_types) == (500, 500, ["forestry", "wetland"])
    assert (bid.state, bid.limit_fen) == ("DRAFT", None)
    assert bid_of(market, "N01").quantity_t == 1


def test_who_owes_nothing_gets_no_bid(market: Market) -> None:
    make_duties(market, E01="10000")
    open_round(market)
    with market.house.open_reader() as reader:
        assert bids.of_buyer(reader, market.party("E02")) == []


def test_a_voluntary_bid_has_no_duty_and_no_floor(market: Market) -> None:
    round_id = open_round(market)
    with market.work("N01") as work:
        bids.draft_voluntary(work, round_id=round_id, buyer_id=market.party("N01"), quantity_t=Tonnes(119))
    bid = bid_of(market, "N01")
    assert (bid.purpose, bid.obligation_id, bid.floor_permille, bid.floor_types) == ("voluntary", None, 0, [])


# Confirmed by the firm


def test_a_firm_confirms_its_bid_and_may_change_its_mind_while_the_round_is_open(market: Market) -> None:
    make_duties(market, E01="10000")
    open_round(market)
    number = bid_of(market, "E01").number
    confirm(market, "E01", number, terms(6500, 700, max_group_permille=400))
    confirm(market, "E01", number, terms(6600, 600))
    bid = bid_of(market, "E01")
    assert (bid.state, bid.limit_fen, bid.floor_permille) == ("CONFIRMED", 6600, 600)
    assert bid.max_group_permille is None


def test_a_lowered_floor_is_refused_and_the_bid_stays_a_draft(market: Market) -> None:
    make_duties(market, E01="10000")
    open_round(market)
    number = bid_of(market, "E01").number
    with pytest.raises(FloorLowered):
        confirm(market, "E01", number, terms(floor_permille=499))
    assert bid_of(market, "E01").state == "DRAFT"


def test_the_database_keeps_the_floor_too(market: Market) -> None:
    make_duties(market, E01="10000")
    open_round(market)
    with pytest.raises(IntegrityError, match="the_plans_share_is_never_lowered"), market.work() as work:
        work.session.execute(text("UPDATE trading_bid SET floor_permille = 499"))


def test_another_firms_bid_is_not_there_to_be_confirmed(market: Market) -> None:
    make_duties(market, E01="10000", E02="5000")
    open_round(market)
    with pytest.raises(NotFound):
        confirm(market, "E02", bid_of(market, "E01").number, terms())


@pytest.mark.parametrize("types", [(), ("grassland",), ("forestry", "grassland")])
def test_only_types_that_the_plan_admits_can_be_chosen(market: Market, types: tuple[str, ...]) -> None:
    make_duties(market, E01="10000")
    open_round(market)
    with pytest.raises(TypeNotEligible):
        confirm(market, "E01", bid_of(market, "E01").number, terms(product_types=types))


def test_a_firm_may_ask_for_fewer_types(market: Market) -> None:
    make_duties(market, E01="10000")
    open_round(market)
    confirm(market, "E01", bid_of(market, "E01").number, terms(product_types=["forestry"]))
    assert bid_of(market, "E01").product_types == ["forestry"]


def test_a_verifier_never_bids(market: Market) -> None:
    round_id = open_round(market)
    with pytest.raises(IntegrityError), market.work("C01") as work:
        bids.draft_voluntary(work, round_id=round_id, buyer_id=market.party("C01"), quantity_t=Tonnes(1))


# At the close


def test_drafts_lapse_and_confirmed_bids_enter_when_the_round_closes(market: Market) -> None:
    make_duties(market, E01="10000", E02="5000")
    open_round(market)
    confirm(market, "E01", bid_of(market, "E01").number, terms())
    with market.work() as work:
        rounds.close(work, number=ROUND)
    assert (bid_of(market, "E01").state, bid_of(market, "E02").state) == ("ENTERED", "LAPSED")


def test_nothing_is_confirmed_after_the_close(market: Market) -> None:
    make_duties(market, E01="10000", E02="5000")
    open_round(market)
    confirm(market, "E01", bid_of(market, "E01").number, terms())
    with market.work() as work:
        rounds.close(work, number=ROUND)
    for code in ("E01", "E02"):
        with pytest.raises(WrongState):
            confirm(market, code, bid_of(market, code).number, terms(9000))
