"""Who is who: credit codes with their check character, the prefectures, and serial numbers that people read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanyi.kernel.identity import REGIONS, BadCreditCode, covers, credit_code, serial

RIGHT = "91110000600037341L"  # the example in the documentation of python-stdnum
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = [pow(3, place, 31) for place in range(17)]  # GB 32100-2015, 4.6


def check_character(first_seventeen):
    """The check character, worked out from the standard."""
    total = sum(ALPHABET.index(char) * weight for char, weight in zip(first_seventeen, WEIGHTS, strict=True))
    return ALPHABET[-total % 31]


def test_a_right_code_is_given_back_without_spaces_and_in_capitals():
    assert check_character(RIGHT[:17]) == RIGHT[17]
    assert credit_code(" 91110000 600037341l ") == RIGHT


@given(organisation=st.text(ALPHABET, min_size=9, max_size=9), region=st.sampled_from(sorted(REGIONS)))
def test_a_code_of_the_standard_is_accepted_and_any_other_check_character_is_not(organisation, region):
    body = f"91{region}{organisation}"
    right = check_character(body)
    assert credit_code(body + right) == body + right
    for other in set(ALPHABET) - {right}:
        with pytest.raises(BadCreditCode):
            credit_code(body + other)


@pytest.mark.parametrize(
    "written", ["", "9", RIGHT[:17], RIGHT + "L", RIGHT.replace("6", "I"), "统一社会信用代码统一社会信用代码代码"]
)
def test_what_is_no_code_is_refused_with_what_was_given(written):
    with pytest.raises(BadCreditCode) as refused:
        credit_code(written)
    assert refused.value.facts == {"given": written}


def test_the_prefectures_of_the_province_and_the_new_area_have_codes():
    assert len(REGIONS) == 12
    assert all(code.startswith("13") and len(code) == 6 and code.endswith("00") for code in REGIONS)


def test_a_serial_names_the_first_and_the_last_tonne():
    assert serial("FOREST", "HB001", 2023, 101, 201) == "HB-FOREST-HB001-2023-101-200"
    assert serial("WIND", "HB002", 2024, 7, 8) == "HB-WIND-HB002-2024-7-7"


@pytest.mark.parametrize(
    ("jurisdiction", "region", "is_covered"),
    [
        ("130000", "130100", True),
        ("130000", "130102", True),
        ("130000", "133100", True),
        ("130000", "110000", False),
        ("130100", "130100", True),
        ("130100", "130102", True),
        ("130100", "130200", False),
        ("130100", "130000", False),
        ("131000", "131003", True),
        ("131000", "131100", False),
        ("130102", "130102", True),
        ("130102", "130100", False),
        ("130102", "130104", False),
    ],
)
def test_an_office_covers_its_region_and_what_lies_in_it(jurisdiction, region, is_covered):
    assert covers(jurisdiction, region) is is_covered
