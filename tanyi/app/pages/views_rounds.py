"""What rounds show: the list, the public result with its proof, and the operator's desk."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from market.emitters import policy
from market.registry import issuance
from market.trading import bids, listings, trades
from matching import rounds, solving
from matching.problem import Bound, Problem, Result, read_problem
from settlement import certificates, retirement
from tanyi.app.pages import pieces, tabular, views_figures
from tanyi.app.pages.pieces import type_names
from tanyi.app.pages.tabular import Asked, Column, Source, Spec
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader
from tanyi.ledger import audit_log, blocks

LONG_WAIT = timedelta(seconds=10)  # a worker that lives takes a waiting round within a second
MOST_FIRMS = 100  # more bids than this are not listed on a page; the result file has them all
EVENTS = {"round.opened": "opened_at", "round.closed": "closed_at", "round.solved": "solved_at"}


ROUNDS: Final = Spec(
    "rounds",
    N_("Rounds"),
    (
        Column("number", N_("Round"), "serial", link="/rounds/{number}"),
        Column("shown_at", N_("Opened or published"), "date", place="under"),
        Column("state", N_("State"), "state", words="round"),
        Column("bids", N_("Bids"), "whole"),
        Column("lots", N_("Lots"), "whole"),
        Column("quantity_t", N_("Matched"), "tonnes"),
        Column("average_price_fen", N_("Average price"), "price"),
        Column("coverage_gap_ppm", N_("Gap"), "ppm"),
    ),
    empty_title=N_("No round yet"),
    empty_text=N_("The first round is shown here as soon as it is published."),
)
CONTRACTS: Final = Spec(
    "contracts",
    N_("Contracts"),
    (
        Column("buyer", N_("Buyer"), "names"),
        Column("project", N_("Project"), "names", link="/projects/{project.code}"),
        Column("seller", N_("Seller"), "names", place="under"),
        Column("vintage", N_("Vintage"), "year", place="file"),
        Column("type", N_("Type"), "type"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("cost_fen", N_("Cost"), "yuan", place="file"),
        Column("certificate", N_("Certificate"), "certificate"),
    ),
)


def all_rounds(reader: Reader, asked: Asked, *, may_operate: bool) -> dict[str, Any]:
    """All rounds, newest first, with what came of them."""
    newest, total = rounds.page_of(reader, first=0, most=pieces.PER_PAGE)
    on_sale = len(listings.on_sale_ids(reader))
    plan = policy.latest_plan(reader)
    source = Source(range(total), lambda places: _rows(reader, places, on_sale))
    return {
        "rounds": tabular.table(ROUNDS, source, asked),
        "may_operate": may_operate,
        "may_open": may_operate and plan is not None and all(each.closed_at is not None for each in newest),
    }


def _rows(reader: Reader, places: Sequence[int], on_sale: int) -> list[dict[str, Any]]:
    found, _ = rounds.page_of(reader, first=places[0] if places else 0, most=len(places))
    bid_counts = bids.counts(reader, [each.id for each in found])
    return [_row(each, bid_counts.get(each.id, 0), on_sale) for each in found]


def next_round(reader: Reader) -> tuple[str, int]:
    """The number of the round to open next and the year of its plan."""
    plan = policy.latest_plan(reader)
    if plan is None:
        raise policy.NoPlan(year=reader.today.year)
    _, total = rounds.page_of(reader, first=0, most=0)
    return f"{plan.year}-{total + 1}", plan.year


def _row(found: rounds.Round, bid_count: int, on_sale: int) -> dict[str, Any]:
    row = {"number": found.number, "state": found.state, "opened_at": found.opened_at}
    row |= {"published_at": found.published_at, "bids": bid_count}
    row["shown_at"] = found.published_at or found.opened_at
    row["lots"] = on_sale if found.problem is None else len(rounds.problem_of(found).lots)
    if found.published_at is None:
        return row | dict.fromkeys(("quantity_t", "average_price_fen", "coverage_gap_ppm"))
    result = rounds.result_of(found)
    quantity_t = result.totals.compliance_t + result.totals.voluntary_t
    return row | {
        "quantity_t": quantity_t,
        "average_price_fen": pieces.average_fen(result.totals.cost_fen, quantity_t),
        "coverage_gap_ppm": result.gap_ppm.coverage,
    }


def result(reader: Reader, number: str, asked: Asked, *, may_operate: bool) -> dict[str, Any]:
    """The public page of a round: the whole result once it is published, before that only that it is under way."""
    found = rounds.by_number(reader, pieces.named(number))
    told = {"number": found.number, "state": found.state, "opened_at": found.opened_at, "seed": found.seed}
    told |= {"closed_at": found.closed_at, "published_at": found.published_at}
    if found.published_at is None:
        is_solving = solving.is_under_way(reader, found.id)
        return {"round": told, "is_solving": is_solving, "may_operate": may_operate}
    problem, reached = rounds.problem_of(found), rounds.result_of(found)
    proof, firms = _proof(problem, reached), _firms(reader, found, reached)
    made = Source(trades.of_round(reader, found.id), lambda part: contract_lines(reader, part))
    return {
        "round": told | proof | {"has_certificate": found.certificate is not None},
        "firms": [firm for firm in firms if firm["reasons"]],
        "coverage": views_figures.coverage_by_bid(asked, firms),
        "curves": views_figures.curves(asked, problem, reached, proof["average_price_fen"]),
        "firms_left_out": max(0, len(reached.bids) - MOST_FIRMS),
        "by_type": _by_type(problem, reached),
        "contracts": tabular.table(CONTRACTS, made, asked),
        "may_operate": may_operate,
    }


def _proof(problem: Problem, reached: Result) -> dict[str, Any]:
    quantity_t = reached.totals.compliance_t + reached.totals.voluntary_t
    prices = [line.price_fen for line in reached.lines]
    return {
        "status": reached.status,
        "coverage_gap_ppm": reached.gap_ppm.coverage,
        "surplus_gap_ppm": reached.gap_ppm.surplus,
        "due_t": sum(bid.quantity_t for bid in problem.bids),
        "matched_t": quantity_t,
        "bound_t": _tightest(reached, "compliance_t") + _tightest(reached, "voluntary_t"),
        "money_fen": reached.totals.cost_fen,
        "average_price_fen": pieces.average_fen(reached.totals.cost_fen, quantity_t),
        "lowest_price_fen": min(prices, default=None),
        "highest_price_fen": max(prices, default=None),
        "bids": len(problem.bids),
        "lots": len(problem.lots),
        "lines": reached.totals.lines,
        "problem_sha256": reached.problem_sha256,
        "solver_seconds": str(reached.solver.seconds),
        "is_checked": True,  # a result that the checker has not passed is never kept
    }


def _tightest(reached: Result, goal: str) -> int:
    """The lower of the proven upper bounds of a goal."""
    bounds: list[Bound] = [bound for bound in (reached.bound, reached.search_bound) if bound is not None]
    known = [most for bound in bounds if (most := getattr(bound, goal)) is not None]
    return min(known, default=getattr(reached.totals, goal))


def _firms(reader: Reader, found: rounds.Round, reached: Result) -> list[dict[str, Any]]:
    """What each bid got; of a very large round the bids that lack most."""
    asked = {bid.number: bid for bid in bids.of_round(reader, found.id)}
    outcomes = reached.bids
    if len(outcomes) > MOST_FIRMS:
        lacking = sorted(outcomes, key=lambda each: each.filled_t - asked[each.bid].quantity_t)
        outcomes = tuple(lacking[:MOST_FIRMS])
    firms = pieces.organisation_names(reader, {bid.buyer_id for bid in asked.values()})
    return [
        {
            "name": firms[asked[outcome.bid].buyer_id],
            "bid": outcome.bid,
            "wanted_t": asked[outcome.bid].quantity_t,
            "filled_t": outcome.filled_t,
            "reasons": [{"code": reason.code, "quantity_t": reason.tonnes} for reason in outcome.reasons],
        }
        for outcome in outcomes
    ]


def _by_type(problem: Problem, reached: Result) -> list[dict[str, Any]]:
    type_of = {lot.id: lot.product_type for lot in problem.lots}
    tonnes: dict[str, int] = {}
    money: dict[str, int] = {}
    for line in reached.lines:
        code = type_of[line.lot]
        tonnes[code] = tonnes.get(code, 0) + line.quantity_t
        money[code] = money.get(code, 0) + line.quantity_t * line.price_fen
    return [
        {
            "type": type_names(code),
            "code": code,
            "quantity_t": tonnes[code],
            "average_price_fen": pieces.average_fen(money[code], tonnes[code]),
        }
        for code in sorted(tonnes, key=lambda code: -tonnes[code])
    ]


def contract_lines(reader: Reader, bought: Sequence[trades.Trade]) -> list[dict[str, Any]]:
    """Trades with their parties, origin and certificate: as many queries for a thousand lines as for one."""
    offers = listings.by_ids(reader, {trade.listing_id for trade in bought})
    origins = issuance.provenance(reader, {offer.issuance_id for offer in offers.values()})
    people = {party_id for trade in bought for party_id in (trade.buyer_id, trade.seller_id)}
    parties_named = pieces.organisation_names(reader, people)
    certified = certificates_of(reader, bought)
    numbers = rounds.numbers(reader, {trade.round_id for trade in bought if trade.round_id})
    return [
        pieces.origin_facts(origins[offers[trade.listing_id].issuance_id])
        | {
            "buyer": parties_named[trade.buyer_id],
            "seller": parties_named[trade.seller_id],
            "quantity_t": trade.quantity_t,
            "price_fen": trade.price_fen,
            "cost_fen": int(trades.amount_fen(trade)),
            "round": numbers.get(trade.round_id or 0),
            "certificate": certified.get(trade.id),
        }
        for trade in bought
    ]


def certificates_of(reader: Reader, bought: Sequence[trades.Trade]) -> dict[int, str]:
    """The certificate of the duty that each trade was made for: that of the first retirement after the trade."""
    asked = bids.by_ids(reader, {trade.bid_id for trade in bought if trade.bid_id})
    duties = {bid.obligation_id for bid in asked.values() if bid.obligation_id}
    retired = sorted(retirement.of_obligations(reader, duties), key=lambda row: row.id) if duties else []
    numbers = certificates.numbers(reader, [row.id for row in retired])
    found: dict[int, str] = {}
    for trade in bought:
        duty = asked[trade.bid_id].obligation_id if trade.bid_id else None
        after = (row for row in retired if row.obligation_id == duty and row.retired_at >= trade.matched_at)
        row = next(after, None) if duty else None
        if row is not None and row.id in numbers:
            found[trade.id] = numbers[row.id]
    return found


def desk(reader: Reader, number: str) -> dict[str, Any]:
    """The operator's desk for one round: where it stands, what is in it, and the next step."""
    found = rounds.by_number(reader, pieces.named(number))
    times = audit_log.moments(reader, number=found.number, events=list(EVENTS))
    told = {column: times.get(event) for event, column in EVENTS.items()}
    made = trades.of_round(reader, found.id)
    return {
        "round": told | {"number": found.number, "state": found.state, "published_at": found.published_at},
        "demand": _demand(reader, found),
        "supply": _supply(reader, found),
        "result": None if found.result is None else _checked(rounds.result_of(found), found.problem),
        "solving": _solving(reader, found),
        "form": {"time_limit_s": ""},
        "errors": {},
        "is_settled": all(trade.settlement_id is not None for trade in made),
    }


