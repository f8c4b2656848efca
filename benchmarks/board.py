"""A round as plain arrays for the peers, and their outcomes as result documents that the checker can judge.

Written apart from the solver's own arrays (`matching.variables`), so that a peer shares no reading of the rules with it.
Positions are those of the problem's lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.checker import check
from matching.problem import (
    COMPLIANCE,
    GOALS,
    RESULT_FORMAT,
    BidOutcome,
    Bound,
    Gap,
    Line,
    LotOutcome,
    Problem,
    Reason,
    Result,
    Solver,
    Totals,
    problem_sha256,
)

Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Lines:
    """An outcome: tonnes of a lot for a bid, each pair once. Parallel arrays of positions and tonnes (at least 1)."""

    bid: Whole
    lot: Whole
    tonnes: Whole

    @staticmethod
    def of(rows: Sequence[tuple[int, int, int]]) -> Lines:
        """From (bid, lot, tonnes)."""
        columns = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        return Lines(columns[0], columns[1], columns[2])


class Board:
    """The columns of a round."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.bids, self.lots = problem, problem.bids, problem.lots
        self.supply_t = _whole([lot.quantity_t for lot in self.lots])
        self.ask_fen = _whole([lot.ask_fen for lot in self.lots])
        self.vintage = _whole([lot.vintage for lot in self.lots])
        self.is_whole_lot = np.array([lot.all_or_none for lot in self.lots], dtype=bool)
        self.quota_t = _whole([bid.quantity_t for bid in self.bids])
        self.limit_fen = _whole([bid.limit_fen for bid in self.bids])
        self.is_compliance = np.array([bid.purpose == COMPLIANCE for bid in self.bids], dtype=bool)
        self._groups = {name: number for number, name in enumerate(dict.fromkeys(lot.group for lot in self.lots))}
        self.lot_group = _whole([self._groups[lot.group] for lot in self.lots])
        self._types, self._type = _coded([lot.product_type for lot in self.lots])
        self._regions, self._region = _coded([lot.region for lot in self.lots])
        self._chosen: dict[tuple[object, object], Mask] = {}

    @cached_property
    def lots_by_price(self) -> Whole:
        """Lots by ask, then by time of offer, then by id: the queue of an order book."""
        keys = [(lot.ask_fen, lot.offered_at, lot.id) for lot in self.lots]
        return _whole(sorted(range(len(keys)), key=keys.__getitem__))

    def group_cap_t(self, i: int) -> int:
        """The most that a bid may take from one seller group."""
        permille = self.bids[i].max_group_permille
        return self.bids[i].quantity_t if permille is None else self.bids[i].quantity_t * permille // 1000

    def outside_cap_t(self, i: int) -> int:
        """The most that a bid may take from outside its floor's set."""
        floor = self.bids[i].floor
        return self.bids[i].quantity_t * (1000 - (floor.min_permille if floor else 0)) // 1000

    def is_open_to(self, i: int) -> Mask:
        """The lots that a bid may trade with at all."""
        bid = self.bids[i]
        suits = (self.ask_fen <= bid.limit_fen) & self._is_chosen(bid.product_types, bid.regions)
        if bid.vintage_from is not None:
            suits &= self.vintage >= bid.vintage_from
        if bid.vintage_to is not None:
            suits &= self.vintage <= bid.vintage_to
        if bid.group in self._groups:
            suits &= self.lot_group != self._groups[bid.group]
        return suits

    def is_outside(self, i: int) -> Mask:
        """The lots outside the set of a bid's floor; none where it has no floor."""
        floor = self.bids[i].floor
        return ~self._is_chosen(floor.product_types, floor.regions) if floor else np.zeros(len(self.lots), dtype=bool)

    def _is_chosen(self, types: tuple[str, ...] | None, regions: tuple[str, ...] | None) -> Mask:
        if (types, regions) not in self._chosen:
            by_type = np.array([types is None or name in types for name in self._types], dtype=bool)
            by_region = np.array([regions is None or name in regions for name in self._regions], dtype=bool)
            self._chosen[types, regions] = by_type[self._type] & by_region[self._region]
        return self._chosen[types, regions].copy()

    def goals(self, lines: Lines) -> tuple[int, int, int]:
        """Compliance tonnes, voluntary tonnes, surplus in fen."""
        duty = self.is_compliance[lines.bid]
        surplus_fen = (self.limit_fen[lines.bid] - self.ask_fen[lines.lot]) * lines.tonnes
        return int(lines.tonnes[duty].sum()), int(lines.tonnes[~duty].sum()), sum(surplus_fen.tolist())

    def violations(self, lines: Lines) -> list[str]:
        """What the checker finds wrong with an outcome as such; nothing is claimed of bounds."""
        return [str(one) for one in check(self.problem, stated(self, lines))]


def stated(board: Board, lines: Lines) -> Result:
    """A result document that claims no more than these lines: every bound is what they reach. Quota rounds only."""
    problem, goals = board.problem, board.goals(lines)
    bound = Bound(compliance_t=goals[0], voluntary_t=goals[1], surplus_fen=goals[2])
    rows = [
        (problem.bids[i].id, problem.lots[j].id, t, problem.lots[j].ask_fen, problem.bids[i].limit_fen)
        for i, j, t in zip(lines.bid.tolist(), lines.lot.tolist(), lines.tonnes.tolist(), strict=True)
    ]
    is_midpoint = problem.price_rule == "midpoint"
    written = tuple(
        Line(bid=bid, lot=lot, quantity_t=tonnes, price_fen=(ask + limit) // 2 if is_midpoint else ask)
        for bid, lot, tonnes, ask, limit in sorted(rows)
    )
    cost_fen = sum(line.price_fen * line.quantity_t for line in written)
    return Result(
        format=RESULT_FORMAT,
        problem_sha256=problem_sha256(problem),
        mechanism=problem.mechanism,
        status="optimal",
        lines=written,
        totals=Totals(
            compliance_t=goals[0], voluntary_t=goals[1], surplus_fen=goals[2], cost_fen=cost_fen, lines=len(written)
        ),
        bound=bound,
        search_bound=None,
        gap_ppm=Gap(coverage=0, surplus=0),
        proven=GOALS[problem.mechanism],
        prices_fen=None,
        paradoxically_rejected=(),
        solver=Solver(name="peer", version="1", seconds=0, peak_mb=0),
        **_outcomes(problem, written),
    )


def _outcomes(problem: Problem, lines: Sequence[Line]) -> dict[str, Any]:
    filled_t: dict[str, int] = defaultdict(int)
    sold_t: dict[str, int] = defaultdict(int)
    for line in lines:
        filled_t[line.bid] += line.quantity_t
        sold_t[line.lot] += line.quantity_t
    bids = sorted((bid.id, filled_t[bid.id], bid.quantity_t - filled_t[bid.id]) for bid in problem.bids)
    return {
        "bids": tuple(
            BidOutcome(
                bid=bid, filled_t=tonnes, reasons=(Reason(code="priority", tonnes=open_t),) if open_t > 0 else ()
            )
            for bid, tonnes, open_t in bids
        ),
        "lots": tuple(
            LotOutcome(lot=lot, sold_t=sold_t[lot], reasons=()) for lot in sorted(lot.id for lot in problem.lots)
        ),
    }


def _coded(names: Sequence[str]) -> tuple[list[str], Whole]:
    """The distinct names, and the number of each."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return list(numbers), _whole([numbers[name] for name in names])


def _whole(values: Sequence[int]) -> Whole:
    return np.array(values, dtype=np.int64)
