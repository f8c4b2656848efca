"""The gateway as an outside system: every call is a transaction of its own, on a connection of its own, and may fail
as calls to outside systems do.

A key is claimed before anything else happens, in the effect's own transaction, by inserting it: of two twins in flight
one inserts, the other waits for it and then answers what the first was answered. A refused request leaves no trace of
its key, so it may be put right and sent again. Database trouble looks from outside like what it is: no connection is
`GatewayUnavailable`, a connection that breaks half-way is `GatewayTimeout`.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_skip
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from settlement.gateway import deliveries, reads, requests, tables
from settlement.gateway.bank import Books
from settlement.gateway.deliveries import Delivered, Endpoint
from settlement.gateway.faults import NO_FAULTS, Fate, Faults
from settlement.gateway.sdk import (
    BalanceReport,
    CardDeclined,
    Gateway,
    GatewayError,
    GatewayTimeout,
    GatewayUnavailable,
    IdempotencyConflict,
    PaymentIntent,
    Payout,
    Refund,
)
from settlement.gateway.signing import WebhookKey

Answer = TypeVar("Answer", PaymentIntent, Refund, Payout)
Read = TypeVar("Read")


def _now() -> datetime:
    return datetime.now(UTC)


def _mint_id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


class SimulatedGateway(Gateway):
    """A `Gateway` on the tables of `tables.metadata`, which must exist. `clock` answers aware UTC instants."""

    def __init__(
        self,
        engine: Engine,
        *,
        webhook_key: WebhookKey,
        clock: Callable[[], datetime] = _now,
        faults: Faults = NO_FAULTS,
        mint_id: Callable[[str], str] = _mint_id,
    ) -> None:
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._webhook_key = webhook_key
        self._clock = clock
        self._faults = faults
        self._mint_id = mint_id
        self._call_numbers = itertools.count()
        self._delivery_numbers = itertools.count()

    def create_payment_intent(
        self,
        *,
        amount_fen: int,
        metadata: Mapping[str, str],
        idempotency_key: str,
        capture_method: str = "manual",
        payment_method: str | None = None,
    ) -> PaymentIntent:
        return self._once(
            PaymentIntent,
            Books.open_intent,
            idempotency_key,
            amount_fen=requests.whole_amount(amount_fen),
            metadata=requests.plain_metadata(metadata),
            capture_method=requests.capture_method(capture_method),
            payment_method=requests.payment_method_id(payment_method),
        )

    def confirm(self, intent_id: str, *, idempotency_key: str, payment_method: str | None = None) -> PaymentIntent:
        intent = self._once(
            PaymentIntent,
            Books.confirm,
            idempotency_key,
            intent_id=requests.plain_text("intent_id", intent_id),
            payment_method=requests.payment_method_id(payment_method),
        )
        if intent.last_error is not None:
            raise CardDeclined(intent, intent.last_error)
        return intent

    def authenticate(self, intent_id: str, *, idempotency_key: str, is_approved: bool = True) -> PaymentIntent:
        """What the payer does on the bank's own page while the intent `requires_action`; not part of the client."""
        return self._once(
            PaymentIntent,
            Books.authenticate,
            idempotency_key,
            intent_id=requests.plain_text("intent_id", intent_id),
            is_approved=is_approved,
        )

    def capture(self, intent_id: str, *, idempotency_key: str, amount_fen: int | None = None) -> PaymentIntent:
        return self._once(
            PaymentIntent,
            Books.capture,
            idempotency_key,
            intent_id=requests.plain_text("intent_id", intent_id),
            amount_fen=requests.amount_or_all(amount_fen),
        )

    def cancel(self, intent_id: str, *, idempotency_key: str) -> PaymentIntent:
        return self._once(
            PaymentIntent, Books.cancel, idempotency_key, intent_id=requests.plain_text("intent_id", intent_id)
        )

    def create_refund(
        self,
        intent_id: str,
        *,
        idempotency_key: str,
        amount_fen: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Refund:
        return self._once(
            Refund,
            Books.refund,
            idempotency_key,
            intent_id=requests.plain_text("intent_id", intent_id),
            amount_fen=requests.amount_or_all(amount_fen),
            metadata=requests.plain_metadata({} if metadata is None else metadata),
        )

    def create_payout(
        self, *, amount_fen: int, destination: str, metadata: Mapping[str, str], idempotency_key: str
    ) -> Payout:
        return self._once(
            Payout,
            Books.pay_out,
            idempotency_key,
            amount_fen=requests.whole_amount(amount_fen),
            destination=requests.plain_text("destination", destination),
            metadata=requests.plain_metadata(metadata),
        )

    def retrieve(self, intent_id: str) -> PaymentIntent:
        asked = requests.plain_text("intent_id", intent_id)
        return self._read(lambda connection: reads.intent(connection, asked))

    def list_payment_intents(self, *, metadata: Mapping[str, str]) -> tuple[PaymentIntent, ...]:
        asked = requests.searched_metadata(metadata)
        return self._read(lambda connection: reads.intents_with(connection, asked))

    def list_refunds(self, intent_id: str) -> tuple[Refund, ...]:
        asked = requests.plain_text("intent_id", intent_id)
        return self._read(lambda connection: reads.refunds_of(connection, asked))

    def list_payouts(self, *, metadata: Mapping[str, str]) -> tuple[Payout, ...]:
        asked = requests.searched_metadata(metadata)
        return self._read(lambda connection: reads.payouts_with(connection, asked))

    def balance_report(self) -> BalanceReport:
        return self._read(reads.balance_report)

    def advance(self, *, now: datetime) -> int:
        """Time passes at the bank: payments and payouts that were being worked on end. Answers how many."""
        with self._transaction() as connection:
            return self._books(connection, now, Fate()).mature()

    def deliver(self, endpoint: Endpoint, *, now: datetime, limit: int = 100) -> Delivered:
        """Lets time pass until `now`, then sends up to `limit` due events, signed, to `endpoint(body, header)`.

        A status of 200 to 299 acknowledges an event; anything else, or an exception, brings it again later. Every
        event comes at least once, in no promised order. No transaction is open while the endpoint works.
        """
        self.advance(now=now)
        with self._transaction() as connection:
            claimed = deliveries.claim(connection, now=now, limit=limit)
        delivery_no = next(self._delivery_numbers)
        sent = deliveries.send(claimed, endpoint, key=self._webhook_key, now=now, faults=self._faults, no=delivery_no)
        with self._transaction() as connection:
            deliveries.write_down(connection, sent, now=now)
        return Delivered.of(sent)

    def _once(
        self, shape: type[Answer], effect: Callable[..., Answer], idempotency_key: str, **parameters: Any
    ) -> Answer:
        """The effect, or the answer that its key has already had."""
        key = requests.plain_text("idempotency_key", idempotency_key)
        asked = requests.fingerprint(effect.__name__, parameters)
        fate = self._meet_fate()
        with self._transaction() as connection:
            books = self._books(connection, self._clock(), fate)
            if _is_claimed(connection, key, asked, books.now):
                answer = effect(books, **parameters)
                _keep(connection, key, answer)
            else:
                answer = _earlier_answer(connection, key, asked, shape)
        if fate.is_timeout:
            raise GatewayTimeout("timeout", "no answer in time")
        return answer

    def _read(self, read: Callable[[Connection], Read]) -> Read:
        fate = self._meet_fate()
        if fate.is_timeout:
            raise GatewayTimeout("timeout", "no answer in time")
        with self._transaction() as connection:
            return read(connection)

    def _meet_fate(self) -> Fate:
        """What befalls this call; raises when it is to have no effect at all."""
        fate = self._faults.fate(next(self._call_numbers))
        if fate.is_unavailable:
            raise GatewayUnavailable("unavailable", "the gateway cannot take requests now")
        if not fate.is_applied:
            raise GatewayTimeout("timeout", "no answer in time")
        return fate

    def _books(self, connection: Connection, now: datetime, fate: Fate) -> Books:
        return Books(connection=connection, now=now, fate=fate, mint_id=self._mint_id)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._trouble_as(GatewayUnavailable("unavailable", "the gateway cannot be reached")):
            connection = self._engine.connect()
        lost = GatewayTimeout("timeout", "the connection broke before the answer came")
        with connection, self._trouble_as(lost), connection.begin():
            yield connection

    @contextmanager
    def _trouble_as(self, answer: GatewayError) -> Iterator[None]:
        """Tells trouble by the driver's error beneath: whoever made the engine may have rewritten the one above."""
        driver = self._engine.dialect.loaded_dbapi
        try:
            yield
        except Exception as error:
            beneath = error.__cause__
            if isinstance(error, NoConnectionFree) or isinstance(
                beneath, driver.OperationalError | driver.InterfaceError
            ):
                raise answer from error
            raise


def _is_claimed(connection: Connection, key: str, asked: str, now: datetime) -> bool:
    """True for the first to use the key. Waits while a twin that came before is still at work."""
    claim = insert_or_skip(tables.idempotency).values(key=key, fingerprint=asked, created_at=now)
    claimed = claim.on_conflict_do_nothing().returning(tables.idempotency.c.key)
    return connection.execute(claimed).one_or_none() is not None


def _keep(connection: Connection, key: str, answer: Answer) -> None:
    books = tables.idempotency
    connection.execute(update(books).where(books.c.key == key).values(answer=msgspec.to_builtins(answer)))


def _earlier_answer(connection: Connection, key: str, asked: str, shape: type[Answer]) -> Answer:
    books = tables.idempotency
    kept = connection.execute(select(books).where(books.c.key == key)).one()
    if kept.fingerprint != asked:
        raise IdempotencyConflict("idempotency_key_reused", "this key was used before for another request")
    return msgspec.convert(kept.answer, shape)
