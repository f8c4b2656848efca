"""A verification body's work on neutral events: what it was commissioned to evaluate, its report, and the review."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from settlement.neutrality import confirmations, evaluations, events, standing
from settlement.neutrality.evaluations import Evaluation, Report
from tanyi.app.pages import pieces, views_events
from tanyi.app.pages.event_facts import COMMA
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader, Work

MINE: Final = access("verifier", scope="own")
ONE: Final = "pages/verifier/evaluation.html"
FIELDS: Final = ("team", *evaluations.FIELDS, "site_visit", "verdict", "reviewer")
NO_VERDICT = N_("Say whether the event is neutral.")
PARTS: Final = {  # the outline of annex 2, with the plan of art. 16(1)
    "plan": (N_("Evaluation plan"), N_("Purpose, content and schedule")),
    "purpose": (N_("1.1 Purpose"), ""),
    "scope": (N_("1.2 Scope"), ""),
    "criteria": (N_("1.3 Criteria"), ""),
    "document_review": (N_("2.2 Documents reviewed"), ""),
    "site_visit": (N_("2.3 Visit on site"), N_("Only if there was one")),
    "facts": (N_("3.1 Basic facts of the event"), ""),
    "conformity": (N_("3.2 Conformity with the guide"), ""),
    "results": (N_("3.3 Result of the evaluation"), ""),
    "references": (N_("4 Reference documents"), ""),
    "conclusion": (N_("Conclusion"), N_("One sentence for the public statement")),
}


@get("/evaluations", opt=MINE, sync_to_thread=True)
def commissions(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> Response[str]:
    """What the body was commissioned to do, newest first."""
    found = evaluations.of_evaluator(reader, visitor.organisation_id)
    named = events.by_ids(reader, {each.event_id for each in found})
    rows = [
        views_events.evaluation(reader, each) | {"event": views_events.head(named[each.event_id])} for each in found
    ]
    return page(visitor, "pages/verifier/evaluations.html", evaluations=rows)


@get("/evaluations/{number:str}", opt=MINE, sync_to_thread=True)
def one(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """One commission: the form of the report, or the report and its review."""
    found = evaluations.own(reader, pieces.named(number), visitor.organisation_id)
    return _page(reader, visitor, found, TypedForm({}, FIELDS, visitor.locale))


@post("/evaluations/{number:str}", opt=MINE, sync_to_thread=True)
def hand_in(
    visitor: NamedDependency[Visitor], work: NamedDependency[Work], form: NamedDependency[Form], number: FromPath[str]
) -> Response[Any]:
    """Hands in the report; what is missing is said beside its field."""
    found = evaluations.own(work, pieces.named(number), visitor.organisation_id)
    sent = TypedForm(form, FIELDS, visitor.locale)
    report = _report(sent)
    if report is not None:
        try:
            evaluations.report(work, number=found.number, evaluator_id=visitor.organisation_id, report=report)
        except (evaluations.TeamTooSmall, evaluations.ReportIncomplete, evaluations.NotAnEvaluator) as refusal:
            sent.say_refusal(str(refusal.facts.get("field", "team")), refusal)
        except confirmations.ConfirmedAlready as refusal:
            sent.say_refusal("verdict", refusal)
    return _page(work, visitor, found, sent) if sent.errors else see_other(f"/evaluations/{found.number}")


def _report(sent: TypedForm) -> Report | None:
    texts = {field: _prose(sent, field) for field in evaluations.FIELDS}
    team = tuple(name.strip() for name in COMMA.split(sent.text("team")) if name.strip())
    if sent.typed["verdict"] not in ("yes", "no"):
        sent.say("verdict", NO_VERDICT)
    if sent.errors:
        return None
    is_neutral = sent.typed["verdict"] == "yes"
    return Report(team=team, site_visit=sent.typed["site_visit"], is_neutral=is_neutral, **texts)


def _prose(sent: TypedForm, field: str) -> str:
    """A longer text, which must be there."""
    if not sent.typed[field]:
        sent.text(field)
    return sent.typed[field]


@post("/evaluations/{number:str}/approval", opt=MINE, sync_to_thread=True)
def approve(
    visitor: NamedDependency[Visitor], work: NamedDependency[Work], form: NamedDependency[Form], number: FromPath[str]
) -> Response[Any]:
    """Approves a report that somebody outside the team has reviewed (art. 16(2))."""
    found = evaluations.own(work, pieces.named(number), visitor.organisation_id)
    sent = TypedForm(form, FIELDS, visitor.locale)
    reviewer = sent.text("reviewer")
    try:
        if not sent.errors:
            evaluations.approve(work, number=found.number, evaluator_id=visitor.organisation_id, reviewer=reviewer)
    except evaluations.ReviewerOfTheTeam as refusal:
        sent.say_refusal("reviewer", refusal)
    return _page(work, visitor, found, sent) if sent.errors else see_other(f"/evaluations/{found.number}")


def _page(reader: Reader, visitor: Visitor, found: Evaluation, sent: TypedForm) -> Response[str]:
    event = events.by_ids(reader, [found.event_id])[found.event_id]
    now = standing.of(reader, event)
    context: dict[str, Any] = {
        "evaluation": views_events.evaluation(reader, found) | {"reviewer": found.reviewer},
        "event": views_events.head(event),
        "report": evaluations.report_of(found) if found.document else None,
        "parts": parts(),
        "form": sent.typed,
        "errors": sent.errors,
        "may_report": evaluations.STATES.may(found.state, "REPORTED"),
        "is_ready": events.STATES.may(event.state, "DECLARED"),
        "may_approve": evaluations.STATES.may(found.state, "APPROVED"),
    } | views_events.tonnes(now)
    return page(visitor, ONE, status=422 if sent.errors else 200, **context)


def parts() -> list[dict[str, Any]]:
    """The parts of the outline for the form, in both languages."""
    return [
        {"name": name, "title": pieces.both(title), "hint": pieces.both(hint) if hint else None}
        for name, (title, hint) in PARTS.items()
    ]


ROUTES = [commissions, one, hand_in, approve]
