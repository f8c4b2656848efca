"""Why tonnes of a bid stayed open: facts with figures, each from relaxing one rule and no other.

A reason is no verdict on causes. It says what was there: "at a limit of 71.00 yuan there were 340 t more", "without the
floor it could have had 900 t more". Lots that fail exactly one rule of a bid are that rule's; lots that fail none are
held back by a quantity rule. `unsold_t` is what the bid could have had if that rule alone were gone and everybody else
stood as they stand, at most what it lacks. What no single relaxation reaches was short (`supply_short`) or went to
others that came first in the order of the goals and of time (`priority`). `matching.unsold` does the same for lots.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

import numpy as np

from matching.problem import Reason
from matching.shelves import NOBODY, TASTES, WHOLE_LOTS, Pile, Seat, Shelf, Shelves
from matching.standing import Standing
from matching.variables import Mask, Whole, one

PAIR_CODES = ("price", "vintage", "type", "region", "own_group")
QUANTITY_CODES = ("all_or_none", "floor", "group_cap", "max_sellers")
CASES = {"vintage": "vintage", "type": "product_type", "region": "region", "own_group": "group"}
Figures = dict[str, int | str]
Fact = tuple[str, int, Callable[[], Figures]]


class BidReasons:
    """Why the bids of a standing were not filled; what one bid had to find out serves the next."""

    def __init__(self, standing: Standing) -> None:
        self.standing = standing
        self.shelves = Shelves(standing)
        self._suited: dict[int, tuple[Whole, Mask]] = {}
        self._by_ask = np.argsort(standing.book.ask_fen, kind="stable")
        self._ask_fen = standing.book.ask_fen[self._by_ask]

    def of(self, i: int) -> tuple[Reason, ...]:
        """Reasons that add up to the unfilled tonnes of a bid: to each fact in turn as many as it speaks for."""
        open_t = int(self.standing.unfilled_t[i])
        found: list[Reason] = []
        for code, tonnes, figures in self._facts(i) if open_t else ():
            part = min(open_t, tonnes)
            if part > 0:
                open_t -= part
                found.append(Reason(code=code, tonnes=part, figures=figures()))
            if not open_t:
                break
        return tuple(found)

    def _facts(self, i: int) -> Iterator[Fact]:
        """Facts about an unfilled bid: quantity rules, then pair rules, then what was short or went to others."""
        seat, suited = Seat(self.shelves, i), self.shelves.shelf(i)
        within = suited.reach(seat.limit_fen)
        pile = seat.pile(suited, 0, within)
        base_t, missed_t = seat.room_t(pile), self._missed_t(seat, suited, within)
        if not missed_t:
            yield from self._held_back(seat, pile, base_t)
        for code in ("floor", "group_cap", "max_sellers"):
            gain_t = seat.room_t(pile, code) - base_t
            if gain_t > 0:
                yield code, gain_t, lambda code=code, gain_t=gain_t: _quantity_figures(seat, code, gain_t)
        yield from self._pair_facts(seat, suited, within, pile, base_t)
        yield from self._what_others_have(seat, missed_t)

    def _held_back(self, seat: Seat, pile: Pile, base_t: int) -> Iterator[Fact]:
        """What suits the bid and is within its rules, but not as a whole or not by lines of the smallest size."""
        book, whole = self.standing.book, self.shelves.shelf(seat.i, WHOLE_LOTS)
        whole_t = seat.room_t(pile + seat.pile(whole, 0, whole.reach(seat.limit_fen)))
        if book.is_whole_bid[seat.i]:
            yield "all_or_none", whole_t, lambda: {"quantity_t": int(book.quota_t[seat.i]), "unsold_t": whole_t}
            return
        yield "min_line", base_t, lambda: {"min_line_t": book.min_line_t, "unsold_t": base_t}
        yield "all_or_none", whole_t - base_t, lambda: {"unsold_t": whole_t - base_t}

    def _missed_t(self, seat: Seat, suited: Shelf, within: int) -> int:
        """The most tonnes of one unsold lot that the bid could simply have had: then the result is not the best one."""
        if self.standing.book.is_whole_bid[seat.i]:
            pile = seat.pile(suited, 0, within)
            return seat.unfilled_t if seat.room_t(pile) == seat.unfilled_t else 0
        whole, most_t = self.shelves.shelf(seat.i, WHOLE_LOTS), 0
        for shelf, hi in ((suited, within), (whole, whole.reach(seat.limit_fen))):
            if hi:
                smallest_t, line_t = _lines(seat, shelf, hi)
                most_t = max(most_t, int(line_t[line_t >= smallest_t].max(initial=0)))
        return most_t

    def _pair_facts(self, seat: Seat, suited: Shelf, within: int, pile: Pile, base_t: int) -> Iterator[Fact]:
        for code in PAIR_CODES:
            shelf = self.shelves.shelf(seat.i, code) if code in TASTES else suited
            lo, hi = (within, len(suited.lots)) if code == "price" else (0, shelf.reach(seat.limit_fen))
            is_own = code == "own_group"
            if lo == hi or (is_own and seat.own == NOBODY):
                continue
            gain_t = seat.room_t(pile + seat.pile(shelf, lo, hi, own=is_own)) - base_t
            if gain_t > 0 and code == "price":
                yield code, gain_t, lambda gain_t=gain_t: _price_figures(seat, suited, within, pile, gain_t)
            elif gain_t > 0:
                yield code, gain_t, lambda at=(shelf, hi, code), gain_t=gain_t: self._case_figures(seat, *at, gain_t)

    def _case_figures(self, seat: Seat, shelf: Shelf, hi: int, code: str, gain_t: int) -> Figures:
        """What the bid would have had to accept: the case with most unsold tonnes, the first by name if several."""
        is_own = shelf.group[:hi] == seat.own
        chosen = np.flatnonzero(is_own if code == "own_group" else ~is_own)
        tonnes: dict[int | str, int] = {}
        for j, unsold_t in zip(shelf.lots[chosen].tolist(), shelf.unsold_t[chosen].tolist(), strict=True):
            case = getattr(self.standing.book.lots[j], CASES[code])
            tonnes[case] = tonnes.get(case, 0) + unsold_t
        return {CASES[code]: max(sorted(tonnes, key=str), key=tonnes.__getitem__), "unsold_t": gain_t}

    def _what_others_have(self, seat: Seat, missed_t: int) -> Iterator[Fact]:
        """What suits the bid at all, and who has it."""
        book, i = self.standing.book, seat.i
        quota_t = int(book.quota_t[i])
        eligible_t, unsold_t = self._eligible_t(i)
        short: Figures = {"quantity_t": quota_t, "eligible_t": eligible_t}
        yield "supply_short", quota_t - eligible_t, lambda: short
        sold: Figures = {
            "eligible_t": eligible_t,
            "sold_to_others_t": eligible_t - unsold_t - quota_t + seat.unfilled_t,
        }
        yield "priority", quota_t, lambda: sold | ({"missed_t": missed_t} if missed_t else {})

    def _eligible_t(self, i: int) -> tuple[int, int]:
        """Tonnes offered by all lots that fail no pair rule of a bid, and how many of them stayed unsold."""
        standing, book = self.standing, self.standing.book
        kind = int(standing.kind_of_bid[i])
        if kind not in self._suited:
            fails = standing.failures(one(i), self._by_ask)
            fits = ~(fails["type"] | fails["region"] | fails["vintage"])
            tonnes = np.stack([book.supply_t[self._by_ask], standing.unsold_t[self._by_ask]]) * fits
            self._suited[kind] = np.cumsum(tonnes, axis=1), fits
        running_t, fits = self._suited[kind]
        count = int(np.searchsorted(self._ask_fen, book.limit_fen[i], side="right"))
        if not count:
            return 0, 0
        supply_t, unsold_t = running_t[:, count - 1].tolist()
        if standing.sells[book.bid_group[i]]:
            front = self._by_ask[:count]
            own = front[fits[:count] & (book.lot_group[front] == book.bid_group[i])]
            supply_t, unsold_t = supply_t - int(book.supply_t[own].sum()), unsold_t - int(standing.unsold_t[own].sum())
        return supply_t, unsold_t


def _lines(seat: Seat, shelf: Shelf, hi: int) -> tuple[Whole, Whole]:
    """For the first lots of a shelf: the smallest line that may stand, and the largest that the bid's rules allow."""
    standing, lots, unsold_t = seat.shelves.standing, shelf.lots[:hi], shelf.unsold_t[:hi]
    smallest_t = np.minimum(np.minimum(standing.book.min_line_t, seat.unfilled_t), unsold_t)
    smallest_t[np.isin(lots, standing.lines_of(seat.i)[0])] = 1  # a line that is there may grow by any tonne
    smallest_t = np.where(standing.book.is_whole_lot[lots], unsold_t, smallest_t)
    line_t = np.minimum(unsold_t, seat.unfilled_t)
    line_t = np.where(shelf.is_outside[:hi], np.minimum(line_t, seat.outside_left_t), line_t)
    if seat.minds_groups:
        group = shelf.group[:hi]
        line_t = np.minimum(line_t, seat.left_t[group]) * (group != seat.own)
        if seat.has_most_sellers and seat.sellers_left < 1:
            line_t = line_t * ~seat.is_new[group]
    return smallest_t, line_t


