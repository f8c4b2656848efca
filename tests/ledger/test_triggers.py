"""What a constraint cannot see, because it is about change: every rule of the triggers, tried with plain SQL.

The statements run as the owner, whom no grant stops; only the rules of the tables do.
"""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import text

from settlement import delivery
from tanyi.ledger import blocks
from tests.ledger import makers
from tests.ledger.makers import BROKEN_RULE, PERMISSION_DENIED, reading, refusal, working


@pytest.fixture
def market(database):
    with working(database) as work:
        return makers.open_market(work)


@pytest.fixture
def stock(database, market):
    """Tonnes 1 to 100 of the seller, free."""
    with working(database) as work:
        return makers.issue(work, market, 100)


def is_refused(database, *statements, **facts):
    """Whether a rule of the ledger stops these statements of the owner, and none of them had an effect."""
    with reading(database) as reader:
        before = makers.tonnes_of(reader)
    state = refusal(database, *statements, is_owner=True, **facts)
    with reading(database) as reader:
        assert makers.tonnes_of(reader) == before
    assert state in {BROKEN_RULE, "23503", "23505", "23514", ""}, state
    return state != ""


# --- what is retired --------------------------------------------------------------------------------------------------


CHANGES_OF_WHAT_IS_RETIRED = (
    "UPDATE ledger_block SET state = 'FREE', retirement_id = NULL WHERE lo = 1",
    "UPDATE ledger_block SET retirement_id = :other WHERE lo = 1",
    "UPDATE ledger_block SET holder_id = :buyer WHERE lo = 1",
    "UPDATE ledger_block SET end_ = 5 WHERE lo = 1",
    "UPDATE ledger_block SET state = state WHERE lo = 1",
    "DELETE FROM ledger_block WHERE lo = 1",
    "DELETE FROM settlement_retirement",
    "UPDATE settlement_retirement SET quantity_t = 1",
    "UPDATE settlement_retirement SET beneficiary = 'another'",
)


def test_a_retired_block_never_moves_again(database, market, stock):
    with working(database) as work:
        makers.retired(work, market.seller, stock, 10)
        other = makers.retired(work, market.seller, stock, 10)
    for statement in CHANGES_OF_WHAT_IS_RETIRED:
        assert is_refused(database, statement, other=other, buyer=market.buyer), statement


def test_a_cancelled_block_never_moves_again(database, stock):
    assert refusal(database, "UPDATE ledger_block SET state = 'CANCELLED', cancellation_id = 1 WHERE lo = 1") == ""
    assert is_refused(database, "UPDATE ledger_block SET state = 'FREE', cancellation_id = NULL WHERE lo = 1")


def test_a_retirement_retires_exactly_what_it_says(database, market, stock):
    with working(database) as work:
        makers.offer(work, market.seller, stock, 90)
    retire = (
        "INSERT INTO settlement_retirement (id, holder_id, purpose, quantity_t, salt, retired_at)"
        " VALUES (99, :seller, 'VOLUNTARY_ORG', :tonnes, 'salt', now())"
    )
    take = "UPDATE ledger_block SET state = 'RETIRED', retirement_id = 99 WHERE state = 'FREE' AND lo > 0"
    for quantity_t in (1, 9, 11, 100):
        assert is_refused(database, retire, take, seller=market.seller, tonnes=quantity_t), quantity_t
    assert refusal(database, retire, take, is_owner=True, seller=market.seller, tonnes=10) == ""


def test_a_retirement_without_any_tonnes_is_refused(database, market):
    retire = (
        "INSERT INTO settlement_retirement (holder_id, purpose, quantity_t, salt, retired_at)"
        " VALUES (:seller, 'VOLUNTARY_ORG', 1, 'salt', now())"
    )
    assert is_refused(database, retire, seller=market.seller)


def test_nobody_retires_the_tonnes_of_another(database, market, stock):
    retire = (
        "INSERT INTO settlement_retirement (id, holder_id, purpose, quantity_t, salt, retired_at)"
        " VALUES (99, :buyer, 'VOLUNTARY_ORG', 100, 'salt', now())"
    )
    take = "UPDATE ledger_block SET state = 'RETIRED', retirement_id = 99 WHERE lo = 1"
    assert is_refused(database, retire, take, buyer=market.buyer)


# --- who holds --------------------------------------------------------------------------------------------------------


def test_free_tonnes_change_hands_by_settlement_only(database, market, stock):
    assert is_refused(database, "UPDATE ledger_block SET holder_id = :buyer WHERE lo = 1", buyer=market.buyer)


def test_reserved_tonnes_go_to_the_buyer_only_under_a_settlement(database, market, stock):
    with working(database) as work:
        makers.bought(work, makers.offer(work, market.seller, stock, 100), market.buyer, 100)
    move = "UPDATE ledger_block SET holder_id = :buyer, state = 'FREE', trade_id = NULL WHERE lo = 1"
    assert is_refused(database, move, buyer=market.buyer)


