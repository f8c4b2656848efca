"""What `tanyi audit` asks of the ledger: every invariant derived again from the rows, not from what keeps them.

Each check is one query that returns what breaks it; an empty answer is the proof. Floors above add checks of their own
(duties, delivery versus payment); the application runs them all.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from tanyi.kernel.work import Reader
from tanyi.ledger.audit_log import BrokenChain, refuse_if_broken


@dataclass(frozen=True)
class Breach:
    """One broken invariant and the first row that shows it."""

    invariant: str
    row: str


CHECKS = {
    "blocks_partition_all_tonnes": """
        SELECT lo FROM (SELECT lo, lag(end_) OVER (ORDER BY lo) AS before FROM ledger_block) b
        WHERE lo <> COALESCE(before, 0)""",
    "issuances_partition_all_tonnes": """
        SELECT id FROM (SELECT id, lo, lag(end_) OVER (ORDER BY lo) AS before FROM ledger_issuance) i
        WHERE lo <> COALESCE(before, 0)""",
    "blocks_add_up_to_their_issuance": """
        SELECT i.id FROM ledger_issuance i LEFT JOIN ledger_block b ON b.issuance_id = i.id
        GROUP BY i.id HAVING COALESCE(sum(b.end_ - b.lo), 0) <> i.quantity_t""",
    "a_block_lies_inside_its_issuance": """
        SELECT b.lo FROM ledger_block b LEFT JOIN ledger_issuance i ON i.id = b.issuance_id
        WHERE i.id IS NULL OR b.lo < i.lo OR b.end_ > i.end_""",
    "a_tonne_has_one_encumbrance": """
        SELECT lo FROM ledger_block
        WHERE num_nonnulls(listing_id, trade_id, pledge_id, lock_id, freeze_id, buffer_id, retirement_id,
                           cancellation_id) <> CASE WHEN state IN ('FREE', 'GENESIS') THEN 0 ELSE 1 END""",
    "cached_balances_equal_the_transfers": """
        SELECT a.code FROM ledger_account a LEFT JOIN (
            SELECT account, sum(change) AS total FROM (
                SELECT credit_account_id AS account, amount_fen AS change FROM ledger_transfer
                UNION ALL SELECT debit_account_id, -amount_fen FROM ledger_transfer) legs GROUP BY account) t
        ON t.account = a.id WHERE a.balance_fen <> COALESCE(t.total, 0)""",
    "all_balances_add_up_to_nothing": "SELECT sum(balance_fen) FROM ledger_account HAVING sum(balance_fen) <> 0",
    "only_the_outside_is_negative": "SELECT code FROM ledger_account WHERE balance_fen < 0 AND kind <> 'OUTSIDE'",
}


EXTENT = {
    "issuances": "SELECT count(*) FROM ledger_issuance WHERE lo > 0",
    "blocks": "SELECT count(*) FROM ledger_block WHERE lo > 0",
    "transfers": "SELECT count(*) FROM ledger_transfer",
    "log entries": "SELECT count(*) FROM ledger_audit_entry WHERE seq > 0",
}


def extent(reader: Reader) -> dict[str, int]:
    """How many rows of each kind there are to check: an audit of nothing says so."""
    return {name: int(reader.session.scalars(text(query)).one()) for name, query in EXTENT.items()}


def breaches(reader: Reader) -> list[Breach]:
    """Every broken invariant of tonnes, money and log; the first row of each is named."""
    found = run_checks(reader, CHECKS)
    try:
        refuse_if_broken(reader)
    except BrokenChain as broken:
        found.append(Breach("the_log_is_one_unbroken_chain", f"entry {broken.facts['seq']}"))
    return found


def run_checks(reader: Reader, checks: dict[str, str]) -> list[Breach]:
    """Runs queries that return what breaks an invariant."""
    found = []
    for invariant, query in checks.items():
        row = reader.session.execute(text(query + " LIMIT 1")).first()
        if row is not None:
            found.append(Breach(invariant, str(row[0])))
    return found
