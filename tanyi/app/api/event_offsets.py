"""Offsetting, confirming and declaring neutral events in the API, and what evaluators do for them.

A cover moves money and tonnes and asks for an `Idempotency-Key`: the same call again finishes what was begun.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import Meta

from settlement import retirement
from settlement.neutrality import confirmations, evaluations, events, forests, plans, statements
from tanyi.app import event_orders, event_purchase
from tanyi.app.api.answers import REPLAYED, key_of, takes
from tanyi.app.api.desk import AnswerShown
from tanyi.app.api.desk import shown as desk_shown
from tanyi.app.api.events import OWN, EventShown, Prose, StandingShown, shown, stands
from tanyi.app.installation import Installation
from tanyi.app.intake import MOST_TONNES, QuantityT, Shape, Text, read_json
from tanyi.app.security import Visitor, access
from tanyi.kernel import idempotency
from tanyi.kernel.errors import NotFound
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader, Work

EVALUATOR: dict[str, Any] = access("verifier", scope="own")
Listing = Annotated[str, Meta(pattern="^L[0-9]{6,18}$")]


class CoverStated(Shape, frozen=True, kw_only=True):
    """Tonnes for an event: `chosen` is tonnes by listing; empty: the cheapest, for at most `most_fen` in all."""

    quantity_t: QuantityT
    chosen: Annotated[dict[Listing, QuantityT], Meta(max_length=event_purchase.MOST_LISTINGS)] = msgspec.field(
        default_factory=dict
    )
    most_fen: Annotated[int, Meta(ge=1, lt=2**53)] | None = None
    beneficiary: Text | None = None


class ForestStated(Shape, frozen=True, kw_only=True):
    """A certified new forest of one's own (art. 12 (2)); all of it is published."""

    location: Prose
    coordinates: Prose
    species: Prose
    area_ha: Decimal
    planting_plan: Prose
    monitoring_plan: Prose
    sink_t: Annotated[int, Meta(ge=1, le=MOST_TONNES)]
    from_on: date
    until_on: date
    certifier: Text
    certificate: Text
    certified_on: date
    is_exclusive: bool


class SelfDeclaration(Shape, frozen=True, kw_only=True):
    """Who answers for the truth, and the evidence that is kept (art. 15)."""

    responsible: Text
    evidence: Annotated[list[Prose], Meta(min_length=1, max_length=confirmations.MOST_EVIDENCE)]


class EvaluatorNamed(Shape, frozen=True, kw_only=True):
    """The code of a verification body."""

    evaluator: Text


class ReviewerNamed(Shape, frozen=True, kw_only=True):
    """Who reviewed the report, from outside the team."""

    reviewer: Text


class CoverShown(msgspec.Struct, frozen=True, kw_only=True):
    """A cover that was paid, retired and certified."""

    retirement: str
    certificate: str
    quantity_t: int
    event_state: str
    standing: StandingShown


class StatementShown(msgspec.Struct, frozen=True, kw_only=True):
    """A published document with the hash that stands in the log."""

    sha256: str
    document: dict[str, Any]


