"""Parties: organisations in control groups, the people who act for them, and what each may do there.

An organisation of kind PARTICIPANT may hold and bid; verifiers, the operator and the department may not (staff and
verifiers may not trade: CCER measures art. 37), which the ledger holds by a foreign key on (id, kind). A control group
(同一控制) is what no trade may stay inside.

A person is one user, however many organisations he or she acts for: each is a membership, with the roles that the kind
of the organisation allows (the database refuses others) and with rights. PREPARE prepares what moves money or tonnes,
APPROVE approves it, ADMINISTER invites people and grants both. Who is enrolled first in an organisation has all three, so
that a firm of one person can work; who comes later prepares, unless told otherwise. A session and a key act in one
membership, never in all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Row,
    Select,
    Text,
    UniqueConstraint,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import passwords
from tanyi.kernel.db import Base
from tanyi.kernel.errors import NotFound
from tanyi.kernel.identity import credit_code
from tanyi.kernel.work import Actor, Reader, Work

PARTICIPANT, VERIFIER, OPERATOR, REGULATOR, SYSTEM_KIND = "PARTICIPANT", "VERIFIER", "OPERATOR", "REGULATOR", "SYSTEM"
KINDS = (PARTICIPANT, VERIFIER, OPERATOR, REGULATOR, SYSTEM_KIND)
ROLES = ("seller", "firm", "organiser", "verifier", "operator", "regulator")
ROLES_OF_KIND = {
    PARTICIPANT: ("seller", "firm", "organiser"),
    VERIFIER: ("verifier",),
    OPERATOR: ("operator",),
    REGULATOR: ("regulator",),
    SYSTEM_KIND: (),
}
PREPARE, APPROVE, ADMINISTER = "PREPARE", "APPROVE", "ADMINISTER"
RIGHTS = (PREPARE, APPROVE, ADMINISTER)
ROLES_FIT_THE_KIND = (
    "roles <@ CASE organisation_kind WHEN 'PARTICIPANT' THEN '{seller,firm,organiser}'::text[] "
    "WHEN 'VERIFIER' THEN '{verifier}'::text[] WHEN 'OPERATOR' THEN '{operator}'::text[] "
    "WHEN 'REGULATOR' THEN '{regulator}'::text[] ELSE '{}'::text[] END"
)


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
    """Somebody who signs in, for one organisation or several."""

    __tablename__ = "kernel_user"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    username: Mapped[str] = mapped_column(Text, unique=True)
    password_hash: Mapped[str] = mapped_column(Text)
    display_name_zh: Mapped[str] = mapped_column(Text)
    display_name_en: Mapped[str] = mapped_column(Text)
    credentials_changed_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Membership(Base):
    """That somebody acts for an organisation, as what, with which rights; ended, never deleted."""

    __tablename__ = "kernel_membership"
    __table_args__ = (
        UniqueConstraint("user_id", "organisation_id", name="a_person_is_a_member_of_an_organisation_once"),
        UniqueConstraint("id", "user_id", name="the_person_of_a_membership_can_be_referred_to"),
        ForeignKeyConstraint(
            ["organisation_id", "organisation_kind"],
            ["kernel_organisation.id", "kernel_organisation.kind"],
            name="the_organisations_kind_is_copied",
        ),
        CheckConstraint(ROLES_FIT_THE_KIND, name="roles_are_those_of_the_organisations_kind"),
        CheckConstraint(
            "rights <@ '{PREPARE,APPROVE,ADMINISTER}'::text[]",
            name="rights_are_to_prepare_to_approve_and_to_administer",
        ),
        CheckConstraint(
            "jurisdiction IS NULL OR organisation_kind = 'REGULATOR' AND jurisdiction ~ '^13[0-9]{4}$'",
            name="a_jurisdiction_is_a_region_of_hebei_and_a_regulators",
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    organisation_id: Mapped[int] = mapped_column(BigInteger, index=True)
    organisation_kind: Mapped[str] = mapped_column(Text)
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    rights: Mapped[list[str]] = mapped_column(ARRAY(Text))
    jurisdiction: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True)
class Acting:
    """One organisation that somebody may act for."""

    membership_id: int
    organisation_id: int
    organisation_code: str
    organisation_name_zh: str
    organisation_name_en: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Member:
    """Somebody who acts for an organisation now."""

    organisation_id: int
    user_id: int
    roles: frozenset[str]
    rights: frozenset[str]


@dataclass(frozen=True)
class SignedIn:
    """Who is signed in and for whom, as the edge needs it: everything but `memberships` is of the acting membership."""

    user_id: int
    username: str
    organisation_id: int
    organisation_code: str
    organisation_name_zh: str
    organisation_name_en: str
    name_zh: str
    name_en: str
    roles: frozenset[str]
    rights: frozenset[str]
    jurisdiction: str | None
    membership_id: int
    memberships: tuple[Acting, ...]

    @property
    def actor(self) -> Actor:
        label = f"{self.organisation_code}/user-{self.user_id}"
        return Actor(label, self.user_id, self.organisation_id, self.roles, self.rights)


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
    rights: Collection[str] | None = None,
    jurisdiction: str | None = None,
) -> User:
    """Gives somebody a sign-in and a first membership; without a password nobody can sign in as this user.

    Without `rights`: all three for the first member of an organisation, PREPARE for whoever comes later.
    """
    person = User(
        username=username,
        password_hash=passwords.hashed(password),
        display_name_zh=name_zh,
        display_name_en=name_en,
        credentials_changed_at=work.now,
    )
    work.session.add(person)
    work.session.flush()
    work.record("user.enrolled", user=f"user-{person.id}")
    add_member(
        work,
        user_id=person.id,
        organisation_id=organisation_id,
        roles=roles,
        rights=rights,
        jurisdiction=jurisdiction,
    )
    return person


def add_member(
    work: Work,
    *,
    user_id: int,
    organisation_id: int,
    roles: Collection[str],
    rights: Collection[str] | None = None,
    jurisdiction: str | None = None,
) -> int:
    """Lets somebody act for an organisation, again if that had ended; gives the membership's id."""
    party = work.session.get_one(Organisation, organisation_id)
    ours = select(Membership).where(Membership.organisation_id == organisation_id)
    if rights is None:
        is_first = work.session.scalar(select(ours.where(Membership.ended_at.is_(None)).exists())) is False
        rights = RIGHTS if is_first else (PREPARE,)
    member = work.session.scalar(ours.where(Membership.user_id == user_id))
    if member is None:
        member = Membership(user_id=user_id, organisation_id=organisation_id, organisation_kind=party.kind)
        work.session.add(member)
    member.roles, member.rights = sorted(roles), sorted(rights)
    member.jurisdiction, member.ended_at = jurisdiction, None
    work.session.flush()
    said = {"user": f"user-{user_id}", "organisation": party.code, "roles": member.roles, "rights": member.rights}
    work.record("membership.granted", **said, jurisdiction=jurisdiction)
    return member.id


