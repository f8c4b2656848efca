"""Rounds of a market drawn from a seed: log-normal quotas and lots, prices by type, sellers of very unequal size.

The shapes and the names of the hard families are those of the matching study; they are assumptions in plausible ranges
and fitted to no market. The same arguments give the same round.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.problem import PROBLEM_FORMAT, Bid, Floor, Lot, Problem

FAMILIES = {
    "base": "nothing special",
    "ties": "prices in steps of 5 yuan",
    "equal_limits": "every limit is 65 yuan",
    "all_or_none": "30 % of lots and of bids up to 50,000 t are all or none",
    "all_or_none_everywhere": "every lot, and every bid up to 50,000 t, is all or none",
    "dominant_seller": "one seller has half of the lots, and every bid may take 40 % from one seller group",
    "tiny_quotas": "bids of 100 to 1,000 t and lots of 100 to 220 t against a minimum line of 100 t",
    "few_sellers": "no bid may deal with more than 3 seller groups",
    "one_region": "every bid takes lots of one prefecture only",
    "scarce_ecological": "a tenth of the usual forest and wetland lots, the usual floors",
    "no_trade": "every ask is above every limit",
    "single_bid": "one bid",
}

TYPES = ("forestry", "wetland", "building", "photovoltaic", "wind")
ECOLOGICAL = ("forestry", "wetland")
TYPE_SHARE = (0.30, 0.10, 0.10, 0.28, 0.22)
ASK_YUAN = (60.0, 75.0, 55.0, 35.0, 32.0)
VINTAGE_SHARE = (0.10, 0.15, 0.20, 0.25, 0.30)
FIRST_VINTAGE, MIDDLE_VINTAGE = 2021, 2023
PREFECTURES = tuple(f"13{number:02d}00" for number in range(1, 12))
NEIGHBOURS = ("110000", "120000", "140200", "150400")
MEDIAN_LOT_T, MEDIAN_BID_T, LIMIT_YUAN = 2_500, 8_000, 65.0
MIN_LINE_T = 100


@dataclass(frozen=True)
class Draw:
    """What is to be drawn, and the source of chance."""

    family: str
    bids: int
    lots: int
    ratio: float
    chance: np.random.Generator

    @property
    def tick_fen(self) -> int:
        return 500 if self.family == "ties" else 1

    @property
    def sellers(self) -> int:
        return max(5, self.lots // 8)

    def fen(self, yuan: Any) -> Any:
        """Prices of 20 to 120 yuan, in fen on the tick."""
        return (np.rint(np.clip(yuan, 20, 120) * 100 / self.tick_fen) * self.tick_fen).astype(np.int64)

    def is_below(self, share: float, size: int) -> Any:
        """True with this probability, `size` times."""
        return self.chance.random(size) < share


def drawn(family: str, bids: int, lots: int, *, seed: int, ratio: float = 1.0) -> Problem:
    """A round of a family in `FAMILIES`; `ratio` is supply over demand (approximate where quotas meet their limits)."""
    name = f"{family}-{bids}x{lots}-r{ratio:g}-s{seed}"
    draw = Draw(family, bids, lots, ratio, np.random.default_rng([seed, zlib.crc32(name.encode())]))
    offered = _lots(draw)
    wanted = _bids(draw, sum(lot.quantity_t for lot in offered))
    return Problem(
        format=PROBLEM_FORMAT,
        id=name,
        mechanism="quota",
        price_rule="pay_as_ask",
        min_line_t=MIN_LINE_T,
        seed=f"{seed:04x}",
        lots=tuple(offered),
        bids=tuple(wanted[:1] if family == "single_bid" else wanted),
    )


def _lots(draw: Draw) -> list[Lot]:
    size, chance = draw.lots, draw.chance
    kind = chance.choice(len(TYPES), size, p=TYPE_SHARE)
    if draw.family == "scarce_ecological":
        lost = (kind < len(ECOLOGICAL)) & draw.is_below(0.9, size)
        kind = np.where(lost, chance.integers(3, 5, size), kind)
    years = chance.choice(len(VINTAGE_SHARE), size, p=VINTAGE_SHARE) + FIRST_VINTAGE
    yuan = np.array(ASK_YUAN)[kind] * (1 + 0.04 * (years - MIDDLE_VINTAGE)) * chance.lognormal(0, 0.25, size)
    ask_fen = draw.fen(yuan) + (20_000 if draw.family == "no_trade" else 0)
    quantity_t = np.clip(chance.lognormal(np.log(MEDIAN_LOT_T), 1.1, size), 200, 50_000).astype(np.int64)
    if draw.family == "tiny_quotas":
        quantity_t = chance.integers(100, 221, size)
    whole_share = {"all_or_none": 0.30, "all_or_none_everywhere": 1.0}.get(draw.family, 0.05)
    near = draw.is_below(0.9, size)
    region = np.where(near, chance.choice(PREFECTURES, size), chance.choice(NEIGHBOURS, size))
    columns = (kind, years, region, quantity_t, ask_fen, _owners(draw), draw.is_below(whole_share, size))
    rows = zip(*(column.tolist() for column in columns), _times(draw, 1, size), strict=True)
    return [
        Lot(
            id=f"L{number}",
            seller=f"S{owner}",
            group=f"G-S{owner}",
            product_type=TYPES[of_type],
            vintage=year,
            region=place,
            quantity_t=tonnes,
            ask_fen=ask,
            all_or_none=is_whole,
            offered_at=time,
        )
        for number, (of_type, year, place, tonnes, ask, owner, is_whole, time) in enumerate(rows, start=1)
    ]


def _owners(draw: Draw) -> Any:
    """Who sells each lot: sizes fall with the power 0.8 of the rank."""
    weight = np.arange(1, draw.sellers + 1) ** -0.8
    owner = draw.chance.choice(draw.sellers, draw.lots, p=weight / weight.sum()) + 1
    return np.where(draw.is_below(0.5, draw.lots), 1, owner) if draw.family == "dominant_seller" else owner


def _times(draw: Draw, day: int, size: int) -> list[str]:
    """Instants in the eight working hours of a day of March 2026."""
    seconds = draw.chance.integers(0, 8 * 3600, size).tolist()
    return [f"2026-03-{day:02d}T{1 + s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z" for s in seconds]


def _quotas_t(draw: Draw, supply_t: int) -> Any:
    if draw.family == "tiny_quotas":
        return draw.chance.integers(100, 1_001, draw.bids)
    quota = draw.chance.lognormal(np.log(MEDIAN_BID_T), 1.3, draw.bids)
    for _ in range(20):  # the limits move the sum, so scaling is repeated until both hold as nearly as they can
        quota = np.clip(quota * (supply_t / draw.ratio / quota.sum()), 500, 200_000)
    return quota.astype(np.int64)


def _bids(draw: Draw, supply_t: int) -> list[Bid]:
    size, chance = draw.bids, draw.chance
    quota_t = _quotas_t(draw, supply_t)
    limit_fen = draw.fen(LIMIT_YUAN * chance.lognormal(0, 0.30, size))
    if draw.family == "equal_limits":
        limit_fen = np.full(size, 6_500)
    is_voluntary, is_kin = draw.is_below(0.15, size), draw.is_below(0.01, size)
    kin, rules = chance.integers(1, draw.sellers + 1, size), _rules(draw, quota_t)
    rows = zip(*(column.tolist() for column in (quota_t, limit_fen, is_voluntary, is_kin, kin)), strict=True)
    return [
        Bid(
            id=f"B{number}",
            buyer=f"E{number}",
            group=f"G-S{seller}" if has_kin else f"G-E{number}",
            purpose="voluntary" if voluntary else "compliance",
            quantity_t=tonnes,
            limit_fen=limit,
            submitted_at=time,
            **rule,
        )
        for number, ((tonnes, limit, voluntary, has_kin, seller), rule, time) in enumerate(
            zip(rows, rules, _times(draw, 2, size), strict=True), start=1
        )
    ]


def _rules(draw: Draw, quota_t: Any) -> list[dict[str, Any]]:
    """What each buyer asks of its lots, by the habits of the study and the twist of the family."""
    size, chance, family = draw.bids, draw.chance, draw.family
    oldest = chance.choice(5, size, p=(0.30, 0.25, 0.25, 0.15, 0.05)).tolist()
    has_floor, is_capped = draw.is_below(0.6, size), draw.is_below(0.5, size) & (quota_t >= 5_000)
    is_choosy = draw.is_below(0.2, size) & (quota_t <= 50_000)
    is_whole = draw.is_below(0.05, size) & (quota_t <= 20_000)
    if family in ("all_or_none", "all_or_none_everywhere"):
        is_whole = draw.is_below(0.30 if family == "all_or_none" else 1.0, size) & (quota_t <= 50_000)
    at = chance.integers(0, len(PREFECTURES), size).tolist()
    floor = Floor(product_types=ECOLOGICAL, regions=PREFECTURES, min_permille=500)
    few, many = (3, 3) if family == "few_sellers" else (10, None)
    return [
        {
            "product_types": _accepted(chance),
            "vintage_from": None if not oldest[i] else FIRST_VINTAGE + oldest[i],
            "vintage_to": None,
            "regions": (PREFECTURES[at[i]],) if family == "one_region" else None,
            "floor": floor if has_floor[i] else None,
            "max_group_permille": 400 if is_capped[i] or family == "dominant_seller" else None,
            "max_sellers": few if is_choosy[i] else many,
            "all_or_none": bool(is_whole[i]),
        }
        for i in range(size)
    ]


def _accepted(chance: np.random.Generator) -> tuple[str, ...] | None:
    """Half of the buyers take every type, a fifth no buildings, the others two to four types, one of them ecological."""
    roll = chance.random()
    if roll < 0.5:
        return None
    if roll < 0.7:
        return tuple(sorted(set(TYPES) - {"building"}))
    chosen = set(chance.choice(TYPES, chance.integers(2, 5), replace=False).tolist())
    if not chosen & set(ECOLOGICAL):
        chosen = {*sorted(chosen)[1:], str(chance.choice(ECOLOGICAL))}
    return tuple(sorted(chosen))
