"""The bounds of a certificate in the plainest words: what a stranger writes from `docs/matching-certificate.md`.

Pair by pair, with dictionaries and loops, far too slow for a market. The checker's way is held against it.
"""

from __future__ import annotations

from matching.certificate import Prices
from matching.problem import Bid, Lot, Problem


def naive_bound(problem: Problem, goal: str, prices: Prices, compliance_t: int, voluntary_t: int) -> int:
    """The bound of this goal among the results with these tonnages."""
    lots, bids = sorted(problem.lots, key=lambda lot: lot.id), sorted(problem.bids, key=lambda bid: bid.id)
    worth = sum(lot.quantity_t * price for lot, price in zip(lots, prices.lot_price, strict=True))
    for bid, price, outside_price in zip(bids, prices.bid_price, prices.outside_price, strict=True):
        gains = {}
        for lot, lot_price in zip(lots, prices.lot_price, strict=True):
            if may_trade(bid, lot):
                gain = value_of(goal, prices, bid, lot) - lot_price - price
                gains[lot.id] = gain - (outside_price if is_outside(bid, lot) else 0)
        of_group = {}
        for group in {lot.group for lot in lots}:
            left_t = bid.quantity_t * (1000 if bid.max_group_permille is None else bid.max_group_permille) // 1000
            of_group[group] = 0
            offered = [lot for lot in lots if lot.group == group and gains.get(lot.id, 0) > 0]
            for lot in sorted(offered, key=lambda lot: -gains[lot.id]):
                of_group[group] += gains[lot.id] * min(left_t, lot.quantity_t)
                left_t -= min(left_t, lot.quantity_t)
        most = sum(sorted(of_group.values(), reverse=True)[: bid.max_sellers]) + bid.quantity_t * price
        if bid.floor is not None:
            most += bid.quantity_t * (1000 - bid.floor.min_permille) // 1000 * outside_price
        worth += max(0, most) if bid.all_or_none else most
    return (worth - prices.compliance_worth * compliance_t - prices.voluntary_worth * voluntary_t) // prices.scale


def value_of(goal: str, prices: Prices, bid: Bid, lot: Lot) -> int:
    """What a tonne of the lot for the bid counts."""
    worth = prices.compliance_worth if bid.purpose == "compliance" else prices.voluntary_worth
    if goal == "surplus_fen":
        return worth + prices.scale * (bid.limit_fen - lot.ask_fen)
    return worth + (prices.scale if goal == f"{bid.purpose}_t" else 0)


def may_trade(bid: Bid, lot: Lot) -> bool:
    return (
        (bid.product_types is None or lot.product_type in bid.product_types)
        and (bid.regions is None or lot.region in bid.regions)
        and (bid.vintage_from is None or bid.vintage_from <= lot.vintage)
        and (bid.vintage_to is None or lot.vintage <= bid.vintage_to)
        and lot.ask_fen <= bid.limit_fen
        and lot.group != bid.group
    )


def is_outside(bid: Bid, lot: Lot) -> bool:
    return bid.floor is not None and not (
        (bid.floor.product_types is None or lot.product_type in bid.floor.product_types)
        and (bid.floor.regions is None or lot.region in bid.floor.regions)
    )
