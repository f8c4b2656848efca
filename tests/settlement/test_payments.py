"""Payments against a bank that fails: nothing is charged twice, nothing late moves a finished payment back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from market.trading import trades
from settlement import clearing, payments
from settlement.gateway.sdk import PaymentIntent
from settlement.gateway.signing import WebhookKey
from settlement.tables import Payment
from tanyi.app import counter
from tanyi.kernel.clock import system_clock
from tanyi.kernel.errors import Refusal
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks, transfers
from tests.market_makers import KEY, Market, make_issued, make_listing, with_faults

DECLINED = "pm_card_chargeDeclined"
AMOUNT_FEN = 30 * 5600


@pytest.fixture
def payment(market: Market) -> Payment:
    """30 t reserved for E01, not yet paid."""
    number = make_listing(market, "S01", make_issued(market, "S01", 100), 100)
    with market.work("E01") as work:
        return clearing.buy(work, listing_number=number, buyer_id=market.party("E01"), quantity_t=Tonnes(30))


def stored(market: Market) -> Payment:
    with market.house.open_reader() as reader:
        (found,) = payments.payments_of(
            reader, [trade.id for trade in trades.of_buyer(reader, market.party("E01"))]
        ).values()
        return found


def trade_state(market: Market) -> str:
    with market.house.open_reader() as reader:
        return trades.of_buyer(reader, market.party("E01"))[0].state


def escrow_fen(market: Market) -> int:
    with market.house.open_reader() as reader:
        return sum(int(balance) for balance in transfers.balances(reader, "escrow:").values())


def tonnes(market: Market) -> dict[str, int]:
    with market.house.open_reader() as reader:
        return {state: int(total_t) for state, total_t in blocks.by_state_t(reader).items()}


def charged_fen(market: Market) -> int:
    return market.house.gateway.balance_report().captured_fen


def hear_and_handle(market: Market) -> None:
    house = market.house
    house.gateway.deliver(lambda body, header: counter.hear(house, body, header), now=system_clock(), limit=1000)
    clearing.handle_events(house.work_opener(), house.gateway)


def event(kind: str = "payment_intent.succeeded", event_id: str = "evt_1", subject: str = "pi_1") -> bytes:
    return json.dumps({"id": event_id, "type": kind, "data": {"object": {"id": subject}}}).encode()


def receive(market: Market, body: bytes, header: str) -> None:
    with market.work() as work:
        payments.receive(work, body=body, header=header, key=KEY)


def waiting(market: Market) -> list[tuple[str, str, str]]:
    with market.house.open_reader() as reader:
        return payments.unhandled(reader)


# Who may speak for the bank


def bad_headers() -> dict[str, str]:
    now, body = datetime.now(UTC), event()
    return {
        "missing": "",
        "of another key": WebhookKey("whsec_other").sign(body, at=now),
        "of another body": KEY.sign(event(event_id="evt_2"), at=now),
        "too old": KEY.sign(body, at=now - timedelta(seconds=310)),
        "from the future": KEY.sign(body, at=now + timedelta(seconds=310)),
        "without a time": KEY.sign(body, at=now).partition(",")[2],
        "cut short": KEY.sign(body, at=now)[:-1],
        "not ASCII": "t=1,v1=签",
    }


@pytest.mark.parametrize("what", sorted(bad_headers()))
def test_an_event_with_a_bad_signature_is_refused_and_not_kept(market: Market, what: str) -> None:
    with pytest.raises(payments.WebhookRefused):
        receive(market, event(), bad_headers()[what])
    assert waiting(market) == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b"null", b'{"id":"e","type":"t","data":{"object":[]}}', b"[" * 100_000]
)
def test_a_signed_event_that_cannot_be_read_is_refused(market: Market, body: bytes) -> None:
    with pytest.raises(payments.WebhookUnreadable):
        receive(market, body, KEY.sign(body, at=datetime.now(UTC)))


def test_the_webhook_answers_the_bank_with_a_status(market: Market) -> None:
    header = KEY.sign(event(), at=datetime.now(UTC))
    assert (counter.hear(market.house, event(), header), counter.hear(market.house, event(), "")) == (200, 400)


def test_the_same_event_five_times_is_taken_in_once(market: Market) -> None:
    for _ in range(5):
        receive(market, event(), KEY.sign(event(), at=datetime.now(UTC)))
    assert waiting(market) == [("evt_1", "payment_intent.succeeded", "pi_1")]


# Collecting


def test_a_collected_payment_stands_in_its_own_escrow_and_funds_its_trade(market: Market, payment: Payment) -> None:
    payments.collect(market.house.gateway, payment)
    assert (escrow_fen(market), trade_state(market)) == (0, "RESERVED")  # the books follow signed events alone
    hear_and_handle(market)
    assert (escrow_fen(market), trade_state(market)) == (AMOUNT_FEN, "FUNDED")
    assert (stored(market).status, stored(market).captured_fen) == ("succeeded", AMOUNT_FEN)


def test_collecting_again_charges_nothing_more(market: Market, payment: Payment) -> None:
    for _ in range(3):
        payments.collect(market.house.gateway, payment)
    hear_and_handle(market)
    assert (charged_fen(market), escrow_fen(market)) == (AMOUNT_FEN, AMOUNT_FEN)


@pytest.mark.parametrize("seed", range(3))
def test_a_bank_that_falls_silent_is_asked_again_and_charges_once(market: Market, payment: Payment, seed: int) -> None:
    shaky = with_faults(market.house, seed=seed, timeout_permille=400, unavailable_permille=100).gateway
    silent = 0
    for _ in range(60):
        try:
            payments.collect(shaky, payment)
            break
        except payments.GatewaySilent:
            silent += 1
    hear_and_handle(market)
    assert (charged_fen(market), escrow_fen(market), trade_state(market)) == (AMOUNT_FEN, AMOUNT_FEN, "FUNDED")
    assert silent < 60


def test_a_declined_payment_charges_nothing_and_can_be_tried_again(market: Market, payment: Payment) -> None:
    gateway = market.house.gateway
    for _ in range(2):
        with pytest.raises(payments.PaymentDeclined):
            payments.collect(gateway, payment, payment_method=DECLINED)
    assert charged_fen(market) == 0
    payments.collect(gateway, payment)
    hear_and_handle(market)
    assert (charged_fen(market), trade_state(market)) == (AMOUNT_FEN, "FUNDED")


def test_a_declined_purchase_puts_the_tonnes_back_on_sale(market: Market) -> None:
    number = make_listing(market, "S01", make_issued(market, "S01", 100), 100)
    buyer = market.people["E01"]
    declining = with_faults(market.house, decline_permille=1000)
    with pytest.raises(payments.PaymentDeclined):
        counter.purchase(declining, actor=buyer, listing=number, buyer_id=market.party("E01"), quantity_t=Tonnes(100))
    assert (charged_fen(market), tonnes(market), trade_state(market)) == (0, {"LISTED": 100}, "EXPIRED")
    counter.purchase(market.house, actor=buyer, listing=number, buyer_id=market.party("E01"), quantity_t=Tonnes(100))
    assert trade_state(market) == "SETTLED"


def test_a_request_that_the_bank_takes_for_wrong_is_a_conflict_and_not_silence(
    market: Market, payment: Payment
) -> None:
    other = {"payment": payment.number, "of": "somebody else"}
    market.house.gateway.create_payment_intent(amount_fen=1, metadata=other, idempotency_key=f"{payment.number}:create")
    with pytest.raises(payments.GatewayRefused):
        payments.collect(market.house.gateway, payment)


def test_a_payment_that_was_captured_cannot_be_cancelled(market: Market, payment: Payment) -> None:
    payments.collect(market.house.gateway, payment)
    with pytest.raises(payments.GatewayRefused):
        payments.cancel(market.house.gateway, payment)
    hear_and_handle(market)
    assert trade_state(market) == "FUNDED"


def test_cancelling_twice_is_cancelling_once(market: Market, payment: Payment) -> None:
    with pytest.raises(payments.PaymentDeclined):
        payments.collect(market.house.gateway, payment, payment_method=DECLINED)
    for _ in range(2):
        payments.cancel(market.house.gateway, payment)
    assert charged_fen(market) == 0


# What the bank says is applied as a difference, and ranks only rise


def intent_of(market: Market, payment: Payment, **told: int | str) -> PaymentIntent:
    plain = PaymentIntent(
        id="pi_1",
        amount_fen=payment.amount_fen,
        currency="cny",
        status="succeeded",
        capture_method="manual",
        metadata={"payment": payment.number},
        payment_method=None,
        amount_captured_fen=payment.amount_fen,
        amount_refunded_fen=0,
        last_error=None,
        created_at=datetime.now(UTC),
    )
    return msgspec.structs.replace(plain, **told)


@pytest.fixture
def say(market: Market, payment: Payment) -> Callable[..., bool]:
    """Applies what the bank would say of the payment's intent."""

    def apply(**told: int | str) -> bool:
        with market.work() as work:
            return payments.apply(work, intent=intent_of(market, payment, **told))

    return apply


