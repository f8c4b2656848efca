"""Approvals (双人复核): four eyes as one mechanism. One person prepares exactly what is to be done, another lets it happen.

What is approved is a canonical document; its SHA-256 goes to the log when it is prepared, and whoever approves names the
hash of what was shown. The floor above says which kinds there are and carries the act out in the transaction of the
approval: an act that is refused leaves the approval pending. Preparer and decider are two persons, which the database
holds too; who acts for several companies is still one person. Nothing is held back for an approval: no tonne and no yuan.

An approval that nobody decides lapses after its last civil day. APPROVED lasts as long as the act takes (a payment, say);
what was begun is DONE or, when the outside said no, FAILED.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import insert, select, update

from tanyi.kernel import notices, parties, tasks
from tanyi.kernel.approval_book import Approval, NotWhatWasShown, document_of, visible_to
from tanyi.kernel.canonical import canonical, sha256_hex
from tanyi.kernel.errors import N_, Conflict, Forbidden, Invalid, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "approval",
    "PENDING",
    {
        "PENDING": ("APPROVED", "REJECTED", "WITHDRAWN", "LAPSED"),
        "APPROVED": ("DONE", "FAILED"),
        "DONE": (),
        "FAILED": (),
        "REJECTED": (),
        "WITHDRAWN": (),
        "LAPSED": (),
    },
)
REGULATOR: Final = "regulator"
TASK: Final = "approval.decide"
ASKED, DECIDED, LAPSED = "approval.asked", "approval.decided", "approval.lapsed"
LONGEST_REASON: Final = 500


class NobodyElse(Conflict):
    """No other member may approve: the act needs two persons and there is one."""

    code = "approvals.nobody_else"
    message = N_("This needs a second person, and nobody else of your organisation may approve. Invite one first.")


class MayNotPrepare(Forbidden):
    """The actor may look and nothing more, or acts for another organisation."""

    code = "approvals.may_not_prepare"
    message = N_("You may look at this, but not prepare it. Ask whoever administers your organisation for the right.")


class MayNotDecide(Forbidden):
    """The actor has not the right that this approval needs."""

    code = "approvals.may_not_decide"
    message = N_("You may look at this, but not decide it.")


class SamePerson(Forbidden):
    """Whoever prepared it cannot be the second pair of eyes."""

    code = "approvals.same_person"
    message = N_("You prepared this yourself. Another person must decide it.")


class NotPreparer(Forbidden):
    """Only whoever prepared it may take it back."""

    code = "approvals.not_preparer"
    message = N_("Only the person who prepared this can take it back.")


class TimeIsOver(Conflict):
    """The last day to decide has passed."""

    code = "approvals.time_is_over"
    message = N_("The last day to decide this has passed. It has to be prepared again.")


class ReasonMissing(Invalid):
    """A rejection without a reason, or with a very long one."""

    code = "approvals.reason_missing"
    message = N_("Say why, in at most %(longest)s characters.")


@dataclass(frozen=True)
class Kind:
    """A kind of act. `needs` is the right of its approver, or the role regulator."""

    code: str
    needs: str = parties.APPROVE
    days: int = 3


@dataclass(frozen=True)
class Approved:
    """What a second person has let happen."""

    number: str
    kind: str
    organisation_id: int
    preparing_id: int
    prepared_by: int
    act: Mapping[str, Any]


def address_of(number: str) -> str:
    """The page of an approval."""
    return f"/approvals/{number}"


def ask(work: Work, *, kind: Kind, organisation_id: int, subject: str, act: Mapping[str, Any]) -> Approval:
    """Puts an act before a second person of the organisation that decides; whoever may decide is told.

    `act` says exactly what will be done, in JSON without fractions; `subject` is a public number, since it goes to the log.
    """
    preparer = _refuse_unless_may_prepare(work)
    eligible = deciders(work, organisation_id, kind.needs) - {preparer}
    if not eligible:
        raise NobodyElse
    document = {"kind": kind.code, "organisation": str(organisation_id), "subject": subject, "act": dict(act)}
    document |= {
        "prepared_by": str(preparer),
        "salt": secrets.token_hex(16),
    }  # the salt keeps the log's hash unguessable
    prepared = insert(Approval).values(
        kind=kind.code,
        needs=kind.needs,
        organisation_id=organisation_id,
        preparing_id=work.actor.organisation_id,
        subject=subject,
        payload=canonical(document).decode(),
        payload_sha256=sha256_hex(document),
        state=STATES.initial,
        prepared_by=preparer,
        prepared_at=work.now,
        deadline_on=work.today + timedelta(days=kind.days),
    )
    row = work.session.scalars(prepared.returning(Approval)).one()
    _announce(work, row, eligible)
    return row


def _document(kind: Kind, organisation_id: int, subject: str, preparer: int, act: Mapping[str, Any]) -> dict[str, Any]:
    """What is hashed; the salt keeps its hash in the public log from being guessed."""
    whose = {"organisation": str(organisation_id), "prepared_by": str(preparer), "salt": secrets.token_hex(16)}
    return {"kind": kind.code, "subject": subject, "act": dict(act)} | whose


def _refuse_unless_may_prepare(work: Work) -> int:
    if work.actor.user_id is None or not work.actor.rights & {parties.PREPARE, parties.APPROVE}:
        raise MayNotPrepare
    return work.actor.user_id


def _announce(work: Work, row: Approval, eligible: set[int]) -> None:
    facts = {"approval": row.number, "act_kind": row.kind, "subject": row.subject}
    work.record("approval.asked", **_logged(row), payload_sha256=row.payload_sha256)
    where = {"organisation_id": row.organisation_id, "address": address_of(row.number)}
    order = tasks.Order(kind=TASK, subject=row.number, due_on=row.deadline_on, facts=facts, needs=row.needs, **where)
    tasks.give(work, orders=[order])
    told = facts | {"until_on": row.deadline_on.isoformat()}
    notices.tell(
        work, notes=[notices.Note(kind=ASKED, facts=told, user_id=user_id, **where) for user_id in sorted(eligible)]
    )


def _logged(row: Approval) -> dict[str, str]:
    return {"number": row.number, "kind": row.kind, "organisation": str(row.organisation_id), "subject": row.subject}


def approve(work: Work, *, number: str, seen_sha256: str) -> Approved:
    """Lets the act happen and gives it; the caller carries it out in this very transaction, or undoes both.

    `seen_sha256` is the hash of what the approver was shown.
    """
    row = _decidable(work, number, "APPROVED")
    document = document_of(row)
    if seen_sha256 != row.payload_sha256:
        raise NotWhatWasShown
    _decide(work, row, "APPROVED", reason=None)
    return Approved(number, row.kind, row.organisation_id, row.preparing_id, row.prepared_by, document["act"])


def reject(work: Work, *, number: str, reason: str) -> None:
    """Says no, and why."""
    row = _decidable(work, number, "REJECTED")
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise ReasonMissing(longest=LONGEST_REASON)
    _decide(work, row, "REJECTED", reason=reason)


def _decidable(work: Work, number: str, to: str) -> Approval:
    """The approval, locked, if the actor may decide it now."""
    row = _locked(work, number)
    actor = work.actor
    held = actor.roles if row.needs == REGULATOR else actor.rights
    if row.organisation_id != actor.organisation_id or row.needs not in held:
        raise MayNotDecide
    if row.prepared_by == actor.user_id:
        raise SamePerson
    STATES.refuse_unless_may(row.state, to)
    if tasks.is_overdue(row.deadline_on, work.today):
        raise TimeIsOver
    return row


def _decide(work: Work, row: Approval, state: str, reason: str | None) -> None:
    decided = {"state": state, "decided_by": work.actor.user_id, "decided_at": work.now, "reason": reason}
    _set(work, row, **decided)
    work.record(f"approval.{state.lower()}", **_logged(row), payload_sha256=row.payload_sha256)
    _tell_preparer(work, row, DECIDED, state)


def _tell_preparer(work: Work, row: Approval, kind: str, state: str) -> None:
    tasks.close(work, kind=TASK, subjects=[row.number])
    facts = {"approval": row.number, "act_kind": row.kind, "subject": row.subject, "approval_state": state}
    note = notices.Note(
        organisation_id=row.preparing_id,
        kind=kind,
        address=address_of(row.number),
        facts=facts,
        user_id=row.prepared_by,
    )
    notices.tell(work, notes=[note])


def withdraw(work: Work, *, number: str) -> None:
    """The preparer takes an act back that nobody has decided."""
    row = _locked(work, number)
    if row.prepared_by != work.actor.user_id:
        raise NotPreparer
    STATES.refuse_unless_may(row.state, "WITHDRAWN")
    _set(work, row, state="WITHDRAWN")
    tasks.close(work, kind=TASK, subjects=[number])
    work.record("approval.withdrawn", **_logged(row))


def finish(work: Work, *, number: str, outcome: str) -> bool:
    """Notes that the act was carried out; `outcome` is its public number. False if that was noted before."""
    return _conclude(work, number, "DONE", outcome)


def fail(work: Work, *, number: str, outcome: str) -> bool:
    """Notes that the act was begun and came to nothing; `outcome` is the refusal's code. The preparer is told."""
    return _conclude(work, number, "FAILED", outcome)


