"""The log of everything that happened: canonical JSON entries in one chain, under one Merkle tree.

Entries are written in the transaction of what they tell, as its last step: lock the head first, read it second. Each
entry names the leaf hash of the one before, a second entry on the same predecessor breaks a unique key, and the leaves
form the tree of RFC 9162 that signed checkpoints commit to. Personal data stays out: actors are offices and numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, insert, select, text, update
from sqlalchemy.orm import Session

from tanyi.kernel.canonical import canonical
from tanyi.kernel.chain import Frontier, Tree, leaf_hash
from tanyi.kernel.clock import Clock, rfc3339, system_clock
from tanyi.kernel.errors import N_, Conflict
from tanyi.kernel.signatures import SigningKey, checkpoint_note, read_checkpoint
from tanyi.kernel.work import SYSTEM, Actor, Happening, Reader, Work
from tanyi.ledger.tables import AuditEntry, Checkpoint, LogHead

ORIGIN = "tanyi/hebei"
SIGNING_TURN = 4_201_202_702  # an advisory lock that nothing else in this database uses
GENESIS = canonical({"seq": "0", "event": "log.opened"})


class BrokenChain(Conflict):
    """The log does not hang together: an entry was edited, deleted, inserted or reordered."""

    code = "ledger.broken_chain"
    message = N_("The log is broken at entry %(seq)s.")


@dataclass(frozen=True)
class Proof:
    """Where an entry stands in the tree of a checkpoint, and how to get from it to the root."""

    entry: bytes
    index: int
    tree_size: int
    hashes: tuple[bytes, ...]
    checkpoint: str


@contextmanager
def open_work(engine: Engine, *, actor: Actor = SYSTEM, clock: Clock = system_clock) -> Iterator[Work]:
    """A transaction: what happens in it is logged and committed on leaving, or undone by an exception."""
    with Session(engine, expire_on_commit=False) as session, session.begin():
        work = Work(session=session, now=clock(), actor=actor)
        yield work
        session.flush()
        seal(work)


@contextmanager
def open_reader(engine: Engine, *, clock: Clock = system_clock) -> Iterator[Reader]:
    """A read-only transaction that sees one state of things throughout."""
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with Session(connection, expire_on_commit=False) as session, session.begin():
            yield Reader(session=session, now=clock())


def seal(work: Work) -> None:
    """Writes what happened in this work at the end of the log. Called once, last, by whoever opened the work."""
    if not work.happenings:
        return
    head = work.session.execute(select(LogHead.seq, LogHead.leaf_hash).with_for_update()).one()
    seq: int = head.seq
    link: bytes = head.leaf_hash
    rows = []
    for happening in work.happenings:
        body = _body(seq + 1, work.now, work.actor, happening, link)
        leaf = leaf_hash(body)
        rows.append(_row(seq + 1, link, leaf, body))
        seq, link = seq + 1, leaf
    work.session.execute(insert(AuditEntry), rows)
    work.session.execute(update(LogHead).values(seq=seq, leaf_hash=link))
    work.happenings.clear()


def _row(seq: int, link: bytes, leaf: bytes, body: bytes) -> dict[str, object]:
    return {"seq": seq, "prev_seq": seq - 1, "prev_hash": link, "leaf_hash": leaf, "body": body.decode()}


def _body(seq: int, at: datetime, actor: Actor, happening: Happening, prev_hash: bytes) -> bytes:
    return canonical(
        {
            "seq": str(seq),
            "at": rfc3339(at),
            "actor": actor.label,
            "event": happening.event,
            "facts": dict(happening.facts),
            "prev_hash": prev_hash.hex(),
        }
    )


def checkpoint(work: Work, *, key: SigningKey) -> Checkpoint:
    """Signs the size and root of the log as committed; the entries of this very work are not in it yet."""
    take_turn(work)
    leaves = _leaves(work)
    existing = work.session.get(Checkpoint, len(leaves))
    if existing is not None:
        return existing
    note = checkpoint_note(ORIGIN, len(leaves), Tree(leaves).root(), key)
    made = Checkpoint(tree_size=len(leaves), note=note, signed_at=work.now)
    work.session.add(made)
    work.session.flush()
    return made


def take_turn(work: Work) -> None:
    """Queues with everyone who signs the log, until the end of this transaction: one size is signed once."""
    work.session.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": SIGNING_TURN})


def latest_checkpoint(reader: Reader) -> Checkpoint | None:
    """The newest signed statement of the log."""
    return reader.session.scalar(select(Checkpoint).order_by(Checkpoint.tree_size.desc()).limit(1))


def proofs(reader: Reader, seqs: Sequence[int], under: Checkpoint) -> dict[int, Proof]:
    """Inclusion proofs of the entries `seqs` in the tree of one checkpoint."""
    tree = Tree(_leaves(reader)[: under.tree_size])
    rows = reader.session.execute(select(AuditEntry.seq, AuditEntry.body).where(AuditEntry.seq.in_(seqs)))
    return {
        seq: Proof(body.encode(), seq - 1, under.tree_size, tuple(tree.inclusion_proof(seq - 1)), under.note)
        for seq, body in rows
    }


def _leaves(reader: Reader) -> list[bytes]:
    return list(reader.session.scalars(select(AuditEntry.leaf_hash).where(AuditEntry.seq > 0).order_by(AuditEntry.seq)))


def seqs_of(reader: Reader, event: str, key: str, wanted: Sequence[str]) -> dict[str, int]:
    """Where the entries of one event stand, found by one of their facts."""
    fact = AuditEntry.document["facts"][key].astext
    query = select(fact, AuditEntry.seq).where(AuditEntry.document["event"].astext == event, fact.in_(wanted))
    return {row[0]: row[1] for row in reader.session.execute(query)}


def refuse_if_broken(reader: Reader) -> int:
    """Walks the whole chain and gives its length; `BrokenChain` names the first entry that is wrong.

    What was signed is held against the same walk, so a log that was cut short or written anew is found out as well:
    the first entry after the last checkpoint that still holds is named.
    """
    signed = {row.tree_size: read_checkpoint(row.note).root for row in reader.session.scalars(select(Checkpoint))}
    link, expected, held, tree = None, 0, 0, Frontier()
    query = select(AuditEntry.seq, AuditEntry.prev_hash, AuditEntry.leaf_hash, AuditEntry.body)
    for seq, prev_hash, stated, body in reader.session.execute(query.order_by(AuditEntry.seq)):
        if (seq, prev_hash, stated) != (expected, link, leaf_hash(body.encode())) or not _follows(body, seq, link):
            raise BrokenChain(seq=expected)
        tree = tree.append(stated) if seq else tree
        if seq in signed:
            if signed.pop(seq) != tree.root():
                raise BrokenChain(seq=held + 1)
            held = seq
        link, expected = stated, expected + 1
    head = reader.session.execute(select(LogHead.seq, LogHead.leaf_hash)).one_or_none()
    if signed or head is None or (head.seq, head.leaf_hash) != (expected - 1, link):
        raise BrokenChain(seq=expected)
    return expected - 1


def _follows(body: str, seq: int, link: bytes | None) -> bool:
    """Whether an entry says of itself where it stands; the first one of all is always the same."""
    if link is None:
        return body.encode() == GENESIS
    said = json.loads(body)
    return isinstance(said, dict) and (said.get("seq"), said.get("prev_hash")) == (str(seq), link.hex())


def moments(reader: Reader, *, number: str, events: Sequence[str]) -> dict[str, datetime]:
    """When each of these events happened to the thing of that number; the last time counts."""
    said = AuditEntry.document
    query = select(said["event"].astext, said["at"].astext).order_by(AuditEntry.seq)
    mine = query.where(said["event"].astext.in_(events), said["facts"]["number"].astext == number)
    return {event: datetime.fromisoformat(at) for event, at in reader.session.execute(mine)}