def test_less_than_the_amount_does_not_fund_a_trade(market: Market, say: Callable[..., bool]) -> None:
    assert say(amount_captured_fen=AMOUNT_FEN - 1) is False
    assert (escrow_fen(market), trade_state(market)) == (AMOUNT_FEN - 1, "RESERVED")


def test_the_same_news_twice_counts_once(market: Market, say: Callable[..., bool]) -> None:
    assert [say(), say()] == [True, False]
    assert escrow_fen(market) == AMOUNT_FEN


@pytest.mark.parametrize("late", ["requires_payment_method", "requires_confirmation", "processing", "requires_capture"])
def test_late_news_never_moves_a_finished_payment_back(market: Market, say: Callable[..., bool], late: str) -> None:
    say()
    assert say(status=late, amount_captured_fen=0) is False
    assert (stored(market).status, stored(market).captured_fen) == ("succeeded", AMOUNT_FEN)
    assert (escrow_fen(market), trade_state(market)) == (AMOUNT_FEN, "FUNDED")


def test_a_refund_figure_is_cumulative_and_applied_as_a_difference(market: Market, say: Callable[..., bool]) -> None:
    say()
    left = []
    for refunded_fen in (1000, 1000, 3000, 2000):
        say(amount_refunded_fen=refunded_fen)
        left.append(escrow_fen(market))
    assert left == [AMOUNT_FEN - 1000, AMOUNT_FEN - 1000, AMOUNT_FEN - 3000, AMOUNT_FEN - 3000]
    assert stored(market).refunded_fen == 3000


