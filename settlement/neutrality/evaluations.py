"""Independent evaluation (art. 16): the organiser commissions it, the evaluator reports, somebody else reviews it.

A team of at least two makes a plan, reviews documents, visits the event if it sees need, and writes a report by the
outline of annex 2; somebody outside the team reviews it, then the evaluator approves it. The evaluator is a verification
body that is not suspended and not of the organiser's group. Names of people stay in the report and out of the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import exists, select, update

from settlement.neutrality import confirmations, events
from settlement.neutrality.tables import Evaluation, Suspension
from settlement.tables import Event
from tanyi.kernel import parties
from tanyi.kernel.canonical import canonical, sha256_hex
from tanyi.kernel.errors import N_, Conflict, Invalid, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "event evaluation",
    "COMMISSIONED",
    {
        "COMMISSIONED": ("REPORTED", "ENDED"),
        "REPORTED": ("APPROVED", "COMMISSIONED", "ENDED"),
        "APPROVED": (),
        "ENDED": (),
    },
)
SMALLEST_TEAM, LARGEST_TEAM = 2, 20
FIELDS = (  # the outline of annex 2, and the plan of art. 16 (1)
    "plan",
    "purpose",
    "scope",
    "criteria",
    "document_review",
    "facts",
    "conformity",
    "results",
    "references",
    "conclusion",
)


class NotAnEvaluator(Conflict):
    """The body is no verification body, is suspended, or belongs to the organiser's group."""

    code = "neutrality.not_an_evaluator"
    message = N_("%(code)s cannot evaluate this event: %(reason)s.")


class TeamTooSmall(Invalid):
    """An evaluation takes two evaluators or more (art. 16 (1))."""

    code = "neutrality.team_too_small"
    message = N_("An evaluation team has at least two members, each of them once (guide, art. 16 (1)).")


class ReportIncomplete(Invalid):
    """A part of the outline of annex 2 is empty."""

    code = "neutrality.report_incomplete"
    message = N_("The report lacks %(field)s (guide, annex 2).")


class ReviewerOfTheTeam(Invalid):
    """The review must come from outside the team (art. 16 (2))."""

    code = "neutrality.reviewer_of_the_team"
    message = N_("The report must be reviewed by somebody outside the evaluation team (guide, art. 16 (2)).")


class EvaluationRunning(Conflict):
    """One evaluation at a time."""

    code = "neutrality.evaluation_running"
    message = N_("An evaluation of this event is under way already.")


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the evaluator reports; `site_visit` may be empty, all else may not. `is_neutral` is the verdict."""

    team: tuple[str, ...]
    plan: str
    purpose: str
    scope: str
    criteria: str
    document_review: str
    site_visit: str = ""
    facts: str
    conformity: str
    results: str
    references: str
    conclusion: str
    is_neutral: bool


def refuse_unless_reported(report: Report) -> None:
    """A team of two or more, and every part of the outline. Pure."""
    team = [name.strip() for name in report.team if name.strip()]
    if not SMALLEST_TEAM <= len(set(team)) == len(report.team) <= LARGEST_TEAM:
        raise TeamTooSmall
    if max(map(len, team)) > events.LONGEST_TEXT:
        raise ReportIncomplete(field="team")
    for field in FIELDS:
        if not 0 < len(getattr(report, field).strip()) <= 10 * events.LONGEST_PROSE:
            raise ReportIncomplete(field=field)


def commission(work: Work, *, number: str, organiser_id: int, evaluator_code: str) -> Evaluation:
    """Asks a verification body to evaluate an event."""
    event = events.own(work, number, organiser_id, for_update=True)
    evaluator = parties.organisation(work, evaluator_code)
    _refuse_unless_independent(work, event, evaluator)
    if any(STATES.moves[each.state] for each in of_event(work, event.id)):
        raise EvaluationRunning
    made = Evaluation(
        event_id=event.id,
        evaluator_id=evaluator.id,
        evaluator_kind=evaluator.kind,
        state=STATES.initial,
        commissioned_at=work.now,
    )
    work.session.add(made)
    work.session.flush()
    work.record("evaluation.commissioned", number=made.number, of_event=event.number, evaluator=evaluator.code)
    return made


def report(work: Work, *, number: str, evaluator_id: int, report: Report) -> None:
    """Hands in the report on an event that is neutral by its own account."""
    found = own(work, number, evaluator_id, for_update=True)
    STATES.refuse_unless_may(found.state, "REPORTED")
    event = events.by_ids(work, [found.event_id])[found.event_id]
    evaluator = parties.organisations(work, {evaluator_id})[evaluator_id]
    _refuse_unless_independent(work, event, evaluator)
    refuse_unless_reported(report)
    found.calculation_id = confirmations.actuals_to_confirm(work, event).id
    document = msgspec.to_builtins(report)
    found.document = canonical(document).decode()
    _move(work, found, "REPORTED", sha256=sha256_hex(document))


def approve(work: Work, *, number: str, evaluator_id: int, reviewer: str) -> None:
    """Approves a report that somebody outside the team has reviewed; a good verdict confirms the event's neutrality."""
    found = own(work, number, evaluator_id, for_update=True)
    STATES.refuse_unless_may(found.state, "APPROVED")
    told, name = report_of(found), reviewer.strip()
    if not 0 < len(name) <= events.LONGEST_TEXT or name in {each.strip() for each in told.team}:
        raise ReviewerOfTheTeam
    found.reviewer, found.ended_at = name, work.now
    _move(work, found, "APPROVED", is_neutral="yes" if told.is_neutral else "no")
    if told.is_neutral:
        confirmations.confirm_independently(work, evaluation=found)


