"""The log: one chain, written with what it tells, and no way to change the past without being named (T17)."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InternalError

from tanyi.kernel import parties
from tanyi.kernel.canonical import canonical
from tanyi.kernel.chain import leaf_hash, verify_inclusion
from tanyi.kernel.signatures import NoteVerifier, SigningKey, verify_checkpoint
from tanyi.kernel.work import Actor
from tanyi.ledger import audit_log
from tests.ledger import makers
from tests.ledger.makers import reading, working

TAMPERINGS = int(os.environ.get("TANYI_TAMPERINGS", "120"))
KEY = SigningKey.from_seed(bytes(range(32)))


def record(database, *numbers):
    """One work in which these things happened."""
    with working(database) as work:
        for number in numbers:
            work.record("thing.happened", number=str(number))


def length(database):
    """The length of the chain, or its refusal."""
    with reading(database) as reader:
        return audit_log.refuse_if_broken(reader)


def entries(database):
    """Every entry but the first of all, decoded."""
    with reading(database) as reader:
        bodies = reader.session.scalars(text("SELECT body FROM ledger_audit_entry WHERE seq > 0 ORDER BY seq"))
        return [json.loads(body) for body in bodies]


# --- written with what it tells ---------------------------------------------------------------------------------------


def test_a_new_log_is_whole_and_empty(database):
    assert length(database) == 0


def test_an_entry_says_what_happened_who_did_it_and_what_went_before(database):
    with audit_log.open_work(database.app_engine(), actor=Actor("office-1")) as work:
        work.record("thing.happened", number="1", tonnes="5")
    (entry,) = entries(database)
    assert (entry["seq"], entry["actor"], entry["event"]) == ("1", "office-1", "thing.happened")
    assert entry["facts"] == {"number": "1", "tonnes": "5"}
    assert entry["prev_hash"] == leaf_hash(audit_log.GENESIS).hex()
    assert entry["at"].endswith("Z")


def test_an_entry_is_canonical_and_its_leaf_is_its_hash(database):
    record(database, "一")
    query = text("SELECT body, leaf_hash FROM ledger_audit_entry WHERE seq = 1")
    with reading(database) as reader:
        body, leaf = reader.session.execute(query).one()
    assert body.encode() == canonical(json.loads(body))
    assert leaf == leaf_hash(body.encode())


def test_an_effect_and_its_entry_come_together_or_not_at_all(database):
    def enrol():
        with working(database) as work:
            makers.enrol(work)
            raise LookupError

    with pytest.raises(LookupError):
        enrol()
    assert entries(database) == []
    with reading(database) as reader:
        assert reader.session.scalar(text("SELECT count(*) FROM kernel_organisation WHERE id > 0")) == 0
    with working(database) as work:
        makers.enrol(work)
    assert [entry["event"] for entry in entries(database)] == ["organisation.enrolled"]


def test_an_effect_whose_entry_cannot_be_written_does_not_happen(database):
    with database.owner_engine().begin() as owner:
        owner.execute(text("REVOKE INSERT ON ledger_audit_entry FROM tanyi_app"))
    with pytest.raises(DBAPIError), working(database) as work:
        makers.enrol(work)
    with reading(database) as reader:
        assert reader.session.scalar(text("SELECT count(*) FROM kernel_organisation WHERE id > 0")) == 0


def test_a_work_in_which_nothing_happened_leaves_no_entry(database):
    record(database)
    assert length(database) == 0


def test_what_happened_in_one_work_stands_together_in_its_order(database):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda n: record(database, *(f"{n}/{part}" for part in range(n % 3 + 1))), range(60)))
    said = [entry["facts"]["number"] for entry in entries(database)]
    assert length(database) == len(said) == 120
    places = {number: place for place, number in enumerate(said)}
    for number in range(60):
        of_one = [places[f"{number}/{part}"] for part in range(number % 3 + 1)]
        assert of_one == list(range(of_one[0], of_one[0] + len(of_one)))


def test_a_reader_can_write_nothing(database):
    with reading(database) as reader, pytest.raises(InternalError):
        reader.session.execute(text("INSERT INTO kernel_sign_in VALUES ('a', 1, now())"))


def test_a_reader_sees_one_state_of_things_throughout(database):
    with reading(database) as reader:
        assert audit_log.refuse_if_broken(reader) == 0
        record(database, 1)
        assert audit_log.refuse_if_broken(reader) == 0
    assert length(database) == 1


def test_no_personal_data_reaches_the_log(database):
    with working(database) as work:
        firm = makers.enrol(work)
        parties.enrol_user(
            work,
            username="zhang",
            password="secret words",
            organisation_id=firm,
            roles=["firm"],
            name_zh="张三",
            name_en="Zhang San",
        )
    written = json.dumps(entries(database), ensure_ascii=False)
    assert not [word for word in ("zhang", "Zhang", "张三", "secret") if word in written]


# --- checkpoints and proofs -------------------------------------------------------------------------------------------


def test_every_entry_is_proved_to_lie_under_a_signed_checkpoint(database):
    for number in range(13):
        record(database, number)
    with working(database) as work:
        signed = audit_log.checkpoint(work, key=KEY)
        proofs = audit_log.proofs(work, range(1, 14), signed)
    head = verify_checkpoint(signed.note, [NoteVerifier(audit_log.ORIGIN, KEY.public)])
    assert (head.size, len(proofs)) == (13, 13)
    for proof in proofs.values():
        leaf = leaf_hash(proof.entry)
        assert verify_inclusion(leaf, index=proof.index, size=head.size, proof=proof.hashes, root=head.root)


def test_a_checkpoint_of_the_same_log_is_signed_once(database):
    record(database, 1)
    with working(database) as work:
        first, second = (audit_log.checkpoint(work, key=KEY) for _ in range(2))
    assert first is second
    with reading(database) as reader:
        latest = audit_log.latest_checkpoint(reader)
        assert latest is not None
        assert latest.note == first.note


# --- no way to change the past ----------------------------------------------------------------------------------------


@pytest.fixture
def chain(database):
    """Twenty-four entries; the triggers, keys and checks of the log are gone, as for an insider with every right."""
    for number in range(24):
        record(database, number)
    with database.owner_engine().begin() as owner:
        for table in ("ledger_audit_entry", "ledger_log_head", "ledger_checkpoint"):
            owner.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        owner.execute(text("ALTER TABLE ledger_log_head DROP CONSTRAINT the_head_is_an_entry"))
        for name in ("entries_form_one_chain", "no_two_entries_follow_one", "an_entry_follows_the_one_before"):
            owner.execute(text(f"ALTER TABLE ledger_audit_entry DROP CONSTRAINT {name}"))
        owner.execute(text("ALTER TABLE ledger_audit_entry DROP CONSTRAINT ledger_audit_entry_pkey CASCADE"))
    return database


def named_after(database, *statements, **facts):
    """Which entry the walk names once the owner has run these; the statements are undone afterwards."""
    with database.owner_engine().connect() as owner:
        for statement in statements:
            owner.execute(text(statement), facts)
        try:
            audit_log.refuse_if_broken(makers.reader_on(owner))
        except audit_log.BrokenChain as broken:
            return broken.facts["seq"]
        finally:
            owner.rollback()
    return None


EDIT = "UPDATE ledger_audit_entry SET body = replace(body, 'happened', 'occurred') WHERE seq = :seq"
REHASH = "UPDATE ledger_audit_entry SET leaf_hash = sha256('\\x00'::bytea || convert_to(body, 'UTF8')) WHERE seq = :seq"
DELETE = "DELETE FROM ledger_audit_entry WHERE seq = :seq"
CLOSE_UP = "UPDATE ledger_audit_entry SET seq = seq - 1, prev_seq = prev_seq - 1 WHERE seq > :seq"
MAKE_ROOM = "UPDATE ledger_audit_entry SET seq = seq + 1, prev_seq = prev_seq + 1 WHERE seq >= :seq"
INSERT = (
    "INSERT INTO ledger_audit_entry (seq, prev_seq, prev_hash, leaf_hash, body) SELECT :seq, :seq - 1, leaf_hash,"
    " sha256('made up'), '{\"event\":\"made.up\"}' FROM ledger_audit_entry WHERE seq = :seq - 1"
)
INSERT_NOTHING_MUCH = INSERT.replace('{"event":"made.up"}', "[]")
SWAP = "UPDATE ledger_audit_entry SET seq = 2 * :seq + 1 - seq WHERE seq IN (:seq, :seq + 1)"
SWAP_BODIES = (
    "UPDATE ledger_audit_entry a SET body = b.body, leaf_hash = b.leaf_hash FROM ledger_audit_entry b"
    " WHERE a.seq IN (:seq, :seq + 1) AND b.seq = 2 * :seq + 1 - a.seq"
)
CUT_SHORT = "DELETE FROM ledger_audit_entry WHERE seq >= :seq"
BACK = (
    "UPDATE ledger_log_head SET seq = e.seq, leaf_hash = e.leaf_hash FROM ledger_audit_entry e WHERE e.seq = :seq - 1"
)
FORK = (
    "INSERT INTO ledger_audit_entry (seq, prev_seq, prev_hash, leaf_hash, body) SELECT seq, prev_seq, prev_hash,"
    " sha256('other'), '{\"event\":\"other\"}' FROM ledger_audit_entry WHERE seq = :seq"
)

# what an insider does -> how far behind the entry that was touched the first wrong one stands
TAMPERING = {
    "edit": ((EDIT,), 0),
    "edit and hash again": ((EDIT, REHASH), 1),
    "delete": ((DELETE,), 0),
    "delete and close up": ((DELETE, CLOSE_UP), 0),
    "insert": ((MAKE_ROOM, INSERT), 0),
    "insert what is no entry": ((MAKE_ROOM, INSERT_NOTHING_MUCH, REHASH), 0),
    "reorder": ((SWAP,), 0),
    "reorder the words": ((SWAP_BODIES,), 0),
    "cut short": ((CUT_SHORT,), 0),
    "edit the leaf": (("UPDATE ledger_audit_entry SET leaf_hash = sha256('x') WHERE seq = :seq",), 0),
    "edit the link": (("UPDATE ledger_audit_entry SET prev_hash = sha256('x') WHERE seq = :seq",), 0),
}


def test_every_tampering_is_found_and_the_first_bad_entry_named(chain):
    random = Random(17)
    for number in range(TAMPERINGS):
        name = list(TAMPERING)[number % len(TAMPERING)]
        statements, behind = TAMPERING[name]
        seq = random.randint(1, 23)
        assert named_after(chain, *statements, seq=seq) == seq + behind, (name, seq)


def test_a_fork_is_found_where_it_begins(chain):
    for seq in (1, 11, 24):
        assert named_after(chain, FORK, seq=seq) in {seq, seq + 1}


def test_the_first_entry_of_all_is_guarded_too(chain):
    assert named_after(chain, EDIT.replace("happened", "opened"), seq=0) == 0
    assert named_after(chain, DELETE, seq=0) == 0


def test_a_head_that_went_back_or_away_is_found(chain):
    assert named_after(chain, BACK, seq=10) == 25
    assert named_after(chain, "DELETE FROM ledger_log_head") == 25


def test_a_log_cut_short_with_its_head_is_found_by_what_was_signed(chain):
    with working(chain) as work:
        audit_log.checkpoint(work, key=KEY)
    assert length(chain) == 24
    assert named_after(chain, CUT_SHORT, BACK, seq=20) == 20
    rewritten = (CUT_SHORT, BACK)
    assert named_after(chain, *rewritten, "DELETE FROM ledger_checkpoint", seq=20) is None


def test_a_log_written_anew_whole_is_found_by_what_was_signed(chain):
    with working(chain) as work:
        audit_log.checkpoint(work, key=KEY)
    record(chain, 24)
    with chain.owner_engine().begin() as owner:
        owner.execute(text(CUT_SHORT), {"seq": 12})
        owner.execute(text(BACK), {"seq": 12})
        owner.execute(text("GRANT ALL ON ledger_audit_entry, ledger_log_head TO tanyi_app"))
    record(chain, *(f"new {number}" for number in range(14)))
    with pytest.raises(audit_log.BrokenChain) as broken:
        length(chain)
    assert broken.value.facts == {"seq": 1}


@pytest.mark.parametrize(
    "statement", [EDIT, DELETE, f"{CUT_SHORT}", SWAP, "TRUNCATE ledger_audit_entry", FORK, INSERT, BACK]
)
def test_the_rules_of_the_tables_stop_each_of_these_at_once(database, statement):
    for number in range(5):
        record(database, number)
    assert makers.refusal(database, statement, is_owner=True, seq=3) in {"23000", "23503", "23505", "0A000"}
    assert length(database) == 5
