"""The public statement (公开声明, art. 17): eight items, derived from what was recorded, published once, never changed.

(1) the event, (2) its organisers, (3) its time, (4) boundary and emissions, (5) how it was offset and when it became
neutral, (6) how that was confirmed, (7) the evaluator and its conclusion if there was one, (8) who declares, and when.
"""

from __future__ import annotations

import json
from typing import Any

from settlement.neutrality import calculations, confirmations, evaluations, events, forests, offsets, standing
from settlement.neutrality.tables import Confirmation, Evaluation, Statement
from settlement.tables import Event
from tanyi.kernel import parties
from tanyi.kernel.canonical import canonical, sha256_hex
from tanyi.kernel.errors import N_, Conflict
from tanyi.kernel.work import Reader, Work


class NotConfirmed(Conflict):
    """A statement needs a confirmation of what it says (art. 14)."""

    code = "neutrality.not_confirmed"
    message = N_("Confirm neutrality first, by self-declaration or by an independent evaluator (guide, art. 14).")


class NotNeutral(Conflict):
    """Less was retired in time than was emitted (art. 13)."""

    code = "neutrality.not_neutral"
    message = N_(
        "%(missing_t)s t are still missing, or came after %(deadline_on)s: this event is not neutral (art. 13)."
    )


def publish(work: Work, *, number: str, organiser_id: int) -> Statement:
    """Publishes the statement of a neutral, confirmed event."""
    event = events.own(work, number, organiser_id, for_update=True)
    document = draft(work, event)
    events.STATES.refuse_unless_may(event.state, "DECLARED")
    text, digest = canonical(document).decode(), sha256_hex(document)
    made = Statement(event_id=event.id, document=text, sha256=digest, published_at=work.now)
    work.session.add(made)
    events.move(work, event=event, to="DECLARED", sha256=digest)
    return made


def draft(reader: Reader, event: Event) -> dict[str, Any]:
    """The statement as it would be published now, or the refusal that says what is missing."""
    now = standing.of(reader, event)
    if now.actual_t is None or now.neutral_on is None:
        raise NotNeutral(missing_t=now.missing_t, deadline_on=now.deadline_on.isoformat())
    confirmed = confirmations.of_event(reader, event.id)
    if confirmed is None:
        raise NotConfirmed
    organiser = parties.organisations(reader, {event.organiser_id})[event.organiser_id]
    return {
        "number": event.number,
        "kind": event.kind,
        "name": event.name,
        "organisers": [organiser.name_zh, *event.co_organisers],
        "starts_on": event.starts_on.isoformat(),
        "ends_on": event.ends_on.isoformat(),
        "place": event.place,
        "boundary": {"phases": list(event.phases), "text": event.boundary},
        "emissions": _emissions(reader, event),
        "offset": _offset(reader, event, now),
        "confirmation": confirmed.kind,
        "evaluator": _evaluator(reader, confirmed),
        "declared_by": {"name_zh": organiser.name_zh, "name_en": organiser.name_en},
        "declared_on": reader.today.isoformat(),
    }


def of_event(reader: Reader, event_id: int) -> Statement | None:
    """The published statement of an event."""
    return reader.session.get(Statement, event_id)


def document_of(statement: Statement) -> dict[str, Any]:
    """The statement as it was published."""
    return json.loads(statement.document)


def _emissions(reader: Reader, event: Event) -> dict[str, str]:
    accounted = calculations.versions(reader, event.id, calculations.ACTUAL)[0]
    return {
        "emissions_kg": f"{accounted.total_kg:f}",
        "tonnes": str(accounted.retire_t),
        "version": str(accounted.version),
        "calculation_sha256": sha256_hex(json.loads(accounted.document)),
    }


def _offset(reader: Reader, event: Event, now: standing.Standing) -> dict[str, Any]:
    forest, retired = forests.of_event(reader, event.id), offsets.retired_for(reader, event.id)
    methods = [standing.CREDITS] * bool(retired) + [standing.NEW_FOREST] * (forest is not None)
    return {
        "methods": methods,
        "retired_t": str(now.retired_t),
        "forest_t": str(now.forest_t),
        "forest_certificate": forest.certificate if forest else None,
        "surplus_t": str(now.surplus_t),
        "certificates": sorted(row.number for row in retired),
        "neutral_on": now.neutral_on.isoformat() if now.neutral_on else None,
        "recognised_by": offsets.recognised_by(now.neutral_on or now.today_on),
    }


def _evaluator(reader: Reader, confirmed: Confirmation) -> dict[str, str] | None:
    if confirmed.evaluation_id is None:
        return None
    found = reader.session.get_one(Evaluation, confirmed.evaluation_id)
    body = parties.organisations(reader, {found.evaluator_id})[found.evaluator_id]
    conclusion = evaluations.report_of(found).conclusion
    return {"number": found.number, "name_zh": body.name_zh, "name_en": body.name_en, "conclusion": conclusion}
