"""What the simulated bank does within one call: reads and writes its books in one transaction, and leaves an event
for every change of state.

Which way a payment goes is decided by the payment method, by name as in Stripe's test mode, or else by the fate of
the call. Any other `pm_…` is an account with enough money in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from settlement.gateway import reads, tables, wire
from settlement.gateway.faults import Fate
from settlement.gateway.sdk import (
    CURRENCY,
    PAYMENT_INTENT_MOVES,
    PAYMENT_INTENT_REQUESTS,
    InvalidRequest,
    PaymentFailure,
    PaymentIntent,
    Payout,
    Refund,
)

GENERIC_DECLINE = PaymentFailure(
    code="card_declined", decline_code="generic_decline", message="The payer's bank refused the payment."
)
INSUFFICIENT_FUNDS = PaymentFailure(
    code="card_declined", decline_code="insufficient_funds", message="The account does not hold enough money."
)
NOT_AUTHENTICATED = PaymentFailure(
    code="payment_intent_authentication_failure", message="The payer did not approve the payment."
)
DECLINING_METHODS = {
    "pm_card_chargeDeclined": GENERIC_DECLINE,
    "pm_card_chargeDeclinedInsufficientFunds": INSUFFICIENT_FUNDS,
}
METHODS_THAT_ASK_THE_PAYER = frozenset({"pm_card_authenticationRequired"})
SLOW_METHODS = {"pm_bank_slow": None, "pm_bank_slowDeclined": INSUFFICIENT_FUNDS}
SLOW_METHOD_S = 60
CLOSED_DESTINATION = "ba_closed"
MOST_MATURED = 500

EVENT_OF_STATUS = {
    "requires_action": "payment_intent.requires_action",
    "processing": "payment_intent.processing",
    "requires_capture": "payment_intent.amount_capturable_updated",
    "succeeded": "payment_intent.succeeded",
    "requires_payment_method": "payment_intent.payment_failed",
    "canceled": "payment_intent.canceled",
}


@dataclass(frozen=True)
class Books:
    """The bank's books, open for one call. Parameters have been checked by `requests` before they come here."""

    connection: Connection
    now: datetime
    fate: Fate
    mint_id: Callable[[str], str]

    def open_intent(
        self, *, amount_fen: int, metadata: dict[str, str], capture_method: str, payment_method: str | None
    ) -> PaymentIntent:
        intent = PaymentIntent(
            id=self.mint_id("pi"),
            amount_fen=amount_fen,
            currency=CURRENCY,
            status="requires_confirmation" if payment_method else "requires_payment_method",
            capture_method=capture_method,
            metadata=metadata,
            payment_method=payment_method,
            amount_captured_fen=0,
            amount_refunded_fen=0,
            last_error=None,
            created_at=self.now,
        )
        self.connection.execute(insert(tables.payment_intent).values(msgspec.structs.asdict(intent)))
        self._record("payment_intent.created", wire.payment_intent_wire(intent))
        return intent

    def confirm(self, *, intent_id: str, payment_method: str | None) -> PaymentIntent:
        """Asks the payer's bank. A decline is an answer like any other: it is written down and kept."""
        intent = self._locked_for("confirm", intent_id)
        method = payment_method or intent.payment_method
        if method is None:
            raise InvalidRequest("parameter_missing", "a payment cannot be confirmed without a payment method")
        ready = replace(intent, status="requires_confirmation", payment_method=method, last_error=None)
        failure = DECLINING_METHODS.get(method) or (GENERIC_DECLINE if self.fate.is_declined else None)
        if failure is not None:
            return self._failed(ready, failure)
        if method in METHODS_THAT_ASK_THE_PAYER:
            return self._moved(ready, "requires_action")
        return self._authorised_now_or_later(ready)

    def authenticate(self, *, intent_id: str, is_approved: bool) -> PaymentIntent:
        """The payer's yes or no on the bank's own page."""
        intent = self._locked_for("authenticate", intent_id)
        return self._authorised_now_or_later(intent) if is_approved else self._failed(intent, NOT_AUTHENTICATED)

    def capture(self, *, intent_id: str, amount_fen: int | None) -> PaymentIntent:
        intent = self._locked_for("capture", intent_id)
        captured_fen = intent.amount_fen if amount_fen is None else amount_fen
        if captured_fen > intent.amount_fen:
            raise InvalidRequest("amount_too_large", f"only {intent.amount_fen} fen were authorised")
        return self._captured(intent, captured_fen)

    def cancel(self, *, intent_id: str) -> PaymentIntent:
        return self._moved(self._locked_for("cancel", intent_id), "canceled")

    def refund(self, *, intent_id: str, amount_fen: int | None, metadata: dict[str, str]) -> Refund:
        intent = self._locked_for("refund", intent_id)
        left_fen = intent.amount_captured_fen - intent.amount_refunded_fen
        refund_fen = left_fen if amount_fen is None else amount_fen
        if left_fen == 0:
            raise InvalidRequest("charge_already_refunded", "all that was captured has been given back")
        if refund_fen > left_fen:
            raise InvalidRequest("amount_too_large", f"only {left_fen} fen are left to give back")
        self._spend(refunded_fen=refund_fen)
        refunded = replace(intent, amount_refunded_fen=intent.amount_refunded_fen + refund_fen)
        self._save(refunded)
        refund = Refund(
            id=self.mint_id("re"),
            payment_intent_id=intent_id,
            amount_fen=refund_fen,
            currency=CURRENCY,
            status="succeeded",
            metadata=metadata,
            created_at=self.now,
        )
        self.connection.execute(insert(tables.refund).values(msgspec.structs.asdict(refund)))
        self._record("refund.created", wire.refund_wire(refund))
        self._record("charge.refunded", wire.charge_wire(refunded))
        return refund

    def pay_out(self, *, amount_fen: int, destination: str, metadata: dict[str, str]) -> Payout:
        is_closed = destination == CLOSED_DESTINATION
        settles_at = self.now + timedelta(seconds=self.fate.delay_s) if self.fate.delay_s and not is_closed else None
        if not is_closed:
            self._spend(paid_out_fen=amount_fen)
        payout = Payout(
            id=self.mint_id("po"),
            amount_fen=amount_fen,
            currency=CURRENCY,
            destination=destination,
            status="failed" if is_closed else "pending" if settles_at else "paid",
            failure_code="account_closed" if is_closed else None,
            metadata=metadata,
            created_at=self.now,
        )
        self.connection.execute(insert(tables.payout).values(**msgspec.structs.asdict(payout), settles_at=settles_at))
        self._record("payout.created", wire.payout_wire(payout))
        if settles_at is None:
            self._record(f"payout.{payout.status}", wire.payout_wire(payout))
        return payout

    def mature(self) -> int:
        """Ends what the bank was still working on and whose time has come; answers how many."""
        intents = self._due(tables.payment_intent, PaymentIntent)
        for intent in intents:
            failure = SLOW_METHODS.get(intent.payment_method or "")
            if failure is not None:
                self._failed(intent, failure)
            else:
                self._authorised(intent)
        payouts = self._due(tables.payout, Payout)
        for payout in payouts:
            paid = replace(payout, status="paid")
            self.connection.execute(
                update(tables.payout).where(tables.payout.c.id == payout.id).values(status="paid", settles_at=None)
            )
            self._record("payout.paid", wire.payout_wire(paid))
        return len(intents) + len(payouts)

    def _authorised_now_or_later(self, intent: PaymentIntent) -> PaymentIntent:
        delay_s = SLOW_METHOD_S if intent.payment_method in SLOW_METHODS else self.fate.delay_s
        if delay_s:
            return self._moved(intent, "processing", settles_at=self.now + timedelta(seconds=delay_s))
        return self._authorised(intent)

    def _authorised(self, intent: PaymentIntent) -> PaymentIntent:
        if intent.capture_method == "manual":
            return self._moved(intent, "requires_capture")
        return self._captured(intent, intent.amount_fen)

    def _captured(self, intent: PaymentIntent, captured_fen: int) -> PaymentIntent:
        first = insert_or_update(tables.balance).values(id=1, captured_fen=captured_fen, refunded_fen=0, paid_out_fen=0)
        self.connection.execute(
            first.on_conflict_do_update(
                index_elements=["id"], set_={"captured_fen": tables.balance.c.captured_fen + captured_fen}
            )
        )
        return self._moved(replace(intent, amount_captured_fen=captured_fen), "succeeded")

    def _failed(self, intent: PaymentIntent, failure: PaymentFailure) -> PaymentIntent:
        attempt = replace(failure, charge=self.mint_id("ch"))
        return self._moved(replace(intent, last_error=attempt, payment_method=None), "requires_payment_method")

    def _moved(self, intent: PaymentIntent, status: str, settles_at: datetime | None = None) -> PaymentIntent:
        """The intent in its next state, saved, with its event."""
        if status not in PAYMENT_INTENT_MOVES[intent.status]:
            raise unexpected_state(intent, f"become {status}")
        moved = replace(intent, status=status)
        self._save(moved, settles_at)
        self._record(EVENT_OF_STATUS[status], wire.payment_intent_wire(moved))
        return moved

    def _save(self, intent: PaymentIntent, settles_at: datetime | None = None) -> None:
        self.connection.execute(
            update(tables.payment_intent)
            .where(tables.payment_intent.c.id == intent.id)
            .values(
                status=intent.status,
                payment_method=intent.payment_method,
                amount_captured_fen=intent.amount_captured_fen,
                amount_refunded_fen=intent.amount_refunded_fen,
                last_error=msgspec.to_builtins(intent.last_error),
                settles_at=settles_at,
            )
        )

    def _locked_for(self, request: str, intent_id: str) -> PaymentIntent:
        """The intent, held until the call ends, in a state in which this request is possible."""
        intent = reads.intent(self.connection, intent_id, is_locked=True)
        if intent.status not in PAYMENT_INTENT_REQUESTS[request]:
            raise unexpected_state(intent, request)
        return intent

    def _due(self, table: Table, shape: type[reads.Shape]) -> list[reads.Shape]:
        due = (
            select(table)
            .where(table.c.settles_at <= self.now)
            .order_by(table.c.settles_at, table.c.seq)
            .limit(MOST_MATURED)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return [reads.shaped(row, shape) for row in self.connection.execute(due).mappings()]

    def _spend(self, *, refunded_fen: int = 0, paid_out_fen: int = 0) -> None:
        """Takes from the available balance; two that spend at once wait for one another here."""
        books = tables.balance.c
        available = books.captured_fen - books.refunded_fen - books.paid_out_fen
        spent = self.connection.execute(
            update(tables.balance)
            .where(available >= refunded_fen + paid_out_fen)
            .values(refunded_fen=books.refunded_fen + refunded_fen, paid_out_fen=books.paid_out_fen + paid_out_fen)
        )
        if spent.rowcount != 1:
            raise InvalidRequest("balance_insufficient", "the available balance does not hold this amount")

    def _record(self, event_type: str, thing: dict[str, Any]) -> None:
        self.connection.execute(
            insert(tables.event).values(
                id=self.mint_id("evt"),
                type=event_type,
                created_at=self.now,
                data={"object": thing},
                due_at=self.now + timedelta(seconds=self.fate.late_s),
            )
        )


def unexpected_state(intent: PaymentIntent, request: str) -> InvalidRequest:
    """The refusal of a request that does not fit the state."""
    code = "payment_intent_unexpected_state"
    return InvalidRequest(code, f"{intent.id} is {intent.status}; it cannot {request}")
