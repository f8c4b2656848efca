"""Why a bid was not filled: the fast facts are those that going through everything finds, and the figures are true."""

from __future__ import annotations

from typing import Any

import pytest

from matching.problem import UNSET, Bid, Lot, Problem
from matching.reasons import BidReasons
from tests.matching.plain_reasons import Plain, fails_of
from tests.matching.rounds import bid, floor, lot, problem
from tests.matching.tiny_rounds import Tonnes, standing_of, tiny


def figures_of(round_: Problem, tonnes: Tonnes, bid_id: str = "B1") -> dict[str, dict[str, Any]]:
    """The figures of a bid's reasons by code."""
    standing = standing_of(round_, tonnes)
    position = [each.id for each in standing.book.bids].index(bid_id)
    reasons = BidReasons(standing).of(position)
    return {each.code: {} if each.figures is UNSET else each.figures for each in reasons}


class TestFactsAreWhatGoingThroughEverythingFinds:
    @pytest.mark.parametrize("first", range(0, 400, 100))
    def test_reasons_of_bids(self, first: int):
        for seed in range(first, first + 100):
            round_, tonnes = tiny(seed)
            fast, plain = BidReasons(standing_of(round_, tonnes)), Plain(round_, tonnes)
            for position, each in enumerate(sorted(round_.bids, key=lambda row: row.id)):
                told = [(reason.code, reason.tonnes) for reason in fast.of(position)]
                assert told == plain.of_bid(each), (seed, each.id)

    def test_the_needed_limit_is_the_lowest_that_brings_as_much_as_any(self):
        found = 0
        for seed in range(300):
            round_, tonnes = tiny(seed)
            plain = Plain(round_, tonnes)
            for each in round_.bids:
                told = figures_of(round_, tonnes, each.id).get("price")
                if told is None:
                    continue
                found += 1
                most_t = room_at(plain, each, 10**7)
                assert room_at(plain, each, told["needed_limit_fen"]) == most_t
                assert room_at(plain, each, told["needed_limit_fen"] - 1) < most_t
        assert found > 50


def room_at(plain: Plain, each: Bid, limit_fen: int) -> int:
    """What a bid could have of the unsold if the price alone were no matter up to a limit."""
    lots = [
        offer
        for offer in plain.round.lots
        if not offer.all_or_none
        and (
            fails_of(each, offer) == []
            or (fails_of(each, offer) == ["price"] and each.limit_fen < offer.ask_fen <= limit_fen)
        )
    ]
    return plain.room_t(each, lots)


class TestFigures:
    def test_the_price_is_the_limit_at_which_the_bid_would_be_complete(self):
        lots = [lot("L1", 3, ask_fen=75), lot("L2", 4, ask_fen=80), lot("L3", 9, ask_fen=85)]
        told = figures_of(problem(lots, [bid("B1", 6, limit_fen=70)]), {})
        assert told == {"price": {"limit_fen": 70, "needed_limit_fen": 80, "unsold_t": 7}}

    def test_the_price_counts_only_what_the_other_rules_leave(self):
        lots = [lot("L1", 5, ask_fen=75), lot("L2", 50, ask_fen=76), lot("L3", 5, ask_fen=80, product_type="wind")]
        buyer = bid("B1", 10, limit_fen=70, floor=floor(1000, ("wind",)))
        assert figures_of(problem(lots, [buyer]), {})["price"] == {
            "limit_fen": 70,
            "needed_limit_fen": 80,
            "unsold_t": 5,
        }

    def test_a_rule_of_quantity_tells_what_it_kept_away(self):
        lots = [lot("L1", 30, group="S"), lot("L2", 30, group="S")]
        told = figures_of(problem(lots, [bid("B1", 10, max_group_permille=400)]), {("B1", "L1"): 4})
        assert told == {"group_cap": {"most_from_group_t": 4, "unsold_t": 6}}

    def test_the_case_with_most_unsold_tonnes_is_named(self):
        lots = [lot("L1", 3, vintage=2019), lot("L2", 4, vintage=2020), lot("L3", 2, vintage=2019)]
        told = figures_of(problem(lots, [bid("B1", 10, vintage_from=2021)]), {})
        assert told["vintage"] == {"vintage": 2019, "unsold_t": 9}

    def test_what_a_search_left_lying_is_told_and_not_put_on_a_rule(self):
        told = figures_of(problem([lot("L1", 8)], [bid("B1", 5)], min_line_t=3), {})
        assert told == {"priority": {"eligible_t": 8, "sold_to_others_t": 0, "missed_t": 5}}

    def test_lots_sold_as_a_whole_are_told_with_their_tonnes(self):
        told = figures_of(problem([lot("L1", 12, all_or_none=True)], [bid("B1", 10)]), {})
        assert told == {"all_or_none": {"unsold_t": 10}}

    def test_a_whole_bid_tells_what_it_asked_for_and_what_there_was(self):
        told = figures_of(problem([lot("L1", 8)], [bid("B1", 10, all_or_none=True)]), {})
        assert told["all_or_none"] == {"quantity_t": 10, "unsold_t": 8}


def test_a_large_open_market_is_explained_bid_by_bid_from_shared_shelves():
    lots: list[Lot] = [lot(f"L{n}", 5, ask_fen=60 + n % 40) for n in range(300)]
    bids = [bid(f"B{n}", 50, limit_fen=50 + n % 20) for n in range(100)]
    standing = standing_of(problem(lots, bids), {})
    reasons = BidReasons(standing)
    assert all(sum(each.tonnes for each in reasons.of(i)) == 50 for i in standing.open_bids.tolist())
    assert len({id(reasons.shelves.shelf(i)) for i in range(100)}) == 1