def organisation(reader: Reader, code: str) -> Organisation:
    """An organisation by its code, or `NotFound`."""
    found = reader.session.scalar(select(Organisation).where(Organisation.code == code))
    if found is None:
        raise NotFound
    return found


def is_known(reader: Reader, code: str) -> bool:
    """Whether an organisation of this code was enrolled."""
    return reader.session.scalar(select(Organisation.id).where(Organisation.code == code)) is not None


def organisations(reader: Reader, ids: set[int]) -> dict[int, Organisation]:
    """The organisations with these ids."""
    rows = reader.session.scalars(select(Organisation).where(Organisation.id.in_(ids)))
    return {row.id: row for row in rows}


def named_like(reader: Reader, words: str) -> set[int]:
    """The organisations whose code or name has these words."""
    texts = (Organisation.code, Organisation.name_zh, Organisation.name_en)
    said = [text.icontains(words, autoescape=True) for text in texts]
    return set(reader.session.scalars(select(Organisation.id).where(or_(*said))))


def users_of(reader: Reader, organisation_id: int) -> list[SignedIn]:
    """The people who act for an organisation now, each as acting for it, longest first."""
    rows = reader.session.execute(
        _acting().where(Membership.organisation_id == organisation_id).order_by(Membership.id)
    ).all()
    others = _memberships(reader, [row.Membership.user_id for row in rows])
    return [_signed_in(row, others[row.Membership.user_id]) for row in rows]


