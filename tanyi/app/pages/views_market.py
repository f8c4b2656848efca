"""What the home page, the market and a listing show: what is offered, owed, retired, and at which price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from market.emitters import obligations, policy
from market.registry import issuance, projects
from market.trading import listings, trades
from matching import rounds
from settlement import certificates, retirement
from tanyi.app import second_person
from tanyi.app.pages import pieces, views_outcomes
from tanyi.app.pages.pieces import type_names
from tanyi.app.pages.views_certificates import beneficiary_of
from tanyi.kernel import thresholds
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Actor, Reader
from tanyi.ledger import blocks

LATEST = 5
ORDERS = ("price", "quantity", "newest")


def home(reader: Reader) -> dict[str, Any]:
    """The market in ten seconds."""
    plan = policy.latest_plan(reader)
    duties = obligations.of_plan(reader, plan.year) if plan else []
    by_state = blocks.by_state_t(reader)
    figures = {
        "offered_t": int(by_state.get("LISTED", 0)),
        "due_t": sum(duty.required_t for duty in duties),
        "covered_t": sum(min(duty.retired_t, duty.required_t) for duty in duties),
        "retired_t": int(by_state.get("RETIRED", 0)),
        "projects": projects.total(reader),
        "firms": len({duty.organisation_id for duty in duties}),
        "certificates": certificates.total(reader),
        "rests_on_assumptions": bool(plan and plan.assumptions),
    }
    return {
        "figures": figures,
        "last_round": _last_round(reader),
        "offered_by_type": _offered_by_type(reader),
        "certificates": _latest_certificates(reader),
    }


def _last_round(reader: Reader) -> dict[str, Any] | None:
    last = rounds.last_published(reader)
    if last is None:
        return None
    result, lines = rounds.result_of(last), trades.of_round(reader, last.id)
    quantity_t = sum(line.quantity_t for line in lines)
    return {
        "number": last.number,
        "published_at": last.published_at,
        "quantity_t": quantity_t,
        "coverage_gap_ppm": result.gap_ppm.coverage,
        "average_price_fen": pieces.average_fen(sum(int(trades.amount_fen(line)) for line in lines), quantity_t),
        "firms": len({line.buyer_id for line in lines}),
        "sellers": len({line.seller_id for line in lines}),
        "status": result.status,
    }


def _offered_by_type(reader: Reader) -> list[dict[str, Any]]:
    offers = listings.all_open(reader)
    offered = blocks.offered_t(reader, [offer.id for offer in offers])
    origins = issuance.provenance(reader, {offer.issuance_id for offer in offers})
    rows: dict[str, dict[str, Any]] = {}
    for offer in offers:  # cheapest first, so the first of a type has its lowest price
        code = origins[offer.issuance_id].product_type
        fresh = {"type": type_names(code), "code": code, "quantity_t": 0, "lowest_price_fen": offer.ask_fen}
        rows.setdefault(code, fresh)["quantity_t"] += int(offered.get(offer.id, 0))
    return sorted(rows.values(), key=lambda row: -row["quantity_t"])


def _latest_certificates(reader: Reader) -> list[dict[str, Any]]:
    latest = retirement.newest(reader, LATEST)
    numbers = certificates.numbers(reader, [row.id for row in latest])
    whose = beneficiary_of(reader, latest)
    return [
        {
            "number": numbers[row.id],
            "retired_at": row.retired_at,
            "quantity_t": row.quantity_t,
            "beneficiary": whose[row.id],
            "purpose": row.purpose,
        }
        for row in latest
        if row.id in numbers
    ]


def market(reader: Reader, query: Mapping[str, str]) -> dict[str, Any]:
    """What is on sale, filtered, ordered and paged; a filter that makes no sense is dropped."""
    asked = {
        "type": pieces.chosen(query, "type", pieces.type_codes()),
        "region": pieces.chosen(query, "region", REGIONS),
        "price_to": pieces.typed(query, "price_to"),
        "sort": pieces.chosen(query, "sort", ORDERS) or "price",
    }
    narrowed = asked["type"] or asked["region"]
    issued = issuance.ids_of(reader, product_type=asked["type"], region=asked["region"]) if narrowed else None
    highest_fen = pieces.price_fen(asked["price_to"])
    ids = listings.on_sale_ids(reader, issuance_ids=issued, highest_fen=highest_fen, order=asked["sort"])
    paging, first = pieces.paging_of(query, len(ids))
    return {
        "query": asked if highest_fen is not None else asked | {"price_to": ""},
        "types": pieces.all_types(),
        "regions": pieces.all_regions(),
        "paging": paging,
        "listings": rows_of(reader, pieces.part_of(ids, first)),
    }


def rows_of(reader: Reader, listing_ids: Sequence[int]) -> list[dict[str, Any]]:
    """Listings in the order given, with what they offer, where it comes from and who sells it: four queries."""
    found = listings.by_ids(reader, listing_ids)
    offered = blocks.offered_t(reader, listing_ids)
    origins = issuance.provenance(reader, {offer.issuance_id for offer in found.values()})
    sellers = pieces.organisation_names(reader, {offer.seller_id for offer in found.values()})
    return [
        pieces.origin_facts(origins[offer.issuance_id])
        | {
            "number": offer.number,
            "state": offer.state,
            "seller": sellers[offer.seller_id],
            "quantity_t": int(offered.get(offer.id, 0)),
            "price_fen": offer.ask_fen,
        }
        for offer in (found[listing_id] for listing_id in listing_ids)
    ]


def listing(reader: Reader, number: str, *, buyer: Actor) -> dict[str, Any]:
    """One listing with its project; the form is there for an organiser who may buy, while something can be bought.

    Its seller also reads what a published round did with it.
    """
    offer = listings.by_number(reader, pieces.named(number))
    (row,) = rows_of(reader, [offer.id])
    origin = issuance.provenance(reader, [offer.issuance_id])[offer.issuance_id]
    project = projects.by_code_or_refuse(reader, origin.project_code)
    is_on_sale = listings.STATES.may(offer.state, "IN_ROUND") and offer.expires_at > reader.now
    is_organiser = "organiser" in buyer.roles
    return {
        "listing": row | {"opened_at": offer.offered_at, "expires_at": offer.expires_at, "is_on_sale": is_on_sale},
        "project": row["project"]
        | {key: row[key] for key in ("county", "type", "type_code")}
        | {"story_zh": project.story_zh, "story_en": project.story_en}
        | {"methodology": pieces.method_names(origin.methodology)},
        "smallest_t": offer.minimum_t,
        "may_buy": is_organiser and is_on_sale and second_person.may_buy(buyer),
        "only_looks": is_organiser and not second_person.may_buy(buyer),
        "two_persons": _two_persons(reader, buyer) if is_organiser else None,
        "outcome": views_outcomes.of_listing(reader, offer) if offer.seller_id == buyer.organisation_id else None,
    }


def _two_persons(reader: Reader, buyer: Actor) -> dict[str, Any]:
    """From which amount the buyer's organisation needs a second person, and whose setting that is."""
    assert buyer.organisation_id is not None, "an organiser acts for an organisation"
    found = thresholds.in_force(reader, buyer.organisation_id)
    return {"above_fen": int(found.above_fen), "is_own": found.is_own}
