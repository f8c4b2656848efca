"""The audit of every floor: clean after a whole round, and each breach of the upper floors is named by its own check."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from market.emitters import obligations
from settlement import delivery, payments, retirement
from tanyi.app import counter
from tanyi.app.summary import breaches
from tanyi.kernel.clock import system_clock
from tanyi.kernel.work import Reader
from tanyi.ledger.audit import Breach
from tests.market_makers import Market, make_published_round

SABOTAGE = {
    "escrow_holds_what_is_paid_and_not_delivered": "UPDATE settlement_payment SET captured_fen = captured_fen - 1",
    "a_settled_trade_has_both_legs": "DELETE FROM settlement_settlement",
    "a_settled_trade_holds_no_tonnes_back": "UPDATE ledger_block SET state = 'RESERVED', listing_id = NULL,"
    " trade_id = (SELECT min(id) FROM trading_trade) WHERE state = 'LISTED'",
    "a_payout_leaves_the_payable_account_once": "UPDATE settlement_payout SET amount_fen = amount_fen + 1",
    "a_retirement_retires_what_it_says": "UPDATE settlement_retirement SET quantity_t = quantity_t + 1",
    "a_retirement_has_its_claim": "DELETE FROM settlement_claim",
    "a_duty_counts_what_was_retired_for_it": "UPDATE emitters_obligation SET retired_t = retired_t - 1",
}


@pytest.fixture
def owner(market: Market) -> Iterator[Connection]:
    """A whole round brought to its end, under the hands of an owner whose triggers are off."""
    counter.settle_round(market.house, make_published_round(market))
    with market.house.database.owner_engine().connect() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        yield connection


def found_by(owner: Connection) -> list[Breach]:
    with Session(owner) as session:
        return breaches(Reader(session=session, now=system_clock()))


def test_every_check_of_the_upper_floors_has_its_sabotage() -> None:
    checks = obligations.CHECKS | payments.CHECKS | delivery.CHECKS | retirement.CHECKS
    assert set(SABOTAGE) == set(checks)


def test_a_whole_round_leaves_no_breach_and_each_sabotage_is_named(owner: Connection) -> None:
    assert found_by(owner) == []
    for invariant, statement in SABOTAGE.items():
        owner.rollback()
        owner.execute(text("SET session_replication_role = replica"))
        owner.execute(text(statement))
        found = {breach.invariant for breach in _within(owner)}
        assert invariant in found, f"{statement}: {found}"


def _within(owner: Connection) -> list[Breach]:
    """What the audit finds inside the saboteur's own transaction."""
    with Session(owner, join_transaction_mode="create_savepoint") as session:
        return breaches(Reader(session=session, now=system_clock()))
