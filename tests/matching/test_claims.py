"""What a result says of itself: every sum, order, outcome, gap and proof that is not so is named by the checker."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching.checker import check
from matching.claims import gap_ppm
from matching.problem import BidOutcome, Bound, Gap, LotOutcome, Problem, Reason, Rejection, Result, write_result
from tests.matching.rounds import auction, bid, lot, problem, result

B1L1, B1L2 = ("B1", "L1"), ("B1", "L2")


def replace(outcome: Result, **others: Any) -> Result:
    return msgspec.structs.replace(outcome, **others)


# What the result says of itself


def short_round() -> tuple[Problem, Result]:
    """10 of 16 compliance tonnes and 3 of 4 voluntary ones, every figure different from every other."""
    round_ = problem(
        [lot("L1", 10, ask_fen=51), lot("L2", 3, ask_fen=37)],
        [bid("B1", 16, limit_fen=70), bid("B2", 4, limit_fen=60, purpose="voluntary")],
    )
    return round_, result(round_, {("B1", "L1"): 10, ("B2", "L2"): 3})


def test_a_result_of_another_problem_is_named():
    round_, honest = short_round()
    assert [each.code for each in check(round_, replace(honest, problem_sha256="0" * 64))] == ["problem_sha256"]
    assert [each.code for each in check(round_, replace(honest, mechanism="auction"))] == ["mechanism"]


@pytest.mark.parametrize("field", ["compliance_t", "voluntary_t", "surplus_fen", "cost_fen", "lines"])
def test_totals_are_recomputed_from_the_lines(field: str):
    round_, honest = short_round()
    totals = msgspec.structs.replace(honest.totals, **{field: getattr(honest.totals, field) + 1})
    assert [each.where for each in check(round_, replace(honest, totals=totals))] == [f"totals.{field}"]


@pytest.mark.parametrize("name", ["lines", "bids", "lots"])
def test_lines_bids_and_lots_must_be_sorted(name: str):
    round_, honest = short_round()
    assert {each.code for each in check(round_, replace(honest, **{name: getattr(honest, name)[::-1]}))} == {"order"}


def test_every_order_has_exactly_one_outcome():
    round_, honest = short_round()
    stranger = BidOutcome(bid="B3", filled_t=0, reasons=())
    for name, outcomes in (
        ("bids", honest.bids[:1]),
        ("lots", honest.lots[1:]),
        ("bids", (*honest.bids, honest.bids[1])),
        ("bids", (*honest.bids, stranger)),
        ("lots", (*honest.lots, LotOutcome(lot="L9", sold_t=0, reasons=()))),
    ):
        assert {each.code for each in check(round_, replace(honest, **{name: outcomes}))} == {"outcomes"}


@pytest.mark.parametrize(
    ("reasons", "code"),
    [
        ((), "reasons"),
        ((Reason(code="priority", tonnes=5),), "reasons"),
        ((Reason(code="priority", tonnes=7),), "reasons"),
        ((Reason(code="priority", tonnes=8), Reason(code="price", tonnes=-2)), "reasons"),
        ((Reason(code="bad_luck", tonnes=6),), "reason_code"),
    ],
)
def test_the_reasons_of_a_bid_add_up_to_its_unfilled_tonnes(reasons: tuple[Reason, ...], code: str):
    round_, honest = short_round()
    assert honest.bids[0].filled_t == 10
    good = BidOutcome(bid="B1", filled_t=10, reasons=(Reason(code="price", tonnes=2), Reason(code="floor", tonnes=4)))
    assert check(round_, replace(honest, bids=(good, honest.bids[1]))) == []
    bad = BidOutcome(bid="B1", filled_t=10, reasons=reasons)
    assert {each.code for each in check(round_, replace(honest, bids=(bad, honest.bids[1])))} == {code}


def test_filled_and_sold_are_what_the_lines_say():
    round_, honest = short_round()
    wrong = replace(
        honest,
        bids=(msgspec.structs.replace(honest.bids[0], filled_t=11), honest.bids[1]),
        lots=(honest.lots[0], msgspec.structs.replace(honest.lots[1], sold_t=2)),
    )
    assert [each.code for each in check(round_, wrong)] == ["filled_t", "sold_t"]


# Bounds, gaps, status


def bounded(honest: Result, **others: Any) -> Result:
    """The result with bounds 17 + 5 tonnes and a surplus of 300 above what it reaches (259)."""
    usual = {
        "bound": Bound(compliance_t=17, voluntary_t=5, surplus_fen=300),
        "gap_ppm": Gap(coverage=409_091, surplus=136_667),
        "status": "bounded",
        "proven": (),
    }
    return replace(honest, **(usual | others))


def test_gaps_are_recomputed_from_the_bounds_and_rounded_up():
    round_, honest = short_round()
    assert honest.totals.surplus_fen == 259
    assert check(round_, bounded(honest)) == []
    for gap in (Gap(coverage=409_090, surplus=136_667), Gap(coverage=409_091, surplus=136_666)):
        assert [each.code for each in check(round_, bounded(honest, gap_ppm=gap))] == ["gap_ppm"]


def test_the_tighter_of_the_two_bounds_counts():
    round_, honest = short_round()
    search_bound = Bound(compliance_t=11, voluntary_t=9, surplus_fen=259)
    gap = Gap(coverage=187_500, surplus=0)
    assert check(round_, bounded(honest, search_bound=search_bound, gap_ppm=gap)) == []


def test_a_zero_bound_has_no_gap():
    assert gap_ppm(0, 0) == 0
    assert gap_ppm(3, 2) == 333_334
    assert gap_ppm(10**15, 10**15 - 1) == 1


@pytest.mark.parametrize("goal", ["compliance_t", "voluntary_t", "surplus_fen"])
@pytest.mark.parametrize("name", ["bound", "search_bound"])
def test_an_outcome_above_a_bound_is_named(goal: str, name: str):
    round_, honest = short_round()
    bound = msgspec.structs.replace(honest.bound, **{goal: getattr(honest.bound, goal) - 1})
    assert "above_bound" in {each.code for each in check(round_, replace(honest, **{name: bound}))}


def test_a_quota_round_has_all_three_bounds_and_an_auction_none_on_tonnes():
    round_, honest = short_round()
    missing = replace(honest, bound=msgspec.structs.replace(honest.bound, compliance_t=None))
    assert "bound" in {each.code for each in check(round_, missing)}
    call = auction()
    outcome = result(call, {B1L1: 10, B1L2: 10}, {"forestry": 60, "wind": 60})
    assert check(call, outcome) == []
    extra = replace(outcome, bound=msgspec.structs.replace(outcome.bound, voluntary_t=0))
    assert {each.code for each in check(call, extra)} == {"bound"}


def test_the_status_says_what_is_proven():
    round_, honest = short_round()
    assert check(round_, replace(honest, status="time_limit")) == []
    some_proven = bounded(
        honest,
        bound=Bound(compliance_t=10, voluntary_t=5, surplus_fen=300),
        gap_ppm=Gap(coverage=133_334, surplus=136_667),
        proven=("compliance_t",),
    )
    assert check(round_, some_proven) == []
    for code, lie in (
        ("status", replace(honest, status="perfect")),
        ("status", replace(honest, status="bounded")),
        ("status", replace(honest, proven=("compliance_t",))),
        ("status", replace(honest, status="bounded", proven=())),
        ("status", replace(some_proven, status="optimal")),
        ("proven", replace(some_proven, proven=("compliance_t", "voluntary_t"))),
        ("proven", replace(some_proven, proven=("voluntary_t",))),
        ("proven", replace(honest, proven=("voluntary_t", "compliance_t", "surplus_fen"))),
        ("proven", replace(honest, proven=(*honest.proven, "beauty"))),
        ("proven", bounded(honest, proven=("compliance_t",))),
    ):
        assert code in {each.code for each in check(round_, lie)}, lie.proven


# Orders rejected in the money


def test_a_quota_round_publishes_no_uniform_price():
    round_ = problem([lot("L1")], [bid("B1")])
    outcome = result(round_, {B1L1: 10}, prices_fen={"forestry": 50})
    assert {violation.code for violation in check(round_, outcome)} == {"prices_fen"}


def test_a_bid_is_in_the_money_only_at_the_prices_of_its_own_types():
    lots = [lot("L1", ask_fen=50), lot("L2", 5, ask_fen=60, product_type="wind")]
    bids = [bid("B1"), bid("B2", 5), bid("B3", 5, limit_fen=65, product_types=("wind", "solar"))]
    round_ = problem(lots, bids, mechanism="auction", price_rule="uniform")
    tonnes, prices_fen = {B1L1: 10, ("B2", "L2"): 5}, {"forestry": 50, "wind": 65}
    assert check(round_, result(round_, tonnes, prices_fen)) == []
    lie = Rejection(bid="B3", tonnes=5, by_fen=15)
    found = check(round_, result(round_, tonnes, prices_fen, paradoxically_rejected=(lie,)))
    assert {violation.code for violation in found} == {"rejected"}
    cheaper = result(round_, tonnes, {"forestry": 50, "wind": 61})
    assert {violation.code for violation in check(round_, cheaper)} == {"rejected"}


def test_an_order_rejected_in_the_money_must_be_listed_rightly():
    lots = [lot("L1", 10, ask_fen=50), lot("L2", 30, ask_fen=40, all_or_none=True)]
    round_ = problem(lots, [bid("B1", 10)], mechanism="auction", price_rule="uniform")
    unlisted = result(round_, {B1L1: 10}, {"forestry": 60})
    assert {violation.code for violation in check(round_, unlisted)} == {"rejected"}
    assert check(round_, replace(unlisted, paradoxically_rejected=(Rejection(lot="L2", tonnes=30, by_fen=20),))) == []
    for lie in (
        Rejection(lot="L2", tonnes=29, by_fen=20),
        Rejection(lot="L2", tonnes=30, by_fen=19),
        Rejection(lot="L1", tonnes=0, by_fen=10),
        Rejection(bid="L2", tonnes=30, by_fen=20),
    ):
        found = check(round_, replace(unlisted, paradoxically_rejected=(lie,)))
        assert "rejected" in {violation.code for violation in found}


def test_a_bid_rejected_in_the_money_must_be_listed():
    lots = [lot("L1", 10, ask_fen=50)]
    bids = [bid("B1", 10), bid("B2", 5, limit_fen=90, all_or_none=True)]
    round_ = problem(lots, bids, mechanism="auction", price_rule="uniform")
    unlisted = result(round_, {B1L1: 10}, {"forestry": 70})
    assert {violation.code for violation in check(round_, unlisted)} == {"rejected"}
    assert check(round_, replace(unlisted, paradoxically_rejected=(Rejection(bid="B2", tonnes=5, by_fen=20),))) == []


# In general


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every figure and every word in the plain form of a result."""
    if isinstance(node, dict):
        return [each for key, child in node.items() if key != "solver" for each in places(child, (*path, key))]
    if isinstance(node, list):
        return [each for number, child in enumerate(node) for each in places(child, (*path, number))]
    return [] if node is None else [path]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_no_single_change_to_a_valid_result_goes_unnoticed(data: st.DataObject):
    round_, honest = data.draw(st.sampled_from([short_round(), auction_round()]))
    assert check(round_, honest) == []
    document = json.loads(write_result(honest))
    path = data.draw(st.sampled_from(places(document)))
    place = document
    for step in path[:-1]:
        place = place[step]
    if isinstance(place[path[-1]], str):
        place[path[-1]] = data.draw(st.sampled_from(("", "B1", "B2", "L1", "L2", "quota", "bounded", "nothing")))
    else:
        place[path[-1]] += data.draw(st.integers(-20, 20))
    assume(document != json.loads(write_result(honest)) and path[-1] != "format")
    lie = msgspec.convert(document, Result)
    assert check(round_, lie) != [], path


def auction_round() -> tuple[Problem, Result]:
    round_ = auction()
    return round_, result(round_, {B1L1: 10, B1L2: 10}, {"forestry": 61, "wind": 57})


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_line_added_dropped_or_doubled_never_goes_unnoticed(data: st.DataObject):
    round_, honest = short_round()
    at = data.draw(st.integers(0, len(honest.lines) - 1))
    lines = list(honest.lines)
    if data.draw(st.booleans()):
        lines.insert(at, lines[at])
    else:
        del lines[at]
    assert check(round_, replace(honest, lines=tuple(lines))) != []
