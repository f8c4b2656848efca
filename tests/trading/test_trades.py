"""Trades: recorded with their tonnes reserved or not at all, never inside one control group, final once settled."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from market.trading import listings, trades
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.quantities import Money
from tanyi.ledger import blocks
from tests.market_makers import Market, make_actor, make_issued, make_listing


@pytest.fixture
def listing(market: Market) -> listings.Listing:
    number = make_listing(market, "S01", make_issued(market, "S01", 100), 100)
    with market.house.open_reader() as reader:
        return listings.by_number(reader, number)


def deal(listing: listings.Listing, buyer_id: int, quantity_t: int) -> trades.Deal:
    return trades.Deal(listing.id, buyer_id, quantity_t, listing.ask_fen)


def record(market: Market, *deals: trades.Deal) -> list[int]:
    with market.work() as work:
        return trades.record(work, deals=deals)


def tonnes(market: Market) -> dict[str, int]:
    with market.house.open_reader() as reader:
        return {state: int(total_t) for state, total_t in blocks.by_state_t(reader).items()}


def test_a_trade_is_recorded_with_its_tonnes_reserved(market: Market, listing: listings.Listing) -> None:
    (trade_id,) = record(market, deal(listing, market.party("E01"), 30))
    with market.house.open_reader() as reader:
        (trade,) = trades.by_ids(reader, [trade_id])
    assert (trade.state, trade.seller_id, trade.seller_group) == ("RESERVED", market.party("S01"), "G-S01")
    assert trades.amount_fen(trade) == Money(30 * 5600)
    assert tonnes(market) == {"RESERVED": 30, "LISTED": 70}


def test_of_two_trades_that_ask_for_too_much_neither_is_recorded(market: Market, listing: listings.Listing) -> None:
    asked = [deal(listing, market.party(code), 60) for code in ("E01", "E02")]
    with pytest.raises(blocks.InsufficientTonnes):
        record(market, *asked)
    assert tonnes(market) == {"LISTED": 100}


def test_nobody_buys_their_own_tonnes(market: Market, listing: listings.Listing) -> None:
    with pytest.raises(trades.OwnTonnes):
        record(market, deal(listing, market.party("S01"), 1))


def test_no_trade_stays_inside_one_control_group(market: Market, listing: listings.Listing) -> None:
    with market.work() as work:
        sister = make_actor(work, "E99", role="firm", group="G-S01")
    assert sister.organisation_id is not None
    with pytest.raises(trades.OwnTonnes):
        record(market, deal(listing, sister.organisation_id, 1))
    assert tonnes(market) == {"LISTED": 100}


def test_the_database_refuses_a_group_that_is_not_the_partys_own(market: Market, listing: listings.Listing) -> None:
    columns = "listing_id, seller_id, seller_group, buyer_id, buyer_group, quantity_t, price_fen, state, matched_at"
    told = f"{listing.id}, {listing.seller_id}, 'G-S01', {listing.seller_id}, 'G-E01', 1, 5600, 'MATCHED', now()"
    with pytest.raises(IntegrityError), market.work() as work:
        work.session.execute(text(f"INSERT INTO trading_trade ({columns}) VALUES ({told})"))


def test_a_trade_moves_along_its_table_only(market: Market, listing: listings.Listing) -> None:
    ids = record(market, deal(listing, market.party("E01"), 30))
    for was, to in (("RESERVED", "SETTLED"), ("FUNDED", "SETTLED"), ("EXPIRED", "RESERVED")):
        with pytest.raises((WrongState, IntegrityError)), market.work() as work:
            trades.advance(work, trade_ids=ids, was=was, to=to)


def test_a_trade_that_is_not_where_it_is_said_to_be_stops_them_all(market: Market, listing: listings.Listing) -> None:
    ids = record(market, *(deal(listing, market.party(code), 10) for code in ("E01", "E02")))
    with market.work() as work:
        trades.advance(work, trade_ids=ids[:1], was="RESERVED", to="FUNDED")
    with pytest.raises(WrongState), market.work() as work:
        trades.advance(work, trade_ids=ids, was="RESERVED", to="FUNDED")
    with market.house.open_reader() as reader:
        assert [trade.state for trade in trades.by_ids(reader, ids)] == ["FUNDED", "RESERVED"]