def test_reserved_tonnes_do_not_change_hands_by_a_change_of_trade(database, market, stock):
    with working(database) as work:
        makers.bought(work, makers.offer(work, market.seller, stock, 100), market.buyer, 100)
        other = makers.open_market(work)
        listing = makers.offer(work, other.seller, makers.issue(work, other, 10), 10)
        theirs = makers.bought(work, listing, market.buyer, 10)
    move = "UPDATE ledger_block SET holder_id = :other, trade_id = :theirs WHERE lo = 1"
    assert is_refused(database, move, other=other.seller, theirs=theirs)


def test_tonnes_reserved_for_one_trade_are_not_moved_to_another(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 100)
        makers.bought(work, listing, market.buyer, 50)
        other = makers.bought(work, listing, market.buyer, 50)
    assert is_refused(database, "UPDATE ledger_block SET trade_id = :other WHERE lo = 1", other=other)


def test_a_settled_trade_takes_no_more_tonnes(database, market, stock):
    with working(database) as work:
        trade = makers.settled(work, makers.offer(work, market.seller, stock, 10), market.buyer, 10)
    reserve = "UPDATE ledger_block SET state = 'RESERVED', trade_id = :trade WHERE lo = 11"
    deliver = "UPDATE ledger_block SET state = 'FREE', trade_id = NULL, holder_id = :buyer WHERE lo = 11"
    assert is_refused(database, reserve, trade=trade)
    assert is_refused(database, reserve, deliver, trade=trade, buyer=market.buyer)


def test_tonnes_reserved_while_their_trade_is_settled_stop_one_of_the_two(database, market, stock):
    """Whoever comes second sees the first: no tonne is left under a settled trade."""
    with working(database) as work:
        trade = makers.bought(work, makers.offer(work, market.seller, stock, 10), market.buyer, 10)
        makers.fund(work, trade)
    reserve = "UPDATE ledger_block SET state = 'RESERVED', trade_id = :trade WHERE lo = 11"
    found = []
    with working(database) as work:
        delivery.settle(work, trade_ids=[trade])
        meanwhile = threading.Thread(target=lambda: found.append(refusal(database, reserve, trade=trade)))
        meanwhile.start()
        meanwhile.join(0.3)
    meanwhile.join()
    assert found == [BROKEN_RULE]
    with reading(database) as reader:
        assert blocks.by_state_t(reader) == {"FREE": 100}


def test_encumbered_tonnes_are_freed_before_they_are_listed(database, market, stock):
    with working(database) as work:
        other = makers.issue(work, market, 1)
        listing = makers.offer(work, market.seller, other, 1)
    for state, column in {
        "PLEDGED": "pledge_id",
        "LOCKED": "lock_id",
        "FROZEN": "freeze_id",
        "BUFFER": "buffer_id",
    }.items():
        assert refusal(database, f"UPDATE ledger_block SET state = '{state}', {column} = 1 WHERE lo = 1") == ""
        list_it = f"UPDATE ledger_block SET state = 'LISTED', {column} = NULL, listing_id = :listing WHERE lo = 1"
        assert is_refused(database, list_it, listing=listing), state
        assert refusal(database, f"UPDATE ledger_block SET state = 'FREE', {column} = NULL WHERE lo = 1") == ""


def test_reserved_tonnes_cannot_be_retired_under_the_buyers_eyes(database, market, stock):
    with working(database) as work:
        makers.bought(work, makers.offer(work, market.seller, stock, 100), market.buyer, 100)
    retire = (
        "INSERT INTO settlement_retirement (id, holder_id, purpose, quantity_t, salt, retired_at)"
        " VALUES (99, :seller, 'VOLUNTARY_ORG', 100, 'salt', now())"
    )
    take = "UPDATE ledger_block SET state = 'RETIRED', trade_id = NULL, retirement_id = 99 WHERE lo = 1"
    assert is_refused(database, retire, take, seller=market.seller)


# --- cuts -------------------------------------------------------------------------------------------------------------

PIECE = (
    "INSERT INTO ledger_block (lo, end_, prev_end, issuance_id, issuance_lo, issuance_end, holder_id, state, lock_id)"
    " VALUES (51, 101, 51, :stock, 1, 101, :holder, :state, :lock)"
)
CUT = "UPDATE ledger_block SET end_ = 51 WHERE lo = 1"
AT_ONCE = PIECE.replace("VALUES (", "SELECT ").removesuffix(")")
CUT_AT_ONCE = f"WITH cut AS ({CUT} RETURNING 1) {AT_ONCE} FROM cut"


