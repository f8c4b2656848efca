"""Sessions: who is signed in on a browser, in which of the memberships; kept in the database, ended on its side.

Only the hash of a token is stored, so the table cannot be used to sign in. A membership that ends takes its sessions
with it at once, because each request asks anew what the session may do.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Text, delete, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import parties, passwords
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Forbidden
from tanyi.kernel.parties import SignedIn, User
from tanyi.kernel.work import Reader, Work

SESSION_LENGTH = timedelta(hours=12)


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
    token_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    membership_id: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


def sign_in(work: Work, *, username: str, password: str) -> str:
    """Checks the password and opens a session of twelve hours; gives its token, which is stored nowhere."""
    person = work.session.scalar(select(User).where(User.username == username))
    passwords.refuse_unless_right(person.password_hash if person else None, password)
    assert person is not None, "nobody's password is never right"
    return begin(work, user_id=person.id)


def begin(work: Work, *, user_id: int) -> str:
    """Opens a session in the oldest membership; gives its token, which is stored nowhere."""
    membership_id = parties.first_membership(work, user_id)
    if membership_id is None:
        raise NoMembership
    token = secrets.token_urlsafe(32)
    work.session.add(
        SignIn(
            token_sha256=_fingerprint(token),
            user_id=user_id,
            membership_id=membership_id,
            expires_at=work.now + SESSION_LENGTH,
        )
    )
    work.session.flush()
    return token


def sign_out(work: Work, *, token: str) -> None:
    """Ends a session at once, on the server's side."""
    work.session.execute(delete(SignIn).where(SignIn.token_sha256 == _fingerprint(token)))


def by_session(reader: Reader, token: str) -> SignedIn | None:
    """Who holds this session token, while it lasts."""
    query = select(SignIn.membership_id).where(
        SignIn.token_sha256 == _fingerprint(token), SignIn.expires_at > reader.now
    )
    return parties.in_membership(reader, reader.session.scalar(query))


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
