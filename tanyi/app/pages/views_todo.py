"""What needs somebody's attention, read off the state of things: nothing is stored, so nothing is forgotten or stale.

Each rule takes what its page has read anyway and gives `Todo`s, most urgent first. Tasks that people give one another
are another capability; its part is included beside these.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from market.emitters.obligations import Obligation
from market.registry import issuance, monitoring
from market.trading import bids, listings, trades
from matching import rounds, solving
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader

SOON: Final = timedelta(days=30)
CONFIRM = N_(
    "Bid %(number)s of %(quantity_t)s t for round %(round)s is not confirmed. It takes no part unless you confirm it."
)
LAPSES = N_("The round is collecting bids now.")
OWED = N_("Duty %(number)s still lacks %(quantity_t)s t.")
WAITS_FOR_ROUND = N_("The next round brings a bid for it; you may also buy at the market.")
FREE = N_("%(quantity_t)s t of yours are free and offered to nobody.")
ENDS_SOON = N_("Listing %(number)s ends soon and is not sold out.")
CLOSE = N_("Round %(number)s collects bids: %(confirmed)s of %(bids)s are confirmed.")
SOLVE = N_("Round %(number)s is closed and not solved.")
IS_SOLVED = N_("Round %(number)s is being solved.")
PUBLISH = N_("Round %(number)s is solved and checked. It waits to be published.")
SETTLE = N_("Round %(number)s is published, and not everything in it is paid and delivered.")
OPEN_NEXT = N_("No round collects bids now.")
VERIFY = N_("%(project)s, %(vintage)s: %(quantity_t)s t stated, not verified.")
ACCEPT = N_("%(project)s, %(vintage)s: %(quantity_t)s t verified, not accepted.")
LATE = N_("%(count)s duties are past their date and not covered.")
UNCOVERED = N_("%(count)s duties are not covered yet; together they lack %(quantity_t)s t.")


@dataclass(frozen=True)
class Todo:
    """One thing to do: what it is, why now, where to do it. `is_urgent` first; texts are msgids with their facts."""

    message: str
    facts: Mapping[str, str]
    address: str
    word: str
    why: str = ""
    due_on: date | None = None
    is_urgent: bool = field(default=False)


def round_under_way(reader: Reader) -> rounds.Round | None:
    """The round that collects bids now."""
    newest, _ = rounds.page_of(reader, first=0, most=1)
    return next((found for found in newest if found.closed_at is None), None)


def of_firm(
    duties: Sequence[Obligation], asked: Sequence[Mapping[str, Any]], open_round: rounds.Round | None, today: date
) -> list[Todo]:
    """Bids to confirm, then duties that lack tonnes, those due first first."""
    drafts = [
        Todo(
            CONFIRM,
            {"number": bid["number"], "quantity_t": f"{bid['quantity_t']:,}", "round": bid["round"]},
            f"/bids/{bid['number']}",
            N_("Confirm the bid"),
            why=LAPSES if open_round else "",
            is_urgent=True,
        )
        for bid in asked
        if bid["may_be_confirmed"]
    ]
    lacking = [duty for duty in duties if duty.retired_t < duty.required_t]
    owed = [
        Todo(
            OWED,
            {"number": duty.number, "quantity_t": f"{duty.required_t - duty.retired_t:,}"},
            f"/duties/{duty.number}",
            N_("See the duty"),
            why=WAITS_FOR_ROUND,
            due_on=duty.due_on,
            is_urgent=duty.due_on - today <= SOON,
        )
        for duty in sorted(lacking, key=lambda duty: (duty.due_on, duty.number))
    ]
    return drafts + owed


def of_seller(free_t: int, offers: Iterable[listings.Listing], now: datetime) -> list[Todo]:
    """Tonnes that are offered to nobody, and listings that end soon."""
    found = [
        Todo(ENDS_SOON, {"number": offer.number}, f"/listings/{offer.number}", N_("See the listing"), is_urgent=True)
        for offer in offers
        if listings.STATES.may(offer.state, "IN_ROUND") and now < offer.expires_at <= now + SOON
    ]
    free = Todo(FREE, {"quantity_t": f"{free_t:,}"}, "/sell", N_("Put tonnes on sale"))
    return [*found, free] if free_t else found


def of_operator(reader: Reader) -> list[Todo]:
    """The step that each round waits for; a round that collects bids comes before a new one."""
    newest, _ = rounds.page_of(reader, first=0, most=20)
    steps = [step for found in newest if (step := _step(reader, found))]
    if any(found.closed_at is None for found in newest):
        return steps
    return [*steps, Todo(OPEN_NEXT, {}, "/rounds", N_("Open the next round"))]


def _step(reader: Reader, found: rounds.Round) -> Todo | None:
    """What a round waits for; None for one that is over."""
    address, facts = f"/operator/rounds/{found.number}", {"number": found.number}
    if found.closed_at is None:
        asked = bids.of_round(reader, found.id)
        confirmed = sum(bid.limit_fen is not None for bid in asked)
        return Todo(
            CLOSE, facts | {"bids": str(len(asked)), "confirmed": str(confirmed)}, address, N_("Operator's desk")
        )
    if found.published_at is not None:
        is_settled = all(trade.settlement_id is not None for trade in trades.of_round(reader, found.id))
        return None if is_settled else Todo(SETTLE, facts, address, N_("Go on settling"), is_urgent=True)
    if found.result is not None:
        return Todo(PUBLISH, facts, address, N_("Publish and settle"), is_urgent=True)
    if rounds.STATES.may(found.state, "SOLVED"):
        is_solving = solving.is_under_way(reader, found.id)
        return Todo(IS_SOLVED if is_solving else SOLVE, facts, address, N_("Operator's desk"), is_urgent=not is_solving)
    return None


def of_regulator(reader: Reader, duties: Sequence[Obligation]) -> list[Todo]:
    """Duties past their date, verifications to accept, and how much is not covered yet."""
    lacking = [duty for duty in duties if duty.retired_t < duty.required_t]
    late = [duty for duty in lacking if duty.due_on < reader.today]
    open_t = sum(duty.required_t - duty.retired_t for duty in lacking)
    found = []
    if late:
        found.append(
            Todo(LATE, {"count": str(len(late))}, "/my?duties-sort=due_on", N_("See the duties"), is_urgent=True)
        )
    found += [
        _statement(ACCEPT, project, report, statement.verified_t)
        for statement, report, project in issuance.stated(reader)
        if statement.accepted_at is None
    ]
    if lacking and not late:
        facts = {"count": str(len(lacking)), "quantity_t": f"{open_t:,}"}
        found.append(Todo(UNCOVERED, facts, "/my?duties-sort=-open_t", N_("See the duties")))
    return found


def of_verifier(reader: Reader) -> list[Todo]:
    """The monitored years that no verifier has stated anything on."""
    return [_statement(VERIFY, project, report, report.reduction_t) for report, project in monitoring.waiting(reader)]


def _statement(message: str, project: Any, report: Any, quantity_t: int) -> Todo:
    facts = {"project": project.code, "vintage": str(report.vintage), "quantity_t": f"{quantity_t:,}"}
    return Todo(message, facts, f"/projects/{project.code}", N_("See the project"))
