"""What a certificate claims: amounts in capitals, and the contradictions that are refused before anything is signed."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement import certificate_claim
from settlement.certificate_claim import NotAValidCertificate, Party
from tanyi.kernel.quantities import LARGEST, Tonnes
from tests.settlement.certificate_makers import MEETING, claim, line

# amounts in capitals


@pytest.mark.parametrize(
    ("tonnes", "written"),
    [
        (0, "零吨"),
        (1, "壹吨"),
        (10, "壹拾吨"),
        (11, "壹拾壹吨"),
        (100, "壹佰吨"),
        (101, "壹佰零壹吨"),
        (110, "壹佰壹拾吨"),
        (119, "壹佰壹拾玖吨"),
        (1_000, "壹仟吨"),
        (1_001, "壹仟零壹吨"),
        (1_010, "壹仟零壹拾吨"),
        (2_500, "贰仟伍佰吨"),
        (10_000, "壹万吨"),
        (10_001, "壹万零壹吨"),
        (20_340, "贰万零叁佰肆拾吨"),
        (34_440, "叁万肆仟肆佰肆拾吨"),
        (107_000, "壹拾万柒仟吨"),
        (160_215, "壹拾陆万零贰佰壹拾伍吨"),
        (191_909, "壹拾玖万壹仟玖佰零玖吨"),
        (1_000_000, "壹佰万吨"),
        (10_050_000, "壹仟零伍万吨"),
        (100_000_000, "壹亿吨"),
        (100_000_001, "壹亿零壹吨"),
        (100_010_000, "壹亿零壹万吨"),
        (123_456_789, "壹亿贰仟叁佰肆拾伍万陆仟柒佰捌拾玖吨"),
        (1_000_000_000_000, "壹万亿吨"),
        (20_000_000_000_000_000, "贰亿亿吨"),
    ],
)
def test_tonnes_are_written_in_capitals(tonnes: int, written: str) -> None:
    assert certificate_claim.tonnes_in_chinese_capitals(Tonnes(tonnes)) == written


def read_capitals(text: str) -> int:
    """The figure again, by the rule that a unit multiplies all that stands before it in its section."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if name in text:
            above, _, below = text.rpartition(name)
            return read_capitals(above) * unit + read_capitals(below)
    total, digit = 0, 0
    for char in text:
        if char in "拾佰仟":
            total += digit * {"拾": 10, "佰": 100, "仟": 1000}[char]
            digit = 0
        else:
            digit = "零壹贰叁肆伍陆柒捌玖".index(char)
    return total + digit


@given(st.one_of(st.integers(0, 10**6), st.integers(0, LARGEST)))
def test_capitals_read_back_as_the_same_figure_with_no_zero_doubled_or_left_at_the_end(tonnes: int) -> None:
    written = certificate_claim.tonnes_in_chinese_capitals(Tonnes(tonnes)).removesuffix("吨")
    assert read_capitals(written) == tonnes
    assert "零零" not in written
    assert tonnes == 0 or not written.startswith("零")
    assert tonnes == 0 or not written.endswith("零")


# the claim


def test_a_claim_in_json_holds_no_number_but_as_a_string() -> None:
    document = certificate_claim.claim_document(claim())
    assert document["tonnes"] == "119"
    assert document["tonnes_in_chinese_capitals"] == "壹佰壹拾玖吨"
    assert document["retired_at"] == "2026-11-23T03:00:00Z"
    assert document["obligation"] == {"number": "D-2025-E17", "year": "2025"}
    assert document["lines"][0]["from"] == "1001"
    assert document["lines"][0]["to"] == "1100"

    def refuse_number(text: str) -> None:
        raise AssertionError(text)

    json.loads(json.dumps(document), parse_int=refuse_number, parse_float=refuse_number)


def test_what_the_log_keeps_names_nobody_and_changes_with_every_fact() -> None:
    facts = certificate_claim.retirement_facts(claim())
    assert set(facts) == {"claim_sha256", "number", "retirement", "tonnes"}
    assert "鹿泉" not in json.dumps(facts, ensure_ascii=False)
    for changes in ({"salt": "60" * 16}, {"beneficiary": Party(name="另一家", uscc=None)}, {"legal_effect": None}):
        assert certificate_claim.retirement_facts(claim(**changes))["claim_sha256"] != facts["claim_sha256"]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"legal_effect": None},
        {"purpose": "COMPLIANCE_EIA"},
        {"purpose": "VOLUNTARY_EVENT", "obligation": None, "event": MEETING},
        {"purpose": "VOLUNTARY_ORG", "obligation": None},
        {"purpose": "VOLUNTARY_PERSON", "obligation": None, "retired_by": Party(name="一位居民", uscc=None)},
        {"lines": (line(1, 100), line(101, 119))},
    ],
)
def test_a_claim_that_agrees_with_itself_is_accepted(changes: dict[str, object]) -> None:
    certificate_claim.refuse_unless_consistent(claim(**changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"legal_effect": ""}, "legal effect"),
        ({"legal_effect": "DEMO"}, "legal effect"),
        ({"retired_at": datetime(2026, 11, 23, 3)}, "time zone"),  # noqa: DTZ001  that is the point
        ({"purpose": "COMPLIANCE"}, "not one of the known"),
        ({"obligation": None}, "does not fit"),
        ({"event": MEETING}, "does not fit"),
        ({"purpose": "VOLUNTARY_EVENT"}, "does not fit"),
        ({"purpose": "VOLUNTARY_EVENT", "event": MEETING}, "does not fit"),
        ({"purpose": "VOLUNTARY_ORG"}, "does not fit"),
        ({"salt": ""}, "salt"),
        ({"salt": "5F" * 16}, "salt"),
        ({"salt": "5f" * 15}, "salt"),
        ({"lines": (), "tonnes": Tonnes(0)}, "no lines"),
        ({"tonnes": Tonnes(118)}, "add up"),
        ({"lines": (line(1001, 1100),)}, "add up"),
        ({"lines": (line(2000, 2018), line(1001, 1100))}, "overlap or are out of order"),
        ({"lines": (line(1001, 1100), line(1100, 1118))}, "overlap or are out of order"),
        ({"lines": (line(1001, 1100), line(1001, 1019))}, "overlap or are out of order"),
        ({"lines": (line(0, 118),)}, "range"),
        ({"lines": (line(1001, 1100, tonnes=Tonnes(99)), line(2000, 2019))}, "range"),
        ({"lines": (line(1001, 1119, first=1002),)}, "range"),
        ({"lines": (line(1001, 1119, serial="HB-forestry-P04-2024-1001-1118"),)}, "range"),
        ({"lines": (line(1001, 1119, serial="HB-forestry-P05-2024-1001-1119"),)}, "range"),
        ({"lines": (line(1001, 1119, serial="HB-P04-2024-1001-1119"),)}, "range"),
        ({"lines": (line(1001, 1119, vintage=2023),)}, "range"),
        ({"lines": (line(1001, 1119, product_type="wind"),)}, "range"),
        ({"lines": (line(1001, 1000),), "tonnes": Tonnes(0)}, "range"),
    ],
)
def test_a_claim_that_contradicts_itself_is_refused(changes: dict[str, object], reason: str) -> None:
    for refusing in (certificate_claim.refuse_unless_consistent, certificate_claim.claim_document):
        with pytest.raises(NotAValidCertificate) as refusal:
            refusing(claim(**changes))
        assert reason in str(refusal.value)
