"""What one more tonne would be worth: computed by hand, and never more than what an outcome with the change reaches."""

from __future__ import annotations

from collections import Counter

import pytest

from matching.marginal import Worth, worth_of_bid, worth_of_lot
from matching.problem import Problem
from matching.solver import solve
from tests.matching.brute_force import best_outcome, is_feasible
from tests.matching.rounds import auction, bid, floor, lot, problem
from tests.matching.tiny_rounds import Tonnes, changed, goals_of, moved, standing_of, tiny


def of_bid(round_: Problem, tonnes: Tonnes, bid_id: str = "B1") -> list[Worth]:
    """The worth of a bid's tonne with these lines."""
    standing = standing_of(round_, tonnes)
    return worth_of_bid(standing, [each.id for each in standing.book.bids].index(bid_id))


def of_lot(round_: Problem, tonnes: Tonnes, lot_id: str = "L1") -> list[Worth]:
    """The worth of a lot's tonne with these lines."""
    standing = standing_of(round_, tonnes)
    return worth_of_lot(standing, [each.id for each in standing.book.lots].index(lot_id))


def told(worth: list[Worth]) -> list[tuple[str, dict[str, int | str], tuple[int, int, int]]]:
    """Kind, change and gain."""
    return [(each.kind, each.change, each.gain) for each in worth]


class TestABidThatLacksTonnes:
    def test_the_limit_of_the_cheapest_unsold_tonne(self):
        round_ = problem([lot("L1", 5, ask_fen=80), lot("L2", 5, ask_fen=75)], [bid("B1", 5, limit_fen=70)])
        assert told(of_bid(round_, {})) == [("limit_unsold", {"bid": "B1", "limit_fen": 75}, (1, 0, 0))]

    def test_a_first_line_has_the_smallest_size(self):
        round_ = problem([lot("L1", 500, ask_fen=80)], [bid("B1", 300, limit_fen=70)], min_line_t=100)
        (worth,) = of_bid(round_, {})
        assert worth.moves == (("B1", "L1", 100),)

    def test_one_fen_above_the_bid_that_holds_the_tonne(self):
        round_ = problem([lot("L1", 5, ask_fen=50)], [bid("B1", 5, limit_fen=60), bid("B2", 5, limit_fen=70)])
        (worth,) = of_bid(round_, {("B2", "L1"): 5})
        assert told([worth]) == [("limit_from_bid", {"bid": "B1", "limit_fen": 71}, (0, 0, 1))]
        assert worth.moves == (("B1", "L1", 1), ("B2", "L1", -1))

    def test_a_duty_comes_before_a_voluntary_bid_at_any_limit_above_the_ask(self):
        bids = [bid("B1", 5, limit_fen=60), bid("B2", 5, limit_fen=90, purpose="voluntary")]
        round_ = problem([lot("L1", 5, ask_fen=80)], bids)
        assert told(of_bid(round_, {("B2", "L1"): 5})) == [
            ("limit_from_bid", {"bid": "B1", "limit_fen": 80}, (1, -1, -10))
        ]

    def test_the_lower_of_the_two_limits_is_told(self):
        lots = [lot("L1", 5, ask_fen=50), lot("L2", 5, ask_fen=65)]
        round_ = problem(lots, [bid("B1", 5, limit_fen=60), bid("B2", 5, limit_fen=70)])
        assert [each.kind for each in of_bid(round_, {("B2", "L1"): 5})] == ["limit_unsold"]

    def test_nothing_is_told_where_another_rule_is_in_the_way(self):
        round_ = problem([lot("L1", 5, ask_fen=50)], [bid("B1", 5, limit_fen=70, regions=("110000",))])
        assert of_bid(round_, {}) == []


