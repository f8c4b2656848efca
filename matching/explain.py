"""Why a bid or a lot was or was not served, and what one more tonne would be worth: facts as data, a sentence for each.

Reads a problem and a result, whoever made it, and never the solver's mind. The facts are those of `matching.reasons`,
`matching.unsold` and `matching.marginal`; here they are put into results and documents. Each fact of a document has its
figures (tonnes, fen) and the English sentence of `matching.sentences` with their places; the app fills and translates.
Tonnes of the reasons add up to what stayed open. One order is explained without explaining the others.

Source: contracts §1 (`tanyi explain`) and §3 (reasons).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from matching.constraints import Allocation
from matching.marginal import Worth, worth_of_bid, worth_of_lot
from matching.problem import UNSET, Line, Problem, Reason, Result
from matching.reasons import BidReasons
from matching.sentences import BID_SENTENCES, LOT_SENTENCES, WORTH_SENTENCES, Sentences, sentence_of
from matching.standing import Standing
from matching.unsold import reasons_of_lots
from matching.variables import Book, book_of


class NoSuchOrder(LookupError):  # noqa: N818  a refusal says what is wrong
    """The problem has no bid (or lot) of this id."""


class AnotherProblem(ValueError):  # noqa: N818  a refusal says what is wrong
    """The result gives lines to bids or lots that the problem lacks, or more tonnes than there are."""


def with_reasons(book: Book, held: Allocation, result: Result) -> Result:
    """The result with the reasons of every bid and lot, which it lists in the order of the book."""
    standing = Standing(book, held)
    bids, lots, why = list(result.bids), list(result.lots), BidReasons(standing)
    for i in standing.open_bids.tolist():
        bids[i] = msgspec.structs.replace(bids[i], reasons=why.of(i))
    for j, reasons in reasons_of_lots(standing, standing.open_lots).items():
        lots[j] = msgspec.structs.replace(lots[j], reasons=reasons)
    return msgspec.structs.replace(result, bids=tuple(bids), lots=tuple(lots))


def explain_bid(problem: Problem, result: Result, bid_id: str) -> dict[str, Any]:
    """What a bid asked for and got, its lines, why not more, what a tonne would be worth. Raises `NoSuchOrder`."""
    standing = standing_of(problem, result)
    i = _position(standing.book.bids, bid_id, "bid")
    bid, unfilled_t = standing.book.bids[i], int(standing.unfilled_t[i])
    return {
        "bid": bid.id,
        "purpose": bid.purpose,
        "quantity_t": bid.quantity_t,
        "limit_fen": bid.limit_fen,
        "filled_t": bid.quantity_t - unfilled_t,
        "unfilled_t": unfilled_t,
        "lines": _lines(line for line in result.lines if line.bid == bid_id),
        "reasons": [_reason(each, BID_SENTENCES) for each in BidReasons(standing).of(i)],
        "worth": [_worth(each) for each in worth_of_bid(standing, i)],
    }


def explain_lot(problem: Problem, result: Result, lot_id: str) -> dict[str, Any]:
    """What a lot offered and sold, its lines, why not more, what a tonne would be worth. Raises `NoSuchOrder`."""
    standing = standing_of(problem, result)
    j = _position(standing.book.lots, lot_id, "lot")
    lot, unsold_t = standing.book.lots[j], int(standing.unsold_t[j])
    reasons = reasons_of_lots(standing, np.array([j]))[j] if unsold_t else ()
    return {
        "lot": lot.id,
        "quantity_t": lot.quantity_t,
        "ask_fen": lot.ask_fen,
        "sold_t": lot.quantity_t - unsold_t,
        "unsold_t": unsold_t,
        "lines": _lines(line for line in result.lines if line.lot == lot_id),
        "reasons": [_reason(each, LOT_SENTENCES) for each in reasons],
        "worth": [_worth(each) for each in worth_of_lot(standing, j)],
    }


def standing_of(problem: Problem, result: Result) -> Standing:
    """Where everybody stands after a result. Raises `AnotherProblem` when its lines cannot be lines of the problem.

    An auction is told as a buyer meets it: nobody pays less than the price of the type.
    """
    book = book_of(problem)
    if result.prices_fen:
        prices_fen = [result.prices_fen.get(lot.product_type, 0) for lot in book.lots]
        book = replace(book, ask_fen=np.maximum(book.ask_fen, np.array(prices_fen, dtype=np.int64)))
    bids, lots = ({row.id: k for k, row in enumerate(rows)} for rows in (book.bids, book.lots))
    try:
        rows = [(bids[line.bid], lots[line.lot], line.quantity_t) for line in result.lines]
    except KeyError as name:
        raise AnotherProblem(f"the problem has no {name}") from None
    columns = np.array(rows, dtype=np.int64).reshape(-1, 3)
    standing = Standing(book, Allocation.of(columns[:, 0], columns[:, 1], columns[:, 2], len(book.lots)))
    if min(standing.unfilled_t.min(initial=0), standing.unsold_t.min(initial=0)) < 0:
        raise AnotherProblem("the result gives more tonnes than there are")
    return standing


def _position(rows: Iterable[Any], order_id: str, kind: str) -> int:
    for position, row in enumerate(rows):
        if row.id == order_id:
            return position
    raise NoSuchOrder(f"there is no {kind} {order_id} in the problem")


def _lines(lines: Iterable[Line]) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(line) for line in lines]


def _reason(reason: Reason, sentences: Sentences) -> dict[str, Any]:
    figures = {} if reason.figures is UNSET else reason.figures
    message = sentence_of(sentences, reason.code, figures)
    return {"code": reason.code, "tonnes": reason.tonnes, "figures": figures, "message": message}


def _worth(worth: Worth) -> dict[str, Any]:
    """`change` makes the exchange worth while, `moves` are the exchange, `gain` is what it gains in the goals."""
    return {
        "kind": worth.kind,
        "change": worth.change,
        "moves": [{"bid": bid, "lot": lot, "tonnes": tonnes} for bid, lot, tonnes in worth.moves],
        "gain": dict(zip(("compliance_t", "voluntary_t", "surplus_fen"), worth.gain, strict=True)),
        "figures": worth.figures,
        "message": sentence_of(WORTH_SENTENCES, worth.kind, worth.figures),
    }
