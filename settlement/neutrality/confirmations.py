"""How neutrality is confirmed (art. 14): by the organiser's own word, or by an independent evaluator.

A self-declaration (自我承诺, art. 15) keeps its evidence and names who answers for its truth. A confirmation holds for one
version of the actuals; when they are corrected, the event is confirmed again.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from settlement.neutrality import calculations, events
from settlement.neutrality.tables import Calculation, Confirmation, Evaluation
from settlement.tables import Event
from tanyi.kernel import parties
from tanyi.kernel.errors import N_, Conflict, Invalid
from tanyi.kernel.work import Reader, Work

SELF, INDEPENDENT = "SELF", "INDEPENDENT"
MOST_EVIDENCE = 100


class EvidenceMissing(Invalid):
    """A self-declaration keeps its evidence and somebody answers for it (art. 15)."""

    code = "neutrality.evidence_missing"
    message = N_("A self-declaration names its evidence and who is responsible for its truth (guide, art. 15).")


class ConfirmedAlready(Conflict):
    """These actuals are confirmed."""

    code = "neutrality.confirmed_already"
    message = N_("The neutrality of these actual emissions is confirmed already.")


class ActualsChanged(Conflict):
    """The report judged other actuals than those that now hold."""

    code = "neutrality.actuals_changed"
    message = N_("The actual emissions have changed since the report. Report on the present ones.")


def declare_self(
    work: Work, *, number: str, organiser_id: int, responsible: str, evidence: Sequence[str]
) -> Confirmation:
    """The organiser confirms its own event, with evidence that it keeps, and answers for it."""
    event = events.own(work, number, organiser_id, for_update=True)
    accounted = actuals_to_confirm(work, event)
    kept = [each.strip() for each in evidence if each.strip()]
    fits = all(len(each) <= events.LONGEST_PROSE for each in kept) and len(kept) <= MOST_EVIDENCE
    if not kept or not fits or not 0 < len(responsible.strip()) <= events.LONGEST_TEXT:
        raise EvidenceMissing
    made = Confirmation(
        calculation_id=accounted.id,
        event_id=event.id,
        kind=SELF,
        responsible=responsible.strip(),
        evidence=kept,
        confirmed_at=work.now,
    )
    return _keep(work, event, made)


def confirm_independently(work: Work, *, evaluation: Evaluation) -> Confirmation:
    """An evaluator's approved report confirms the actuals that it judged; refused when they have changed meanwhile."""
    event = events.by_ids(work, [evaluation.event_id])[evaluation.event_id]
    accounted = actuals_to_confirm(work, event)
    if accounted.id != evaluation.calculation_id:
        raise ActualsChanged
    evaluator = parties.organisations(work, {evaluation.evaluator_id})[evaluation.evaluator_id]
    made = Confirmation(
        calculation_id=accounted.id,
        event_id=event.id,
        kind=INDEPENDENT,
        responsible=evaluator.name_zh,
        evidence=[evaluation.number],
        evaluation_id=evaluation.id,
        confirmed_at=work.now,
    )
    return _keep(work, event, made)


def actuals_to_confirm(reader: Reader, event: Event) -> Calculation:
    """The actuals of an event that is neutral and not yet confirmed for them."""
    events.STATES.refuse_unless_may(event.state, "DECLARED")
    if of_event(reader, event.id) is not None:
        raise ConfirmedAlready
    return calculations.versions(reader, event.id, calculations.ACTUAL)[0]


def of_event(reader: Reader, event_id: int) -> Confirmation | None:
    """The confirmation of the actuals that now hold."""
    accounted = calculations.versions(reader, event_id, calculations.ACTUAL)
    return reader.session.get(Confirmation, accounted[0].id) if accounted else None


def all_of_event(reader: Reader, event_id: int) -> Sequence[Confirmation]:
    """Every confirmation of an event, those of corrected actuals too, newest first."""
    query = select(Confirmation).where(Confirmation.event_id == event_id)
    return reader.session.scalars(query.order_by(Confirmation.calculation_id.desc())).all()


def _keep(work: Work, event: Event, made: Confirmation) -> Confirmation:
    work.session.add(made)
    work.session.flush()
    work.record("event.confirmed", number=event.number, kind=made.kind)
    return made
