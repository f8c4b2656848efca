"""One key, one request, one effect, one answer: in sequence and in flight."""

from __future__ import annotations

import msgspec
import pytest

from settlement.gateway.sdk import CardDeclined, IdempotencyConflict, InvalidRequest
from tests.settlement.gateway.makers import count, event_types, in_threads, intent_in, key


def test_the_same_key_with_the_same_request_answers_the_same(gateway, bank) -> None:
    intent_id = intent_in(gateway, "requires_capture")
    first = gateway.capture(intent_id, idempotency_key="c")
    gateway.create_refund(intent_id, idempotency_key="r", amount_fen=10)
    events = count(bank, "event")
    assert gateway.capture(intent_id, idempotency_key="c") == first
    assert gateway.create_refund(intent_id, idempotency_key="r", amount_fen=10).amount_fen == 10
    assert gateway.balance_report().refunded_fen == 10
    assert count(bank, "event") == events


@pytest.mark.parametrize("other", [{"amount_fen": 2}, {"metadata": {"a": "b"}}, {"payment_method": "pm_E01"}])
def test_the_same_key_with_another_body_is_refused(gateway, bank, other) -> None:
    asked = {"amount_fen": 1, "metadata": {}, "idempotency_key": "a"}
    gateway.create_payment_intent(**asked)
    with pytest.raises(IdempotencyConflict):
        gateway.create_payment_intent(**(asked | other))
    assert count(bank, "payment_intent") == 1


def test_the_same_key_for_another_operation_is_refused(gateway) -> None:
    intent_id = intent_in(gateway, "requires_capture")
    gateway.capture(intent_id, idempotency_key="a")
    with pytest.raises(IdempotencyConflict):
        gateway.cancel(intent_id, idempotency_key="a")


def test_the_order_of_metadata_makes_no_other_request(gateway) -> None:
    one = gateway.create_payment_intent(amount_fen=1, metadata={"a": "1", "b": "2"}, idempotency_key="a")
    assert gateway.create_payment_intent(amount_fen=1, metadata={"b": "2", "a": "1"}, idempotency_key="a") == one


def test_a_decline_is_remembered_under_its_key(gateway, bank) -> None:
    intent_id = intent_in(gateway, "requires_payment_method")
    for _ in range(2):
        with pytest.raises(CardDeclined):
            gateway.confirm(intent_id, idempotency_key="c", payment_method="pm_card_chargeDeclined")
    assert event_types(bank, intent_id).count("payment_intent.payment_failed") == 1


def test_a_refused_request_leaves_its_key_free(gateway) -> None:
    intent_id = intent_in(gateway, "requires_capture", amount_fen=100)
    with pytest.raises(InvalidRequest):
        gateway.capture(intent_id, idempotency_key="c", amount_fen=101)
    assert gateway.capture(intent_id, idempotency_key="c", amount_fen=100).status == "succeeded"


def test_twins_in_flight_have_one_effect_and_one_answer(gateway, bank) -> None:
    def create(_: int) -> str:
        return gateway.create_payment_intent(amount_fen=5, metadata={}, idempotency_key="twin").id

    assert len(set(in_threads(create, 8))) == 1
    assert count(bank, "payment_intent") == count(bank, "event") == 1


def test_twins_that_capture_both_hear_that_it_succeeded(gateway, bank) -> None:
    for _ in range(5):
        intent_id = intent_in(gateway, "requires_capture")
        shared = key()
        answers = in_threads(lambda _, pi=intent_id, k=shared: gateway.capture(pi, idempotency_key=k), 6)
        assert len({msgspec.json.encode(answer) for answer in answers}) == 1
        assert event_types(bank, intent_id).count("payment_intent.succeeded") == 1


def test_of_two_in_flight_with_one_key_and_other_bodies_one_is_refused(gateway, bank) -> None:
    def create(number: int) -> str:
        try:
            asked = {"amount_fen": 1 + number, "metadata": {}, "idempotency_key": "twin"}
            return gateway.create_payment_intent(**asked).id
        except IdempotencyConflict:
            return "refused"

    assert in_threads(create, 6).count("refused") == 5
    assert count(bank, "payment_intent") == 1