def _conclude(work: Work, number: str, state: str, outcome: str) -> bool:
    row = _locked(work, number)
    if row.outcome is not None:
        return False
    STATES.refuse_unless_may(row.state, state)
    _set(work, row, state=state, outcome=outcome)
    work.record(f"approval.{state.lower()}", **_logged(row), outcome=outcome)
    _tell_preparer(work, row, DECIDED, state)
    return True


def lapse_overdue(work: Work) -> list[str]:
    """Ends what nobody decided in time, and tells the preparers; gives the numbers."""
    over = select(Approval).where(Approval.state == "PENDING", Approval.deadline_on < work.today)
    found = work.session.scalars(over.order_by(Approval.id).with_for_update(skip_locked=True)).all()
    for row in found:
        _set(work, row, state="LAPSED")
        work.record("approval.lapsed", **_logged(row))
        _tell_preparer(work, row, LAPSED, "LAPSED")
    return [row.number for row in found]


def _locked(work: Work, number: str) -> Approval:
    query = select(Approval).where(Approval.number == number, visible_to(work.actor.organisation_id)).with_for_update()
    row = work.session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    return row


def _set(work: Work, row: Approval, **columns: object) -> None:
    STATES.refuse_unless_may(row.state, str(columns["state"]))
    work.session.execute(update(Approval).where(Approval.id == row.id).values(**columns))


def deciders(reader: Reader, organisation_id: int, needs: str) -> set[int]:
    """The members of an organisation who may decide what needs this right or role."""
    members = parties.members(reader, {organisation_id})
    return {member.user_id for member in members if needs in (member.roles if needs == REGULATOR else member.rights)}
