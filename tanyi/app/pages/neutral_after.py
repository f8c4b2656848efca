"""An organiser's own event after it was held: the real figures, the confirmation, the statement."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from settlement.neutrality import calculations, confirmations, evaluations, events, standing, statements
from settlement.neutrality.events import Event
from tanyi.app.pages import calculator_page, pieces, views_events, views_footprint, views_neutral
from tanyi.app.pages.calculator_page import Counted
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.neutral_drafts import OWN, keep_version, own
from tanyi.app.pages.sent import SENT, Sent
from tanyi.app.security import Form, Visitor, page, see_other
from tanyi.kernel import parties
from tanyi.kernel.errors import N_, Refusal
from tanyi.kernel.work import Reader, Work

CONFIRMATION: Final = "pages/neutral/confirmation.html"
FIELDS: Final = ("way", "responsible", "evidence", "evaluator", "understood")
NOT_RESPONSIBLE = N_("Please confirm that you answer for it.")
CHOOSE_ONE = N_("Choose a verification body.")
FIELD_OF: Final[dict[type[Refusal], str]] = {
    confirmations.EvidenceMissing: "evidence",
    evaluations.NotAnEvaluator: "evaluator",
    evaluations.EvaluationRunning: "evaluator",
    confirmations.ConfirmedAlready: "way",
}


@get("/neutral/{number:str}/actuals", opt=OWN, sync_to_thread=True)
def actuals(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """The real figures: what was stated last, else the estimate to start from."""
    event = own(reader, visitor, number)
    stated = calculations.versions(reader, event.id, calculations.ACTUAL)
    estimated = calculations.versions(reader, event.id, calculations.ESTIMATE)
    counted = calculator_page.before(event, stated or estimated, visitor.locale, suggests=False)
    return _actuals_page(reader, visitor, event, counted)


@post("/neutral/{number:str}/actuals", opt=OWN, dependencies=SENT, sync_to_thread=True)
def account(
    visitor: NamedDependency[Visitor],
    work: NamedDependency[Work],
    sent: NamedDependency[Sent],
    number: FromPath[str],
) -> Response[Any]:
    """Reads a workbook in, calculates again, or saves the real figures and trues up."""
    event = own(work, visitor, number)
    counted = calculator_page.received(sent, calculator_page.basis_of(event, suggests=False), visitor.locale)
    if sent.typed.get("action") == calculator_page.SAVE and counted.is_fit:
        mine = {"number": event.number, "organiser_id": visitor.organisation_id}
        if keep_version(counted, lambda **stated: calculations.account(work, **mine, **stated)):
            return see_other(f"/neutral/{event.number}?said=accounted")
    return _actuals_page(work, visitor, event, counted)


def _actuals_page(reader: Reader, visitor: Visitor, event: Event, counted: Counted) -> Response[str]:
    estimate = calculations.versions(reader, event.id, calculations.ESTIMATE)
    context = counted.context(
        event=views_events.head(event),
        facts={},
        steps=[],
        action=f"/neutral/{event.number}/actuals",
        asks_contact=False,
        is_actual=True,
        compared={"estimate": views_footprint.t_text(estimate[0].total_kg)} if estimate else None,
        back=f"/neutral/{event.number}",
    )
    return page(visitor, calculator_page.TEMPLATE, status=422 if counted.sheet.errors else 200, **context)


@get("/neutral/{number:str}/confirmation", opt=OWN, sync_to_thread=True)
def confirmation(
    visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]
) -> Response[str]:
    """Who confirms that the event is neutral."""
    event = own(reader, visitor, number)
    return _confirmation_page(reader, visitor, event, TypedForm({}, FIELDS, visitor.locale))


@post("/neutral/{number:str}/confirmation", opt=OWN, sync_to_thread=True)
def confirm(
    visitor: NamedDependency[Visitor], work: NamedDependency[Work], form: NamedDependency[Form], number: FromPath[str]
) -> Response[Any]:
    """Confirms by self-declaration and shows the statement, or commissions a verification body."""
    event = own(work, visitor, number)
    sent = TypedForm(form, FIELDS, visitor.locale)
    following, is_independent = "", sent.typed["way"] == confirmations.INDEPENDENT
    try:
        following = _commission(work, event, sent) if is_independent else _declare(work, event, sent)
    except tuple(FIELD_OF) as refusal:
        sent.say_refusal(FIELD_OF[type(refusal)], refusal)
    if sent.errors:
        return _confirmation_page(work, visitor, event, sent)
    return see_other(f"/neutral/{event.number}{following}")


def _declare(work: Work, event: Event, sent: TypedForm) -> str:
    """The organiser's own word (art. 15); the statement follows, to be read before it is published."""
    responsible = sent.text("responsible")
    evidence = [line for line in sent.typed["evidence"].splitlines() if line.strip()]
    if not evidence:
        sent.say("evidence", confirmations.EvidenceMissing.message)
    if not sent.typed["understood"]:
        sent.say("understood", NOT_RESPONSIBLE)
    if sent.errors:
        return ""
    confirmations.declare_self(
        work, number=event.number, organiser_id=event.organiser_id, responsible=responsible, evidence=evidence
    )
    return "/statement"


