"""Parties: organisations in control groups, the people who sign in for them, their roles, sessions and keys.

An organisation of kind PARTICIPANT may hold and bid; verifiers, the operator and the department may not (staff and
verifiers may not trade: CCER measures art. 37), which the ledger holds by a foreign key on (id, kind). A control group
(同一控制) is what no trade may stay inside.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Text,
    UniqueConstraint,
    delete,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Forbidden, NotFound
from tanyi.kernel.identity import credit_code
from tanyi.kernel.work import Actor, Reader, Work

PARTICIPANT, VERIFIER, OPERATOR, REGULATOR, SYSTEM_KIND = "PARTICIPANT", "VERIFIER", "OPERATOR", "REGULATOR", "SYSTEM"
KINDS = (PARTICIPANT, VERIFIER, OPERATOR, REGULATOR, SYSTEM_KIND)
ROLES = ("seller", "firm", "organiser", "verifier", "operator", "regulator")
SESSION_LENGTH = timedelta(hours=12)

_hasher = PasswordHasher()
# Verified when the user name is unknown, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


class WrongCredentials(Forbidden):
    """No such user, or not this password; which of the two is not said."""

    code = "parties.wrong_credentials"
    message = N_("The user name or the password is not right.")


class Organisation(Base):
    """A legal person, or the department, or the platform itself."""

    __tablename__ = "kernel_organisation"
    __table_args__ = (
        UniqueConstraint("id", "kind", name="organisation_kind_can_be_referred_to"),
        UniqueConstraint("id", "group_code", name="organisation_group_can_be_referred_to"),
        CheckConstraint(f"kind IN {KINDS}", name="kind_of_organisation_is_known"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    uscc: Mapped[str | None] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    group_code: Mapped[str] = mapped_column(Text)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    region: Mapped[str | None] = mapped_column(Text)
    place_zh: Mapped[str | None] = mapped_column(Text)
    place_en: Mapped[str | None] = mapped_column(Text)


class User(Base):
    """Somebody who signs in for one organisation."""

    __tablename__ = "kernel_user"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    username: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    display_name_zh: Mapped[str] = mapped_column(Text)
    display_name_en: Mapped[str] = mapped_column(Text)


class SignIn(Base):
    """A server-side session; only the hash of its token is stored, so the table cannot be used to sign in."""

    __tablename__ = "kernel_sign_in"
    token_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class ApiKey(Base):
    """A bearer key of a user, stored as its hash."""

    __tablename__ = "kernel_api_key"
    key_sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in, as the edge needs it."""

    user_id: int
    username: str
    organisation_id: int
    organisation_code: str
    organisation_name_zh: str
    organisation_name_en: str
    name_zh: str
    name_en: str
    roles: frozenset[str]

    @property
    def actor(self) -> Actor:
        label = f"{self.organisation_code}/user-{self.user_id}"
        return Actor(label, self.user_id, self.organisation_id, self.roles)


def enrol_organisation(
    work: Work,
    *,
    code: str,
    kind: str,
    group_code: str,
    name_zh: str,
    name_en: str,
    uscc: str | None = None,
    region: str | None = None,
    place_zh: str | None = None,
    place_en: str | None = None,
) -> Organisation:
    """Enters an organisation; its unified social credit code is checked."""
    party = Organisation(
        code=code,
        uscc=credit_code(uscc) if uscc else None,
        kind=kind,
        group_code=group_code,
        name_zh=name_zh,
        name_en=name_en,
        region=region,
        place_zh=place_zh,
        place_en=place_en,
    )
    work.session.add(party)
    work.session.flush()
    work.record("organisation.enrolled", code=code, kind=kind, group=group_code)
    return party


def enrol_user(
    work: Work,
    *,
    username: str,
    password: str | None,
    organisation_id: int,
    roles: list[str],
    name_zh: str,
    name_en: str,
) -> User:
    """Gives somebody a sign-in for an organisation; without a password nobody can sign in as this user."""
    person = User(
        username=username,
        password_hash="" if password is None else _hasher.hash(password),
        organisation_id=organisation_id,
        roles=sorted(roles),
        display_name_zh=name_zh,
        display_name_en=name_en,
    )
    work.session.add(person)
    work.session.flush()
    work.record("user.enrolled", user=f"user-{person.id}", organisation=str(organisation_id), roles=person.roles)
    return person


