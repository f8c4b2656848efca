"""Messages that leave the house by e-mail or SMS: an outbox in the database, and where each person wants to be reached.

A row is written in the transaction of what it tells, so there is no message without its cause and no cause without its
message. It holds a kind and facts, never prose: the edge writes the words when it sends. A sender claims a row by its
state (`SKIP LOCKED`), which counts the attempt and puts the next one off; then no transaction is open while the message
leaves. A sender that dies in between is followed by another, so a message arrives at least once, always under the same
reference. After the last attempt it is dead (FAILED), where an operator sees it and may let it try again.

Addresses are personal data: they stand here and nowhere else, in no log and in no refusal.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.config import MAIL_ADDRESS
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Invalid, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle("message", "QUEUED", {"QUEUED": ("SENT", "FAILED"), "SENT": (), "FAILED": ("QUEUED",)})
EMAIL, SMS = "EMAIL", "SMS"
LANGUAGES = ("zh", "en")
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (2, 5, 15, 60, 240, 720))  # after each attempt but the last
MOST_ATTEMPTS = len(PAUSES)
SENDER_LOST = "sender_lost"  # the last attempt began and nobody said how it ended

MOBILE_NUMBER = re.compile(r"\+?[0-9]{6,15}", re.ASCII)
SHAPES = {EMAIL: MAIL_ADDRESS, SMS: MOBILE_NUMBER}
LONGEST_ADDRESS = 254


class NotAnAddress(Invalid):
    """What was given is no e-mail address and no mobile number, by the channel it was meant for."""

    code = "messages.not_an_address"
    message = N_("This is not an address that a message can be sent to.")


class Contact(Base):
    """Where one person is reached and for which kinds; somebody without a row reads notices on the site only."""

    __tablename__ = "kernel_contact"
    __table_args__ = (
        CheckConstraint("email !~ '[[:cntrl:][:space:]]'", name="an_email_address_is_one_word"),
        CheckConstraint("mobile ~ '^[+]?[0-9]{6,15}$'", name="a_mobile_number_is_digits"),
        CheckConstraint(f"language IN {LANGUAGES}", name="a_language_is_one_of_two"),
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"), primary_key=True, autoincrement=False)
    email: Mapped[str | None] = mapped_column(Text)
    mobile: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    email_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    sms_kinds: Mapped[list[str]] = mapped_column(ARRAY(Text))
    changed_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


class Message(Base):
    """One message to one address. `due_at` is when it is tried next; `address` is the page that it leads to."""

    __tablename__ = "kernel_message"
    __table_args__ = (
        CheckConstraint("channel IN ('EMAIL', 'SMS')", name="a_channel_is_known"),
        CheckConstraint("recipient !~ '[[:cntrl:][:space:]]'", name="a_recipient_is_one_word"),
        CheckConstraint("address ~ '^/([^/\\\\].*)?$'", name="a_message_leads_to_a_page_of_this_site"),
        CheckConstraint(f"language IN {LANGUAGES}", name="a_message_is_in_one_of_two_languages"),
        CheckConstraint("(state = 'QUEUED') = (ended_at IS NULL)", name="a_message_that_ended_says_when"),
        CheckConstraint("state <> 'FAILED' OR failure IS NOT NULL", name="a_dead_message_says_why"),
        CheckConstraint("state <> 'SENT' OR (recipient = '' AND address = '/')", name="what_has_left_is_forgotten"),
        Index("messages_to_send", "due_at", "id", postgresql_where=text("state = 'QUEUED'")),
        Index("dead_messages", "id", postgresql_where=text("state = 'FAILED'")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    reference: Mapped[str] = mapped_column(Text, unique=True)
    channel: Mapped[str] = mapped_column(Text)
    recipient: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    address: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    failure: Mapped[str | None] = mapped_column(Text)
    queued_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    due_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True, kw_only=True)
class Letter:
    """A message to queue."""

    channel: str
    recipient: str
    language: str
    kind: str
    facts: Mapping[str, Any]
    address: str


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How somebody wants to be reached."""

    email: str | None
    mobile: str | None
    language: str
    email_kinds: Collection[str]
    sms_kinds: Collection[str]


def is_address(channel: str, address: str) -> bool:
    """One e-mail address or one mobile number, of visible ASCII characters only: nothing that could end a header."""
    return len(address) <= LONGEST_ADDRESS and SHAPES[channel].fullmatch(address) is not None


def refuse_unless_address(channel: str, address: str) -> None:
    """Something that a message can be sent to."""
    if not is_address(channel, address):
        raise NotAnAddress