def _solving(reader: Reader, found: rounds.Round) -> dict[str, Any] | None:
    """How far the newest solving is, or how it ended; None when nobody has asked for one."""
    newest = solving.newest(reader, found.id)
    if newest is None:
        return None
    bound, best = solving.bound_of(newest), solving.best_of(newest)
    return {
        "state": newest.state,
        "is_under_way": newest.ended_at is None,
        "is_cancel_requested": newest.is_cancel_requested,
        "is_heard": not solving.is_stale(reader, newest),
        "is_waiting_long": newest.started_at is None and reader.now - newest.queued_at > LONG_WAIT,
        "stage": newest.stage,
        "bound_t": None if bound is None else bound[0] + bound[1],
        "best_t": None if best is None else best[0] + best[1],
        "best_surplus_fen": None if best is None else best[2],
        "bound_surplus_fen": None if bound is None else bound[2],
        "elapsed_s": int((reader.now - (newest.started_at or newest.queued_at)).total_seconds()),
        "time_limit_s": newest.time_limit_s,
        "failure": newest.failure,
    }


def _demand(reader: Reader, found: rounds.Round) -> dict[str, int]:
    asked = bids.of_round(reader, found.id)
    confirmed = [bid for bid in asked if bid.limit_fen is not None]
    return {
        "bids": len(asked),
        "confirmed": len(confirmed),
        "wanted_t": sum(bid.quantity_t for bid in asked),
    }