class TestAFullBid:
    def test_one_tonne_more_comes_from_what_is_unsold(self):
        lots = [lot("L1", 5, ask_fen=50), lot("L2", 5, ask_fen=60)]
        worth = of_bid(problem(lots, [bid("B1", 5, limit_fen=70)]), {("B1", "L1"): 5})
        assert told(worth) == [("more_unsold", {"bid": "B1", "quantity_t": 6}, (1, 0, 10))]

    def test_one_tonne_more_comes_from_a_bid_with_a_lower_limit(self):
        bids = [bid("B1", 5, limit_fen=70), bid("B2", 5, limit_fen=66)]
        worth = of_bid(problem([lot("L1", 10, ask_fen=50)], bids), {("B1", "L1"): 5, ("B2", "L1"): 5})
        assert told(worth) == [("more_from_bid", {"bid": "B1", "quantity_t": 6}, (0, 0, 4))]

    def test_a_bid_that_is_all_or_none_gives_nothing_up(self):
        bids = [bid("B1", 5, limit_fen=70), bid("B2", 5, limit_fen=66, all_or_none=True)]
        worth = of_bid(problem([lot("L1", 10, ask_fen=50)], bids), {("B1", "L1"): 5, ("B2", "L1"): 5})
        assert [each.kind for each in worth] == ["more_nothing"]

    def test_the_share_of_a_seller_grows_with_the_quantity(self):
        buyer = bid("B1", 9, max_group_permille=500)
        lots = [lot("L1", 10, group="S"), lot("L2", 5, group="T")]
        (worth,) = of_bid(problem(lots, [buyer]), {("B1", "L1"): 4, ("B1", "L2"): 5})
        assert worth.moves == (("B1", "L1", 1),)

    @pytest.mark.parametrize(
        ("code", "preference", "cheaper"),
        [
            ("type", {"product_types": ("forestry",)}, {"product_type": "wind"}),
            ("vintage", {"vintage_from": 2023}, {"vintage": 2020}),
            ("region", {"regions": ("130800",)}, {"region": "110000"}),
            ("floor", {"floor": floor(1000, ("forestry",))}, {"product_type": "wind"}),
            ("max_sellers", {"max_sellers": 1}, {}),
        ],
    )
    def test_its_dearest_tonne_beside_the_one_without_a_preference(
        self, code: str, preference: dict[str, object], cheaper: dict[str, object]
    ):
        lots = [lot("L1", 10, ask_fen=60), lot("L2", 5, ask_fen=42, **cheaper)]
        worth = of_bid(problem(lots, [bid("B1", 10, **preference)]), {("B1", "L1"): 10})
        assert told(worth[1:]) == [(f"without_{code}", {"bid": "B1", "without": code}, (0, 0, 18))]
        assert (worth[1].figures["dearest_price_fen"], worth[1].figures["price_fen"]) == (60, 42)

    def test_its_dearest_tonne_beside_the_one_without_the_share_of_one_seller(self):
        lots = [lot("L1", 10, ask_fen=42, group="S"), lot("L2", 5, ask_fen=60)]
        round_ = problem(lots, [bid("B1", 10, max_group_permille=500)])
        worth = of_bid(round_, {("B1", "L1"): 5, ("B1", "L2"): 5})
        assert told(worth[1:]) == [("without_group_cap", {"bid": "B1", "without": "group_cap"}, (0, 0, 18))]

    def test_prices_follow_the_rule_of_the_round(self):
        lots = [lot("L1", 10, ask_fen=60), lot("L2", 5, ask_fen=40, region="110000")]
        buyer = bid("B1", 10, limit_fen=80, regions=("130800",))
        worth = of_bid(problem(lots, [buyer], price_rule="midpoint"), {("B1", "L1"): 10})
        assert (worth[1].figures["dearest_price_fen"], worth[1].figures["price_fen"]) == (70, 60)


