"""Reasons by going through everything, for tiny rounds: the yardstick that the fast ones are held against.

Written from the words of the facts, bid by bid and lot by lot, with no arrays and no sums kept from one to the next.
"""

from __future__ import annotations

from collections import Counter
from itertools import product

from matching.problem import Bid, Lot, Problem
from tests.matching.brute_force import is_feasible
from tests.matching.tiny_rounds import Tonnes

PAIR_CODES = ("price", "vintage", "type", "region", "own_group")
EVERYTHING_T = 10**9


class Plain:
    """An outcome of a round: what each bid lacks, what is left of each lot."""

    def __init__(self, round_: Problem, tonnes: Tonnes) -> None:
        self.round, self.tonnes = round_, tonnes
        self.lots = {each.id: each for each in round_.lots}
        self.lacks_t = {b.id: b.quantity_t - sum(t for (x, _), t in tonnes.items() if x == b.id) for b in round_.bids}
        self.left_t = {x.id: x.quantity_t - sum(t for (_, j), t in tonnes.items() if j == x.id) for x in round_.lots}

    def of_bid(self, bid: Bid) -> list[tuple[str, int]]:
        """Codes and tonnes of the reasons of a bid."""
        fails = {each.id: fails_of(bid, each) for each in self.round.lots}
        whole = [each for each in self.round.lots if each.all_or_none and not fails[each.id]]
        parts = [each for each in self.round.lots if not each.all_or_none]
        suited = [each for each in parts if not fails[each.id]]
        base_t, facts = self.room_t(bid, suited), []
        if not self._could_simply_have(bid, suited + whole, base_t):
            all_t = self.room_t(bid, suited + whole)
            facts += (
                [("all_or_none", all_t)] if bid.all_or_none else [("min_line", base_t), ("all_or_none", all_t - base_t)]
            )
        facts += [(code, self.room_t(bid, suited, code) - base_t) for code in ("floor", "group_cap", "max_sellers")]
        for code in PAIR_CODES:
            others = [each for each in parts if fails[each.id] == [code]]
            facts.append((code, self.room_t(bid, suited + others) - base_t))
        eligible_t = sum(each.quantity_t for each in self.round.lots if not fails[each.id])
        facts += [("supply_short", bid.quantity_t - eligible_t), ("priority", EVERYTHING_T)]
        return shared_out(self.lacks_t[bid.id], facts)

    def room_t(self, bid: Bid, lots: list[Lot], dropped: str = "") -> int:
        """The most that a bid could have of what is left of some lots, the minimum line aside."""
        choices = [range(self.left_t[each.id] + 1) for each in lots]
        return max(sum(fill) for fill in product(*choices) if self._may_have(bid, lots, fill, dropped))

    def _may_have(self, bid: Bid, lots: list[Lot], fill: tuple[int, ...], dropped: str) -> bool:
        if sum(fill) > self.lacks_t[bid.id]:
            return False
        held = Counter({lot_id: t for (bid_id, lot_id), t in self.tonnes.items() if bid_id == bid.id})
        held.update({each.id: t for each, t in zip(lots, fill, strict=True) if t})
        by_group: Counter[str] = Counter()
        for lot_id, t in held.items():
            by_group[self.lots[lot_id].group] += t
        outside_t = sum(t for lot_id, t in held.items() if is_outside(bid, self.lots[lot_id]))
        return (
            (dropped == "floor" or outside_t <= most_outside_t(bid))
            and (dropped == "group_cap" or max(by_group.values(), default=0) <= most_from_group_t(bid))
            and (dropped == "max_sellers" or bid.max_sellers is None or len(by_group) <= bid.max_sellers)
        )

    def _could_simply_have(self, bid: Bid, lots: list[Lot], base_t: int) -> bool:
        if bid.all_or_none:
            return base_t == self.lacks_t[bid.id]
        return any(
            is_feasible(self.round, self.tonnes | {(bid.id, each.id): self.tonnes.get((bid.id, each.id), 0) + more_t})
            for each in lots
            for more_t in range(1, self.left_t[each.id] + 1)
        )

    def of_lot(self, lot: Lot) -> list[tuple[str, int]]:
        """Codes and tonnes of the reasons of a lot."""
        found: Counter[str] = Counter()
        for bid in self.round.bids:
            if self.lacks_t[bid.id]:
                codes, takes_t = self.between(bid, lot)
                if len(codes) < 2:
                    found[codes[0] if codes else "free"] += takes_t
        if lot.all_or_none and found["free"] < lot.quantity_t:
            found["all_or_none"] += found["free"]
        codes = ("all_or_none", "floor", "group_cap", "max_sellers", "min_line", *PAIR_CODES)
        wanted_t = sum(bid.quantity_t for bid in self.round.bids if not fails_of(bid, lot))
        rest = [("demand_short", lot.quantity_t - wanted_t), ("priority", EVERYTHING_T)]
        return shared_out(self.left_t[lot.id], [(code, found[code]) for code in codes] + rest)

    def between(self, bid: Bid, lot: Lot) -> tuple[list[str], int]:
        """The rules that keep a bid from a lot, and the tonnes that it could take of it if there were none."""
        held = {lot_id: t for (bid_id, lot_id), t in self.tonnes.items() if bid_id == bid.id}
        from_group_t = sum(t for lot_id, t in held.items() if self.lots[lot_id].group == lot.group)
        outside_t = sum(t for lot_id, t in held.items() if is_outside(bid, self.lots[lot_id]))
        groups = {self.lots[lot_id].group for lot_id in held}
        cap_t, floor_t = most_from_group_t(bid) - from_group_t, most_outside_t(bid) - outside_t
        codes, takes_t = fails_of(bid, lot), self.lacks_t[bid.id]
        codes += ["all_or_none"] if bid.all_or_none else []
        codes += (
            ["max_sellers"]
            if bid.max_sellers is not None and not from_group_t and len(groups) >= bid.max_sellers
            else []
        )
        used_up = [code for code, left_t in (("floor", floor_t), ("group_cap", cap_t)) if left_t < 1]
        used_up = [code for code in used_up if code == "group_cap" or is_outside(bid, lot)]
        takes_t = min(takes_t, cap_t) if cap_t > 0 else takes_t
        takes_t = min(takes_t, floor_t) if floor_t > 0 and is_outside(bid, lot) else takes_t
        may_be_small = lot.all_or_none or bid.all_or_none or takes_t >= self.left_t[lot.id] or lot.id in held
        if not used_up and not may_be_small and takes_t < min(self.round.min_line_t, self.lacks_t[bid.id]):
            codes += ["min_line"]
        return codes + used_up, takes_t