def _supply(reader: Reader, found: rounds.Round) -> dict[str, int]:
    if found.problem is not None:
        return _frozen_supply(found.problem)
    ids = listings.on_sale_ids(reader)
    return {"lots": len(ids), "offered_t": sum(int(offered) for offered in blocks.offered_t(reader, ids).values())}


@lru_cache(maxsize=4)
def _frozen_supply(problem: bytes) -> dict[str, int]:
    """Read once: the page of a round that is being solved is loaded again every few seconds."""
    lots = read_problem(problem).lots
    return {"lots": len(lots), "offered_t": sum(lot.quantity_t for lot in lots)}


def _checked(reached: Result, problem: bytes | None) -> dict[str, Any]:
    """What the checker has passed; nothing else is ever kept, so there are no violations to show."""
    return {
        "status": reached.status,
        "matched_t": reached.totals.compliance_t + reached.totals.voluntary_t,
        "money_fen": reached.totals.cost_fen,
        "lines": reached.totals.lines,
        "coverage_gap_ppm": reached.gap_ppm.coverage,
        "surplus_gap_ppm": reached.gap_ppm.surplus,
        "seconds": str(reached.solver.seconds),
        "is_valid": True,
        "violations": [],
        "problem_sha256": reached.problem_sha256,
        "file_sha256": hashlib.sha256(problem or b"").hexdigest(),
    }
