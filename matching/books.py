"""The books of a round: its problem and its result side by side, and what the lines really add up to.

Every rule of the checker reads these sums and never the figures that the result states about itself.
Source: contracts §3 (totals).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from matching.problem import COMPLIANCE, Bid, Line, Lot, Problem, Result, Totals, problem_sha256


@dataclass(frozen=True)
class Violation:
    """One broken rule: a stable `code`, `where` in the result, and a sentence with the figures."""

    code: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} ({self.code})"


@dataclass(frozen=True)
class Delivery:
    """A line of the result whose bid and lot both exist."""

    where: str
    line: Line
    bid: Bid
    lot: Lot


class Books:
    """The problem and the result side by side, with what the lines add up to."""

    def __init__(self, problem: Problem, result: Result) -> None:
        self.problem, self.result = problem, result
        self.bids = {bid.id: bid for bid in problem.bids}
        self.lots = {lot.id: lot for lot in problem.lots}
        self.deliveries = [
            Delivery(f"lines[{number}]", line, self.bids[line.bid], self.lots[line.lot])
            for number, line in enumerate(result.lines)
            if line.bid in self.bids and line.lot in self.lots
        ]
        self.filled_t: dict[str, int] = defaultdict(int)
        self.sold_t: dict[str, int] = defaultdict(int)
        self.of_bid: dict[str, list[Delivery]] = defaultdict(list)
        for delivery in self.deliveries:
            self.filled_t[delivery.bid.id] += delivery.line.quantity_t
            self.sold_t[delivery.lot.id] += delivery.line.quantity_t
            self.of_bid[delivery.bid.id].append(delivery)

    def received(self) -> Iterator[tuple[Bid, list[Delivery]]]:
        """Each bid that has lines, with them."""
        return ((self.bids[bid_id], deliveries) for bid_id, deliveries in self.of_bid.items())

    @cached_property
    def problem_sha256(self) -> str:
        """The hash by which a result and a certificate name this problem."""
        return problem_sha256(self.problem)

    @cached_property
    def totals(self) -> Totals:
        """The totals as the lines have them, whatever the result says."""
        compliance_t = sum(each.line.quantity_t for each in self.deliveries if each.bid.purpose == COMPLIANCE)
        return Totals(
            compliance_t=compliance_t,
            voluntary_t=sum(each.line.quantity_t for each in self.deliveries) - compliance_t,
            surplus_fen=sum((each.bid.limit_fen - each.lot.ask_fen) * each.line.quantity_t for each in self.deliveries),
            cost_fen=sum(line.price_fen * line.quantity_t for line in self.result.lines),
            lines=len(self.result.lines),
        )

    def tightest(self, goal: str) -> int | None:
        """The lower of the two upper bounds of a goal, None when there is none."""
        bounds = (self.result.bound, self.result.search_bound)
        return min((at for each in bounds if each and (at := getattr(each, goal)) is not None), default=None)

    def reached(self, goal: str) -> int:
        return getattr(self.totals, goal)