def return_report(work: Work, *, number: str, evaluator_id: int) -> None:
    """The evaluator takes a report back, to write it anew after its review or after new actuals."""
    found = own(work, number, evaluator_id, for_update=True)
    _move(work, found, "COMMISSIONED")


def end(work: Work, *, number: str, organiser_id: int) -> None:
    """The organiser ends an evaluation that is under way."""
    event_ids = [event.id for event in events.of_organiser(work, organiser_id)]
    query = select(Evaluation).where(Evaluation.number == number, Evaluation.event_id.in_(event_ids))
    found = work.session.scalar(query.with_for_update())
    if found is None:
        raise NotFound
    found.ended_at = work.now
    _move(work, found, "ENDED")


def suspend(work: Work, *, evaluator_code: str, reason: str) -> None:
    """The department suspends an evaluator: nothing new may be commissioned from it or reported by it."""
    evaluator = parties.organisation(work, evaluator_code)
    if not is_suspended(work, evaluator.id):
        work.session.add(Suspension(evaluator_id=evaluator.id, reason=reason.strip(), suspended_at=work.now))
        work.session.flush()
        work.record("evaluator.suspended", code=evaluator.code)


def lift(work: Work, *, evaluator_code: str) -> None:
    """The department lifts a suspension."""
    evaluator = parties.organisation(work, evaluator_code)
    mine = (Suspension.evaluator_id == evaluator.id, Suspension.lifted_at.is_(None))
    work.session.execute(update(Suspension).where(*mine).values(lifted_at=work.now))
    work.record("evaluator.reinstated", code=evaluator.code)


def is_suspended(reader: Reader, evaluator_id: int) -> bool:
    """Whether an evaluator is suspended now."""
    mine = (Suspension.evaluator_id == evaluator_id, Suspension.lifted_at.is_(None))
    return bool(reader.session.scalar(select(exists().where(*mine))))


def own(reader: Reader, number: str, evaluator_id: int, *, for_update: bool = False) -> Evaluation:
    """An evaluator's own evaluation, or `NotFound`."""
    query = select(Evaluation).where(Evaluation.number == number, Evaluation.evaluator_id == evaluator_id)
    found = reader.session.scalar(query.with_for_update() if for_update else query)
    if found is None:
        raise NotFound
    return found


def of_event(reader: Reader, event_id: int) -> Sequence[Evaluation]:
    """The evaluations of an event, newest first."""
    query = select(Evaluation).where(Evaluation.event_id == event_id).order_by(Evaluation.id.desc())
    return reader.session.scalars(query).all()


def of_evaluator(reader: Reader, evaluator_id: int) -> Sequence[Evaluation]:
    """What an evaluator was commissioned to do, newest first."""
    query = select(Evaluation).where(Evaluation.evaluator_id == evaluator_id).order_by(Evaluation.id.desc())
    return reader.session.scalars(query).all()


def report_of(evaluation: Evaluation) -> Report:
    """The report as it was handed in."""
    assert evaluation.document is not None, "a reported evaluation has its report"
    return msgspec.json.decode(evaluation.document, type=Report)


def _refuse_unless_independent(reader: Reader, event: Event, evaluator: parties.Organisation) -> None:
    organiser = parties.organisations(reader, {event.organiser_id})[event.organiser_id]
    checks = {
        N_("it is not a verification body"): evaluator.kind == parties.VERIFIER,
        N_("it is suspended"): not is_suspended(reader, evaluator.id),
        N_("it belongs to the organiser's group"): evaluator.group_code != organiser.group_code,
    }
    for reason, is_so in checks.items():
        if not is_so:
            raise NotAnEvaluator(code=evaluator.code, reason=reason)


def _move(work: Work, evaluation: Evaluation, to: str, **facts: Any) -> None:
    STATES.refuse_unless_may(evaluation.state, to)
    evaluation.state = to
    work.session.flush()
    work.record(f"evaluation.{to.lower()}", number=evaluation.number, **facts)
