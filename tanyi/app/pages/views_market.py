"""What the home page, the market and a listing show: what is offered, owed, retired, and at which price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from market.emitters import obligations, policy
from market.registry import issuance, projects
from market.trading import listings, trades
from matching import rounds
from settlement import certificates, retirement
from tanyi.app import second_person
from tanyi.app.pages import pieces, tabular, views_figures, views_outcomes
from tanyi.app.pages.tabular import Asked, Column, Filter, Source, Spec
from tanyi.app.pages.views_certificates import beneficiary_of
from tanyi.kernel import thresholds
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Actor, Reader
from tanyi.ledger import blocks

LATEST = 5
LISTINGS: Final = Spec(
    "listings",
    N_("On sale"),
    (
        Column("project", N_("Project"), "names", link="/listings/{number}"),
        Column("seller", N_("Seller"), "names", place="under"),
        Column("county", N_("Place"), "names", place="under"),
        Column("number", N_("Listing"), "serial", place="file"),
        Column("project.code", N_("Project code"), "serial", place="file"),
        Column("type", N_("Type"), "type"),
        Column("vintage", N_("Vintage"), "year"),
        Column("quantity_t", N_("Available"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
    ),
    by="price_fen",
    empty_title=N_("Nothing on sale fits"),
    empty_text=N_("Remove a filter or come back later."),
)


def home(reader: Reader, asked: Asked) -> dict[str, Any]:
    """The market in ten seconds, with what is easier seen than read."""
    offers = listings.all_open(reader)
    offered = blocks.offered_t(reader, [offer.id for offer in offers])
    origins = issuance.provenance(reader, {offer.issuance_id for offer in offers})
    return {
        **figures(reader),
        "last_round": _last_round(reader),
        "offered_by_price": views_figures.offered_by_price(asked, offers, offered, origins),
        "retired_by_month": views_figures.retired_by_month(reader, asked),
        "map": views_figures.by_city(asked, views_figures.registered(reader), "offered_t", "/market"),
        "certificates": _latest_certificates(reader),
    }


def figures(reader: Reader) -> dict[str, Any]:
    """The figures of the home page that are renewed while somebody looks."""
    plan = policy.latest_plan(reader)
    duties = obligations.of_plan(reader, plan.year) if plan else []
    by_state = blocks.by_state_t(reader)
    told = {
        "offered_t": int(by_state.get("LISTED", 0)),
        "due_t": sum(duty.required_t for duty in duties),
        "covered_t": sum(min(duty.retired_t, duty.required_t) for duty in duties),
        "retired_t": int(by_state.get("RETIRED", 0)),
        "projects": projects.total(reader),
        "firms": len({duty.organisation_id for duty in duties}),
        "certificates": certificates.total(reader),
        "rests_on_assumptions": bool(plan and plan.assumptions),
    }
    return {"figures": told, "as_of": reader.now}


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


def market(reader: Reader, asked: Asked) -> dict[str, Any]:
    """What is on sale, filtered, sorted and paged; a filter that makes no sense is dropped."""
    query, types = asked.query, pieces.type_codes()
    highest_fen = pieces.price_fen(pieces.typed(query, "price_to"))
    chosen = {
        "type": pieces.chosen(query, "type", types),
        "region": pieces.chosen(query, "region", REGIONS),
        "price_to": "" if highest_fen is None else pieces.typed(query, "price_to"),
    }
    narrowed = chosen["type"] or chosen["region"]
    issued = issuance.ids_of(reader, product_type=chosen["type"], region=chosen["region"]) if narrowed else None
    ids = listings.on_sale_ids(reader, issuance_ids=issued, highest_fen=highest_fen)
    filters = [
        Filter("type", N_("Product type"), pieces.type_options(types)),
        Filter("region", N_("Region"), pieces.region_options()),
        Filter("price_to", N_("Price at most"), unit=N_("yuan/t")),
    ]
    source = Source(ids, lambda part: rows_of(reader, part))
    return {"listings": tabular.table(LISTINGS, source, asked, filters=filters, chosen=chosen)}


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


def listing(reader: Reader, number: str, asked: Asked, *, buyer: Actor) -> dict[str, Any]:
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
        "outcome": views_outcomes.of_listing(reader, offer, asked)
        if offer.seller_id == buyer.organisation_id
        else None,
    }


def _two_persons(reader: Reader, buyer: Actor) -> dict[str, Any]:
    """From which amount the buyer's organisation needs a second person, and whose setting that is."""
    assert buyer.organisation_id is not None, "an organiser acts for an organisation"
    found = thresholds.in_force(reader, buyer.organisation_id)
    return {"above_fen": int(found.above_fen), "is_own": found.is_own}
