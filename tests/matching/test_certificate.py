"""The certificate of the bounds: read strictly, believed only when it proves exactly what the result states."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matching.books import Violation
from matching.certificate import (
    CERTIFICATE_FORMAT,
    BadCertificate,
    Certificate,
    Prices,
    Proofs,
    read_certificate,
    write_certificate,
)
from matching.checker import check
from matching.problem import LARGEST, Bound, Gap, Problem, problem_sha256
from matching.solver import solve_certified
from tests.matching.markets import market
from tests.matching.naive_certificate import naive_bound
from tests.matching.rounds import auction, bid, floor, lot, problem, result, with_value
from tests.matching.test_checker import rounds

GOALS = Bound.__struct_fields__
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "matching-certificate.md"
TONNES = {("B1", "L1"): 10, ("B1", "L2"): 10, ("B2", "L2"): 10}


def example() -> Problem:
    """The worked example of the documentation: a floor, a limit and a purpose bind."""
    lots = [lot("L1", 10, 60, group="G1"), lot("L2", 20, 40, group="G2", product_type="wind")]
    in_part = floor(500, ("forestry",))
    bids = [bid("B1", 20, 70, floor=in_part), bid("B2", 15, 50, purpose="voluntary", group="E2")]
    return problem(lots, bids)


def prices(
    a: int, b: int, lot_price: list[int], bid_price: list[int], outside_price: list[int], scale: int = 1
) -> Prices:
    return Prices(
        scale=scale,
        compliance_worth=a,
        voluntary_worth=b,
        lot_price=tuple(lot_price),
        bid_price=tuple(bid_price),
        outside_price=tuple(outside_price),
    )


def tight() -> Certificate:
    return Certificate(
        format=CERTIFICATE_FORMAT,
        problem_sha256=problem_sha256(example()),
        bounds=Proofs(
            compliance_t=prices(0, 0, [0, 0], [1, 0], [0, 0]),
            voluntary_t=prices(1, 0, [1, 1], [0, 0], [0, 0]),
            surplus_fen=prices(0, 0, [0, 10], [10, 0], [10, 0]),
        ),
    )


def with_figure(path: str, figure: Any) -> Certificate:
    """The tight certificate with one entry replaced."""
    return read_certificate(with_value(json.loads(write_certificate(tight())), path, figure))


def verdict(certificate: Certificate, **others: Any) -> list[Violation]:
    round_ = example()
    return check(round_, result(round_, TONNES, **others), certificate)


class TestReading:
    def test_what_is_written_is_read_again_and_stands_on_one_line(self):
        raw = write_certificate(tight())
        assert read_certificate(raw) == tight()
        assert (raw.count(b"\n"), raw[-1:]) == (1, b"\n")

    @pytest.mark.parametrize(
        ("path", "wrong"),
        [
            ("problem_sha256", 5),
            ("bounds", []),
            ("bounds.surprise", {}),
            ("bounds.surplus_fen", None),
            ("bounds.surplus_fen.scale", 1.0),
            ("bounds.surplus_fen.scale", True),
            ("bounds.surplus_fen.scale", "1"),
            ("bounds.surplus_fen.lot_price[1]", 0.5),
            ("bounds.surplus_fen.lot_price[1]", None),
            ("bounds.surplus_fen.bid_price", {}),
            ("bounds.voluntary_t.outside_price[0]", LARGEST + 1),
            ("bounds.compliance_t.bid_price[0]", -LARGEST - 1),
            ("bounds.compliance_t.wish", 1),
            ("surprise", 1),
        ],
    )
    def test_a_malformed_certificate_is_refused_with_its_place(self, path: str, wrong: Any):
        with pytest.raises(BadCertificate) as caught:
            with_figure(path, wrong)
        assert caught.value.path == f"$.{path}"

    @pytest.mark.parametrize(
        "key", ["problem_sha256", "bounds", "bounds.surplus_fen.scale", "bounds.voluntary_t.lot_price"]
    )
    def test_a_missing_key_is_refused(self, key: str):
        document = json.loads(write_certificate(tight()))
        *steps, last = key.split(".")
        place = document
        for step in steps:
            place = place[step]
        del place[last]
        with pytest.raises(BadCertificate) as caught:
            read_certificate(json.dumps(document).encode())
        assert (caught.value.path, caught.value.reason) == (f"$.{key}", "this key is missing")

    def test_a_repeated_key_is_refused(self):
        raw = write_certificate(tight()).replace(b'"scale":1,', b'"scale":1,"scale":2,', 1)
        with pytest.raises(BadCertificate) as caught:
            read_certificate(raw)
        assert (caught.value.path, caught.value.reason) == ("$.bounds.compliance_t.scale", "this key is repeated")

    @pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"{}", b'"x"', b"\xff", b'{"format": 1}', b"[" * 100_000])
    def test_what_is_no_document_of_any_format_is_refused(self, raw: bytes):
        with pytest.raises(BadCertificate):
            read_certificate(raw)


class TestAProof:
    def test_the_worked_example_of_the_documentation_proves_its_bounds(self):
        text = DOCUMENTATION.read_text(encoding="utf-8")
        shown = text.partition("```json\n")[2].partition("```")[0]
        assert read_certificate(shown.encode()) == tight()
        assert verdict(tight()) == []
        looser = with_figure("bounds.surplus_fen.bid_price[0]", 5)
        assert [each.message for each in verdict(looser)] == ["states 500, the certificate proves 550"]

    def test_a_bound_above_what_is_reached_is_proven_too_when_it_is_stated(self):
        looser = with_figure("bounds.surplus_fen.bid_price[0]", 5)
        assert not verdict(
            looser,
            bound=Bound(compliance_t=20, voluntary_t=10, surplus_fen=550),
            gap_ppm=Gap(coverage=0, surplus=90_910),
            status="bounded",
            proven=GOALS[:2],
        )

    def test_the_unit_of_the_prices_is_free(self):
        finer = {
            goal: prices(a * 3, b * 3, [3 * p for p in lots], [3 * p for p in bids], [3 * p for p in outside], 3)
            for goal, (_, a, b, lots, bids, outside) in (
                (goal, msgspec.structs.astuple(getattr(tight().bounds, goal))) for goal in GOALS
            )
        }
        assert verdict(msgspec.structs.replace(tight(), bounds=Proofs(**finer))) == []

    def test_the_bounds_of_an_auction_are_the_surplus_alone(self):
        round_ = auction()
        outcome = result(round_, {("B1", "L1"): 10, ("B1", "L2"): 10}, {"forestry": 60, "wind": 60})
        proof = Certificate(
            format=CERTIFICATE_FORMAT,
            problem_sha256=problem_sha256(round_),
            bounds=Proofs(surplus_fen=prices(0, 0, [20, 18], [0], [0])),
        )
        assert check(round_, outcome, proof) == []
        worth = msgspec.structs.replace(proof, bounds=Proofs(surplus_fen=prices(1, 0, [21, 19], [0], [0])))
        extra = msgspec.structs.replace(proof, bounds=Proofs(compliance_t=prices(0, 0, [1, 1], [0], [0])))
        assert places(check(round_, outcome, worth)) == ["certificate.bounds.surplus_fen.compliance_worth"]
        assert places(check(round_, outcome, extra)) == [
            "certificate.bounds.compliance_t",
            "certificate.bounds.surplus_fen",
        ]

    def test_an_all_or_none_bid_may_have_a_negative_price(self):
        round_ = problem([lot("L1", 10, 50)], [bid("B1", 10, 70, all_or_none=True)])
        outcome = result(round_, {("B1", "L1"): 10})
        proof = Certificate(
            format=CERTIFICATE_FORMAT,
            problem_sha256=problem_sha256(round_),
            bounds=Proofs(
                compliance_t=prices(0, 0, [0], [-1], [0]),
                voluntary_t=prices(0, 0, [0], [-5], [0]),
                surplus_fen=prices(0, 0, [0], [-2], [0]),
            ),
        )
        assert check(round_, outcome, proof) == []


def places(found: list[Violation]) -> list[str]:
    return [each.where for each in found]


class TestWhatProvesNothing:
    def test_a_certificate_of_another_format_is_named(self):
        other = read_certificate(b'{"format": "tanyi.match.certificate/0", "flows": [1.5]}')
        assert [(each.code, each.where) for each in verdict(other)] == [("certificate", "certificate.format")]

    def test_a_certificate_of_another_problem_is_named(self):
        assert places(verdict(with_figure("problem_sha256", "0" * 64))) == ["certificate.problem_sha256"]

    @pytest.mark.parametrize("goal", GOALS)
    def test_a_bound_without_a_proof_is_named(self, goal: str):
        document = json.loads(write_certificate(tight()))
        del document["bounds"][goal]
        assert places(verdict(read_certificate(json.dumps(document).encode()))) == [f"certificate.bounds.{goal}"]

    @pytest.mark.parametrize(
        ("place", "figure"),
        [
            ("compliance_t.scale", 0),
            ("surplus_fen.scale", -1),
            ("compliance_t.compliance_worth", 1),
            ("compliance_t.voluntary_worth", -1),
            ("voluntary_t.voluntary_worth", 1),
            ("surplus_fen.lot_price", [0]),
            ("surplus_fen.lot_price", [0, 10, 0]),
            ("voluntary_t.bid_price", []),
            ("voluntary_t.outside_price", [0, 0, 0]),
            ("surplus_fen.lot_price[0]", -1),
            ("surplus_fen.bid_price[1]", -1),
            ("surplus_fen.outside_price[0]", -1),
            ("surplus_fen.outside_price[1]", 1),
        ],
    )
    def test_prices_of_the_wrong_shape_or_sign_are_named(self, place: str, figure: Any):
        found = verdict(with_figure(f"bounds.{place}", figure))
        assert [(each.code, each.where) for each in found] == [("certificate", f"certificate.bounds.{place}")]

    @pytest.mark.parametrize("goal", GOALS)
    def test_a_result_that_states_less_than_is_proven_is_named_with_both_figures(self, goal: str):
        round_ = example()
        honest = result(round_, TONNES)
        stated = getattr(honest.bound, goal)
        lie = msgspec.structs.replace(honest, bound=msgspec.structs.replace(honest.bound, **{goal: stated - 1}))
        found = [each for each in check(round_, lie, tight()) if each.code == "not_proven"]
        assert places(found) == [f"bound.{goal}"]
        assert found[0].message == f"states {stated - 1}, the certificate proves {stated}"

    def test_lines_that_reach_more_than_is_proven_are_named(self):
        round_ = example()
        too_much = result(round_, TONNES | {("B2", "L2"): 15})
        assert {"above_proven_bound", "oversold"} <= {each.code for each in check(round_, too_much, tight())}


class TestTampering:
    @given(st.data())
    @settings(max_examples=300, deadline=None)
    def test_no_changed_figure_proves_another_bound_or_a_false_one(self, data: st.DataObject):
        document = json.loads(write_certificate(tight()))
        goal = data.draw(st.sampled_from(GOALS))
        place, key = data.draw(st.sampled_from(list(figures(document["bounds"][goal]))))
        before = place[key]
        place[key] += data.draw(st.integers(-12, 12))
        assume(place[key] != before)
        forged = read_certificate(json.dumps(document).encode())
        found = verdict(forged)
        if not any(each.code == "certificate" for each in found):
            round_ = example()
            honest = result(round_, TONNES)
            reached = honest.totals
            proves = naive_bound(round_, goal, getattr(forged.bounds, goal), reached.compliance_t, reached.voluntary_t)
            stated = getattr(honest.bound, goal)
            assert proves >= stated
            assert [each.code for each in found] == (["not_proven"] if proves > stated else [])


class TestTheSolversOwnCertificate:
    @given(rounds())
    @settings(max_examples=40, deadline=None)
    def test_it_proves_the_bounds_of_any_small_round(self, round_: Problem):
        outcome, certificate = solve_certified(round_)
        assert check(round_, outcome, read_certificate(write_certificate(certificate))) == []

    def test_no_figure_of_it_can_be_changed_so_that_it_proves_another_bound(self):
        round_, dice = market(15, 45, 4), random.Random(8)
        outcome, certificate = solve_certified(round_)
        assert check(round_, outcome, certificate) == []
        reached = outcome.totals
        for _ in range(80):
            document = json.loads(write_certificate(certificate))
            goal = dice.choice(GOALS)
            place, key = dice.choice(list(figures(document["bounds"][goal])))
            place[key] += dice.choice((-1000, -1, 1, 1000))
            forged = read_certificate(json.dumps(document).encode())
            if not check(round_, outcome, forged):
                prices, stated = getattr(forged.bounds, goal), getattr(outcome.bound, goal)
                assert naive_bound(round_, goal, prices, reached.compliance_t, reached.voluntary_t) == stated


def figures(proof: dict[str, Any]) -> list[tuple[Any, Any]]:
    """Every figure of a proof as the list or object that holds it, and its place there."""
    lists = [(each, number) for each in proof.values() if isinstance(each, list) for number in range(len(each))]
    return lists + [(proof, key) for key, each in proof.items() if isinstance(each, int)]
