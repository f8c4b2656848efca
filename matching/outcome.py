"""The result document of a solved round: lines with prices, totals, bounds, gaps, reasons."""

from __future__ import annotations

import resource
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from matching.auction_prices import Hall, rejected
from matching.constraints import NOTHING, Allocation
from matching.explain import with_reasons
from matching.goals import Score, gap_of, proven, score_of, tighter
from matching.problem import (
    AUCTION,
    BOUNDED,
    GOALS,
    MIDPOINT,
    OPTIMAL,
    RESULT_FORMAT,
    TIME_LIMIT,
    Bid,
    BidOutcome,
    Bound,
    Gap,
    Line,
    Lot,
    LotOutcome,
    Result,
    Solver,
    Totals,
    problem_sha256,
)
from matching.variables import Book, Whole

NAME, VERSION = "tanyi", "1"


def price_fen(price_rule: str, ask_fen: int, limit_fen: int) -> int:
    """The price of a line: the ask, or the midpoint rounded down (contracts §2)."""
    return (ask_fen + limit_fen) // 2 if price_rule == MIDPOINT else ask_fen


@dataclass(frozen=True)
class Clearing:
    """What an auction adds to its lines: the price of each type, and the best that could be (surplus, tonnes)."""

    hall: Hall
    prices_fen: Whole
    most: tuple[int, int]


def result_of(book: Book, held: Allocation, bound: Bound, search: Bound | None, *, was_late: bool) -> Result:
    """The result of a quota round, reasons included, with `solver.seconds` 0 until it is known."""
    rule = book.problem.price_rule
    lines = _lines(book, held, lambda bid, lot: price_fen(rule, lot.ask_fen, bid.limit_fen))
    reached, most = score_of(book, held), tighter(bound, search)
    bare = _result(book, held, lines, bound, search)
    return with_reasons(book, held, _claiming(bare, gap_of(most, reached), proven(most, reached), was_late))


def cleared_result(
    clearing: Clearing, held: Allocation, bound: Bound, search: Bound | None, *, was_late: bool
) -> Result:
    """The result of an auction, likewise. Reasons are told as a buyer meets them: nobody pays less than the price."""
    hall, book, prices_fen = clearing.hall, clearing.hall.book, clearing.prices_fen
    named = hall.names(prices_fen)
    lines = _lines(book, held, lambda _, lot: named[lot.product_type])
    reached = score_of(book, held)
    gap = gap_of((0, 0, clearing.most[0]), (0, 0, reached[2]))
    goals = zip(GOALS[AUCTION], clearing.most, (reached[2], reached[0] + reached[1]), strict=True)
    names = []
    for name, most, got in goals:
        if got != most:
            break
        names.append(name)
    bare = msgspec.structs.replace(
        _result(book, held, lines, bound, search),
        prices_fen=named,
        paradoxically_rejected=rejected(hall, prices_fen, held),
    )
    at_prices = replace(book, ask_fen=np.maximum(book.ask_fen, prices_fen[hall.type_of_lot]))
    return with_reasons(at_prices, held, _claiming(bare, gap, tuple(names), was_late))


def empty_result(book: Book) -> Result:
    """The result of a round in which one side is empty: nothing, and proven."""
    is_auction = book.problem.mechanism == AUCTION
    tonnes = None if is_auction else 0
    bound = Bound(compliance_t=tonnes, voluntary_t=tonnes, surplus_fen=0)
    bare = msgspec.structs.replace(_result(book, NOTHING, (), bound, None), prices_fen={} if is_auction else None)
    nothing = Gap(coverage=0, surplus=0)
    return with_reasons(book, NOTHING, _claiming(bare, nothing, GOALS[book.problem.mechanism], was_late=False))


def _result(book: Book, held: Allocation, lines: tuple[Line, ...], bound: Bound, search: Bound | None) -> Result:
    """Lines, sums and bounds; nothing claimed and no reasons yet."""
    return Result(
        format=RESULT_FORMAT,
        problem_sha256=problem_sha256(book.problem),
        mechanism=book.problem.mechanism,
        status=BOUNDED,
        lines=lines,
        totals=_totals(score_of(book, held), lines),
        bound=bound,
        search_bound=search,
        gap_ppm=Gap(coverage=0, surplus=0),
        proven=(),
        prices_fen=None,
        paradoxically_rejected=(),
        bids=tuple(
            BidOutcome(bid=bid.id, filled_t=filled, reasons=())
            for bid, filled in zip(book.bids, held.filled_t(book).tolist(), strict=True)
        ),
        lots=tuple(
            LotOutcome(lot=lot.id, sold_t=sold, reasons=())
            for lot, sold in zip(book.lots, held.sold_t(book).tolist(), strict=True)
        ),
        solver=Solver(name=NAME, version=VERSION, seconds=0, peak_mb=0),
    )


def _claiming(result: Result, gap: Gap, names: tuple[str, ...], was_late: bool) -> Result:
    """The result with its gap, what is proven and the status that follows from it."""
    status = OPTIMAL if names == GOALS[result.mechanism] else TIME_LIMIT if was_late else BOUNDED
    return msgspec.structs.replace(result, gap_ppm=gap, proven=names, status=status)


def timed(result: Result, seconds: float) -> Result:
    """The result with the effort it took."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    solver = msgspec.structs.replace(result.solver, seconds=round(seconds, 3), peak_mb=peak_mb)
    return msgspec.structs.replace(result, solver=solver)


def _lines(book: Book, held: Allocation, price_of: Callable[[Bid, Lot], int]) -> tuple[Line, ...]:
    return tuple(
        Line(
            bid=book.bids[i].id, lot=book.lots[j].id, quantity_t=tonnes, price_fen=price_of(book.bids[i], book.lots[j])
        )
        for i, j, tonnes in zip(held.bid.tolist(), held.lot.tolist(), held.tonnes.tolist(), strict=True)
    )


def _totals(reached: Score, lines: Sequence[Line]) -> Totals:
    return Totals(
        compliance_t=reached[0],
        voluntary_t=reached[1],
        surplus_fen=reached[2],
        cost_fen=sum(line.price_fen * line.quantity_t for line in lines),
        lines=len(lines),
    )
