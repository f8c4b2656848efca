"""An organiser's own page: what needs attention, the events and how far each has come, the purchases, the certificates."""

from __future__ import annotations

from typing import Any, Final

from market.trading import listings
from settlement.neutrality import events, standing
from tanyi.app.pages import pieces, tabular, views_events, views_holdings, views_neutral, views_organisers
from tanyi.app.pages.tabular import Asked, Column, Source, Spec
from tanyi.app.pages.views_todo import SOON, Todo
from tanyi.kernel import parties
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader

OWN_EVENTS: Final = Spec(
    "events",
    N_("My events"),
    (
        Column("name", N_("Event"), link="/neutral/{number}"),
        Column("number", N_("Number"), "serial", place="under"),
        Column("from_on", N_("First day"), "date"),
        Column("place", N_("Place"), place="under"),
        Column("mass_t", N_("Emissions (t)"), "figure"),
        Column("account", N_("Estimated or counted"), "word", words="event_account", place="under"),
        Column("retired_t", N_("Retired"), "tonnes"),
        Column("missing_t", N_("Missing"), "tonnes"),
        Column("due_on", N_("Neutral by"), "date"),
        Column("state", N_("State"), "state", words="event"),
    ),
    prefix="events-",
    empty_title=N_("No event yet"),
    empty_text=N_("Start one: estimate, reduce, publish the plan, offset."),
)
PURCHASES: Final = Spec(
    "purchases",
    N_("My purchases"),
    (
        Column("event.name", N_("Event"), link="/neutral/{event.number}"),
        Column("number", N_("Receipt"), "serial", link="/neutral/{event.number}/purchases/{number}"),
        Column("bought_at", N_("Paid on"), "date"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("amount_fen", N_("Paid"), "yuan"),
        Column("certificate", N_("Certificate"), "certificate"),
    ),
    prefix="purchases-",
    empty_title=N_("Nothing bought yet"),
    empty_text=N_("What you buy for an event is shown here with its receipt and its certificate."),
)
NEXT: Final = {  # the step that an event waits for: what the list of things to do says of it
    "activities": N_("%(event)s is a draft without an estimate."),
    "measures": N_("%(event)s is a draft without reduction measures."),
    "plan": N_("The plan of %(event)s is ready and not published."),
    "offsets": N_("%(event)s: %(missing)s t are still to be retired."),
    "actuals": N_("%(event)s is over: the real figures are due."),
    "difference": N_("%(event)s: %(missing)s t more were emitted than retired."),
    "confirmation": N_("%(event)s is covered and waits to be confirmed."),
    "statement": N_("%(event)s is confirmed; the statement is not published."),
}


def home(reader: Reader, organisation_id: int, asked: Asked) -> dict[str, Any]:
    """Everything on the page."""
    organiser = parties.organisations(reader, {organisation_id})[organisation_id]
    bought = views_organisers.purchases(reader, organisation_id)
    own = [event for event in events.of_organiser(reader, organisation_id) if not events.is_given_up(event.state)]
    now = standing.of_many(reader, own)
    low_fen, _ = listings.price_range(reader)
    source = Source(own, lambda part: _rows(reader, part, now))
    return {
        "organisation": pieces.names(organiser),
        "summary": {
            "events": len(own),
            "missing_t": sum(each.missing_t for each in now.values()),
            "retired_t": sum(each["quantity_t"] for each in bought),
            "spent_fen": sum(each["amount_fen"] for each in bought),
        },
        "low_fen": low_fen,
        "todo": todo(reader, own, now),
        "events": tabular.table(OWN_EVENTS, source, asked),
        "purchases": tabular.table(PURCHASES, Source.of(bought), asked),
        "certificates": views_holdings.own_certificates(reader, organisation_id, asked),
    }


def _rows(reader: Reader, part: Any, now: dict[int, standing.Standing]) -> list[dict[str, Any]]:
    due = {event.number: None if now[event.id].neutral_on else now[event.id].deadline_on for event in part}
    return [row | {"due_on": due[row["number"]]} for row in views_neutral.list_rows(reader, part)]


def todo(reader: Reader, own: list[events.Event], now: dict[int, standing.Standing]) -> list[Todo]:
    """The next step of each event that has one now; what is due first comes first."""
    found = []
    for event in own:
        step = next(iter(views_events.next_steps(reader, event, now[event.id])), None)
        if step in NEXT:
            found.append(_todo(event, now[event.id], step))
    return sorted(found, key=lambda each: (not each.is_urgent, each.due_on or reader.today))


def _todo(event: events.Event, now: standing.Standing, step: str) -> Todo:
    is_soon = now.deadline_on - now.today_on <= SOON
    return Todo(
        NEXT[step],
        {"event": event.name, "missing": f"{now.missing_t:,}"},
        f"/neutral/{event.number}/{views_events.ADDRESSES.get(step, step)}",
        views_events.TASKS[step][0],
        due_on=None if now.neutral_on else now.deadline_on,
        is_urgent=step in ("actuals", "difference") or is_soon,
    )
