"""Webhooks out: every event at least once, signed, to an endpoint that says when it has it.

An event is claimed by moving its next attempt into the future, then sent with no transaction open, then marked. A
sender that dies half-way leaves the event due again, so nothing is lost; a receiver must expect the same event twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import Connection, DateTime, bindparam, func, literal, select, update

from settlement.gateway import reads, tables, wire
from settlement.gateway.faults import Faults
from settlement.gateway.sdk import Event
from settlement.gateway.signing import WebhookKey

Endpoint = Callable[[bytes, str], int]  # (body, signature header) -> HTTP status

FIRST_RETRY_S = 5  # doubles with every attempt
MOST_DOUBLINGS = 10  # 5 s x 2^10, about 85 minutes, then evenly for ever
LONGEST_FAILURE = 500
ONE_SECOND = literal(timedelta(seconds=1))


@dataclass(frozen=True)
class Sent:
    """What became of one event in one delivery. `failure` is None when it was acknowledged."""

    event_id: str
    copies: int
    failure: str | None


@dataclass(frozen=True)
class Delivered:
    """Events of one delivery: how many were due, acknowledged, and left for later."""

    event_count: int
    acknowledged_count: int
    failed_count: int

    @classmethod
    def of(cls, sent: Sequence[Sent]) -> Self:
        failed_count = sum(one.failure is not None for one in sent)
        return cls(len(sent), len(sent) - failed_count, failed_count)


def claim(connection: Connection, *, now: datetime, limit: int) -> list[Event]:
    """Due events, oldest first, now kept from other senders until their next attempt is due."""
    books = tables.event
    due = (
        select(books.c.id)
        .where(books.c.delivered_at.is_(None), books.c.due_at <= now)
        .order_by(books.c.due_at, books.c.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    wait_s = FIRST_RETRY_S * func.power(2, func.least(books.c.attempts, MOST_DOUBLINGS))
    claimed = connection.execute(
        update(books)
        .where(books.c.id == due.c.id)
        .values(attempts=books.c.attempts + 1, due_at=literal(now, DateTime(timezone=True)) + wait_s * ONE_SECOND)
        .returning(books.c.seq, books.c.id, books.c.type, books.c.created_at, books.c.data)
    ).mappings()
    return [reads.shaped(row, Event) for row in sorted(claimed, key=lambda row: row["seq"])]


def send(
    events: Sequence[Event], endpoint: Endpoint, *, key: WebhookKey, now: datetime, faults: Faults, no: int
) -> list[Sent]:
    """Calls the endpoint in the order, and as often, as the faults of delivery `no` say."""
    failures: dict[int, list[str | None]] = {}
    for position in faults.delivery_order(no, len(events)):
        body = wire.event_bytes(events[position])
        failure = _failure(endpoint, body, key.sign(body, at=now))
        if failure is None and faults.loses_acknowledgement(no, position):
            failure = "acknowledgement lost"
        failures.setdefault(position, []).append(failure)
    return [
        Sent(events[position].id, len(said), None if None in said else said[-1])
        for position, said in sorted(failures.items())
    ]


def write_down(connection: Connection, sent: Sequence[Sent], *, now: datetime) -> None:
    """Acknowledged events are done; the others keep why not."""
    if not sent:
        return
    books = tables.event
    connection.execute(
        update(books)
        .where(books.c.id == bindparam("event_id"))
        .values(
            delivered_at=func.coalesce(books.c.delivered_at, bindparam("delivered_at")),
            last_failure=bindparam("failure"),
        ),
        [
            {"event_id": one.event_id, "delivered_at": None if one.failure else now, "failure": one.failure}
            for one in sent
        ],
    )


def _failure(endpoint: Endpoint, body: bytes, header: str) -> str | None:
    try:
        status = endpoint(body, header)
    except Exception as broken:  # noqa: BLE001  whatever breaks at the receiver is, to the sender, no acknowledgement
        return ascii(f"{type(broken).__name__}: {broken}")[1:-1][:LONGEST_FAILURE]
    return None if 200 <= status <= 299 else f"status {status}"
