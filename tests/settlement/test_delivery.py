"""Delivery versus payment: both legs in one transaction or neither, and what is owed to a seller is sent once."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from market.trading import trades
from settlement import clearing, delivery, payments
from settlement.gateway.sdk import Gateway, Payout
from tanyi.app import counter
from tanyi.app.summary import breaches
from tanyi.kernel.clock import system_clock
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Work
from tanyi.ledger import blocks, transfers
from tests.market_makers import Market, make_issued, make_listing, make_published_round, with_faults

AMOUNT_FEN = 30 * 5600


@pytest.fixture
def listing(market: Market) -> str:
    return make_listing(market, "S01", make_issued(market, "S01", 100), 100)


def reserve(market: Market, listing: str, quantity_t: int = 30) -> int:
    """Reserves tonnes for E01 and asks for their price; gives the trade."""
    with market.work("E01") as work:
        asked = clearing.buy(work, listing_number=listing, buyer_id=market.party("E01"), quantity_t=Tonnes(quantity_t))
        (trade_id,) = payments.trades_of(work, [asked.id])
    return trade_id


def fund(market: Market, trade_id: int) -> None:
    house = market.house
    with house.open_reader() as reader:
        (asked,) = payments.uncollected(reader, [trade_id])
    payments.collect(house.gateway, asked)
    house.gateway.deliver(lambda body, header: counter.hear(house, body, header), now=system_clock())
    clearing.handle_events(house.work_opener(), house.gateway)


def books(market: Market) -> tuple[dict[str, int], dict[str, int], str]:
    """Tonnes by holder, balances that are not zero, and the state of the newest trade of E01."""
    codes = {market.party(code): code for code in market.people if code != "R01b"}
    with market.house.open_reader() as reader:
        held: dict[str, int] = {}
        for run in blocks.runs(reader):
            held[codes[run.holder_id]] = held.get(codes[run.holder_id], 0) + int(run.quantity_t)
        balances = {code: int(balance) for code, balance in transfers.balances(reader).items() if balance}
        return held, balances, trades.of_buyer(reader, market.party("E01"))[0].state


def is_sound(market: Market) -> bool:
    with market.house.open_reader() as reader:
        return breaches(reader) == []


# Both legs, or neither


def test_money_and_tonnes_change_hands_together(market: Market, listing: str) -> None:
    trade_id = reserve(market, listing)
    fund(market, trade_id)
    assert books(market)[0] == {"S01": 100}
    with market.work() as work:
        delivery.settle(work, trade_ids=[trade_id])
    held, balances, state = books(market)
    assert (held, state) == ({"S01": 70, "E01": 30}, "SETTLED")
    assert balances == {"outside:gateway": -AMOUNT_FEN, f"payable:{market.party('S01')}": AMOUNT_FEN}
    assert is_sound(market)


def test_what_is_not_paid_is_not_delivered(market: Market, listing: str) -> None:
    trade_id = reserve(market, listing)
    with pytest.raises(transfers.Overdrawn), market.work() as work:
        delivery.settle(work, trade_ids=[trade_id])
    assert books(market)[0] == {"S01": 100}


def test_a_trade_is_settled_once(market: Market, listing: str) -> None:
    trade_id = reserve(market, listing)
    fund(market, trade_id)
    with market.work() as work:
        delivery.settle(work, trade_ids=[trade_id])
    with pytest.raises((transfers.Overdrawn, IntegrityError)), market.work() as work:
        delivery.settle(work, trade_ids=[trade_id])
    assert books(market)[0] == {"S01": 70, "E01": 30}


def test_an_exception_between_the_legs_leaves_nothing(market: Market, listing: str) -> None:
    trade_id = reserve(market, listing)
    fund(market, trade_id)
    before = books(market)
    with pytest.raises(KeyboardInterrupt), market.work() as work:
        _settle_and_stop(work, trade_id)
    assert books(market) == before
    assert clearing.settle_funded(market.house.work_opener()) == 1


def _settle_and_stop(work: Work, trade_id: int) -> None:
    delivery.settle(work, trade_ids=[trade_id])
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_block SET holder_id = :buyer, state = 'FREE', trade_id = NULL WHERE state = 'RESERVED'",
        "UPDATE ledger_block SET holder_id = :buyer WHERE state = 'LISTED'",
        "UPDATE trading_trade SET state = 'SETTLED'",
        (
            "INSERT INTO settlement_settlement SELECT t.id, :buyer, p.payment_id, m.id, now() FROM trading_trade t"
            " JOIN settlement_payment_trade p ON p.trade_id = t.id, ledger_transfer m"
        ),
    ],
)
def test_raw_sql_cannot_make_one_leg_alone(market: Market, listing: str, statement: str) -> None:
    trade_id = reserve(market, listing)
    fund(market, trade_id)
    with pytest.raises(IntegrityError), market.work() as work:
        work.session.execute(text(statement), {"buyer": market.party("E01")})
    assert books(market)[0] == {"S01": 100}


def test_a_purchase_whose_money_was_taken_back_holds_up_no_other(market: Market, listing: str) -> None:
    first, second = reserve(market, listing), reserve(market, listing)
    for trade_id in (first, second):
        fund(market, trade_id)
    with market.house.open_reader() as reader:
        paid = payments.payments_of(reader, [first])[first]
    assert paid.intent is not None
    market.house.gateway.create_refund(paid.intent, idempotency_key="by the bank", amount_fen=1)
    assert counter.clear(market.house) == 1
    with market.house.open_reader() as reader:
        assert [trade.state for trade in trades.by_ids(reader, [first, second])] == ["FUNDED", "SETTLED"]
    assert is_sound(market)


# A round settles whole


def test_a_round_settles_in_one_transaction_or_not_at_all(market: Market) -> None:
    make_published_round(market)
    with market.work() as work:
        (round_id,) = work.session.scalars(text("SELECT id FROM matching_round"))
        asked = clearing.ask_for_round(work, round_id=round_id)
    for payment in asked[:1]:
        payments.collect(market.house.gateway, payment)
    assert counter.clear(market.house) == 0
    assert is_sound(market)
    for payment in asked[1:]:
        payments.collect(market.house.gateway, payment)
    settled = counter.clear(market.house)
    with market.house.open_reader() as reader:
        made = trades.of_round(reader, round_id)
        times = set(reader.session.scalars(text("SELECT DISTINCT settled_at FROM settlement_settlement")))
    assert (len(made), {trade.state for trade in made}, len(times)) == (settled, {"SETTLED"}, 1)
    assert is_sound(market)


def test_asking_for_a_round_again_asks_nobody_twice(market: Market) -> None:
    make_published_round(market)
    with market.work() as work:
        (round_id,) = work.session.scalars(text("SELECT id FROM matching_round"))
        assert len(clearing.ask_for_round(work, round_id=round_id)) == 2
        assert clearing.ask_for_round(work, round_id=round_id) == []


# What sellers are owed


def settled(market: Market, listing: str) -> None:
    counter.purchase(
        market.house,
        actor=market.people["E01"],
        listing=listing,
        buyer_id=market.party("E01"),
        quantity_t=Tonnes(30),
    )


def payouts(market: Market, gateway: Gateway | None = None) -> int:
    return delivery.send_payouts(market.house.work_opener(), gateway or market.house.gateway)


def received_fen(market: Market) -> int:
    with market.house.open_reader() as reader:
        return int(delivery.received_fen(reader, market.party("S01")))


def test_a_seller_is_paid_once(market: Market, listing: str) -> None:
    settled(market, listing)
    assert [payouts(market), payouts(market)] == [1, 0]
    assert received_fen(market) == market.house.gateway.balance_report().paid_out_fen == AMOUNT_FEN
    assert is_sound(market)


def test_a_payout_whose_answer_was_lost_is_sent_once(market: Market, listing: str) -> None:
    settled(market, listing)
    deaf = with_faults(market.house, timeout_permille=1000, timeout_applies_permille=1000).gateway
    with pytest.raises(payments.GatewaySilent):
        payouts(market, deaf)
    assert received_fen(market) == 0
    assert payouts(market) == 1
    assert received_fen(market) == market.house.gateway.balance_report().paid_out_fen == AMOUNT_FEN


class ClosedAccount:
    """The bank of the tests, but every seller's account is closed."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def create_payout(self, **asked: object) -> Payout:
        return self._gateway.create_payout(**(asked | {"destination": "ba_closed"}))  # type: ignore[arg-type]


def test_a_payout_that_failed_stays_owed(market: Market, listing: str) -> None:
    settled(market, listing)
    assert payouts(market, ClosedAccount(market.house.gateway)) == 0  # type: ignore[arg-type]
    assert (received_fen(market), market.house.gateway.balance_report().paid_out_fen) == (0, 0)
    with market.house.open_reader() as reader:
        assert transfers.balances(reader, "payable:")[f"payable:{market.party('S01')}"] == AMOUNT_FEN
    assert is_sound(market)
