"""The desk's answer to one wish: the cheapest portfolio, the two next best, and what each preference costs.

As many tonnes as can be, then the least cost, then the lots that were offered earlier. A line under the minimum stands
only where it fills the wish or empties the lot, as in a round.

Alternatives do without one of the main sellers of the best portfolio: groups that give a tenth of its tonnes or more,
its two largest in any case. Of these portfolios the two best that differ are told; where there are not so many, the
first of them gives up its own main sellers in turn. What a preference costs is the difference to the best portfolio
without it, all else as it was; where not all can be covered, the same comparison says what stands in the way.

Pure. Source: contracts §2; decision of the desk: two alternatives (docs/matching.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from matching.basket import Whole
from matching.few_sellers import select
from matching.selection import MOST_STEPS, NOTHING, Case, Choice, Goals
from matching.wish import Shelf, Wish, case_of

MOST_ALTERNATIVES = 2
MAIN_PERMILLE, FEWEST_MAIN, MOST_MAIN = 100, 2, 5
SIDE_STEPS = 60  # effort for each question beside the first

ALL = "all"
DROPPED: dict[str, dict[str, Any]] = {  # the codes are those of reasons (contracts §3)
    "type": {"product_types": None},
    "vintage": {"vintage_from": None, "vintage_to": None},
    "region": {"regions": None},
    "floor": {"floor": None},
    "group_cap": {"max_group_permille": None},
    "max_sellers": {"max_sellers": None},
    "price": {"limit_fen": None},
}


class Taken(Struct, frozen=True, kw_only=True):
    """Tonnes of one lot, at its ask in fen a tonne."""

    lot: str
    group: str
    quantity_t: int
    ask_fen: int


class Portfolio(Struct, frozen=True, kw_only=True):
    """Lines by descending tonnes. `is_proven`: nothing covers more, and nothing that covers as much costs less."""

    lines: tuple[Taken, ...]
    covered_t: int
    cost_fen: int
    is_proven: bool

    @property
    def goals(self) -> Goals:
        """More tonnes, then less cost: the larger is the better."""
        return self.covered_t, -self.cost_fen


class Alternative(Struct, frozen=True, kw_only=True):
    """The best portfolio without some seller groups."""

    without: tuple[str, ...]
    portfolio: Portfolio


class Preference(Struct, frozen=True, kw_only=True):
    """What can be covered, and at which cost, without one preference (`code` of `DROPPED`) or without `ALL` of them."""

    code: str
    covered_t: int
    cost_fen: int
    is_proven: bool


def premium_fen(best: Portfolio, without: Preference) -> int | None:
    """What a preference costs in all; None where more is covered without it, so that the costs do not compare."""
    return best.cost_fen - without.cost_fen if without.covered_t == best.covered_t else None


class Answer(Struct, frozen=True, kw_only=True):
    """The best portfolio, at most two alternatives, the better first, and the preferences in the order of `DROPPED`."""

    best: Portfolio
    alternatives: tuple[Alternative, ...]
    preferences: tuple[Preference, ...]


Find = Callable[[Collection[str], Goals], Portfolio]


def answer(shelf: Shelf, wish: Wish, *, min_line_t: int = 1) -> Answer:
    """What the lots on the shelf can do for a wish."""
    best = _find(*case_of(shelf, wish, min_line_t), shelf, NOTHING, MOST_STEPS)

    def without(groups: Collection[str], to_beat: Goals) -> Portfolio:
        return _find(*case_of(shelf, wish, min_line_t, groups), shelf, to_beat, SIDE_STEPS)

    found = _alternatives(best, without)
    best = max([best, *(each.portfolio for each in found)], key=lambda each: each.goals)  # another if it was not proven
    preferences = tuple(
        _without_preference(shelf, replace(wish, **fields), min_line_t, best, code)
        for code, fields in _stated(wish).items()
    )
    alternatives = tuple(each for each in found if each.portfolio.lines != best.lines)
    return Answer(best=best, alternatives=alternatives, preferences=preferences)


def _find(places: Whole, case: Case, shelf: Shelf, to_beat: Goals, steps: int) -> Portfolio:
    """The best portfolio of a case, an empty one when nothing beats the goals given."""
    choice, is_proven = select(case, to_beat, steps)
    if choice is None:
        return Portfolio(lines=(), covered_t=0, cost_fen=0, is_proven=is_proven)
    names = list(shelf.groups)
    lines = [
        Taken(
            lot=shelf.ids[places[k]],
            group=names[case.stock.group[k]],
            quantity_t=int(choice.tonnes[k]),
            ask_fen=int(case.stock.ask_fen[k]),
        )
        for k in _by_tonnes(choice)
    ]
    covered_t, less_cost_fen = choice.goals
    return Portfolio(lines=tuple(lines), covered_t=covered_t, cost_fen=-less_cost_fen, is_proven=is_proven)


def _by_tonnes(choice: Choice) -> list[int]:
    taken = np.flatnonzero(choice.tonnes)
    return taken[np.argsort(-choice.tonnes[taken], kind="stable")].tolist()


def _alternatives(best: Portfolio, without: Find) -> list[Alternative]:
    """Different portfolios without main sellers of the best one, the better first."""
    found = _doing_without((), best, without)
    if 0 < len(found) < MOST_ALTERNATIVES:
        further = _doing_without(found[0].without, found[0].portfolio, without)
        known = [each.portfolio.lines for each in found]
        found += [each for each in further if each.portfolio.lines not in known]
    return found[:MOST_ALTERNATIVES]


def _doing_without(left_out: tuple[str, ...], portfolio: Portfolio, without: Find) -> list[Alternative]:
    """The best different portfolios that also do without a main seller of this one, the better first.

    The smallest of the main sellers is the easiest to do without: what is found there the others have to beat.
    """
    found: list[Alternative] = []
    for group in reversed(_main(portfolio)):
        groups, is_enough = (*left_out, group), len(found) == MOST_ALTERNATIVES
        other = without(groups, found[-1].portfolio.goals if is_enough else NOTHING)
        if other.lines and other.lines not in [each.portfolio.lines for each in found]:
            found.append(Alternative(without=groups, portfolio=other))
            found.sort(key=lambda each: each.portfolio.goals, reverse=True)
            del found[MOST_ALTERNATIVES:]
    return found


def _main(portfolio: Portfolio) -> list[str]:
    """The groups that give most: a tenth of the tonnes or more, two in any case, five at most."""
    by_group_t: dict[str, int] = {}
    for line in portfolio.lines:
        by_group_t[line.group] = by_group_t.get(line.group, 0) + line.quantity_t
    ordered = sorted(by_group_t, key=lambda group: -by_group_t[group])
    main = [group for group in ordered if by_group_t[group] * 1000 >= portfolio.covered_t * MAIN_PERMILLE]
    return ordered[: min(max(len(main), FEWEST_MAIN), MOST_MAIN)]


def _stated(wish: Wish) -> dict[str, dict[str, Any]]:
    """The preferences that the wish states and, where there are several, all of them."""
    stated = {
        code: fields for code, fields in DROPPED.items() if any(getattr(wish, name) is not None for name in fields)
    }
    if len(stated) > 1:
        stated[ALL] = {name: None for fields in stated.values() for name in fields}
    return stated


def _without_preference(shelf: Shelf, wish: Wish, min_line_t: int, best: Portfolio, code: str) -> Preference:
    """The wish with a preference dropped. It allows all that it allowed before, so the best is what is to be beaten."""
    choice, is_proven = select(case_of(shelf, wish, min_line_t)[1], best.goals, SIDE_STEPS)
    covered_t, less_cost_fen = best.goals if choice is None else choice.goals
    return Preference(code=code, covered_t=covered_t, cost_fen=-less_cost_fen, is_proven=is_proven)
