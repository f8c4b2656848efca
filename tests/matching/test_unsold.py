"""Why a lot was not sold: the fast facts are those that going through everything finds, and the figures are true."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
import pytest

from matching.problem import UNSET, Problem
from matching.unsold import reasons_of_lots
from tests.matching.plain_reasons import Plain
from tests.matching.rounds import bid, lot, problem
from tests.matching.tiny_rounds import Tonnes, standing_of, tiny


def figures_of(round_: Problem, tonnes: Tonnes) -> dict[str, dict[str, Any]]:
    """The figures of the reasons of the first lot by code."""
    reasons = reasons_of_lots(standing_of(round_, tonnes), np.array([0]))[0]
    return {each.code: {} if each.figures is UNSET else each.figures for each in reasons}


class TestFactsAreWhatGoingThroughEverythingFinds:
    @pytest.mark.parametrize("first", range(0, 600, 200))
    def test_reasons_of_lots(self, first: int):
        for seed in range(first, first + 200):
            round_, tonnes = tiny(seed)
            standing, plain = standing_of(round_, tonnes), Plain(round_, tonnes)
            fast = reasons_of_lots(standing, standing.open_lots)
            for position, each in enumerate(sorted(round_.lots, key=lambda row: row.id)):
                told = [(reason.code, reason.tonnes) for reason in fast.get(position, ())]
                assert told == (plain.of_lot(each) if plain.left_t[each.id] else []), (seed, each.id)

    def test_one_lot_alone_is_told_the_same(self):
        for seed in range(100):
            standing = standing_of(*tiny(seed))
            together = reasons_of_lots(standing, standing.open_lots)
            for j in standing.open_lots.tolist():
                assert reasons_of_lots(standing, np.array([j]))[j] == together[j]

    def test_the_needed_ask_is_the_highest_with_enough_takers(self):
        found = 0
        for seed in range(400):
            round_, tonnes = tiny(seed)
            standing, plain = standing_of(round_, tonnes), Plain(round_, tonnes)
            for j, reasons in reasons_of_lots(standing, standing.open_lots).items():
                for reason in reasons:
                    if reason.code == "price" and reason.figures is not UNSET:
                        found += 1
                        check_price(plain, standing.book.lots[j].id, reason.figures)
        assert found > 50


def check_price(plain: Plain, lot_id: str, figures: Any) -> None:
    """The takers by limit, highest first: the needed ask is where they become enough, or the last of them."""
    offer = plain.lots[lot_id]
    takers = []
    for each in plain.round.bids:
        codes, takes_t = plain.between(each, offer)
        if plain.lacks_t[each.id] and codes == ["price"]:
            takers.append((each.limit_fen, takes_t))
    takers.sort(reverse=True)
    enough_t = min(plain.left_t[lot_id], sum(t for _, t in takers))
    taken_t = accumulate(t for _, t in takers)
    limit_fen = next(limit for (limit, _), t in zip(takers, taken_t, strict=True) if t >= enough_t)
    assert figures["needed_ask_fen"] == limit_fen
    assert figures["highest_limit_fen"] == takers[0][0]
    assert figures["unfilled_t"] == sum(t for _, t in takers)
    assert figures["demand_t"] == enough_t


class TestFigures:
    def test_the_price_is_the_ask_at_which_the_lot_would_be_sold_out(self):
        bids = [bid("B1", 4, limit_fen=60), bid("B2", 5, limit_fen=55), bid("B3", 9, limit_fen=50)]
        told = figures_of(problem([lot("L1", 8, ask_fen=70)], bids), {})
        prices = {"ask_fen": 70, "needed_ask_fen": 55, "highest_limit_fen": 60}
        assert told == {"price": prices | {"unfilled_t": 18, "demand_t": 8}}

    def test_a_bid_that_another_rule_keeps_away_is_no_taker_at_a_lower_ask(self):
        bids = [bid("B1", 4, limit_fen=60, all_or_none=True), bid("B2", 5, limit_fen=55)]
        assert figures_of(problem([lot("L1", 8, ask_fen=70)], bids), {})["price"]["unfilled_t"] == 5

    def test_a_whole_lot_tells_how_much_of_it_was_wanted(self):
        told = figures_of(problem([lot("L1", 12, all_or_none=True)], [bid("B1", 10)]), {})
        assert told["all_or_none"] == {"unfilled_t": 10, "quantity_t": 12}

    def test_what_a_search_left_lying_is_told_and_not_put_on_a_rule(self):
        told = figures_of(problem([lot("L1", 8)], [bid("B1", 9)], min_line_t=3), {})
        assert told == {"priority": {"wanted_t": 9, "missed_t": 8}}

    def test_in_an_auction_the_price_of_the_type_stands_in_the_way(self):
        round_ = problem([lot("L1", 8, ask_fen=70)], [bid("B1", 8)], mechanism="auction", price_rule="uniform")
        standing = standing_of(round_, {})
        standing.book.ask_fen[:] = 90
        (reason,) = reasons_of_lots(standing, np.array([0]))[0]
        assert reason.figures == {"unfilled_t": 8, "highest_limit_fen": 70, "price_fen": 90}
