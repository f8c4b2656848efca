"""The result format: what is read, what is refused and where, and the order in which it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from matching.problem import BadResult, read_result, write_result
from tests.matching.rounds import bid, lot, problem, result, with_value

RESULT = {
    "format": "tanyi.match.result/1",
    "problem_sha256": "0" * 64,
    "mechanism": "quota",
    "status": "optimal",
    "lines": [{"bid": "B1", "lot": "L1", "quantity_t": 5000, "price_fen": 5600}],
    "totals": {"compliance_t": 5000, "voluntary_t": 0, "surplus_fen": 4500000, "cost_fen": 28000000, "lines": 1},
    "bound": {"compliance_t": 5000, "voluntary_t": 0, "surplus_fen": 4500000},
    "search_bound": None,
    "gap_ppm": {"coverage": 0, "surplus": 0},
    "proven": ["compliance_t", "voluntary_t", "surplus_fen"],
    "prices_fen": None,
    "paradoxically_rejected": [],
    "bids": [{"bid": "B1", "filled_t": 5000, "reasons": [{"code": "supply_short", "tonnes": 29440}]}],
    "lots": [{"lot": "L1", "sold_t": 5000, "reasons": []}],
    "solver": {"name": "x", "version": "1", "seconds": 0.1, "peak_mb": 60},
}


def test_the_result_of_the_contract_is_read_and_written_as_it_stands():
    read = read_result(json.dumps(RESULT).encode())
    assert json.loads(write_result(read)) == RESULT
    assert list(json.loads(write_result(read))) == list(RESULT)


def test_a_result_is_written_in_order_whatever_order_it_was_made_in():
    round_ = problem([lot("L1"), lot("L2")], [bid("B1"), bid("B2")])
    honest = result(round_, {("B1", "L1"): 4, ("B1", "L2"): 5, ("B2", "L1"): 6})
    reversed_ = json.loads(write_result(honest))
    for name in ("lines", "bids", "lots"):
        reversed_[name].reverse()
    assert write_result(read_result(json.dumps(reversed_).encode())) == write_result(honest)


def test_figures_of_a_reason_and_rejected_orders_are_kept():
    document = json.loads(json.dumps(RESULT))
    document["bids"][0]["reasons"][0]["figures"] = {"nearest_ask_fen": 7000, "lot": "L9"}
    document["paradoxically_rejected"] = [{"bid": "B1", "tonnes": 5, "by_fen": 10}]
    assert json.loads(write_result(read_result(json.dumps(document).encode()))) == document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lines[0].quantity_t", 5000.0),
        ("lines[0].price_fen", "5600"),
        ("lines[0].extra", 1),
        ("totals.lines", True),
        ("bound", None),
        ("search_bound", {"compliance_t": 1}),
        ("gap_ppm.coverage", 0.5),
        ("paradoxically_rejected", [{"tonnes": 5, "by_fen": 10}]),
        ("paradoxically_rejected", [{"bid": "B1", "lot": "L1", "tonnes": 5, "by_fen": 10}]),
        ("solver.seconds", -1),
        ("format", "tanyi.match.result/2"),
        ("surprise", 1),
    ],
)
def test_a_malformed_result_is_refused(path: str, value: Any):
    with pytest.raises(BadResult) as caught:
        read_result(with_value(RESULT, path, value))
    assert caught.value.path.startswith(f"$.{path}")


def test_a_repeated_key_of_a_result_is_refused():
    raw = json.dumps(RESULT).replace('"tonnes":', '"tonnes": 1, "tonnes":').encode()
    with pytest.raises(BadResult) as caught:
        read_result(raw)
    assert caught.value.path == "$.bids[0].reasons[0].tonnes"
