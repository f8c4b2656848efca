"""The best outcome of a tiny auction by trying everything: every price on the tick, every way to fill every bid.

Written from the contract alone; it shares no rule with the solver or the checker.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from matching.problem import Bid, Lot, Problem

Goals = tuple[int, int]
Pairs = frozenset[tuple[str, str]]  # of bid and lot
State = tuple[tuple[int, bool], ...]  # by lot: tonnes sold, has it a line that needs it sold out


def best_outcome(problem: Problem) -> Goals:
    """(surplus_fen, filled_t), lexicographically the best over all feasible outcomes that have prices.

    For up to about 3 bids and 4 lots of a few tonnes each, and prices of a few hundred ticks.
    """
    return max((_best_with(problem, pairs) for pairs in _pairs_at_prices(problem)), default=(0, 0))


def _pairs_at_prices(problem: Problem) -> list[Pairs]:
    """For each choice of a price per type the pairs that trade at it; choices that allow less than another left out."""
    types = sorted({lot.product_type for lot in problem.lots})
    highest_fen = max((bid.limit_fen for bid in problem.bids), default=0)
    prices_fen = range(0, highest_fen + problem.tick_fen, problem.tick_fen)
    of_type = [{_pairs_of(problem, name, price_fen) for price_fen in prices_fen} for name in types]
    most = [[pairs for pairs in found if not any(pairs < other for other in found)] for found in of_type]
    return [frozenset().union(*choice) for choice in product(*most)]


def _pairs_of(problem: Problem, product_type: str, price_fen: int) -> Pairs:
    return frozenset(
        (bid.id, lot.id)
        for bid in problem.bids
        for lot in problem.lots
        if lot.product_type == product_type and lot.ask_fen <= price_fen <= bid.limit_fen and _suit(bid, lot)
    )


def _suit(bid: Bid, lot: Lot) -> bool:
    return (
        (bid.product_types is None or lot.product_type in bid.product_types)
        and (bid.regions is None or lot.region in bid.regions)
        and (bid.vintage_from is None or lot.vintage >= bid.vintage_from)
        and (bid.vintage_to is None or lot.vintage <= bid.vintage_to)
        and bid.group != lot.group
    )


def _best_with(problem: Problem, pairs: Pairs) -> Goals:
    """The best outcome with lines on these pairs only, bid after bid, by the state in which it leaves the lots."""
    best: dict[State, Goals] = {tuple((0, False) for _ in problem.lots): (0, 0)}
    for bid in problem.bids:
        fills = list(_fills(problem, bid, pairs))
        following: dict[State, Goals] = {}
        for state, (surplus_fen, tonnes) in best.items():
            for fill, more_fen in fills:
                after = _after(problem, bid, state, fill)
                goals = surplus_fen + more_fen, tonnes + sum(fill)
                if after is not None and goals > following.get(after, (-1, 0)):
                    following[after] = goals
        best = following
    return max(goals for state, goals in best.items() if _may_end(problem, state))


def _fills(problem: Problem, bid: Bid, pairs: Pairs) -> Iterator[tuple[tuple[int, ...], int]]:
    """Tonnes of each lot that the bid might take if it were alone, and their surplus."""
    most_t = [min(bid.quantity_t, lot.quantity_t) if (bid.id, lot.id) in pairs else 0 for lot in problem.lots]
    for fill in product(*(range(most + 1) for most in most_t)):
        taken = [(lot, tonnes) for lot, tonnes in zip(problem.lots, fill, strict=True) if tonnes]
        if _keeps_its_rules(bid, taken, sum(fill)):
            yield fill, sum((bid.limit_fen - lot.ask_fen) * tonnes for lot, tonnes in taken)


def _keeps_its_rules(bid: Bid, taken: list[tuple[Lot, int]], total_t: int) -> bool:
    if total_t > bid.quantity_t or (bid.all_or_none and total_t not in (0, bid.quantity_t)):
        return False
    from_group_t: dict[str, int] = {}
    outside_t = 0
    for lot, tonnes in taken:
        from_group_t[lot.group] = from_group_t.get(lot.group, 0) + tonnes
        if bid.floor is not None:
            has_type = bid.floor.product_types is None or lot.product_type in bid.floor.product_types
            has_region = bid.floor.regions is None or lot.region in bid.floor.regions
            outside_t += 0 if has_type and has_region else tonnes
    if bid.floor is not None and outside_t > bid.quantity_t * (1000 - bid.floor.min_permille) // 1000:
        return False
    if bid.max_sellers is not None and len(from_group_t) > bid.max_sellers:
        return False
    share = 1000 if bid.max_group_permille is None else bid.max_group_permille
    return max(from_group_t.values(), default=0) <= bid.quantity_t * share // 1000


def _after(problem: Problem, bid: Bid, state: State, fill: tuple[int, ...]) -> State | None:
    """The lots after this fill, None when one of them does not hold so much."""
    is_full = sum(fill) == bid.quantity_t
    after = []
    for lot, (sold_t, needs_all), tonnes in zip(problem.lots, state, fill, strict=True):
        if sold_t + tonnes > lot.quantity_t:
            return None
        after.append((sold_t + tonnes, needs_all or (0 < tonnes < problem.min_line_t and not is_full)))
    return tuple(after)


def _may_end(problem: Problem, state: State) -> bool:
    return all(
        sold_t == lot.quantity_t or not (needs_all or (lot.all_or_none and sold_t))
        for lot, (sold_t, needs_all) in zip(problem.lots, state, strict=True)
    )
