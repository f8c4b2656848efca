"""What the desk shows: its form with what a firm's duty and the annual plan ask for, and an answer in words and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from market.emitters import obligations, policy
from market.emitters.policy import Plan
from matching.desk import Told
from matching.portfolio import Portfolio, Preference, premium_fen
from matching.wish import Wish
from tanyi.app.pages import pieces, tabular
from tanyi.app.pages.tabular import Asked, Column, Source, Spec
from tanyi.app.pages.views_firms import percent_text
from tanyi.app.pages.views_market import rows_of
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Reader

TEMPLATE: Final = "pages/public/desk.html"
FIELDS: Final = (
    *("quantity_t", "ecological_percent", "max_group_percent", "max_sellers", "vintage_from", "region", "limit_yuan"),
)


PORTFOLIO: Final = Spec(
    "portfolio",
    N_("The cheapest portfolio"),
    (
        Column("project", N_("Project"), "names", link="/listings/{number}"),
        Column("seller", N_("Seller"), "names", place="under"),
        Column("county", N_("Place"), "names", place="under"),
        Column("number", N_("Listing"), "serial", place="file"),
        Column("type", N_("Type"), "type"),
        Column("vintage", N_("Vintage"), "year"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("cost_fen", N_("Cost"), "yuan"),
    ),
    is_whole=True,
    sums=("quantity_t", "cost_fen"),
)


def form(reader: Reader, firm_id: int | None) -> dict[str, Any]:
    """An empty form; for a firm with duties the terms of the annual plan, and what its first unmet duty lacks."""
    plan = policy.latest_plan(reader)
    empty: dict[str, Any] = {"form": dict.fromkeys(FIELDS, ""), "chosen": [], "errors": {}, "duty": None, "told": None}
    empty |= {"types": pieces.all_types(), "regions": pieces.all_regions(), "ecological": None}
    empty |= pieces.prices_on_sale(reader)
    if plan is None:
        return empty
    counted = [pieces.type_names(code) for code in plan.ecological_types]
    empty["ecological"] = {"codes": list(plan.ecological_types), "types": counted}
    duties = obligations.of_plan(reader, plan.year, firm_id) if firm_id is not None else []
    return empty | _of_duties(plan, duties) if duties else empty


def _of_duties(plan: Plan, duties: Sequence[obligations.Obligation]) -> dict[str, Any]:
    terms = {"ecological_percent": percent_text(plan.ecological_permille), "vintage_from": str(plan.vintage_from)}
    known = set(pieces.type_codes())
    told: dict[str, Any] = {"chosen": [code for code in plan.eligible_types if code in known]}
    unmet = next((duty for duty in duties if duty.retired_t < duty.required_t), None)
    if unmet is not None:
        lacking_t = unmet.required_t - unmet.retired_t
        terms["quantity_t"] = str(lacking_t)
        told["duty"] = {"number": unmet.number, "lacking_t": lacking_t, "year": plan.year}
    return told | {"form": dict.fromkeys(FIELDS, "") | terms}


def told(reader: Reader, wish: Wish, answered: Told, asked: Asked, said: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the listings that it names, and the wish it answers in the words of the page.

    `said` is the question as it was typed: the addresses of the answer's table ask it again.
    """
    answer, rows = answered.answer, _rows(reader, answered)
    sellers = pieces.organisation_names(reader, {offer.seller_id for offer in answered.offers.values()})
    cheapest = _portfolio(answer.best, rows)
    return {
        "asked_t": wish.quantity_t,
        "asked_at": reader.now,
        "wish": _wish(wish),
        "best": cheapest,
        "table": tabular.table(PORTFOLIO, Source.of(cheapest["lines"]), asked, chosen=said),
        "alternatives": [
            _portfolio(each.portfolio, rows)
            | {"without": [sellers[seller_id] for seller_id in answered.sellers_of(each.without)]}
            | {"more_fen": each.portfolio.cost_fen - answer.best.cost_fen}
            for each in answer.alternatives
        ],
        "preferences": [_preference(each, answer.best) for each in answer.preferences],
    }


def best(reader: Reader, answered: Told) -> dict[str, Any]:
    """The cheapest portfolio of an answer alone, with the listings that it names."""
    return _portfolio(answered.answer.best, _rows(reader, answered))


def _rows(reader: Reader, answered: Told) -> dict[str, dict[str, Any]]:
    return {row["number"]: row for row in rows_of(reader, [offer.id for offer in answered.offers.values()])}


def _preference(without: Preference, best: Portfolio) -> dict[str, Any]:
    more_fen = premium_fen(best, without)
    return {
        "code": without.code,
        "covered_t": without.covered_t,
        "cost_fen": without.cost_fen,
        "average_fen": pieces.average_fen(without.cost_fen, without.covered_t),
        "premium_fen": more_fen,
        "premium_a_tonne_fen": None if more_fen is None else pieces.average_fen(more_fen, without.covered_t),
        "is_proven": without.is_proven,
    }


def _portfolio(portfolio: Portfolio, rows: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "covered_t": portfolio.covered_t,
        "cost_fen": portfolio.cost_fen,
        "average_fen": pieces.average_fen(portfolio.cost_fen, portfolio.covered_t),
        "sellers": len({line.group for line in portfolio.lines}),
        "is_proven": portfolio.is_proven,
        "lines": [
            rows[line.lot]
            | {"quantity_t": line.quantity_t, "price_fen": line.ask_fen, "cost_fen": line.quantity_t * line.ask_fen}
            for line in portfolio.lines
        ],
    }


def _wish(wish: Wish) -> dict[str, Any]:
    regions = [pieces.both(REGIONS[code]) for code in wish.regions or ()]
    return {
        "types": [pieces.type_names(code) for code in wish.product_types or ()],
        "vintage_from": wish.vintage_from,
        "region": regions[0] if regions else None,
        "floor_permille": wish.floor.min_permille if wish.floor else None,
        "max_group_permille": wish.max_group_permille,
        "max_sellers": wish.max_sellers,
        "limit_fen": wish.limit_fen,
    }
