"""What was left on the shelf for a bid: unsold lots as each kind of bid sees them, and how much its own rules let it take.

Bids with the same preferences (types, regions, vintages, floor) look at the same shelf: the unsold lots that fail none
of their rules, or exactly one, from the cheapest ask to the dearest. What is within a bid's limit is then the front
part of a shelf, and running sums say how many tonnes that is. Only bids that mind how much comes from which seller
need the tonnes by seller group.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from matching.constraints import total
from matching.standing import Standing
from matching.variables import Mask, Whole, one

WHOLE_LOTS = "all_or_none"
TASTES = ("type", "region", "vintage")
NOBODY = -1


@dataclass(frozen=True)
class Pile:
    """Unsold tonnes within and outside the set of a bid's floor: by seller group, or in one sum for all of them."""

    within_t: Whole
    outside_t: Whole

    def __add__(self, other: Pile) -> Pile:
        return Pile(self.within_t + other.within_t, self.outside_t + other.outside_t)


@dataclass(frozen=True)
class Shelf:
    """Lots of one kind by ask: their group among those with something unsold, and running sums (within, outside)."""

    lots: Whole
    ask_fen: Whole
    group: Whole
    is_outside: Mask
    unsold_t: Whole
    running_t: Whole

    def reach(self, limit_fen: int) -> int:
        """How many of the lots are within a limit."""
        return int(np.searchsorted(self.ask_fen, limit_fen, side="right"))


class Shelves:
    """The shelves of a standing, each made when it is first asked for."""

    def __init__(self, standing: Standing) -> None:
        self.standing, book = standing, standing.book
        open_lots = standing.open_lots
        groups, self._group_of_open = np.unique(book.lot_group[open_lots], return_inverse=True)
        self.place_of_group = np.full(len(standing.sells), NOBODY)
        self.place_of_group[groups] = np.arange(len(groups))
        self.groups = len(groups)
        self._ask_fen, self._unsold_t = book.ask_fen[open_lots], standing.unsold_t[open_lots]
        self._shelves: dict[tuple[int, str], Shelf] = {}

    def shelf(self, i: int, code: str = "") -> Shelf:
        """Lots that fail for a bid no rule but `code` (none for ""), its price and its own group left aside.

        Lots that are sold as a whole only stand on the shelf of `all_or_none` alone.
        """
        key = int(self.standing.kind_of_bid[i]), code
        if key not in self._shelves:
            for name, shelf in self._made(i, TASTES if code in TASTES else ("", WHOLE_LOTS)).items():
                self._shelves[key[0], name] = shelf
        return self._shelves[key]

    def _made(self, i: int, codes: tuple[str, ...]) -> dict[str, Shelf]:
        lots = self.standing.open_lots
        fails = self.standing.failures(one(i), lots)
        failed = sum(mask.astype(np.int8) for mask in fails.values())
        whole = self.standing.book.is_whole_lot[lots]
        chosen = {code: ~whole & (failed == 1) & fails[code] for code in TASTES if code in codes}
        if "" in codes:
            chosen |= {"": ~whole & (failed == 0), WHOLE_LOTS: whole & (failed == 0)}
        return {code: self._placed(i, np.flatnonzero(mask)) for code, mask in chosen.items()}

    def _placed(self, i: int, at: Whole) -> Shelf:
        lots, unsold_t = self.standing.open_lots[at], self._unsold_t[at]
        outside = self.standing.book.is_outside(one(i), lots)
        running_t = np.zeros((2, len(at) + 1), dtype=np.int64)
        np.cumsum(np.where(outside, 0, unsold_t), out=running_t[0, 1:])
        np.cumsum(np.where(outside, unsold_t, 0), out=running_t[1, 1:])
        return Shelf(lots, self._ask_fen[at], self._group_of_open[at], outside, unsold_t, running_t)


class Seat:
    """What a bid's own rules leave it, over the shelves: tonnes, room outside its floor, share and number of sellers."""

    def __init__(self, shelves: Shelves, i: int) -> None:
        standing, book = shelves.standing, shelves.standing.book
        self.shelves, self.i = shelves, i
        self.unfilled_t, self.outside_left_t = int(standing.unfilled_t[i]), int(standing.outside_left_t[i])
        self.limit_fen, self.cap_t = int(book.limit_fen[i]), int(book.group_cap_t[i])
        groups, self.used_t = standing.contracts_of(i)
        self.sellers_left = int(book.most_sellers[i]) - len(groups)
        self.own = int(shelves.place_of_group[book.bid_group[i]])
        self.has_cap = self.cap_t < int(book.quota_t[i])
        self.has_most_sellers = self.sellers_left < shelves.groups
        self.minds_groups = self.has_cap or self.has_most_sellers or self.own != NOBODY
        if self.minds_groups:
            self.left_t = np.full(shelves.groups, self.cap_t)
            self.is_new = np.ones(shelves.groups, dtype=bool)
            places = shelves.place_of_group[groups]
            is_open = places != NOBODY
            self.left_t[places[is_open]] -= self.used_t[is_open]
            self.is_new[places[is_open]] = False

    def pile(self, shelf: Shelf, lo: int, hi: int, *, own: bool = False) -> Pile:
        """The lots lo to hi of a shelf, without those of the bid's own group, or (`own`) those alone."""
        if not self.minds_groups:
            return Pile(*(shelf.running_t[:, hi : hi + 1] - shelf.running_t[:, lo : lo + 1]))
        group, unsold_t, size = shelf.group[lo:hi], shelf.unsold_t[lo:hi], self.shelves.groups
        key = group * 2 + shelf.is_outside[lo:hi]
        summed = total(key, unsold_t, 2 * size).reshape(size, 2)
        if self.own != NOBODY:
            kept = summed[self.own].copy() if own else np.zeros(2, dtype=np.int64)
            summed[slice(None) if own else self.own] = 0
            summed[self.own] = kept
        return Pile(summed[:, 0], summed[:, 1])

    def room_t(self, pile: Pile, dropped: str = "") -> int:
        """How many tonnes of a pile the bid can take under its quantity rules, one of them dropped; at most it lacks."""
        within_t, outside_t = pile.within_t, pile.outside_t
        if self.minds_groups and self.has_cap and dropped != "group_cap":
            within_t = np.minimum(within_t, self.left_t)
            outside_t = np.minimum(outside_t, self.left_t - within_t)
        most_outside_t = self.unfilled_t if dropped == "floor" else self.outside_left_t
        choices = [(within_t, outside_t)]
        if self.has_most_sellers and dropped != "max_sellers":
            choices = [self._of_largest(within_t, outside_t, within_t + outside_t * weight) for weight in (0, 1)]
        return max(
            min(int(within.sum()) + min(int(outside.sum()), most_outside_t), self.unfilled_t)
            for within, outside in choices
        )

    def _of_largest(self, within_t: Whole, outside_t: Whole, worth_t: Whole) -> tuple[Whole, Whole]:
        """What the groups already dealt with offer, and the most worthy new ones as far as the number allows."""
        new = np.flatnonzero(self.is_new & (within_t + outside_t > 0))
        left = max(0, self.sellers_left)
        if len(new) <= left:
            return within_t, outside_t
        chosen = ~self.is_new
        chosen[new[np.argsort(-worth_t[new], kind="stable")[:left]]] = True
        return within_t[chosen], outside_t[chosen]
