"""The desk's answers: feasible, the cheapest there is, with alternatives that differ and the price of each preference."""

from __future__ import annotations

import random
import time
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from ortools.graph.python.min_cost_flow import SimpleMinCostFlow

from matching import few_sellers
from matching.basket import Stock, cheapest, most_t
from matching.checker import check
from matching.portfolio import ALL, DROPPED, Answer, Portfolio, answer, premium_fen
from matching.problem import Lot, Problem
from matching.selection import Case, Search
from matching.wish import Wish, shelf_of
from tests.matching.brute_force import best_outcome
from tests.matching.markets import market
from tests.matching.rounds import bid, floor, lot, problem, result

HALF_GREEN = floor(500, ("forestry", "wetland"))
NO_LIMIT_FEN = 10**6


def asked(lots: list[Lot], min_line_t: int = 1, **wish: Any) -> Answer:
    return answer(shelf_of(lots), Wish(**wish), min_line_t=min_line_t)


def tonnes(portfolio: Portfolio) -> dict[str, int]:
    return {line.lot: line.quantity_t for line in portfolio.lines}


def as_round(lots: list[Lot], wish: Wish, min_line_t: int) -> Problem:
    """The wish as the only bid of a round, for brute force and checker, which know nothing of the desk."""
    terms = {name: getattr(wish, name) for name in Wish.__struct_fields__ if name not in ("limit_fen", "group")}
    limit_fen = NO_LIMIT_FEN if wish.limit_fen is None else wish.limit_fen
    one = bid("B1", limit_fen=limit_fen, group=wish.group or "buyer", **terms)
    return problem(lots, [one], min_line_t=min_line_t)


class TestWhatAWishMayTake:
    def test_the_cheapest_half_green_forty_percent_portfolio(self) -> None:
        lots = [
            lot("W1", 9000, 4600, product_type="wind", group="A"),
            lot("W2", 9000, 4800, product_type="wind", group="B"),
            lot("F1", 9000, 6000, group="C"),
            lot("F2", 9000, 6100, product_type="wetland", group="D"),
        ]
        best = asked(lots, quantity_t=3284, floor=HALF_GREEN, max_group_permille=400).best
        assert tonnes(best) == {"W1": 1313, "F1": 1313, "W2": 329, "F2": 329}
        assert (best.covered_t, best.cost_fen, best.is_proven) == (3284, 17_503_900, True)

    @pytest.mark.parametrize(
        ("other", "wish"),
        [
            ({"product_type": "wind"}, {"product_types": ("forestry",)}),
            ({"vintage": 2019}, {"vintage_from": 2020}),
            ({"vintage": 2026}, {"vintage_to": 2025}),
            ({"region": "110000"}, {"regions": ("130800", "130100")}),
            ({"ask_fen": 61}, {"limit_fen": 60}),
            ({"group": "own"}, {"group": "own"}),
        ],
    )
    def test_only_lots_that_it_allows(self, other: dict[str, Any], wish: dict[str, Any]) -> None:
        barred = {"ask_fen": 40} | other
        lots = [lot("L1", 5, ask_fen=60), lot("L2", 5, **barred)]
        assert tonnes(asked(lots, quantity_t=10, **wish).best) == {"L1": 5}

    def test_among_equals_the_earlier_offer_comes_first_then_the_hash(self) -> None:
        lots = [lot("L1", 10, offered_at="2026-03-02T00:00:00Z"), lot("L2", 10, offered_at="2026-03-01T00:00:00.5Z")]
        assert tonnes(asked(lots, quantity_t=10).best) == {"L2": 10}
        twins = [lot(f"L{number}", 1) for number in range(9)]
        by_hash = tonnes(asked(twins, quantity_t=4).best)
        assert tonnes(asked(twins[::-1], quantity_t=4).best) == by_hash
        assert list(by_hash) != ["L0", "L1", "L2", "L3"]

    def test_nothing_on_offer_gives_an_empty_answer(self) -> None:
        told = asked([], quantity_t=10, limit_fen=5)
        assert told.best == Portfolio(lines=(), covered_t=0, cost_fen=0, is_proven=True)
        assert (told.alternatives, [each.covered_t for each in told.preferences]) == ((), [0])

    def test_a_small_line_stands_only_where_it_fills_the_wish_or_empties_the_lot(self) -> None:
        lots = [lot("L1", 95, 50, group="A"), lot("L2", 50, 60, group="A"), lot("L3", 7, 70, group="A")]
        assert tonnes(asked(lots, 20, quantity_t=100).best) == {"L1": 95, "L2": 5}
        capped = asked(lots, 20, quantity_t=125, max_group_permille=800).best
        assert tonnes(capped) == {"L1": 93, "L3": 7}
        assert tonnes(asked(lots[:2], 20, quantity_t=125, max_group_permille=800).best) == {"L1": 80, "L2": 20}


