"""Rounds that nobody would run: every field drawn without sense, so that every rule binds somewhere. And small markets.

Ids, times, prices and quantities collide; shares are 0 or odd; lists of types are empty, windows of vintages upside down;
the minimum line is larger than most lots. The same number and seed give the same round.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

from benchmarks.problems import FAMILIES, drawn
from matching.problem import PROBLEM_FORMAT, Bid, Floor, Lot, Problem

TYPES, REGIONS, VINTAGES = ("forestry", "wetland", "wind"), ("130100", "130800", "110000"), (2021, 2022, 2023, 2024)
TINY_BIDS, TINY_LOTS, TINY_T = 4, 5, 6


def tiny(number: int, seed: int) -> Problem:
    """At most 4 bids and 5 lots of a few tonnes: small enough to try everything."""
    draw = random.Random(f"tiny {seed} {number}")
    bids, lots = draw.choice([1, 2, 3, 3, TINY_BIDS, TINY_BIDS]), draw.choice([1, 2, 3, 4, TINY_LOTS, TINY_LOTS])
    return _round(draw, f"tiny-{seed}-{number}", bids, lots, largest_t=TINY_T, min_line_t=draw.choice([1, 1, 2, 3, 4]))


def small_or_middling(number: int, seed: int) -> Problem:
    """Half of them small enough to be searched to the end, half beyond that; tonnes from a few to many thousands."""
    draw = random.Random(f"wild {seed} {number}")
    is_small = draw.random() < 0.5
    bids = draw.randint(0, 10) if is_small else draw.randint(61, 90)
    lots = draw.randint(0, 15) if is_small else draw.randint(1, 80)
    largest_t = draw.choice([5, 60, 300, 20_000])
    return _round(draw, f"wild-{seed}-{number}", bids, lots, largest_t, draw.choice([1, 2, 10, 100, 100, 1_000]))


def market(number: int, seed: int) -> Problem:
    """A round of one of the hard families, small enough to be searched or a little beyond."""
    draw = random.Random(f"market {seed} {number}")
    is_small = draw.random() < 0.3
    bids, lots = (
        (draw.randint(3, 12), draw.randint(5, 30)) if is_small else (draw.randint(61, 100), draw.randint(20, 200))
    )
    ratio = draw.choice([0.5, 0.7, 1.0, 1.5, 3.0])
    return drawn(draw.choice(sorted(FAMILIES)), bids, lots, seed=1_000_000 * seed + number, ratio=ratio)


def auction(number: int, seed: int) -> Problem:
    """A round of `small_or_middling` cleared as an auction: one price per type, on a tick."""
    draw = random.Random(f"auction {seed} {number}")
    return msgspec.structs.replace(
        small_or_middling(number, seed),
        id=f"auction-{seed}-{number}",
        mechanism="auction",
        price_rule="uniform",
        stated_tick_fen=draw.choice([1, 1, 5, 50]),
    )


def _round(draw: random.Random, name: str, bids: int, lots: int, largest_t: int, min_line_t: int) -> Problem:
    steps = draw.choice([1, 1, 5, 50])  # coarse prices make ties
    groups = [f"G{k}" for k in range(draw.randint(1, 3 + lots // 4))]
    is_calm = draw.random() < 0.3  # a third of the rounds leave most rules out, so that the others bind for sure
    return Problem(
        format=PROBLEM_FORMAT,
        id=name,
        mechanism="quota",
        price_rule=draw.choice(["pay_as_ask", "midpoint"]),
        min_line_t=min_line_t,
        seed=f"{draw.randrange(2**16):04x}",
        lots=tuple(_lot(draw, k, groups, largest_t, steps) for k in range(lots)),
        bids=tuple(_bid(draw, k, groups, largest_t, steps, 0.1 if is_calm else 0.3) for k in range(bids)),
    )


def _lot(draw: random.Random, number: int, groups: list[str], largest_t: int, steps: int) -> Lot:
    return Lot(
        id=f"L{number}",
        seller=f"S{number}",
        group=draw.choice(groups),
        product_type=draw.choice(TYPES),
        vintage=draw.choice(VINTAGES),
        region=draw.choice(REGIONS),
        quantity_t=draw.randint(1, largest_t),
        ask_fen=draw.randint(0, 80 // steps) * steps,
        all_or_none=draw.random() < 0.15,
        offered_at=_time(draw, 1),
    )


def _bid(draw: random.Random, number: int, groups: list[str], largest_t: int, steps: int, strict: float) -> Bid:
    """`strict` is the chance of each rule."""
    quantity_t = draw.randint(1, largest_t * draw.choice([1, 1, 3]) if largest_t > TINY_T else TINY_T + 1)
    return Bid(
        id=f"B{number}",
        buyer=f"E{number}",
        group=draw.choice([*groups, f"H{number}", f"H{number}", f"H{number}"]),
        purpose=draw.choice(["compliance", "compliance", "voluntary"]),
        quantity_t=quantity_t,
        limit_fen=draw.randint(20 // steps, 120 // steps) * steps,
        product_types=_some(draw, TYPES, strict),
        vintage_from=draw.choice(VINTAGES) if draw.random() < strict else None,
        vintage_to=draw.choice(VINTAGES) if draw.random() < strict / 2 else None,
        regions=_some(draw, REGIONS, strict),
        floor=_floor(draw) if draw.random() < strict else None,
        max_group_permille=draw.choice([0, 1, 250, 333, 400, 500, 999, 1000]) if draw.random() < strict else None,
        max_sellers=draw.randint(1, 3) if draw.random() < strict else None,
        all_or_none=draw.random() < strict / 2,
        submitted_at=_time(draw, 2),
    )


def _floor(draw: random.Random) -> Floor:
    """Its set may be everything or nothing."""
    return Floor(
        product_types=_some(draw, TYPES, 0.7),
        regions=_some(draw, REGIONS, 0.4),
        min_permille=draw.choice([0, 1, 300, 500, 500, 667, 1000]),
    )


def _some(draw: random.Random, names: tuple[str, ...], chance: float) -> Any:
    """Some of the names, seldom none of them; or null for no restriction."""
    if draw.random() >= chance:
        return None
    return tuple(draw.sample(names, draw.choice([0, 1, 1, 2, 2, 2, 3])))


def _time(draw: random.Random, day: int) -> str:
    return f"2026-03-{day:02d}T01:{draw.randrange(3):02d}:00Z"