class TestALot:
    def test_sold_out_it_would_sell_one_more_to_the_bid_with_the_highest_limit(self):
        bids = [bid("B1", 5, limit_fen=60), bid("B2", 5, limit_fen=70), bid("B3", 5, 90, purpose="voluntary")]
        worth = of_lot(problem([lot("L1", 2, ask_fen=50)], bids), {("B2", "L1"): 2})
        assert told(worth) == [("more_to_bid", {"lot": "L1", "quantity_t": 3}, (1, 0, 20))]

    def test_sold_out_among_full_bids_it_takes_the_place_of_the_dearest_tonne(self):
        lots = [lot("L1", 5, ask_fen=50), lot("L2", 5, ask_fen=60), lot("L3", 5, ask_fen=65)]
        worth = of_lot(problem(lots, [bid("B1", 15)]), {("B1", "L1"): 5, ("B1", "L2"): 5, ("B1", "L3"): 5})
        assert told(worth) == [("more_instead", {"lot": "L1", "quantity_t": 6}, (0, 0, 15))]

    def test_a_small_line_that_leans_on_a_lot_sold_out_is_not_let_fall(self):
        lots = [lot("L1", 5, ask_fen=50), lot("L2", 5, ask_fen=60)]
        round_ = problem(lots, [bid("B1", 9), bid("B2", 9, product_types=("wind", "forestry"))], min_line_t=2)
        assert of_lot(round_, {("B1", "L1"): 5, ("B1", "L2"): 4, ("B2", "L2"): 1})[0].kind != "more_instead"

    def test_left_over_it_would_be_bought_at_the_limit_of_a_bid_that_lacks_tonnes(self):
        bids = [bid("B1", 5, limit_fen=60), bid("B2", 5, limit_fen=65, all_or_none=True)]
        worth = of_lot(problem([lot("L1", 4, ask_fen=70)], bids), {})
        assert told(worth) == [("ask_to_bid", {"lot": "L1", "ask_fen": 60}, (1, 0, 0))]

    def test_left_over_it_would_be_bought_one_fen_below_the_dearest_that_it_can_replace(self):
        lots = [lot("L1", 5, ask_fen=68), lot("L2", 5, ask_fen=60), lot("L3", 5, ask_fen=64, all_or_none=True)]
        round_ = problem(lots, [bid("B1", 10)])
        worth = of_lot(round_, {("B1", "L2"): 5, ("B1", "L3"): 5})
        assert told(worth) == [("ask_instead", {"lot": "L1", "ask_fen": 59}, (0, 0, 1))]

    def test_a_tonne_without_taker_is_worth_nothing(self):
        assert told(of_lot(problem([lot("L1", 5)], [bid("B1", 5)]), {("B1", "L1"): 5})) == [
            ("more_nothing", {"lot": "L1", "quantity_t": 6}, (0, 0, 0))
        ]


class TestWhatIsClaimed:
    def test_every_exchange_is_feasible_better_and_worth_what_it_says(self):
        """Make the change, apply the moves: brute force agrees that it may be done, and finds nothing worse."""
        kinds: Counter[str] = Counter()
        for seed in range(600):
            round_, tonnes = tiny(seed)
            for worth in every_worth(round_, tonnes):
                kinds[worth.kind] += 1
                if not worth.moves:
                    continue
                other, after = changed(round_, worth.change), moved(tonnes, worth)
                reached, before = goals_of(other, after), goals_of(other, tonnes)
                assert is_feasible(other, after), (seed, worth)
                assert tuple(a - b for a, b in zip(reached, before, strict=True)) == worth.gain, (seed, worth)
                assert reached > before, (seed, worth)
                if seed % 12 == 1:
                    assert best_outcome(other) >= reached, (seed, worth)
        assert len(kinds) >= 15

    def test_nothing_was_missed_in_a_round_that_is_proven_best(self):
        proven = 0
        for seed in range(0, 60, 2):
            round_, _ = tiny(seed)
            result = solve(round_)
            if result.status == "optimal":
                proven += 1
                tonnes = {(line.bid, line.lot): line.quantity_t for line in result.lines}
                assert "missed" not in {worth.kind for worth in every_worth(round_, tonnes)}, seed
        assert proven > 20

    def test_what_a_search_missed_is_told(self):
        worth = of_bid(problem([lot("L1", 5, ask_fen=50)], [bid("B1", 5)]), {})
        assert [(each.kind, each.change, each.gain) for each in worth] == [("missed", {}, (1, 0, 20))]

    def test_orders_that_are_all_or_none_and_auctions_tell_nothing(self):
        whole = problem([lot("L1", 5, all_or_none=True)], [bid("B1", 9, all_or_none=True)])
        assert of_bid(whole, {}) == of_lot(whole, {}) == []
        assert of_bid(auction(), {}) == of_lot(auction(), {}) == []

    def test_one_side_alone_tells_nothing(self):
        assert of_bid(problem([], [bid("B1")]), {}) == of_lot(problem([lot("L1")], []), {}) == []


def every_worth(round_: Problem, tonnes: Tonnes) -> list[Worth]:
    """The worth of every bid and lot."""
    standing = standing_of(round_, tonnes)
    bids = [worth for i in range(len(round_.bids)) for worth in worth_of_bid(standing, i)]
    return bids + [worth for j in range(len(round_.lots)) for worth in worth_of_lot(standing, j)]
