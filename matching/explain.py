"""Why a bid or a lot was or was not served: facts as data, and one sentence for each.

Reads a problem and a result, whoever made it, and never the solver's mind. The facts are those of `matching.reasons`;
here they are put into results and documents. Tonnes of the reasons add up to what stayed open.

Source: contracts §1 (`tanyi explain`) and §3 (reasons).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from matching.constraints import Allocation
from matching.problem import UNSET, Line, Problem, Reason, Result
from matching.reasons import Standing, reasons_of_bid, reasons_of_lot
from matching.variables import Book, book_of


class NoSuchOrder(LookupError):  # noqa: N818  a refusal says what is wrong
    """The problem has no bid (or lot) of this id."""


def N_(message: str) -> str:  # noqa: N802  the name that gettext tools look for
    """Marks a sentence for the catalogs; the kernel's marker is out of reach of the pure modules."""
    return message


BID_SENTENCES = {
    "price": N_("At a limit of %(needed_limit_fen)s fen instead of %(limit_fen)s, %(unsold_t)s t more were unsold."),
    "type": N_("Of other product types, such as %(product_type)s, %(unsold_t)s t were unsold."),
    "vintage": N_("Of other vintages, such as %(vintage)s, %(unsold_t)s t were unsold."),
    "region": N_("From other regions, such as %(region)s, %(unsold_t)s t were unsold."),
    "own_group": N_("%(unsold_t)s unsold tonnes belong to the bid's own group %(group)s."),
    "floor": N_("The floor leaves %(most_outside_t)s t for lots outside its set, %(outside_t)s t are used."),
    "group_cap": N_("No more than %(most_from_group_t)s t may come from one seller group."),
    "max_sellers": N_("The bid may deal with %(max_sellers)s seller groups and deals with %(sellers)s."),
    "min_line": N_("What was left, %(unsold_t)s t, is below the minimum line of %(min_line_t)s t."),
    "all_or_none": N_("An order that is all or none could not be met as a whole."),
    "supply_short": N_("Only %(eligible_t)s t on offer suit the bid, which asks for %(quantity_t)s t."),
    "priority": N_("Of the %(eligible_t)s t that suit the bid, %(sold_to_others_t)s t went to other bids."),
}
LOT_SENTENCES = {
    "price": N_("Bids for %(unfilled_t)s t had limits below the ask of %(ask_fen)s fen, up to %(highest_limit_fen)s."),
    "type": N_("%(bids)s unfilled bids for %(unfilled_t)s t do not take this product type."),
    "vintage": N_("%(bids)s unfilled bids for %(unfilled_t)s t do not take this vintage."),
    "region": N_("%(bids)s unfilled bids for %(unfilled_t)s t do not take this region."),
    "own_group": N_("%(bids)s unfilled bids for %(unfilled_t)s t belong to the seller's own group."),
    "floor": N_("Unfilled bids for %(unfilled_t)s t have no room left outside the set of their floor."),
    "group_cap": N_("Unfilled bids for %(unfilled_t)s t may take no more from this seller group."),
    "max_sellers": N_("Unfilled bids for %(unfilled_t)s t may deal with no further seller group."),
    "min_line": N_("What is left for %(unfilled_t)s t of unfilled bids is below the minimum line of %(min_line_t)s t."),
    "all_or_none": N_("An order that is all or none could not be met as a whole."),
    "demand_short": N_("Bids that suit the lot ask for %(wanted_t)s t in all, it offers %(quantity_t)s t."),
    "priority": N_("Bids that suit the lot, for %(wanted_t)s t, were served by other lots."),
}


def with_reasons(book: Book, held: Allocation, result: Result) -> Result:
    """The result with the reasons of every bid and lot."""
    standing = Standing(book, held)
    bids = [
        msgspec.structs.replace(outcome, reasons=reasons_of_bid(standing, i)) for i, outcome in enumerate(result.bids)
    ]
    lots = [
        msgspec.structs.replace(outcome, reasons=reasons_of_lot(standing, j)) for j, outcome in enumerate(result.lots)
    ]
    return msgspec.structs.replace(result, bids=tuple(bids), lots=tuple(lots))


def explain_bid(problem: Problem, result: Result, bid_id: str) -> dict[str, Any]:
    """What a bid asked for and got, its lines, and why not more. Raises `NoSuchOrder`."""
    standing = _standing(problem, result)
    i = _position(problem.bids, bid_id, "bid")
    bid, unfilled_t = standing.book.bids[i], int(standing.unfilled_t[i])
    return {
        "bid": bid.id,
        "purpose": bid.purpose,
        "quantity_t": bid.quantity_t,
        "limit_fen": bid.limit_fen,
        "filled_t": bid.quantity_t - unfilled_t,
        "unfilled_t": unfilled_t,
        "lines": _lines(line for line in result.lines if line.bid == bid_id),
        "reasons": [_in_words(reason, BID_SENTENCES) for reason in reasons_of_bid(standing, i)],
    }


def explain_lot(problem: Problem, result: Result, lot_id: str) -> dict[str, Any]:
    """What a lot offered and sold, its lines, and why not more. Raises `NoSuchOrder`."""
    standing = _standing(problem, result)
    j = _position(problem.lots, lot_id, "lot")
    lot, unsold_t = standing.book.lots[j], int(standing.unsold_t[j])
    return {
        "lot": lot.id,
        "quantity_t": lot.quantity_t,
        "ask_fen": lot.ask_fen,
        "sold_t": lot.quantity_t - unsold_t,
        "unsold_t": unsold_t,
        "lines": _lines(line for line in result.lines if line.lot == lot_id),
        "reasons": [_in_words(reason, LOT_SENTENCES) for reason in reasons_of_lot(standing, j)],
    }


def _standing(problem: Problem, result: Result) -> Standing:
    book = book_of(problem)
    bids, lots = ({row.id: k for k, row in enumerate(rows)} for rows in (book.bids, book.lots))
    rows = [(bids[line.bid], lots[line.lot], line.quantity_t) for line in result.lines]
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Standing(book, Allocation.of(columns[:, 0], columns[:, 1], columns[:, 2], len(book.lots)))


def _position(rows: Iterable[Any], order_id: str, kind: str) -> int:
    """The place of an order among the sorted ids, which is its place in the book."""
    ids = sorted(row.id for row in rows)
    if order_id not in ids:
        raise NoSuchOrder(f"there is no {kind} {order_id} in the problem")
    return ids.index(order_id)


def _lines(lines: Iterable[Line]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(line) for line in lines]


def _in_words(reason: Reason, sentences: dict[str, str]) -> dict[str, Any]:
    figures = {} if reason.figures is UNSET else reason.figures
    return {
        "code": reason.code,
        "tonnes": reason.tonnes,
        "figures": figures,
        "sentence": sentences[reason.code] % figures,
    }
