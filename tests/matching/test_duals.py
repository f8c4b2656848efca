"""The bounds and the prices that prove them: as tight as the flow they come from, and never below what can be had."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from matching.bounds import derived
from matching.checker import check
from matching.constraints import most_alone_t
from matching.duals import Bounds
from matching.goals import Relaxation, of_most_surplus
from matching.problem import Problem, Totals
from matching.solver import solve_certified
from matching.variables import Book, book_of, is_middling
from tests.matching.brute_force import best_outcome
from tests.matching.markets import market
from tests.matching.rounds import bid, floor, lot, problem

UNBOUND = {"bid_max_group_permille": None, "bid_max_sellers": None, "bid_all_or_none": False, "lot_all_or_none": False}


def relaxed(round_: Problem) -> tuple[Book, Relaxation, Bounds]:
    """The networks of a round, and the bounds that they imply."""
    book = book_of(round_)
    relaxation = Relaxation(book, most_alone_t(book))
    return book, relaxation, Bounds(book, relaxation.relaxed, relaxation.most_t)


class TestTheBoundIsTight:
    @pytest.mark.parametrize("seed", range(4))
    def test_where_the_network_knows_every_rule_the_prices_prove_exactly_its_flow(self, seed: int):
        _, relaxation, bounds = relaxed(market(40, 120, seed, **UNBOUND))
        promised = relaxation.best[1].score
        assert msgspec.structs.astuple(bounds.bound(promised)) == promised

    @pytest.mark.parametrize("seed", range(3))
    def test_a_middling_round_seen_finely_has_no_higher_bound_than_seen_coarsely(self, seed: int):
        round_ = market(301, 2_000, seed, bid_max_group_permille=50)
        promised = []
        for is_fine in (False, True):
            book = book_of(round_, is_fine=is_fine)
            assert is_middling(book)
            promised.append(Relaxation(book, most_alone_t(book)).best[1].score)
        assert promised[1] < promised[0]

    def test_a_result_that_falls_short_is_bounded_by_the_slope_there_and_not_by_the_widest_spread(self):
        lots = [lot("L1", 10, 40), lot("L2", 10, 60)]
        _, _, bounds = relaxed(problem(lots, [bid("B1", 10, 50), bid("B2", 10, 90)]))
        assert bounds.bound((20, 0, 400)).surplus_fen == 400
        # one tonne less: B2 takes nine of the dear lot, and one of the cheap lot's goes unsold or replaces a dear one
        assert bounds.bound((19, 0, 370)).surplus_fen <= 400 + 2 * 50

    def test_a_whole_bid_that_cannot_be_filled_alone_adds_nothing_to_the_bound(self):
        bids = [bid("B1", 30, all_or_none=True), bid("B2", 5)]
        _, _, bounds = relaxed(problem([lot("L1", 10)], bids))
        assert bounds.bound((5, 0, 0)).compliance_t == 5

    def test_a_whole_bid_short_by_its_floor_alone_adds_nothing_to_the_bound(self):
        wish = bid("B1", 30, all_or_none=True, floor=floor(500, ("forestry",), None))
        _, _, bounds = relaxed(problem([lot("L1", 10), lot("L2", 90, product_type="wind")], [wish]))
        assert bounds.bound((0, 0, 0)).compliance_t == 0

    def test_a_bid_held_back_by_a_small_seller_s_cap_is_seen_when_it_is_looked_at(self):
        lots = [lot("L1", 100, group="G1"), *(lot(f"M{k}", 1, group=f"M{k}") for k in range(2))]
        book, _, bounds = relaxed(problem(lots, [bid("B1", 50, max_group_permille=400)]))
        bounds.look_at(np.ones(len(book.bids), dtype=bool))
        assert bounds.bound((22, 0, 0)).compliance_t == 22


class TestTheBoundHolds:
    @pytest.mark.parametrize("seed", range(12))
    def test_no_outcome_of_a_tiny_round_passes_its_bounds(self, seed: int):
        draw = np.random.default_rng(seed)
        lots = [
            lot(f"L{k}", int(draw.integers(1, 5)), int(draw.integers(4, 7)) * 10, group=f"G{draw.integers(1, 3)}")
            for k in range(4)
        ]
        bids = [
            bid(
                f"B{k}",
                int(draw.integers(1, 7)),
                int(draw.integers(4, 8)) * 10,
                max_group_permille=[None, 500][int(draw.integers(2))],
                all_or_none=bool(draw.integers(2)),
                purpose=["compliance", "voluntary"][int(draw.integers(2))],
            )
            for k in range(3)
        ]
        round_ = problem(lots, bids)
        best = best_outcome(round_)
        _, _, bounds = relaxed(round_)
        assert all(most >= got for most, got in zip(msgspec.structs.astuple(bounds.bound(best)), best, strict=True))


class TestTheProofIsTheBound:
    @pytest.mark.parametrize("mechanism", ["quota", "auction"])
    def test_what_the_solver_states_is_what_the_checker_derives(self, mechanism: str):
        round_ = market(30, 90, 3)
        if mechanism == "auction":
            round_ = msgspec.structs.replace(round_, mechanism="auction", price_rule="uniform")
        result, certificate = solve_certified(round_)
        assert check(round_, result, certificate) == []

    def test_the_bound_of_an_auction_is_the_flow_of_most_surplus(self):
        round_ = market(30, 90, 5, **UNBOUND)
        round_ = msgspec.structs.replace(round_, mechanism="auction", price_rule="uniform")
        book = book_of(round_)
        relaxed_ = of_most_surplus(book, most_alone_t(book))
        surplus_fen, proofs = Bounds(book, relaxed_, most_alone_t(book)).of_auction()
        nothing = Totals(compliance_t=0, voluntary_t=0, surplus_fen=0, cost_fen=0, lines=0)
        assert surplus_fen == relaxed_[0][1].score[2]
        assert derived(round_, nothing, {"surplus_fen": proofs.surplus_fen}) == {"surplus_fen": surplus_fen}
