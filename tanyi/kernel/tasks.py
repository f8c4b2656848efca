"""Tasks (待办): what an organisation has to do, by which civil day in Hebei, and where.

A task is given and closed by the capability that knows: an approval to decide, a drafted bid to confirm, a duty to
cover. There is one for each thing, however often it is given: giving it again renews its day, and opens it again if it
was closed too early. Overdue is never stored: it is the day compared with today. A task is no duty of the law; it says
where one is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Index, Text, UniqueConstraint, func, or_, select, text
from sqlalchemy import update as change
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base
from tanyi.kernel.work import Reader, Work

SOON = timedelta(days=3)


class Task(Base):
    """Something to do. `needs` is the right that a member needs for it, None where any member may."""

    __tablename__ = "kernel_task"
    __table_args__ = (
        UniqueConstraint("organisation_id", "kind", "subject", name="a_task_is_given_once"),
        Index("open_tasks_by_organisation", "organisation_id", "due_on", postgresql_where=text("closed_at IS NULL")),
        Index("open_tasks_by_kind_and_subject", "kind", "subject", postgresql_where=text("closed_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    kind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    address: Mapped[str] = mapped_column(Text)
    needs: Mapped[str | None] = mapped_column(Text)
    due_on: Mapped[date | None] = mapped_column(Date)
    given_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    reminded_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True, kw_only=True)
class Order:
    """A task to give. `subject` is the public number of the thing; `due_on` None: no day is set."""

    organisation_id: int
    kind: str
    subject: str
    address: str
    due_on: date | None
    facts: Mapping[str, Any]
    needs: str | None = None


def is_overdue(due_on: date | None, today: date) -> bool:
    """Whether the last day is over: the day itself still counts."""
    return due_on is not None and due_on < today


def give(work: Work, *, orders: Sequence[Order]) -> None:
    """Gives tasks, set-based; one that was given before is renewed, and opened again if it was closed."""
    if not orders:
        return
    rows = [{**vars(order), "facts": dict(order.facts), "given_at": work.now} for order in orders]
    fresh = upsert(Task)
    renewed = {name: fresh.excluded[name] for name in ("facts", "address", "due_on")}
    again = fresh.on_conflict_do_update(
        constraint="a_task_is_given_once", set_=renewed | {"closed_at": None, "reminded_at": None}
    )
    work.session.execute(again, rows)


def close(work: Work, *, kind: str, subjects: Collection[str]) -> None:
    """Closes the open tasks of these things: they are done, or nothing is left to do."""
    if subjects:
        mine = (Task.kind == kind, Task.subject.in_(set(subjects)), Task.closed_at.is_(None))
        work.session.execute(change(Task).where(*mine).values(closed_at=work.now))


def take_reminders(work: Work) -> Sequence[Task]:
    """The open tasks whose day is near and of which nobody was reminded yet; from now on they were.

    Nobody is reminded of what was given less than a day ago.
    """
    is_near = (Task.due_on <= work.today + SOON, Task.given_at <= work.now - timedelta(days=1))
    near = (Task.closed_at.is_(None), Task.reminded_at.is_(None), *is_near)
    found = work.session.scalars(select(Task).where(*near).order_by(Task.id).with_for_update(skip_locked=True)).all()
    reminded = change(Task).where(Task.id.in_([task.id for task in found]))
    work.session.execute(reminded.values(reminded_at=work.now).execution_options(synchronize_session=False))
    return found


def open_of(
    reader: Reader, *, organisation_id: int, rights: Collection[str], first: int = 0, most: int = 200
) -> Sequence[Task]:
    """What an organisation has to do, as far as these rights reach: the nearest day first, without a day last."""
    query = select(Task).where(*_open_for(organisation_id, rights)).order_by(Task.due_on.nulls_last(), Task.id)
    return reader.session.scalars(query.offset(first).limit(most)).all()


def count_open(reader: Reader, *, organisation_id: int, rights: Collection[str]) -> int:
    """How many tasks these are."""
    query = select(func.count()).select_from(Task).where(*_open_for(organisation_id, rights))
    return reader.session.scalars(query).one()


def _open_for(organisation_id: int, rights: Collection[str]) -> tuple[Any, ...]:
    within_reach = or_(Task.needs.is_(None), Task.needs.in_(set(rights)))
    return (Task.organisation_id == organisation_id, Task.closed_at.is_(None), within_reach)