def test_a_cut_in_one_statement_that_keeps_everything_is_right(database, market, stock):
    facts = {"stock": stock, "holder": market.seller, "state": "FREE", "lock": None}
    assert refusal(database, CUT_AT_ONCE, **facts) == ""


def test_a_block_with_another_holder_or_state_than_its_neighbour_is_refused(database, market, stock):
    for holder, state, lock in ((market.buyer, "FREE", None), (market.seller, "LOCKED", 1)):
        assert is_refused(database, CUT_AT_ONCE, stock=stock, holder=holder, state=state, lock=lock), state


def test_a_block_is_only_ever_cut_and_the_rest_stands_beside_it(database, stock):
    for statement in (
        "UPDATE ledger_block SET end_ = 102 WHERE lo = 1",
        "UPDATE ledger_block SET lo = 2, prev_end = 2 WHERE lo = 1",
        "UPDATE ledger_block SET end_ = 51, state = 'LOCKED', lock_id = 1 WHERE lo = 1",
        CUT,
    ):
        assert is_refused(database, statement), statement


# --- delivered if and only if paid ------------------------------------------------------------------------------------

SETTLE = (
    "WITH paid AS (INSERT INTO ledger_transfer (debit_account_id, credit_account_id, amount_fen, kind, reference,"
    " moved_at) SELECT d.id, c.id, :amount, :kind, 'settle', now() FROM ledger_account d, ledger_account c"
    " WHERE d.code = :debit AND c.code = :credit RETURNING id)"
    " INSERT INTO settlement_settlement (trade_id, buyer_id, payment_id, transfer_id, settled_at)"
    " SELECT :trade, :buyer, :payment, id, now() FROM paid"
)
FINISH = (
    "UPDATE trading_trade SET state = 'SETTLED', settlement_id = id WHERE id = :trade",
    "UPDATE ledger_block SET holder_id = :buyer, state = 'FREE', trade_id = NULL WHERE trade_id = :trade",
)


@pytest.fixture
def funded(database, market, stock):
    """A trade of 10 t that is paid for, and everything that its settlement by hand needs."""
    with working(database) as work:
        trade = makers.bought(work, makers.offer(work, market.seller, stock, 20), market.buyer, 10)
        payment = makers.fund(work, trade)
        accounts = [("payable:own", "PAYABLE", market.seller), ("payable:other", "PAYABLE", market.buyer)]
        makers.transfers.open_accounts(work, accounts=accounts)
    return {
        "trade": trade,
        "buyer": market.buyer,
        "payment": payment,
        "amount": 10 * makers.PRICE_FEN,
        "kind": "delivery",
        "debit": f"escrow:P{100000 + payment}",
        "credit": "payable:own",
    }


def test_a_settlement_with_both_legs_is_right(database, funded):
    assert refusal(database, SETTLE, *FINISH, **funded) == ""


def test_a_settlement_without_its_exact_price_from_escrow_to_seller_is_refused(database, funded):
    for wrong in (
        {"amount": 10 * makers.PRICE_FEN - 1},
        {"kind": "payment"},
        {"debit": "outside:gateway"},
        {"credit": "payable:other"},
    ):
        assert is_refused(database, SETTLE, *FINISH, **funded | wrong), wrong


def test_a_settlement_without_its_reserved_tonnes_is_refused(database, funded, market, stock):
    free_some = (
        "WITH cut AS (UPDATE ledger_block SET end_ = 6 WHERE trade_id = :trade RETURNING *) INSERT INTO ledger_block"
        " (lo, end_, prev_end, issuance_id, issuance_lo, issuance_end, holder_id, state, trade_id)"
        " SELECT 6, 11, 6, issuance_id, issuance_lo, issuance_end, holder_id, state, trade_id FROM cut"
    )
    give_back = "UPDATE ledger_block SET state = 'FREE', trade_id = NULL WHERE lo = 6"
    assert is_refused(database, free_some, give_back, SETTLE, *FINISH, **funded)


def test_a_settlement_by_the_payment_of_another_trade_is_refused(database, funded, market, stock):
    with working(database) as work:
        other = makers.fund(work, makers.bought(work, makers.offer(work, market.seller, stock, 10), market.buyer, 10))
    assert is_refused(database, SETTLE, *FINISH, **funded | {"payment": other})


def test_tonnes_are_not_counted_twice_for_a_moment(database, market, stock):
    """A piece that overlaps its neighbour and is cut to size before the commit would be summed with it meanwhile."""
    whole = {"stock": stock, "holder": market.seller, "state": "FREE", "lock": None}
    assert refusal(database, CUT_AT_ONCE, **whole) == ""
    at_31 = CUT_AT_ONCE.replace("end_ = 51", "end_ = 31").replace("SELECT 51, 101, 51,", "SELECT 31, 61, 31,")
    assert is_refused(database, at_31, "UPDATE ledger_block SET end_ = 51 WHERE lo = 31", **whole)
    right = at_31.replace("SELECT 31, 61, 31,", "SELECT 31, 51, 31,")
    assert refusal(database, right, is_owner=True, **whole) == ""


