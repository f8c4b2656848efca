"""API keys: bearer keys of a person in one membership, told once and stored as hashes."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import parties
from tanyi.kernel.db import Base
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Reader, Work


class ApiKey(Base):
    """A bearer key of a user, stored as its hash."""

    __tablename__ = "kernel_api_key"
    __table_args__ = (
        ForeignKeyConstraint(
            ["membership_id", "user_id"],
            ["kernel_membership.id", "kernel_membership.user_id"],
            name="a_key_acts_in_a_membership_of_its_person",
        ),
    )
    key_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    membership_id: Mapped[int] = mapped_column(BigInteger)


def grant_api_key(work: Work, *, user_id: int, membership_id: int | None = None) -> str:
    """A new bearer key, returned once and stored as its hash; in the oldest membership unless one is named."""
    acts_in = membership_id or parties.first_membership(work, user_id)
    assert acts_in is not None, "a key is granted to somebody who acts for an organisation"
    key = f"tanyi_{secrets.token_urlsafe(32)}"
    work.session.add(ApiKey(key_sha256=_fingerprint(key), user_id=user_id, membership_id=acts_in))
    work.record("api_key.granted", user=f"user-{user_id}")
    return key


def by_api_key(reader: Reader, key: str) -> SignedIn | None:
    """Who holds this bearer key."""
    query = select(ApiKey.membership_id).where(ApiKey.key_sha256 == _fingerprint(key))
    return parties.in_membership(reader, reader.session.scalar(query))


def _fingerprint(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
