"""The best outcome of a tiny quota round by trying everything: the yardstick that solver and checker are held against.

Written from the contract alone; it shares no rule with either. `best_outcome` goes through every way to fill every bid
and keeps, for each state of the lots, the best goals reached; `is_feasible` judges one outcome in the plainest words.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from matching.problem import Bid, Lot, Problem

Goals = tuple[int, int, int]
Fill = tuple[int, ...]  # tonnes that one bid takes of each lot, in the order of the problem


def best_outcome(problem: Problem) -> Goals:
    """(compliance_t, voluntary_t, surplus_fen), lexicographically the best over all feasible outcomes.

    For up to about 3 bids and 4 lots of a few tonnes each: the work grows with (tonnes + 1) to the number of lots.
    """
    untouched = tuple((0, False) for _ in problem.lots)  # per lot: tonnes sold, has it a line that needs it sold out
    best: dict[tuple[tuple[int, bool], ...], Goals] = {untouched: (0, 0, 0)}
    for bid in problem.bids:
        fills = list(_fills(problem, bid))
        following: dict[tuple[tuple[int, bool], ...], Goals] = {}
        for state, reached in best.items():
            for fill in fills:
                after = _after(problem, bid, state, fill)
                if after is None:
                    continue
                goals = _plus(reached, _goals(problem, bid, fill))
                if goals > following.get(after, (-1, 0, 0)):
                    following[after] = goals
        best = following
    return max(goals for state, goals in best.items() if _may_stand(problem, state))


def is_feasible(problem: Problem, tonnes: dict[tuple[str, str], int]) -> bool:
    """Whether these tonnes (only pairs with a line, by bid id and lot id) are a feasible outcome."""
    bids, lots = {bid.id: bid for bid in problem.bids}, {lot.id: lot for lot in problem.lots}
    got = {bid_id: sum(t for (b, _), t in tonnes.items() if b == bid_id) for bid_id in bids}
    gave = {lot_id: sum(t for (_, x), t in tonnes.items() if x == lot_id) for lot_id in lots}
    small_ones_stand = all(
        t >= problem.min_line_t or got[b] == bids[b].quantity_t or gave[x] == lots[x].quantity_t
        for (b, x), t in tonnes.items()
    )
    lots_hold = all(
        gave[lot.id] in ((0, lot.quantity_t) if lot.all_or_none else range(lot.quantity_t + 1)) for lot in problem.lots
    )
    fills = {bid: tuple(tonnes.get((bid.id, lot.id), 0) for lot in problem.lots) for bid in problem.bids}
    return (
        min(tonnes.values(), default=1) >= 1
        and small_ones_stand
        and lots_hold
        and all(_suits(problem, bid, fill) for bid, fill in fills.items())
    )


def _fills(problem: Problem, bid: Bid) -> Iterator[Fill]:
    """Every fill that this bid could have if it were alone."""
    choices = [range(min(bid.quantity_t, lot.quantity_t) + 1) if _pair(bid, lot) else (0,) for lot in problem.lots]
    return (fill for fill in product(*choices) if _suits(problem, bid, fill))


def _pair(bid: Bid, lot: Lot) -> bool:
    young_enough = bid.vintage_from is None or bid.vintage_from <= lot.vintage
    old_enough = bid.vintage_to is None or lot.vintage <= bid.vintage_to
    right_type = bid.product_types is None or lot.product_type in bid.product_types
    right_region = bid.regions is None or lot.region in bid.regions
    strangers = bid.group != lot.group
    return young_enough and old_enough and right_type and right_region and strangers and bid.limit_fen >= lot.ask_fen


def _suits(problem: Problem, bid: Bid, fill: Fill) -> bool:
    taken = [(lot, t) for lot, t in zip(problem.lots, fill, strict=True) if t]
    total_t = sum(fill)
    if any(not _pair(bid, lot) for lot, _ in taken) or total_t > bid.quantity_t:
        return False
    if bid.all_or_none and 0 < total_t < bid.quantity_t:
        return False
    groups = {lot.group for lot, _ in taken}
    if bid.max_sellers is not None and len(groups) > bid.max_sellers:
        return False
    if bid.max_group_permille is not None:
        most_t = (bid.quantity_t * bid.max_group_permille) // 1000
        if any(sum(t for lot, t in taken if lot.group == group) > most_t for group in groups):
            return False
    if bid.floor is None:
        return True
    inside_t = sum(
        t
        for lot, t in taken
        if (bid.floor.product_types is None or lot.product_type in bid.floor.product_types)
        and (bid.floor.regions is None or lot.region in bid.floor.regions)
    )
    return total_t - inside_t <= (bid.quantity_t * (1000 - bid.floor.min_permille)) // 1000


def _after(
    problem: Problem, bid: Bid, state: tuple[tuple[int, bool], ...], fill: Fill
) -> tuple[tuple[int, bool], ...] | None:
    """The lots after this fill, None when one of them does not hold so much."""
    is_full = sum(fill) == bid.quantity_t
    after = []
    for lot, (sold_t, needs_all), t in zip(problem.lots, state, fill, strict=True):
        if sold_t + t > lot.quantity_t:
            return None
        after.append((sold_t + t, needs_all or (0 < t < problem.min_line_t and not is_full)))
    return tuple(after)


def _may_stand(problem: Problem, state: tuple[tuple[int, bool], ...]) -> bool:
    return all(
        sold_t == lot.quantity_t or (not needs_all and not (lot.all_or_none and sold_t))
        for lot, (sold_t, needs_all) in zip(problem.lots, state, strict=True)
    )


def _goals(problem: Problem, bid: Bid, fill: Fill) -> Goals:
    total_t = sum(fill)
    surplus_fen = sum((bid.limit_fen - lot.ask_fen) * t for lot, t in zip(problem.lots, fill, strict=True))
    return (total_t, 0, surplus_fen) if bid.purpose == "compliance" else (0, total_t, surplus_fen)


def _plus(one: Goals, other: Goals) -> Goals:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2]
