"""Minimum-cost flow in whole numbers: the one place where the round meets the flow solver of OR-Tools.

The solver is exact for integers and gives the same flow for the same arcs in the same order. It holds the interpreter
while it runs and cannot be stopped, so a round is solved in a process of its own, and where there is a time limit its
longest flow in yet another.
"""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from matching.variables import Mask, Whole

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

    is_open, tail, head, source, sink = _opened(arcs)
    solver: Any = min_cost_flow.SimpleMinCostFlow()
    added = solver.add_arcs_with_capacity_and_unit_cost(tail, head, arcs.capacity[is_open], arcs.cost[is_open])
    leaving = int(arcs.capacity[arcs.tail == arcs.source].sum())
    solver.set_node_supply(source, leaving)
    solver.set_node_supply(sink, -leaving)
    return _flows(arcs, is_open, solver, solver.solve_max_flow_with_min_cost(), added)


def cheapest_in_time(arcs: Arcs, seconds: float) -> Whole | None:
    """The same in a process of its own, which can be stopped: None when the time was too short."""
    if seconds <= 0:
        return None
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_send, args=(sender, arcs), daemon=True)
    worker.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(seconds) else None
    except EOFError as died:
        raise FlowFailed("the flow's process died") from died
    finally:
        worker.kill()
        worker.join()


def _send(sender: Connection, arcs: Arcs) -> None:
    sender.send(cheapest_greatest_flow(arcs))


def greatest_flow(arcs: Arcs) -> Whole:
    """The flow on each arc of a greatest flow from source to sink, whatever it costs: some fifty times faster."""
    from ortools.graph.python import max_flow  # as above

    is_open, tail, head, source, sink = _opened(arcs)
    solver: Any = max_flow.SimpleMaxFlow()
    added = solver.add_arcs_with_capacity(tail, head, arcs.capacity[is_open])
    return _flows(arcs, is_open, solver, solver.solve(source, sink), added)


def _opened(arcs: Arcs) -> tuple[Mask, Whole, Whole, int, int]:
    """Which arcs have room, and those with their nodes numbered anew: time goes by the nodes."""
    is_open = arcs.capacity > 0
    ends = np.concatenate([arcs.tail[is_open], arcs.head[is_open], [arcs.source, arcs.sink]])
    in_use = np.zeros(int(ends.max()) + 1, dtype=np.int64)
    in_use[ends] = 1
    ends = (np.cumsum(in_use) - 1)[ends]
    arcs_open = int(is_open.sum())
    return is_open, ends[:arcs_open], ends[arcs_open : 2 * arcs_open], int(ends[-2]), int(ends[-1])


def _flows(arcs: Arcs, is_open: Mask, solver: Any, status: int, added: Whole) -> Whole:
    if status != solver.OPTIMAL:
        raise FlowFailed(f"flow status {status} on {len(arcs.tail)} arcs")
    flows = np.zeros(len(arcs.tail), dtype=np.int64)
    flows[is_open] = solver.flows(added)
    return flows