def keep_contact(work: Work, *, user_id: int, wish: Wish) -> None:
    """Keeps where and for what somebody wants to be reached; the log hears that it changed, never to what."""
    for channel, address in ((EMAIL, wish.email), (SMS, wish.mobile)):
        if address is not None:
            refuse_unless_address(channel, address)
    kinds = {"email_kinds": sorted(set(wish.email_kinds)), "sms_kinds": sorted(set(wish.sms_kinds))}
    row = vars(wish) | kinds | {"changed_at": work.now}
    fresh = upsert(Contact).values(user_id=user_id, **row)
    work.session.execute(fresh.on_conflict_do_update(index_elements=[Contact.user_id], set_=row))
    work.record("contact.changed", user=f"user-{user_id}")


def queue(work: Work, *, letters: Sequence[Letter]) -> None:
    """Writes messages into the outbox, set-based; they leave after this transaction is committed, or never."""
    for letter in letters:
        refuse_unless_address(letter.channel, letter.recipient)
    rows = [
        vars(letter)
        | {"facts": dict(letter.facts), "reference": secrets.token_hex(16), "state": STATES.initial}
        | {"queued_at": work.now, "due_at": work.now}
        for letter in letters
    ]
    if rows:
        work.session.execute(insert(Message), rows)


def wanted_letters(contact: Contact, *, kind: str, facts: Mapping[str, Any], address: str) -> list[Letter]:
    """The letters that somebody wants to have of this kind: by e-mail, by SMS, or none."""
    ways = ((EMAIL, contact.email, contact.email_kinds), (SMS, contact.mobile, contact.sms_kinds))
    return [
        Letter(channel=by, recipient=to, language=contact.language, kind=kind, facts=facts, address=address)
        for by, to, kinds in ways
        if to is not None and kind in kinds
    ]


def claim(work: Work) -> Message | None:
    """The message that waits longest, for the sender who asks: its attempt is counted and the next one put off.

    A message whose last attempt was never heard of again ends here.
    """
    waiting = select(Message).where(Message.state == "QUEUED", Message.due_at <= work.now)
    query = waiting.order_by(Message.due_at, Message.id).limit(1).with_for_update(skip_locked=True)
    while (found := work.session.scalar(query.execution_options(populate_existing=True))) is not None:
        if found.attempts < MOST_ATTEMPTS:
            _set(work, found, attempts=found.attempts + 1, due_at=work.now + PAUSES[found.attempts])
            return found
        _end(work, found, "FAILED", failure=SENDER_LOST)
    return None


def note_sent(work: Work, *, message_id: int) -> None:
    """The message has left: to whom, and a link that may hold a secret, are not kept any longer."""
    _end(work, _locked(work, message_id), "SENT", failure=None, recipient="", address="/")


def note_not_sent(work: Work, *, message_id: int, failure: str, is_final: bool = False) -> None:
    """The attempt failed: the message waits for the next one, or is dead after the last or a hopeless one."""
    found = _locked(work, message_id)
    if is_final or found.attempts >= MOST_ATTEMPTS:
        _end(work, found, "FAILED", failure=failure)
    else:
        _set(work, found, failure=failure)


def send_again(work: Work, *, message_id: int) -> None:
    """Lets a dead message try from the beginning."""
    found = _locked(work, message_id)
    STATES.refuse_unless_may(found.state, "QUEUED")
    _set(work, found, state="QUEUED", attempts=0, due_at=work.now, ended_at=None)
    work.record("message.queued_again", message=found.reference)


def _locked(work: Work, message_id: int) -> Message:
    found = work.session.get(Message, message_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound
    return found


def _end(work: Work, found: Message, state: str, *, failure: str | None, **forgotten: str) -> None:
    STATES.refuse_unless_may(found.state, state)
    _set(work, found, state=state, ended_at=work.now, failure=failure, **forgotten)


def _set(work: Work, found: Message, **columns: object) -> None:
    work.session.execute(update(Message).where(Message.id == found.id).values(**columns))


def contact_of(reader: Reader, user_id: int) -> Contact | None:
    """How somebody wants to be reached, None while nothing was said."""
    return reader.session.get(Contact, user_id)


def contacts(reader: Reader, user_ids: Collection[int]) -> dict[int, Contact]:
    """How these people want to be reached, as far as they said."""
    query = select(Contact).where(Contact.user_id.in_(set(user_ids)))
    return {contact.user_id: contact for contact in reader.session.scalars(query)}


def troubled(reader: Reader, *, first: int = 0, most: int = 50) -> Sequence[Message]:
    """Messages that are dead, newest first."""
    query = select(Message).where(Message.state == "FAILED").order_by(Message.id.desc())
    return reader.session.scalars(query.offset(first).limit(most)).all()


def counted(reader: Reader) -> dict[str, int]:
    """How many messages are in each state."""
    query = select(Message.state, func.count()).group_by(Message.state)
    return {row[0]: row[1] for row in reader.session.execute(query)}
