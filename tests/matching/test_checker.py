"""The checker: each rule has an outcome it lets pass and one it names, and no single lie in a result goes unnoticed."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.checker import check
from matching.problem import (
    Bid,
    BidOutcome,
    Bound,
    Lot,
    LotOutcome,
    Problem,
    Result,
)
from tests.matching.brute_force import best_outcome, is_feasible
from tests.matching.rounds import auction, bid, floor, lot, problem, result

Tonnes = dict[tuple[str, str], int]
FEASIBILITY = {
    *("type", "vintage", "region", "ask_above_limit", "own_group", "overfilled", "oversold", "all_or_none", "floor"),
    *("group_cap", "max_sellers", "min_line", "quantity"),
}


def codes(round_: Problem, tonnes: Tonnes) -> set[str]:
    """The codes of the feasibility rules that these tonnes break (what does not add up then is not the question)."""
    return {violation.code for violation in check(round_, result(round_, tonnes))} & FEASIBILITY


def replace(outcome: Result, **others: Any) -> Result:
    return msgspec.structs.replace(outcome, **others)


# Feasible and not: one pair per rule


def test_an_honest_result_has_no_violation():
    round_ = problem([lot("L1"), lot("L2", 7)], [bid("B1"), bid("B2", 5, purpose="voluntary")])
    assert check(round_, result(round_, {("B1", "L1"): 10, ("B2", "L2"): 4})) == []


def test_an_empty_round_has_an_empty_result():
    round_ = problem([], [])
    assert check(round_, result(round_, {})) == []


PAIRS: dict[str, tuple[Problem, Tonnes, Tonnes]] = {}


def pair(code: str, lots: list[Lot], bids: list[Bid], good: Tonnes, bad: Tonnes, **others: Any) -> None:
    PAIRS[f"{code} {len(PAIRS)}"] = (problem(lots, bids, **others), good, bad)


B1L1, B1L2, B2L1 = ("B1", "L1"), ("B1", "L2"), ("B2", "L1")
TWO_TYPES = [lot("L1", product_type="forestry"), lot("L2", product_type="wind")]
TWO_YEARS = [lot("L1", vintage=2023), lot("L2", vintage=2024)]
TWO_REGIONS = [lot("L1", region="130800"), lot("L2", region="130900")]

pair("type", TWO_TYPES, [bid("B1", product_types=("forestry",))], {B1L1: 5}, {B1L2: 5})
pair("type", TWO_TYPES, [bid("B1", product_types=())], {}, {B1L1: 5})
pair("vintage", TWO_YEARS, [bid("B1", vintage_from=2024)], {B1L2: 5}, {B1L1: 5})
pair("vintage", TWO_YEARS, [bid("B1", vintage_to=2023)], {B1L1: 5}, {B1L2: 5})
pair("region", TWO_REGIONS, [bid("B1", regions=("130800",))], {B1L1: 5}, {B1L2: 5})
pair("ask_above_limit", [lot("L1", ask_fen=70), lot("L2", ask_fen=71)], [bid("B1")], {B1L1: 5}, {B1L2: 5})
pair("own_group", [lot("L1"), lot("L2", group="ours")], [bid("B1", group="ours")], {B1L1: 5}, {B1L2: 5})
pair("overfilled", [lot("L1"), lot("L2")], [bid("B1", 9)], {B1L1: 5, B1L2: 4}, {B1L1: 5, B1L2: 5})
pair("oversold", [lot("L1", 9)], [bid("B1"), bid("B2")], {B1L1: 5, B2L1: 4}, {B1L1: 5, B2L1: 5})
pair("all_or_none", [lot("L1", 20)], [bid("B1", 10, all_or_none=True)], {B1L1: 10}, {B1L1: 9})
pair("all_or_none", [lot("L1", 10, all_or_none=True)], [bid("B1", 20)], {B1L1: 10}, {B1L1: 9})
pair("floor", TWO_TYPES, [bid("B1", 9, floor=floor(500, ("forestry",)))], {B1L2: 4}, {B1L2: 5})
pair("floor", TWO_REGIONS, [bid("B1", 9, floor=floor(500, None, ("130800",)))], {B1L1: 5, B1L2: 4}, {B1L2: 5})
pair("floor", TWO_REGIONS, [bid("B1", floor=floor(1000, ("forestry",), ("130800",)))], {B1L1: 10}, {B1L2: 1})
pair("floor", TWO_TYPES, [bid("B1", floor=floor(1000, ("forestry",), ("130800",)))], {B1L1: 10}, {B1L2: 1})
pair("group_cap", [lot("L1", group="G"), lot("L2", group="G")], [bid("B1", 9, max_group_permille=450)],
     {B1L1: 2, B1L2: 2}, {B1L1: 2, B1L2: 3})  # fmt: skip
pair("max_sellers", [lot("L1"), lot("L2")], [bid("B1", max_sellers=1)], {B1L1: 5}, {B1L1: 5, B1L2: 5})
pair("max_sellers", [lot("L1", group="G"), lot("L2", group="G"), lot("L3")], [bid("B1", max_sellers=1)],
     {B1L1: 5, B1L2: 5}, {B1L1: 5, ("B1", "L3"): 5})  # fmt: skip
pair("min_line", [lot("L1")], [bid("B1")], {B1L1: 5}, {B1L1: 4}, min_line_t=5)
pair("min_line", [lot("L1")], [bid("B1", 4)], {B1L1: 4}, {B1L1: 3}, min_line_t=5)
pair("min_line", [lot("L1", 4)], [bid("B1")], {B1L1: 4}, {B1L1: 3}, min_line_t=5)
pair("min_line", [lot("L1", 9), lot("L2")], [bid("B1"), bid("B2", 20)],
     {B1L1: 7, ("B2", "L1"): 2}, {B1L1: 6, ("B2", "L1"): 2}, min_line_t=5)  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_each_rule_lets_the_one_pass_and_names_the_other(name: str):
    round_, good, bad = PAIRS[name]
    assert check(round_, result(round_, good)) == []
    assert is_feasible(round_, good)
    assert codes(round_, bad) == {name.split()[0]}
    assert not is_feasible(round_, bad)


def test_a_violation_names_its_place_and_its_figures():
    round_ = problem([lot("L1", 30)], [bid("B1", 9)])
    first = check(round_, result(round_, {B1L1: 12}))[0]
    assert (first.code, first.where, first.message) == ("overfilled", "bid B1", "got 12 t and wants 9 t")


@pytest.mark.parametrize("quantity_t", [0, -3])
def test_a_line_without_tonnes_is_a_violation(quantity_t: int):
    round_ = problem([lot("L1")], [bid("B1")])
    assert "quantity" in codes(round_, {B1L1: quantity_t})


# Lines that name nothing, or a pair twice


def test_unknown_orders_and_repeated_pairs_are_named():
    round_ = problem([lot("L1")], [bid("B1")])
    honest = result(round_, {B1L1: 4})
    line = honest.lines[0]
    for code, others in (
        ("unknown_bid", {"bid": "B7"}),
        ("unknown_lot", {"lot": "L7"}),
        ("repeated_pair", {"quantity_t": 2}),
    ):
        lines = (line, msgspec.structs.replace(line, **others))
        assert code in {violation.code for violation in check(round_, replace(honest, lines=lines))}


# Prices


@pytest.mark.parametrize(("price_rule", "price_fen"), [("pay_as_ask", 50), ("midpoint", 60)])
def test_the_price_of_a_line_follows_the_rule_of_the_round(price_rule: str, price_fen: int):
    round_ = problem([lot("L1", ask_fen=50)], [bid("B1", limit_fen=71)], price_rule=price_rule)
    honest = result(round_, {B1L1: 10})
    assert honest.lines[0].price_fen == price_fen
    assert check(round_, honest) == []
    wrong = replace(honest, lines=(msgspec.structs.replace(honest.lines[0], price_fen=price_fen + 1),))
    assert {violation.code for violation in check(round_, wrong)} == {"price", "totals"}


def test_an_auction_has_one_price_per_type_on_the_tick_between_ask_and_limit():
    round_, tonnes = auction(stated_tick_fen=5), {B1L1: 10, B1L2: 10}
    assert check(round_, result(round_, tonnes, {"forestry": 70, "wind": 55})) == []
    for code, prices_fen in (
        ("tick", {"forestry": 70, "wind": 56}),
        ("price_outside", {"forestry": 75, "wind": 55}),
        ("price_outside", {"forestry": 45, "wind": 55}),
        ("price", {"wind": 55}),
        ("prices_fen", {"forestry": 70, "wind": 55, "solar": 55}),
    ):
        found = {violation.code for violation in check(round_, result(round_, tonnes, prices_fen))}
        assert code in found, prices_fen
    assert "prices_fen" in {violation.code for violation in check(round_, result(round_, tonnes, None))}


# In general


tonnes_ = st.integers(1, 3)
lots_ = st.builds(
    lambda **others: others,
    quantity_t=tonnes_,
    ask_fen=st.integers(1, 4),
    group=st.sampled_from("GHK"),
    product_type=st.sampled_from(("forestry", "wind")),
    vintage=st.integers(2023, 2024),
    region=st.sampled_from(("130800", "130900")),
    all_or_none=st.booleans(),
)
names_ = st.none() | st.just(("forestry",))
floors_ = st.builds(floor, st.integers(0, 1000), names_, st.none() | st.just(("130800",)))
bids_ = st.builds(
    lambda **others: others,
    quantity_t=tonnes_,
    limit_fen=st.integers(2, 5),
    group=st.sampled_from("KMN"),
    purpose=st.sampled_from(("compliance", "voluntary")),
    product_types=names_,
    vintage_from=st.none() | st.just(2024),
    vintage_to=st.none() | st.just(2023),
    regions=st.none() | st.just(("130900",)),
    floor=st.none() | floors_,
    max_group_permille=st.none() | st.integers(300, 1000),
    max_sellers=st.none() | st.integers(1, 2),
    all_or_none=st.booleans(),
)


@st.composite
def rounds(draw: st.DrawFn, most_bids: int = 3, most_lots: int = 3) -> Problem:
    lots = [lot(f"L{number}", **each) for number, each in enumerate(draw(st.lists(lots_, max_size=most_lots)))]
    bids = [bid(f"B{number}", **each) for number, each in enumerate(draw(st.lists(bids_, max_size=most_bids)))]
    price_rule = draw(st.sampled_from(("pay_as_ask", "midpoint")))
    return problem(lots, bids, price_rule=price_rule, min_line_t=draw(st.integers(1, 3)))


@st.composite
def outcomes(draw: st.DrawFn) -> tuple[Problem, Tonnes]:
    round_ = draw(rounds())
    drawn = {(b.id, x.id): draw(st.sampled_from((0, 0, 0, 1, 2, 3))) for b in round_.bids for x in round_.lots}
    return round_, {each: t for each, t in drawn.items() if t}


@given(outcomes())
@settings(max_examples=300, deadline=None)
def test_the_checker_finds_feasible_exactly_what_the_plain_words_say(drawn: tuple[Problem, Tonnes]):
    round_, tonnes = drawn
    assert bool(codes(round_, tonnes)) is not is_feasible(round_, tonnes)


@given(rounds(most_bids=2, most_lots=2))
@settings(max_examples=100, deadline=None)
def test_the_best_outcome_is_the_best_of_all_that_the_checker_lets_pass(round_: Problem):
    best = (0, 0, 0)
    pairs = [(b.id, x.id) for b in round_.bids for x in round_.lots]
    for number in range(4 ** len(pairs)):
        tonnes = {each: t for place, each in enumerate(pairs) if (t := number // 4**place % 4)}
        if is_feasible(round_, tonnes):
            outcome = result(round_, tonnes)
            assert check(round_, outcome) == []
            best = max(best, (outcome.totals.compliance_t, outcome.totals.voluntary_t, outcome.totals.surplus_fen))
    assert best_outcome(round_) == best


# What it stands on


def test_the_checker_never_loads_the_solver():
    loaded = (
        "import sys, matching.checker; print(*[m for m in sys.modules if 'ortools' in m or m.startswith('matching.')])"
    )
    printed = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout
    ours = ("problem", "certificate", "market", "bounds", "books", "claims", "checker")
    assert sorted(printed.split()) == sorted(f"matching.{name}" for name in ours)


def test_a_large_result_is_checked_within_a_second():
    lots = [lot(f"L{number:05}") for number in range(20_000)]
    bids = [
        bid(f"B{number:05}", 40, floor=floor(500, ("forestry",)), max_group_permille=400, product_types=("forestry",))
        for number in range(5_000)
    ]
    round_ = problem(lots, bids)
    tonnes = {(f"B{number // 4:05}", f"L{number:05}"): 10 for number in range(20_000)}
    outcome = fast_result(round_, tonnes)
    started = time.process_time()
    assert check(round_, outcome) == []
    assert time.process_time() - started < 1


def fast_result(round_: Problem, tonnes: Tonnes) -> Result:
    """As `result`, for a round where every bid is filled and every lot sold."""
    small = problem(list(round_.lots[:4]), list(round_.bids[:1]))
    part = result(small, dict(list(tonnes.items())[:4]))
    times = len(round_.bids)
    return replace(
        part,
        problem_sha256=result(round_, {}).problem_sha256,
        lines=tuple(
            msgspec.structs.replace(part.lines[0], bid=bid_id, lot=lot_id, quantity_t=t)
            for (bid_id, lot_id), t in tonnes.items()
        ),
        totals=type(part.totals)(**{key: value * times for key, value in msgspec.structs.asdict(part.totals).items()}),
        bound=Bound(compliance_t=40 * times, voluntary_t=0, surplus_fen=part.totals.surplus_fen * times),
        bids=tuple(BidOutcome(bid=each.id, filled_t=40, reasons=()) for each in round_.bids),
        lots=tuple(LotOutcome(lot=each.id, sold_t=10, reasons=()) for each in round_.lots),
    )
