"""Clears an auction: one price per product type, the greatest surplus that has such prices, then the most tonnes.

The bound is a flow that ignores the one-price rule (`auction_flow`). A search over ranges of prices (`auction_search`)
finds the prices and the margins, lines are drawn at these prices by the maker of lines of quota rounds
(`auction_lines`), and a small auction is finished by branch and bound (`auction_proof`). The prices that are published
follow from the lines alone (`auction_prices`). Pure, and a proposal that the checker decides on. `docs/auction.md` says
all this in words.

Source: contracts §2-3 (mechanism `auction`, price rule `uniform`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from matching.auction_flow import Flowed, Flows, Range
from matching.auction_lines import LinesOf, at_prices, drawn, in_turn, put_back
from matching.auction_prices import NO_PRICE, Hall, hall_of, has_prices, published
from matching.auction_proof import is_small, proved, score_of
from matching.auction_search import Plan, decided, searched
from matching.certificate import Proofs
from matching.consolidation import consolidated
from matching.constraints import NOTHING, Allocation, is_feasible, most_alone_t
from matching.duals import Bounds
from matching.goals import of_most_surplus
from matching.outcome import Clearing, cleared_result
from matching.pairs import stripped
from matching.problem import LARGEST_PRICE_FEN, Bound, Result
from matching.progress import BOUNDING, EXPLAINING, LINES, PROOF, Progress, Tell
from matching.variables import Book, Whole

MOST_DRAWINGS = 12  # of lines, until all of a plan can be drawn
FEW, MUCH = 50, 200  # less than a part in 50 is planned anew; a loss of more than a part in 200 is worth another try
MOST_RETURNS = 4  # of putting orders back and looking at the prices again


@dataclass(frozen=True)
class Time:
    """The time limit as questions: has it struck, and how many seconds are left (None without a limit)?"""

    is_late: Callable[[], bool]
    left: Callable[[], float | None]


def auctioned(book: Book, lines_of: LinesOf, time: Time, tell: Tell) -> tuple[Result, Proofs]:
    """The result of an auction with bids and lots, and the proof of its bound. `lines_of` draws lines of a quota round.

    The bound of the certificate ignores the one-price rule; what the search proves with that rule is `search_bound`.
    """
    tell(Progress(BOUNDING, None, None))
    most_t = most_alone_t(book)
    surplus_fen, proofs = Bounds(book, of_most_surplus(book, most_t), most_t).of_auction()
    tell(_progress(book, LINES, surplus_fen, NOTHING))
    hall = hall_of(book)
    flows = Flows(hall, most_t)
    plan, bound = searched(flows, time.is_late)
    bound = min(bound, (surplus_fen, int(book.quota_t.sum())))
    held = _returned(hall, most_t, _drawn(flows, plan, lines_of, time), time)
    if score_of(book, held) < bound and is_small(book) and not time.is_late():
        tell(_progress(book, PROOF, bound[0], held))
        found, bound = proved(hall, held, bound, time.left)
        held = held if found is held else _in_order(flows, most_t, found, lines_of)
        time.is_late()
    tell(_progress(book, EXPLAINING, bound[0], held))
    held = in_turn(book, consolidated(hall.book, held))
    tighter = None if bound[0] == surplus_fen else _bound(bound[0])
    clearing = Clearing(hall, published(hall, most_t, held), bound)
    return cleared_result(clearing, held, _bound(surplus_fen), tighter, was_late=time.is_late()), proofs


def _bound(surplus_fen: int) -> Bound:
    return Bound(compliance_t=None, voluntary_t=None, surplus_fen=surplus_fen)


def _progress(book: Book, stage: str, surplus_fen: int, held: Allocation) -> Progress:
    """Progress of an auction: nothing bounds its tonnes but what is asked for."""
    wanted_t = int(book.quota_t[book.is_compliance].sum()), int(book.quota_t[~book.is_compliance].sum())
    is_compliance = book.is_compliance[held.bid]
    got_t = int(held.tonnes[is_compliance].sum()), int(held.tonnes[~is_compliance].sum())
    return Progress(stage, (*wanted_t, surplus_fen), (*got_t, score_of(book, held)[0]))


def _drawn(flows: Flows, plan: Plan, lines_of: LinesOf, time: Time) -> Allocation:
    """Lines for a plan. Where much of it cannot be drawn, other orders at its prices are let in as well."""
    hall, book = flows.hall, flows.hall.book
    if plan.is_rough:  # the maker of lines is to decide on the whole orders
        filled_t = np.where(book.is_whole_bid & (plan.filled_t > 0), book.quota_t, plan.filled_t)
        sold_t = np.where(book.is_whole_lot & (plan.sold_t > 0), book.supply_t, plan.sold_t)
        return _at(hall, plan.prices, filled_t, sold_t, lines_of)
    prices, found = _replanned(flows, plan, lines_of, time)
    held = _at(hall, prices, *found.margins(book), lines_of)
    short_fen = found.score[0] - score_of(book, held)[0]
    if short_fen * MUCH <= found.score[0] or time.is_late():
        return held
    is_dear = hall.least_fen > prices.lowest_fen[hall.type_of_lot]
    other = _at(
        hall,
        prices,
        np.where(prices.most_t > 0, book.quota_t, 0),
        np.where(prices.no_lot | is_dear, 0, book.supply_t),
        lines_of,
    )
    return max(held, other, key=lambda each: score_of(book, each))


def _replanned(flows: Flows, plan: Plan, lines_of: LinesOf, time: Time) -> tuple[Range, Flowed]:
    """The plan with early orders first. A few tonnes that cannot be drawn are offered to other bids."""
    book = flows.hall.book
    offered = at_prices(flows.hall, plan.prices.lowest_fen)
    prices = _as_planned(book, plan.prices, plan.filled_t, plan.sold_t)
    found = flows.flow(prices, ranked=True)
    for _ in range(MOST_DRAWINGS):
        filled_t, sold_t = found.margins(book)
        got_t = drawn(offered, filled_t, sold_t, lines_of, in_full=False).filled_t(book)
        missing_t = int((filled_t - got_t).sum())
        if not missing_t or missing_t * FEW > found.score[1] or time.is_late():
            break
        most_t = np.where(got_t == filled_t, prices.most_t, np.where(book.is_whole_bid, 0, got_t))
        fewer = replace(prices, most_t=most_t, must_bid=prices.must_bid & (most_t > 0))
        settled = decided(flows, fewer, flows.flow(fewer, ranked=True))
        if settled is None:
            break
        prices, found = settled
    return prices, found


def _as_planned(book: Book, prices: Range, filled_t: Whole, sold_t: Whole) -> Range:
    """The same prices with every whole order decided: served where it is full, left out where it is not."""
    full_bid, full_lot = filled_t == book.quota_t, sold_t == book.supply_t
    prices = prices.without(book.is_whole_bid & ~full_bid, book.is_whole_lot & ~full_lot)
    return prices.serving(book.is_whole_bid & full_bid, book.is_whole_lot & full_lot)


def _at(hall: Hall, prices: Range, filled_t: Whole, sold_t: Whole, lines_of: LinesOf) -> Allocation:
    """Lines for these margins that keep every rule, and what else there is room for at these prices."""
    offered = at_prices(hall, prices.lowest_fen)
    held = stripped(hall.book, drawn(offered, filled_t, sold_t, lines_of, in_full=True))
    return put_back(offered, held if is_feasible(offered, held) else NOTHING)


def _returned(hall: Hall, most_t: Whole, held: Allocation, time: Time) -> Allocation:
    """Puts orders back at the prices that would be published, until none is left that has room there."""
    for number in range(MOST_RETURNS):
        if number and time.is_late():
            break
        more = put_back(at_prices(hall, _opened(hall, published(hall, most_t, held))), held)
        if score_of(hall.book, more) == score_of(hall.book, held):
            break
        held = more
    return held


def _opened(hall: Hall, prices_fen: Whole) -> Whole:
    """The prices, and for a type of which nothing was traded its lowest ask."""
    lowest_fen = np.full(len(prices_fen), LARGEST_PRICE_FEN)
    np.minimum.at(lowest_fen, hall.type_of_lot, hall.least_fen)
    return np.where(prices_fen == NO_PRICE, lowest_fen, prices_fen)


def _in_order(flows: Flows, most_t: Whole, held: Allocation, lines_of: LinesOf) -> Allocation:
    """What branch and bound found, drawn once more with early orders first; as it is where that loses something."""
    hall, book = flows.hall, flows.hall.book
    at_fen = _opened(hall, published(hall, most_t, held))
    prices = _as_planned(book, flows.every_price.at(at_fen), held.filled_t(book), held.sold_t(book))
    found = flows.flow(prices, ranked=True)
    if found.score != score_of(book, held):
        return held
    drawn_again = _at(hall, prices, *found.margins(book), lines_of)
    is_as_good = score_of(book, drawn_again) == found.score and has_prices(hall, drawn_again)
    return drawn_again if is_as_good else held
