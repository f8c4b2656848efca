"""Covering an event: several listings in one order, one payment, one retirement, whatever is sent twice or fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from market.trading import trades
from settlement import certificates, payments, retirement
from settlement.neutrality import covers, events, offsets, standing
from tanyi.app import event_orders, event_purchase
from tanyi.app.event_orders import CoverOrder
from tanyi.app.summary import breaches
from tanyi.kernel.idempotency import KeyUsedOtherwise
from tanyi.kernel.quantities import Tonnes
from tests.market_makers import Market, make_issued, make_listing, with_faults
from tests.settlement import neutral_events as made

KEY = "key-of-the-test"


@pytest.fixture
def listings(market: Market) -> tuple[str, str]:
    """80 t at 56.00 and 100 t at 50.00: neither is enough for 119 t."""
    dear = make_listing(market, "S01", make_issued(market, "S01", 80), 80)
    cheap = make_listing(market, "S02", make_issued(market, "S02", 100, "P02", "wind"), 100, 5000)
    return dear, cheap


@pytest.fixture
def number(market: Market) -> str:
    return made.accounted(market)


def order(number: str, quantity_t: int = 119, **given: object) -> CoverOrder:
    return replace(CoverOrder(event=number, quantity_t=Tonnes(quantity_t), chosen={}), **given)  # type: ignore[arg-type]


def cover(market: Market, wanted: CoverOrder, key: str = KEY) -> str:
    return event_purchase.cover(market.house, actor=market.people["N01"], order=wanted, key=key)


def bought(market: Market) -> list[trades.Trade]:
    with market.house.open_reader() as reader:
        return trades.of_buyer(reader, market.party("N01"))


def test_one_order_takes_several_listings_pays_once_and_makes_neutral(market: Market, listings, number) -> None:
    retired = cover(market, order(number))
    with market.house.open_reader() as reader:
        event = events.own(reader, number, market.party("N01"))
        found = retirement.by_number(reader, retired)
        assert (found.quantity_t, found.event_id, event.state) == (119, event.id, "NEUTRAL")
        assert certificates.document(reader, retired)
        (told,) = covers.of_event(reader, event.id)
        assert told.retirement_id == found.id
        assert payments.by_id(reader, told.payment_id).captured_fen == 100 * 5000 + 19 * 5600
        assert breaches(reader) == []
    assert sorted(trade.quantity_t for trade in bought(market)) == [19, 100]


def test_chosen_listings_are_taken_as_chosen(market: Market, listings, number) -> None:
    dear, cheap = listings
    cover(market, order(number, chosen={dear: 80, cheap: 39}))
    assert sorted(trade.quantity_t for trade in bought(market)) == [39, 80]


def test_the_same_order_again_buys_nothing_more_and_another_under_its_key_is_refused(
    market: Market, listings, number
) -> None:
    assert cover(market, order(number)) == cover(market, order(number))
    assert len(bought(market)) == 2
    with pytest.raises(KeyUsedOtherwise):
        cover(market, order(number, 50))


def test_what_a_silent_bank_held_up_is_finished_by_sending_it_again(market: Market, listings, number) -> None:
    silent = replace(market, house=with_faults(market.house, unavailable_permille=1000))
    with pytest.raises(payments.GatewaySilent):
        cover(silent, order(number))
    with market.house.open_reader() as reader:
        event = events.own(reader, number, market.party("N01"))
        assert covers.under_way_t(reader, event.id) == 119
    with pytest.raises(offsets.MoreThanMissing):
        cover(market, order(number, 1), key="another-order")
    with pytest.raises(events.PurchaseUnderWay), market.work("N01") as work:
        events.withdraw(work, number=number, organiser_id=market.party("N01"))
    cover(market, order(number))
    assert len(bought(market)) == 2 and made.read(market, number).state == "NEUTRAL"


def test_a_choice_that_does_not_add_up_is_refused(market: Market, listings, number) -> None:
    with pytest.raises(event_orders.ChoiceUnfit):
        cover(market, order(number, chosen={listings[0]: 80}))


def test_more_than_is_on_sale_and_more_than_was_agreed_are_refused_and_nothing_is_bought(
    market: Market, listings, number
) -> None:
    with pytest.raises(event_orders.DearerThanAgreed):
        cover(market, order(number, most_fen=119 * 5000))
    cover(market, order(number, 100), key="first-order-of-two")
    with market.work("N01") as work:
        event = events.own(work, number, market.party("N01"))
        assert standing.of(work, event).missing_t == 19
    with pytest.raises(offsets.MoreThanMissing):
        cover(market, order(number, 20))
    assert len(bought(market)) == 1


def test_too_few_tonnes_on_sale_are_told(market: Market, number) -> None:
    make_listing(market, "S01", make_issued(market, "S01", 80), 80)
    with pytest.raises(event_orders.NotEnoughOnSale) as refused:
        cover(market, order(number))
    assert refused.value.facts == {"covered_t": 80, "asked_t": 119}


def test_the_desk_proposes_what_is_missing(market: Market, listings, number) -> None:
    with market.house.open_reader() as reader:
        told = event_orders.offers(reader, events.own(reader, number, market.party("N01")))
    assert (told.answer.best.covered_t, told.answer.best.cost_fen) == (119, 100 * 5000 + 19 * 5600)


def test_another_organisers_event_cannot_be_covered(market: Market, listings, number) -> None:
    with pytest.raises(events.NotFound):
        event_purchase.cover(market.house, actor=market.people["E01"], order=order(number), key=KEY)


def test_a_declined_payment_gives_all_tonnes_back_and_leaves_nothing_under_way(
    market: Market, listings, number
) -> None:
    poor = replace(market, house=with_faults(market.house, decline_permille=1000))
    with pytest.raises(payments.PaymentDeclined):
        cover(poor, order(number))
    with market.house.open_reader() as reader:
        event = events.own(reader, number, market.party("N01"))
        assert covers.under_way(reader, event.id) == {}
        assert {trade.state for trade in trades.of_buyer(reader, market.party("N01"))} == {"EXPIRED"}
    with market.work("N01") as work:
        events.withdraw(work, number=number, organiser_id=market.party("N01"))
