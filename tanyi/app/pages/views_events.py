"""What pages show of an event on its way to neutrality: where it stands, what comes next, its plan, its retirements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from market.registry import issuance
from settlement import certificates
from settlement.neutrality import calculations, confirmations, evaluations, events, offsets, plans, standing
from settlement.neutrality.events import Event
from settlement.neutrality.plans import Measure
from settlement.neutrality.standing import Standing
from tanyi.app.pages import pieces, views_footprint
from tanyi.app.pages.measure_options import measure_names
from tanyi.app.pages.rendering import translate
from tanyi.app.pages.views_certificates import qr_svg
from tanyi.kernel import parties
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

STEPS = ("facts", "activities", "measures", "plan", "offsets", "pay")
TASKS: Mapping[str, tuple[str, str]] = {
    "activities": (N_("Estimate the emissions"), N_("Fill in what you know; the real figures come after the event.")),
    "measures": (N_("Name your reduction measures"), N_("Reducing comes before offsetting.")),
    "plan": (N_("Publish the plan"), N_("Eight items, public before the event begins.")),
    "offsets": (N_("Choose offsets"), N_("%(missing)s t are still to be retired.")),
    "actuals": (
        N_("Enter the real figures"),
        N_("The event is over: replace the estimate by bills, tickets and lists."),
    ),
    "difference": (N_("Buy the difference"), N_("More was emitted than retired: %(missing)s t are missing.")),
    "confirmation": (N_("Confirm that the event is neutral"), N_("By your own declaration or by an independent body.")),
    "statement": (N_("Publish the statement"), N_("Eight items, as the guide asks; then nothing is left to do.")),
    "correction": (N_("Correct the real figures"), N_("Possible until the statement is published.")),
}
ADDRESSES = {"difference": "offsets", "correction": "actuals"}


def head(event: Event) -> dict[str, Any]:
    """What stands at the top of every page of an event."""
    return {
        "number": event.number,
        "name": event.name,
        "kind": event.kind,
        "state": event.state,
        "from_on": event.starts_on,
        "to_on": event.ends_on,
        "place": event.place,
        "is_public": events.is_public(event.state),
    }


def steps(now: str, number: str | None, done: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The stepper; a step that was done leads back to its page."""
    pages = dict(zip(STEPS, ("facts", "activities", "measures", "plan", "offsets", "checkout"), strict=True))
    return [
        {
            "code": code,
            "is_now": code == now,
            "is_done": code in done,
            "address": f"/neutral/{number}/{pages[code]}" if number and code in done and code != "pay" else None,
        }
        for code in STEPS
    ]


def done_steps(reader: Reader, event: Event) -> list[str]:
    """Which steps of the wizard an event has behind it."""
    if events.is_public(event.state):
        return ["facts", "activities", "measures", "plan"]
    lacking = plans.missing_items(reader, event)
    return [
        "facts",
        *(["activities"] if "estimate" not in lacking else []),
        *(["measures"] if "measures" not in lacking else []),
    ]


def clock(event: Event, now: Standing) -> dict[str, Any] | None:
    """The countdown of the guide; none once neutrality was reached in time."""
    if now.neutral_on is not None or events.is_given_up(event.state):
        return None
    return {
        "due_on": now.deadline_on,
        "days_left": max(0, (now.deadline_on - now.today_on).days),
        "is_forest": now.deadline_on.year - event.ends_on.year > 1,
        "is_over": now.is_overdue,
    }


def tasks(reader: Reader, event: Event, now: Standing, *, locale: str) -> list[dict[str, Any]]:
    """What the organiser can do next, the first thing first."""
    facts = {"missing": f"{now.missing_t:,}"}
    return [
        {
            "code": code,
            "address": f"/neutral/{event.number}/{ADDRESSES.get(code, code)}",
            "word": translate(TASKS[code][0], locale=locale),
            "text": translate(TASKS[code][1], locale=locale, **facts),
        }
        for code in next_steps(reader, event, now)
    ]


def next_steps(reader: Reader, event: Event, now: Standing) -> list[str]:
    """The keys of `TASKS` that an event waits for, the first thing first."""
    if events.STATES.may(event.state, "PLANNED"):
        lacking = plans.missing_items(reader, event)
        first = [step for step, item in (("activities", "estimate"), ("measures", "measures")) if item in lacking]
        return first or ["plan"]
    is_over = now.today_on > event.ends_on
    may_buy = bool(now.missing_t) and not now.is_overdue
    if events.STATES.may(event.state, "ACCOUNTED") and now.actual_t is None:
        return [*(["actuals"] if is_over else []), *(["offsets"] if may_buy else [])]
    if events.STATES.may(event.state, "NEUTRAL"):
        return [*(["difference"] if may_buy else []), "correction"]
    if events.STATES.may(event.state, "DECLARED"):
        is_confirmed = confirmations.of_event(reader, event.id) is not None
        return ["statement" if is_confirmed else "confirmation", "correction"]
    return []


