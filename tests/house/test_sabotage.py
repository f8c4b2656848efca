"""Each house rule is shown to bite: a seeded violation is caught, and its clean twin passes."""

from __future__ import annotations

import pytest

from tests.house.cases import CASES, Case
from tests.house.catalogue import RULES
from tests.house.tree import Source

NUMBERED = [pytest.param(case, id=f"{case.rule}-{number}") for number, case in enumerate(CASES)]
ABOUT_PATHS = {"market/trading/utils.py", "tests/common.py"}  # the path itself is the sabotage


@pytest.mark.parametrize("case", NUMBERED)
def test_a_seeded_violation_is_caught(case: Case) -> None:
    found = RULES[case.rule].findings([Source(case.path, case.bad)])
    assert found
    assert all(each.path == case.path and each.line >= 1 for each in found)


@pytest.mark.parametrize("case", [param for param in NUMBERED if param.values[0].path not in ABOUT_PATHS])
def test_the_clean_twin_is_not_flagged(case: Case) -> None:
    assert RULES[case.rule].findings([Source(case.path, case.clean)]) == []


def test_every_rule_has_a_sabotage() -> None:
    assert {case.rule for case in CASES} == set(RULES)


def test_the_same_refusal_code_in_two_files_is_caught() -> None:
    case = next(case for case in CASES if case.rule == "a_refusal_has_a_kind_a_code_and_a_message")
    twins = [Source(path, case.clean) for path in ("market/trading/bids.py", "market/trading/listings.py")]
    assert len(RULES[case.rule].findings(twins)) == 1


def test_the_same_table_name_in_two_files_is_caught() -> None:
    text = "class Bid:\n    __tablename__ = 'trading_bid'\n"
    twins = [Source(path, text) for path in ("market/trading/bids.py", "market/trading/tables.py")]
    assert len(RULES["a_table_is_named_after_its_package_and_one_row"].findings(twins)) == 1


def test_a_writer_may_write_its_own_truth() -> None:
    text = "from tanyi.ledger.tables import Block\nx = Block(lo=1)\n"
    rule = RULES["one_file_moves_tonnes_and_one_moves_money"]
    assert rule.findings([Source("tanyi/ledger/blocks.py", text)]) == []
    assert len(rule.findings([Source("tanyi/ledger/transfers.py", text)])) == 1