def test_the_intent_of_a_stranger_changes_nothing(market: Market, payment: Payment) -> None:
    gateway = market.house.gateway
    gateway.create_payment_intent(amount_fen=7, metadata={"order": "1"}, idempotency_key="stranger")
    payments.collect(gateway, payment)
    hear_and_handle(market)
    assert (waiting(market), escrow_fen(market)) == ([], AMOUNT_FEN)


@pytest.mark.parametrize("seed", range(3))
def test_events_late_doubled_and_out_of_order_count_once(market: Market, payment: Payment, seed: int) -> None:
    shaky = with_faults(
        market.house, seed=seed, duplicate_permille=800, is_shuffled=True, lost_acknowledgement_permille=300
    )
    payments.collect(shaky.gateway, payment)
    for minutes in (0, 60, 6000):
        at = system_clock() + timedelta(minutes=minutes)
        shaky.gateway.deliver(lambda body, _: counter.hear(shaky, body, _fresh(body)), now=at)
        clearing.handle_events(shaky.work_opener(), shaky.gateway)
    assert (escrow_fen(market), trade_state(market), waiting(market)) == (AMOUNT_FEN, "FUNDED", [])


def _fresh(body: bytes) -> str:
    return KEY.sign(body, at=datetime.now(UTC))


def test_money_that_comes_after_the_trade_has_ended_is_given_back(market: Market, payment: Payment) -> None:
    payments.collect(market.house.gateway, payment)
    with market.work() as work:
        clearing.give_back(work, payment_id=payment.id)
    for _ in range(2):
        counter.clear(market.house)
    report = market.house.gateway.balance_report()
    assert (trade_state(market), tonnes(market), escrow_fen(market)) == ("EXPIRED", {"LISTED": 100}, 0)
    assert (report.captured_fen, report.refunded_fen) == (AMOUNT_FEN, AMOUNT_FEN)


def test_one_event_that_cannot_be_applied_holds_up_no_other(
    market: Market, payment: Payment, say: Callable[..., bool]
) -> None:
    # The bank names an intent that it then does not know; the event behind it is handled all the same.
    odd = event(event_id="evt_0", subject="pi_unknown")
    receive(market, odd, KEY.sign(odd, at=datetime.now(UTC)))
    payments.collect(market.house.gateway, payment)
    hear_and_handle(market)
    assert trade_state(market) == "FUNDED"
    assert [each[0] for each in waiting(market)] == ["evt_0"]


def test_a_refusal_of_the_bank_has_one_of_the_five_kinds() -> None:
    kinds = [payments.GatewayRefused, payments.GatewaySilent, payments.PaymentDeclined]
    assert len({kind.code for kind in kinds}) == 3
    assert all(issubclass(kind, Refusal) for kind in kinds)