def _commission(work: Work, event: Event, sent: TypedForm) -> str:
    if not sent.typed["evaluator"]:
        sent.say("evaluator", CHOOSE_ONE)
        return ""
    evaluations.commission(
        work, number=event.number, organiser_id=event.organiser_id, evaluator_code=sent.typed["evaluator"]
    )
    return "?said=commissioned"


def _confirmation_page(reader: Reader, visitor: Visitor, event: Event, sent: TypedForm) -> Response[str]:
    now = standing.of(reader, event)
    accounted = calculations.versions(reader, event.id, calculations.ACTUAL)
    context = {
        "event": views_events.head(event),
        "actual_t": views_footprint.t_text(accounted[0].total_kg) if accounted else "—",
        "retired_t": now.covered_t,
        "form": sent.typed,
        "errors": sent.errors,
        "evaluators": [{"code": each.code, **pieces.names(each)} for each in _evaluators(reader)],
        "running": _running(reader, event),
        "may_confirm": events.STATES.may(event.state, "DECLARED"),
    }
    return page(visitor, CONFIRMATION, status=422 if sent.errors else 200, **context)


def _evaluators(reader: Reader) -> list[parties.Organisation]:
    bodies = parties.of_kind(reader, parties.VERIFIER)
    return [body for body in bodies if not evaluations.is_suspended(reader, body.id)]


def _running(reader: Reader, event: Event) -> dict[str, Any] | None:
    for found in evaluations.of_event(reader, event.id):
        if evaluations.STATES.moves[found.state]:
            return views_events.evaluation(reader, found)
    return None


@post("/neutral/{number:str}/evaluations/{evaluation:str}/end", opt=OWN, sync_to_thread=True)
def end_evaluation(
    visitor: NamedDependency[Visitor],
    work: NamedDependency[Work],
    number: FromPath[str],
    evaluation: FromPath[str],
) -> Redirect:
    """Ends an evaluation that is under way, so that another way can be taken."""
    event = own(work, visitor, number)
    evaluations.end(work, number=pieces.named(evaluation), organiser_id=visitor.organisation_id)
    return see_other(f"/neutral/{event.number}/confirmation")


@get("/neutral/{number:str}/statement", opt=OWN, sync_to_thread=True)
def statement(
    visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]
) -> Response[str]:
    """The statement as it will be public; what it lacks is said."""
    event = own(reader, visitor, number)
    document = views_neutral.told(statements.draft(reader, event))
    context = {"event": views_events.head(event), "statement": document}
    return page(visitor, "pages/neutral/statement.html", **context)


@post("/neutral/{number:str}/statement", opt=OWN, sync_to_thread=True)
def publish(visitor: NamedDependency[Visitor], work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Publishes the statement; sending it again changes nothing."""
    event = own(work, visitor, number)
    if statements.of_event(work, event.id) is None:
        statements.publish(work, number=event.number, organiser_id=visitor.organisation_id)
    return see_other(f"/neutral/{event.number}?said=declared")


ROUTES = [actuals, account, confirmation, confirm, end_evaluation, statement, publish]
