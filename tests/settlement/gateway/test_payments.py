"""What the bank does with a payment: states, amounts, refunds, payouts and the balance, on a real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from settlement.gateway import tables, wire
from settlement.gateway.bank import EVENT_OF_STATUS
from settlement.gateway.sdk import PAYMENT_INTENT_MOVES, PAYMENT_INTENT_REQUESTS, CardDeclined, InvalidRequest
from tests.settlement.gateway.makers import NOW, count, event_types, in_threads, intent_in, key

# The state machine


def test_a_payment_is_authorised_captured_and_leaves_an_event_for_every_change(gateway, bank) -> None:
    intent = gateway.create_payment_intent(amount_fen=1050, metadata={"trade": "T9"}, idempotency_key="a")
    assert (intent.status, intent.currency, intent.capture_method) == ("requires_payment_method", "cny", "manual")
    assert gateway.confirm(intent.id, idempotency_key="b", payment_method="pm_E01").status == "requires_capture"
    captured = gateway.capture(intent.id, idempotency_key="c")
    assert (captured.status, captured.amount_captured_fen) == ("succeeded", 1050)
    assert gateway.retrieve(intent.id) == captured
    assert event_types(bank, intent.id) == [
        "payment_intent.created",
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
    ]


def test_automatic_capture_takes_the_money_at_confirmation(gateway) -> None:
    intent = gateway.create_payment_intent(
        amount_fen=70, metadata={}, idempotency_key="a", capture_method="automatic", payment_method="pm_E01"
    )
    assert intent.status == "requires_confirmation"
    confirmed = gateway.confirm(intent.id, idempotency_key="b")
    assert (confirmed.status, confirmed.amount_captured_fen) == ("succeeded", 70)


@pytest.mark.parametrize("status", PAYMENT_INTENT_MOVES)
@pytest.mark.parametrize("request_name", PAYMENT_INTENT_REQUESTS)
def test_a_request_is_possible_exactly_in_the_states_of_the_table(gateway, bank, status, request_name) -> None:
    intent_id = intent_in(gateway, status)
    before = (gateway.retrieve(intent_id), count(bank, "event"), count(bank, "idempotency"))
    requests = {
        "confirm": lambda: gateway.confirm(intent_id, idempotency_key=key(), payment_method="pm_E01"),
        "authenticate": lambda: gateway.authenticate(intent_id, idempotency_key=key()),
        "capture": lambda: gateway.capture(intent_id, idempotency_key=key()),
        "cancel": lambda: gateway.cancel(intent_id, idempotency_key=key()),
        "refund": lambda: gateway.create_refund(intent_id, idempotency_key=key()),
    }
    if status in PAYMENT_INTENT_REQUESTS[request_name]:
        requests[request_name]()
        assert gateway.retrieve(intent_id) != before[0]
    else:
        with pytest.raises(InvalidRequest) as refused:
            requests[request_name]()
        assert refused.value.code == "payment_intent_unexpected_state"
        assert (gateway.retrieve(intent_id), count(bank, "event"), count(bank, "idempotency")) == before


def test_every_state_is_reached_and_two_are_final() -> None:
    seen, frontier = set(), ["requires_payment_method"]
    while frontier:
        state = frontier.pop()
        seen.add(state)
        frontier += [following for following in PAYMENT_INTENT_MOVES[state] if following not in seen]
    assert seen == set(PAYMENT_INTENT_MOVES)
    assert {state for state, following in PAYMENT_INTENT_MOVES.items() if not following} == {"succeeded", "canceled"}
    assert set(EVENT_OF_STATUS) == set(PAYMENT_INTENT_MOVES) - {"requires_confirmation"}


def test_a_declined_payment_may_be_tried_again_with_another_method(gateway, bank) -> None:
    intent_id = intent_in(gateway, "requires_payment_method")
    with pytest.raises(CardDeclined) as declined:
        gateway.confirm(intent_id, idempotency_key=key(), payment_method="pm_card_chargeDeclinedInsufficientFunds")
    assert (declined.value.code, declined.value.decline_code) == ("card_declined", "insufficient_funds")
    assert declined.value.intent == gateway.retrieve(intent_id)
    assert declined.value.intent.status == "requires_payment_method"
    confirmed = gateway.confirm(intent_id, idempotency_key=key(), payment_method="pm_E01")
    assert (confirmed.status, confirmed.last_error) == ("requires_capture", None)
    assert "payment_intent.payment_failed" in event_types(bank, intent_id)


def test_a_payment_without_a_method_cannot_be_confirmed(gateway) -> None:
    with pytest.raises(InvalidRequest):
        gateway.confirm(intent_in(gateway, "requires_payment_method"), idempotency_key=key())


def test_the_payer_may_refuse_on_the_banks_own_page(gateway) -> None:
    intent_id = intent_in(gateway, "requires_action")
    refused = gateway.authenticate(intent_id, idempotency_key=key(), is_approved=False)
    assert (refused.status, refused.last_error.code) == (
        "requires_payment_method",
        "payment_intent_authentication_failure",
    )


@pytest.mark.parametrize(
    ("method", "ending"), [("pm_bank_slow", "requires_capture"), ("pm_bank_slowDeclined", "requires_payment_method")]
)
def test_a_slow_payment_ends_when_its_time_has_come_and_not_before(gateway, method, ending) -> None:
    intent = gateway.create_payment_intent(amount_fen=9, metadata={}, idempotency_key="a", payment_method=method)
    assert gateway.confirm(intent.id, idempotency_key="b").status == "processing"
    assert gateway.advance(now=NOW + timedelta(seconds=59)) == 0
    assert gateway.advance(now=NOW + timedelta(seconds=60)) == 1
    assert gateway.retrieve(intent.id).status == ending
    assert gateway.advance(now=NOW + timedelta(days=1)) == 0


def test_capture_takes_at_most_what_was_authorised_and_only_once(gateway) -> None:
    intent_id = intent_in(gateway, "requires_capture", amount_fen=1000)
    with pytest.raises(InvalidRequest):
        gateway.capture(intent_id, idempotency_key=key(), amount_fen=1001)
    assert gateway.capture(intent_id, idempotency_key=key(), amount_fen=400).amount_captured_fen == 400
    with pytest.raises(InvalidRequest):
        gateway.capture(intent_id, idempotency_key=key(), amount_fen=600)
    assert gateway.balance_report().captured_fen == 400


@pytest.mark.parametrize("amount_fen", [0, -1, 1.0, "10", True, None, 10**15 + 1, float("nan")])
def test_an_amount_that_is_not_a_positive_whole_number_is_refused(gateway, bank, amount_fen) -> None:
    with pytest.raises(InvalidRequest):
        gateway.create_payment_intent(amount_fen=amount_fen, metadata={}, idempotency_key="a")
    assert count(bank, "payment_intent") == count(bank, "idempotency") == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"idempotency_key": ""},
        {"idempotency_key": "k" * 256},
        {"idempotency_key": "nul\x00"},
        {"metadata": {"a": 1}},
        {"metadata": {"a": "\ud800"}},
        {"metadata": {"a": "b" * 501}},
        {"metadata": {str(number): "a" for number in range(51)}},
        {"metadata": None},
        {"capture_method": "later"},
        {"capture_method": []},
        {"payment_method": "card"},
        {"payment_method": ""},
    ],
)
def test_a_malformed_request_is_refused_with_nothing_changed(gateway, bank, wrong) -> None:
    with pytest.raises(InvalidRequest):
        gateway.create_payment_intent(**({"amount_fen": 1, "metadata": {}, "idempotency_key": "a"} | wrong))
    assert count(bank, "payment_intent") == count(bank, "idempotency") == 0


@pytest.mark.parametrize("intent_id", ["pi_none", "pi_'; DROP TABLE gateway.event; --", "\x00", ""])
def test_an_id_that_names_nothing_is_refused(gateway, intent_id) -> None:
    with pytest.raises(InvalidRequest):
        gateway.retrieve(intent_id)
    with pytest.raises(InvalidRequest):
        gateway.cancel(intent_id, idempotency_key=key())


def test_intents_are_found_by_what_their_metadata_contain(gateway) -> None:
    for trade in ("T1", "T2", "T2"):
        metadata = {"trade": trade, "firm": "E01"}
        gateway.create_payment_intent(amount_fen=5, metadata=metadata, idempotency_key=key())
    found = gateway.list_payment_intents(metadata={"trade": "T2"})
    assert [intent.metadata["trade"] for intent in found] == ["T2", "T2"]
    assert gateway.list_payment_intents(metadata={"trade": "T3"}) == ()
    with pytest.raises(InvalidRequest):
        gateway.list_payment_intents(metadata={})


# Refunds, payouts, balance


def test_refunds_are_partial_and_repeated_and_never_above_what_was_captured(gateway, bank) -> None:
    intent_id = intent_in(gateway, "succeeded", amount_fen=1000)
    intent_in(gateway, "succeeded", amount_fen=5000)  # the bank holds other people's money besides
    gateway.create_refund(intent_id, idempotency_key=key(), amount_fen=300)
    gateway.create_refund(intent_id, idempotency_key=key(), amount_fen=600)
    with pytest.raises(InvalidRequest) as refused:
        gateway.create_refund(intent_id, idempotency_key=key(), amount_fen=101)
    assert refused.value.code == "amount_too_large"
    assert gateway.create_refund(intent_id, idempotency_key=key()).amount_fen == 100
    with pytest.raises(InvalidRequest) as refused:
        gateway.create_refund(intent_id, idempotency_key=key())
    assert refused.value.code == "charge_already_refunded"
    assert gateway.retrieve(intent_id).amount_refunded_fen == 1000
    assert [refund.amount_fen for refund in gateway.list_refunds(intent_id)] == [300, 600, 100]
    assert event_types(bank, wire.charge_id(intent_id)) == ["charge.refunded"] * 3


def test_refunds_at_the_same_time_together_never_exceed_what_was_captured(gateway) -> None:
    intent_id = intent_in(gateway, "succeeded", amount_fen=1000)

    def refund(_: int) -> int:
        try:
            return gateway.create_refund(intent_id, idempotency_key=key(), amount_fen=300).amount_fen
        except InvalidRequest:
            return 0

    assert sum(in_threads(refund, 8)) == 900
    assert gateway.retrieve(intent_id).amount_refunded_fen == gateway.balance_report().refunded_fen == 900


def test_payouts_at_the_same_time_never_spend_one_balance_twice(gateway) -> None:
    intent_in(gateway, "succeeded", amount_fen=1000)

    def pay_out(_: int) -> int:
        try:
            return gateway.create_payout(
                amount_fen=400, destination="ba_P01", metadata={}, idempotency_key=key()
            ).amount_fen
        except InvalidRequest:
            return 0

    assert sum(in_threads(pay_out, 8)) == 800
    assert gateway.balance_report().available_fen == 200


def test_the_balance_report_adds_up_and_equals_the_guard(gateway, bank) -> None:
    intent_id = intent_in(gateway, "succeeded", amount_fen=1000)
    intent_in(gateway, "requires_capture", amount_fen=7777)
    gateway.create_refund(intent_id, idempotency_key=key(), amount_fen=150)
    paid = gateway.create_payout(amount_fen=700, destination="ba_P01", metadata={"trade": "T1"}, idempotency_key=key())
    failed = gateway.create_payout(amount_fen=99, destination="ba_closed", metadata={"t": "x"}, idempotency_key=key())
    assert (paid.status, failed.status, failed.failure_code) == ("paid", "failed", "account_closed")
    assert gateway.list_payouts(metadata={"trade": "T1"}) == (paid,)
    report = gateway.balance_report()
    assert (report.captured_fen, report.refunded_fen, report.paid_out_fen) == (1000, 150, 700)
    assert report.available_fen == 150
    with bank.connect() as connection:
        guard = connection.execute(select(tables.balance)).one()
    assert (guard.captured_fen, guard.refunded_fen, guard.paid_out_fen) == (1000, 150, 700)
    with pytest.raises(InvalidRequest):
        gateway.create_payout(amount_fen=151, destination="ba_P01", metadata={}, idempotency_key=key())


def test_an_empty_bank_reports_nothing_and_pays_nothing(gateway) -> None:
    assert gateway.balance_report().available_fen == 0
    with pytest.raises(InvalidRequest) as refused:
        gateway.create_payout(amount_fen=1, destination="ba_P01", metadata={}, idempotency_key=key())
    assert refused.value.code == "balance_insufficient"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_refunded_fen": 1001},
        {"amount_captured_fen": 1001},
        {"status": "processing"},
        {"currency": "usd"},
        {"status": "requires_capture"},
    ],
)
def test_the_books_themselves_refuse_what_the_bank_would_never_do(gateway, bank, changes) -> None:
    intent_in(gateway, "succeeded", amount_fen=1000)
    with pytest.raises(IntegrityError), bank.begin() as connection:
        connection.execute(update(tables.payment_intent).values(**changes))
