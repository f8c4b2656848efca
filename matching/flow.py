"""Minimum-cost flow in whole numbers: the one place where the round meets the flow solver of OR-Tools.

The solver is exact for integers and gives the same flow for the same arcs in the same order. It holds the interpreter
while it runs and cannot be stopped, so a round is solved in a process of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.variables import Whole

LARGEST_COST = 2**60  # unit cost times nodes, which is how the solver scales


@dataclass(frozen=True)
class Arcs:
    """A network from node `source` to node `sink`: parallel arrays of arcs, unit costs of any sign."""

    tail: Whole
    head: Whole
    capacity: Whole
    cost: Whole
    source: int
    sink: int

    @staticmethod
    def joined(parts: list[tuple[Whole, Whole, Whole, Whole]], source: int, sink: int) -> Arcs:
        """Arcs from parts of (tail, head, capacity, cost); the parts keep their order."""
        tail, head, capacity, cost = (np.concatenate([part[k] for part in parts]) for k in range(4))
        return Arcs(tail, head, capacity, cost, source, sink)


class FlowFailed(RuntimeError):  # noqa: N818  it says what happened
    """The flow solver refused the network: its numbers are out of the solver's range. A bug, not an answer."""


def cheapest_greatest_flow(arcs: Arcs) -> Whole:
    """The flow on each arc of a greatest flow from source to sink that costs least among the greatest."""
    from ortools.graph.python import min_cost_flow  # heavy, and only a worker that solves needs it

    solver: Any = min_cost_flow.SimpleMinCostFlow()
    added = solver.add_arcs_with_capacity_and_unit_cost(arcs.tail, arcs.head, arcs.capacity, arcs.cost)
    leaving = int(arcs.capacity[arcs.tail == arcs.source].sum())
    solver.set_node_supply(arcs.source, leaving)
    solver.set_node_supply(arcs.sink, -leaving)
    status = solver.solve_max_flow_with_min_cost()
    if status != solver.OPTIMAL:
        raise FlowFailed(f"flow status {status} on {len(arcs.tail)} arcs")
    return solver.flows(added)
