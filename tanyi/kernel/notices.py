"""Notices (站内通知): what happened that somebody should know, kept for each reader in the organisation it concerns.

A notice holds a kind and a few facts; the words are found at the edge, in the reader's language, so nothing here is
prose. It is written for each reader at the moment it is told, in the transaction of what it tells: who joins later has
not missed a decision that was made before. Who asked for it also gets it by e-mail or SMS (`tanyi/kernel/messages.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Text,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import messages, parties
from tanyi.kernel.db import Base
from tanyi.kernel.errors import NotFound
from tanyi.kernel.work import Reader, Work

LONGEST_FACT = 200
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


class Notice(Base):
    """One notice of one reader, who is a member of this organisation."""

    __tablename__ = "kernel_notice"
    __table_args__ = (
        CheckConstraint("address ~ '^/([^/\\\\].*)?$'", name="a_notice_leads_to_a_page_of_this_site"),
        Index("notices_by_reader", "user_id", "organisation_id", "id"),
        Index("unread_notices_by_reader", "user_id", "organisation_id", postgresql_where=text("read_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    kind: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    address: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    read_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True, kw_only=True)
class Note:
    """What to tell: to an organisation's members, to those with a right, or to one person acting for it.

    Facts are whole numbers, texts and names in two languages; the ending of a fact's name says its unit.
    """

    organisation_id: int
    kind: str
    address: str
    facts: Mapping[str, Any]
    right: str | None = None
    user_id: int | None = None


def plain_facts(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts whose texts are short and on one line: what people wrote never breaks a line of a header or a list."""
    return {name: _plain(fact) for name, fact in facts.items()}


def _plain(fact: Any) -> Any:
    if isinstance(fact, Mapping):
        return plain_facts(fact)
    return UNPRINTABLE.sub(" ", fact).strip()[:LONGEST_FACT] if isinstance(fact, str) else fact


def tell(work: Work, *, notes: Sequence[Note]) -> None:
    """Tells everyone concerned, set-based: a notice for each reader, and a message for who wants one."""
    told = _told(work, notes)
    contacts = messages.contacts(work, {user_id for _, _, user_id in told})
    rows, letters = [], []
    for note, facts, user_id in told:
        what = {"kind": note.kind, "facts": facts, "address": note.address}
        rows.append({"user_id": user_id, "organisation_id": note.organisation_id, "created_at": work.now} | what)
        if user_id in contacts:
            letters += messages.wanted_letters(contacts[user_id], **what)
    if rows:
        work.session.execute(insert(Notice), rows)
        messages.queue(work, letters=letters)


def _told(reader: Reader, notes: Sequence[Note]) -> list[tuple[Note, dict[str, Any], int]]:
    """Each note with its facts and each of its readers."""
    members = parties.members(reader, {note.organisation_id for note in notes if note.user_id is None})
    readers: dict[tuple[int, str | None], list[int]] = {}
    for member in members:
        for right in (None, *member.rights):
            readers.setdefault((member.organisation_id, right), []).append(member.user_id)
    told = []
    for note in notes:
        all_of_them = readers.get((note.organisation_id, note.right), [])
        some = all_of_them if note.user_id is None else [note.user_id]
        told += [(note, plain_facts(note.facts), user_id) for user_id in some]
    return told


def mark_read(work: Work, *, notice_id: int, user_id: int, organisation_id: int) -> Notice:
    """Marks an own notice as read and gives it; somebody else's is not admitted to exist."""
    found = own(work, notice_id=notice_id, user_id=user_id, organisation_id=organisation_id)
    if found.read_at is None:
        work.session.execute(update(Notice).where(Notice.id == notice_id).values(read_at=work.now))
    return found


def mark_all_read(work: Work, *, user_id: int, organisation_id: int) -> None:
    """Marks all of somebody's notices in one organisation as read."""
    unread_ones = update(Notice).where(*_own(user_id, organisation_id), Notice.read_at.is_(None))
    work.session.execute(unread_ones.values(read_at=work.now))


def unread(reader: Reader, *, user_id: int, organisation_id: int) -> int:
    """How many notices somebody has not read: one query over an index of unread ones only."""
    query = select(func.count()).select_from(Notice)
    return reader.session.scalars(query.where(*_own(user_id, organisation_id), Notice.read_at.is_(None))).one()


def own(reader: Reader, *, notice_id: int, user_id: int, organisation_id: int) -> Notice:
    """One own notice, or `NotFound`."""
    found = reader.session.scalar(select(Notice).where(*_own(user_id, organisation_id), Notice.id == notice_id))
    if found is None:
        raise NotFound
    return found


def newest(
    reader: Reader, *, user_id: int, organisation_id: int, first: int = 0, most: int = 200
) -> tuple[Sequence[Notice], int]:
    """Somebody's notices in one organisation, newest first, and how many there are."""
    mine = _own(user_id, organisation_id)
    total = reader.session.scalars(select(func.count()).select_from(Notice).where(*mine)).one()
    query = select(Notice).where(*mine).order_by(Notice.id.desc()).offset(first).limit(most)
    return reader.session.scalars(query).all(), total


def _own(user_id: int, organisation_id: int) -> tuple[Any, ...]:
    return Notice.user_id == user_id, Notice.organisation_id == organisation_id
