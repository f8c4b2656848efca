"""Events come signed, at least once, in the shape that Stripe gives them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select, update

from settlement.gateway import deliveries, tables, wire
from settlement.gateway.sdk import CardDeclined, InvalidRequest, NoSuchObject
from tests.settlement.gateway.makers import NOW, Inbox, in_threads, intent_in, key, open_gateway

# Deliveries


def test_an_acknowledged_event_is_delivered_once(gateway) -> None:
    intent_in(gateway, "succeeded")
    inbox = Inbox()
    delivered = gateway.deliver(inbox, now=NOW)
    assert (delivered.event_count, delivered.acknowledged_count, delivered.failed_count) == (3, 3, 0)
    assert gateway.deliver(inbox, now=NOW + timedelta(days=1)).event_count == 0
    assert len(inbox.events) == 3


@pytest.mark.parametrize("status", [199, 300, 400, 500, 503])
def test_an_event_comes_again_until_it_is_acknowledged(gateway, bank, status) -> None:
    intent_in(gateway, "requires_payment_method")
    inbox = Inbox(lambda number: 204 if number == 4 else status)
    waits_s = [5, 10, 20]
    now = NOW
    for wait_s in waits_s:
        assert gateway.deliver(inbox, now=now).failed_count == 1
        assert gateway.deliver(inbox, now=now + timedelta(seconds=wait_s - 1)).event_count == 0
        now += timedelta(seconds=wait_s)
    assert gateway.deliver(inbox, now=now).acknowledged_count == 1
    assert len(set(inbox.bodies)) == 1
    with bank.connect() as connection:
        row = connection.execute(select(tables.event)).one()
    assert (row.attempts, row.delivered_at, row.last_failure) == (4, now, None)


def test_an_endpoint_that_breaks_gets_the_event_again(gateway, bank) -> None:
    intent_in(gateway, "requires_payment_method")

    def broken(body: bytes, header: str) -> int:
        raise ConnectionError("refused\x00")

    assert gateway.deliver(broken, now=NOW).failed_count == 1
    with bank.connect() as connection:
        assert connection.scalar(select(tables.event.c.last_failure)) == "ConnectionError: refused\\x00"
    assert gateway.deliver(Inbox(), now=NOW + timedelta(seconds=5)).acknowledged_count == 1


def test_the_wait_between_attempts_never_grows_beyond_an_hour_and_a_half(gateway, bank) -> None:
    intent_in(gateway, "requires_payment_method")
    with bank.begin() as connection:
        connection.execute(update(tables.event).values(attempts=100_000))
    gateway.deliver(Inbox(lambda _: 500), now=NOW)
    assert gateway.deliver(Inbox(), now=NOW + timedelta(minutes=90)).acknowledged_count == 1


def test_a_delivery_sends_no_more_than_its_limit(gateway) -> None:
    intent_in(gateway, "succeeded")
    inbox = Inbox()
    assert [gateway.deliver(inbox, now=NOW, limit=2).event_count for _ in range(3)] == [2, 1, 0]
    assert len(set(inbox.events)) == 3


def test_an_endpoint_may_call_the_gateway_while_it_receives(gateway) -> None:
    intent_id = intent_in(gateway, "requires_capture")

    def endpoint(body: bytes, header: str) -> int:
        if wire.read_event(body).type == "payment_intent.amount_capturable_updated":
            gateway.capture(wire.read_event(body).object_id, idempotency_key="c")
        return 200

    gateway.deliver(endpoint, now=NOW)
    assert gateway.retrieve(intent_id).status == "succeeded"
    assert gateway.deliver(endpoint, now=NOW).acknowledged_count == 1


def test_events_in_one_senders_hands_are_passed_over_by_another_without_waiting(gateway, bank) -> None:
    intent_in(gateway, "succeeded")
    inbox = Inbox()
    with ThreadPoolExecutor(1) as thread, bank.begin() as connection:
        assert len(deliveries.claim(connection, now=NOW, limit=2)) == 2
        other = thread.submit(gateway.deliver, inbox, now=NOW)
        assert other.result(timeout=5).event_count == 1
    assert len(inbox.events) == 1


def test_two_senders_do_not_send_the_same_event(gateway) -> None:
    for _ in range(20):
        intent_in(gateway, "requires_payment_method")
    inbox = Inbox()
    in_threads(lambda _: gateway.deliver(inbox, now=NOW), 4)
    assert len(inbox.events) == len(set(inbox.events)) == 20


def test_duplicated_shuffled_late_and_unheard_deliveries_still_bring_every_event(bank) -> None:
    shares = {"duplicate_permille": 400, "late_permille": 400, "lost_acknowledgement_permille": 300}
    faulty = open_gateway(bank, seed=11, is_shuffled=True, **shares)
    for _ in range(10):
        intent_in(faulty, "succeeded")
    inbox = Inbox()
    faulty.deliver(inbox, now=NOW)
    with bank.connect() as connection:
        written = list(connection.scalars(select(tables.event.c.id).order_by(tables.event.c.seq)))
    assert set(inbox.events) < set(written)
    first_seen = list(dict.fromkeys(inbox.events))
    assert first_seen != sorted(first_seen, key=written.index)
    for minutes in range(1, 60):
        faulty.deliver(inbox, now=NOW + timedelta(minutes=minutes))
    assert set(inbox.events) == set(written)
    assert max(Counter(inbox.events).values()) > 1
    assert faulty.deliver(Inbox(), now=NOW + timedelta(days=1)).event_count == 0


# The wire shape


def test_an_event_carries_the_object_in_stripes_shape(gateway) -> None:
    intent_id = intent_in(gateway, "succeeded", amount_fen=1050)
    inbox = Inbox()
    gateway.deliver(inbox, now=NOW)
    event = msgspec.json.decode(inbox.bodies[-1])
    assert (event["object"], event["type"], event["created"]) == (
        "event",
        "payment_intent.succeeded",
        int(NOW.timestamp()),
    )
    thing = event["data"]["object"]
    assert (thing["object"], thing["id"], thing["status"]) == ("payment_intent", intent_id, "succeeded")
    assert (thing["amount"], thing["amount_received"], thing["currency"]) == (1050, 1050, "cny")
    assert wire.read_event(inbox.bodies[-1]).object_id == intent_id


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "a", "created": 1, "data": {"object": {"id": "pi_1"}}}',
        b'{"id": "evt_1", "type": "a", "created": 1e99, "data": {"object": {"id": "pi_1"}}}',
        b'{"id": "evt_1", "type": "a", "created": 99999999999999999, "data": {"object": {"id": "pi_1"}}}',
        b'{"id": "evt_1", "type": "a", "created": 1, "data": {"object": {}}}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_event_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidRequest):
        wire.read_event(raw)


def test_an_error_says_what_stripe_would_say(gateway) -> None:
    intent_id = intent_in(gateway, "requires_payment_method")
    with pytest.raises(CardDeclined) as declined:
        gateway.confirm(intent_id, idempotency_key=key(), payment_method="pm_card_chargeDeclined")
    error = wire.error_wire(declined.value)["error"]
    assert (declined.value.http_status, error["type"], error["code"]) == (402, "card_error", "card_declined")
    assert (error["decline_code"], error["payment_intent"]["id"]) == ("generic_decline", intent_id)
    with pytest.raises(NoSuchObject) as missing:
        gateway.retrieve("pi_none")
    assert (missing.value.http_status, wire.error_wire(missing.value)["error"]["code"]) == (404, "resource_missing")
