"""What the pages around neutral events show: the landing page, the public list, and the facts as an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from urllib.parse import urlencode

from market.trading import listings
from settlement import retirement
from settlement.neutrality import calculations, confirmations, evaluations, events, plans, standing, statements
from settlement.neutrality.events import Event
from tanyi.app.pages import labels, pieces, tabular, views_events, views_footprint
from tanyi.app.pages.pieces import both
from tanyi.app.pages.tabular import Asked, Column, Filter, Source, Spec
from tanyi.kernel.clock import civil_date
from tanyi.kernel.errors import N_, NotFound
from tanyi.kernel.work import Reader

MOST_WAITING = 5
SHOWN_STATES: Final = tuple(state for state in events.STATES.moves if events.is_public(state))

EVENTS: Final = Spec(
    "events",
    N_("Published events"),
    (
        Column("name", N_("Event"), link="/events/{number}"),
        Column("organisers", N_("Organiser"), "names", place="under"),
        Column("number", N_("Number"), "serial", place="file"),
        Column("kind", N_("Kind"), "word", words="event_kind", place="file"),
        Column("from_on", N_("First day"), "date"),
        Column("place", N_("Place"), place="under"),
        Column("to_on", N_("Last day"), "date", place="file"),
        Column("mass_t", N_("Emissions (t)"), "figure"),
        Column("account", N_("Estimated or counted"), "word", words="event_account", place="under"),
        Column("retired_t", N_("Retired"), "tonnes"),
        Column("state", N_("State"), "state", words="event"),
    ),
    empty_title=N_("No event found"),
    empty_text=N_("Published plans are listed here."),
)


def landing(reader: Reader, organiser_id: int | None) -> dict[str, Any]:
    """The figures of the landing page, and the visitor's own events that wait for something."""
    published = events.all_public(reader)
    now = standing.of_many(reader, published)
    reached = [(covered_on, event) for event in published if (covered_on := now[event.id].neutral_on)]
    latest = max(reached, key=lambda each: (each[0], each[1].id))[1] if reached else None
    low_fen, _ = listings.price_range(reader)
    own = events.of_organiser(reader, organiser_id) if organiser_id is not None else []
    return {
        "figures": {"events": len(published), "retired_t": sum(each.covered_t for each in now.values())},
        "low_fen": low_fen,
        "latest": _latest(latest, now[latest.id]) if latest else None,
        "drafts": [
            {"number": event.number, "name": event.name, "address": f"/neutral/{event.number}"}
            for event in own
            if events.STATES.moves[event.state]
        ][:MOST_WAITING],
    }


def _latest(event: Event, now: standing.Standing) -> dict[str, Any]:
    return views_events.head(event) | {"retired_t": now.covered_t, "neutral_on": now.neutral_on}


def query_of(carried: Mapping[str, Any]) -> str:
    """The facts as the query of an address, lists once for each of their values; '' when there are none."""
    return f"?{urlencode(dict(carried), doseq=True)}" if carried else ""


def all_events(reader: Reader, asked: Asked) -> dict[str, Any]:
    """The public list: searched by name, organiser or number, narrowed by state and kind, sorted and paged."""
    query = asked.query
    chosen = {
        "q": pieces.typed(query, "q"),
        "state": pieces.chosen(query, "state", SHOWN_STATES),
        "kind": pieces.chosen(query, "kind", events.KINDS),
    }
    found = [event for event in events.all_public(reader) if _is_wanted(event, chosen)]
    if chosen["q"]:
        people = pieces.organisation_names(reader, {event.organiser_id for event in found})
        found = [event for event in found if _matches(event, people[event.organiser_id], chosen["q"].casefold())]
    filters = [
        Filter("q", N_("Name, organiser or number")),
        Filter("state", N_("State"), [(code, both(labels.EVENT[code])) for code in SHOWN_STATES]),
        Filter("kind", N_("Kind"), [(code, both(labels.EVENT_KINDS[code])) for code in events.KINDS]),
    ]
    source = Source(found, lambda part: list_rows(reader, part))
    return {"events": tabular.table(EVENTS, source, asked, filters=filters, chosen=chosen)}


def _is_wanted(event: Event, chosen: Mapping[str, str]) -> bool:
    return all(not chosen[name] or getattr(event, name) == chosen[name] for name in ("state", "kind"))


def list_rows(reader: Reader, found: Sequence[Event]) -> list[dict[str, Any]]:
    """Events as rows of a table."""
    masses = {event.number: _mass_t(reader, event) for event in found}
    rows = views_events.row_facts(reader, found)
    return [row | {"mass_t": masses[row["number"]], "retired_t": row["retired_t"] or None} for row in rows]


def _matches(event: Event, organiser: Mapping[str, str], wanted: str) -> bool:
    texts = (event.number, event.name, event.place, *event.co_organisers, *organiser.values())
    return any(wanted in text.casefold() for text in texts)


