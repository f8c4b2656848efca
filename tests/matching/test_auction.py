"""Auctions: one price per product type, nobody served at a loss, and tiny ones solved as trying everything solves them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.checker import check
from matching.problem import UNSET, Problem, Result, write_result
from matching.solver import solve, solve_certified
from tests.matching.brute_force_auction import best_outcome
from tests.matching.markets import market
from tests.matching.rounds import bid, floor, lot, problem


def auction(lots: list[Any], bids: list[Any], **others: Any) -> Problem:
    return problem(lots, bids, mechanism="auction", price_rule="uniform", **others)


def cleared(round_: Problem) -> Result:
    """The result of an auction; the checker has nothing to say against it, and its bound is proven."""
    result, certificate = solve_certified(round_)
    assert check(round_, result, certificate) == []
    return result


def goals(result: Result) -> tuple[int, int]:
    return result.totals.surplus_fen, sum(line.quantity_t for line in result.lines)


def lines(result: Result) -> dict[tuple[str, str], int]:
    return {(line.bid, line.lot): line.quantity_t for line in result.lines}


def rejected(result: Result) -> dict[str, tuple[int, int]]:
    """What each order passed over in the money had open, and by how much it was."""
    return {
        str(each.lot if each.bid is UNSET else each.bid): (each.tonnes, each.by_fen)
        for each in result.paradoxically_rejected
    }


@st.composite
def tiny_auctions(draw: st.DrawFn) -> Problem:
    """Up to three bids and four lots of a few tonnes of two types, with most rules there are."""
    lots = [
        lot(
            f"L{number}",
            draw(st.integers(1, 4)),
            draw(st.sampled_from([40, 44, 47, 50, 55])),
            group=draw(st.sampled_from(["G1", "G2"])),
            product_type=draw(st.sampled_from(["forestry", "wind"])),
            all_or_none=draw(st.integers(0, 3)) == 0,
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    bids = [
        bid(
            f"B{number}",
            draw(st.integers(1, 5)),
            draw(st.sampled_from([41, 46, 50, 52, 60])),
            group=draw(st.sampled_from(["G1", "H1", "H2"])),
            product_types=draw(st.sampled_from([None, None, ("wind",), ("forestry",)])),
            floor=draw(st.sampled_from([None, None, floor(500, ("forestry",), None)])),
            max_group_permille=draw(st.sampled_from([None, None, 600])),
            max_sellers=draw(st.sampled_from([None, None, 1])),
            all_or_none=draw(st.integers(0, 3)) == 0,
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    return auction(lots, bids, min_line_t=draw(st.integers(1, 3)), stated_tick_fen=draw(st.sampled_from([1, 2, 5])))


class TestTinyAuctions:
    @settings(max_examples=500, deadline=None, derandomize=True)
    @given(tiny_auctions())
    def test_a_tiny_auction_is_cleared_as_well_as_by_trying_everything(self, round_: Problem):
        result = cleared(round_)
        assert goals(result) == best_outcome(round_)
        assert result.status == "optimal"


class TestPrices:
    def test_every_line_is_paid_the_one_price_of_its_type(self):
        lots = [lot("L1", 5, 40), lot("L2", 5, 50), lot("L3", 5, 30, product_type="wind")]
        result = cleared(auction(lots, [bid("B1", 15, 60)]))
        assert {line.price_fen for line in result.lines if line.lot != "L3"} == {result.prices_fen["forestry"]}
        assert result.prices_fen.keys() == {"forestry", "wind"}

    def test_of_prices_that_suit_all_the_midpoint_is_published(self):
        assert cleared(auction([lot("L1", 10, 40)], [bid("B1", 10, 61)])).prices_fen == {"forestry": 50}

    def test_the_midpoint_is_rounded_down_to_the_tick(self):
        assert cleared(auction([lot("L1", 10, 40)], [bid("B1", 10, 61)], stated_tick_fen=7)).prices_fen == {
            "forestry": 49
        }

    def test_a_tick_between_ask_and_limit_is_needed(self):
        assert cleared(auction([lot("L1", 10, 41)], [bid("B1", 10, 49)], stated_tick_fen=50)).lines == ()

    def test_a_type_without_trade_has_no_price(self):
        lots = [lot("L1", 10, 40), lot("L2", 10, 90, product_type="wind")]
        assert cleared(auction(lots, [bid("B1", 10, 60)])).prices_fen == {"forestry": 50}

    def test_a_dear_lot_that_no_common_price_suits_is_left_out(self):
        lots, bids = [lot("L1", 10, 40), lot("L2", 10, 55)], [bid("B1", 10, 50), bid("B2", 10, 60)]
        result = cleared(auction(lots, bids))
        assert lines(result) == {("B2", "L1"): 10}  # coverage would serve both, but at no one price


class TestWhoIsPassedOver:
    def test_a_whole_lot_that_nobody_can_fill_is_listed_with_what_it_missed(self):
        lots = [lot("L1", 30, 40, all_or_none=True), lot("L2", 10, 45)]
        result = cleared(auction(lots, [bid("B1", 10, 60)]))
        assert lines(result) == {("B1", "L2"): 10}
        assert rejected(result)["L1"][0] == 30

    def test_nobody_is_listed_when_everything_in_the_money_was_served(self):
        assert cleared(auction([lot("L1", 10, 40)], [bid("B1", 10, 60)])).paradoxically_rejected == ()


class TestTies:
    def test_the_earlier_bid_is_served_first(self):
        bids = [bid("B1", submitted_at="2026-03-02T03:00:01Z"), bid("B2", submitted_at="2026-03-02T03:00:00Z")]
        assert lines(cleared(auction([lot("L1")], bids))) == {("B2", "L1"): 10}


class TestWholeAuctions:
    @pytest.mark.parametrize("seed", range(3))
    def test_an_auction_of_a_province_is_proven_optimal(self, seed: int):
        round_ = msgspec.structs.replace(market(20, 40, seed), mechanism="auction", price_rule="uniform")
        assert cleared(round_).status == "optimal"

    def test_a_larger_one_is_cleared_near_its_bound(self):
        round_ = msgspec.structs.replace(market(120, 500, 1), mechanism="auction", price_rule="uniform")
        assert cleared(round_).gap_ppm.surplus <= 20_000

    def test_the_order_of_the_lists_changes_nothing(self):
        round_ = msgspec.structs.replace(market(30, 80, 2), mechanism="auction", price_rule="uniform")
        turned = msgspec.structs.replace(round_, lots=round_.lots[::-1], bids=round_.bids[::-1])
        one, other = (msgspec.structs.replace(solve(each), solver=None) for each in (round_, turned))
        assert write_result(one) == write_result(other)
