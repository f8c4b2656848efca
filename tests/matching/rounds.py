"""Small rounds for the tests of matching: problems from a few words, and honest results for given tonnes."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from matching.problem import (
    GOALS,
    PROBLEM_FORMAT,
    RESULT_FORMAT,
    Bid,
    BidOutcome,
    Bound,
    Floor,
    Gap,
    Line,
    Lot,
    LotOutcome,
    Problem,
    Reason,
    Result,
    Solver,
    Totals,
    problem_sha256,
)


def lot(lot_id: str, quantity_t: int = 10, ask_fen: int = 50, **others: Any) -> Lot:
    """A lot that any bid may take; its seller group is its own unless said otherwise."""
    usual = {
        "seller": f"seller-{lot_id}",
        "group": f"seller-{lot_id}",
        "product_type": "forestry",
        "vintage": 2024,
        "region": "130800",
        "all_or_none": False,
        "offered_at": "2026-03-01T01:00:00Z",
    }
    return Lot(**({"id": lot_id, "quantity_t": quantity_t, "ask_fen": ask_fen} | usual | others))


def bid(bid_id: str, quantity_t: int = 10, limit_fen: int = 70, **others: Any) -> Bid:
    """A compliance bid without restrictions unless said otherwise."""
    usual = {
        "buyer": f"buyer-{bid_id}",
        "group": f"buyer-{bid_id}",
        "purpose": "compliance",
        "product_types": None,
        "vintage_from": None,
        "vintage_to": None,
        "regions": None,
        "floor": None,
        "max_group_permille": None,
        "max_sellers": None,
        "all_or_none": False,
        "submitted_at": "2026-03-02T03:10:00Z",
    }
    return Bid(**({"id": bid_id, "quantity_t": quantity_t, "limit_fen": limit_fen} | usual | others))


def floor(
    min_permille: int, product_types: tuple[str, ...] | None = None, regions: tuple[str, ...] | None = None
) -> Floor:
    return Floor(product_types=product_types, regions=regions, min_permille=min_permille)


def problem(lots: list[Lot], bids: list[Bid], **others: Any) -> Problem:
    """A quota round paid as ask, without a minimum line unless said otherwise."""
    usual = {"id": "2026-r1", "mechanism": "quota", "price_rule": "pay_as_ask", "min_line_t": 1, "seed": "9f2c"}
    return Problem(**({"format": PROBLEM_FORMAT, "lots": tuple(lots), "bids": tuple(bids)} | usual | others))


def auction(**others: Any) -> Problem:
    """Two types, one bid for both, at one price per type."""
    lots = [lot("L1", ask_fen=50), lot("L2", ask_fen=52, product_type="wind")]
    return problem(lots, [bid("B1", 20, limit_fen=70)], mechanism="auction", price_rule="uniform", **others)


def result(
    round_: Problem, tonnes: dict[tuple[str, str], int], prices_fen: dict[str, int] | None = None, **others: Any
) -> Result:
    """What an honest solver would say of these tonnes, with bounds that it reaches. `others` replace single fields."""
    lines = _lines(round_, tonnes, prices_fen or {})
    totals = _totals(round_, lines)
    has_tonne_bounds = round_.mechanism == "quota"
    filled_t = {each.id: sum(line.quantity_t for line in lines if line.bid == each.id) for each in round_.bids}
    sold_t = {each.id: sum(line.quantity_t for line in lines if line.lot == each.id) for each in round_.lots}
    honest = Result(
        format=RESULT_FORMAT,
        problem_sha256=problem_sha256(round_),
        mechanism=round_.mechanism,
        status="optimal",
        lines=lines,
        totals=totals,
        bound=Bound(
            compliance_t=totals.compliance_t if has_tonne_bounds else None,
            voluntary_t=totals.voluntary_t if has_tonne_bounds else None,
            surplus_fen=totals.surplus_fen,
        ),
        search_bound=None,
        gap_ppm=Gap(coverage=0, surplus=0),
        proven=GOALS[round_.mechanism],
        prices_fen=prices_fen,
        paradoxically_rejected=(),
        bids=tuple(
            BidOutcome(bid=each.id, filled_t=filled_t[each.id], reasons=_open(each.quantity_t - filled_t[each.id]))
            for each in sorted(round_.bids, key=lambda each: each.id)
        ),
        lots=tuple(LotOutcome(lot=each, sold_t=sold_t[each], reasons=()) for each in sorted(sold_t)),
        solver=Solver(name="by hand", version="1", seconds=0.0, peak_mb=1),
    )
    return msgspec.structs.replace(honest, **others)


def _lines(round_: Problem, tonnes: dict[tuple[str, str], int], prices_fen: dict[str, int]) -> tuple[Line, ...]:
    bids, lots = {each.id: each for each in round_.bids}, {each.id: each for each in round_.lots}
    lines = []
    for (bid_id, lot_id), quantity_t in sorted(tonnes.items()):
        price_fen = {
            "pay_as_ask": lots[lot_id].ask_fen,
            "midpoint": (lots[lot_id].ask_fen + bids[bid_id].limit_fen) // 2,
            "uniform": prices_fen.get(lots[lot_id].product_type, 0),
        }[round_.price_rule]
        lines.append(Line(bid=bid_id, lot=lot_id, quantity_t=quantity_t, price_fen=price_fen))
    return tuple(lines)


def _totals(round_: Problem, lines: tuple[Line, ...]) -> Totals:
    bids, lots = {each.id: each for each in round_.bids}, {each.id: each for each in round_.lots}
    return Totals(
        compliance_t=sum(line.quantity_t for line in lines if bids[line.bid].purpose == "compliance"),
        voluntary_t=sum(line.quantity_t for line in lines if bids[line.bid].purpose == "voluntary"),
        surplus_fen=sum((bids[line.bid].limit_fen - lots[line.lot].ask_fen) * line.quantity_t for line in lines),
        cost_fen=sum(line.quantity_t * line.price_fen for line in lines),
        lines=len(lines),
    )


def _open(open_t: int) -> tuple[Reason, ...]:
    return (Reason(code="priority", tonnes=open_t),) if open_t > 0 else ()


def with_value(document: dict[str, Any], path: str, value: Any) -> bytes:
    """The document with one value put in place of another; the path is written as in the refusals."""
    copy = json.loads(json.dumps(document))
    *steps, last = [
        int(step) if step.isdigit() else step for step in path.replace("[", ".").replace("]", "").split(".")
    ]
    place = copy
    for step in steps:
        place = place[step]
    place[last] = value
    return json.dumps(copy).encode()
