"""What a seller sees: its projects and where their tonnes are, its listings, its money, and what it may put on sale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from market.registry import issuance, projects
from market.trading import listings, trades
from matching import rounds
from settlement import delivery
from tanyi.app.pages import pieces
from tanyi.app.pages.pieces import names, type_names
from tanyi.app.pages.views_market import rows_of
from tanyi.kernel import parties
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

USUAL_DAYS = 180  # what the form proposes as the length of a listing


def home(reader: Reader, organisation_id: int, query: Mapping[str, str]) -> dict[str, Any]:
    """A seller's own page."""
    seller = parties.organisations(reader, {organisation_id})[organisation_id]
    owned = projects.of_owner(reader, organisation_id)
    issued = issuance.of_projects(reader, [project.id for project in owned])
    states_t = blocks.states_t(reader, [issuance_id for ids in issued.values() for issuance_id in ids])
    mine_t = _mine_t(reader, organisation_id)
    rows = [_project_row(project, issued.get(project.id, []), states_t, mine_t) for project in owned]
    sold = [trade for trade in trades.of_seller(reader, organisation_id) if trade.settlement_id is not None]
    paging, first = pieces.paging_of(query, len(sold))
    sums = {key: sum(row[key] for row in rows) for key in ("issued_t", "free_t", "listed_t", "sold_t")}
    offers = listings.of_seller(reader, organisation_id)[: pieces.PER_PAGE]
    return {
        "organisation": names(seller),
        "summary": sums | {"received_fen": int(delivery.received_fen(reader, organisation_id))},
        "projects": rows,
        "listings": rows_of(reader, [offer.id for offer in offers]),
        "payments": _payments(reader, list(pieces.part_of(sold, first))),
        "paging": paging,
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


def _payments(reader: Reader, sold: list[trades.Trade]) -> list[dict[str, Any]]:
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
