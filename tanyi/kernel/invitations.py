"""Invitations: an administrator asks somebody by e-mail address to act for the organisation.

The link holds a token of which only the hash is kept; it lasts seven days and counts once. Whoever has the link may use
it, as a new person or as one who has a sign-in already, so it goes to the invited address and nowhere else. It is worth
nothing when it was withdrawn, and when whoever gave it administers the organisation no more.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Select,
    Text,
    select,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import members, messages, parties, passwords
from tanyi.kernel.clock import civil_date
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Conflict, Invalid, NotFound
from tanyi.kernel.members import Grant
from tanyi.kernel.parties import ROLES_FIT_THE_KIND, Membership, Organisation, User
from tanyi.kernel.work import Reader, Work

INVITATION_LENGTH = timedelta(days=7)
MOST_WAITING = 50
USER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}", re.ASCII)


class NotAnAddress(Invalid):
    """What was typed is no e-mail address."""

    code = "invitations.not_an_address"
    message = N_("Write one e-mail address, such as name@example.com.")


class TooManyInvitations(Conflict):
    """More invitations than anybody answers."""

    code = "invitations.too_many"
    message = N_("At most %(most)s invitations may wait at a time. Withdraw some first.")


class InvitationOver(Conflict):
    """The link was used, withdrawn or is too old; which of them is not said."""

    code = "invitations.over"
    message = N_("This invitation was used, was withdrawn, or is older than seven days. Ask for a new one.")


class AlreadyMember(Conflict):
    """The person acts for this organisation already."""

    code = "invitations.already_member"
    message = N_("You act for this organisation already.")


class UserNameTaken(Conflict):
    """Somebody has this user name."""

    code = "invitations.user_name_taken"
    message = N_("This user name is taken. Choose another one.")


class BadUserName(Invalid):
    """Not what a user name can be."""

    code = "invitations.bad_user_name"
    message = N_("Use 3 to 40 small letters, figures, dots and hyphens, beginning with a letter or figure.")


class Invitation(Base):
    """One invitation with what it would grant."""

    __tablename__ = "kernel_invitation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organisation_id", "organisation_kind"],
            ["kernel_organisation.id", "kernel_organisation.kind"],
            name="the_inviting_organisations_kind_is_copied",
        ),
        CheckConstraint(ROLES_FIT_THE_KIND, name="invited_roles_are_those_of_the_organisations_kind"),
        CheckConstraint(
            "accepted_at IS NULL OR withdrawn_at IS NULL", name="an_invitation_is_accepted_or_withdrawn_not_both"
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(BigInteger, index=True)
    organisation_kind: Mapped[str] = mapped_column(Text)
    email: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    rights: Mapped[list[str]] = mapped_column(ARRAY(Text))
    jurisdiction: Mapped[str | None] = mapped_column(Text)
    token_sha256: Mapped[str] = mapped_column(Text, unique=True)
    invited_by_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    invited_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    accepted_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


def invite(work: Work, *, organisation_id: int, email: str, grant: Grant, language: str = "zh") -> str:
    """Makes an invitation and sends it in this language; gives the token of its link, told once and kept as its hash."""
    members.refuse_unless_administrator(work, organisation_id=organisation_id)
    members.refuse_unless_grantable(work, organisation_id=organisation_id, grant=grant)
    if not messages.is_address(messages.EMAIL, email):
        raise NotAnAddress
    if len(waiting(work, organisation_id)) >= MOST_WAITING:
        raise TooManyInvitations(most=MOST_WAITING)
    assert work.actor.user_id is not None, "an administrator is a person"
    token = secrets.token_urlsafe(32)
    row = Invitation(
        organisation_id=organisation_id,
        organisation_kind=work.session.get_one(Organisation, organisation_id).kind,
        email=email,
        roles=sorted(grant.roles),
        rights=sorted(grant.rights),
        jurisdiction=grant.jurisdiction,
        token_sha256=_fingerprint(token),
        invited_by_id=work.actor.user_id,
        invited_at=work.now,
        expires_at=work.now + INVITATION_LENGTH,
    )
    work.session.add(row)
    work.record("invitation.made", organisation=str(organisation_id), roles=row.roles, rights=row.rights)
    _send(work, row, token, language)
    return token


def _send(work: Work, row: Invitation, token: str, language: str) -> None:
    """The link leaves with this transaction; the outbox forgets it as soon as it has left."""
    party = work.session.get_one(Organisation, row.organisation_id)
    names = {"name_zh": party.name_zh, "name_en": party.name_en}
    letter = messages.Letter(
        channel=messages.EMAIL,
        recipient=row.email,
        language=language,
        kind="invitation",
        facts={"organisation": names, "until_on": civil_date(row.expires_at).isoformat()},
        address=f"/invitations/{token}",
    )
    messages.queue(work, letters=[letter])


def withdraw(work: Work, *, organisation_id: int, invitation_id: int) -> None:
    """Takes an invitation back; one of another organisation does not exist."""
    members.refuse_unless_administrator(work, organisation_id=organisation_id)
    ours = select(Invitation).where(Invitation.id == invitation_id, Invitation.organisation_id == organisation_id)
    row = work.session.scalar(ours.with_for_update())
    if row is None:
        raise NotFound
    if row.accepted_at is not None or row.withdrawn_at is not None:
        raise InvitationOver
    row.withdrawn_at = work.now
    work.record("invitation.withdrawn", organisation=str(organisation_id))


def waiting(reader: Reader, organisation_id: int) -> list[Invitation]:
    """The invitations of an organisation that may still be accepted, newest first."""
    query = select(Invitation).where(
        Invitation.organisation_id == organisation_id,
        Invitation.accepted_at.is_(None),
        Invitation.withdrawn_at.is_(None),
        Invitation.expires_at > reader.now,
    )
    return list(reader.session.scalars(query.order_by(Invitation.id.desc())))


def open_by_token(reader: Reader, token: str) -> tuple[Invitation, Organisation]:
    """The invitation of this link while it may be accepted, else `InvitationOver`; `NotFound` for no invitation."""
    return _open(reader, select(Invitation).where(Invitation.token_sha256 == _fingerprint(token)))


def accept_as_new(work: Work, *, token: str, username: str, password: str, name: str) -> int:
    """A new person takes the invitation; gives the user's id."""
    row, party = _taken(work, token)
    if not USER_NAME.fullmatch(username):
        raise BadUserName
    if work.session.scalar(select(User.id).where(User.username == username)) is not None:
        raise UserNameTaken
    passwords.refuse_unless_strong(password, names=[username, name, row.email.partition("@")[0], party.name_en])
    person = parties.enrol_user(
        work,
        username=username,
        password=password,
        organisation_id=party.id,
        roles=row.roles,
        rights=row.rights,
        jurisdiction=row.jurisdiction,
        name_zh=name,
        name_en=name,
    )
    return person.id


