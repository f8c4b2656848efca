"""The partition of all tonnes against plain SQL of the owner with the triggers off (T1b): constraints are the last word.

Random transactions, right ones and wrong ones; after each commit every tonne is in exactly one block of its issuance.
And the fuzz can fail: with any one of the constraints dropped it breaks the partition within a bounded number of steps.
`TANYI_FUZZ_STEPS` makes it longer.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ledger import fuzz, makers
from tests.ledger.makers import working

STEPS = int(os.environ.get("TANYI_FUZZ_STEPS", "3000"))
WRITERS = 4
SABOTAGE_STEPS = 3_000

NECESSARY = {
    "issuances_form_one_chain": "ledger_issuance",
    "an_issuance_ends_with_a_block": "ledger_issuance",
    "issued_quantity_is_its_range": "ledger_issuance",
    "blocks_form_one_chain": "ledger_block",
    "a_block_belongs_to_one_issuance": "ledger_block",
    "a_block_lies_inside_its_issuance": "ledger_block",
    "a_block_is_not_empty": "ledger_block",
    "a_block_starts_where_one_ended": "ledger_block",
}


@pytest.fixture
def ground(database):
    """Two firms with some tonnes, and accepted verifications for thousands of issuances more."""
    with working(database) as work:
        market = makers.open_market(work)
        makers.issue(work, market, 20)
    with fuzz.connected(database.owner_engine()) as owner:
        (project,) = owner.execute("SELECT max(id) FROM registry_project").fetchone()
        pool = fuzz.fill_pool(owner, project, (market.verifier, market.official), size=1_000 + STEPS)
    return (market.seller, market.buyer), pool


def write_at_random(database, ground, steps, seed):
    """So many transactions of one writer; gives the writer and the first fault."""
    holders, pool = ground
    with fuzz.connected(database.owner_engine()) as owner:
        writer = fuzz.Writer(owner, seed, holders, pool)
        for _ in range(steps):
            fault = writer.step()
            if fault:
                return writer, fault
    return writer, ""


def off(database):
    """Switches the triggers of the tonnes off."""
    with fuzz.connected(database.owner_engine()) as owner:
        fuzz.switch_triggers(owner, "DISABLE")


def test_no_plain_sql_breaks_the_partition_even_without_triggers(database, ground):
    off(database)
    writer, fault = write_at_random(database, ground, STEPS, seed=1)
    assert fault == ""
    assert writer.committed > STEPS // 10
    assert writer.refused > STEPS // 10


def test_writers_at_once_do_not_break_the_partition(database, ground):
    off(database)
    holders, pool = ground
    shares = [(holders, pool[number::WRITERS]) for number in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as threads:
        done = list(
            threads.map(lambda n: write_at_random(database, shares[n], STEPS // 8, seed=10 + n), range(WRITERS))
        )
    assert [fault for _, fault in done] == [""] * WRITERS
    assert sum(writer.committed for writer, _ in done) > STEPS // 20


def test_with_triggers_nobody_gains_or_loses_a_tonne_either(database, ground):
    """New tonnes may come, what is there stays with its holder."""
    holdings = "SELECT holder_id, sum(end_ - lo) FROM ledger_block WHERE issuance_id < %s GROUP BY 1 ORDER BY 1"
    with fuzz.connected(database.owner_engine()) as owner:
        before = owner.execute(holdings, (min(ground[1]),)).fetchall()
    writer, fault = write_at_random(database, ground, STEPS // 2, seed=2)
    with fuzz.connected(database.owner_engine()) as owner:
        after = owner.execute(holdings, (min(ground[1]),)).fetchall()
    assert fault == ""
    assert writer.committed > STEPS // 50
    assert after == before


@pytest.mark.parametrize("constraint", NECESSARY)
def test_without_any_one_of_the_constraints_the_fuzz_breaks_the_partition(database, ground, constraint):
    off(database)
    with fuzz.connected(database.owner_engine()) as owner:
        owner.execute(f"ALTER TABLE {NECESSARY[constraint]} DROP CONSTRAINT {constraint}")
        owner.commit()
    _, fault = write_at_random(database, ground, SABOTAGE_STEPS, seed=3)
    assert fault != "", f"{SABOTAGE_STEPS} transactions without {constraint} broke nothing"
