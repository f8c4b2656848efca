"""The gateway's objects as Stripe writes them: pure renderings, so that the HTTP face and the webhooks agree.

Amounts are in the smallest unit (fen for `cny`), instants in unix seconds, every object says what it is in `object`.
A charge is not kept as a thing of its own: it is the captured side of its intent, one to one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from settlement.gateway.sdk import BalanceReport, Event, GatewayError, InvalidRequest, PaymentIntent, Payout, Refund

API_VERSION = "2025-03-31.basil"


def payment_intent_wire(intent: PaymentIntent) -> dict[str, Any]:
    """`amount_received` is what was captured, `amount_capturable` what still may be."""
    failure = intent.last_error
    return {
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount_fen,
        "amount_capturable": intent.amount_fen if intent.status == "requires_capture" else 0,
        "amount_received": intent.amount_captured_fen,
        "capture_method": intent.capture_method,
        "confirmation_method": "automatic",
        "created": _unix(intent.created_at),
        "currency": intent.currency,
        "last_payment_error": {"type": "card_error", **msgspec.to_builtins(failure)} if failure else None,
        "latest_charge": charge_id(intent.id) if intent.amount_captured_fen else None,
        "livemode": False,
        "metadata": intent.metadata,
        "next_action": {"type": "use_stripe_sdk"} if intent.status == "requires_action" else None,
        "payment_method": intent.payment_method,
        "payment_method_types": ["card"],
        "status": intent.status,
    }


def charge_wire(intent: PaymentIntent) -> dict[str, Any]:
    """The captured side of an intent; `amount_refunded` is cumulative."""
    return {
        "id": charge_id(intent.id),
        "object": "charge",
        "amount": intent.amount_fen,
        "amount_captured": intent.amount_captured_fen,
        "amount_refunded": intent.amount_refunded_fen,
        "captured": intent.amount_captured_fen > 0,
        "created": _unix(intent.created_at),
        "currency": intent.currency,
        "livemode": False,
        "metadata": intent.metadata,
        "paid": True,
        "payment_intent": intent.id,
        "payment_method": intent.payment_method,
        "refunded": intent.amount_refunded_fen == intent.amount_captured_fen,
        "status": "succeeded",
    }


def refund_wire(refund: Refund) -> dict[str, Any]:
    """One refund, under its own id: this is where a single sum given back is read."""
    return {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount_fen,
        "charge": charge_id(refund.payment_intent_id),
        "created": _unix(refund.created_at),
        "currency": refund.currency,
        "metadata": refund.metadata,
        "payment_intent": refund.payment_intent_id,
        "reason": None,
        "status": refund.status,
    }


def payout_wire(payout: Payout) -> dict[str, Any]:
    """A payout to a bank account."""
    return {
        "id": payout.id,
        "object": "payout",
        "amount": payout.amount_fen,
        "automatic": False,
        "created": _unix(payout.created_at),
        "currency": payout.currency,
        "destination": payout.destination,
        "failure_code": payout.failure_code,
        "livemode": False,
        "metadata": payout.metadata,
        "method": "standard",
        "status": payout.status,
        "type": "bank_account",
    }


def balance_wire(report: BalanceReport) -> dict[str, Any]:
    """Only what is available now; nothing is ever pending here."""
    return {
        "object": "balance",
        "available": [{"amount": report.available_fen, "currency": report.currency}],
        "pending": [{"amount": 0, "currency": report.currency}],
        "livemode": False,
    }


def error_wire(error: GatewayError) -> dict[str, Any]:
    """The body that goes with `error.http_status`."""
    body: dict[str, Any] = {"type": error.kind, "code": error.code, "message": error.message}
    decline_code = getattr(error, "decline_code", None)
    intent = getattr(error, "intent", None)
    if decline_code is not None:
        body["decline_code"] = decline_code
    if intent is not None:
        body["payment_intent"] = payment_intent_wire(intent)
    return {"error": body}


def event_bytes(event: Event) -> bytes:
    """The body of a webhook: the same bytes at every attempt."""
    return msgspec.json.encode(
        {
            "id": event.id,
            "object": "event",
            "api_version": API_VERSION,
            "created": _unix(event.created_at),
            "data": event.data,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": event.type,
        },
        order="deterministic",
    )


class _EventObject(msgspec.Struct):
    id: str


class _EventData(msgspec.Struct):
    object: _EventObject


class _EventEnvelope(msgspec.Struct):
    id: str
    type: str
    created: int
    data: _EventData


def read_event(raw: bytes) -> Event:
    """The event in a webhook's body; verify its signature first. Raises `InvalidRequest` for anything else."""
    try:
        envelope = msgspec.json.decode(raw, type=_EventEnvelope)
        created_at = datetime.fromtimestamp(envelope.created, UTC)
        data = msgspec.json.decode(raw)["data"]
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError, OSError, RecursionError) as wrong:
        raise InvalidRequest("malformed_event", str(wrong)) from wrong
    return Event(id=envelope.id, type=envelope.type, created_at=created_at, data=data)


def charge_id(intent_id: str) -> str:
    """The id of the captured side of an intent."""
    return "ch_" + intent_id.removeprefix("pi_")


def _unix(instant: datetime) -> int:
    return int(instant.timestamp())
