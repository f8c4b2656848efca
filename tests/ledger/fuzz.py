"""Random plain SQL against the tonnes, by somebody whom only constraints stop (T1b).

A step is one transaction of one to three operations on what is there: right ones (issue, cut, merge), wrong ones that
each constraint was made for, and noise. Most are refused and leave nothing; whatever commits must leave an exact
partition. Steps and seed are parameters, so that the same fuzz runs for seconds or for hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import psycopg
from sqlalchemy import Engine

LARGEST_T = 40
QUICK = "SET deadlock_timeout = '5ms'; SET lock_timeout = '500ms'"

READ = """
    SELECT 'block', lo, end_, issuance_id, issuance_lo, issuance_end, state, holder_id FROM ledger_block
    UNION ALL SELECT 'issuance', lo, end_, id, lo, end_, NULL, quantity_t FROM ledger_issuance ORDER BY 1, 2, 3"""
ISSUE = """
    INSERT INTO ledger_issuance (id, lo, end_, prev_end, quantity_t, verification_id, verified_t, origin_key, issued_at)
    SELECT {id}, {lo}, {end}, {prev}, {end} - {lo}, {id}, 1000, 'fuzz-{id}', now()"""
BLOCK = """
    INSERT INTO ledger_block (lo, end_, prev_end, issuance_id, issuance_lo, issuance_end, holder_id, state)
    VALUES ({lo}, {end}, {prev}, {id}, {first}, {last}, {holder}, 'FREE')"""


@dataclass(frozen=True)
class Row:
    """A block, or an issuance as one block of its own."""

    lo: int
    end: int
    issuance: int
    first: int
    last: int
    state: str
    holder: int


@dataclass(frozen=True)
class Line:
    """Everything that stands in the tables at one moment."""

    blocks: Sequence[Row]
    issuances: Sequence[Row]

    def fault(self) -> str:
        """What is wrong with the partition, in words; empty when every tonne is in exactly one block."""
        for name, rows in (("blocks", self.blocks), ("issuances", self.issuances)):
            if not rows or rows[0].lo != 0:
                return f"the {name} do not begin at 0"
            for left, right in pairwise(rows):
                if left.end != right.lo:
                    return f"the {name} have a gap or an overlap at {left.end} and {right.lo}"
            if any(row.lo >= row.end for row in rows):
                return f"one of the {name} is empty"
        ranges = {row.issuance: (row.lo, row.end) for row in self.issuances}
        for row in self.blocks:
            first, last = ranges.get(row.issuance, (0, 0))
            if not first <= row.lo < row.end <= last:
                return f"block {row.lo} lies outside issuance {row.issuance}"
        issued = sum(row.holder for row in self.issuances)  # the column holds the quantity there
        if issued != sum(row.end - row.lo for row in self.blocks):
            return "the blocks do not add up to what was issued"
        return ""


def read(connection: psycopg.Connection) -> Line:
    """Blocks and issuances in one statement, so that it is one moment."""
    rows = [(kind, Row(*columns)) for kind, *columns in connection.execute(READ)]
    return Line([row for kind, row in rows if kind == "block"], [row for kind, row in rows if kind == "issuance"])


Operation = Callable[["Writer", Line], None]


class Writer:
    """One connection that writes at random; `holders` are the ids of firms, `pool` of verifications."""

    def __init__(self, connection: psycopg.Connection, seed: int, holders: Sequence[int], pool: Sequence[int]):
        self.connection, self.random, self.holders = connection, Random(seed), holders
        self.pool = list(pool)
        self.committed = self.refused = 0
        connection.execute(QUICK)
        connection.commit()

    def step(self) -> str:
        """One transaction; gives what it broke, or nothing."""
        try:
            line = read(self.connection)
            for _ in range(self.random.choice((1, 1, 2, 3))):
                self.random.choice(OPERATIONS)(self, line)
            self.connection.commit()
            self.committed += 1
        except psycopg.ProgrammingError:
            raise  # a mistake of the fuzz, not a refusal
        except psycopg.Error:
            self.connection.rollback()
            self.refused += 1
            return ""
        fault = read(self.connection).fault()
        self.connection.rollback()
        return fault

    def write(self, statement: str, **figures: object) -> None:
        """Runs one statement with these figures in it."""
        self.connection.execute(statement.format(**figures))

    def block(self, lo: int, end: int, of: Row, **other: object) -> None:
        """Inserts a block of an issuance, right unless `other` says otherwise."""
        figures = {"id": of.issuance, "first": of.first, "last": of.last, "prev": lo, "holder": of.holder}
        self.write(BLOCK, lo=lo, end=end, **figures | other)

    def issuance(self, lo: int, end: int, **other: object) -> Row:
        """Inserts an issuance from the pool; gives it as a row to make its blocks by."""
        number = self.pool.pop()
        self.write(ISSUE, **{"id": number, "lo": lo, "end": end, "prev": lo} | other)
        return Row(lo, end, number, lo, end, "FREE", self.random.choice(self.holders))

    def some(self, line: Line, smallest_t: int = 1) -> Row:
        """Any block of that size that is not the genesis; one of the issuances when there is none."""
        fitting = [row for row in line.blocks if row.lo and row.end - row.lo >= smallest_t]
        return self.random.choice(fitting or [row for row in line.blocks if row.lo] or list(line.blocks))

    def places(self, row: Row, number: int) -> list[int]:
        """Places inside a block in order, where it may be cut; may be fewer than asked for."""
        inside = range(row.lo + 1, row.end)
        return sorted(self.random.sample(inside, min(number, len(inside))))


def issue(writer: Writer, line: Line) -> None:
    """Right: new tonnes at the end of the line."""
    end = line.blocks[-1].end
    size_t = writer.random.randint(3, LARGEST_T)
    writer.block(end, end + size_t, writer.issuance(end, end + size_t))


def cut(writer: Writer, line: Line) -> None:
    """Right: one block becomes two."""
    row = writer.some(line, 2)
    for place in writer.places(row, 1):
        writer.write("UPDATE ledger_block SET end_ = {place} WHERE lo = {lo}", place=place, lo=row.lo)
        writer.block(place, row.end, row)


def merge(writer: Writer, line: Line) -> None:
    """Right when the two are of one issuance: a block takes in the next one."""
    place = writer.random.randrange(len(line.blocks))
    if place + 1 < len(line.blocks):
        left, right = line.blocks[place : place + 2]
        writer.write("DELETE FROM ledger_block WHERE lo = {lo}", lo=right.lo)
        writer.write("UPDATE ledger_block SET end_ = {end} WHERE lo = {lo}", end=right.end, lo=left.lo)


def unissue(writer: Writer, line: Line) -> None:
    """Takes the last issuance away with all its blocks: only triggers forbid that."""
    last = line.issuances[-1]
    if last.lo and writer.random.random() < 0.3:
        writer.write("DELETE FROM ledger_issuance WHERE id = {id}", id=last.issuance)
        writer.write("DELETE FROM ledger_block WHERE issuance_id = {id}", id=last.issuance)


def issue_inside(writer: Writer, line: Line) -> None:
    """Wrong: an issuance carved out of another one, whose tonnes are then fewer than it says."""
    row = writer.some(line, 4)
    places = writer.places(row, 2)
    if len(places) == 2:
        writer.write("UPDATE ledger_block SET end_ = {place} WHERE lo = {lo}", place=places[0], lo=row.lo)
        writer.block(places[0], places[1], writer.issuance(*places))
        writer.block(places[1], row.end, row)


def issue_short(writer: Writer, line: Line) -> None:
    """Wrong: more is issued than there are tonnes."""
    end = line.blocks[-1].end
    size_t = writer.random.randint(3, LARGEST_T)
    made = writer.issuance(end, end + size_t)
    writer.block(end, end + writer.random.randint(1, size_t - 1), made)


def issue_beyond(writer: Writer, line: Line) -> None:
    """Wrong: an issuance that begins behind a gap."""
    end = line.blocks[-1].end + writer.random.randint(1, 3)
    made = writer.issuance(end, end + 5, prev=writer.random.choice((end, line.blocks[-1].end, "NULL")))
    writer.block(end, end + 5, made)


def lose(writer: Writer, line: Line) -> None:
    """Wrong: a block shrinks, or goes, and nothing takes its tonnes."""
    row = writer.some(line, 2)
    if writer.random.random() < 0.3:
        writer.write("DELETE FROM ledger_block WHERE lo = {lo}", lo=row.lo)
    for place in writer.places(row, 1):
        writer.write("UPDATE ledger_block SET end_ = {place} WHERE lo = {lo}", place=place, lo=row.lo)


def lose_between(writer: Writer, line: Line) -> None:
    """Wrong: a block is cut and the tonnes between the parts are gone."""
    row = writer.some(line, 4)
    places = writer.places(row, 2)
    if len(places) == 2:
        writer.write("UPDATE ledger_block SET end_ = {place} WHERE lo = {lo}", place=places[0], lo=row.lo)
        writer.block(places[1], row.end, row, prev=writer.random.choice((places[0], places[1], "NULL")))


def fold(writer: Writer, line: Line) -> None:
    """Wrong: the chain runs back, so that tonnes are in three blocks."""
    row = writer.some(line, 4)
    places = writer.places(row, 2)
    if len(places) == 2:
        writer.write("UPDATE ledger_block SET end_ = {place} WHERE lo = {lo}", place=places[1], lo=row.lo)
        writer.block(places[1], places[0], row)
        writer.block(places[0], row.end, row)


def double(writer: Writer, line: Line) -> None:
    """Wrong: the same tonnes once more, with the true neighbour, another, or none."""
    row = writer.some(line, 2)
    lo = writer.random.randint(row.lo, row.end - 1)
    end = writer.random.randint(lo + 1, row.end)
    writer.block(lo, end, row, prev=writer.random.choice((lo, row.lo, "NULL")))


def make_up(writer: Writer, line: Line) -> None:
    """Wrong: tonnes that nobody issued, at the end of the line, with the true range of an issuance or a forged one."""
    end = line.blocks[-1].end
    of = writer.random.choice(line.issuances)
    if writer.random.random() < 0.5:
        writer.block(end, end + 5, of, holder=writer.random.choice(writer.holders))
    else:
        forged = {"id": writer.random.choice((of.issuance, 999_999)), "first": of.first, "last": end + 5}
        writer.block(end, end + 5, of, holder=writer.random.choice(writer.holders), **forged)


def misfile(writer: Writer, line: Line) -> None:
    """Wrong: a block goes over to another issuance, or its bounds move."""
    row, of = writer.some(line), writer.random.choice(line.issuances)
    columns = writer.random.choice(
        (
            "issuance_id = {id}, issuance_lo = {first}, issuance_end = {last}",
            "issuance_lo = {lo}, issuance_end = issuance_end + 1",
            "lo = lo - 1, prev_end = lo - 1",
            "end_ = end_ + 1",
            "prev_end = NULL",
        )
    )
    figures = {"id": of.issuance, "first": of.first, "last": of.last, "lo": row.lo}
    writer.write("UPDATE ledger_block SET " + columns + " WHERE lo = {lo}", **figures)


def restate(writer: Writer, line: Line) -> None:
    """Wrong: an issuance says other figures than it did, or is gone."""
    of = writer.random.choice(line.issuances)
    statement = writer.random.choice(
        (
            "UPDATE ledger_issuance SET quantity_t = quantity_t + 1 WHERE id = {id}",
            "UPDATE ledger_issuance SET end_ = end_ + 1, quantity_t = quantity_t + 1 WHERE id = {id}",
            "UPDATE ledger_issuance SET lo = lo - 1, prev_end = lo - 1, quantity_t = quantity_t + 1 WHERE id = {id}",
            "DELETE FROM ledger_issuance WHERE id = {id}",
        )
    )
    writer.write(statement, id=of.issuance)


def change_hands(writer: Writer, line: Line) -> None:
    """No matter of the partition, but of the triggers: another holder, another state."""
    row = writer.some(line)
    other = writer.random.choice(writer.holders)
    assignment = writer.random.choice(
        ("holder_id = {other}", "state = 'LOCKED', lock_id = 1", "state = 'FREE', lock_id = NULL")
    )
    writer.write("UPDATE ledger_block SET " + assignment + " WHERE lo = {lo}", other=other, lo=row.lo)


RIGHT: tuple[Operation, ...] = (issue, cut, cut, merge, merge, unissue, change_hands)
CARVING: tuple[Operation, ...] = (issue_inside, lose, lose_between, fold, double)
ISSUING: tuple[Operation, ...] = (issue_short, issue_beyond, make_up)
FILING: tuple[Operation, ...] = (misfile, restate)
OPERATIONS = (*RIGHT, *CARVING, *ISSUING, *FILING)


@contextmanager
def connected(engine: Engine) -> Iterator[psycopg.Connection]:
    """A connection of the driver itself, to the same database with the same role."""
    held = engine.raw_connection()
    try:
        yield held.driver_connection
    finally:
        held.close()


def switch_triggers(connection: psycopg.Connection, to: str) -> None:
    """DISABLE or ENABLE the triggers of both tables for everyone; foreign keys stay on."""
    for table in ("ledger_block", "ledger_issuance"):
        connection.execute(f"ALTER TABLE {table} {to} TRIGGER USER")
    connection.commit()


def fill_pool(connection: psycopg.Connection, project: int, people: tuple[int, int], size: int) -> list[int]:
    """Accepted verifications of 1,000 t each, one for each issuance to come; gives their ids."""
    connection.execute(
        "INSERT INTO registry_monitoring (project_id, first_day, end_day, vintage, methodology_version, parameters,"
        " reduction_t, submitted_by_id, submitted_at) SELECT %s, 1000 + n, 1001 + n, 2023, 'fuzz@1', '{}', 1000, %s,"
        " now() FROM generate_series(1, %s) n",
        (project, people[0], size),
    )
    made = connection.execute(
        "INSERT INTO registry_verification (monitoring_id, verified_t, verified_by_id, verified_at, accepted_by_id,"
        " accepted_at) SELECT id, 1000, %s, now(), %s, now() FROM registry_monitoring"
        " WHERE methodology_version = 'fuzz@1' RETURNING id",
        people,
    ).fetchall()
    connection.commit()
    return [row[0] for row in made]
