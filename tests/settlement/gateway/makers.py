"""Gateways, payments in a given state and a listening endpoint, for the tests of the simulated bank."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from sqlalchemy import Engine, func, select

from settlement.gateway import tables, wire
from settlement.gateway.faults import Faults
from settlement.gateway.signing import WebhookKey
from settlement.gateway.simulator import SimulatedGateway

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
KEY = WebhookKey("whsec_of_the_tests")


def open_gateway(engine: Engine, **faults: int) -> SimulatedGateway:
    return SimulatedGateway(engine, webhook_key=KEY, clock=lambda: NOW, faults=Faults(**faults))


_keys = iter(range(10**9))


def key() -> str:
    return f"key-{next(_keys)}"


def intent_in(gateway: SimulatedGateway, status: str, amount_fen: int = 1000) -> str:
    """The id of a new intent brought to this status."""
    intent = gateway.create_payment_intent(amount_fen=amount_fen, metadata={"trade": "T1"}, idempotency_key=key())
    if status in {"requires_confirmation", "processing", "requires_action"}:
        method = {"processing": "pm_bank_slow", "requires_action": "pm_card_authenticationRequired"}
        intent = gateway.create_payment_intent(
            amount_fen=amount_fen,
            metadata={"trade": "T1"},
            idempotency_key=key(),
            payment_method=method.get(status, "pm_E01"),
        )
    if status in {"processing", "requires_action"}:
        intent = gateway.confirm(intent.id, idempotency_key=key())
    if status in {"requires_capture", "succeeded"}:
        intent = gateway.confirm(intent.id, idempotency_key=key(), payment_method="pm_E01")
    if status == "succeeded":
        intent = gateway.capture(intent.id, idempotency_key=key())
    if status == "canceled":
        intent = gateway.cancel(intent.id, idempotency_key=key())
    assert intent.status == status
    return intent.id


def event_types(engine: Engine, intent_id: str) -> list[str]:
    books = tables.event.c
    of_intent = select(books.type).where(books.data["object"]["id"].astext == intent_id).order_by(books.seq)
    with engine.connect() as connection:
        return list(connection.scalars(of_intent))


def count(engine: Engine, table_name: str) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(tables.metadata.tables[f"gateway.{table_name}"]))


class Inbox:
    """An endpoint that checks the signature, keeps what it gets, and answers as told."""

    def __init__(self, answers: Callable[[int], int] = lambda _: 200) -> None:
        self.events: list[str] = []
        self.bodies: list[bytes] = []
        self._answers = answers

    def __call__(self, body: bytes, header: str) -> int:
        signed_at = datetime.fromtimestamp(int(header.partition(",")[0].removeprefix("t=")), UTC)
        KEY.verify(body, header, now=signed_at)
        self.bodies.append(body)
        self.events.append(wire.read_event(body).id)
        return self._answers(len(self.events))


def in_threads(work: Callable[[int], object], number: int) -> list:
    """The answers of so many calls that start together."""
    start = threading.Barrier(number)

    def together(position: int) -> object:
        start.wait(timeout=10)
        return work(position)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(together, range(number)))
