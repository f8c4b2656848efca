"""Attempts: how often something was tried within a while, counted in the database, across processes and restarts.

A while begins with its first try and ends a fixed time later, whatever happens in it: who goes on trying does not make
the pause longer, so nobody is locked out for ever. What is counted is known by a mark only (see `sealing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import Integer, Text, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import TIMESTAMP, insert
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base
from tanyi.kernel.work import Reader, Work

FORGOTTEN_AFTER = timedelta(hours=24)
MOST_FORGOTTEN = 100


class Attempt(Base):
    """So many tries of one thing since a moment."""

    __tablename__ = "kernel_attempt"
    mark: Mapped[str] = mapped_column(Text, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), index=True)
    tries: Mapped[int] = mapped_column(Integer)


class KnownPlace(Base):
    """A person signed in from an address, which counts as known for a while."""

    __tablename__ = "kernel_known_place"
    mark: Mapped[str] = mapped_column(Text, primary_key=True)
    known_until_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), index=True)


def count(work: Work, *, most: Mapping[str, int], within: timedelta) -> bool:
    """Counts one try under each mark; whether every one of them is still within its number of tries."""
    _forget(work)
    is_within = True
    for mark in sorted(most):  # in one order, so that two counts never wait for each other
        is_old = Attempt.started_at <= work.now - within
        fresh = insert(Attempt).values(mark=mark, started_at=work.now, tries=1)
        again = fresh.on_conflict_do_update(
            index_elements=[Attempt.mark],
            set_={
                "tries": case((is_old, 1), else_=Attempt.tries + 1),
                "started_at": case((is_old, work.now), else_=Attempt.started_at),
            },
        )
        tries = work.session.scalar(again.returning(Attempt.tries))
        is_within = is_within and tries is not None and tries <= most[mark]
    return is_within


def take_back(work: Work, *, marks: list[str]) -> None:
    """One try under each mark was no wrong one after all."""
    fewer = update(Attempt).where(Attempt.mark.in_(marks)).values(tries=func.greatest(Attempt.tries - 1, 0))
    work.session.execute(fewer)


def forget(work: Work, *, mark: str) -> None:
    """Forgets what was tried under a mark."""
    work.session.execute(delete(Attempt).where(Attempt.mark == mark))


def know_place(work: Work, *, mark: str, until_at: datetime) -> None:
    """Remembers that this person signed in from this address."""
    known = insert(KnownPlace).values(mark=mark, known_until_at=until_at)
    work.session.execute(
        known.on_conflict_do_update(index_elements=[KnownPlace.mark], set_={"known_until_at": until_at})
    )


def is_known_place(reader: Reader, *, mark: str) -> bool:
    """Whether this person signed in from this address lately."""
    found = select(KnownPlace.mark).where(KnownPlace.mark == mark, KnownPlace.known_until_at > reader.now)
    return reader.session.scalar(found) is not None


def _forget(work: Work) -> None:
    """Takes some of what is long over out of both tables, without waiting for anybody."""
    for row, at in ((Attempt, Attempt.started_at), (KnownPlace, KnownPlace.known_until_at)):
        old = select(row.mark).where(at < work.now - FORGOTTEN_AFTER).limit(MOST_FORGOTTEN)
        old = old.with_for_update(skip_locked=True)
        work.session.execute(delete(row).where(row.mark.in_(old)).execution_options(synchronize_session=False))
