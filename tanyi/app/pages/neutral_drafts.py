"""An organiser's own event up to its published plan: room, facts, estimate, measures, plan. Each page keeps what it is sent."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from settlement.neutrality import calculations, events, plans, standing
from settlement.neutrality.events import Event
from settlement.neutrality.plans import Step
from tanyi.app.installation import Installation
from tanyi.app.pages import calculator_page, event_facts, measure_options, views_events
from tanyi.app.pages.account import flash_of
from tanyi.app.pages.calculator_page import Counted
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.neutral import MAY_ORGANISE
from tanyi.app.pages.pieces import named
from tanyi.app.pages.rendering import translate
from tanyi.app.pages.sent import SENT, Sent
from tanyi.app.security import Visitor, access, page, see_other
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader, Work

OWN: Final = access(*MAY_ORGANISE, scope="own")
MEASURES: Final = "pages/neutral/measures.html"
NO_MEASURE = N_("Tick a measure or write one: without a measure there is nothing to publish and nothing to offset.")
MISSING = N_("The plan still lacks %(item)s.")


@get("/neutral/{number:str}", opt=OWN, sync_to_thread=True)
def room(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    house: NamedDependency[Installation],
    number: FromPath[str],
) -> Response[str]:
    """Where the event stands and what comes next."""
    event = own(reader, visitor, number)
    told = views_events.room(reader, event, house.settings.public_url, locale=visitor.locale)
    return page(visitor, "pages/neutral/event.html", flash=flash_of(request, visitor), **told)


def own(reader: Reader, visitor: Visitor, number: str) -> Event:
    """The visitor's own event; another's does not exist."""
    return events.own(reader, named(number), visitor.organisation_id)


@get("/neutral/{number:str}/facts", opt=OWN, sync_to_thread=True)
def facts(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """The facts of the event, to be corrected while it is a draft."""
    event = own(reader, visitor, number)
    phases = [phase for phase in event_facts.PHASES_CHOSEN if phase in event.phases]
    return _facts_page(reader, visitor, event, event_facts.page_context(event_facts.typed_of(event), phases, {}))


@post("/neutral/{number:str}/facts", opt=OWN, dependencies=SENT, sync_to_thread=True)
def correct_facts(
    visitor: NamedDependency[Visitor],
    work: NamedDependency[Work],
    sent: NamedDependency[Sent],
    number: FromPath[str],
) -> Response[Any]:
    """Corrects the facts; what is wrong is said beside its field."""
    event = own(work, visitor, number)
    asked = event_facts.read(sent, visitor.locale, today=work.today, asks_organiser=False)
    if asked.facts is not None:
        try:
            events.describe(work, number=event.number, organiser_id=visitor.organisation_id, facts=asked.facts)
        except events.FixedByCertificate as refusal:
            asked.form.say_refusal("name", refusal)
        else:
            return see_other(f"/neutral/{event.number}/activities")
    context = event_facts.page_context(asked.form.typed, asked.phases, asked.form.errors)
    return _facts_page(work, visitor, event, context, status=422)


def _facts_page(
    reader: Reader, visitor: Visitor, event: Event, context: dict[str, Any], status: int = 200
) -> Response[str]:
    address = f"/neutral/{event.number}"
    about: dict[str, Any] = {
        "event": views_events.head(event),
        "action": f"{address}/facts",
        "method": "post",
        "back": address,
    }
    about |= {"asks_organiser": False, "steps": _steps(reader, event, "facts")}
    return page(visitor, "pages/neutral/facts.html", status=status, **(context | about))


@get("/neutral/{number:str}/activities", opt=OWN, sync_to_thread=True)
def activities(
    visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]
) -> Response[str]:
    """The estimate, as it was saved last."""
    event = own(reader, visitor, number)
    versions = calculations.versions(reader, event.id, calculations.ESTIMATE)
    counted = calculator_page.before(event, versions, visitor.locale, suggests=True)
    return _activities_page(reader, visitor, event, counted)


@post("/neutral/{number:str}/activities", opt=OWN, dependencies=SENT, sync_to_thread=True)
def estimate(
    visitor: NamedDependency[Visitor],
    work: NamedDependency[Work],
    sent: NamedDependency[Sent],
    number: FromPath[str],
) -> Response[Any]:
    """Reads a workbook in, calculates again, or saves a version of the estimate."""
    event = own(work, visitor, number)
    counted = calculator_page.received(sent, calculator_page.basis_of(event, suggests=True), visitor.locale)
    if sent.typed.get("action") == calculator_page.SAVE and counted.is_fit:
        mine = {"number": event.number, "organiser_id": visitor.organisation_id}
        if keep_version(counted, lambda **stated: calculations.estimate(work, **mine, **stated)):
            return see_other(f"/neutral/{event.number}/measures")
    return _activities_page(work, visitor, event, counted)


def keep_version(counted: Counted, verb: Any) -> bool:
    """Lets a verb keep what was stated; False when it refuses a row, which is then said on the page."""
    try:
        verb(activities=counted.activities, has_radiative_forcing=counted.sheet.has_forcing)
    except (calculations.PhaseOutsideBoundary, calculations.EventNotOver) as refusal:
        counted.sheet.say_refusal("activities", refusal)
        return False
    return True


def _activities_page(reader: Reader, visitor: Visitor, event: Event, counted: Counted) -> Response[str]:
    address = f"/neutral/{event.number}"
    context = counted.context(
        event=views_events.head(event),
        facts={},
        steps=_steps(reader, event, "activities"),
        action=f"{address}/activities",
        asks_contact=False,
        is_actual=False,
        compared=None,
        back=f"{address}/facts",
    )
    return page(visitor, calculator_page.TEMPLATE, status=422 if counted.sheet.errors else 200, **context)


@get("/neutral/{number:str}/measures", opt=OWN, sync_to_thread=True)
def measures(
    visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]
) -> Response[str]:
    """What will be avoided, before anything is offset."""
    event = own(reader, visitor, number)
    stated = [each.description for each in plans.measures_of(reader, event.id)]
    chosen = [code for each in stated if (code := measure_options.code_of(each))]
    words = "\n".join(each for each in stated if measure_options.code_of(each) is None)
    return _measures_page(reader, visitor, event, chosen, words, {})


@post("/neutral/{number:str}/measures", opt=OWN, dependencies=SENT, sync_to_thread=True)
def set_measures(
    visitor: NamedDependency[Visitor],
    work: NamedDependency[Work],
    sent: NamedDependency[Sent],
    number: FromPath[str],
) -> Response[Any]:
    """Keeps the measures and, with them, how and until when the event will be neutral."""
    event = own(work, visitor, number)
    chosen = sent.chosen("measures", measure_options.OPTIONS)
    words = str(sent.typed.get("own", ""))[:20_000]
    errors = _set_out(work, visitor, event, chosen, words)
    if not errors:
        return see_other(f"/neutral/{event.number}/plan")
    return _measures_page(work, visitor, event, chosen, words, errors)


def _set_out(work: Work, visitor: Visitor, event: Event, chosen: list[str], words: str) -> dict[str, str]:
    """States the measures; what is wrong with them, in the reader's language."""
    stated = [Step(phase=phase, description=told) for phase, told in map(measure_options.sentence, chosen)]
    stated += [Step(phase="EVENT", description=line.strip()) for line in words.splitlines() if line.strip()]
    form = TypedForm({}, (), visitor.locale)
    if not stated:
        form.say("measures", NO_MEASURE)
        return form.errors
    try:
        plans.set_out(
            work,
            number=event.number,
            organiser_id=visitor.organisation_id,
            measures=stated,
            offset_method=event.offset_method or standing.CREDITS,
            neutral_by_on=standing.deadline(event.ends_on, event.offset_method),
        )
    except plans.MeasureUnfit as refusal:
        form.say_refusal("own", refusal)
    return form.errors


