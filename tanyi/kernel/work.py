"""One unit of work: a database session, an instant, an actor, and what happened in it.

Verbs take `work` first and never commit; the edge opens it and leaving it with an exception undoes everything. What
happened is gathered here by `record` and written by the floor above (`tanyi.ledger.audit_log`) as the last step before
the commit, because the head of the log is locked last and briefly. Reads take a `Reader`, which cannot record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from tanyi.kernel.clock import civil_date


@dataclass(frozen=True)
class Actor:
    """Who acts. `label` goes to the public log, so it names an office or a number, never a person."""

    label: str
    user_id: int | None = None
    organisation_id: int | None = None
    roles: frozenset[str] = frozenset()
    rights: frozenset[str] = frozenset()  # to PREPARE, APPROVE, ADMINISTER; see tanyi.kernel.parties


SYSTEM = Actor(label="system")


@dataclass(frozen=True)
class Happening:
    """One entry for the log: a past-tense dotted name and JSON facts (figures as strings, no personal data)."""

    event: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Reader:
    """A session to read through and the instant at which it was opened."""

    session: Session
    now: datetime

    @property
    def today(self) -> date:
        return civil_date(self.now)


@dataclass(frozen=True)
class Work(Reader):
    """A reader that may also write and that remembers what happened."""

    actor: Actor = SYSTEM
    happenings: list[Happening] = field(default_factory=list)

    def record(self, event: str, **facts: Any) -> None:
        """Notes that something happened; it reaches the log in the same transaction, or not at all."""
        self.happenings.append(Happening(event, facts))
