"""The desk over the database: what is on sale now and nothing else, never one's own, and nothing is reserved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from market.trading import listings
from matching import desk, rounds
from matching.portfolio import Portfolio
from matching.wish import Wish
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks
from tests.market_makers import (
    PLAN_YEAR,
    ROUND,
    Market,
    make_actor,
    make_duties,
    make_issued,
    make_listing,
    make_offers,
    make_published_round,
)
from tests.matching.rounds import floor


@pytest.fixture
def offers(market: Market) -> dict[str, str]:
    """Forest tonnes of S01 (3,000 at 56.00) and wind tonnes of S02 (3,000 at 50.00)."""
    return make_offers(market)


def ask(market: Market, wish: Wish, buyer: str | None = None) -> desk.Told:
    with market.house.open_reader() as reader:
        return desk.ask(reader, wish, buyer_id=market.party(buyer) if buyer else None)


def tonnes(portfolio: Portfolio) -> dict[str, int]:
    return {line.lot: line.quantity_t for line in portfolio.lines}


class TestWhatIsAskedOfTheMarket:
    def test_open_listings_answer_with_their_origin_and_seller(self, market: Market, offers: dict[str, str]) -> None:
        green = floor(500, ("forestry", "wetland"))
        told = ask(market, Wish(quantity_t=3284, floor=green))
        assert tonnes(told.answer.best) == {offers["S01"]: 1642, offers["S02"]: 1642}
        assert told.answer.best.cost_fen == 1642 * (5600 + 5000)
        assert {number: offer.seller_id for number, offer in told.offers.items()} == {
            offers[code]: market.party(code) for code in ("S01", "S02")
        }
        assert told.sellers_of(("G-S02",)) == [market.party("S02")]

    def test_the_own_control_group_is_left_out_for_a_known_buyer(self, market: Market, offers: dict[str, str]) -> None:
        with market.work() as work:
            market.people["S03"] = make_actor(work, "S03", group="G-S02")
        for buyer, expected in ((None, "S02"), ("E01", "S02"), ("S02", "S01"), ("S03", "S01")):
            assert tonnes(ask(market, Wish(quantity_t=5), buyer).answer.best) == {offers[expected]: 5}

    def test_tonnes_and_listings_that_are_gone_are_not_offered(self, market: Market, offers: dict[str, str]) -> None:
        with market.work("S02") as work:
            listings.withdraw(work, number=offers["S02"], seller_id=market.party("S02"))
        assert tonnes(ask(market, Wish(quantity_t=5000)).answer.best) == {offers["S01"]: 3000}

    def test_an_expired_listing_is_not_offered(self, market: Market) -> None:
        make_listing(market, "S01", make_issued(market, "S01", 100), 100)
        with market.house.open_reader() as reader:
            later = replace(reader, now=reader.now + timedelta(days=31))
            assert desk.ask(later, Wish(quantity_t=5)).answer.best.lines == ()


class TestRounds:
    def test_a_listing_frozen_in_a_round_is_not_offered(self, market: Market) -> None:
        make_duties(market, E01="10000")
        make_offers(market)
        with market.work() as work:
            rounds.open_round(work, number=ROUND, plan_year=PLAN_YEAR)
            rounds.close(work, number=ROUND)
        assert ask(market, Wish(quantity_t=5)).answer.best.covered_t == 0

    def test_after_a_round_what_it_left_over_is_offered(self, market: Market) -> None:
        make_published_round(market)
        with market.house.open_reader() as reader:
            left = blocks.offered_t(reader, [offer.id for offer in listings.all_open(reader)])
        told = ask(market, Wish(quantity_t=10_000))
        assert told.answer.best.covered_t == sum(map(int, left.values())) == 4_500


class TestNothingIsReserved:
    @pytest.mark.usefixtures("offers")
    def test_asking_changes_nothing(self, market: Market) -> None:
        told = [ask(market, Wish(quantity_t=6000)).answer for _ in range(2)]
        assert told[0] == told[1]
        with market.house.open_reader() as reader:
            on_sale = listings.all_open(reader)
            assert set(blocks.offered_t(reader, [offer.id for offer in on_sale]).values()) == {Tonnes(3000)}
            assert {offer.state for offer in on_sale} == {"OPEN"}
