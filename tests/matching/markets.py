"""Rounds of a whole market drawn from a seed: log-normal quotas and lots, prices by type, a few large sellers."""

from __future__ import annotations

import random
from typing import Any

from matching.problem import Bid, Lot, Problem
from tests.matching.rounds import bid, floor, lot, problem

ASK_FEN = {"forestry": 6000, "wetland": 7500, "building": 5500, "photovoltaic": 3500, "wind": 3200}
ECOLOGICAL = ("forestry", "wetland")
REGIONS = ("130100", "130200", "130800", "131100", "110000")


def market(bids: int, lots: int, seed: int, **twist: Any) -> Problem:
    """A round of that size. `twist` replaces fields of every bid (`bid_…`) or lot (`lot_…`)."""
    draw = random.Random(f"{bids} {lots} {seed}")
    bid_twist, lot_twist = ({k[4:]: v for k, v in twist.items() if k.startswith(side)} for side in ("bid_", "lot_"))
    offered = [_lot(draw, number, max(5, lots // 8), lot_twist) for number in range(lots)]
    share_t = sum(each.quantity_t for each in offered) // bids
    return problem(offered, [_bid(draw, number, share_t, bid_twist) for number in range(bids)], min_line_t=100)


def _lot(draw: random.Random, number: int, sellers: int, twist: dict[str, Any]) -> Lot:
    kind, vintage = draw.choice(sorted(ASK_FEN)), draw.randint(2021, 2025)
    quantity_t = min(50_000, max(200, int(draw.lognormvariate(7.8, 1.1))))
    usual: dict[str, Any] = {
        "group": f"S{min(draw.randrange(sellers), draw.randrange(sellers))}",
        "product_type": kind,
        "vintage": vintage,
        "region": draw.choice(REGIONS),
        "all_or_none": draw.random() < 0.05,
        "offered_at": f"2026-03-01T01:{draw.randrange(60):02d}:00Z",
    }
    usual["ask_fen"] = int(ASK_FEN[kind] * draw.lognormvariate(0, 0.25))
    return lot(f"L{number}", quantity_t, **(usual | twist))


def _bid(draw: random.Random, number: int, share_t: int, twist: dict[str, Any]) -> Bid:
    quantity_t = min(200_000, max(500, int(share_t * draw.lognormvariate(-0.6, 1.1))))
    usual: dict[str, Any] = {
        "group": f"E{number}" if draw.random() > 0.03 else f"S{draw.randrange(5)}",
        "purpose": "voluntary" if draw.random() < 0.15 else "compliance",
        "product_types": draw.choice([None, None, ("forestry", "photovoltaic", "wind"), ("wetland", "wind")]),
        "vintage_from": draw.choice([None, 2022, 2023]),
        "floor": floor(500, ECOLOGICAL, REGIONS[:4]) if draw.random() < 0.6 else None,
        "max_group_permille": 400 if draw.random() < 0.5 else None,
        "max_sellers": 10 if draw.random() < 0.2 else None,
        "all_or_none": draw.random() < 0.05,
        "submitted_at": f"2026-03-02T01:{draw.randrange(60):02d}:00Z",
    }
    usual["limit_fen"] = int(6500 * draw.lognormvariate(0, 0.3))
    return bid(f"B{number}", quantity_t, **(usual | twist))