class TestNothingIsCheaper:
    def test_brute_force_finds_nothing_better_in_any_tiny_case(self) -> None:
        draw = random.Random("portfolios")
        for _ in range(250):
            lots, wish, min_line_t = tiny_case(draw)
            round_ = as_round(lots, wish, min_line_t)
            told = answer(shelf_of(lots), wish, min_line_t=min_line_t)
            covered_t, _, surplus_fen = best_outcome(round_)
            limit_fen = round_.bids[0].limit_fen
            assert told.best.is_proven
            assert told.best.covered_t == covered_t, (lots, wish)
            assert told.best.cost_fen == limit_fen * covered_t - surplus_fen, (lots, wish)
            for each in (told.best, *(other.portfolio for other in told.alternatives)):
                lines = {("B1", name): quantity_t for name, quantity_t in tonnes(each).items()}
                assert check(round_, result(round_, lines)) == []

    def test_a_flow_finds_nothing_better_under_a_floor_and_shares(self) -> None:
        draw = np.random.default_rng(5)
        for _ in range(60):
            stock = drawn_stock(draw, lots=int(draw.integers(1, 400)), groups=int(draw.integers(1, 30)))
            target_t = int(draw.integers(1, most_t(stock) + 1))
            taken = cheapest(stock, target_t)
            assert taken is not None
            assert taken.sum() == target_t
            assert int((taken * stock.ask_fen).sum()) == cost_of_flow(stock, target_t)

    def test_no_subset_of_few_sellers_is_better(self) -> None:
        draw = np.random.default_rng(7)
        for _ in range(40):
            stock = drawn_stock(draw, lots=40, groups=8)
            is_whole = draw.random(40) < draw.choice([0, 0.1])
            case = Case(stock, is_whole, int(draw.integers(50, 900)), int(draw.integers(1, 4)), 10)
            found, is_proven = few_sellers.select(case)
            best = (0, 0)
            for chosen in combinations(range(8), case.most_sellers):
                better = Search(10**6).best(case.part(np.isin(stock.group, chosen)), best)
                best = better.goals if better else best
            assert is_proven
            assert (found.goals if found else (0, 0)) == best

    def test_when_the_effort_does_not_suffice_the_answer_says_so_and_keeps_every_rule(self) -> None:
        draw = random.Random("knapsack")
        lots = [
            lot(f"L{number:02d}", draw.randint(500, 900), draw.randint(50, 90), all_or_none=True)
            for number in range(60)
        ]
        told = [asked(lots, quantity_t=20_011, max_group_permille=300) for _ in range(2)]
        assert told[0] == told[1]
        assert not told[0].best.is_proven
        assert 19_000 < told[0].best.covered_t <= 20_011
        lines = {("B1", name): quantity_t for name, quantity_t in tonnes(told[0].best).items()}
        round_ = as_round(lots, Wish(quantity_t=20_011, max_group_permille=300), 1)
        assert check(round_, result(round_, lines)) == []


class TestAlternatives:
    LOTS = (
        lot("A1", 100, 50, group="A"),
        lot("A2", 100, 51, group="A"),
        lot("B1", 100, 52, group="B"),
        lot("C1", 100, 60, group="C"),
        lot("D1", 500, 70, group="D"),
    )

    def test_each_does_without_a_main_seller_and_the_better_comes_first(self) -> None:
        told = asked(list(self.LOTS), quantity_t=250)
        assert tonnes(told.best) == {"A1": 100, "A2": 100, "B1": 50}
        assert [each.without for each in told.alternatives] == [("B",), ("A",)]
        assert [each.portfolio.cost_fen for each in told.alternatives] == [13_100, 14_700]
        assert tonnes(told.alternatives[1].portfolio) == {"B1": 100, "C1": 100, "D1": 50}

    def test_a_single_seller_is_replaced_and_then_its_replacement_too(self) -> None:
        told = asked(list(self.LOTS), quantity_t=80)
        assert [each.without for each in told.alternatives] == [("A",), ("A", "B")]
        assert [tonnes(each.portfolio) for each in told.alternatives] == [{"B1": 80}, {"C1": 80}]

    def test_a_seller_of_a_few_tonnes_is_not_worth_an_alternative(self) -> None:
        told = asked([*self.LOTS, lot("E1", 3, 1, group="E")], quantity_t=253)
        assert "E1" in tonnes(told.best)
        assert all("E" not in each.without for each in told.alternatives)

    def test_where_nobody_else_sells_there_is_none(self) -> None:
        assert asked([lot("A1", 100, group="A")], quantity_t=10).alternatives == ()

    def test_one_that_covers_less_says_so_and_comes_last(self) -> None:
        told = asked(list(self.LOTS[:3]), quantity_t=250)
        assert [each.portfolio.covered_t for each in told.alternatives] == [200, 100]


