"""What only triggers may write, the application's role cannot write in the row's first moment either.

A cached balance or a sum of retired tonnes is no safer than the way to enter a row: a right to insert every column
would be a right to invent money in an account, or a duty that is met from birth.
"""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tanyi.kernel.db import Database

PERMISSION_DENIED, BROKEN_RULE = "42501", "23000"

OPENED_WITH_MONEY = "INSERT INTO ledger_account (code, kind, balance_fen) VALUES ('payable:1', 'PAYABLE', 100)"
BORN_MET = """
    INSERT INTO emitters_obligation (number, organisation_id, kind, plan_year, required_t, retired_t, due_on, state)
    VALUES ('D1', 0, 'EIA_PROJECT', 2026, 10, 10, '2026-12-31', 'NOTIFIED')"""
PUBLISHED_ROUND = """
    INSERT INTO matching_round (number, plan_year, price_rule, minimum_line_t, seed, state, opened_at, problem, result)
    VALUES ('1', 2026, 'pay_as_ask', 100, 's', :state, now(), 'problem', :result)"""
TAKES_ITS_RESULT = "UPDATE matching_round SET state = 'SOLVED', result = 'result', certificate = 'certificate'"


def refused_with(database: Database, *statements: str, **facts: object) -> str:
    """The SQL state with which the last statement is refused to the application's role; empty when it is let through."""
    with database.app_engine().connect() as connection:
        for statement in statements[:-1]:
            connection.execute(text(statement), facts)
        try:
            connection.execute(text(statements[-1]))
        except DBAPIError as refused:
            return getattr(refused.orig, "sqlstate", None) or ""
    return ""


def test_no_account_is_opened_with_money_in_it(database: Database) -> None:
    assert refused_with(database, OPENED_WITH_MONEY) == PERMISSION_DENIED


def test_no_duty_is_born_met(database: Database) -> None:
    assert refused_with(database, BORN_MET) == PERMISSION_DENIED


@pytest.mark.parametrize("column", ["problem", "result", "certificate", "state"])
def test_a_published_round_never_changes(database: Database, column: str) -> None:
    change = f"UPDATE matching_round SET {column} = '{'SOLVED' if column == 'state' else 'another'}'"
    assert refused_with(database, PUBLISHED_ROUND, change, state="PUBLISHED", result=b"result") == BROKEN_RULE


def test_a_frozen_problem_never_changes(database: Database) -> None:
    change = "UPDATE matching_round SET problem = 'another'"
    assert refused_with(database, PUBLISHED_ROUND, change, state="CLOSED", result=None) == BROKEN_RULE


def test_a_checked_result_is_never_replaced(database: Database) -> None:
    change = "UPDATE matching_round SET result = 'another'"
    assert refused_with(database, PUBLISHED_ROUND, change, state="SOLVED", result=b"result") == BROKEN_RULE


def test_a_checked_certificate_is_never_replaced(database: Database) -> None:
    change = "UPDATE matching_round SET certificate = 'another'"
    assert refused_with(database, PUBLISHED_ROUND, TAKES_ITS_RESULT, change, state="CLOSED", result=None) == BROKEN_RULE


def test_a_closed_round_takes_its_result_with_the_certificate(database: Database) -> None:
    assert refused_with(database, PUBLISHED_ROUND, TAKES_ITS_RESULT, state="CLOSED", result=None) == ""
