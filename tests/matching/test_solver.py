"""The solver: nothing it proposes breaks a rule, tiny rounds are solved as trying everything solves them."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import variables
from matching.checker import check
from matching.problem import Problem, Result, write_result
from matching.solver import NotSolvable, solve
from tests.matching.brute_force import best_outcome
from tests.matching.markets import ECOLOGICAL, market
from tests.matching.rounds import bid, floor, lot, problem


def reached(result: Result) -> tuple[int, int, int]:
    return result.totals.compliance_t, result.totals.voluntary_t, result.totals.surplus_fen


def bounds(result: Result) -> tuple[int | None, int | None, int | None]:
    return result.bound.compliance_t, result.bound.voluntary_t, result.bound.surplus_fen


def lines(result: Result) -> dict[tuple[str, str], int]:
    return {(line.bid, line.lot): line.quantity_t for line in result.lines}


def outcome_bytes(result: Result) -> bytes:
    """All of a result that may not differ between two runs."""
    solver = msgspec.structs.replace(result.solver, seconds=0, peak_mb=0)
    return write_result(msgspec.structs.replace(result, solver=solver))


def solved(round_: Problem) -> Result:
    """The result of a round that the checker has nothing to say against."""
    result = solve(round_)
    assert check(round_, result) == []
    return result


TYPES, PLACES = st.sampled_from(["forestry", "wind"]), st.sampled_from(["130100", "110000"])
FLOORS = st.builds(
    floor,
    st.sampled_from([0, 300, 500, 800, 1000]),
    st.sampled_from([None, ("forestry",)]),
    st.sampled_from([None, ("130100",)]),
)
MINUTES = st.integers(0, 3).map(lambda minute: f"2026-03-01T01:0{minute}:00Z")


@st.composite
def tiny_rounds(draw: st.DrawFn) -> Problem:
    """Up to three bids and four lots of a few tonnes, with every rule there is."""
    lots = [
        lot(
            f"L{number}",
            draw(st.integers(1, 5)),
            draw(st.sampled_from([40, 45, 50, 55, 60])),
            group=draw(st.sampled_from(["G1", "G2", "G3"])),
            product_type=draw(TYPES),
            region=draw(PLACES),
            vintage=draw(st.integers(2022, 2024)),
            all_or_none=draw(st.integers(0, 3)) == 0,
            offered_at=draw(MINUTES),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    bids = [
        bid(
            f"B{number}",
            draw(st.integers(1, 7)),
            draw(st.sampled_from([40, 50, 60, 70])),
            group=draw(st.sampled_from(["G1", "H1", "H2"])),
            purpose=draw(st.sampled_from(["compliance", "voluntary"])),
            product_types=draw(st.sampled_from([None, None, ("wind",), ("forestry",), ()])),
            regions=draw(st.sampled_from([None, None, None, ("130100",)])),
            vintage_from=draw(st.sampled_from([None, 2023])),
            vintage_to=draw(st.sampled_from([None, None, 2023])),
            floor=draw(st.one_of(st.none(), FLOORS)),
            max_group_permille=draw(st.sampled_from([None, None, 400, 600])),
            max_sellers=draw(st.sampled_from([None, None, 1, 2])),
            all_or_none=draw(st.integers(0, 3)) == 0,
            submitted_at=draw(MINUTES),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    rule = draw(st.sampled_from(["pay_as_ask", "midpoint"]))
    return problem(lots, bids, min_line_t=draw(st.integers(1, 4)), price_rule=rule)


class TestTinyRounds:
    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(tiny_rounds())
    def test_a_tiny_round_is_solved_as_well_as_by_trying_everything(self, round_: Problem):
        result = solved(round_)
        assert result.status == "optimal"
        assert reached(result) == best_outcome(round_)

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(tiny_rounds(), st.randoms(use_true_random=False))
    def test_the_order_of_the_lists_changes_nothing(self, round_: Problem, draw: random.Random):
        shuffled = msgspec.structs.replace(
            round_, lots=tuple(draw.sample(round_.lots, len(round_.lots))), bids=tuple(reversed(round_.bids))
        )
        assert outcome_bytes(solve(round_)) == outcome_bytes(solve(shuffled))


class TestGoals:
    def test_compliance_tonnes_come_before_voluntary_tonnes_and_before_surplus(self):
        bids = [bid("B1", 5, limit_fen=60), bid("B2", 10, limit_fen=90, purpose="voluntary")]
        assert lines(solved(problem([lot("L1", 8)], bids))) == {("B1", "L1"): 5, ("B2", "L1"): 3}

    def test_among_equal_tonnes_the_greater_surplus_wins(self):
        bids = [bid("B1", 5, limit_fen=60), bid("B2", 5, limit_fen=61)]
        assert lines(solved(problem([lot("L1", 5)], bids))) == {("B2", "L1"): 5}

    def test_more_tonnes_win_over_a_cheaper_purchase(self):
        lots, bids = [lot("L1", 5, 40), lot("L2", 5, 60)], [bid("B1", 5, 50), bid("B2", 5, 90)]
        assert lines(solved(problem(lots, bids))) == {("B1", "L1"): 5, ("B2", "L2"): 5}

    @pytest.mark.parametrize(("rule", "price_fen"), [("pay_as_ask", 50), ("midpoint", 60)])
    def test_a_line_is_priced_by_the_rule_of_the_round(self, rule: str, price_fen: int):
        result = solved(problem([lot("L1", ask_fen=50)], [bid("B1", limit_fen=71)], price_rule=rule))
        assert [line.price_fen for line in result.lines] == [price_fen]
        assert result.totals.surplus_fen == 21 * 10


class TestTies:
    def test_the_earlier_bid_comes_first(self):
        bids = [bid("B1", submitted_at="2026-03-02T03:00:01Z"), bid("B2", submitted_at="2026-03-02T03:00:00Z")]
        assert lines(solved(problem([lot("L1")], bids))) == {("B2", "L1"): 10}

    def test_the_earlier_lot_is_sold_first(self):
        lots = [lot("L1", offered_at="2026-03-01T01:00:00.5Z"), lot("L2", offered_at="2026-03-01T01:00:00.25Z")]
        assert lines(solved(problem(lots, [bid("B1")]))) == {("B1", "L2"): 10}

    @pytest.mark.parametrize("seed", ["9f2c", "a", "b", "c", "d"])
    def test_bids_of_the_same_instant_are_ordered_by_the_hash_of_seed_and_id(self, seed: str):
        first = min(["B1", "B2", "B3"], key=lambda name: hashlib.sha256((seed + name).encode()).digest())
        result = solved(problem([lot("L1")], [bid("B1"), bid("B2"), bid("B3")], seed=seed))
        assert lines(result) == {(first, "L1"): 10}

    def test_the_earlier_of_two_whole_bids_comes_first(self):
        early, late = "2026-03-02T03:00:00Z", "2026-03-02T03:00:01Z"
        bids = [bid("B1", all_or_none=True, submitted_at=late), bid("B2", all_or_none=True, submitted_at=early)]
        assert lines(solved(problem([lot("L1", 15)], bids))) == {("B2", "L1"): 10}


class TestRules:
    """One small round per rule in which the rule decides."""

    def test_no_owner_trades_with_itself(self):
        result = solved(problem([lot("L1", group="G"), lot("L2", ask_fen=60)], [bid("B1", group="G")]))
        assert lines(result) == {("B1", "L2"): 10}

    def test_the_floor_is_a_share_of_the_quota_not_of_the_fill(self):
        buyer = bid("B1", 10, floor=floor(500, ECOLOGICAL))
        result = solved(problem([lot("L1", 20, product_type="wind"), lot("L2", 1)], [buyer]))
        assert lines(result) == {("B1", "L1"): 5, ("B1", "L2"): 1}

    def test_one_seller_group_gives_no_more_than_its_share(self):
        lots = [lot("L1", 20, group="G"), lot("L2", 20, group="G"), lot("L3", 20, ask_fen=60)]
        result = solved(problem(lots, [bid("B1", 10, max_group_permille=400)]))
        assert sum(tonnes for (_, name), tonnes in lines(result).items() if name != "L3") == 4
        assert lines(result)["B1", "L3"] == 4

    def test_a_bid_deals_with_no_more_seller_groups_than_it_may(self):
        lots = [lot("L1", 4), lot("L2", 3), lot("L3", 5, ask_fen=65)]
        assert lines(solved(problem(lots, [bid("B1", 10, max_sellers=2)]))) == {("B1", "L1"): 4, ("B1", "L3"): 5}

    def test_many_lots_of_one_seller_group_count_as_one_seller(self):
        lots = [lot("L1", 4, group="G"), lot("L2", 3, group="G"), lot("L3", 6)]
        assert reached(solved(problem(lots, [bid("B1", 10, max_sellers=1)])))[0] == 7

    def test_a_whole_bid_is_filled_or_left(self):
        assert lines(solved(problem([lot("L1", 9)], [bid("B1", 10, all_or_none=True)]))) == {}

    def test_a_whole_lot_is_sold_out_or_left(self):
        assert lines(solved(problem([lot("L1", 11, all_or_none=True)], [bid("B1", 10)]))) == {}

    def test_a_small_line_stands_when_it_completes_its_bid(self):
        round_ = problem([lot("L1", 300), lot("L2", 300)], [bid("B1", 340)], min_line_t=100)
        assert reached(solved(round_))[0] == 340

    def test_a_small_line_that_completes_nothing_is_not_drawn(self):
        wind = lot("L1", 300, product_type="wind")
        round_ = problem([wind], [bid("B1", 400, floor=floor(800, ECOLOGICAL))], min_line_t=100)
        assert lines(solved(round_)) == {}

    def test_type_vintage_region_and_price_keep_a_pair_apart(self):
        for difference in (
            {"product_types": ("wind",)},
            {"regions": ("110000",)},
            {"vintage_from": 2025},
            {"vintage_to": 2023},
            {"limit_fen": 49},
        ):
            assert lines(solved(problem([lot("L1")], [bid("B1", **difference)]))) == {}


class TestWholeMarkets:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_a_market_is_cleared_within_a_thousandth_of_the_bound(self, seed: int):
        result = solved(market(100, 500, seed))
        assert result.gap_ppm.coverage <= 1000
        assert result.gap_ppm.surplus <= 5000
        assert len(result.lines) > 100

    @pytest.mark.parametrize(
        "twist",
        [
            {"bid_all_or_none": True},
            {"lot_all_or_none": True},
            {"bid_max_sellers": 3},
            {"bid_max_group_permille": 400, "lot_group": "S0"},
            {"bid_regions": ("130800",)},
            {"bid_limit_fen": 6500},
            {"bid_limit_fen": 0},
            {"bid_purpose": "voluntary"},
            {"lot_product_type": "wind"},
        ],
        ids=" ".join,
    )
    def test_a_twisted_market_is_cleared_without_a_breach(self, twist: dict[str, Any]):
        result = solved(market(70, 210, 5, **twist))
        assert result.status in ("optimal", "bounded")

    def test_a_small_round_is_solved_to_the_end(self):
        for seed in (1, 2):
            assert solved(market(25, 40, seed)).status == "optimal"

    def test_the_order_of_the_lists_changes_nothing_in_a_market(self):
        round_, draw = market(70, 210, 3), random.Random(3)
        shuffled = msgspec.structs.replace(
            round_, lots=tuple(draw.sample(round_.lots, 210)), bids=tuple(draw.sample(round_.bids, 70))
        )
        assert outcome_bytes(solve(round_)) == outcome_bytes(solve(shuffled, workers=2))

    def test_prices_and_quantities_at_the_edge_of_the_format_are_solved(self):
        lots = [lot("L1", 10**9, ask_fen=9), lot("L2", 10**9, ask_fen=10**7)]
        bids = [bid("B1", 9 * 10**8, limit_fen=10**7, max_group_permille=500), bid("B2", 10, limit_fen=10)]
        assert reached(solved(problem(lots, bids)))[0] == 9 * 10**8 + 10


class TestClaims:
    @pytest.mark.parametrize(("lots", "bids"), [([], []), ([lot("L1")], []), ([], [bid("B1")])])
    def test_a_round_with_an_empty_side_is_optimal_and_empty(self, lots: list[Any], bids: list[Any]):
        result = solved(problem(lots, bids))
        assert (result.status, reached(result), result.lines) == ("optimal", (0, 0, 0), ())

    def test_the_bounds_hold_for_what_branch_and_bound_proves(self):
        results = [solved(market(10, 20, seed, bid_max_sellers=1)) for seed in range(6)]
        searched = [result for result in results if result.search_bound is not None]
        assert searched
        for result in searched:
            for goal in ("compliance_t", "voluntary_t", "surplus_fen"):
                assert getattr(result.search_bound, goal) <= getattr(result.bound, goal)

    def test_no_workers_are_refused(self):
        with pytest.raises(NotSolvable, match="workers"):
            solve(problem([], []), workers=0)

    def test_a_time_limit_that_strikes_is_told_and_the_result_is_feasible(self):
        result = solve(market(70, 210, 4, bid_max_sellers=3), time_limit_s=0)
        assert result.status == "time_limit"
        assert check(market(70, 210, 4, bid_max_sellers=3), result) == []

    def test_the_effort_is_stated(self):
        solver = solve(problem([lot("L1")], [bid("B1")])).solver
        assert solver.seconds > 0
        assert solver.peak_mb > 0
        assert solver.name


class TestAMiddlingRound:
    """One of more than 600,000 pairs and at most two millions is seen coarsely first."""

    @pytest.mark.parametrize("seed", range(2))
    def test_what_is_left_open_is_looked_at_finely_and_nothing_found_before_is_lost(
        self, seed: int, monkeypatch: pytest.MonkeyPatch
    ):
        round_ = market(110, 260, seed, bid_max_group_permille=200)  # too large for a proof by search
        monkeypatch.setattr(variables, "MIDDLING_PAIRS", 20_000)
        looked_again = solve(round_)
        monkeypatch.setattr(variables, "LARGE_PAIRS", 20_000)
        seen_coarsely = solve(round_)
        assert not check(round_, looked_again)
        totals = [(each.totals.compliance_t, each.totals.voluntary_t) for each in (seen_coarsely, looked_again)]
        assert totals[0] <= totals[1]
        assert looked_again.bound.compliance_t <= seen_coarsely.bound.compliance_t
        assert looked_again.gap_ppm.coverage < seen_coarsely.gap_ppm.coverage
