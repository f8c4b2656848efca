"""The rounds that are measured: made from a seed, sound as problem files, hard in the way that their family says."""

from __future__ import annotations

from statistics import mean

import pytest

from benchmarks import wild
from benchmarks.problems import ECOLOGICAL, FAMILIES, drawn
from matching.problem import Problem, read_problem, write_problem


@pytest.fixture(scope="module")
def rounds() -> dict[str, Problem]:
    return {family: drawn(family, 60, 240, seed=7) for family in FAMILIES}


class TestARound:
    def test_is_the_same_for_the_same_arguments(self) -> None:
        assert drawn("base", 9, 20, seed=3) == drawn("base", 9, 20, seed=3)
        assert drawn("base", 9, 20, seed=3) != drawn("base", 9, 20, seed=4)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_of_every_family_reads_back_from_its_file(self, rounds: dict[str, Problem], family: str) -> None:
        problem = rounds[family]
        assert len(read_problem(write_problem(problem)).lots) == 240
        assert len(problem.bids) == (1 if family == "single_bid" else 60)

    @pytest.mark.parametrize("ratio", [0.7, 1.0, 1.5])
    def test_has_the_ratio_of_supply_to_demand_that_was_asked_for(self, ratio: float) -> None:
        problem = drawn("base", 200, 800, seed=1, ratio=ratio)
        supply_t, demand_t = (sum(each.quantity_t for each in side) for side in (problem.lots, problem.bids))
        assert supply_t / demand_t == pytest.approx(ratio, rel=0.01)


class TestAFamily:
    def test_is_hard_in_the_way_that_it_says(self, rounds: dict[str, Problem]) -> None:
        def share(family: str, side: str, is_so: object) -> float:
            return mean(bool(is_so(each)) for each in getattr(rounds[family], side))

        assert share("ties", "lots", lambda lot: lot.ask_fen % 500 == 0) == 1
        assert {bid.limit_fen for bid in rounds["equal_limits"].bids} == {6_500}
        assert 0.2 < share("all_or_none", "lots", lambda lot: lot.all_or_none) < 0.4
        assert share("all_or_none_everywhere", "lots", lambda lot: lot.all_or_none) == 1
        assert share("dominant_seller", "lots", lambda lot: lot.seller == "S1") > 0.4
        assert share("dominant_seller", "bids", lambda bid: bid.max_group_permille == 400) == 1
        assert share("tiny_quotas", "bids", lambda bid: bid.quantity_t <= 1_000) == 1
        assert share("few_sellers", "bids", lambda bid: bid.max_sellers == 3) == 1
        assert share("one_region", "bids", lambda bid: len(bid.regions) == 1) == 1
        assert share("scarce_ecological", "lots", lambda lot: lot.product_type in ECOLOGICAL) < 0.1
        cheapest_fen = min(lot.ask_fen for lot in rounds["no_trade"].lots)
        assert share("no_trade", "bids", lambda bid: bid.limit_fen < cheapest_fen) == 1


class TestAWildRound:
    def test_reads_back_from_its_file_and_is_the_same_again(self) -> None:
        for number in range(40):
            for make in (wild.tiny, wild.small_or_middling, wild.market, wild.auction):
                problem = make(number, seed=1)
                assert problem == make(number, seed=1)
                read_problem(write_problem(problem))

    def test_that_is_tiny_stays_within_what_can_be_tried(self) -> None:
        for number in range(100):
            problem = wild.tiny(number, seed=1)
            assert len(problem.bids) <= 4 and len(problem.lots) <= 5
            assert max(each.quantity_t for each in (*problem.bids, *problem.lots)) <= 7
