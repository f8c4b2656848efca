"""A comparison is worth what the peers are worth: they must play by the same rules, and well."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks import peers, wild
from benchmarks.board import Board, Lines
from benchmarks.pair_model import PairModel
from benchmarks.problems import FAMILIES, drawn
from benchmarks.queues import ORDERS, served
from matching.problem import Problem
from tests.matching.brute_force import best_outcome, is_feasible
from tests.matching.rounds import bid, lot, problem


def tonnes_of(board: Board, lines: Lines) -> dict[tuple[str, str], int]:
    rows = zip(lines.bid.tolist(), lines.lot.tolist(), lines.tonnes.tolist(), strict=True)
    return {(board.bids[i].id, board.lots[j].id): t for i, j, t in rows}


class TestThePairModel:
    def test_allows_the_best_outcome_and_no_outcome_that_breaks_a_rule(self) -> None:
        for number in range(25):
            board = Board(wild.tiny(number, seed=5))
            answer = peers.by_cp_sat(board, 20)
            assert answer.lines is not None, number
            assert is_feasible(board.problem, tonnes_of(board, answer.lines)), number
            best = peers.in_one_number(board, best_outcome(board.problem))
            assert peers.in_one_number(board, board.goals(answer.lines)) >= best, number

    def test_has_a_variable_for_every_pair_that_may_trade_and_for_no_other(self) -> None:
        lots = [lot("L1", ask_fen=50), lot("L2", ask_fen=71), lot("L3", vintage=2020), lot("L4", group="buyer-B1")]
        model = PairModel(Board(problem(lots, [bid("B1", vintage_from=2021), bid("B2", limit_fen=71)])))
        assert list(zip(model.bid.tolist(), model.lot.tolist(), strict=True)) == [
            (0, 0),
            (1, 0),
            (1, 1),
            (1, 2),
            (1, 3),
        ]

    def test_weighs_any_tonne_more_than_any_difference_of_prices(self) -> None:
        model = PairModel(Board(drawn("base", 20, 60, seed=1)))
        worth, duty = model.worth[: model.pairs], model.board.is_compliance[model.bid]
        spread = worth[duty].max() - worth[duty].min()
        assert worth[duty].min() > worth[~duty].max() - spread
        assert worth.min() > 0


class TestAQueue:
    @pytest.mark.parametrize("name", ORDERS)
    @pytest.mark.parametrize("family", FAMILIES)
    def test_keeps_every_rule_in_every_family(self, family: str, name: str) -> None:
        board = Board(drawn(family, 40, 160, seed=2))
        lines = served(board, ORDERS[name])
        assert board.violations(lines) == []
        assert lines.tonnes.size or family == "no_trade"

    def test_keeps_every_rule_in_wild_rounds_and_never_beats_the_best(self) -> None:
        for number in range(30):
            board = Board(wild.tiny(number, seed=6))
            for order in ORDERS.values():
                lines = served(board, order)
                assert is_feasible(board.problem, tonnes_of(board, lines)), number
                assert board.goals(lines) <= best_outcome(board.problem), number

    def test_serves_by_its_own_order(self) -> None:
        early, late = "2026-03-02T01:00:00Z", "2026-03-02T02:00:00Z"
        bids = [bid("poor", 10, 60, submitted_at=early), bid("rich", 10, 90, submitted_at=late)]
        board = Board(problem([lot("L1", 10, 50)], bids))
        winners = {name: board.bids[int(served(board, order).bid[0])].id for name, order in ORDERS.items()}
        assert winners == {
            "greedy, cheapest first": "poor",
            "order book, price-time": "rich",
            "greedy, lowest limit first": "poor",
        }

    def test_gives_back_what_an_all_or_none_bid_cannot_be_filled_with(self) -> None:
        bids = [bid("whole", 20, all_or_none=True, submitted_at="2026-03-01T01:00:00Z"), bid("part", 20)]
        board = Board(problem([lot("L1", 10)], bids))
        assert tonnes_of(board, served(board, ORDERS["greedy, cheapest first"])) == {("part", "L1"): 10}


class TestAJudgement:
    def test_measures_against_the_bound_in_one_number_and_in_tonnes(self) -> None:
        board = small_board()
        answer = peers.Answer("somebody", Lines.of([(0, 0, 8)]), 0.1, "done")
        figures = peers.judged(board, answer, (10, 0, 200), (10, 0, 200))
        assert (figures["coverage_ppm"], figures["surplus_of_ours_ppm"], figures["violations"]) == (200_000, 800_000, 0)
        assert figures["one_number_ppm"] == 200_000
        assert peers.our_gap_in_one_number(board, (10, 0, 200), (10, 0, 200)) == 0

    def test_counts_the_rules_that_a_peer_breaks(self) -> None:
        answer = peers.Answer("cheat", Lines.of([(0, 0, 12)]), 0.1, "done")
        assert peers.judged(small_board(), answer, (10, 0, 200), (10, 0, 200))["violations"] > 0

    def test_is_of_a_peer_that_found_nothing_too(self) -> None:
        answer = peers.Answer("slow", None, 60, "unknown")
        assert peers.judged(small_board(), answer, (10, 0, 200), (10, 0, 200))["found"] is False

    def test_bounds_whatever_anybody_reaches(self) -> None:
        for number in range(30):
            board = Board(wild.tiny(number, seed=8))
            best = best_outcome(board.problem)
            if sum(best[:2]):
                assert peers.bound_in_one_number(board, best, best) >= max(
                    peers.in_one_number(board, board.goals(served(board, order))) for order in ORDERS.values()
                ), number


class TestAnEasierRound:
    def test_has_no_minimum_line_and_no_limit_on_sellers_and_is_the_same_otherwise(self) -> None:
        from benchmarks.sections import easier

        hard = drawn("few_sellers", 10, 30, seed=1)
        soft = easier(hard)
        assert soft.min_line_t == 1 and {each.max_sellers for each in soft.bids} == {None}
        restored = tuple(msgspec.structs.replace(each, max_sellers=3) for each in soft.bids)
        assert msgspec.structs.replace(soft, id=hard.id, min_line_t=100, bids=restored) == hard


def small_board() -> Board:
    round_: Problem = problem([lot("L1", 10, 50)], [bid("B1", 10, 70)])
    return Board(round_)
