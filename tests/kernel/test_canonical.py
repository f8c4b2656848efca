"""One sequence of bytes for one document (RFC 8785), and nothing else that decodes to it."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanyi.kernel.canonical import NotCanonical, canonical, read_canonical, sha256_hex
from tanyi.kernel.errors import Invalid

# RFC 8785 §3.2.2 and §3.2.3: the sample of the specification, and the sorting of names by UTF-16 code units
SAMPLE = {
    "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
    "literals": [None, True, False],
}
SAMPLE_BYTES = (
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)
SORTED = {
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\U0001f600": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis",
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
leaves = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
documents = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


def test_the_sample_of_the_specification_comes_out_as_printed():
    assert canonical(SAMPLE) == SAMPLE_BYTES.encode()


def test_names_are_sorted_as_the_specification_sorts_them():
    order = ["Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign"]
    order += ["Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh"]
    assert list(json.loads(canonical(SORTED)).values()) == order


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0.0, b"0"),
        (-0.0, b"0"),
        (5e-324, b"5e-324"),
        (1.7976931348623157e308, b"1.7976931348623157e+308"),
        (9007199254740991, b"9007199254740991"),
        (295147905179352825856.0, b"295147905179352830000"),
        (1e21, b"1e+21"),
        (0.000001, b"0.000001"),
        (1e-7, b"1e-7"),
    ],
)
def test_numbers_are_written_as_the_specification_lists_them(number, written):
    assert canonical(number) == written


@given(document=documents)
def test_what_is_written_is_read_again_as_the_same(document):
    assert read_canonical(canonical(document)) == document


@given(document=st.dictionaries(texts, leaves, min_size=2, max_size=6), data=st.data())
def test_the_order_of_names_changes_nothing(document, data):
    shuffled = dict(data.draw(st.permutations(list(document.items()))))
    assert canonical(shuffled) == canonical(document)
    assert sha256_hex(shuffled) == hashlib.sha256(canonical(document)).hexdigest()


def deep(depth):
    """Lists in one another."""
    document = []
    for _ in range(depth):
        document = [document]
    return document


@pytest.mark.parametrize(
    "document",
    [
        2**53,
        -(2**53),
        float("nan"),
        float("inf"),
        {1: "a number for a name"},
        {"set": {1}},
        b"bytes",
        object(),
        "\ud800",
        {"\udfff": 1},
    ],
)
def test_what_has_no_canonical_form_is_refused(document):
    with pytest.raises(NotCanonical) as refused:
        canonical(document)
    assert isinstance(refused.value, Invalid)


def test_a_document_too_deep_to_write_is_refused_and_no_error():
    with pytest.raises(NotCanonical):
        canonical(deep(100_000))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" {}",
        b"{}\n",
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b"[1.0]",
        b"[1e2]",
        b"[-0]",
        b'["\\u0041"]',
        b'["\\/"]',
        b"[NaN]",
        b"[Infinity]",
        b"[9007199254740993]",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'["\\ud800"]',
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_bytes_in_any_other_form_are_refused(raw):
    with pytest.raises(NotCanonical):
        read_canonical(raw)


@given(raw=st.binary(max_size=40))
def test_no_bytes_at_all_do_anything_but_decode_or_be_refused(raw):
    try:
        document = read_canonical(raw)
    except NotCanonical:
        return
    assert canonical(document) == raw
