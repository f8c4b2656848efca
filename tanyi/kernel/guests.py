"""Guests: small buyers without an account. A mobile number or an e-mail address is all that they must give.

A guest is an organisation of its own, in a control group of its own, with one user who has no password and the role of
an organiser. The way back is a link: its token is shown once (the edge sends it), kept as a hash, and opens a session for
thirty days. The contact is personal data: it stands in this table alone and never in the log. From one peer come at most
so many guests an hour; peers are kept as hashes.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, func, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import parties, sessions
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Conflict, Forbidden, Invalid
from tanyi.kernel.work import Reader, Work

MOBILE, EMAIL = "MOBILE", "EMAIL"
LINK_LASTS = timedelta(days=30)
WINDOW, MOST_IN_WINDOW = timedelta(hours=1), 10
ROLE = "organiser"
LONGEST_NAME = 200
_MOBILE = re.compile(r"(?:\+?86)?(1[3-9]\d{9})")  # mainland China
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


class ContactUnreadable(Invalid):
    """Neither a mobile number of the mainland nor an e-mail address."""

    code = "guests.contact_unreadable"
    message = N_("Please give a mobile number of 11 digits or an e-mail address.")


class TooManyGuests(Conflict):
    """More guests from one peer in an hour than people come."""

    code = "guests.too_many"
    message = N_("Too many guests have come from your network. Please try again in an hour, or sign in.")


class LinkExpired(Forbidden):
    """The link is not one of ours, was renewed since, or is older than thirty days."""

    code = "guests.link_expired"
    message = N_("This link has expired or was replaced by a newer one. Ask for a new link.")


class Guest(Base):
    """The contact of a guest, and the hash of the link that leads back."""

    __tablename__ = "kernel_guest"
    __table_args__ = (
        CheckConstraint("contact_kind IN ('MOBILE', 'EMAIL')", name="kind_of_a_contact_is_known"),
        Index("kernel_guest_by_peer", "peer_sha256", "came_at"),
    )
    user_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("kernel_user.id"), primary_key=True, autoincrement=False
    )
    contact_kind: Mapped[str] = mapped_column(Text)
    contact: Mapped[str] = mapped_column(Text, index=True)
    peer_sha256: Mapped[str] = mapped_column(Text)
    came_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    link_sha256: Mapped[str | None] = mapped_column(Text, unique=True)
    link_expires_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True)
class Renewed:
    """A fresh link for a guest: the edge sends it to the contact and shows it to nobody else."""

    contact_kind: str
    contact: str
    token: str


def contact_of(written: str) -> tuple[str, str]:
    """Kind and canonical form of a contact, or `ContactUnreadable`. Pure."""
    plain = written.strip()
    if found := _MOBILE.fullmatch(re.sub(r"[ \-]", "", plain)):
        return MOBILE, found.group(1)
    if _EMAIL.fullmatch(plain) and len(plain) <= 254:
        local, _, domain = plain.rpartition("@")
        return EMAIL, f"{local}@{domain.lower()}"
    raise ContactUnreadable


def welcome(work: Work, *, contact: str, name: str = "", peer: str = "") -> tuple[int, str]:
    """Makes a guest and opens its session; gives the user's id and the session's token.

    `name` is what a certificate will call the guest; without one it is called a guest with its number.
    """
    kind, plain = contact_of(contact)
    peer_sha256 = _fingerprint(f"peer {peer}")
    _refuse_unless_few(work, peer_sha256)
    code = f"GUEST-{secrets.token_hex(5).upper()}"
    called = "".join(letter for letter in name.strip()[:LONGEST_NAME] if letter.isprintable())
    name_zh = called or f"访客 {code}"
    name_en = called or f"Guest {code}"
    party = parties.enrol_organisation(
        work, code=code, kind=parties.PARTICIPANT, group_code=code, name_zh=name_zh, name_en=name_en
    )
    person = parties.enrol_user(
        work,
        username=code.lower(),
        password=None,
        organisation_id=party.id,
        roles=[ROLE],
        name_zh=name_zh,
        name_en=name_en,
    )
    work.session.add(
        Guest(user_id=person.id, contact_kind=kind, contact=plain, peer_sha256=peer_sha256, came_at=work.now)
    )
    work.session.flush()
    return person.id, sessions.begin(work, user_id=person.id)


def renew_link(work: Work, *, contact: str) -> list[Renewed]:
    """A fresh link for every guest of this contact, the older ones end; an unknown contact gives none and no refusal."""
    kind, plain = contact_of(contact)
    query = select(Guest).where(Guest.contact_kind == kind, Guest.contact == plain).with_for_update()
    return [_renewed(work, guest) for guest in work.session.scalars(query)]


def link_for(work: Work, *, user_id: int) -> Renewed:
    """A fresh link for the guest who is signed in."""
    return _renewed(work, work.session.get_one(Guest, user_id, with_for_update=True))


def come_back(work: Work, *, token: str) -> tuple[int, str]:
    """Opens a session for whoever holds a link; gives the user's id and the session's token."""
    query = select(Guest.user_id).where(Guest.link_sha256 == _fingerprint(token), Guest.link_expires_at > work.now)
    user_id = work.session.scalar(query)
    if user_id is None:
        raise LinkExpired
    return user_id, sessions.begin(work, user_id=user_id)


def is_guest(reader: Reader, user_id: int) -> bool:
    """Whether a user came as a guest."""
    return reader.session.get(Guest, user_id) is not None


def contact_told(reader: Reader, user_id: int) -> str:
    """The contact of a guest, for itself."""
    return reader.session.get_one(Guest, user_id).contact


def _renewed(work: Work, guest: Guest) -> Renewed:
    token = secrets.token_urlsafe(32)
    guest.link_sha256, guest.link_expires_at = _fingerprint(token), work.now + LINK_LASTS
    work.session.flush()
    return Renewed(guest.contact_kind, guest.contact, token)


def _refuse_unless_few(work: Work, peer_sha256: str) -> None:
    of_peer = (Guest.peer_sha256 == peer_sha256, Guest.came_at > work.now - WINDOW)
    if work.session.scalars(select(func.count()).select_from(Guest).where(*of_peer)).one() >= MOST_IN_WINDOW:
        raise TooManyGuests


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
