"""Sessions: who is signed in on a browser, in which of the memberships; kept in the database, ended on its side.

A session ends twelve hours after it began, two hours after it was last used, when it is revoked, and when its membership
ends, because each request asks anew. Its token is new at sign-in, after the second factor, at switching organisation and
when credentials change, so a token that somebody planted or saw earlier is worth nothing (session fixation). Only the hash
of a token is stored, so the table cannot be used to sign in. Between the two steps of signing in there is no session but a
pending sign-in, in a table of its own, which opens no page.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Text,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import parties
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Forbidden, NotFound
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Reader, Work

SESSION_LENGTH = timedelta(hours=12)
IDLE_LENGTH = timedelta(hours=2)
NOTED_EVERY = timedelta(minutes=5)
PENDING_LENGTH = timedelta(minutes=10)


class NoMembership(Forbidden):
    """The password was right, but this person acts for no organisation any more."""

    code = "sessions.no_membership"
    message = N_("You do not act for any organisation. Ask an administrator of yours to invite you again.")


class SignIn(Base):
    """A server-side session; only the hash of its token is stored."""

    __tablename__ = "kernel_sign_in"
    __table_args__ = (
        ForeignKeyConstraint(
            ["membership_id", "user_id"],
            ["kernel_membership.id", "kernel_membership.user_id"],
            name="a_session_acts_in_a_membership_of_its_person",
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(Text, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"), index=True)
    membership_id: Mapped[int] = mapped_column(BigInteger)
    browser: Mapped[str] = mapped_column(Text)
    began_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    seen_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class PendingSignIn(Base):
    """Somebody whose password was right and whose second factor is awaited."""

    __tablename__ = "kernel_pending_sign_in"
    token_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True)
class Session:
    """One session as its owner sees it."""

    id: int
    membership_id: int
    browser: str
    began_at: datetime
    seen_at: datetime
    expires_at: datetime


def begin(work: Work, *, user_id: int, browser: str = "") -> str:
    """Opens a session in the oldest membership; gives its token, which is stored nowhere."""
    membership_id = parties.first_membership(work, user_id)
    if membership_id is None:
        raise NoMembership
    work.session.execute(delete(SignIn).where(SignIn.user_id == user_id, ~_is_alive(work)))
    token = secrets.token_urlsafe(32)
    row = SignIn(
        token_sha256=_fingerprint(token),
        user_id=user_id,
        membership_id=membership_id,
        browser=browser,
        began_at=work.now,
        seen_at=work.now,
        expires_at=work.now + SESSION_LENGTH,
    )
    work.session.add(row)
    return token


def find(reader: Reader, token: str) -> tuple[Session, SignedIn] | None:
    """The session of this token and who acts in it, while both last."""
    row = reader.session.scalar(select(SignIn).where(SignIn.token_sha256 == _fingerprint(token), _is_alive(reader)))
    person = parties.in_membership(reader, row.membership_id) if row else None
    return (_session(row), person) if row and person else None


def by_session(reader: Reader, token: str) -> SignedIn | None:
    """Who holds this session token, while it lasts."""
    found = find(reader, token)
    return found[1] if found else None


def note_use(work: Work, *, session_id: int) -> None:
    """Keeps that a session is in use; asked for only when the last time is some minutes ago (`NOTED_EVERY`)."""
    work.session.execute(
        update(SignIn).where(SignIn.id == session_id, SignIn.seen_at < work.now).values(seen_at=work.now)
    )


def renew(work: Work, *, token: str, membership_id: int | None = None) -> str:
    """Gives a living session a new token, in another membership of the same person if one is named."""
    row = work.session.scalar(
        select(SignIn).where(SignIn.token_sha256 == _fingerprint(token), _is_alive(work)).with_for_update()
    )
    if row is None:
        raise NotFound
    if membership_id is not None:
        acting = parties.in_membership(work, membership_id)
        if acting is None or acting.user_id != row.user_id:
            raise NotFound
        row.membership_id = membership_id
    fresh = secrets.token_urlsafe(32)
    row.token_sha256 = _fingerprint(fresh)
    return fresh


def sign_out(work: Work, *, token: str) -> None:
    """Ends a session at once, on the server's side."""
    work.session.execute(delete(SignIn).where(SignIn.token_sha256 == _fingerprint(token)))


def revoke(work: Work, *, user_id: int, session_id: int) -> None:
    """Ends one session of a user; one that is not theirs does not exist."""
    mine = delete(SignIn).where(SignIn.id == session_id, SignIn.user_id == user_id).returning(SignIn.id)
    if work.session.scalar(mine) is None:
        raise NotFound
    work.record("session.revoked", user=f"user-{user_id}")


def revoke_others(work: Work, *, user_id: int, token: str) -> int:
    """Ends all sessions of a user but the one of this token; gives how many."""
    others = delete(SignIn).where(SignIn.user_id == user_id, SignIn.token_sha256 != _fingerprint(token))
    ended = len(work.session.scalars(others.returning(SignIn.id)).all())
    work.record("session.others_revoked", user=f"user-{user_id}", sessions=str(ended))
    return ended


def of_user(reader: Reader, user_id: int) -> list[Session]:
    """The living sessions of a user, last used first."""
    query = select(SignIn).where(SignIn.user_id == user_id, _is_alive(reader))
    return [_session(row) for row in reader.session.scalars(query.order_by(SignIn.seen_at.desc(), SignIn.id.desc()))]


def await_second_step(work: Work, *, user_id: int) -> str:
    """Notes that a password was right; gives the token that the second step must bring."""
    work.session.execute(delete(PendingSignIn).where(PendingSignIn.expires_at <= work.now))
    token = secrets.token_urlsafe(32)
    work.session.add(
        PendingSignIn(token_sha256=_fingerprint(token), user_id=user_id, expires_at=work.now + PENDING_LENGTH)
    )
    return token


def awaited(reader: Reader, token: str) -> int | None:
    """Whose second step is awaited under this token."""
    query = select(PendingSignIn.user_id).where(PendingSignIn.token_sha256 == _fingerprint(token))
    return reader.session.scalar(query.where(PendingSignIn.expires_at > reader.now))


def end_waiting(work: Work, *, token: str) -> None:
    """The second step was taken, or given up."""
    work.session.execute(delete(PendingSignIn).where(PendingSignIn.token_sha256 == _fingerprint(token)))


def _is_alive(reader: Reader) -> ColumnElement[bool]:
    return (SignIn.expires_at > reader.now) & (SignIn.seen_at > reader.now - IDLE_LENGTH)


def _session(row: SignIn) -> Session:
    return Session(row.id, row.membership_id, row.browser, row.began_at, row.seen_at, row.expires_at)


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
