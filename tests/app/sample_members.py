"""Contexts of the pages for members: approvals, notices, tasks, contact; and the operator's dead messages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from tanyi.app import wording
from tanyi.app.pages import pieces
from tests.app.sample_facts import NOON, PAGING, SHA, frame, names, project

FACTS: dict[str, dict[str, Any]] = {
    "approval.asked": {
        "approval": "A-100001",
        "act_kind": "purchase.event",
        "subject": "L-100008",
        "until_on": "2026-11-28",
    },
    "approval.decided": {
        "approval": "A-100001",
        "act_kind": "purchase.event",
        "subject": "L-100008",
        "approval_state": "REJECTED",
    },
    "approval.lapsed": {
        "approval": "A-100002",
        "act_kind": "threshold.set",
        "subject": "E-01",
        "approval_state": "LAPSED",
    },
    "purchase.settled": {"payment": "PM-100003", "bought_t": 2000, "amount_fen": 9_400_000},
    "certificate.issued": {"certificate": "R-100022", "retired_t": 2000},
    "round.outcome": {"round": "2026-R1", "bid": "B-100021", "wanted_t": 34440, "matched_t": 34440},
    "task.due_soon": {"task_kind": "duty.cover", "subject": "D2026-B001", "due_on": "2026-12-31"},
    "invitation": {"organisation": names("冀展会展有限公司", "Jizhan Exhibitions"), "until_on": "2026-12-02"},
}


def notice(number: int, kind: str, *, is_unread: bool) -> dict[str, Any]:
    words = wording.in_both_languages(kind, FACTS[kind])
    return words | {"id": number, "created_at": NOON, "is_unread": is_unread}


def task(kind: str, subject: str, due_on: date | None, *, is_overdue: bool = False) -> dict[str, Any]:
    told = {"what": pieces.both(wording.TASKS[kind]), "subject": subject, "address": "/tasks", "due_on": due_on}
    return told | {"is_overdue": is_overdue, "is_soon": due_on is not None and not is_overdue}


def approval(state: str = "PENDING", **changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "number": "A-100001",
        "what": pieces.both(wording.ACTS["purchase.event"]),
        "kind": "purchase.event",
        "subject": "L-100008",
        "state": state,
        "payload_sha256": SHA,
        "prepared_by": names("履约操作员", "Compliance operator"),
        "prepared_at": NOON,
        "deadline_on": date(2026, 11, 28),
        "may_still_be_decided": state == "PENDING",
        "decided_by": None,
        "decided_at": None,
        "reason": None,
        "outcome": None,
        "certificate": None,
    }
    return told | changed


def purchase(**changed: Any) -> dict[str, Any]:
    bought = project("P31")
    told = {key: bought[key] for key in ("type", "type_code", "county", "seller")}
    told |= {"project": bought, "vintage": 2025, "listing": "L-100008", "quantity_t": 2000, "price_fen": 6000}
    told |= {"total_fen": 12_000_000, "event_name": "第十二届冀中绿色论坛", "held_on": date(2026, 12, 1)}
    told |= {"place": "石家庄", "beneficiary": None, "offered_t": 17489, "is_on_sale": True}
    return told | changed


def one_approval(told: dict[str, Any], **changed: Any) -> dict[str, Any]:
    standing = dict.fromkeys(("is_open", "is_own", "may_decide", "may_withdraw"), False)
    context = {"approval": told, "purchase": purchase(), "change": None, "cover": None, "errors": {}}
    return context | {"standing": standing | changed.pop("standing", {})} | changed | frame("firm", "/approvals")


def member_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    threshold = {"above_fen": 10_000_000, "since_on": date(2026, 1, 1), "is_own": False, "deciders": 2, "has_two": True}
    listed = [approval(), approval("LAPSED") | {"number": "A-100002", "may_still_be_decided": False}]
    deciding = {"approvals": listed, "paging": PAGING, "threshold": threshold, "may_prepare": True}
    deciding |= {"form": {"above_yuan": ""}, "errors": {}} | frame("firm", "/approvals")
    alone = {
        "approvals": [],
        "threshold": threshold | {"is_own": True, "deciders": 1, "has_two": False},
        "may_prepare": False,
    }
    decided = {"decided_by": names("履约复核员", "Compliance reviewer"), "decided_at": NOON}
    declined = approval("FAILED", **decided, outcome="settlement.payment_declined")
    threshold_act = {"kind": "threshold.set", "what": pieces.both(wording.ACTS["threshold.set"]), "subject": "E-01"}
    change = {"change": {"above_fen": 5_000_000, "was_fen": 10_000_000}, "purchase": None}
    todo = [
        task("duty.cover", "D2026-B001", date(2026, 9, 1), is_overdue=True),
        task("approval.decide", "A-100001", date(2026, 11, 28)),
        task("bid.confirm", "B-100021", None),
    ]
    one = "pages/member/approval.html"
    return {
        "approvals": ("pages/member/approvals.html", deciding),
        "approvals-empty": ("pages/member/approvals.html", deciding | alone),
        "approval": (one, one_approval(approval(), standing={"is_open": True, "may_decide": True})),
        "approval-own": (
            one,
            one_approval(approval(), standing={"is_open": True, "is_own": True, "may_withdraw": True}),
        ),
        "approval-gone": (
            one,
            one_approval(
                approval(), purchase=purchase(offered_t=3), standing={"is_open": True}, errors={"decision": "✗"}
            ),
        ),
        "approval-late": (one, one_approval(approval())),
        "approval-rejected": (one, one_approval(approval("REJECTED", **decided, reason="太贵"))),
        "approval-declined": (one, one_approval(declined)),
        "approval-done": (one, one_approval(approval("DONE", **decided, outcome="R-1", certificate="R-100022"))),
        "approval-threshold": (one, one_approval(approval(**threshold_act), **change)),
        "tasks": ("pages/member/tasks.html", {"tasks": todo, "paging": PAGING} | frame("firm", "/tasks")),
        "tasks-empty": ("pages/member/tasks.html", {"tasks": [], "paging": PAGING} | frame("firm", "/tasks")),
        **notice_pages(),
        **outgoing_pages(),
    }


def notice_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    empty: dict[str, Any] = {"notices": [], "unread": 0, "paging": PAGING} | frame("firm", "/notices")
    shown = [notice(n, kind, is_unread=n < 3) for n, kind in enumerate(wording.CHOSEN_KINDS, 1)]
    unread = frame("firm", "/notices")
    unread["user"] = unread["user"] | {"unread": 2}
    told = {"notices": shown, "unread": 2, "paging": PAGING} | unread
    template = "pages/member/notices.html"
    return {"notices": (template, told), "notices-empty": (template, empty)}


def outgoing_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    kinds = [
        {"code": kind, "name": pieces.both(wording.KINDS[kind].name), "by_email": True, "by_sms": False}
        for kind in wording.CHOSEN_KINDS
    ]
    typed = {"email": "compliance@example.org", "mobile": "12", "language": "zh"}
    contact = {"form": typed, "kinds": kinds, "errors": {"mobile": "✗"}} | frame("firm", "/account/notices")
    dead = {
        "id": 1,
        "what": pieces.both(wording.KINDS["certificate.issued"].name),
        "channel": "EMAIL",
        "failure": "smtp_550",
        "attempts": 6,
        "queued_at": NOON,
        "ended_at": datetime.fromtimestamp(NOON.timestamp() + 60, NOON.tzinfo),
    }
    states = [{"state": state, "messages": count} for state, count in (("QUEUED", 3), ("SENT", 1204), ("FAILED", 1))]
    outbox = {"messages": [dead], "states": states, "paging": PAGING} | frame("operator", "/operator/messages")
    return {
        "contact": ("pages/member/contact.html", contact),
        "outbox": ("pages/operator/messages.html", outbox),
        "outbox-empty": ("pages/operator/messages.html", outbox | {"messages": []}),
    }
