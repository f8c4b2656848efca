"""Listings: a price, an end, and as many tonnes as are tied to them; withdrawing frees, a round freezes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from market.trading import listings
from matching import rounds
from settlement import clearing
from tanyi.kernel.errors import NotFound
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.ledger import blocks
from tests.market_makers import Market, make_issued, make_listing, make_offers


def states_of(market: Market, issuance_id: int) -> dict[str, int]:
    with market.house.open_reader() as reader:
        return {state: int(total_t) for state, total_t in blocks.states_t(reader, [issuance_id])[issuance_id].items()}


def state_of(market: Market, number: str) -> str:
    with market.house.open_reader() as reader:
        return listings.by_number(reader, number).state


def open_one(market: Market, issuance_id: int, quantity_t: int = 10, ask_fen: int = 5600, days: float = 30) -> None:
    with market.work("S01") as work:
        listings.open_listing(
            work,
            seller_id=market.party("S01"),
            issuance_id=issuance_id,
            quantity_t=Tonnes(quantity_t),
            ask_fen=Money(ask_fen),
            expires_at=work.now + timedelta(days=days),
        )


# The rules


@pytest.mark.parametrize("price_fen", [1, 5600, listings.HIGHEST_FEN])
def test_a_price_lies_between_a_fen_and_the_highest(price_fen: int) -> None:
    listings.refuse_unless_price(Money(price_fen))


@pytest.mark.parametrize("price_fen", [0, -1, listings.HIGHEST_FEN + 1, 2**62])
def test_any_other_price_is_refused(price_fen: int) -> None:
    with pytest.raises(listings.PriceOutOfRange):
        listings.refuse_unless_price(Money(price_fen))


@pytest.mark.parametrize("days", [0, -1, 366.01])
def test_a_listing_ends_in_the_future_and_within_a_year(market: Market, days: float) -> None:
    issuance_id = make_issued(market, "S01", 100)
    with pytest.raises(listings.ExpiryWrong):
        open_one(market, issuance_id, days=days)
    assert states_of(market, issuance_id) == {"FREE": 100}


def test_a_listing_of_no_tonnes_is_refused(market: Market) -> None:
    with pytest.raises(listings.NothingOffered):
        open_one(market, make_issued(market, "S01", 100), quantity_t=0)


# Tonnes are tied to their listing


def test_a_listing_ties_its_tonnes_and_no_others(market: Market) -> None:
    issuance_id = make_issued(market, "S01", 100)
    open_one(market, issuance_id, 60)
    assert states_of(market, issuance_id) == {"LISTED": 60, "FREE": 40}


def test_more_than_is_free_cannot_be_listed(market: Market) -> None:
    issuance_id = make_issued(market, "S01", 100)
    open_one(market, issuance_id, 60)
    with pytest.raises(blocks.InsufficientTonnes):
        open_one(market, issuance_id, 41)
    assert states_of(market, issuance_id) == {"LISTED": 60, "FREE": 40}


def test_nobody_lists_the_tonnes_of_another(market: Market) -> None:
    with pytest.raises(blocks.InsufficientTonnes):
        open_one(market, make_issued(market, "S02", 100))


def test_withdrawing_frees_the_tonnes(market: Market) -> None:
    issuance_id = make_issued(market, "S01", 100)
    number = make_listing(market, "S01", issuance_id, 60)
    with market.work("S01") as work:
        listings.withdraw(work, number=number, seller_id=market.party("S01"))
    assert states_of(market, issuance_id) == {"FREE": 100}
    assert state_of(market, number) == "WITHDRAWN"


def test_another_sellers_listing_is_not_there_to_be_withdrawn(market: Market) -> None:
    number = make_listing(market, "S01", make_issued(market, "S01", 100), 60)
    with pytest.raises(NotFound), market.work("S02") as work:
        listings.withdraw(work, number=number, seller_id=market.party("S02"))


def test_a_withdrawn_listing_is_not_on_sale(market: Market) -> None:
    number = make_listing(market, "S01", make_issued(market, "S01", 100), 60)
    with market.work("S01") as work:
        listings.withdraw(work, number=number, seller_id=market.party("S01"))
    with pytest.raises(listings.NotOnSale), market.work("E01") as work:
        clearing.buy(work, listing_number=number, buyer_id=market.party("E01"), quantity_t=Tonnes(1))


# A round freezes, and thaws what it leaves over


def freeze(market: Market, round_id: int = 1, **wanted: object) -> list[str]:
    asked = {"product_types": ["forestry", "wind"], "vintage_from": 2021} | wanted
    with market.work() as work:
        return [listing.number for listing in listings.freeze(work, round_id=round_id, **asked)]  # type: ignore[arg-type]


@pytest.fixture
def round_id(market: Market) -> int:
    with market.work() as work:
        return rounds.open_round(work, number="2026-1", plan_year=2026)


def test_a_frozen_listing_can_be_neither_bought_from_nor_withdrawn(market: Market, round_id: int) -> None:
    offers = make_offers(market)
    assert freeze(market, round_id) == list(offers.values())
    with pytest.raises(listings.NotOnSale), market.work("E01") as work:
        clearing.buy(work, listing_number=offers["S01"], buyer_id=market.party("E01"), quantity_t=Tonnes(1))
    with pytest.raises(WrongState), market.work("S01") as work:
        listings.withdraw(work, number=offers["S01"], seller_id=market.party("S01"))


def test_a_round_takes_only_the_types_and_vintages_of_its_plan(market: Market, round_id: int) -> None:
    offers = make_offers(market)
    assert freeze(market, round_id, product_types=["wind"]) == [offers["S02"]]
    assert freeze(market, round_id, vintage_from=2026) == []


def test_what_a_round_leaves_over_is_on_sale_again(market: Market, round_id: int) -> None:
    offers = make_offers(market)
    freeze(market, round_id)
    with market.work() as work:
        listings.thaw(work, round_id=round_id)
    assert [state_of(market, number) for number in offers.values()] == ["OPEN", "OPEN"]


def test_the_cheapest_offer_of_a_type_is_found(market: Market) -> None:
    offers = make_offers(market)
    with market.house.open_reader() as reader:
        assert listings.cheapest(reader, "forestry").number == offers["S01"]
        assert [listing.number for listing in listings.all_open(reader)] == [offers["S02"], offers["S01"]]
        with pytest.raises(NotFound):
            listings.cheapest(reader, "wetland")
