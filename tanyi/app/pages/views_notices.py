"""What a member reads: notices, tasks with their days, how he or she is reached; and the operator's dead messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tanyi.app import wording
from tanyi.app.pages import pieces
from tanyi.kernel import messages, notices, tasks
from tanyi.kernel.work import Reader

NEAREST = 5  # tasks that a home page shows


def notice_list(reader: Reader, query: Mapping[str, str], *, user_id: int, organisation_id: int) -> dict[str, Any]:
    """One page of the own notices, newest first."""
    own = {"user_id": user_id, "organisation_id": organisation_id}
    paging, first = pieces.paging_of(query, notices.newest(reader, **own, most=0)[1])
    rows, _ = notices.newest(reader, **own, first=first, most=pieces.PER_PAGE)
    shown = [
        wording.in_both_languages(row.kind, row.facts)
        | {"id": row.id, "created_at": row.created_at, "is_unread": row.read_at is None}
        for row in rows
    ]
    return {"notices": shown, "unread": notices.unread(reader, **own), "paging": paging}


def task_list(
    reader: Reader, query: Mapping[str, str], *, organisation_id: int, rights: Collection[str]
) -> dict[str, Any]:
    """One page of what the organisation has to do, the nearest day first."""
    total = tasks.count_open(reader, organisation_id=organisation_id, rights=rights)
    paging, first = pieces.paging_of(query, total)
    found = tasks.open_of(reader, organisation_id=organisation_id, rights=rights, first=first, most=pieces.PER_PAGE)
    return {"tasks": [_task(reader, task) for task in found], "paging": paging}


def nearest_tasks(reader: Reader, *, organisation_id: int, rights: Collection[str]) -> list[dict[str, Any]]:
    """The few tasks that need attention first, for `parts/_tasks.html` on a home page."""
    found = tasks.open_of(reader, organisation_id=organisation_id, rights=rights, most=NEAREST)
    return [_task(reader, task) for task in found]


def _task(reader: Reader, task: tasks.Task) -> dict[str, Any]:
    word = wording.TASKS.get(task.kind)
    is_soon = task.due_on is not None and task.due_on <= reader.today + tasks.SOON
    return {
        "what": pieces.both(word) if word else task.kind,
        "subject": task.subject,
        "address": task.address,
        "due_on": task.due_on,
        "is_overdue": tasks.is_overdue(task.due_on, reader.today),
        "is_soon": is_soon,
    }


def contact(reader: Reader, user_id: int, locale: str) -> dict[str, Any]:
    """How somebody is reached, as a form shows it; nothing is sent before somebody asks for it."""
    found = messages.contact_of(reader, user_id)
    form = {
        "email": (found and found.email) or "",
        "mobile": (found and found.mobile) or "",
        "language": found.language if found else locale,
    }
    chosen = {messages.EMAIL: found.email_kinds if found else [], messages.SMS: found.sms_kinds if found else []}
    return {"form": form, "kinds": kinds_of(chosen), "errors": {}}


def kinds_of(chosen: Mapping[str, Collection[str]]) -> list[dict[str, Any]]:
    """Every kind that can be chosen, with whether it is, by either way."""
    return [
        {
            "code": kind,
            "name": pieces.both(wording.KINDS[kind].name),
            "by_email": kind in chosen[messages.EMAIL],
            "by_sms": kind in chosen[messages.SMS],
        }
        for kind in wording.CHOSEN_KINDS
    ]


def dead_messages(reader: Reader, query: Mapping[str, str]) -> dict[str, Any]:
    """What could not be sent, newest first. An operator needs no address to see that the mail server is down."""
    counted = messages.counted(reader)
    paging, first = pieces.paging_of(query, counted.get("FAILED", 0))
    shown = [
        {
            "id": row.id,
            "what": pieces.both(wording.KINDS[row.kind].name) if row.kind in wording.KINDS else row.kind,
            "channel": row.channel,
            "failure": row.failure,
            "attempts": row.attempts,
            "queued_at": row.queued_at,
            "ended_at": row.ended_at,
        }
        for row in messages.troubled(reader, first=first, most=pieces.PER_PAGE)
    ]
    states = [{"state": state, "messages": counted.get(state, 0)} for state in messages.STATES.moves]
    return {"messages": shown, "states": states, "paging": paging}
