"""The proof of small rounds: bounds that hold whatever the simplex method says, and searches that come to an end."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.problems import drawn
from matching.branching import Relaxation, Tree
from matching.checker import check
from matching.constraints import NOTHING, is_feasible
from matching.goals import score_of
from matching.problem import Bound, Problem
from matching.programme import Emptiness, Limits, Programme, Simplex, Sums
from matching.progress import PROOF, Progress
from matching.proof import is_small, searched
from matching.solver import solve
from matching.variables import Book, book_of
from tests.matching.brute_force import best_outcome
from tests.matching.markets import market
from tests.matching.rounds import bid, lot, problem
from tests.matching.test_solver import outcome_bytes, tiny_rounds


def unlimited(book: Book) -> Bound:
    """A bound that a child could give: everybody gets everything for nothing."""
    compliance_t, voluntary_t = (int(book.quota_t[book.is_compliance == side].sum()) for side in (True, False))
    worth_fen = sum((book.quota_t * book.limit_fen).tolist())
    return Bound(compliance_t=compliance_t, voluntary_t=voluntary_t, surplus_fen=worth_fen)


def knapsack() -> tuple[Programme, np.ndarray]:
    """Three kinds of things of 3, 4 and 5 weights, two of each, ten weights in all; what they are worth."""
    programme = Programme()
    things = programme.columns([2, 2, 2])
    programme.add(things, (3, 4, 5), 0, 10)
    return programme, np.array([4, 5, 7])


def best_by_hand(programme: Programme, worth: np.ndarray, limits: Limits) -> int | None:
    """The greatest worth of a point within the limits by trying all, None where there is no point."""
    ranges = [
        range(limits.get(k, (0, most))[0], limits.get(k, (0, most))[1] + 1) for k, most in enumerate(programme.most)
    ]
    points = [np.array(each) for each in product(*ranges)]
    weights = np.array(programme.factor)
    least, most = programme.row_least[0], programme.row_most[0]
    return max((int(worth @ each) for each in points if least <= weights @ each <= most), default=None)


class TestBounds:
    """What is said to be the most is at least the most."""

    @given(st.floats(-1e6, 1e6), st.tuples(*[st.sampled_from([(0, 2), (0, 0), (1, 2), (2, 2)])] * 3))
    def test_a_bound_holds_whatever_the_multipliers_are(self, multiplier: float, ends: tuple[tuple[int, int], ...]):
        programme, worth = knapsack()
        limits = dict(enumerate(ends))
        best = best_by_hand(programme, worth, limits)
        assert best is None or Sums(programme).proof(worth, np.array([multiplier]), limits).most >= best

    def test_the_multipliers_of_the_simplex_method_make_the_bound_tight(self):
        programme, worth = knapsack()
        simplex = Simplex(programme)
        simplex.aim(worth)
        point = simplex.solve({})
        assert point is not None
        assert (
            Sums(programme).proof(worth, point.multiplier, {}).most == 14
        )  # two of 5; in fractions the best is 14, too

    def test_numbers_at_the_edge_of_the_format_are_added_up_without_loss(self):
        programme = Programme()
        columns = programme.columns([10**9] * 3)
        programme.add(columns, (1, 1, 1), 0, 10**9 + 1)
        proof = Sums(programme).proof(np.array([10**7, 10**7 - 1, 0]), np.array([1e7 - 1]), {})
        assert proof.most == (10**7 - 1) * (10**9 + 1) + 10**9

    @pytest.mark.parametrize(
        "limits", [{0: (2, 2), 2: (1, 2)}, {0: (1, 2), 1: (2, 2)}, {2: (0, 1), 1: (0, 0), 0: (0, 2)}]
    )
    def test_limits_are_called_empty_only_when_nothing_lies_within(self, limits: Limits):
        programme, worth = knapsack()
        assert Emptiness(Sums(programme)).is_proven(limits) is (best_by_hand(programme, worth, limits) is None)

    def test_what_was_asked_before_has_no_part_in_a_bound(self):
        programme, worth = knapsack()
        simplex, fresh = Simplex(programme), Simplex(programme)
        simplex.aim(np.array([1, 0, 0]))
        simplex.solve({2: (2, 2)})
        for each in (simplex, fresh):
            each.aim(worth)
        found = [each.solve({1: (0, 1)}) for each in (simplex, fresh)]
        proofs = [Sums(programme).proof(worth, point.multiplier, {1: (0, 1)}).most for point in found if point]
        assert proofs == [proofs[0]] * 2


class TestSearch:
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(tiny_rounds())
    def test_from_nothing_a_tiny_round_is_solved_as_well_as_by_trying_everything(self, round_: Problem):
        book = book_of(round_)
        if not (book.bids and book.lots):
            return
        held, bound = searched(book, NOTHING, lambda _: unlimited(book), lambda: None)
        best = best_outcome(round_)
        assert is_feasible(book, held)
        assert score_of(book, held) == best
        assert bound is None or (bound.compliance_t, bound.voluntary_t, bound.surplus_fen) == best

    def test_from_nothing_a_small_market_is_solved_as_well_as_from_a_good_start(self):
        round_ = market(25, 40, 5)
        held, bound = searched(book_of(round_), NOTHING, lambda _: unlimited(book_of(round_)), lambda: None)
        totals = solve(round_).totals
        assert score_of(book_of(round_), held) == (totals.compliance_t, totals.voluntary_t, totals.surplus_fen)
        assert bound == Bound(
            compliance_t=totals.compliance_t, voluntary_t=totals.voluntary_t, surplus_fen=totals.surplus_fen
        )

    def test_a_cap_that_rounds_down_to_nothing_leaves_nothing_to_trade(self):
        lots = [lot("L1", 1, group="G1"), lot("L2", 1, group="G2")]
        round_ = problem(lots, [bid("B1", 1, max_group_permille=400, max_sellers=1)], min_line_t=1)
        held, bound = searched(book_of(round_), NOTHING, lambda _: unlimited(book_of(round_)), lambda: None)
        assert held is NOTHING
        assert bound == Bound(compliance_t=0, voluntary_t=0, surplus_fen=0)

    def test_a_search_without_effort_changes_nothing_and_claims_nothing(self):
        book = book_of(market(10, 20, 1))
        tree = Tree(Relaxation(book), 0, NOTHING, 0, lambda: None)
        assert tree.grown(1_000_000) == 1_000_000
        assert tree.held is NOTHING

    def test_a_search_that_is_cut_short_claims_no_more_than_it_proved(self):
        book = book_of(market(25, 40, 5, bid_max_sellers=2))
        whole = Tree(Relaxation(book), 0, NOTHING, 10**9, lambda: None)
        most = whole.grown(10**9)
        assert most == whole.best
        for allowed in (1, 10**5, 10**6):
            short = Tree(Relaxation(book), 0, NOTHING, allowed, lambda: None)
            claimed = short.grown(10**9)
            assert short.best <= most <= claimed
            assert is_feasible(book, short.held)

    def test_what_only_halves_of_a_tonne_keep_open_is_settled_at_once(self):
        book = book_of(drawn("base", 25, 40, seed=274))  # here the window is 477 fen wide, and no search by halves ends
        held, _ = searched(book, NOTHING, lambda _: unlimited(book), lambda: None)
        tree = Tree(Relaxation(book), 2, held, 10**9, lambda: None)
        assert tree.grown(tree.best + 477) == tree.best
        assert tree.visits < 1_000

    def test_when_the_time_is_up_what_is_held_is_returned(self):
        book = book_of(market(10, 20, 1))
        held, bound = searched(book, NOTHING, lambda _: unlimited(book), lambda: 0)
        assert held is NOTHING
        assert bound == unlimited(book)

    def test_bounds_that_are_met_need_no_search(self):
        book = book_of(market(10, 20, 1))
        nothing = Bound(compliance_t=0, voluntary_t=0, surplus_fen=0)
        assert searched(book, NOTHING, lambda _: nothing, lambda: None) == (NOTHING, None)

    def test_progress_is_told_after_each_goal_that_is_searched(self):
        book, told = book_of(market(10, 20, 1)), list[Progress]()
        held, _ = searched(book, NOTHING, lambda _: unlimited(book), lambda: None, told.append)
        assert {each.stage for each in told} == {PROOF}
        assert [each.best for each in told] == sorted(each.best for each in told if each.best)
        assert told[-1].best == score_of(book, held)


class TestSmallRounds:
    """Rounds of a province, among them the hard ones: each is solved to the end."""

    @pytest.mark.parametrize(
        "round_",
        [
            market(60, 200, 2),
            market(60, 200, 6),
            market(25, 40, 3, bid_max_sellers=3),
            market(25, 40, 1, lot_all_or_none=True),
            market(25, 40, 2, bid_all_or_none=True),
            market(25, 40, 1, bid_max_group_permille=300, lot_group="S0"),
        ],
        ids=lambda round_: f"{len(round_.bids)}x{len(round_.lots)}",
    )
    def test_a_small_round_is_solved_to_the_end(self, round_: Problem):
        assert is_small(book_of(round_))
        result = solve(round_)
        assert result.status == "optimal"
        assert check(round_, result) == []

    def test_the_same_round_is_searched_the_same_way_again(self):
        round_ = market(25, 40, 7, bid_max_sellers=2)
        assert outcome_bytes(solve(round_)) == outcome_bytes(solve(round_))
