"""Which bids see which lots: the two sides of a round, for whoever derives the bounds of a certificate.

Bids that take the same types, regions and vintages and have the same floor see the same lots, cheapest first, and
differ only in how far their limits reach. The lots of a bid's own group are still among them: who sums up leaves them
out. Written from the contract's sentence on the lines that are allowed; shares nothing with the solver's variables.

Source: contracts §2 (feasible).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matching.problem import Bid, Problem

Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stall:
    """Lots that the bids of a view may take, cheapest first, and how many of them each bid's limit reaches."""

    lots: Whole
    within_limit: Whole
    is_outside: bool


@dataclass(frozen=True)
class View:
    """Bids that see the same lots: at one stall what is inside the set of their floor, at another what is outside."""

    bids: Whole
    stalls: tuple[Stall, ...]


class Market:
    """A problem as arrays, lots and bids in order of id; views and stalls hold positions in these.

    `from_group_t` is the most that a bid may take from one seller group, `outside_t` from outside its floor's set (0
    without a floor, where nothing is outside), `sellers` the most seller groups. A bid's group that sells nothing is -1.
    """

    def __init__(self, problem: Problem) -> None:
        self.lots = sorted(problem.lots, key=lambda lot: lot.id)
        self.bids = sorted(problem.bids, key=lambda bid: bid.id)
        groups = _numbered(lot.group for lot in self.lots)
        self.groups = len(groups)
        self.supply_t = _whole(lot.quantity_t for lot in self.lots)
        self.ask_fen = _whole(lot.ask_fen for lot in self.lots)
        self.lot_group = _whole(groups[lot.group] for lot in self.lots)
        self.quantity_t = _whole(bid.quantity_t for bid in self.bids)
        self.limit_fen = _whole(bid.limit_fen for bid in self.bids)
        self.bid_group = _whole(groups.get(bid.group, -1) for bid in self.bids)
        self.from_group_t = _whole(_share_t(bid, bid.max_group_permille) for bid in self.bids)
        self.outside_t = _whole(_share_t(bid, 1000 - bid.floor.min_permille) if bid.floor else 0 for bid in self.bids)
        self.sellers = _whole(min(bid.max_sellers or self.groups, self.groups) for bid in self.bids)

    @property
    def dearest_fen(self) -> int:
        """The highest ask or limit."""
        return int(max(self.ask_fen.max(initial=0), self.limit_fen.max(initial=0)))

    def views(self) -> Iterator[View]:
        """Every bid once, beside those that see the same lots."""
        alike: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for number, bid in enumerate(self.bids):
            floor = bid.floor and (bid.floor.product_types, bid.floor.regions)
            alike[bid.product_types, bid.regions, bid.vintage_from, bid.vintage_to, floor].append(number)
        offer = _Offer(self)
        for numbers in alike.values():
            bids = np.array(numbers, dtype=np.int64)
            yield View(bids, tuple(offer.stalls(self.bids[numbers[0]], self.limit_fen[bids])))


class _Offer:
    """All lots, cheapest first, and of which kind each is: kinds differ in type, region or vintage."""

    def __init__(self, market: Market) -> None:
        self._lots = np.argsort(market.ask_fen, kind="stable")
        self._ask_fen = market.ask_fen[self._lots]
        kind_of = [(lot.product_type, lot.region, lot.vintage) for lot in market.lots]
        kinds = {kind: number for number, kind in enumerate(dict.fromkeys(kind_of))}
        self._kind = _whole(kinds[kind] for kind in kind_of)[self._lots]
        self._types, self._regions = _numbered(kind[0] for kind in kinds), _numbered(kind[1] for kind in kinds)
        self._type = _whole(self._types[kind[0]] for kind in kinds)
        self._region = _whole(self._regions[kind[1]] for kind in kinds)
        self._vintage = _whole(kind[2] for kind in kinds)

    def stalls(self, bid: Bid, limits_fen: Whole) -> Iterator[Stall]:
        """What this bid and those like it may take; the limits are of all of them."""
        taken = self._named(bid.product_types, bid.regions)
        if bid.vintage_from is not None:
            taken &= self._vintage >= bid.vintage_from
        if bid.vintage_to is not None:
            taken &= self._vintage <= bid.vintage_to
        inside = taken & self._named(bid.floor.product_types, bid.floor.regions) if bid.floor else taken
        for chosen, is_outside in ((inside, False), (taken & ~inside, True)):
            place = np.flatnonzero(chosen[self._kind])
            if len(place):
                within_limit = np.searchsorted(self._ask_fen[place], limits_fen, side="right")
                yield Stall(self._lots[place], within_limit, is_outside)

    def _named(self, types: Sequence[str] | None, regions: Sequence[str] | None) -> Mask:
        """The kinds of these types and these regions; None means any."""
        chosen = np.ones(len(self._type), dtype=bool)
        for names, numbers, of_kind in ((types, self._types, self._type), (regions, self._regions, self._region)):
            if names is not None:
                is_named = np.zeros(len(numbers), dtype=bool)
                is_named[_whole(numbers[name] for name in names if name in numbers)] = True
                chosen &= is_named[of_kind]
        return chosen


def _share_t(bid: Bid, permille: int | None) -> int:
    """A share of the bid's quantity, rounded down; None means all of it."""
    return bid.quantity_t if permille is None else bid.quantity_t * permille // 1000


def _numbered(names: Iterable[str]) -> dict[str, int]:
    """Each name with its number, from 0 on."""
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _whole(figures: Iterable[int]) -> Whole:
    return np.fromiter(figures, dtype=np.int64)