def members(reader: Reader, organisation_ids: Collection[int]) -> list[Member]:
    """Who acts for these organisations now, longest first, in one query."""
    query = select(Membership).where(Membership.organisation_id.in_(organisation_ids), Membership.ended_at.is_(None))
    rows = reader.session.scalars(query.order_by(Membership.id))
    return [Member(row.organisation_id, row.user_id, frozenset(row.roles), frozenset(row.rights)) for row in rows]


def people(reader: Reader, user_ids: Collection[int]) -> dict[int, User]:
    """These persons, whether or not they still act for anybody."""
    return {row.id: row for row in reader.session.scalars(select(User).where(User.id.in_(user_ids)))}


def of_users(reader: Reader, user_ids: set[int], kind: str | None = None) -> dict[int, Organisation]:
    """The organisation that each of these users acts or acted for: the oldest, of this kind if one is given."""
    query = select(Membership.user_id, Organisation).join(Organisation, Organisation.id == Membership.organisation_id)
    query = query.where(Membership.user_id.in_(user_ids)).order_by(Membership.id.desc())
    if kind is not None:
        query = query.where(Membership.organisation_kind == kind)
    return {row[0]: row[1] for row in reader.session.execute(query)}


def in_membership(reader: Reader, membership_id: int | None) -> SignedIn | None:
    """Who acts in this membership, as long as it has not ended."""
    row = reader.session.execute(_acting().where(Membership.id == membership_id)).one_or_none()
    if row is None:
        return None
    return _signed_in(row, _memberships(reader, [row.Membership.user_id])[row.Membership.user_id])


def first_membership(reader: Reader, user_id: int) -> int | None:
    """The oldest membership of a user that has not ended."""
    query = select(func.min(Membership.id)).where(Membership.user_id == user_id, Membership.ended_at.is_(None))
    return reader.session.scalar(query)


def _acting() -> Select[Membership, User, Organisation]:
    query = select(Membership, User, Organisation).join(User, User.id == Membership.user_id)
    query = query.join(Organisation, Organisation.id == Membership.organisation_id)
    return query.where(Membership.ended_at.is_(None))


def _memberships(reader: Reader, user_ids: Collection[int]) -> dict[int, tuple[Acting, ...]]:
    rows = reader.session.execute(_acting().where(User.id.in_(user_ids)).order_by(Membership.id)).all()
    found: dict[int, tuple[Acting, ...]] = dict.fromkeys(user_ids, ())
    for member, person, party in rows:
        acting = Acting(member.id, party.id, party.code, party.name_zh, party.name_en, frozenset(member.roles))
        found[person.id] += (acting,)
    return found


def _signed_in(row: Row[Membership, User, Organisation], memberships: tuple[Acting, ...]) -> SignedIn:
    member, person, party = row
    return SignedIn(
        user_id=person.id,
        username=person.username,
        organisation_id=party.id,
        organisation_code=party.code,
        organisation_name_zh=party.name_zh,
        organisation_name_en=party.name_en,
        name_zh=person.display_name_zh,
        name_en=person.display_name_en,
        roles=frozenset(member.roles),
        rights=frozenset(member.rights),
        jurisdiction=member.jurisdiction,
        membership_id=member.id,
        memberships=memberships,
    )
