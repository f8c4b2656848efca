"""Why tonnes stayed open: facts with figures, each from relaxing one rule and no other.

A reason is no verdict on causes. It says what was there: "at a limit of 7,100 fen there were 340 t more", "the floor
leaves no room for these 900 t". Lots that fail exactly one rule of a bid are that rule's; lots that fail none are held
back by a quantity rule. What no single relaxation reaches was short (`supply_short`, for lots `demand_short`) or went
to others that came first in the order of the goals and of time (`priority`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from matching.constraints import (
    Allocation,
    no_owner_trades_with_itself,
    seller_pairs,
    the_ask_is_within_the_limit,
    the_vintage_is_accepted,
    total,
)
from matching.problem import Reason
from matching.variables import Book, Mask, Whole, one

PAIR_CODES = ("price", "vintage", "type", "region", "own_group")
QUANTITY_CODES = ("all_or_none", "floor", "group_cap", "max_sellers")
Figures = dict[str, int | str]


@dataclass
class Standing:
    """Where everybody stands after a round: what is open, and what each bid has used of its caps and sellers."""

    book: Book
    held: Allocation
    unfilled_t: Whole = field(init=False)
    unsold_t: Whole = field(init=False)
    outside_t: Whole = field(init=False)
    contracts_t: dict[int, dict[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        book, held = self.book, self.held
        self.unfilled_t = book.quota_t - held.filled_t(book)
        self.unsold_t = book.supply_t - held.sold_t(book)
        outside = book.is_outside(held.bid, held.lot)
        self.outside_t = total(held.bid[outside], held.tonnes[outside], len(book.bids))
        self.contracts_t = {}
        for bid, group, tonnes in zip(*(column.tolist() for column in seller_pairs(book, held)), strict=True):
            self.contracts_t.setdefault(bid, {})[group] = tonnes
        self._types = np.array([lot.product_type for lot in book.lots], dtype=object)
        self._regions = np.array([lot.region for lot in book.lots], dtype=object)
        self.open_lots = np.flatnonzero(self.unsold_t > 0)
        self.open_bids = np.flatnonzero(self.unfilled_t > 0)
        self._accepted = [(_set(bid.product_types), _set(bid.regions)) for bid in book.bids]

    def failures(self, bids: Whole, lots: Whole) -> dict[str, Mask]:
        """For pairs (one side may be a single position): which of them fail each pair rule."""
        book = self.book
        bids, lots = np.broadcast_arrays(bids, lots)
        pairs = list(zip(bids.tolist(), lots.tolist(), strict=True))
        accepted, types, regions = self._accepted, self._types, self._regions
        return {
            "price": ~the_ask_is_within_the_limit(book, bids, lots),
            "vintage": ~the_vintage_is_accepted(book, bids, lots),
            "type": np.array([not _has(accepted[i][0], types[j]) for i, j in pairs], dtype=bool),
            "region": np.array([not _has(accepted[i][1], regions[j]) for i, j in pairs], dtype=bool),
            "own_group": ~no_owner_trades_with_itself(book, bids, lots),
        }

    def room_t(self, i: int, lots: Whole, dropped: str = "") -> int:
        """Unsold tonnes of these lots that bid `i` could still take under its quantity rules, one of them dropped."""
        book, used = self.book, self.contracts_t.get(i, {})
        if dropped != "all_or_none":
            lots = lots[~book.is_whole_lot[lots]]
        outside = book.is_outside(one(i), lots)
        group, unsold_t = book.lot_group[lots], self.unsold_t[lots]
        within_t = total(group[~outside], unsold_t[~outside], book.groups)
        beyond_t = total(group[outside], unsold_t[outside], book.groups)
        if dropped != "group_cap":
            cap_t = np.full(book.groups, book.group_cap_t[i])
            cap_t[list(used)] -= np.array(list(used.values()), dtype=np.int64)
            within_t = np.minimum(within_t, cap_t)
            beyond_t = np.minimum(beyond_t, cap_t - within_t)
        if dropped != "max_sellers":
            is_new = np.ones(book.groups, dtype=bool)
            is_new[list(used)] = False
            largest = np.argsort(-(within_t + beyond_t) * is_new, kind="stable")
            beyond_most = largest[max(0, int(book.most_sellers[i]) - len(used)) :]
            beyond_most = beyond_most[is_new[beyond_most]]
            within_t[beyond_most] = beyond_t[beyond_most] = 0
        outside_room_t = int(book.outside_cap_t[i] - self.outside_t[i])
        most_beyond_t = int(beyond_t.sum())
        return int(within_t.sum()) + (most_beyond_t if dropped == "floor" else min(most_beyond_t, outside_room_t))


def reasons_of_bid(standing: Standing, i: int) -> tuple[Reason, ...]:
    """Reasons that add up to the unfilled tonnes of a bid."""
    return _shared_out(int(standing.unfilled_t[i]), lambda: _bid_facts(standing, i))


def reasons_of_lot(standing: Standing, j: int) -> tuple[Reason, ...]:
    """Reasons that add up to the unsold tonnes of a lot."""
    return _shared_out(int(standing.unsold_t[j]), lambda: _lot_facts(standing, j))


def _shared_out(open_t: int, facts: Callable[[], Iterator[tuple[str, int, Figures]]]) -> tuple[Reason, ...]:
    """Gives the open tonnes to the facts in their order, to each as many as it speaks for."""
    found: dict[str, Reason] = {}
    for code, tonnes, figures in facts() if open_t else ():
        part = min(open_t, tonnes)
        if part > 0:
            open_t -= part
            before = found[code].tonnes if code in found else 0
            found[code] = Reason(code=code, tonnes=before + part, figures=figures)
        if not open_t:
            break
    return tuple(found.values())


def _bid_facts(standing: Standing, i: int) -> Iterator[tuple[str, int, Figures]]:
    """Facts about an unfilled bid: quantity rules, then pair rules, then what was short or went to others."""
    book, lots = standing.book, standing.open_lots
    fails = standing.failures(one(i), lots)
    failed = sum((mask.astype(np.int64) for mask in fails.values()), np.zeros(len(lots), dtype=np.int64))
    suited = lots[failed == 0]
    base_t = standing.room_t(i, suited)
    quota_t = int(book.quota_t[i])
    if book.is_whole_bid[i]:
        yield "all_or_none", base_t, {"quantity_t": quota_t, "reachable_t": base_t}
    elif base_t < book.min_line_t:
        yield "min_line", base_t, {"min_line_t": book.min_line_t, "unsold_t": base_t}
    for code in QUANTITY_CODES:
        gain_t = standing.room_t(i, suited, code) - base_t
        if gain_t > 0:
            yield code, gain_t, _quantity_figures(standing, i, code) | {"unsold_t": gain_t}
    for code in PAIR_CODES:
        others = lots[(failed == 1) & fails[code]]
        gain_t = standing.room_t(i, np.concatenate([suited, others])) - base_t if len(others) else 0
        if gain_t > 0:
            most_t = min(gain_t, int(standing.unfilled_t[i]))
            yield code, gain_t, _pair_figures(standing, i, others, code, most_t)
    all_lots = np.arange(len(book.lots))
    eligible = ~np.any(list(standing.failures(one(i), all_lots).values()), axis=0)
    eligible_t = int(book.supply_t[eligible].sum())
    yield "supply_short", quota_t - eligible_t, {"quantity_t": quota_t, "eligible_t": eligible_t}
    taken_t = eligible_t - int(standing.unsold_t[eligible].sum()) - (quota_t - int(standing.unfilled_t[i]))
    yield "priority", quota_t, {"eligible_t": eligible_t, "sold_to_others_t": taken_t}


def _quantity_figures(standing: Standing, i: int, code: str) -> Figures:
    book = standing.book
    figures: dict[str, Figures] = {
        "all_or_none": {},
        "floor": {"most_outside_t": int(book.outside_cap_t[i]), "outside_t": int(standing.outside_t[i])},
        "group_cap": {"most_from_group_t": int(book.group_cap_t[i])},
        "max_sellers": {"max_sellers": int(book.most_sellers[i]), "sellers": len(standing.contracts_t.get(i, {}))},
    }
    return figures[code]


def _pair_figures(standing: Standing, i: int, lots: Whole, code: str, wanted_t: int) -> Figures:
    """What the bid would have had to accept: the limit for the price, else the case with most unsold tonnes.

    `unsold_t` is all that was unsold there, whatever other rules would have let the bid take of it.
    """
    book = standing.book
    if code == "price":
        cheapest = lots[np.argsort(book.ask_fen[lots], kind="stable")]
        last = int(np.searchsorted(np.cumsum(standing.unsold_t[cheapest]), wanted_t))
        reached = cheapest[: last + 1]
        figures: Figures = {"limit_fen": int(book.limit_fen[i]), "needed_limit_fen": int(book.ask_fen[reached].max())}
        return figures | {"unsold_t": int(standing.unsold_t[reached].sum())}
    name = {"vintage": "vintage", "type": "product_type", "region": "region", "own_group": "group"}[code]
    tonnes: dict[int | str, int] = {}
    for j in lots.tolist():
        case = getattr(book.lots[j], name)
        tonnes[case] = tonnes.get(case, 0) + int(standing.unsold_t[j])
    return {name: max(sorted(tonnes, key=str), key=tonnes.__getitem__), "unsold_t": int(standing.unsold_t[lots].sum())}


def _lot_facts(standing: Standing, j: int) -> Iterator[tuple[str, int, Figures]]:
    """Facts about an unsold lot, from the unfilled bids."""
    book, bids = standing.book, standing.open_bids
    fails = standing.failures(bids, one(j))
    failed = sum((mask.astype(np.int64) for mask in fails.values()), np.zeros(len(bids), dtype=np.int64))
    for code, wanted_t, figures in _held_back(standing, bids[failed == 0], j):
        yield code, wanted_t, figures | {"unfilled_t": wanted_t}
    for code in PAIR_CODES:
        others = bids[(failed == 1) & fails[code]]
        wanted_t = int(standing.unfilled_t[others].sum())
        if wanted_t:
            figures: Figures = {"unfilled_t": wanted_t, "bids": len(others)}
            if code == "price":
                figures |= {"ask_fen": int(book.ask_fen[j]), "highest_limit_fen": int(book.limit_fen[others].max())}
            yield code, wanted_t, figures
    eligible = ~np.any(list(standing.failures(np.arange(len(book.bids)), one(j)).values()), axis=0)
    wanted_t, offered_t = int(book.quota_t[eligible].sum()), int(book.supply_t[j])
    yield "demand_short", offered_t - wanted_t, {"quantity_t": offered_t, "wanted_t": wanted_t}
    yield "priority", offered_t, {"wanted_t": wanted_t}


def _held_back(standing: Standing, bids: Whole, j: int) -> Iterator[tuple[str, int, Figures]]:
    """Unfilled bids that this lot suits, by the quantity rule that keeps them from it."""
    book = standing.book
    tonnes: dict[str, int] = {}
    for i in bids.tolist():
        code = _blocking_rule(standing, i, j)
        tonnes[code] = tonnes.get(code, 0) + int(standing.unfilled_t[i])
    for code in (*QUANTITY_CODES, "min_line"):
        if code in tonnes:
            yield code, tonnes[code], {"min_line_t": book.min_line_t} if code == "min_line" else {}


def _blocking_rule(standing: Standing, i: int, j: int) -> str:
    book, used = standing.book, standing.contracts_t.get(i, {})
    group = int(book.lot_group[j])
    if book.is_whole_lot[j] or book.is_whole_bid[i]:
        return "all_or_none"
    if book.is_outside(one(i), one(j)) and standing.outside_t[i] == book.outside_cap_t[i]:
        return "floor"
    if used.get(group, 0) == book.group_cap_t[i]:
        return "group_cap"
    return "max_sellers" if group not in used and len(used) >= book.most_sellers[i] else "min_line"


def _set(names: tuple[str, ...] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _has(chosen: frozenset[str] | None, name: str) -> bool:
    return chosen is None or name in chosen
