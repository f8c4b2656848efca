"""The result document of a solved round: lines with prices, totals, bounds, gaps, reasons."""

from __future__ import annotations

import resource
from collections.abc import Sequence

import msgspec

from matching.constraints import Allocation
from matching.explain import with_reasons
from matching.goals import Score, gap_of, proven, score_of, tighter
from matching.problem import (
    BOUNDED,
    GOALS,
    MIDPOINT,
    OPTIMAL,
    QUOTA,
    RESULT_FORMAT,
    TIME_LIMIT,
    BidOutcome,
    Bound,
    Line,
    LotOutcome,
    Result,
    Solver,
    Totals,
    problem_sha256,
)
from matching.variables import Book

NAME, VERSION = "tanyi", "1"


def price_fen(price_rule: str, ask_fen: int, limit_fen: int) -> int:
    """The price of a line: the ask, or the midpoint rounded down (contracts §2)."""
    return (ask_fen + limit_fen) // 2 if price_rule == MIDPOINT else ask_fen


def result_of(book: Book, held: Allocation, bound: Bound, search: Bound | None, *, was_late: bool) -> Result:
    """The result, reasons included, with `solver.seconds` 0 until it is known."""
    reached, most = score_of(book, held), tighter(bound, search)
    names = proven(most, reached)
    lines = _lines(book, held)
    return with_reasons(
        book,
        held,
        Result(
            format=RESULT_FORMAT,
            problem_sha256=problem_sha256(book.problem),
            mechanism=QUOTA,
            status=_status(names, was_late),
            lines=lines,
            totals=_totals(reached, lines),
            bound=bound,
            search_bound=search,
            gap_ppm=gap_of(most, reached),
            proven=names,
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
        ),
    )


def timed(result: Result, seconds: float) -> Result:
    """The result with the effort it took."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    solver = msgspec.structs.replace(result.solver, seconds=round(seconds, 3), peak_mb=peak_mb)
    return msgspec.structs.replace(result, solver=solver)


def _status(names: tuple[str, ...], was_late: bool) -> str:
    if len(names) == len(GOALS[QUOTA]):
        return OPTIMAL
    return TIME_LIMIT if was_late else BOUNDED


def _lines(book: Book, held: Allocation) -> tuple[Line, ...]:
    rule = book.problem.price_rule
    return tuple(
        Line(
            bid=book.bids[i].id,
            lot=book.lots[j].id,
            quantity_t=tonnes,
            price_fen=price_fen(rule, book.lots[j].ask_fen, book.bids[i].limit_fen),
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