def _mass_t(reader: Reader, event: Event) -> Decimal | None:
    """The newest figure of an event: counted if it was counted, else estimated."""
    for stage in (calculations.ACTUAL, calculations.ESTIMATE):
        for version in calculations.versions(reader, event.id, stage)[:1]:
            return version.total_kg.scaleb(-3).quantize(Decimal("0.001"), ROUND_HALF_UP)
    return None


def public_event(reader: Reader, number: str, public_url: str, organiser_id: int | None) -> dict[str, Any]:
    """The public page of one event; a plan that was not published does not exist here."""
    event = events.public(reader, pieces.named(number))
    published = plans.of_event(reader, event.id)
    if published is None:
        raise NotFound
    now = standing.of(reader, event)
    estimate = views_events.latest_account(reader, event.id, calculations.ESTIMATE)
    actual = views_events.latest_account(reader, event.id, calculations.ACTUAL)
    assert estimate is not None, "a published plan has its estimate"
    forcing = (actual or estimate)["made"].has_radiative_forcing
    return views_events.tonnes(now) | {
        "event": views_events.head(event) | {"organisers": views_events.organiser_names(reader, event)},
        "plan": views_events.plan(reader, event),
        "published_at": published.published_at,
        "is_late": published.is_late,
        "statement": statement(reader, event),
        "evaluation": _report(reader, event),
        "estimate": estimate,
        "actual": actual,
        "compared": views_footprint.compared(estimate["made"], actual["made"]) if actual else [],
        "has_forcing": forcing if _flies(actual or estimate) else None,
        "purchases": views_events.retirements(reader, event.id),
        "clock": views_events.clock(event, now),
        "badge": views_events.badge(event, public_url),
        "is_own": event.organiser_id == organiser_id,
    }


def _flies(account: Mapping[str, Any]) -> bool:
    return any(line.activity.startswith("flight") for line in account["made"].lines)


def statement(reader: Reader, event: Event) -> dict[str, Any] | None:
    """The statement as it was published, in the shape of the page; None while there is none."""
    made = statements.of_event(reader, event.id)
    return None if made is None else told(statements.document_of(made))


def told(document: Mapping[str, Any]) -> dict[str, Any]:
    """A statement's document as the page shows it: published, or as it would be."""
    offset, evaluator = document["offset"], document["evaluator"]
    return {
        "name": document["name"],
        "organisers": [_names(document["declared_by"]), *document["organisers"][1:]],
        "from_on": date.fromisoformat(document["starts_on"]),
        "to_on": date.fromisoformat(document["ends_on"]),
        "phases": document["boundary"]["phases"],
        "mass_t": views_footprint.t_text(Decimal(document["emissions"]["emissions_kg"])),
        "offset_ways": offset["methods"],
        "retired_t": int(offset["retired_t"]) + int(offset["forest_t"]),
        "certificates": offset["certificates"],
        "recognised_by": offset["recognised_by"],
        "neutral_on": date.fromisoformat(offset["neutral_on"]) if offset["neutral_on"] else None,
        "confirmed_by": document["confirmation"],
        "evaluator": _names(evaluator) if evaluator else None,
        "conclusion": evaluator["conclusion"] if evaluator else None,
        "declarant": _names(document["declared_by"]),
        "stated_on": date.fromisoformat(document["declared_on"]),
    }


def _report(reader: Reader, event: Event) -> dict[str, Any] | None:
    """The approved report behind a confirmation, by the outline of annex 2."""
    confirmed = confirmations.of_event(reader, event.id)
    for found in evaluations.of_event(reader, event.id):
        if confirmed is not None and found.id == confirmed.evaluation_id:
            body = pieces.organisation_names(reader, {found.evaluator_id})[found.evaluator_id]
            return {"body": body, "reviewer": found.reviewer, "report": evaluations.report_of(found)}
    return None


def badge_facts(reader: Reader, number: str) -> dict[str, Any]:
    """What the badge of an event claims: tonnes, the day of the last retirement, the certificate, and no more."""
    event = events.public(reader, pieces.named(number))
    now = standing.of(reader, event)
    retired = retirement.newest(reader, event_id=event.id)
    return {
        "number": event.number,
        "name": event.name,
        "from_on": event.starts_on,
        "to_on": event.ends_on,
        "retired_t": now.covered_t,
        "is_neutral": now.neutral_on is not None,
        "retired_on": civil_date(retired[0].retired_at) if retired else None,
        "certificate": retired[-1].number if retired else None,
        "more": max(0, len(retired) - 1),
    }


def _names(party: Mapping[str, str]) -> dict[str, str]:
    return {"name_zh": party["name_zh"], "name_en": party["name_en"]}
