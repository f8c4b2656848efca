"""The network whose cheapest greatest flow is the bound of a round: structures and price prefixes, never pairs.

A *structure* is a class of lots seen through one window of vintages. In it a bid can use every lot up to its limit, so
choices are nested and a Fenwick tree over the price levels carries any prefix with a logarithm of arcs. Levels are
ranks: asks between two consecutive limits are one level, limits with no ask between them are one too.

Left out, so that what remains is a network: own groups (but for dominant sellers), the number of sellers, group caps
against sellers that are not dominant, all-or-none, the minimum line. `most_alone_t` brings a part of these back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from matching.flow import Arcs
from matching.variables import Book, Mask, Whole

SOURCE, SINK, COMPLIANCE_NODE, VOLUNTARY_NODE, FIRST_BID = range(5)
FIRST_GATED = 2  # the arc of bid 0, behind those of the gates


@dataclass(frozen=True)
class Network:
    """The arcs, and which of them mean what: `choice` arcs bring a structure to a bid, `delivery` arcs a lot to one.

    In its structure a bid reaches the price levels up to `choice_prefix`, a lot stands on `delivery_level` (from 1).

    The two gate arcs come first. `bid_arc` and `lot_arc` carry what each bid gets and each lot gives, `share_arc` what
    floors and caps leave; all other capacities follow from these three. `outside_arc` are the shares that hold what
    `outside_bid` takes outside its floor's set, from all sellers or from those that are not dominant.
    """

    arcs: Arcs
    bid_arc: Whole
    lot_arc: Whole
    share_arc: Whole
    outside_arc: Whole
    outside_bid: Whole
    choice_arc: Whole
    choice_bid: Whole
    choice_structure: Whole
    choice_prefix: Whole
    delivery_arc: Whole
    delivery_lot: Whole
    delivery_structure: Whole
    delivery_level: Whole


@dataclass(frozen=True)
class _Structure:
    """Bids with their price prefix and lots with their price level (both from 1) in one class and window."""

    kind: int
    bids: Whole
    prefix: Whole
    lots: Whole
    level: Whole


def network_of(
    book: Book, most_t: Whole, bid_cost: Whole, lot_cost: Whole, gate_cost: tuple[int, int], *, caps_first: bool = False
) -> Network:
    """The network for bids that may take at most `most_t` each, at these unit costs.

    A floor and the caps against dominant sellers cross, and only one of the two can hold for a bid as a whole while
    the other holds on each side of it. The floor holds as a whole unless `caps_first`.
    """
    maker = _Maker(book, most_t, caps_first)
    structures = list(_structures(book, most_t))
    maker.join_gates(most_t, bid_cost, gate_cost)
    for number, structure in enumerate(structures):
        maker.join_structure(number, structure)
    return maker.finish(lot_cost)


def _structures(book: Book, most_t: Whole) -> Iterator[_Structure]:
    classes = np.arange(book.wish_accepts.shape[1])
    lots_of_class = [np.flatnonzero(book.class_of_lot == kind) for kind in classes]
    for window, (first, last) in enumerate(book.windows):
        members = np.flatnonzero((book.window_of_bid == window) & (most_t > 0))
        for kind in classes:
            lots = lots_of_class[kind]
            lots = lots[(book.vintage[lots] >= first) & (book.vintage[lots] <= last)]
            bids = members[book.accepts_class(members, np.full(len(members), kind))]
            owner = book.class_owner[kind]
            bids = bids[book.bid_group[bids] != owner] if owner >= 0 else bids
            ranked = _ranked(int(kind), bids, book.limit_fen[bids], lots, book.ask_fen[lots])
            if ranked is not None:
                yield ranked


def _ranked(kind: int, bids: Whole, limit_fen: Whole, lots: Whole, ask_fen: Whole) -> _Structure | None:
    """Collapses prices to ranks; None where no bid can reach a lot."""
    if not len(bids) or not len(lots):
        return None
    limits = np.unique(limit_fen)
    within = ask_fen <= limits[-1]
    lots, ask_fen = lots[within], ask_fen[within]
    if not len(lots):
        return None
    step = np.searchsorted(limits, ask_fen, side="left")  # the first limit that reaches the ask
    used = np.unique(step)
    prefix = np.searchsorted(used, np.searchsorted(limits, limit_fen), side="right")
    reached = prefix > 0
    return _Structure(kind, bids[reached], prefix[reached], lots, np.searchsorted(used, step) + 1)


class _Maker:
    """Collects arcs and numbers nodes while a network is made."""

    def __init__(self, book: Book, most_t: Whole, caps_first: bool) -> None:
        self.book, self.most_t, self.caps_first = book, most_t, caps_first
        self.nodes = FIRST_BID + len(book.bids) + len(book.lots)
        self.plenty_t = int(max(most_t.sum(), 1))
        self.parts: list[tuple[Whole, Whole, Whole, Whole]] = []
        self.outside: list[tuple[Whole, ...]] = []
        self.choices: list[tuple[Whole, ...]] = []
        self.deliveries: list[tuple[Whole, ...]] = []

    def join(self, tail: Whole | int, head: Whole | int, capacity: Whole | int, cost: Whole | int = 0) -> None:
        """Adds arcs; single numbers are repeated."""
        tail, head, capacity, cost = (each.astype(np.int64) for each in np.broadcast_arrays(tail, head, capacity, cost))
        self.parts.append((np.atleast_1d(tail), np.atleast_1d(head), np.atleast_1d(capacity), np.atleast_1d(cost)))

    def new_nodes(self, count: int) -> int:
        """The number of the first of `count` new nodes."""
        self.nodes += count
        return self.nodes - count

    def join_gates(self, most_t: Whole, bid_cost: Whole, gate_cost: tuple[int, int]) -> None:
        """Source, a gate for each purpose, and the bids behind them."""
        for gate, cost in zip((COMPLIANCE_NODE, VOLUNTARY_NODE), gate_cost, strict=True):
            self.join(SOURCE, gate, self.plenty_t, cost)
        gates = np.where(self.book.is_compliance, COMPLIANCE_NODE, VOLUNTARY_NODE)
        self.join(gates, FIRST_BID + np.arange(len(self.book.bids)), most_t, bid_cost)

    def join_structure(self, number: int, structure: _Structure) -> None:
        """The Fenwick tree of one structure, the prefixes its bids use and the lots on its levels."""
        levels = int(structure.level.max())
        first = self.new_nodes(levels) - 1  # so that level k is node first + k
        step = 1
        while 2 * step <= levels:
            parents = np.arange(2 * step, levels + 1, 2 * step)
            self.join(first + parents, first + parents - step, self.plenty_t)
            step *= 2
        prefixes, place = np.unique(structure.prefix, return_inverse=True)
        first_prefix = self.new_nodes(len(prefixes))
        nodes, rest = first_prefix + np.arange(len(prefixes)), prefixes.copy()
        while len(rest):
            self.join(nodes, first + rest, self.plenty_t)
            rest = rest - (rest & -rest)
            nodes, rest = nodes[rest > 0], rest[rest > 0]
        kind = np.full(len(place), structure.kind)
        in_all = np.full(len(place), number)
        self.choices.append((structure.bids, kind, in_all, structure.prefix, first_prefix + place))
        lots, in_all = structure.lots, np.full(len(structure.lots), number)
        self.deliveries.append((lots, in_all, structure.level, first + structure.level))

    def finish(self, lot_cost: Whole) -> Network:
        """Joins bids to their prefixes (through floors and caps), levels to lots, lots to the sink."""
        lots = FIRST_BID + len(self.book.bids) + np.arange(len(self.book.lots))
        bid_arc = FIRST_GATED + np.arange(len(self.book.bids))
        lot_arc = self.arcs_so_far() + np.arange(len(self.book.lots))
        self.join(lots, SINK, np.minimum(self.book.supply_t, self.plenty_t), lot_cost)
        bid, kind, structure, prefix, prefix_node = _columns(self.choices, 5)
        first_share = self.arcs_so_far()
        gates = self.join_floors_and_caps(bid, kind)
        share_arc = np.arange(first_share, self.arcs_so_far())
        choice_arc = self.arcs_so_far() + np.arange(len(bid))
        self.join(gates, prefix_node, self.most_t[bid])
        lot, of_structure, level, level_node = _columns(self.deliveries, 4)
        delivery_arc = self.arcs_so_far() + np.arange(len(lot))
        self.join(level_node, lots[lot], self.book.supply_t[lot])
        arcs = Arcs.joined(self.parts, SOURCE, SINK)
        outside_arc, outside_bid = _columns(self.outside, 2)
        return Network(
            arcs, bid_arc, lot_arc, share_arc, outside_arc, outside_bid,
            choice_arc, bid, structure, prefix,
            delivery_arc, lot, of_structure, level,
        )  # fmt: skip

    def arcs_so_far(self) -> int:
        """How many arcs stand."""
        return sum(len(part[0]) for part in self.parts)

    def join_floors_and_caps(self, bid: Whole, kind: Whole) -> Whole:
        """The node each choice hangs on: the bid, or shares of it for its floor and for dominant sellers."""
        node = FIRST_BID + bid
        steps = [self._outside_shares, self._owner_shares]
        for step in reversed(steps) if self.caps_first else steps:
            step(bid, kind, node)
        return node

    def _outside_shares(self, bid: Whole, kind: Whole, node: Whole) -> None:
        book = self.book
        chosen = book.floor_excludes[book.floor_of_bid[bid], kind] & (book.outside_cap_t[bid] < self.most_t[bid])
        first = self.arcs_so_far()
        shares = self._join_shares(node, np.stack([node, bid])[:, chosen], chosen, book.outside_cap_t)
        of_all = np.flatnonzero(shares[0] == FIRST_BID + shares[1])
        self.outside.append((first + of_all, shares[1][of_all]))

    def _owner_shares(self, bid: Whole, kind: Whole, node: Whole) -> None:
        owner = self.book.class_owner[kind]
        chosen = (owner >= 0) & (self.book.group_cap_t[bid] < self.most_t[bid])
        self._join_shares(node, np.stack([node, bid, owner])[:, chosen], chosen, self.book.group_cap_t)

    def _join_shares(self, node: Whole, keys: Whole, chosen: Mask, cap_t: Whole) -> Whole:
        """One new node for each distinct key (node, bid, ...), under that node; the chosen choices move to theirs."""
        shares, place = np.unique(keys, axis=1, return_inverse=True)
        first = self.new_nodes(shares.shape[1])
        self.join(shares[0], first + np.arange(shares.shape[1]), cap_t[shares[1]])
        node[chosen] = first + place.reshape(-1)
        return shares


def _columns(rows: Sequence[tuple[Whole, ...]], count: int) -> list[Whole]:
    empty = np.zeros(0, dtype=np.int64)
    return [np.concatenate([empty, *(row[k] for row in rows)]) for k in range(count)]
