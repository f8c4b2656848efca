"""The cheapest basket of so many tonnes for one buyer under a floor and a largest share from one group: exact.

Tonnes by group inside a total form nested rules, for which taking the cheapest first is the best. The floor cuts across
them, so it gets a price: so many fen are added to every tonne outside the floor's set, and the cheapest-first basket at
that price is the best one among those with as many tonnes outside. The dearer they are made the fewer are taken; the
least whole price at which they stay within the floor is found by bisection. At that price inside and outside may cost
the same, so how many tonnes outside win such ties is found by bisection too: each one more changes the basket by one
exchange at most, hence the floor is met to the tonne, and a basket of least cost at that price that uses the floor up
is the cheapest that keeps it (duality; the marginal price of a network is a whole number).

Pure: arrays in, arrays out. Sellers' numbers, whole lots and the minimum line are not known here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

WINDOW = 256  # of the cheapest lots inside and outside are looked at first, and four times as many when that fails


@dataclass(frozen=True)
class Stock:
    """What a buyer may take: lots cheapest first, in parallel arrays, and the room that its rules leave.

    `room_t` holds the most tonnes from each group by the group's number; `outside_t` is the most outside the floor's set.
    """

    ask_fen: Whole
    supply_t: Whole
    group: Whole
    is_outside: Mask
    room_t: Whole
    outside_t: int

    def part(self, chosen: Mask | Whole) -> Stock:
        """Some of the lots, under the same rules."""
        return Stock(
            self.ask_fen[chosen],
            self.supply_t[chosen],
            self.group[chosen],
            self.is_outside[chosen],
            self.room_t,
            self.outside_t,
        )

    def by_group_t(self, chosen: Mask) -> Whole:
        """Tonnes of the chosen lots by group."""
        return tonnes_by(self.group[chosen], self.supply_t[chosen], len(self.room_t))


def tonnes_by(group: Whole, tonnes: Whole, groups: int) -> Whole:
    """Integer sums by group."""
    summed = np.zeros(groups, dtype=np.int64)
    np.add.at(summed, group, tonnes)
    return summed


def sides_t(stock: Stock) -> tuple[Whole, Whole]:
    """The most tonnes of each group inside the floor's set, and how many outside it may add to them."""
    inside_t = np.minimum(stock.by_group_t(~stock.is_outside), stock.room_t)
    return inside_t, np.minimum(stock.by_group_t(stock.is_outside), stock.room_t - inside_t)


def most_t(stock: Stock) -> int:
    """The most tonnes that the floor and the shares allow."""
    inside_t, outside_t = sides_t(stock)
    return int(inside_t.sum()) + min(int(outside_t.sum()), stock.outside_t)


def cheapest(stock: Stock, target_t: int, below_fen: int | None = None) -> Whole | None:
    """Tonnes of each lot: exactly `target_t` (at most `most_t`) at the least cost; among equals the earlier lots.

    None when the least cost is not below `below_fen`, which is cheaper to find out.

    A window of the cheapest lots answers for all once it holds enough and every lot left out costs more, at the price
    of the floor, than the last tonne taken: then no exchange with them can pay.
    """
    inside, outside = np.flatnonzero(~stock.is_outside), np.flatnonzero(stock.is_outside)
    width = WINDOW
    while True:
        part = np.sort(np.concatenate([inside[:width], outside[:width]]))
        view = stock.part(part)
        is_all = len(part) == len(stock.ask_fen)
        if is_all or most_t(view) >= target_t:
            found = _Priced(view, target_t)
            inside_is_dearer = len(inside) <= width or stock.ask_fen[inside[width]] > found.last_fen
            outside_is_dearer = (
                len(outside) <= width or stock.ask_fen[outside[width]] + found.floor_fen > found.last_fen
            )
            if is_all or (inside_is_dearer and outside_is_dearer):
                break
        width *= 4
    if below_fen is not None and found.cost_fen >= below_fen:
        return None
    tonnes = np.zeros(len(stock.ask_fen), dtype=np.int64)
    tonnes[part] = found.tonnes()
    return tonnes


def floor_price(stock: Stock, target_t: int) -> tuple[int, int]:
    """The price of the floor, and what the last of `target_t` tonnes costs at it, both in fen."""
    found = _Priced(stock, target_t)
    return found.floor_fen, found.last_fen


class _Priced:
    """The price of the floor, what the last tonne costs at that price, and the least cost, in fen.

    With the floor at its price and ties won by the lots inside, too few tonnes are outside or just enough; each of the
    missing ones costs the price of the floor less than the one inside that it replaces.
    """

    def __init__(self, stock: Stock, target_t: int) -> None:
        self.stock, self.floor_fen = stock, 0
        self.found = _take(stock, stock.ask_fen, stock.supply_t, target_t)
        self.missing_t = 0
        if _outside_t(stock, self.found) > stock.outside_t:
            self.rows = _Rows(stock, target_t)
            self.floor_fen = self.rows.least_floor_fen()
            self.found = self.rows.taken(self.floor_fen, 0)
            self.missing_t = stock.outside_t - _outside_t(stock, self.found)
        cost_fen = stock.ask_fen + self.floor_fen * stock.is_outside
        self.last_fen = int(cost_fen[self.found > 0].max(initial=0))
        self.cost_fen = int((self.found * stock.ask_fen).sum()) - self.floor_fen * self.missing_t

    def tonnes(self) -> Whole:
        """Tonnes of each lot."""
        if not self.missing_t:
            return self.found
        return self.rows.taken(self.floor_fen, self.rows.favoured_t(self.floor_fen))


