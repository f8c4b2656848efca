"""Every outside stimulus has an id and is handled once: the answer to a key is kept and given again.

The row is written in the effect's own transaction, so there is no effect without its answer. The same key with another
request is refused, twins in flight meet on the primary key and the second one waits for the first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Text, insert, select, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.canonical import sha256_hex
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.work import Work


class KeyMissing(Invalid):
    """A route that moves money or tonnes was called without an idempotency key."""

    code = "idempotency.key_missing"
    message = N_("This call moves money or tonnes: send an Idempotency-Key header of 8 to 100 characters.")


class KeyUsedOtherwise(Invalid):
    """The same key came with another request before."""

    code = "idempotency.key_used_otherwise"
    message = N_("This Idempotency-Key was used for another request before.")


class Answer(Base):
    """What was answered to a principal's key, with the fingerprint of the request."""

    __tablename__ = "kernel_answer"
    principal_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Text)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[int] = mapped_column(BigInteger)
    answered_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


def fingerprint(method: str, route: str, body: Any) -> str:
    """SHA-256 over method, route and the RFC 8785 form of the body."""
    return sha256_hex([method, route, body])


def is_key(key: str) -> bool:
    """Whether a key is as long as a key has to be."""
    return 8 <= len(key) <= 100


def known_answer(work: Work, *, key: str | None, request: str) -> dict[str, Any] | None:
    """The answer given before to this key and request; None the first time. Twins in flight queue here."""
    if key is None or not is_key(key):
        raise KeyMissing
    turn = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, :principal))")
    work.session.execute(turn, {"key": key, "principal": work.actor.user_id})
    query = select(Answer).where(Answer.principal_id == work.actor.user_id, Answer.key == key)
    kept = work.session.scalar(query)
    if kept is None:
        return None
    if kept.fingerprint != request:
        raise KeyUsedOtherwise
    return kept.answer


def keep_answer(work: Work, *, key: str, request: str, answer: dict[str, Any], status: int) -> None:
    """Keeps the answer with the effect it tells of."""
    row = {
        "principal_id": work.actor.user_id,
        "key": key,
        "fingerprint": request,
        "answer": answer,
        "status": status,
        "answered_at": work.now,
    }
    work.session.execute(insert(Answer), row)
