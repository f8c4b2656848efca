"""Money as transfers: balanced by construction, never overdrawn, each outside reference counted once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select, text
from sqlalchemy.exc import IntegrityError

from tanyi.kernel.quantities import Money
from tanyi.ledger import audit, transfers
from tanyi.ledger.tables import Account
from tanyi.ledger.transfers import BANK, Movement, Overdrawn
from tests.ledger.makers import reading, refusal, working

ACCOUNTS = [(BANK, "OUTSIDE", None), ("escrow:1", "ESCROW", None), ("payable:1", "PAYABLE", None), ("fee", "FEE", None)]
CODES = [code for code, _, _ in ACCOUNTS]


@pytest.fixture
def books(database):
    """The bank and three accounts of ours, all empty."""
    with working(database) as work:
        transfers.open_accounts(work, accounts=ACCOUNTS)
    return database


def move(database, *movements):
    """Makes transfers (debit, credit, fen, reference) in one transaction."""
    with working(database) as work:
        made = [Movement(debit, credit, Money(fen), "test", name) for debit, credit, fen, name in movements]
        return transfers.move(work, movements=made)


def balances(database):
    """Balances by code, without those of nothing."""
    with reading(database) as reader:
        return {code: int(fen) for code, fen in transfers.balances(reader).items() if fen}


def test_what_one_account_gives_another_gets(books):
    move(books, (BANK, "escrow:1", 500, "in"))
    move(books, ("escrow:1", "payable:1", 480, "price"), ("escrow:1", "fee", 20, "fee"))
    assert balances(books) == {BANK: -500, "payable:1": 480, "fee": 20}


def test_many_transfers_are_one_statement_and_keep_their_order(books):
    seen = []
    event.listen(books.app_engine(), "before_cursor_execute", lambda *said: seen.append(said[2]))
    made = move(books, *[(BANK, "escrow:1", fen, f"in {fen}") for fen in range(1, 201)])
    assert made == sorted(made)
    assert len([statement for statement in seen if "INSERT INTO ledger_transfer" in statement]) == 1
    assert balances(books) == {BANK: -20_100, "escrow:1": 20_100}


def test_an_account_is_not_overdrawn_and_nothing_of_the_lot_is_moved(books):
    move(books, (BANK, "escrow:1", 100, "in"))
    with pytest.raises(Overdrawn) as refused:
        move(books, ("escrow:1", "payable:1", 60, "a"), ("escrow:1", "fee", 41, "b"))
    assert refused.value.facts == {"account": "escrow:1", "balance_fen": 100, "asked_fen": 101}
    assert balances(books) == {BANK: -100, "escrow:1": 100}


def test_what_comes_in_may_go_out_in_the_same_lot(books):
    move(books, (BANK, "escrow:1", 100, "in"), ("escrow:1", "payable:1", 100, "out"))
    assert balances(books) == {BANK: -100, "payable:1": 100}


def test_one_work_sees_what_it_moved_itself(books):
    with working(books) as work:
        seen = work.session.scalars(select(Account)).all()
        transfers.move(work, movements=[Movement(BANK, "escrow:1", Money(100), "test", "in")])
        transfers.move(work, movements=[Movement("escrow:1", "fee", Money(100), "test", "out")])
        assert len(seen) == len(ACCOUNTS)
    assert balances(books) == {BANK: -100, "fee": 100}


def test_an_outside_reference_counts_once(books):
    move(books, (BANK, "escrow:1", 100, "pi_1:capture"))
    with pytest.raises(IntegrityError, match="ledger_transfer_reference_is_unique"):
        move(books, (BANK, "escrow:1", 100, "pi_1:capture"))
    assert balances(books) == {BANK: -100, "escrow:1": 100}


def test_a_transfer_moves_money_between_two_accounts(books):
    for debit, credit, fen in ((BANK, "escrow:1", 0), ("escrow:1", BANK, -5), (BANK, BANK, 5)):
        with pytest.raises(IntegrityError):
            move(books, (debit, credit, fen, "odd"))


def test_nothing_to_move_moves_nothing(books):
    assert move(books) == []


def test_accounts_are_opened_once(books):
    with working(books) as work:
        transfers.open_accounts(work, accounts=[*ACCOUNTS, ("fee:2", "FEE", None)])
        transfers.open_accounts(work, accounts=[])
    with reading(books) as reader:
        assert len(transfers.balances(reader)) == len(ACCOUNTS) + 1
        assert list(transfers.balances(reader, "fee")) == ["fee", "fee:2"]


def test_the_sum_of_one_kind_is_told(books):
    move(books, (BANK, "escrow:1", 100, "one"), (BANK, "escrow:1", 50, "two"))
    with reading(books) as reader:
        assert transfers.moved_fen(reader, "test") == Money(150)
        assert transfers.moved_fen(reader, "other") == Money(0)


def test_plain_sql_of_the_owner_overdraws_nothing_either(books):
    take = (
        "INSERT INTO ledger_transfer (debit_account_id, credit_account_id, amount_fen, kind, reference, moved_at)"
        " SELECT d.id, c.id, 1, 'test', 'sql', now() FROM ledger_account d, ledger_account c"
        " WHERE d.code = 'escrow:1' AND c.code = 'fee'"
    )
    assert refusal(books, take, is_owner=True) == "23514"
    assert refusal(books, take.replace("'escrow:1'", f"'{BANK}'"), is_owner=True) == ""
    assert balances(books) == {BANK: -1, "fee": 1}


def test_eight_who_spend_the_same_money_at_once_do_not_spend_it_twice(books):
    move(books, (BANK, "escrow:1", 1_000, "in"))

    def spend(number):
        try:
            move(books, ("escrow:1", "payable:1", 150, f"out {number}"))
        except (Overdrawn, IntegrityError):
            return 0
        return 150

    with ThreadPoolExecutor(8) as threads:
        spent = list(threads.map(spend, range(40)))
    assert sum(spent) == 900
    assert balances(books) == {BANK: -1_000, "escrow:1": 100, "payable:1": 900}


def test_transfers_to_and_fro_at_once_do_not_lock_one_another_for_ever(books):
    move(books, (BANK, "escrow:1", 10_000, "in 1"), (BANK, "payable:1", 10_000, "in 2"))

    def swing(number):
        pair = ("escrow:1", "payable:1") if number % 2 else ("payable:1", "escrow:1")
        move(books, (*pair, 10, f"swing {number}"), (BANK, "fee", 1, f"toll {number}"))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(swing, range(60)))
    assert balances(books) == {BANK: -20_060, "escrow:1": 10_000, "payable:1": 10_000, "fee": 60}


amounts = st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(CODES), st.integers(1, 50)), max_size=6)


@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(lots=st.lists(amounts, max_size=6))
def test_the_books_balance_after_any_transfers(books, lots):
    expected = balances(books)
    for drawn in lots:
        lot = [(debit, credit, fen) for debit, credit, fen in drawn if debit != credit]
        after = dict(expected)
        for debit, credit, fen in lot:
            after[debit] = after.get(debit, 0) - fen
            after[credit] = after.get(credit, 0) + fen
        with reading(books) as reader:
            made = reader.session.scalar(text("SELECT coalesce(max(id), 0) FROM ledger_transfer"))
        movements = [(*each, f"{made}/{place}") for place, each in enumerate(lot)]
        if all(fen >= 0 for code, fen in after.items() if code != BANK):
            move(books, *movements)
            expected = after
        else:
            with pytest.raises(Overdrawn):
                move(books, *movements)
    assert balances(books) == {code: fen for code, fen in expected.items() if fen}
    with reading(books) as reader:
        assert audit.run_checks(reader, audit.CHECKS) == []
