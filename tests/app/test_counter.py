"""The counter: buying, hearing the bank, settling a round; each may stop anywhere and is finished by being repeated."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from market.trading import trades
from settlement import certificates, clearing, delivery, payments, retirement
from settlement.certificate_format import verify
from settlement.neutrality import events
from tanyi.app import counter
from tanyi.app.summary import breaches
from tanyi.kernel.clock import system_clock
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks
from tests.market_makers import Market, make_issued, make_listing, make_published_round, with_faults


@pytest.fixture
def listing(market: Market) -> str:
    return make_listing(market, "S01", make_issued(market, "S01", 200), 200)


def purchase(market: Market, listing: str, quantity_t: int = 119) -> payments.Payment:
    return counter.purchase(
        market.house,
        actor=market.people["N01"],
        listing=listing,
        buyer_id=market.party("N01"),
        quantity_t=Tonnes(quantity_t),
    )


def bought(market: Market) -> list[trades.Trade]:
    with market.house.open_reader() as reader:
        return trades.of_buyer(reader, market.party("N01"))


def tonnes(market: Market) -> dict[str, int]:
    with market.house.open_reader() as reader:
        return {state: int(total_t) for state, total_t in blocks.by_state_t(reader).items()}


def is_sound(market: Market) -> bool:
    with market.house.open_reader() as reader:
        return breaches(reader) == []


def test_a_purchase_is_paid_delivered_and_held(market: Market, listing: str) -> None:
    purchase(market, listing)
    assert [trade.state for trade in bought(market)] == ["SETTLED"]
    with market.house.open_reader() as reader:
        assert sum(blocks.free_t(reader, market.party("N01")).values(), Tonnes(0)) == 119
    assert is_sound(market)


def test_news_that_a_dead_worker_took_with_it_is_asked_for_at_the_bank(market: Market, listing: str) -> None:
    with market.work("N01") as work:
        payment = clearing.buy(work, listing_number=listing, buyer_id=market.party("N01"), quantity_t=Tonnes(119))
    payments.collect(market.house.gateway, payment)
    market.house.gateway.deliver(lambda *_: 500, now=system_clock())  # comes again in five seconds
    counter.collect(market.house, [trade.id for trade in bought(market)])
    assert [trade.state for trade in bought(market)] == ["SETTLED"]
    assert is_sound(market)


def test_a_purchase_that_stopped_before_it_was_paid_is_finished_later(market: Market, listing: str) -> None:
    with market.work("N01") as work:
        clearing.buy(work, listing_number=listing, buyer_id=market.party("N01"), quantity_t=Tonnes(119))
    counter.clear(market.house)
    assert [trade.state for trade in bought(market)] == ["RESERVED"]
    for _ in range(2):
        counter.collect(market.house, [trade.id for trade in bought(market)])
    assert [trade.state for trade in bought(market)] == ["SETTLED"]
    assert market.house.gateway.balance_report().captured_fen == 119 * 5600


def test_a_purchase_that_stopped_before_the_news_was_heard_is_finished_later(market: Market, listing: str) -> None:
    with market.work("N01") as work:
        payment = clearing.buy(work, listing_number=listing, buyer_id=market.party("N01"), quantity_t=Tonnes(119))
    payments.collect(market.house.gateway, payment)
    assert counter.clear(market.house) == 1
    assert [trade.state for trade in bought(market)] == ["SETTLED"]


def test_a_purchase_that_was_cancelled_at_the_bank_gives_its_tonnes_back(market: Market, listing: str) -> None:
    with market.work("N01") as work:
        payment = clearing.buy(work, listing_number=listing, buyer_id=market.party("N01"), quantity_t=Tonnes(119))
    with pytest.raises(payments.PaymentDeclined):
        payments.collect(market.house.gateway, payment, payment_method="pm_card_chargeDeclined")
    payments.cancel(market.house.gateway, payment)  # and here the process ends
    with pytest.raises(payments.PaymentDeclined):
        counter.pay(market.house, actor=market.people["N01"], payment=payment)
    assert (tonnes(market), bought(market)[0].state) == ({"LISTED": 200}, "EXPIRED")


def test_tonnes_are_retired_for_an_event_and_certified(market: Market, listing: str) -> None:
    purchase(market, listing)
    with market.work("N01") as work:
        event_id = events.name_event(
            work, organiser_id=market.party("N01"), name="低碳论坛", held_on=date(2026, 9, 1), place="石家庄"
        )
    number = counter.retire_for_event(
        market.house,
        actor=market.people["N01"],
        trade_ids=[trade.id for trade in bought(market)],
        event_id=event_id,
        beneficiary=None,
    )
    with market.house.open_reader() as reader:
        found = verify(certificates.document(reader, number), market.house.public_keys())
        assert int(delivery.received_fen(reader, market.party("S01"))) == 119 * 5600
    assert (found.payload.tonnes, found.payload.purpose) == (119, "VOLUNTARY_EVENT")
    assert tonnes(market) == {"RETIRED": 119, "LISTED": 81}


@pytest.mark.parametrize("seed", range(3))
def test_a_round_is_settled_whatever_the_bank_does_if_it_is_asked_again(market: Market, seed: int) -> None:
    number = make_published_round(market)
    shaky = with_faults(
        market.house,
        seed=seed,
        timeout_permille=200,
        unavailable_permille=100,
        duplicate_permille=500,
        is_shuffled=True,
    )
    for _ in range(60):
        try:
            counter.settle_round(shaky, number)
            break
        except payments.GatewaySilent:
            continue
    counter.settle_round(market.house, number)
    report = market.house.gateway.balance_report()
    with market.house.open_reader() as reader:
        assert retirement.total_t(reader) == 1500
    assert report.captured_fen == report.paid_out_fen == 750 * 5600 + 750 * 5000
    assert is_sound(market)


def test_several_who_clear_at_once_do_not_get_in_each_others_way(market: Market, listing: str) -> None:
    for _ in range(5):
        with market.work("N01") as work:
            payment = clearing.buy(work, listing_number=listing, buyer_id=market.party("N01"), quantity_t=Tonnes(10))
        payments.collect(market.house.gateway, payment)
    start = threading.Barrier(4)

    def clear(_: int) -> int:
        start.wait(timeout=10)
        return counter.clear(market.house)

    with ThreadPoolExecutor(4) as threads:
        settled = list(threads.map(clear, range(4)))
    counter.clear(market.house)
    assert sum(settled) <= 5
    assert {trade.state for trade in bought(market)} == {"SETTLED"}
    assert is_sound(market)


def test_two_who_send_payouts_at_once_send_each_once(market: Market, listing: str) -> None:
    purchase(market, listing)
    start = threading.Barrier(2)

    def finish(_: int) -> None:
        start.wait(timeout=10)
        counter.finish(market.house)

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(finish, range(2)))
    assert market.house.gateway.balance_report().paid_out_fen == 119 * 5600
    assert is_sound(market)
