"""Money: accounts and transfers. The only file that writes either.

A transfer takes an amount from one account (debit) to another (credit), so the books balance by construction. Nothing
is edited: a mistake is reversed by a new transfer. The accounts mirror the bank's custody (no wallets, nobody tops up):
OUTSIDE is the bank itself, ESCROW holds a buyer's payment for named trades, PAYABLE is what a seller is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from tanyi.kernel.errors import N_, Conflict
from tanyi.kernel.quantities import Money
from tanyi.kernel.work import Reader, Work
from tanyi.ledger.tables import Account, Transfer

BANK = "outside:gateway"


class Overdrawn(Conflict):
    """An account does not hold what is to be taken from it."""

    code = "ledger.overdrawn"
    message = N_("The account %(account)s holds %(balance_fen)s fen, %(asked_fen)s fen are to be taken.")


@dataclass(frozen=True)
class Movement:
    """One transfer to make; `reference` is unique for ever, so that an outside event counts once."""

    debit: str
    credit: str
    amount_fen: Money
    kind: str
    reference: str


def open_accounts(work: Work, *, accounts: Iterable[tuple[str, str, int | None]]) -> None:
    """Opens accounts (code, kind, owner's id) that do not exist yet."""
    rows = [{"code": code, "kind": kind, "owner_id": owner} for code, kind, owner in accounts]
    if rows:
        work.session.execute(upsert(Account).on_conflict_do_nothing(index_elements=["code"]), rows)


def move(work: Work, *, movements: Sequence[Movement]) -> list[int]:
    """Makes the transfers, all or none, in one statement; gives their ids in order.

    The trigger that keeps the balances locks the accounts in the order of their ids, weakly enough (NO KEY UPDATE) not
    to fight with foreign keys; the application itself may change no balance.
    """
    codes = {code for m in movements for code in (m.debit, m.credit)}
    fresh = select(Account).where(Account.code.in_(codes)).execution_options(populate_existing=True)
    accounts = {account.code: account for account in work.session.scalars(fresh)}
    _refuse_if_overdrawn(accounts, movements)
    rows = [
        {
            "debit_account_id": accounts[m.debit].id,
            "credit_account_id": accounts[m.credit].id,
            "amount_fen": int(m.amount_fen),
            "kind": m.kind,
            "reference": m.reference,
            "moved_at": work.now,
        }
        for m in movements
    ]
    made = insert(Transfer).returning(Transfer.id, sort_by_parameter_order=True)
    return list(work.session.scalars(made, rows)) if rows else []


def _refuse_if_overdrawn(accounts: dict[str, Account], movements: Sequence[Movement]) -> None:
    """A clear refusal before the database's CHECK would give a rude one."""
    change = dict.fromkeys(accounts, 0)
    for m in movements:
        change[m.debit] -= int(m.amount_fen)
        change[m.credit] += int(m.amount_fen)
    for code, account in accounts.items():
        if account.kind != "OUTSIDE" and account.balance_fen + change[code] < 0:
            raise Overdrawn(account=code, balance_fen=account.balance_fen, asked_fen=-change[code])


def balances(reader: Reader, prefix: str = "") -> dict[str, Money]:
    """Balances of the accounts whose code starts with `prefix`."""
    query = select(Account.code, Account.balance_fen).where(Account.code.startswith(prefix, autoescape=True))
    return {code: Money(balance_fen) for code, balance_fen in reader.session.execute(query)}


def moved_fen(reader: Reader, kind: str) -> Money:
    """The sum of all transfers of one kind."""
    query = select(func.coalesce(func.sum(Transfer.amount_fen), 0)).where(Transfer.kind == kind)
    return Money(int(reader.session.scalars(query).one()))