def shared_out(open_t: int, facts: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """The open tonnes, to each fact in turn as many as it speaks for."""
    shares = []
    for code, tonnes in facts:
        part_t = max(0, min(open_t, tonnes))
        open_t -= part_t
        shares += [(code, part_t)] if part_t else []
    return shares


def fails_of(bid: Bid, lot: Lot) -> list[str]:
    """The rules on a pair that bid and lot fail."""
    young = bid.vintage_from is not None and lot.vintage < bid.vintage_from
    old = bid.vintage_to is not None and lot.vintage > bid.vintage_to
    failed = {
        "price": lot.ask_fen > bid.limit_fen,
        "vintage": young or old,
        "type": bid.product_types is not None and lot.product_type not in bid.product_types,
        "region": bid.regions is not None and lot.region not in bid.regions,
        "own_group": bid.group == lot.group,
    }
    return [code for code, is_so in failed.items() if is_so]


def is_outside(bid: Bid, lot: Lot) -> bool:
    """Whether a lot lies outside the set of a bid's floor (these rounds name types only)."""
    return (
        bid.floor is not None
        and bid.floor.product_types is not None
        and lot.product_type not in bid.floor.product_types
    )


def most_outside_t(bid: Bid) -> int:
    return bid.quantity_t * (1000 - (bid.floor.min_permille if bid.floor else 0)) // 1000


def most_from_group_t(bid: Bid) -> int:
    return bid.quantity_t * (1000 if bid.max_group_permille is None else bid.max_group_permille) // 1000