def accept_as_member(work: Work, *, token: str, user_id: int) -> int:
    """Somebody who has a sign-in takes the invitation; gives the membership's id."""
    row, party = _taken(work, token)
    own = select(Membership.id).where(Membership.user_id == user_id, Membership.organisation_id == party.id)
    if work.session.scalar(own.where(Membership.ended_at.is_(None))) is not None:
        raise AlreadyMember
    return parties.add_member(
        work,
        user_id=user_id,
        organisation_id=party.id,
        roles=row.roles,
        rights=row.rights,
        jurisdiction=row.jurisdiction,
    )


def _taken(work: Work, token: str) -> tuple[Invitation, Organisation]:
    """Locked, so that of two who use the link at once one is refused."""
    query = select(Invitation).where(Invitation.token_sha256 == _fingerprint(token)).with_for_update()
    row, party = _open(work, query)
    row.accepted_at = work.now
    return row, party


def _open(reader: Reader, query: Select[Invitation]) -> tuple[Invitation, Organisation]:
    row = reader.session.scalar(query)
    if row is None:
        raise NotFound
    is_over = row.accepted_at is not None or row.withdrawn_at is not None or row.expires_at <= reader.now
    if is_over or not members.administers(reader, row.invited_by_id, row.organisation_id):
        raise InvitationOver
    return row, reader.session.get_one(Organisation, row.organisation_id)


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
