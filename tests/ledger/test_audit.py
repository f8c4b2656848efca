"""`tanyi audit` finds what it was made to find: each check catches a breach that its guards were taken away for."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from settlement import delivery, payments, retirement
from tanyi.ledger import audit
from tests.ledger import makers
from tests.ledger.makers import reading, working

FREE_HAND = """
    ALTER TABLE ledger_block DISABLE TRIGGER USER; ALTER TABLE ledger_issuance DISABLE TRIGGER USER;
    ALTER TABLE ledger_account DISABLE TRIGGER USER; ALTER TABLE ledger_transfer DISABLE TRIGGER USER;
    ALTER TABLE ledger_audit_entry DISABLE TRIGGER USER; ALTER TABLE trading_trade DISABLE TRIGGER USER;
    ALTER TABLE ledger_block DROP CONSTRAINT blocks_form_one_chain,
        DROP CONSTRAINT a_block_starts_where_one_ended, DROP CONSTRAINT a_block_belongs_to_one_issuance,
        DROP CONSTRAINT locked_is_tied_to_one_id, DROP CONSTRAINT a_block_lies_inside_its_issuance;
    ALTER TABLE ledger_issuance DROP CONSTRAINT issuances_form_one_chain, DROP CONSTRAINT issued_quantity_is_its_range,
        DROP CONSTRAINT an_issuance_starts_where_one_ended, DROP CONSTRAINT an_issuance_ends_with_a_block,
        DROP CONSTRAINT an_issuance_begins_with_a_block;
    ALTER TABLE ledger_account DROP CONSTRAINT no_account_is_overdrawn;
    ALTER TABLE trading_trade DROP CONSTRAINT settled_means_delivered_and_paid;
"""

# invariant -> the change that breaks it; the books hold tonnes 1 to 100: 1-5 the buyer's, 91-100 retired
BREACHES = {
    "blocks_partition_all_tonnes": "UPDATE ledger_block SET lo = lo + 1 WHERE lo = 1",
    "issuances_partition_all_tonnes": "UPDATE ledger_issuance SET lo = lo + 1 WHERE lo = 1",
    "blocks_add_up_to_their_issuance": "UPDATE ledger_issuance SET quantity_t = quantity_t - 1 WHERE lo = 1",
    "a_block_lies_inside_its_issuance": "UPDATE ledger_block SET issuance_id = 999 WHERE lo = 1",
    "a_tonne_has_one_encumbrance": "UPDATE ledger_block SET lock_id = 1 WHERE lo = 1",
    "cached_balances_equal_the_transfers": "UPDATE ledger_account SET balance_fen = balance_fen + 1 WHERE kind = 'FEE'",
    "all_balances_add_up_to_nothing": "UPDATE ledger_account SET balance_fen = balance_fen - 1 WHERE kind = 'FEE'",
    "only_the_outside_is_negative": "UPDATE ledger_account SET balance_fen = -1 WHERE kind = 'FEE'",
    "the_log_is_one_unbroken_chain": "UPDATE ledger_audit_entry SET body = '{}' WHERE seq = 2",
    "a_retirement_retires_what_it_says": "UPDATE ledger_block SET retirement_id = NULL, state = 'FREE'"
    " WHERE state = 'RETIRED'",
    "a_settled_trade_has_both_legs": "UPDATE trading_trade SET state = 'FUNDED' WHERE state = 'SETTLED'",
    "a_settled_trade_holds_no_tonnes_back": "UPDATE ledger_block SET state = 'RESERVED', trade_id = t.id"
    " FROM trading_trade t WHERE lo = 31",
    "escrow_holds_what_is_paid_and_not_delivered": "UPDATE settlement_payment SET captured_fen = captured_fen - 1",
    "a_payout_leaves_the_payable_account_once": "UPDATE settlement_payout SET state = 'SENT', sent_as = 'nowhere'",
}
UPPER = (
    delivery.CHECKS | payments.CHECKS | {name: query for name, query in retirement.CHECKS.items() if name in BREACHES}
)


@pytest.fixture
def books(database):
    """A hundred tonnes, some sold, some retired, some free; and an account for fees."""
    with working(database) as work:
        market = makers.open_market(work)
        stock = makers.issue(work, market, 100)
        listing = makers.offer(work, market.seller, stock, 30)
        makers.settled(work, listing, market.buyer, 5)
        makers.retired(work, market.buyer, stock, 2)
        makers.transfers.open_accounts(work, accounts=[("fee", "FEE", None)])
    return database


def found(database):
    """The invariants that are said to be broken."""
    with reading(database) as reader:
        breaches = audit.breaches(reader) + audit.run_checks(reader, UPPER)
        assert all(breach.row for breach in breaches)
        return {breach.invariant for breach in breaches}


def test_right_books_have_no_breach(books):
    assert found(books) == set()


def test_every_check_of_the_ledger_is_tried_here():
    assert set(audit.CHECKS) | {"the_log_is_one_unbroken_chain"} <= set(BREACHES)


@pytest.mark.parametrize("invariant", BREACHES)
def test_each_check_finds_its_breach(books, invariant):
    with books.owner_engine().begin() as owner:
        owner.execute(text(FREE_HAND))
        assert owner.execute(text(BREACHES[invariant])).rowcount > 0
    assert invariant in found(books)