def _quantity_figures(seat: Seat, code: str, gain_t: int) -> Figures:
    book = seat.shelves.standing.book
    most_outside_t = int(book.outside_cap_t[seat.i])
    figures: dict[str, Figures] = {
        "floor": {"most_outside_t": most_outside_t, "outside_t": most_outside_t - seat.outside_left_t},
        "group_cap": {"most_from_group_t": seat.cap_t},
        "max_sellers": {"max_sellers": int(book.most_sellers[seat.i]), "sellers": len(seat.used_t)},
    }
    return figures[code] | {"unsold_t": gain_t}


def _price_figures(seat: Seat, suited: Shelf, within: int, pile: Pile, gain_t: int) -> Figures:
    """The lowest limit at which the bid could have had all that a higher limit could give it at all.

    `unsold_t` is what was unsold up to there in lots of which the bid's other rules would have let it take some.
    """

    def room_t(end: int) -> int:
        return seat.room_t(pile + seat.pile(suited, within, end))

    wanted_t, lots = seat.room_t(pile) + gain_t, len(suited.lots)
    summed_t = suited.running_t.sum(axis=0)
    end = last = int(np.searchsorted(summed_t, summed_t[within] + gain_t))  # fewer would not do even without rules
    while last < lots and room_t(last) < wanted_t:
        end, last = last, min(lots, 2 * last - within)
    end = bisect_left(range(lots + 1), wanted_t, lo=end, hi=last, key=room_t)
    is_open = _lines(seat, suited, end)[1][within:] > 0
    return {
        "limit_fen": seat.limit_fen,
        "needed_limit_fen": int(suited.ask_fen[end - 1]),
        "unsold_t": int(suited.unsold_t[within:end][is_open].sum()),
    }
