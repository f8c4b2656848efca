"""Tiny random rounds with a random feasible outcome, good or bad, and what a change of one order makes of them."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np

from matching.constraints import Allocation
from matching.marginal import Worth
from matching.problem import Bid, Lot, Problem
from matching.standing import Standing
from matching.variables import book_of
from tests.matching.brute_force import Goals, is_feasible
from tests.matching.rounds import bid, floor, lot, problem

Tonnes = dict[tuple[str, str], int]
WITHOUT: dict[str, dict[str, None]] = {
    "type": {"product_types": None},
    "vintage": {"vintage_from": None, "vintage_to": None},
    "region": {"regions": None},
    "floor": {"floor": None},
    "group_cap": {"max_group_permille": None},
    "max_sellers": {"max_sellers": None},
}


def tiny(seed: int) -> tuple[Problem, Tonnes]:
    """A round of at most three bids and four lots with every rule in it, and some feasible outcome of it."""
    draw = random.Random(seed)
    lots = [_lot(draw, number) for number in range(draw.randint(1, 4))]
    bids = [_bid(draw, number) for number in range(draw.randint(1, 3))]
    round_ = problem(lots, bids, min_line_t=draw.choice((1, 2, 2, 3)))
    return round_, {} if seed % 4 == 0 else _some_outcome(round_, draw)


def _lot(draw: random.Random, number: int) -> Lot:
    return lot(
        f"L{number}",
        draw.randint(1, 4),
        draw.randint(40, 70),
        group=draw.choice("XYZ"),
        product_type=draw.choice(("wind", "wetland")),
        vintage=draw.choice((2023, 2024)),
        region=draw.choice(("130100", "130200")),
        all_or_none=draw.random() < 0.1,
    )


def _bid(draw: random.Random, number: int) -> Bid:
    return bid(
        f"B{number}",
        draw.randint(1, 5),
        draw.randint(45, 75),
        group="X" if draw.random() < 0.15 else f"P{number}",
        purpose=draw.choice(("compliance", "compliance", "voluntary")),
        product_types=draw.choice((None, None, ("wind",))),
        vintage_from=draw.choice((None, None, 2024)),
        regions=draw.choice((None, None, ("130100",))),
        floor=draw.choice((None, None, floor(500, ("wind",)))),
        max_group_permille=draw.choice((None, None, 500)),
        max_sellers=draw.choice((None, None, 1, 2)),
        all_or_none=draw.random() < 0.1,
    )


def _some_outcome(round_: Problem, draw: random.Random) -> Tonnes:
    """Lines in a random order, each as large as it may be; what is not feasible by itself stays away."""
    tonnes: Tonnes = {}
    pairs = [
        (each.id, other.id, min(each.quantity_t, other.quantity_t)) for each in round_.bids for other in round_.lots
    ]
    draw.shuffle(pairs)
    for bid_id, lot_id, most_t in pairs * 2:
        for quantity_t in range(most_t, tonnes.get((bid_id, lot_id), 0), -1):
            if is_feasible(round_, tonnes | {(bid_id, lot_id): quantity_t}):
                tonnes |= {(bid_id, lot_id): quantity_t}
                break
    return tonnes


def standing_of(round_: Problem, tonnes: Tonnes) -> Standing:
    """Where everybody stands with these tonnes."""
    book = book_of(round_)
    bids, lots = ({row.id: at for at, row in enumerate(rows)} for rows in (book.bids, book.lots))
    rows = [(bids[bid_id], lots[lot_id], quantity_t) for (bid_id, lot_id), quantity_t in tonnes.items()]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Standing(book, Allocation.of(columns[:, 0], columns[:, 1], columns[:, 2], len(book.lots)))


def goals_of(round_: Problem, tonnes: Tonnes) -> Goals:
    """What an outcome reaches: compliance and voluntary tonnes, fen between limit and ask."""
    bids, lots = {each.id: each for each in round_.bids}, {each.id: each for each in round_.lots}
    reached = [0, 0, 0]
    for (bid_id, lot_id), quantity_t in tonnes.items():
        reached[0 if bids[bid_id].purpose == "compliance" else 1] += quantity_t
        reached[2] += (bids[bid_id].limit_fen - lots[lot_id].ask_fen) * quantity_t
    return reached[0], reached[1], reached[2]


def changed(round_: Problem, change: dict[str, Any]) -> Problem:
    """The round with the change of a worth made: a limit, an ask, a quantity, or a preference gone."""
    side, key = ("bids", "bid") if "bid" in change else ("lots", "lot")
    fields = WITHOUT[change["without"]] if "without" in change else {k: v for k, v in change.items() if k != key}
    rows = getattr(round_, side)
    after = tuple(msgspec.structs.replace(row, **fields) if row.id == change.get(key) else row for row in rows)
    return msgspec.structs.replace(round_, **{side: after})


def moved(tonnes: Tonnes, worth: Worth) -> Tonnes:
    """The outcome after the moves of a worth."""
    after = dict(tonnes)
    for bid_id, lot_id, quantity_t in worth.moves:
        after[bid_id, lot_id] = after.get((bid_id, lot_id), 0) + quantity_t
    return {pair: quantity_t for pair, quantity_t in after.items() if quantity_t}