def grant_api_key(work: Work, *, user_id: int) -> str:
    """A new bearer key, returned once and stored as its hash."""
    key = f"tanyi_{secrets.token_urlsafe(32)}"
    work.session.add(ApiKey(key_sha256=_fingerprint(key), user_id=user_id))
    work.record("api_key.granted", user=f"user-{user_id}")
    return key


def sign_in(work: Work, *, username: str, password: str) -> str:
    """Checks the password and opens a session of twelve hours; gives its token, which is stored nowhere."""
    person = work.session.scalar(select(User).where(User.username == username))
    try:
        # a user without a password takes as long to refuse as an unknown one
        _hasher.verify((person.password_hash if person else "") or _NOBODY, password)
    except (Argon2Error, InvalidHashError) as wrong:
        raise WrongCredentials from wrong
    if person is None or not person.password_hash:
        raise WrongCredentials
    token = secrets.token_urlsafe(32)
    work.session.add(SignIn(token_sha256=_fingerprint(token), user_id=person.id, expires_at=work.now + SESSION_LENGTH))
    return token


def sign_out(work: Work, *, token: str) -> None:
    """Ends a session at once, on the server's side."""
    work.session.execute(delete(SignIn).where(SignIn.token_sha256 == _fingerprint(token)))


def by_session(reader: Reader, token: str) -> SignedIn | None:
    """Who holds this session token, while it lasts."""
    query = select(SignIn.user_id).where(SignIn.token_sha256 == _fingerprint(token), SignIn.expires_at > reader.now)
    return _signed_in(reader, reader.session.scalar(query))


def by_api_key(reader: Reader, key: str) -> SignedIn | None:
    """Who holds this bearer key."""
    return _signed_in(
        reader, reader.session.scalar(select(ApiKey.user_id).where(ApiKey.key_sha256 == _fingerprint(key)))
    )


def organisation(reader: Reader, code: str) -> Organisation:
    """An organisation by its code, or `NotFound`."""
    found = reader.session.scalar(select(Organisation).where(Organisation.code == code))
    if found is None:
        raise NotFound
    return found


def is_known(reader: Reader, code: str) -> bool:
    """Whether an organisation of this code was enrolled."""
    return reader.session.scalar(select(Organisation.id).where(Organisation.code == code)) is not None


def users_of(reader: Reader, organisation_id: int) -> list[SignedIn]:
    """The users of an organisation, oldest first."""
    ids = reader.session.scalars(select(User.id).where(User.organisation_id == organisation_id).order_by(User.id))
    return [found for user_id in ids.all() if (found := _signed_in(reader, user_id))]


def organisations(reader: Reader, ids: set[int]) -> dict[int, Organisation]:
    """The organisations with these ids."""
    rows = reader.session.scalars(select(Organisation).where(Organisation.id.in_(ids)))
    return {row.id: row for row in rows}


def _signed_in(reader: Reader, user_id: int | None) -> SignedIn | None:
    if user_id is None:
        return None
    query = select(User, Organisation).join(Organisation, Organisation.id == User.organisation_id)
    person, party = reader.session.execute(query.where(User.id == user_id)).one()
    return SignedIn(
        person.id,
        person.username,
        party.id,
        party.code,
        party.name_zh,
        party.name_en,
        person.display_name_zh,
        person.display_name_en,
        frozenset(person.roles),
    )


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def of_kind(reader: Reader, kind: str) -> list[Organisation]:
    """The organisations of one of `KINDS`, in the order of their codes."""
    return list(
        reader.session.scalars(select(Organisation).where(Organisation.kind == kind).order_by(Organisation.code))
    )


def named_like(reader: Reader, words: str) -> set[int]:
    """The organisations whose code or name has these words."""
    texts = (Organisation.code, Organisation.name_zh, Organisation.name_en)
    said = [text.icontains(words, autoescape=True) for text in texts]
    return set(reader.session.scalars(select(Organisation.id).where(or_(*said))))


def of_users(reader: Reader, user_ids: set[int]) -> dict[int, Organisation]:
    """The organisation that each of these users signs in for."""
    query = select(User.id, Organisation).join(Organisation, Organisation.id == User.organisation_id)
    return {row[0]: row[1] for row in reader.session.execute(query.where(User.id.in_(user_ids)))}