def room(reader: Reader, event: Event, public_url: str, *, locale: str) -> dict[str, Any]:
    """The organiser's page of one event."""
    now = standing.of(reader, event)
    stages = {stage: latest_account(reader, event.id, stage) for stage in (calculations.ESTIMATE, calculations.ACTUAL)}
    bought = retirements(reader, event.id)
    told = evaluations.of_event(reader, event.id)
    return tonnes(now) | {
        "event": head(event),
        "tasks": tasks(reader, event, now, locale=locale),
        "clock": clock(event, now),
        "estimate": stages[calculations.ESTIMATE],
        "actual": stages[calculations.ACTUAL],
        "purchases": bought,
        "evaluations": [evaluation(reader, each) for each in told],
        "badge": badge(event, public_url) if events.is_public(event.state) else None,
        "waits_until_on": event.ends_on if events.STATES.moves[event.state] and now.today_on <= event.ends_on else None,
        "may_withdraw": events.STATES.may(event.state, "WITHDRAWN") and not now.retired_t,
    }


def evaluation(reader: Reader, found: evaluations.Evaluation) -> dict[str, Any]:
    """An evaluation as a row: who does it, since when, how far it is."""
    body = parties.organisations(reader, {found.evaluator_id})[found.evaluator_id]
    return {"number": found.number, "state": found.state, "body": pieces.names(body), "at": found.commissioned_at}


def tonnes(now: Standing) -> dict[str, int]:
    """The four figures of an event: needed, covered, missing, beyond."""
    return {
        "needed_t": now.needed_t,
        "retired_t": now.covered_t,
        "missing_t": now.missing_t,
        "surplus_t": now.surplus_t,
    }


def latest_account(reader: Reader, event_id: int, stage: str) -> dict[str, Any] | None:
    """The newest estimate or account of an event, to be read."""
    found = calculations.versions(reader, event_id, stage)
    if not found:
        return None
    made = calculations.footprint_of(found[0])
    return views_footprint.account(made) | {"mass_t": views_footprint.t_text(made.total_kg), "made": made}


def plan(reader: Reader, event: Event) -> dict[str, Any]:
    """The plan of an event as it stands, in the eight items of art. 9(5); a published one no longer changes."""
    estimated = latest_account(reader, event.id, calculations.ESTIMATE)
    due_t = estimated["total"]["due_t"] if estimated else 0
    return head(event) | {
        "content": event.content,
        "phases": event.phases,
        "mass_t": estimated["mass_t"] if estimated else "—",
        "spread_t": estimated["total"]["spread_t"] if estimated else None,
        "due_t": due_t,
        "measures": measures(plans.measures_of(reader, event.id)),
        "offset_way": event.offset_method or standing.CREDITS,
        "neutral_by_on": event.neutral_by_on or standing.deadline(event.ends_on, event.offset_method),
    }


def measures(stated: Sequence[Measure]) -> list[dict[str, Any]]:
    """The measures in both languages where they are among those that the form offers."""
    return [
        {"text": measure_names(each.description), "phase": each.phase, "saving_kg": each.saving_kg} for each in stated
    ]


def retirements(reader: Reader, event_id: int) -> list[dict[str, Any]]:
    """What was retired for an event, the newest first, with its projects and certificates."""
    rows = offsets.retired_for(reader, event_id)
    if not rows:
        return []
    runs = blocks.runs(reader, retirement_ids=[row.id for row in rows])
    origins = issuance.provenance(reader, {run.issuance_id for run in runs})
    numbers = certificates.numbers(reader, [row.id for row in rows])
    return [
        {
            "number": row.number,
            "certificate": numbers.get(row.id),
            "quantity_t": row.quantity_t,
            "retired_at": row.retired_at,
            "lines": _lines([run for run in runs if run.retirement_id == row.id], origins),
        }
        for row in rows
    ]


def _lines(runs: Sequence[blocks.Run], origins: Mapping[int, issuance.Provenance]) -> list[dict[str, Any]]:
    """One line for each issuance, however many runs of serials it takes."""
    sums: dict[int, int] = {}
    for run in runs:
        sums[run.issuance_id] = sums.get(run.issuance_id, 0) + int(run.quantity_t)
    return [pieces.origin_facts(origins[key]) | {"quantity_t": quantity_t} for key, quantity_t in sums.items()]


def badge(event: Event, public_url: str) -> dict[str, Any]:
    """The addresses of the badge and of the public page, with its QR code."""
    address = f"{public_url}/events/{event.number}"
    return {
        "number": event.number,
        "public_url": address,
        "badge_url": f"{address}/badge.svg",
        "qr_svg": qr_svg(address),
    }


def organiser_names(reader: Reader, event: Event) -> list[Any]:
    """All organisers: the one who enters the event, in both languages, and the others as they were written."""
    first = parties.organisations(reader, {event.organiser_id})[event.organiser_id]
    return [pieces.names(first), *event.co_organisers]


def row_facts(reader: Reader, found: Sequence[Event]) -> list[dict[str, Any]]:
    """Events as rows of a list, in a handful of queries."""
    now = standing.of_many(reader, found)
    people = pieces.organisation_names(reader, {event.organiser_id for event in found})
    return [
        head(event)
        | tonnes(now[event.id])
        | {
            "organisers": people[event.organiser_id],
            "account": "ACTUAL" if now[event.id].actual_t is not None else "ESTIMATE",
            "clock": clock(event, now[event.id]),
        }
        for event in found
    ]
