"""Explanations: each code in a round where it is the fact, figures that support it, sums that add up."""

from __future__ import annotations

from typing import Any

import pytest

from matching.explain import AnotherProblem, NoSuchOrder, explain_bid, explain_lot
from matching.problem import LOT_REASONS, REASONS, Bid, Lot, Problem
from matching.sentences import BID_SENTENCES, LOT_SENTENCES, PLACE, WORTH_SENTENCES, Sentences, sentence_of
from matching.solver import solve
from tests.matching.markets import market
from tests.matching.rounds import auction, bid, floor, lot, problem, result


def told(round_: Problem, bid_id: str = "B1") -> dict[str, dict[str, Any]]:
    """The reasons of one bid by code."""
    return {reason["code"]: reason for reason in explain_bid(round_, solve(round_), bid_id)["reasons"]}


def told_of_lot(round_: Problem, lot_id: str = "L1") -> dict[str, dict[str, Any]]:
    """The reasons of one lot by code."""
    return {reason["code"]: reason for reason in explain_lot(round_, solve(round_), lot_id)["reasons"]}


BID_CASES: list[tuple[str, list[Lot], Bid, int]] = [
    ("price", [lot("L1", 10, ask_fen=75)], bid("B1", 10), 10),
    ("type", [lot("L1", 10)], bid("B1", 10, product_types=("wind",)), 10),
    ("vintage", [lot("L1", 10, vintage=2020)], bid("B1", 10, vintage_from=2021), 10),
    ("region", [lot("L1", 10)], bid("B1", 10, regions=("110000",)), 10),
    ("own_group", [lot("L1", 10, group="G")], bid("B1", 10, group="G"), 10),
    ("floor", [lot("L1", 10)], bid("B1", 10, floor=floor(700, ("wind",))), 7),
    ("group_cap", [lot("L1", 10)], bid("B1", 10, max_group_permille=400), 6),
    ("max_sellers", [lot("L1", 6), lot("L2", 5)], bid("B1", 10, max_sellers=1), 4),
    ("all_or_none", [lot("L1", 8)], bid("B1", 10, all_or_none=True), 8),
    ("all_or_none", [lot("L1", 12, all_or_none=True)], bid("B1", 10), 10),
    ("supply_short", [lot("L1", 4)], bid("B1", 10), 6),
]


class TestBids:
    @pytest.mark.parametrize(("code", "lots", "buyer", "tonnes"), BID_CASES)
    def test_the_rule_that_decides_is_the_reason(self, code: str, lots: list[Lot], buyer: Bid, tonnes: int):
        assert told(problem(lots, [buyer]))[code]["tonnes"] == tonnes

    def test_a_line_below_the_minimum_is_the_reason(self):
        buyer = bid("B1", 400, floor=floor(800, ("wind",)))
        assert told(problem([lot("L1", 300)], [buyer], min_line_t=100))["min_line"]["figures"]["min_line_t"] == 100

    def test_what_went_to_others_is_priority(self):
        bids = [bid("B1", 10, limit_fen=60), bid("B2", 10, limit_fen=70)]
        reasons = told(problem([lot("L1", 10)], bids))
        assert reasons["priority"]["figures"] == {"eligible_t": 10, "sold_to_others_t": 10}

    def test_a_full_bid_has_no_reason(self):
        assert told(problem([lot("L1")], [bid("B1")])) == {}

    def test_the_explanation_shows_the_bid_and_its_lines(self):
        round_ = problem([lot("L1", 4)], [bid("B1", 10)])
        explained = explain_bid(round_, solve(round_), "B1")
        assert (explained["filled_t"], explained["unfilled_t"]) == (4, 6)
        assert explained["lines"] == [{"bid": "B1", "lot": "L1", "quantity_t": 4, "price_fen": 50}]


class TestLots:
    @pytest.mark.parametrize(
        ("code", "offer", "buyer"),
        [
            ("price", lot("L1", 10, ask_fen=75), bid("B1", 10)),
            ("type", lot("L1", 10), bid("B1", 10, product_types=("wind",))),
            ("vintage", lot("L1", 10, vintage=2020), bid("B1", 10, vintage_from=2021)),
            ("region", lot("L1", 10), bid("B1", 10, regions=("110000",))),
            ("own_group", lot("L1", 10, group="G"), bid("B1", 10, group="G")),
            ("floor", lot("L1", 10), bid("B1", 10, floor=floor(700, ("wind",)))),
            ("group_cap", lot("L1", 10), bid("B1", 10, max_group_permille=400)),
            ("all_or_none", lot("L1", 12, all_or_none=True), bid("B1", 10)),
            ("demand_short", lot("L1", 12), bid("B1", 10)),
        ],
    )
    def test_the_rule_that_decides_is_the_reason(self, code: str, offer: Lot, buyer: Bid):
        assert code in told_of_lot(problem([offer], [buyer]))

    def test_a_seller_too_many_is_the_reason(self):
        round_ = problem([lot("L1", 5), lot("L2", 6)], [bid("B1", 10, max_sellers=1)])
        assert told_of_lot(round_)["max_sellers"]["tonnes"] == 4

    def test_bids_served_by_other_lots_are_priority(self):
        round_ = problem([lot("L1", 10, ask_fen=60), lot("L2", 10, ask_fen=50)], [bid("B1", 10)])
        assert told_of_lot(round_)["priority"]["tonnes"] == 10