class TestWhatPreferencesCost:
    def test_each_costs_what_the_best_without_it_would_save(self) -> None:
        draw = random.Random("preferences")
        for _ in range(40):
            lots, wish, min_line_t = tiny_case(draw)
            told = answer(shelf_of(lots), wish, min_line_t=min_line_t)
            for each in told.preferences:
                fields = (
                    DROPPED[each.code] if each.code != ALL else {n: v for d in DROPPED.values() for n, v in d.items()}
                )
                without = answer(shelf_of(lots), replace(wish, **fields), min_line_t=min_line_t).best
                assert (each.covered_t, each.cost_fen) == (without.covered_t, without.cost_fen)
                assert each.is_proven

    def test_only_what_is_stated_is_told_and_all_together_last(self) -> None:
        told = asked([lot("L1", 10)], quantity_t=5, max_sellers=1, vintage_to=2025, limit_fen=60)
        assert [each.code for each in told.preferences] == ["vintage", "max_sellers", "price", ALL]
        assert [each.code for each in asked([lot("L1", 10)], quantity_t=5, max_sellers=1).preferences] == [
            "max_sellers"
        ]
        assert asked([lot("L1", 10)], quantity_t=5).preferences == ()

    def test_what_stands_in_the_way_of_covering_all_is_told_with_its_price(self) -> None:
        lots = [lot("L1", 60, 50, group="A"), lot("L2", 60, 70, group="B")]
        told = asked(lots, quantity_t=100, limit_fen=60, max_group_permille=900)
        limit, all_of_them = told.preferences[1:]
        assert (told.best.covered_t, limit.covered_t, limit.cost_fen) == (60, 100, 5_800)
        assert premium_fen(told.best, limit) is None
        assert premium_fen(told.best, told.preferences[0]) == 0
        assert all_of_them.covered_t == 100


class TestSpeed:
    @pytest.mark.parametrize("others", [{}, {"max_sellers": 3, "vintage_from": 2022, "limit_fen": 9_000}])
    def test_twenty_thousand_lots_are_answered_within_a_fifth_of_a_second(self, others: dict[str, Any]) -> None:
        shelf = shelf_of(market(1, 20_000, 3).lots)
        wish = Wish(quantity_t=3284, floor=HALF_GREEN, max_group_permille=400, **others)
        seconds = []
        for _ in range(4):
            began = time.process_time()
            told = answer(shelf, wish, min_line_t=100)
            seconds.append(time.process_time() - began)
        assert told.best.is_proven
        assert len(told.alternatives) == 2
        assert min(seconds) <= 0.2


def tiny_case(draw: random.Random) -> tuple[list[Lot], Wish, int]:
    lots = [
        lot(
            f"L{number}",
            draw.randint(1, 5),
            draw.randint(1, 9),
            group=draw.choice("ABC"),
            product_type=draw.choice(("forestry", "wind")),
            vintage=draw.choice((2023, 2024)),
            region=draw.choice(("130100", "130800")),
            all_or_none=draw.random() < 0.2,
        )
        for number in range(draw.randint(1, 5))
    ]

    def perhaps(stated: Any) -> Any:
        return stated if draw.random() < 0.4 else None

    wish = Wish(
        quantity_t=draw.randint(1, 10),
        limit_fen=perhaps(draw.randint(3, 9)),
        product_types=perhaps(("forestry",)),
        vintage_from=perhaps(2024),
        vintage_to=perhaps(2023),
        regions=perhaps(("130800",)),
        floor=perhaps(floor(draw.choice((300, 500, 1000)), ("forestry",), perhaps(("130800",)))),
        max_group_permille=perhaps(draw.choice((300, 400, 600))),
        max_sellers=perhaps(draw.randint(1, 2)),
        group=perhaps("A"),
    )
    return lots, wish, draw.choice((1, 3))


def drawn_stock(draw: np.random.Generator, *, lots: int, groups: int) -> Stock:
    room_t = int(draw.integers(20, 400))
    return Stock(
        ask_fen=np.sort(draw.integers(10, draw.integers(15, 400), lots)),
        supply_t=draw.integers(1, 80, lots),
        group=draw.integers(0, groups, lots),
        is_outside=draw.random(lots) < draw.random(),
        room_t=np.full(groups, room_t),
        outside_t=int(draw.integers(1, 600)),
    )


def cost_of_flow(stock: Stock, target_t: int) -> int:
    """The least cost by OR-Tools: source, groups, the two sides of the floor, sink."""
    flow, groups = SimpleMinCostFlow(), len(stock.room_t)
    source, inside, outside, sink = groups, groups + 1, groups + 2, groups + 3
    for group in range(groups):
        flow.add_arc_with_capacity_and_unit_cost(source, group, int(stock.room_t[group]), 0)
    for k in range(len(stock.ask_fen)):
        side = outside if stock.is_outside[k] else inside
        flow.add_arc_with_capacity_and_unit_cost(
            int(stock.group[k]), side, int(stock.supply_t[k]), int(stock.ask_fen[k])
        )
    flow.add_arc_with_capacity_and_unit_cost(inside, sink, target_t, 0)
    flow.add_arc_with_capacity_and_unit_cost(outside, sink, stock.outside_t, 0)
    flow.set_node_supply(source, target_t)
    flow.set_node_supply(sink, -target_t)
    assert flow.solve() == flow.OPTIMAL
    return flow.optimal_cost()
