"""What prices prove: the same figure as in plain words, never less than the best outcome, in whole numbers, at once."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching import bounds
from matching.certificate import Prices
from matching.problem import LARGEST, Bound, Problem, Totals
from tests.matching.brute_force import best_outcome, is_feasible
from tests.matching.markets import market
from tests.matching.naive_certificate import naive_bound
from tests.matching.rounds import bid, floor, lot, problem
from tests.matching.test_checker import rounds

GOALS = Bound.__struct_fields__
small, large = st.integers(0, 4), st.sampled_from((0, 1, LARGEST - 1, LARGEST))


def totals(compliance_t: int = 0, voluntary_t: int = 0) -> Totals:
    return Totals(compliance_t=compliance_t, voluntary_t=voluntary_t, surplus_fen=0, cost_fen=0, lines=0)


def proven(round_: Problem, goal: str, prices: Prices, compliance_t: int = 0, voluntary_t: int = 0) -> int:
    return bounds.derived(round_, totals(compliance_t, voluntary_t), {goal: prices})[goal]


@st.composite
def prices_of(draw: st.DrawFn, round_: Problem, goal: str, figures: st.SearchStrategy[int] = small) -> Prices:
    """Any prices that have the right lengths and signs."""

    def signed(is_free: bool) -> int:
        return draw(figures) * (draw(st.sampled_from((-1, 1))) if is_free else 1)

    in_order = sorted(round_.bids, key=lambda each: each.id)
    return Prices(
        scale=draw(st.sampled_from((1, 1, 2, 3)) if figures is small else st.sampled_from((1, LARGEST))),
        compliance_worth=signed(True) if goal != "compliance_t" else 0,
        voluntary_worth=signed(True) if goal == "surplus_fen" else 0,
        lot_price=tuple(draw(figures) for _ in round_.lots),
        bid_price=tuple(signed(each.all_or_none) for each in in_order),
        outside_price=tuple(draw(figures) if each.floor else 0 for each in in_order),
    )


class TestTheQuickWayGivesWhatThePlainWordsGive:
    @given(st.data(), rounds(), st.sampled_from(GOALS), st.sampled_from((small, large)), st.sampled_from((1, 500_000)))
    @settings(max_examples=250, deadline=None)
    def test_on_any_small_round_at_any_prices(
        self, data: st.DataObject, round_: Problem, goal: str, figures: st.SearchStrategy[int], most_pairs: int
    ):
        prices = data.draw(prices_of(round_, goal, figures))
        with pytest.MonkeyPatch.context() as setting:
            setting.setattr(bounds, "MOST_PAIRS", most_pairs)
            assert proven(round_, goal, prices, 2, 1) == naive_bound(round_, goal, prices, 2, 1)

    @pytest.mark.parametrize("scale", [1, 2**45])
    @pytest.mark.parametrize("goal", GOALS)
    def test_on_a_market_with_large_sellers_and_every_wish(self, goal: str, scale: int):
        round_ = market(30, 90, 5)
        prices = market_prices(round_, goal, scale)
        for lowered in (prices, msgspec.structs.replace(prices, bid_price=tuple(u // 2 for u in prices.bid_price))):
            assert proven(round_, goal, lowered) == naive_bound(round_, goal, lowered, 0, 0)

    def test_where_every_bid_has_wishes_of_its_own(self):
        lots = [lot(f"L{n}", n + 1, 40 + n, region=f"R{n}", group=f"G{n % 4}") for n in range(12)]
        bids = [
            bid(
                f"B{n}",
                9,
                50,
                regions=tuple(f"R{m}" for m in range(12) if m % (n + 2)),
                floor=floor(300, None, ("R1",)),
            )
            for n in range(12)
        ]
        round_ = problem(lots, bids)
        for goal in GOALS:
            prices = market_prices(round_, goal, 1, fen=45)
            assert proven(round_, goal, prices) == naive_bound(round_, goal, prices, 0, 0)

    def test_at_the_limits_of_the_format(self):
        lots = [lot(f"L{n}", 10**9, 10**7 - n, group="G") for n in range(3)]
        bids = [bid("B1", 10**9, 10**7, max_group_permille=999, purpose="voluntary"), bid("B2", 1, 10**7)]
        for goal in GOALS:
            for scale in (1, LARGEST):
                prices = Prices(
                    scale=scale,
                    compliance_worth=LARGEST * (goal != "compliance_t"),
                    voluntary_worth=-LARGEST * (goal == "surplus_fen"),
                    lot_price=(0, LARGEST, 1),
                    bid_price=(0, LARGEST),
                    outside_price=(0, 0),
                )
                round_ = problem(lots, bids)
                assert proven(round_, goal, prices, 1, 7) == naive_bound(round_, goal, prices, 1, 7)


class TestNoPricesProveLessThanWhatCanBeReached:
    @given(st.data(), rounds(most_bids=3, most_lots=3))
    @settings(max_examples=60, deadline=None)
    def test_not_even_the_tightest_prices_that_a_descent_finds(self, data: st.DataObject, round_: Problem):
        best = best_outcome(round_)
        for goal, reached in zip(GOALS, best, strict=True):
            prices = data.draw(prices_of(round_, goal))
            assert tightened(round_, goal, prices, best) >= reached

    @given(st.data(), rounds(most_bids=2, most_lots=3), st.sampled_from(GOALS))
    @settings(max_examples=150, deadline=None)
    def test_of_any_outcome_with_the_same_tonnages(self, data: st.DataObject, round_: Problem, goal: str):
        pairs = [(b, x) for b in round_.bids for x in round_.lots]
        drawn = {(b.id, x.id): (data.draw(st.sampled_from((0, 1, 2, 3))), b, x) for b, x in pairs}
        if not is_feasible(round_, {pair: t for pair, (t, _, _) in drawn.items() if t}):
            return
        compliance_t = sum(t for t, b, _ in drawn.values() if b.purpose == "compliance")
        voluntary_t = sum(t for t, b, _ in drawn.values() if b.purpose == "voluntary")
        surplus_fen = sum(t * (b.limit_fen - x.ask_fen) for t, b, x in drawn.values())
        reached = dict(zip(GOALS, (compliance_t, voluntary_t, surplus_fen), strict=True))[goal]
        assert proven(round_, goal, data.draw(prices_of(round_, goal)), compliance_t, voluntary_t) >= reached

    def test_a_round_without_bids_or_lots_is_bounded_by_nothing(self):
        for round_ in (problem([], []), problem([lot("L1")], []), problem([], [bid("B1")])):
            nothing = Prices(
                scale=1,
                compliance_worth=0,
                voluntary_worth=0,
                lot_price=(0,) * len(round_.lots),
                bid_price=(0,) * len(round_.bids),
                outside_price=(0,) * len(round_.bids),
            )
            assert bounds.derived(round_, totals(), dict.fromkeys(GOALS, nothing)) == dict.fromkeys(GOALS, 0)


class TestManyPricesAreWeighedAtOnce:
    def test_a_province_times_ten_takes_less_than_a_second(self):
        round_ = market(5_000, 20_000, 7)
        prices = {goal: market_prices(round_, goal, 64) for goal in GOALS}
        started = time.process_time()
        found = bounds.derived(round_, totals(), prices)
        assert time.process_time() - started < 1
        assert min(found.values()) > 0


def market_prices(round_: Problem, goal: str, scale: int, fen: int = 6000) -> Prices:
    """Prices of somebody who thinks a tonne is worth so much: not the best ones, but of the right size."""
    lots, bids = (sorted(side, key=lambda each: each.id) for side in (round_.lots, round_.bids))
    is_fen = goal == "surplus_fen"
    return Prices(
        scale=scale,
        compliance_worth=7 * scale * (goal != "compliance_t"),
        voluntary_worth=-5 * scale * is_fen,
        lot_price=tuple(
            scale * (max(0, fen - each.ask_fen) if is_fen else number % 2) for number, each in enumerate(lots)
        ),
        bid_price=tuple(scale * (max(0, each.limit_fen - fen) + 7 if is_fen else 7) for each in bids),
        outside_price=tuple(scale * (number % 3 if each.floor else 0) for number, each in enumerate(bids)),
    )


def tightened(round_: Problem, goal: str, prices: Prices, best: tuple[int, int, int]) -> int:
    """The least that prices prove when each figure in turn is moved up or down as long as that helps."""
    plain: dict[str, Any] = msgspec.to_builtins(prices)
    held = proven(round_, goal, prices, *best[:2])
    free = {bid.id for bid in round_.bids if bid.all_or_none}
    bids = sorted(round_.bids, key=lambda each: each.id)
    for name in ("lot_price", "bid_price", "outside_price"):
        for number in range(len(plain[name])):
            for step in (4, -1, 1, -2):
                moved = plain | {name: [*plain[name]]}
                moved[name][number] += step
                may_be_negative = name == "bid_price" and bids[number].id in free
                no_floor = name == "outside_price" and bids[number].floor is None
                if no_floor or (moved[name][number] < 0 and not may_be_negative):
                    continue
                found = proven(round_, goal, msgspec.convert(moved, Prices), *best[:2])
                if found <= held:
                    held, plain = found, moved
    return held