def _measures_page(
    reader: Reader, visitor: Visitor, event: Event, chosen: list[str], words: str, errors: dict[str, str]
) -> Response[str]:
    address = f"/neutral/{event.number}"
    context = {
        "event": views_events.head(event),
        "steps": _steps(reader, event, "measures"),
        "options": measure_options.as_choices(),
        "chosen": chosen,
        "form": {"own": words},
        "errors": errors,
        "back": f"{address}/activities",
    }
    return page(visitor, MEASURES, status=422 if errors else 200, **context)


@get("/neutral/{number:str}/plan", opt=OWN, sync_to_thread=True)
def plan(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """The plan as it will be public."""
    event = own(reader, visitor, number)
    return _plan_page(reader, visitor, event)


@post("/neutral/{number:str}/plan", opt=OWN, sync_to_thread=True)
def publish(visitor: NamedDependency[Visitor], work: NamedDependency[Work], number: FromPath[str]) -> Response[Any]:
    """Publishes the plan; sending it again changes nothing."""
    event = own(work, visitor, number)
    if plans.of_event(work, event.id) is None:
        plans.publish(work, number=event.number, organiser_id=visitor.organisation_id)
    return see_other(f"/neutral/{event.number}/offsets")


def _plan_page(reader: Reader, visitor: Visitor, event: Event) -> Response[str]:
    account = views_events.latest_account(reader, event.id, calculations.ESTIMATE)
    lacking = plans.missing_items(reader, event)
    words = [translate(MISSING, locale=visitor.locale, item=plans.ITEMS[item]) for item in lacking]
    published = plans.of_event(reader, event.id)
    context = {
        "event": views_events.head(event),
        "steps": _steps(reader, event, "plan"),
        "plan": views_events.plan(reader, event),
        "account": account,
        "missing": words,
        "is_published": published is not None,
        "is_late": reader.today >= event.starts_on if published is None else published.is_late,
        "back": f"/neutral/{event.number}/measures",
    }
    return page(visitor, "pages/neutral/plan.html", **context)


@post("/neutral/{number:str}/withdrawal", opt=OWN, sync_to_thread=True)
def withdraw(visitor: NamedDependency[Visitor], work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Deletes a draft, or withdraws a plan for which nothing was retired."""
    event = own(work, visitor, number)
    events.withdraw(work, number=event.number, organiser_id=visitor.organisation_id)
    return see_other("/my?said=event-withdrawn")


def _steps(reader: Reader, event: Event, now: str) -> list[dict[str, Any]]:
    return views_events.steps(now, event.number, views_events.done_steps(reader, event))


ROUTES = [
    room,
    facts,
    correct_facts,
    activities,
    estimate,
    measures,
    set_measures,
    plan,
    publish,
    withdraw,
]
