"""What is done once a second person has agreed: the registry of acts, and how one is carried out.

An act begins in the very transaction of its approval: what is refused there leaves the approval pending. An act that also
needs the outside (a payment) is then completed, outside any transaction; whoever comes next, or the errands beside the
worker, completes what was interrupted. A new kind of act is one row of `ACTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tanyi.app import event_orders, event_purchase
from tanyi.app.installation import Installation
from tanyi.kernel import approval_book, approvals, parties, thresholds
from tanyi.kernel.approval_book import Approval
from tanyi.kernel.approvals import Approved
from tanyi.kernel.errors import Refusal, Unavailable
from tanyi.kernel.quantities import Money
from tanyi.kernel.work import Actor, Reader, Work

THRESHOLD: Final = approvals.Kind("threshold.set")
Completion = Callable[..., str]


@dataclass(frozen=True)
class Act:
    """`begin` runs inside the approval's transaction; `complete`, if there is one, afterwards and as often as it takes."""

    begin: Callable[[Work, Approved], None]
    complete: Completion | None = None


def _set_threshold(work: Work, approved: Approved) -> None:
    above_fen = Money(approved.act["above_fen"])
    thresholds.set_own(work, organisation_id=approved.organisation_id, above_fen=above_fen)


ACTS: Mapping[str, Act] = {
    event_orders.NEW_EVENT.code: Act(event_purchase.begin_approved, event_purchase.complete_approved),
    event_orders.OWN_EVENT.code: Act(event_purchase.begin_approved, event_purchase.complete_approved),
    THRESHOLD.code: Act(_set_threshold),
}


def ask_for_threshold(work: Work, *, organisation_id: int, above_fen: Money) -> str:
    """Prepares another threshold of the own organisation for a second person; gives the approval's number."""
    thresholds.refuse_unless_in_range(int(above_fen))
    party = parties.organisations(work, {organisation_id})[organisation_id]
    act = {"above_fen": int(above_fen), "was_fen": int(thresholds.in_force(work, organisation_id).above_fen)}
    return approvals.ask(work, kind=THRESHOLD, organisation_id=organisation_id, subject=party.code, act=act).number


def approve(house: Installation, *, actor: Actor, number: str, seen_sha256: str) -> None:
    """Approves and carries out. A refusal of the act itself undoes the approval; it stays pending."""
    with house.open_work(actor) as work:
        begin(work, number=number, seen_sha256=seen_sha256)
    complete(house, number)


def begin(work: Work, *, number: str, seen_sha256: str) -> None:
    """Approves and begins the act, in one transaction. What needs no more is done with that."""
    approved = approvals.approve(work, number=number, seen_sha256=seen_sha256)
    act = ACTS[approved.kind]
    act.begin(work, approved)
    if act.complete is None:
        approvals.finish(work, number=number, outcome=number)


def complete(house: Installation, number: str) -> None:
    """Completes what an approval has begun; nothing if it was completed before. May be repeated.

    `Unavailable` leaves it begun: it is tried again. Any other refusal from outside ends it, and the preparer is told.
    """
    with house.open_reader() as reader:
        found = _begun(reader, number)
    if found is None:
        return
    row, actor, act = found
    finish = ACTS[row.kind].complete
    assert finish is not None, "an act without a completion is done when it is approved"
    try:
        outcome = finish(house, actor=actor, number=number, act=act)
    except Unavailable:
        raise
    except Refusal as refusal:
        with house.open_work(actor) as work:
            approvals.fail(work, number=number, outcome=refusal.code)
        raise
    with house.open_work(actor) as work:
        approvals.finish(work, number=number, outcome=outcome)


def _begun(reader: Reader, number: str) -> tuple[Approval, Actor, Mapping[str, Any]] | None:
    """What was approved and not completed, with whoever approved it as its actor."""
    for row in approval_book.begun(reader):
        if row.number == number:
            assert row.decided_by is not None, "what was approved names who approved it"
            party = parties.organisations(reader, {row.organisation_id})[row.organisation_id]
            actor = Actor(f"{party.code}/user-{row.decided_by}", row.decided_by, row.organisation_id)
            return row, actor, approval_book.document_of(row)["act"]
    return None