def least(most: int, guess: int, holds: Callable[[int], bool]) -> int:
    """The least whole number from 0 on for which something holds, and holds from there on; `most` when none below does.

    Looks around a guess first, in steps that double, then bisects.
    """
    low, high, step = 0, most, 1
    place = min(max(guess, 0), most)
    while low < high:
        if place >= most or holds(place):
            high = place
            place = max(low, place - step)
        else:
            low = place + 1
            place = min(high, place + step)
        step *= 2
        if step > high - low:
            return bisect_left(range(high), True, low, key=holds)
    return low


def _outside_t(stock: Stock, tonnes: Whole) -> int:
    return int(tonnes[stock.is_outside].sum())


class _Rows:
    """The lots with those outside in two rows each: tonnes that win ties against lots inside, and tonnes that lose."""

    def __init__(self, stock: Stock, target_t: int) -> None:
        self.stock, self.target_t = stock, target_t
        self.lots = np.arange(len(stock.ask_fen))
        self.outside = np.flatnonzero(stock.is_outside)
        self.supply_t = stock.supply_t[self.outside]
        self.before_t = np.cumsum(self.supply_t) - self.supply_t
        self.group = np.concatenate([stock.group, stock.group[self.outside]])

    def least_floor_fen(self) -> int:
        """The least surcharge at which the tonnes outside keep the floor even when they lose every tie.

        Guessed as the difference between the last tonne needed inside and the last allowed outside.
        """
        stock, last_out = self.stock, self.last_outside()[0]
        inside = np.flatnonzero(~stock.is_outside)
        last_in = _place_of(stock.part(inside), self.target_t - stock.outside_t)[0]
        guess_fen = int(stock.ask_fen[inside[last_in]] - stock.ask_fen[self.outside[last_out]]) if len(inside) else 0
        most_fen = int(stock.ask_fen.max() - stock.ask_fen.min()) + 1
        return least(most_fen, guess_fen, lambda fen: self.outside_t(fen, 0) <= stock.outside_t)

    def favoured_t(self, floor_fen: int) -> int:
        """How many of the tonnes outside must win ties for the floor to be used up."""
        lot, part_t = self.last_outside()
        guess_t, most_t = int(self.before_t[lot]) + part_t, self.stock.outside_t
        return least(int(self.supply_t.sum()), guess_t, lambda t: self.outside_t(floor_fen, t) >= most_t)

    def last_outside(self) -> tuple[int, int]:
        """The lot outside that the last allowed tonne would come from if nothing were taken inside, and how many."""
        return _place_of(self.stock.part(self.outside), self.stock.outside_t)

    def taken(self, floor_fen: int, favoured_t: int) -> Whole:
        """Tonnes of each lot when a tonne outside costs so much more and the first `favoured_t` of them win ties."""
        stock, outside = self.stock, self.outside
        winning_t = _within(favoured_t - self.before_t, self.supply_t)
        supply_t = np.concatenate([stock.supply_t, winning_t])
        supply_t[outside] = self.supply_t - winning_t
        place = 3 * (stock.ask_fen + floor_fen * stock.is_outside) + np.where(stock.is_outside, 2, 1)
        place = np.concatenate([place, place[outside] - 2])
        taken = _take(stock, place, supply_t, self.target_t, self.group)
        tonnes = taken[: len(self.lots)]
        tonnes[outside] += taken[len(self.lots) :]
        return tonnes

    def outside_t(self, floor_fen: int, favoured_t: int) -> int:
        """How many tonnes outside the floor's set are then taken."""
        return _outside_t(self.stock, self.taken(floor_fen, favoured_t))


def _take(stock: Stock, place: Whole, supply_t: Whole, target_t: int, group: Whole | None = None) -> Whole:
    """Tonnes of each row, lowest place first, earlier rows first among equals, within the room of each group."""
    order = np.argsort(place, kind="stable")
    group = (stock.group if group is None else group)[order]
    allowed_t = within_room(group, supply_t[order], np.minimum(stock.room_t, target_t))
    taken = np.empty_like(supply_t)
    taken[order] = _within(target_t - np.cumsum(allowed_t) + allowed_t, allowed_t)
    return taken


def within_room(group: Whole, supply_t: Whole, room_t: Whole) -> Whole:
    """What of each row its group has room for, when rows are taken in their order."""
    return _within(room_t[group] - earlier_t(group, supply_t), supply_t)


def _within(tonnes: Whole, most_t: Whole) -> Whole:
    """Between nothing and the most; three times as fast as `clip` for few lots."""
    return np.maximum(np.minimum(tonnes, most_t), 0)


def earlier_t(group: Whole, tonnes: Whole) -> Whole:
    """For each row the tonnes of the rows of its group that stand before it."""
    by_group = group.argsort(kind="stable")
    sorted_group, sorted_t = group[by_group], tonnes[by_group]
    before_t = sorted_t.cumsum() - sorted_t
    is_new = np.zeros(len(group), dtype=bool)
    is_new[1:] = sorted_group[1:] != sorted_group[:-1]
    earlier = np.empty_like(tonnes)
    earlier[by_group] = before_t - np.maximum.accumulate(before_t * is_new)
    return earlier


def _place_of(stock: Stock, tonnes: int) -> tuple[int, int]:
    """The lot with the last of so many tonnes, cheapest first within the shares, and how many of them are in it."""
    allowed_t = within_room(stock.group, stock.supply_t, stock.room_t)
    end_t = np.cumsum(allowed_t)
    lot = min(int(np.searchsorted(end_t, tonnes)), len(end_t) - 1)
    return lot, tonnes - int(end_t[lot] - allowed_t[lot])
