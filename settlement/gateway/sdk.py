"""The client shape of a payment gateway: what the settlement floor may ask an outside bank, and what it hears back.

Modelled on Stripe's payment intents with manual capture: authorise first, take the money when the trade is sure, give
it back in parts, pay out to the seller. Amounts are whole fen (1/100 yuan), the currency is always `cny`, instants are
aware UTC. Every call that changes something carries an idempotency key: the same key with the same request answers the
same, with another request it is refused. After a `GatewayTimeout` nobody knows whether the effect took place: call
again with the same key, or look for the object by its metadata; never create again under a new key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Protocol

import msgspec

CURRENCY = "cny"

# Which states may follow which. `processing` is the bank's turn: nobody can call it back.
PAYMENT_INTENT_MOVES: Mapping[str, tuple[str, ...]] = {
    "requires_payment_method": ("requires_confirmation", "canceled"),
    "requires_confirmation": (
        "requires_action",
        "processing",
        "requires_capture",
        "succeeded",
        "requires_payment_method",
        "canceled",
    ),
    "requires_action": ("processing", "requires_capture", "succeeded", "requires_payment_method", "canceled"),
    "processing": ("requires_capture", "succeeded", "requires_payment_method"),
    "requires_capture": ("succeeded", "canceled"),
    "succeeded": (),
    "canceled": (),
}

# Which request is possible in which states.
PAYMENT_INTENT_REQUESTS: Mapping[str, tuple[str, ...]] = {
    "confirm": ("requires_payment_method", "requires_confirmation"),
    "authenticate": ("requires_action",),
    "capture": ("requires_capture",),
    "cancel": ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"),
    "refund": ("succeeded",),
}


class PaymentFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Why the payer's bank said no to the last attempt. `charge` is that attempt's id: each attempt has another."""

    code: str
    decline_code: str | None = None
    message: str
    charge: str | None = None


class PaymentIntent(msgspec.Struct, frozen=True, kw_only=True):
    """One intended payment. `amount_refunded_fen` is cumulative; apply it as a difference, never as a new refund."""

    id: str
    amount_fen: int
    currency: str
    status: str
    capture_method: str
    metadata: dict[str, str]
    payment_method: str | None
    amount_captured_fen: int
    amount_refunded_fen: int
    last_error: PaymentFailure | None
    created_at: datetime

    def may(self, request: str) -> bool:
        """Whether a request (confirm, capture, cancel, …) is possible in its state."""
        return self.status in PAYMENT_INTENT_REQUESTS[request]


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back from a captured payment: all of it, or a part, any number of times."""

    id: str
    payment_intent_id: str
    amount_fen: int
    currency: str
    status: str
    metadata: dict[str, str]
    created_at: datetime


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """Money sent from the balance to a bank account. A `failed` payout has left the balance untouched."""

    id: str
    amount_fen: int
    currency: str
    destination: str
    status: str
    failure_code: str | None
    metadata: dict[str, str]
    created_at: datetime

    @property
    def has_failed(self) -> bool:
        """Whether the bank gave the money back, which it says in `failure_code`."""
        return self.failure_code is not None


class BalanceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway says it holds: available = captured - refunded - paid out (pending payouts count as paid)."""

    available_fen: int
    captured_fen: int
    refunded_fen: int
    paid_out_fen: int
    currency: str = CURRENCY


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A message that something changed. `data["object"]` is the changed object in wire shape as of that moment."""

    id: str
    type: str
    created_at: datetime
    data: dict[str, Any]

    @property
    def object_id(self) -> str:
        """Id of the object concerned: read it again from the gateway, events come late and in any order."""
        return self.data["object"]["id"]


class GatewayError(Exception):
    """Any answer of the gateway that is not the thing asked for. `kind`, `code`, `http_status` are the wire's."""

    kind: ClassVar[str] = "api_error"
    http_status: ClassVar[int] = 500

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class CardDeclined(GatewayError):  # noqa: N818  named after what happened
    """The payer's bank said no. The intent (as it is now) wants another payment method, or another try."""

    kind = "card_error"
    http_status = 402

    def __init__(self, intent: PaymentIntent, failure: PaymentFailure) -> None:
        self.intent = intent
        self.decline_code = failure.decline_code
        super().__init__(failure.code, failure.message)


class InvalidRequest(GatewayError):  # noqa: N818
    """The request is malformed, names nothing that exists, or does not fit the state; nothing has changed."""

    kind = "invalid_request_error"
    http_status = 400


class NoSuchObject(InvalidRequest):
    """The id names nothing that the gateway knows."""

    http_status = 404


class IdempotencyConflict(GatewayError):  # noqa: N818
    """The key was used before, for another request; nothing has changed."""

    kind = "idempotency_error"
    http_status = 400


class GatewayTimeout(GatewayError):  # noqa: N818
    """No answer came in time. The effect may or may not have taken place: ask again with the same key."""

    http_status = 504


class GatewayUnavailable(GatewayError):  # noqa: N818
    """The gateway could not take the request at all; nothing has changed, ask again later with the same key."""

    http_status = 503


class Gateway(Protocol):
    """What the settlement floor needs of a gateway. Every method may raise `GatewayTimeout` or `GatewayUnavailable`;
    those that change something also `InvalidRequest` and `IdempotencyConflict`."""

    def create_payment_intent(
        self,
        *,
        amount_fen: int,
        metadata: Mapping[str, str],
        idempotency_key: str,
        capture_method: str = "manual",
        payment_method: str | None = None,
    ) -> PaymentIntent:
        """A new intent: `requires_payment_method`, or `requires_confirmation` when a method is given."""
        ...

    def confirm(self, intent_id: str, *, idempotency_key: str, payment_method: str | None = None) -> PaymentIntent:
        """Asks the payer's bank. Raises `CardDeclined`; may answer `requires_action` or `processing`."""
        ...

    def capture(self, intent_id: str, *, idempotency_key: str, amount_fen: int | None = None) -> PaymentIntent:
        """Takes the authorised amount, or a part of it once; the rest goes back to the payer."""
        ...

    def cancel(self, intent_id: str, *, idempotency_key: str) -> PaymentIntent:
        """Ends an intent that has not been captured and is not in the bank's hands."""
        ...

    def retrieve(self, intent_id: str) -> PaymentIntent:
        """The intent as it is now."""
        ...

    def list_payment_intents(self, *, metadata: Mapping[str, str]) -> tuple[PaymentIntent, ...]:
        """All intents whose metadata contain these pairs, oldest first."""
        ...

    def create_refund(
        self,
        intent_id: str,
        *,
        idempotency_key: str,
        amount_fen: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Refund:
        """Gives back a part of what was captured, or by default all that is left of it."""
        ...

    def list_refunds(self, intent_id: str) -> tuple[Refund, ...]:
        """All refunds of an intent, oldest first."""
        ...

    def create_payout(
        self, *, amount_fen: int, destination: str, metadata: Mapping[str, str], idempotency_key: str
    ) -> Payout:
        """Sends money from the available balance to a bank account."""
        ...

    def list_payouts(self, *, metadata: Mapping[str, str]) -> tuple[Payout, ...]:
        """All payouts whose metadata contain these pairs, oldest first."""
        ...

    def balance_report(self) -> BalanceReport:
        """Totals since the beginning, in one consistent view."""
        ...
