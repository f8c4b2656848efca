"""What a member hears and has to do, in the API: notices and tasks."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from tanyi.app import wording
from tanyi.app.api.answers import Listed, listed
from tanyi.app.intake import page_of
from tanyi.app.security import Visitor, access
from tanyi.kernel import notices, parties, tasks
from tanyi.kernel.work import Reader

MEMBERS: Final = access(*parties.ROLES, scope="own")
MOST: Final = 10_000


class NoticeShown(msgspec.Struct, frozen=True, kw_only=True):
    """An own notice: its kind and facts for programs, one line in the reader's language for people."""

    id: int
    kind: str
    facts: dict[str, Any]
    line: str
    address: str
    created_at: datetime
    read_at: datetime | None


class TaskShown(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the own organisation has to do; `due_on` is a civil day of Hebei and still counts itself."""

    id: int
    kind: str
    subject: str
    facts: dict[str, Any]
    address: str
    due_on: date | None
    is_overdue: bool


@get("/api/v1/notices", opt=MEMBERS, sync_to_thread=True, tags=["account"])
def own_notices(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    cursor: FromQuery[int | None] = None,
    limit: FromQuery[int | None] = None,
) -> Listed[NoticeShown]:
    """The own notices in the organisation that the key acts for."""
    assert visitor.user is not None, "only a route for members asks this"
    own = {"user_id": visitor.user.user_id, "organisation_id": visitor.organisation_id}
    found, _ = notices.newest(reader, **own, most=MOST)
    page = page_of(found, key=lambda row: row.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: [_notice(row, visitor.locale) for row in rows])


@get("/api/v1/tasks", opt=MEMBERS, sync_to_thread=True, tags=["account"])
def own_tasks(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    cursor: FromQuery[int | None] = None,
    limit: FromQuery[int | None] = None,
) -> Listed[TaskShown]:
    """The open tasks of the own organisation, as far as the key's rights reach."""
    rights = visitor.actor.rights | visitor.actor.roles
    found = tasks.open_of(reader, organisation_id=visitor.organisation_id, rights=rights, most=MOST)
    page = page_of(found, key=lambda row: row.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: [_task(reader, row) for row in rows])


def _notice(row: notices.Notice, locale: str) -> NoticeShown:
    return NoticeShown(
        id=row.id,
        kind=row.kind,
        facts=row.facts,
        line=wording.line(row.kind, row.facts, locale),
        address=row.address,
        created_at=row.created_at,
        read_at=row.read_at,
    )


def _task(reader: Reader, row: tasks.Task) -> TaskShown:
    return TaskShown(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        facts=row.facts,
        address=row.address,
        due_on=row.due_on,
        is_overdue=tasks.is_overdue(row.due_on, reader.today),
    )


ROUTES = [own_notices, own_tasks]
