"""Clearing: a purchase reserves and asks, what was not paid comes back, a round retires for the duties behind it."""

from __future__ import annotations

import pytest

from market.emitters import obligations
from market.trading import listings, trades
from matching import rounds
from settlement import clearing, payments, retirement
from tanyi.app import counter
from tanyi.kernel.errors import NotFound
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks
from tests.market_makers import (
    PLAN_YEAR,
    Market,
    make_duties,
    make_issued,
    make_listing,
    make_published_round,
    make_round,
    publish_round,
)


@pytest.fixture
def listing(market: Market) -> str:
    return make_listing(market, "S01", make_issued(market, "S01", 100), 100)


def buy(market: Market, listing: str, quantity_t: int, buyer: str = "E01") -> payments.Payment:
    with market.work(buyer) as work:
        return clearing.buy(work, listing_number=listing, buyer_id=market.party(buyer), quantity_t=Tonnes(quantity_t))


def tonnes(market: Market) -> dict[str, int]:
    with market.house.open_reader() as reader:
        return {state: int(total_t) for state, total_t in blocks.by_state_t(reader).items()}


# A purchase


def test_a_purchase_reserves_its_tonnes_and_asks_for_their_exact_price(market: Market, listing: str) -> None:
    payment = buy(market, listing, 30)
    assert (payment.amount_fen, tonnes(market)) == (168_000, {"RESERVED": 30, "LISTED": 70})


def test_the_last_tonne_is_sold_once(market: Market, listing: str) -> None:
    buy(market, listing, 100)
    with pytest.raises(listings.NotOnSale):
        buy(market, listing, 1, "E02")
    assert tonnes(market) == {"RESERVED": 100}


def test_more_than_is_offered_cannot_be_bought(market: Market, listing: str) -> None:
    with pytest.raises(blocks.InsufficientTonnes):
        buy(market, listing, 101)
    assert tonnes(market) == {"LISTED": 100}


def test_a_purchase_of_nothing_is_refused(market: Market, listing: str) -> None:
    with pytest.raises(listings.NothingOffered):
        buy(market, listing, 0)


def test_a_listing_that_does_not_exist_is_not_found(market: Market) -> None:
    with pytest.raises(NotFound):
        buy(market, "L999999", 1)


def test_an_own_listing_cannot_be_bought(market: Market, listing: str) -> None:
    with pytest.raises(trades.OwnTonnes):
        buy(market, listing, 1, "S01")
    assert tonnes(market) == {"LISTED": 100}


def test_tonnes_that_come_back_are_on_sale_again(market: Market, listing: str) -> None:
    payment = buy(market, listing, 100)
    with market.work() as work:
        clearing.give_back(work, payment_id=payment.id)
    assert tonnes(market) == {"LISTED": 100}
    assert buy(market, listing, 100, "E02").amount_fen == 560_000


# A round


def test_a_settled_round_discharges_the_duties_of_its_bids(market: Market) -> None:
    number = make_published_round(market)
    counter.settle_round(market.house, number)
    with market.house.open_reader() as reader:
        duties = obligations.of_plan(reader, PLAN_YEAR)
        assert [(duty.required_t, duty.retired_t, duty.coverage) for duty in duties] == [
            (1000, 1000, "MET"),
            (500, 500, "MET"),
        ]
        assert retirement.total_t(reader) == 1500
    assert tonnes(market) == {"RETIRED": 1500, "LISTED": 4500}


def test_settling_a_round_again_changes_nothing(market: Market) -> None:
    number = make_published_round(market)
    counter.settle_round(market.house, number)
    before = market.house.gateway.balance_report()
    counter.settle_round(market.house, number)
    assert market.house.gateway.balance_report() == before
    assert tonnes(market) == {"RETIRED": 1500, "LISTED": 4500}


def test_a_second_round_retires_what_the_first_left_of_a_duty(market: Market) -> None:
    make_duties(market, E01="10000")
    make_listing(market, "S01", make_issued(market, "S01", 600), 600)
    counter.settle_round(market.house, publish_round(market, make_round(market)))
    make_listing(market, "S02", make_issued(market, "S02", 900, "P02", "wind"), 900)
    counter.settle_round(market.house, publish_round(market, make_round(market, number="2026-2")))
    with market.house.open_reader() as reader:
        (duty,) = obligations.of_plan(reader, PLAN_YEAR)
        assert (duty.required_t, duty.retired_t, duty.coverage) == (1000, 800, "PARTIAL")  # half must be ecological
        assert retirement.total_t(reader) == 800


def test_a_round_retires_nothing_before_it_is_settled(market: Market) -> None:
    number = make_published_round(market)
    with market.work() as work:
        round_id = rounds.by_number(work, number).id
        assert clearing.retire_round(work, round_id=round_id, salts=["5a" * 16] * 9, legal_effect=None) == []