class EvaluationShown(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation; its report is for the evaluator and the organiser."""

    number: str
    event: str
    state: str
    is_neutral: bool | None
    report: evaluations.Report | None


@get("/api/v1/events/{number:str}/offers", opt=OWN, sync_to_thread=True, tags=["events"])
def offers(number: FromPath[str], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> AnswerShown:
    """The cheapest way to cover what is missing, and alternatives. Nothing is reserved."""
    event = events.own(reader, number, visitor.organisation_id)
    wish = event_orders.wish_for(reader, event)
    return desk_shown(reader, event_orders.offers(reader, event, wish), wish.quantity_t)


@post(
    "/api/v1/events/{number:str}/covers",
    opt=OWN | takes(CoverStated, is_keyed=True),
    status_code=201,
    sync_to_thread=True,
    tags=["events"],
)
def cover(
    number: FromPath[str],
    body: RawBody,
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
) -> Response[CoverShown]:
    """Buys from one or several listings, retires for the event and certifies."""
    order, key = _order(number, read_json(body, CoverStated)), key_of(request)
    with house.open_work(visitor.actor) as work:
        is_known = idempotency.known_answer(work, key=key, request=order.fingerprint) is not None
    retired = event_purchase.cover(house, actor=visitor.actor, order=order, key=key)
    with house.open_reader() as reader:
        told = _covered(reader, events.own(reader, number, visitor.organisation_id), retired)
    return Response(told, status_code=201, headers={REPLAYED: "true"} if is_known else None)


@post(
    "/api/v1/events/{number:str}/forest",
    opt=OWN | takes(ForestStated),
    status_code=201,
    sync_to_thread=True,
    tags=["events"],
)
def record_forest(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EventShown:
    """Records a certified new forest for an event."""
    disclosure = forests.Disclosure(**msgspec.structs.asdict(read_json(body, ForestStated)))
    forests.record(work, number=number, organiser_id=visitor.organisation_id, disclosure=disclosure)
    return shown(work, events.own(work, number, visitor.organisation_id))


@post(
    "/api/v1/events/{number:str}/confirmation",
    opt=OWN | takes(SelfDeclaration),
    status_code=201,
    sync_to_thread=True,
    tags=["events"],
)
def declare_self(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EventShown:
    """Confirms a neutral event by the organiser's own word."""
    stated = msgspec.structs.asdict(read_json(body, SelfDeclaration))
    confirmations.declare_self(work, number=number, organiser_id=visitor.organisation_id, **stated)
    return shown(work, events.own(work, number, visitor.organisation_id))


@post("/api/v1/events/{number:str}/statement", opt=OWN, status_code=201, sync_to_thread=True, tags=["events"])
def publish_statement(
    number: FromPath[str], visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> StatementShown:
    """Publishes the statement of a neutral and confirmed event, once."""
    made = statements.publish(work, number=number, organiser_id=visitor.organisation_id)
    return StatementShown(sha256=made.sha256, document=statements.document_of(made))


@post(
    "/api/v1/events/{number:str}/evaluations",
    opt=OWN | takes(EvaluatorNamed),
    status_code=201,
    sync_to_thread=True,
    tags=["events"],
)
def commission(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EvaluationShown:
    """Asks a verification body to evaluate an event."""
    code = read_json(body, EvaluatorNamed).evaluator
    made = evaluations.commission(work, number=number, organiser_id=visitor.organisation_id, evaluator_code=code)
    return _evaluation(work, made)


@get("/api/v1/evaluations", opt=EVALUATOR, sync_to_thread=True, tags=["events"])
def own_evaluations(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> list[EvaluationShown]:
    """What this evaluator was commissioned to do."""
    return [_evaluation(reader, row) for row in evaluations.of_evaluator(reader, visitor.organisation_id)]


@post(
    "/api/v1/evaluations/{number:str}/report",
    opt=EVALUATOR | takes(evaluations.Report),
    status_code=200,
    sync_to_thread=True,
    tags=["events"],
)
def report(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EvaluationShown:
    """Hands in the report of annex 2."""
    given = read_json(body, evaluations.Report)
    evaluations.report(work, number=number, evaluator_id=visitor.organisation_id, report=given)
    return _evaluation(work, evaluations.own(work, number, visitor.organisation_id))


@post(
    "/api/v1/evaluations/{number:str}/approval",
    opt=EVALUATOR | takes(ReviewerNamed),
    status_code=200,
    sync_to_thread=True,
    tags=["events"],
)
def approve(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EvaluationShown:
    """Approves a reviewed report; a good verdict confirms the event."""
    reviewer = read_json(body, ReviewerNamed).reviewer
    evaluations.approve(work, number=number, evaluator_id=visitor.organisation_id, reviewer=reviewer)
    return _evaluation(work, evaluations.own(work, number, visitor.organisation_id))


@post("/api/v1/evaluations/{number:str}/return", opt=EVALUATOR, status_code=200, sync_to_thread=True, tags=["events"])
def return_report(
    number: FromPath[str], visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> EvaluationShown:
    """Takes a report back, to write it anew."""
    evaluations.return_report(work, number=number, evaluator_id=visitor.organisation_id)
    return _evaluation(work, evaluations.own(work, number, visitor.organisation_id))


@get("/api/v1/neutral-events", opt=access(scope="public"), sync_to_thread=True, tags=["events"])
def public_events(reader: NamedDependency[Reader]) -> list[dict[str, str]]:
    """Events whose plan was published, newest first, with their state."""
    found = events.all_public(reader)[:200]
    return [{"number": each.number, "name": each.name, "state": each.state} for each in found]


@get("/api/v1/neutral-events/{number:str}/plan", opt=access(scope="public"), sync_to_thread=True, tags=["events"])
def public_plan(number: FromPath[str], reader: NamedDependency[Reader]) -> StatementShown:
    """The implementation plan as it was published."""
    plan = plans.of_event(reader, events.public(reader, number).id)
    if plan is None:
        raise NotFound
    return StatementShown(sha256=plan.sha256, document=plans.document_of(plan))


@get("/api/v1/neutral-events/{number:str}/statement", opt=access(scope="public"), sync_to_thread=True, tags=["events"])
def public_statement(number: FromPath[str], reader: NamedDependency[Reader]) -> StatementShown:
    """The statement as it was published."""
    made = statements.of_event(reader, events.public(reader, number).id)
    if made is None:
        raise NotFound
    return StatementShown(sha256=made.sha256, document=statements.document_of(made))


def _order(number: str, stated: CoverStated) -> event_orders.CoverOrder:
    return event_orders.CoverOrder(
        event=number,
        quantity_t=Tonnes(stated.quantity_t),
        chosen=stated.chosen,
        most_fen=stated.most_fen,
        beneficiary=stated.beneficiary.strip() if stated.beneficiary else None,
    )


def _covered(reader: Reader, event: events.Event, number: str) -> CoverShown:
    return CoverShown(
        retirement=number,
        certificate=number,
        quantity_t=retirement.by_number(reader, number).quantity_t,
        event_state=event.state,
        standing=stands(reader, event),
    )


def _evaluation(reader: Reader, row: evaluations.Evaluation) -> EvaluationShown:
    told = evaluations.report_of(row) if row.document else None
    return EvaluationShown(
        number=row.number,
        event=events.by_ids(reader, [row.event_id])[row.event_id].number,
        state=row.state,
        is_neutral=told.is_neutral if told else None,
        report=told,
    )


ROUTES = [
    offers,
    cover,
    record_forest,
    declare_self,
    publish_statement,
    commission,
    own_evaluations,
    report,
    approve,
    return_report,
    public_events,
    public_plan,
    public_statement,
]
