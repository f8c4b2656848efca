"""Reading the bank's books: rows in, value objects out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, RowMapping, Select, func, select

from settlement.gateway import tables
from settlement.gateway.sdk import BalanceReport, Event, NoSuchObject, PaymentIntent, Payout, Refund

Shape = TypeVar("Shape", PaymentIntent, Refund, Payout, Event)


def intent(connection: Connection, intent_id: str, *, is_locked: bool = False) -> PaymentIntent:
    """One intent; locked, it stays as it is until the transaction ends. Raises `NoSuchObject` when there is none."""
    asked = select(tables.payment_intent).where(tables.payment_intent.c.id == intent_id)
    if is_locked:
        asked = asked.with_for_update(key_share=True)
    row = connection.execute(asked).mappings().one_or_none()
    if row is None:
        raise NoSuchObject("resource_missing", f"no such payment intent: {intent_id}")
    return shaped(row, PaymentIntent)


def intents_with(connection: Connection, metadata: Mapping[str, str]) -> tuple[PaymentIntent, ...]:
    """All intents whose metadata contain these pairs, oldest first."""
    books = tables.payment_intent
    return _all(
        connection, select(books).where(books.c.metadata.contains(metadata)).order_by(books.c.seq), PaymentIntent
    )


def payouts_with(connection: Connection, metadata: Mapping[str, str]) -> tuple[Payout, ...]:
    """All payouts whose metadata contain these pairs, oldest first."""
    books = tables.payout
    return _all(connection, select(books).where(books.c.metadata.contains(metadata)).order_by(books.c.seq), Payout)


def refunds_of(connection: Connection, intent_id: str) -> tuple[Refund, ...]:
    """All refunds of an intent, oldest first."""
    books = tables.refund
    return _all(connection, select(books).where(books.c.payment_intent_id == intent_id).order_by(books.c.seq), Refund)


def balance_report(connection: Connection) -> BalanceReport:
    """Summed up from the payments themselves in one statement, not read from the row that guards the balance."""
    captured, refunded = tables.payment_intent.c.amount_captured_fen, tables.refund.c.amount_fen
    paid_out = select(_total(tables.payout.c.amount_fen)).where(tables.payout.c.status != "failed")
    row = connection.execute(
        select(
            select(_total(captured)).scalar_subquery().label("captured_fen"),
            select(_total(refunded)).scalar_subquery().label("refunded_fen"),
            paid_out.scalar_subquery().label("paid_out_fen"),
        )
    ).one()
    captured_fen, refunded_fen, paid_out_fen = int(row.captured_fen), int(row.refunded_fen), int(row.paid_out_fen)
    return BalanceReport(
        available_fen=captured_fen - refunded_fen - paid_out_fen,
        captured_fen=captured_fen,
        refunded_fen=refunded_fen,
        paid_out_fen=paid_out_fen,
    )


def shaped(row: RowMapping, shape: type[Shape]) -> Shape:
    """A row as its value object; columns that the object lacks are the bank's own business."""
    return msgspec.convert({name: row[name] for name in shape.__struct_fields__}, shape)


def _all(connection: Connection, asked: Select[Any], shape: type[Shape]) -> tuple[Shape, ...]:
    return tuple(shaped(row, shape) for row in connection.execute(asked).mappings())


def _total(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0)
