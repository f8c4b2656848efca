"""The book of approvals: one row for each act that waits for a second person, and how it is read.

What was prepared never changes: the database refuses it, the hash beside the document tells it, and so does the log,
where the hash was written when the act was prepared. Who may see a row is the organisation that prepared it and the one
that decides it. What happens to a row is written in `tanyi/kernel/approvals.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Computed,
    Date,
    ForeignKey,
    Identity,
    Index,
    Text,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.canonical import read_canonical, sha256_hex
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Conflict, NotFound
from tanyi.kernel.work import Reader


class NotWhatWasShown(Conflict):
    """The document is not the one whose hash was prepared, logged or shown."""

    code = "approvals.not_what_was_shown"
    message = N_("What is stored is not what was shown to you. Nothing was done. Load the page again.")


class Approval(Base):
    """One act that waits for a second person. `organisation_id` decides; `preparing_id` is whose act it is."""

    __tablename__ = "kernel_approval"
    __table_args__ = (
        CheckConstraint("prepared_by <> decided_by", name="nobody_approves_what_they_prepared"),
        CheckConstraint(
            "(state IN ('APPROVED', 'DONE', 'FAILED', 'REJECTED')) = (decided_by IS NOT NULL)",
            name="a_decided_approval_names_who_decided",
        ),
        CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="a_decision_has_its_time"),
        CheckConstraint("state <> 'REJECTED' OR reason IS NOT NULL", name="a_rejection_says_why"),
        Index("approvals_by_organisation", "organisation_id", "id"),
        Index("approvals_by_preparing_organisation", "preparing_id", "id"),
        Index("approvals_not_ended", "state", postgresql_where=text("state IN ('PENDING', 'APPROVED')")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, Computed("'A' || (100000 + id)::text", persisted=True), unique=True)
    kind: Mapped[str] = mapped_column(Text)
    needs: Mapped[str] = mapped_column(Text)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    preparing_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    subject: Mapped[str] = mapped_column(Text)
    payload: Mapped[str] = mapped_column(Text)
    payload_sha256: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    prepared_by: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"))
    prepared_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    deadline_on: Mapped[date] = mapped_column(Date)
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("kernel_user.id"))
    decided_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    reason: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str | None] = mapped_column(Text)


def document_of(row: Approval) -> dict[str, Any]:
    """The document of an approval, or `NotWhatWasShown` when it is not the one that was hashed."""
    document = read_canonical(row.payload.encode())
    if sha256_hex(document) != row.payload_sha256:
        raise NotWhatWasShown
    return document


def own(reader: Reader, *, number: str, organisation_id: int) -> Approval:
    """An approval that the organisation prepared or decides; any other is not admitted to exist."""
    row = reader.session.scalar(select(Approval).where(Approval.number == number, visible_to(organisation_id)))
    if row is None:
        raise NotFound
    return row


def newest(reader: Reader, *, organisation_id: int, first: int = 0, most: int = 200) -> tuple[Sequence[Approval], int]:
    """What an organisation prepared or decides, newest first, and how much there is."""
    mine = visible_to(organisation_id)
    total = reader.session.scalars(select(func.count()).select_from(Approval).where(mine)).one()
    query = select(Approval).where(mine).order_by(Approval.id.desc()).offset(first).limit(most)
    return reader.session.scalars(query).all(), total


def begun(reader: Reader) -> Sequence[Approval]:
    """What was approved and is not carried out to its end."""
    return reader.session.scalars(select(Approval).where(Approval.state == "APPROVED").order_by(Approval.id)).all()


def visible_to(organisation_id: int | None) -> ColumnElement[bool]:
    """The condition that an organisation prepared an approval or decides it."""
    return or_(Approval.organisation_id == organisation_id, Approval.preparing_id == organisation_id)


CHECKS = {
    "an_approval_keeps_what_was_prepared": """
        SELECT a.number FROM kernel_approval a LEFT JOIN ledger_audit_entry e
            ON e.document ->> 'event' = 'approval.asked' AND e.document -> 'facts' ->> 'number' = a.number
        WHERE encode(sha256(convert_to(a.payload, 'UTF8')), 'hex') <> a.payload_sha256
           OR e.document -> 'facts' ->> 'payload_sha256' IS DISTINCT FROM a.payload_sha256""",
    "an_approval_has_two_persons": """
        SELECT number FROM kernel_approval WHERE prepared_by = decided_by""",
}