def test_what_was_cut_off_cannot_follow_its_neighbour_to_the_buyer(database, market):
    """The rest of a block must be written with the cut: later it could copy a neighbour that was delivered meanwhile."""
    with working(database) as work:
        issuance_id = makers.issue(work, market, 100)
        listing = makers.offer(work, market.seller, issuance_id, 100)
        trade = makers.trade(work, listing, market.buyer, 50)
        makers.trades.advance(work, trade_ids=[trade], was="MATCHED", to="RESERVED")
        payment = makers.fund(work, trade)
        makers.transfers.open_accounts(work, accounts=[("payable:own", "PAYABLE", market.seller)])
    facts = {
        "trade": trade,
        "buyer": market.buyer,
        "payment": payment,
        "amount": 50 * makers.PRICE_FEN,
        "kind": "delivery",
        "debit": f"escrow:P{100000 + payment}",
        "credit": "payable:own",
    }
    match = "UPDATE trading_trade SET state = 'MATCHED' WHERE id = :trade"
    reserve = "UPDATE ledger_block SET state = 'RESERVED', listing_id = NULL, trade_id = :trade WHERE lo = 1"
    piece = {"stock": issuance_id, "holder": market.buyer, "state": "FREE", "lock": None}
    assert is_refused(database, CUT, match, reserve, SETTLE, *FINISH, PIECE, **facts | piece)


def test_a_settlement_that_is_not_finished_is_refused(database, funded):
    for finish in FINISH:
        assert is_refused(database, SETTLE, finish, **funded), finish


def test_a_trade_settles_once_and_stays_settled(database, funded):
    assert refusal(database, SETTLE, *FINISH, **funded) == ""
    assert is_refused(database, "UPDATE trading_trade SET state = 'CANCELLED', settlement_id = NULL", **funded)
    again = SETTLE.replace("'settle'", "'again'")
    assert is_refused(database, again, **funded)


# --- what only triggers write -----------------------------------------------------------------------------------------

APPEND_ONLY = (
    "ledger_issuance",
    "ledger_genesis",
    "ledger_transfer",
    "ledger_audit_entry",
    "settlement_settlement",
    "settlement_retirement",
    "settlement_payment_trade",
    "registry_monitoring",
)


def test_append_only_tables_refuse_even_their_owner(database, market, stock):
    with working(database) as work:
        makers.settled(work, makers.offer(work, market.seller, stock, 10), market.buyer, 10)
        makers.retired(work, market.seller, stock, 10)
    for table in APPEND_ONLY:
        with database.owner_engine().connect() as owner:
            named = text("SELECT attname FROM pg_attribute WHERE attrelid = CAST(:name AS regclass) AND attnum = 1")
            column = owner.execute(named, {"name": table}).scalar_one()
            assert owner.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() > 0
        change = f"UPDATE {table} SET {column} = {column}"
        for statement in (f"DELETE FROM {table}", change):
            assert refusal(database, statement, is_owner=True) == BROKEN_RULE, statement


def test_a_duty_counts_what_is_retired_for_it_and_its_coverage_follows(database, market, stock):
    with working(database) as work:
        duty = makers.duty(work, market.seller, 30)

    def coverage():
        with reading(database) as reader:
            query = text("SELECT retired_t, coverage FROM emitters_obligation WHERE id = :duty")
            return tuple(reader.session.execute(query, {"duty": duty}).one())

    assert coverage() == (0, "OPEN")
    for quantity_t, expected in ((10, (10, "PARTIAL")), (20, (30, "MET")), (1, (31, "OVER"))):
        with working(database) as work:
            makers.retired(work, market.seller, stock, quantity_t, duty)
        assert coverage() == expected


def test_nobody_of_the_application_sets_a_duty_met(database, market):
    with working(database) as work:
        makers.duty(work, market.seller, 30)
    for assignment in ("retired_t = 30", "coverage = DEFAULT"):
        assert refusal(database, f"UPDATE emitters_obligation SET {assignment}") == PERMISSION_DENIED, assignment


def test_the_coverage_is_not_even_the_owners_to_write(database, market):
    with working(database) as work:
        makers.duty(work, market.seller, 30)
    assert refusal(database, "UPDATE emitters_obligation SET coverage = 'MET'", is_owner=True) == "428C9"


def test_the_head_of_the_log_only_moves_on(database, market):
    back = (
        "UPDATE ledger_log_head h SET seq = e.seq, leaf_hash = e.leaf_hash FROM ledger_audit_entry e WHERE e.seq = :seq"
    )
    assert refusal(database, back, seq=1) == BROKEN_RULE
    assert refusal(database, back, seq=0) == BROKEN_RULE
