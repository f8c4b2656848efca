"""What a seller sees: its projects and where their tonnes are, its listings, its money, and what it may put on sale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from market.registry import issuance, projects
from market.trading import listings, trades
from matching import rounds
from settlement import delivery
from tanyi.app.pages import pieces, tabular, views_holdings, views_todo
from tanyi.app.pages.pieces import names, type_names
from tanyi.app.pages.tabular import Asked, Column, Source, Spec
from tanyi.app.pages.views_market import rows_of
from tanyi.kernel import parties
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

USUAL_DAYS = 180  # what the form proposes as the length of a listing


OFFERS: Final = Spec(
    "my-listings",
    N_("My listings"),
    (
        Column("project", N_("Project"), "names", link="/listings/{number}"),
        Column("number", N_("Listing"), "serial", place="under"),
        Column("vintage", N_("Vintage"), "year"),
        Column("state", N_("State"), "state", words="listing"),
        Column("quantity_t", N_("Available"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
    ),
    prefix="listings-",
    size=10,
    empty_title=N_("Nothing is on sale"),
    empty_text=N_("Choose a holding, a quantity and a price."),
)
PAYMENTS: Final = Spec(
    "payments",
    N_("Money received"),
    (
        Column("buyer", N_("Buyer"), "names"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("amount_fen", N_("Money"), "yuan"),
        Column("round", N_("Round"), "serial", link="/rounds/{round}"),
        Column("paid_at", N_("Paid"), "date"),
    ),
    prefix="payments-",
    size=10,
    empty_title=N_("No payment yet"),
    empty_text=N_("You are paid in the same step in which the tonnes leave your account."),
)


def home(reader: Reader, organisation_id: int, asked: Asked) -> dict[str, Any]:
    """A seller's own page."""
    seller = parties.organisations(reader, {organisation_id})[organisation_id]
    owned = projects.of_owner(reader, organisation_id)
    issued = issuance.of_projects(reader, [project.id for project in owned])
    states_t = blocks.states_t(reader, [issuance_id for ids in issued.values() for issuance_id in ids])
    mine_t = _mine_t(reader, organisation_id)
    rows = [_project_row(project, issued.get(project.id, []), states_t, mine_t) for project in owned]
    sold = [trade for trade in trades.of_seller(reader, organisation_id) if trade.settlement_id is not None]
    sums = {key: sum(row[key] for row in rows) for key in ("issued_t", "free_t", "listed_t", "sold_t")}
    offers = listings.of_seller(reader, organisation_id)
    offer_ids = Source([offer.id for offer in offers], lambda part: rows_of(reader, part))
    return {
        "organisation": names(seller),
        "summary": sums | {"received_fen": int(delivery.received_fen(reader, organisation_id))},
        "todo": views_todo.of_seller(sums["free_t"], offers, reader.now),
        "projects": rows,
        "listings": tabular.table(OFFERS, offer_ids, asked),
        "payments": tabular.table(PAYMENTS, Source(sold, lambda part: _payments(reader, part)), asked),
        "tonnes": views_holdings.tonnes(reader, organisation_id, asked),
    }


def _mine_t(reader: Reader, organisation_id: int) -> dict[int, dict[str, int]]:
    """What the seller itself still holds of each issuance, by state."""
    sums: dict[int, dict[str, int]] = {}
    for run in blocks.runs(reader, holder_id=organisation_id):
        of_issuance = sums.setdefault(run.issuance_id, {})
        of_issuance[run.state] = of_issuance.get(run.state, 0) + int(run.quantity_t)
    return sums


def _project_row(
    project: projects.Project,
    issuance_ids: list[int],
    states_t: Mapping[int, Mapping[str, int]],
    mine_t: Mapping[int, Mapping[str, int]],
) -> dict[str, Any]:
    """Issued tonnes of a project: still free, on sale, and gone to others."""
    issued_t = sum(int(total) for each in issuance_ids for total in states_t.get(each, {}).values())
    listed_t = sum(mine_t.get(each, {}).get("LISTED", 0) for each in issuance_ids)
    held_t = sum(sum(mine_t.get(each, {}).values()) for each in issuance_ids)
    return names(project) | {
        "code": project.code,
        "type": type_names(project.product_type),
        "type_code": project.product_type,
        "state": project.state if project.methodology else projects.PENDING,
        "issued_t": issued_t,
        "free_t": sum(mine_t.get(each, {}).get("FREE", 0) for each in issuance_ids),
        "listed_t": listed_t,
        "sold_t": issued_t - held_t,
    }


def _payments(reader: Reader, sold: Sequence[trades.Trade]) -> list[dict[str, Any]]:
    buyers = pieces.organisation_names(reader, {trade.buyer_id for trade in sold})
    numbers = rounds.numbers(reader, {trade.round_id for trade in sold if trade.round_id})
    settled_at = delivery.settled_at(reader, [trade.id for trade in sold])
    return [
        {
            "paid_at": settled_at[trade.id],
            "buyer": buyers[trade.buyer_id],
            "quantity_t": trade.quantity_t,
            "price_fen": trade.price_fen,
            "amount_fen": int(trades.amount_fen(trade)),
            "round": numbers.get(trade.round_id or 0),
        }
        for trade in sold
    ]


def offer(reader: Reader, organisation_id: int) -> dict[str, Any]:
    """What the seller may put on sale, and an empty form."""
    until = reader.today + timedelta(days=USUAL_DAYS)
    return {
        "holdings": holdings(reader, organisation_id),
        "form": {"holding": "", "quantity_t": "", "price_yuan": "", "expires_on": until.isoformat()},
        "errors": {},
        "first_day": (reader.today + timedelta(days=1)).isoformat(),
        "last_day": (reader.today + listings.LONGEST - timedelta(days=1)).isoformat(),
    } | pieces.prices_on_sale(reader)


def holdings(reader: Reader, organisation_id: int) -> list[dict[str, Any]]:
    """Free tonnes by issuance, each with the serial of its first run; the key is the issuance."""
    free_t = blocks.free_t(reader, organisation_id)
    origins = issuance.provenance(reader, free_t)
    first_run: dict[int, blocks.Run] = {}
    for run in blocks.runs(reader, holder_id=organisation_id):
        if blocks.STATES.may(run.state, "LISTED"):
            first_run.setdefault(run.issuance_id, run)
    return [
        pieces.origin_facts(origins[issuance_id])
        | {
            "key": str(issuance_id),
            "quantity_t": int(quantity_t),
            "serial": origins[issuance_id].serial(first_run[issuance_id].lo, first_run[issuance_id].end),
        }
        for issuance_id, quantity_t in sorted(free_t.items())
    ]
