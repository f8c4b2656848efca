"""API keys: bearer keys of a person in one membership, told once and stored as hashes.

A key says what programs may do with it: `read` looks up, `write` changes, `trade` moves money or tonnes or decides that
they move. It ends when it expires, when it is revoked, and with its membership; each request asks anew.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Text,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import parties
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Invalid, NotFound
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Reader, Work

READ, WRITE, TRADE = "read", "write", "trade"
SCOPES = (READ, WRITE, TRADE)
NOTED_EVERY = timedelta(minutes=5)
SHOWN_CHARACTERS = 12
MOST_KEYS = 20


class NoScope(Invalid):
    """A key that may do nothing, or something that is no scope."""

    code = "api_keys.no_scope"
    message = N_("Choose what the key may do.")


class TooManyKeys(Invalid):
    """More living keys than one person needs in one organisation."""

    code = "api_keys.too_many"
    message = N_("At most %(most)s keys at a time. Revoke one that is not used any more.")


class ApiKey(Base):
    """A bearer key, stored as its hash; its first characters are kept so that its owner knows it again."""

    __tablename__ = "kernel_api_key"
    __table_args__ = (
        ForeignKeyConstraint(
            ["membership_id", "user_id"],
            ["kernel_membership.id", "kernel_membership.user_id"],
            name="a_key_acts_in_a_membership_of_its_person",
        ),
        CheckConstraint(
            "scopes <@ '{read,write,trade}'::text[] AND cardinality(scopes) > 0", name="a_key_has_a_known_scope"
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    key_sha256: Mapped[str] = mapped_column(Text, unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    membership_id: Mapped[int] = mapped_column(BigInteger, index=True)
    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    granted_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True)
class Bearer:
    """Who holds a key, and what the key may do."""

    person: SignedIn
    key_id: int
    scopes: frozenset[str]
    used_at: datetime | None


def grant_api_key(
    work: Work,
    *,
    user_id: int,
    membership_id: int | None = None,
    name: str = "",
    scopes: Collection[str] = SCOPES,
    expires_at: datetime | None = None,
) -> str:
    """A new bearer key, returned once and stored as its hash; in the oldest membership unless one is named."""
    acts_in = membership_id or parties.first_membership(work, user_id)
    assert acts_in is not None, "a key is granted to somebody who acts for an organisation"
    if not scopes or not set(scopes) <= set(SCOPES):
        raise NoScope
    if len([key for key in of_membership(work, acts_in) if key.revoked_at is None]) >= MOST_KEYS:
        raise TooManyKeys(most=MOST_KEYS)
    key = f"tanyi_{secrets.token_urlsafe(32)}"
    granted = ApiKey(
        key_sha256=_fingerprint(key),
        user_id=user_id,
        membership_id=acts_in,
        name=name,
        prefix=key[:SHOWN_CHARACTERS],
        scopes=sorted(scopes),
        granted_at=work.now,
        expires_at=expires_at,
    )
    work.session.add(granted)
    work.record("api_key.granted", user=f"user-{user_id}", scopes=granted.scopes)
    return key


def find(reader: Reader, key: str) -> Bearer | None:
    """Who holds this bearer key, while it lasts."""
    row = reader.session.scalar(
        select(ApiKey).where(
            ApiKey.key_sha256 == _fingerprint(key),
            ApiKey.revoked_at.is_(None),
            ApiKey.expires_at.is_(None) | (ApiKey.expires_at > reader.now),
        )
    )
    person = parties.in_membership(reader, row.membership_id) if row else None
    return Bearer(person, row.id, frozenset(row.scopes), row.used_at) if row and person else None


def note_use(work: Work, *, key_id: int) -> None:
    """Keeps that a key is in use; asked for only when the last time is some minutes ago (`NOTED_EVERY`)."""
    work.session.execute(update(ApiKey).where(ApiKey.id == key_id).values(used_at=work.now))


def revoke(work: Work, *, membership_id: int, key_id: int) -> None:
    """Ends a key at once; one of another membership does not exist."""
    mine = update(ApiKey).where(ApiKey.id == key_id, ApiKey.membership_id == membership_id, ApiKey.revoked_at.is_(None))
    owner_id = work.session.scalar(mine.values(revoked_at=work.now).returning(ApiKey.user_id))
    if owner_id is None:
        raise NotFound
    work.record("api_key.revoked", user=f"user-{owner_id}")


def of_membership(reader: Reader, membership_id: int) -> list[ApiKey]:
    """The keys of a membership, newest first, those that ended too."""
    query = select(ApiKey).where(ApiKey.membership_id == membership_id).order_by(ApiKey.id.desc())
    return list(reader.session.scalars(query))


def _fingerprint(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
