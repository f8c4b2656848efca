"""The problem format: what is read, what is refused and where, and the hash of a problem."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.problem import (
    BadProblem,
    Problem,
    instant,
    problem_sha256,
    read_problem,
    write_problem,
)
from tests.matching.rounds import bid, floor, lot, problem, with_value

LOT = {
    "id": "L1",
    "seller": "S1",
    "group": "G1",
    "product_type": "forestry",
    "vintage": 2024,
    "region": "130800",
    "quantity_t": 5000,
    "ask_fen": 5600,
    "all_or_none": False,
    "offered_at": "2026-03-01T01:00:00Z",
}
BID = {
    "id": "B1",
    "buyer": "E01",
    "group": "G9",
    "purpose": "compliance",
    "quantity_t": 34440,
    "limit_fen": 6500,
    "product_types": None,
    "vintage_from": 2021,
    "vintage_to": None,
    "regions": None,
    "floor": {"product_types": ["forestry", "wetland"], "regions": None, "min_permille": 500},
    "max_group_permille": 400,
    "max_sellers": None,
    "all_or_none": False,
    "submitted_at": "2026-03-02T03:10:00Z",
}
DOCUMENT = {
    "format": "tanyi.match/1",
    "id": "2026-r1",
    "mechanism": "quota",
    "price_rule": "pay_as_ask",
    "min_line_t": 100,
    "seed": "9f2c",
    "lots": [LOT],
    "bids": [BID],
}


def refusal(raw: bytes) -> BadProblem:
    with pytest.raises(BadProblem) as caught:
        read_problem(raw)
    assert str(caught.value) == f"{caught.value.path}: {caught.value.reason}"
    assert "\n" not in str(caught.value)
    return caught.value


# What is read


def test_the_example_of_the_contract_is_read_as_it_stands():
    read = read_problem(json.dumps(DOCUMENT).encode())
    assert (read.lots[0].id, read.lots[0].ask_fen, read.bids[0].quantity_t) == ("L1", 5600, 34440)
    assert read.bids[0].floor == floor(500, ("forestry", "wetland"))
    assert read.tick_fen == 1


def test_empty_lists_are_a_problem():
    assert read_problem(json.dumps(DOCUMENT | {"lots": [], "bids": []}).encode()).lots == ()


def test_a_written_problem_reads_back_and_is_written_in_order_of_id():
    round_ = problem([lot("L2"), lot("L1")], [bid("B2"), bid("B1")], mechanism="auction", price_rule="uniform")
    again = read_problem(write_problem(round_))
    assert [each.id for each in again.lots] == ["L1", "L2"]
    assert problem_sha256(again) == problem_sha256(round_)
    assert list(json.loads(write_problem(round_)))[:4] == ["format", "id", "mechanism", "price_rule"]


def test_the_tick_of_an_auction_is_read():
    raw = json.dumps(DOCUMENT | {"mechanism": "auction", "price_rule": "uniform", "tick_fen": 5}).encode()
    assert read_problem(raw).tick_fen == 5


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("lots[0].quantity_t", 1),
        ("lots[0].quantity_t", 10**9),
        ("lots[0].ask_fen", 0),
        ("lots[0].ask_fen", 10**7),
        ("bids[0].max_group_permille", 0),
        ("bids[0].max_group_permille", 1000),
        ("bids[0].max_sellers", 1),
        ("bids[0].product_types", []),
        ("lots[0].region", "别的"),
        ("lots[0].offered_at", "2026-03-01T01:00:00.123456789+00:00"),
        ("lots[0].offered_at", "2016-12-31T23:59:60Z"),
    ],
)
def test_values_at_their_bounds_are_read(path: str, value: Any):
    assert isinstance(read_problem(with_value(DOCUMENT, path, value)), Problem)


# What is refused, and where


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("bids[0].quantity_t", "12"),
        ("bids[0].quantity_t", 0),
        ("bids[0].quantity_t", -1),
        ("bids[0].quantity_t", 10**9 + 1),
        ("bids[0].quantity_t", 1.0),
        ("bids[0].quantity_t", True),
        ("bids[0].quantity_t", None),
        ("bids[0].quantity_t", 10**4000),
        ("bids[0].limit_fen", -1),
        ("bids[0].limit_fen", 10**7 + 1),
        ("bids[0].purpose", "charity"),
        ("bids[0].product_types", "forestry"),
        ("bids[0].product_types[0]", 7),
        ("bids[0].vintage_from", "2021"),
        ("bids[0].vintage_to", 2**53),
        ("bids[0].floor.min_permille", 1001),
        ("bids[0].floor.regions", "130800"),
        ("bids[0].max_group_permille", -1),
        ("bids[0].max_sellers", 0),
        ("bids[0].all_or_none", 0),
        ("bids[0].submitted_at", "2026-03-02T03:10:00"),
        ("bids[0].submitted_at", "2026-03-02T03:10:00+08:00"),
        ("bids[0].submitted_at", "2026-02-30T03:10:00Z"),
        ("bids[0].submitted_at", "2026-03-02"),
        ("lots[0].offered_at", "2026-03-01T25:00:00Z"),
        ("lots[0].offered_at", "\u0662026-03-01T01:00:00Z"),
        ("lots[0].vintage", None),
        ("lots[0].id", None),
        ("lots[0].extra", 1),
        ("lots[0]", []),
        ("lots", {}),
        ("min_line_t", 0),
        ("format", "tanyi.match/2"),
        ("mechanism", "lottery"),
        ("price_rule", "uniform"),
        ("tick_fen", 1),
        ("surprise", None),
    ],
)
def test_a_wrong_value_is_refused_at_its_path(path: str, value: Any):
    document = json.loads(json.dumps(DOCUMENT))
    document["bids"][0]["product_types"] = ["forestry"]
    assert refusal(with_value(document, path, value)).path == f"$.{path}"


@pytest.mark.parametrize("key", [*DOCUMENT, *[f"lots[0].{key}" for key in LOT], *[f"bids[0].{key}" for key in BID]])
def test_every_key_is_required(key: str):
    document = json.loads(json.dumps(DOCUMENT))
    place = document["lots"][0] if key.startswith("lots[") else document["bids"][0] if "[" in key else document
    del place[key.rpartition(".")[2]]
    wrong = refusal(json.dumps(document).encode())
    assert (wrong.path, wrong.reason) == (f"$.{key}", "this key is missing")


@pytest.mark.parametrize("key", ["min_line_t", "id", "seller", "min_permille", "floor", "lots"])
def test_a_repeated_key_is_refused_even_with_the_same_value(key: str):
    text = json.dumps(DOCUMENT)
    at = text.index(f'"{key}":')
    value, _ = json.JSONDecoder().raw_decode(text, at + len(key) + 4)
    wrong = refusal(f"{text[:at]}{json.dumps(key)}: {json.dumps(value)}, {text[at:]}".encode())
    assert wrong.reason == "this key is repeated"
    assert wrong.path.endswith(f".{key}")


def test_a_key_repeated_in_escaped_letters_is_refused():
    raw = json.dumps(DOCUMENT).replace('"seed":', '"see\\u0064": "1", "seed":').encode()
    assert refusal(raw).path == "$.seed"


@pytest.mark.parametrize("colon", ["\\u003a", "\\u003A"])
def test_a_colon_in_escaped_letters_cannot_hide_a_repeated_key(colon: str):
    text = json.dumps(DOCUMENT).replace('"2026-r1"', f'"2026{colon}r1"')
    assert read_problem(text.encode()).id == "2026:r1"
    assert refusal(text.replace('"seed":', '"seed": "1", "seed":').encode()).path == "$.seed"


def test_a_tick_cannot_hide_a_repeated_key():
    auction = DOCUMENT | {"mechanism": "auction", "price_rule": "uniform"}
    assert refusal(json.dumps(auction).replace('"seed":', '"seed": "1", "seed":').encode()).path == "$.seed"


def test_colons_braces_and_quotes_in_names_are_no_keys():
    name = '{"a": 1, \\"b\\": ::"}\\'
    assert read_problem(with_value(DOCUMENT, "lots[0].seller", name)).lots[0].seller == name


@pytest.mark.parametrize("number", ["1e3", "1E3", "5000.0", "1e999", "NaN", "Infinity", "0x10", "01", "+1", "5_000"])
def test_a_number_that_is_not_written_as_a_whole_number_is_refused(number: str):
    refusal(json.dumps(DOCUMENT).replace("5000", number, 1).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{} {}",
        b"\xef\xbb\xbf{}",
        b'{"format": "\xff"}',
        b'{"format": "\\ud800"}',
        b"[" * 10**6,
        b'{"lots":' * 10**6,
        b'{"lots": ' + b"[" * 10**6 + b"]" * 10**6 + b"}",
        b'{"min_line_t": ' + b"9" * 10**6 + b"}",
        json.dumps(DOCUMENT).encode()[:-1],
        json.dumps(DOCUMENT).encode("utf-16"),
    ],
    ids=range(14),
)
def test_bytes_that_are_no_document_are_refused_in_one_line(raw: bytes):
    refusal(raw)


def test_a_repeated_id_is_refused():
    assert refusal(json.dumps(DOCUMENT | {"lots": [LOT, LOT]}).encode()).path == "$.lots[1].id"
    assert refusal(json.dumps(DOCUMENT | {"bids": [BID, BID]}).encode()).path == "$.bids[1].id"


def test_a_bid_and_a_lot_may_have_the_same_id():
    assert read_problem(with_value(DOCUMENT, "lots[0].id", "B1")).lots[0].id == "B1"


def test_the_worth_of_all_bids_stays_below_two_to_the_53():
    large = BID | {"quantity_t": 10**9, "limit_fen": 9_007_199}
    rest = BID | {"id": "B2", "quantity_t": 2**53 - 1 - 9_007_199 * 10**9, "limit_fen": 1}
    read_problem(json.dumps(DOCUMENT | {"bids": [large, rest]}).encode())
    one_more = rest | {"quantity_t": rest["quantity_t"] + 1}
    assert refusal(json.dumps(DOCUMENT | {"bids": [large, one_more]}).encode()).path == "$.bids"


@pytest.mark.parametrize(
    ("mechanism", "price_rule", "is_allowed"),
    [
        ("quota", "pay_as_ask", True),
        ("quota", "midpoint", True),
        ("quota", "uniform", False),
        ("auction", "uniform", True),
        ("auction", "pay_as_ask", False),
        ("auction", "midpoint", False),
    ],
)
def test_a_mechanism_goes_with_its_price_rules_only(mechanism: str, price_rule: str, is_allowed: bool):
    raw = json.dumps(DOCUMENT | {"mechanism": mechanism, "price_rule": price_rule}).encode()
    if is_allowed:
        assert read_problem(raw).price_rule == price_rule
    else:
        assert refusal(raw).path == "$.price_rule"


@given(st.binary(max_size=60), st.integers(0, 600), st.integers(0, 30))
@settings(max_examples=400, deadline=None)
def test_damaged_bytes_are_read_or_refused_and_never_a_crash(noise: bytes, at: int, cut: int):
    raw = json.dumps(DOCUMENT).encode()
    for damaged in (noise, raw[:at] + noise + raw[at + cut :]):
        try:
            read_problem(damaged)
        except BadProblem:
            continue


# The hash


def test_the_hash_is_that_of_the_canonical_form_with_sorted_lists():
    document = DOCUMENT | {
        "lots": [
            LOT | {"id": name, "seller": name} for name in ("b", "a", "\U0001f333", "\ufb01", '\\"\x00\x1f\x7f\u2028')
        ]
    }
    ordered = document | {"lots": sorted(document["lots"], key=lambda each: each["id"])}
    expected = hashlib.sha256(rfc8785.dumps(ordered)).hexdigest()
    assert problem_sha256(read_problem(json.dumps(document).encode())) == expected


def test_a_stated_tick_is_part_of_the_hash():
    auction = DOCUMENT | {"mechanism": "auction", "price_rule": "uniform"}
    for document in (auction, auction | {"tick_fen": 1}):
        expected = hashlib.sha256(rfc8785.dumps(document)).hexdigest()
        assert problem_sha256(read_problem(json.dumps(document).encode())) == expected


@given(st.permutations(range(5)))
@settings(deadline=None)
def test_the_hash_does_not_depend_on_the_order_of_the_lists(order: list[int]):
    lots, bids = [lot(f"L{number}") for number in range(5)], [bid(f"B{number}") for number in range(5)]
    shuffled = problem([lots[number] for number in order], [bids[number] for number in reversed(order)])
    assert problem_sha256(shuffled) == problem_sha256(problem(lots, bids))


# Times


def test_times_sort_as_instants_whatever_their_spelling():
    texts = [
        "2026-03-01T01:00:00Z",
        "2026-03-01T01:00:00.05z",
        "2026-03-01t01:00:00.5+00:00",
        "2026-03-01T01:00:01-00:00",
    ]
    shuffled = [texts[2], texts[0], texts[3], texts[1]]
    assert sorted(shuffled, key=instant) == texts
    assert instant("2026-03-01T01:00:00.500Z") == instant("2026-03-01T01:00:00.5+00:00")


# Speed


def test_a_large_problem_is_read_within_a_second():
    lots = [LOT | {"id": f"L{number}"} for number in range(20_000)]
    bids = [BID | {"id": f"B{number}"} for number in range(5_000)]
    raw = json.dumps(DOCUMENT | {"lots": lots, "bids": bids}).encode()
    started = time.process_time()
    assert len(read_problem(raw).lots) == 20_000
    assert time.process_time() - started < 1