class TestWholeMarkets:
    def test_the_reasons_add_up_for_every_bid_and_every_lot(self):
        round_ = market(60, 210, 1)
        result = solve(round_)
        wanted_t = {each.id: each.quantity_t for each in round_.bids}
        offered_t = {each.id: each.quantity_t for each in round_.lots}
        for each in result.bids:
            assert sum(reason.tonnes for reason in each.reasons) == wanted_t[each.bid] - each.filled_t
        for each in result.lots:
            assert sum(reason.tonnes for reason in each.reasons) == offered_t[each.lot] - each.sold_t

    def test_an_explanation_asked_later_is_the_one_in_the_result(self):
        round_ = market(60, 210, 2)
        result = solve(round_)
        for each in result.bids:
            asked = explain_bid(round_, result, each.bid)["reasons"]
            assert [(row["code"], row["tonnes"]) for row in asked] == [(r.code, r.tonnes) for r in each.reasons]


class TestDocuments:
    def test_the_worth_of_a_tonne_is_told_with_its_change_its_moves_and_its_gain(self):
        round_ = problem([lot("L1", 4)], [bid("B1", 10)])
        (worth,) = explain_lot(round_, result(round_, {("B1", "L1"): 4}), "L1")["worth"]
        assert worth["change"] == {"lot": "L1", "quantity_t": 5}
        assert worth["moves"] == [{"bid": "B1", "lot": "L1", "tonnes": 1}]
        assert worth["gain"] == {"compliance_t": 1, "voluntary_t": 0, "surplus_fen": 20}

    def test_an_auction_is_told_at_its_prices(self):
        round_ = auction()
        told_ = explain_bid(round_, result(round_, {}, {"forestry": 80, "wind": 90}), "B1")
        (reason,) = told_["reasons"]
        assert reason["figures"] == {"limit_fen": 70, "needed_limit_fen": 90, "unsold_t": 20}

    @pytest.mark.parametrize("tonnes", [{("B1", "L1"): 99}, {("B1", "L1"): 10, ("B2", "L1"): 10}])
    def test_a_result_of_another_problem_is_refused(self, tonnes: dict[tuple[str, str], int]):
        larger = problem([lot("L1", 200)], [bid("B1", 200), bid("B2", 200)])
        with pytest.raises(AnotherProblem):
            explain_bid(problem([lot("L1", 10)], [bid("B1", 10)]), result(larger, tonnes), "B1")

    def test_an_order_that_the_problem_lacks_is_refused_by_name(self):
        round_ = problem([], [])
        with pytest.raises(NoSuchOrder, match="B9"):
            explain_bid(round_, solve(round_), "B9")
        with pytest.raises(NoSuchOrder, match="L9"):
            explain_lot(round_, solve(round_), "L9")


class TestSentences:
    def test_every_code_has_a_sentence_and_no_other_has(self):
        assert set(BID_SENTENCES) == set(REASONS)
        assert set(LOT_SENTENCES) == set(LOT_REASONS) - {"supply_short"}

    @pytest.mark.parametrize("sentences", [BID_SENTENCES, LOT_SENTENCES, WORTH_SENTENCES])
    def test_the_first_sentence_whose_places_are_known_is_meant(self, sentences: Sentences):
        for kind, variants in sentences.items():
            for sentence in variants:
                figures = {place.replace("_yuan", "_fen"): 1 for place in PLACE.findall(sentence)}
                assert sentence_of(sentences, kind, figures) == sentence

    def test_every_fact_of_a_market_fills_its_sentence(self):
        round_ = market(60, 210, 3)
        solved = solve(round_)
        documents = [explain_bid(round_, solved, each.id) for each in round_.bids[:20]]
        documents += [explain_lot(round_, solved, each.id) for each in round_.lots[:40]]
        for fact in [fact for document in documents for fact in (*document["reasons"], *document["worth"])]:
            known = {name.replace("_fen", "_yuan") for name in fact["figures"]}
            assert set(PLACE.findall(fact["message"])) <= known
