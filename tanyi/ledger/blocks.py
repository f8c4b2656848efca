"""Tonnes: issue, split, list, reserve, deliver, retire. The only file that writes blocks and issuances.

A tonne is a point on one line; a block is a run of them with one holder and one state. Moves are set-based: a round of
thousands of lines reserves, delivers and retires in a handful of statements. Which tonnes are taken first is a rule:
the lowest serial numbers, so that the outcome is a function of the order alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, text, update
from sqlalchemy.orm import InstrumentedAttribute

from tanyi.kernel.errors import N_, Conflict
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger.tables import ENCUMBRANCES, Block, Issuance

STATES = Lifecycle(
    "block",
    "FREE",
    {
        "FREE": ("LISTED", "RESERVED", "PLEDGED", "LOCKED", "FROZEN", "BUFFER", "RETIRED", "CANCELLED"),
        "LISTED": ("FREE", "RESERVED", "FROZEN"),
        "RESERVED": ("FREE", "LISTED"),
        "PLEDGED": ("FREE", "FROZEN"),
        "LOCKED": ("FREE", "FROZEN"),
        "FROZEN": ("FREE", "CANCELLED"),
        "BUFFER": ("FREE", "CANCELLED"),
        "RETIRED": (),
        "CANCELLED": (),
    },
)


class InsufficientTonnes(Conflict):
    """Fewer tonnes stand there than are asked for."""

    code = "ledger.insufficient_tonnes"
    message = N_("%(asked_t)s t are asked for, %(available_t)s t are there.")


@dataclass(frozen=True)
class Run:
    """A run of tonnes [lo, end) as others may see it."""

    lo: int
    end: int
    issuance_id: int
    holder_id: int
    state: str
    listing_id: int | None
    trade_id: int | None
    retirement_id: int | None

    @property
    def quantity_t(self) -> Tonnes:
        return Tonnes(self.end - self.lo)


@dataclass(frozen=True)
class Take:
    """So many tonnes of one listing for one trade."""

    listing_id: int
    trade_id: int
    quantity_t: int


@dataclass(frozen=True)
class Retire:
    """So many of a holder's free tonnes of one issuance for one retirement."""

    holder_id: int
    issuance_id: int
    retirement_id: int
    quantity_t: int


def issue(
    work: Work, *, verification_id: int, verified_t: Tonnes, quantity_t: Tonnes, holder_id: int, origin_key: str
) -> int:
    """Makes `quantity_t` new tonnes for `holder_id` at the end of the line; gives the issuance's id.

    The same origin twice, the same verification twice, or more than was verified: refused by the database.
    """
    _lock(work, [0], space=ISSUERS)  # issuers queue here instead of breaking on the chain's unique end
    last = work.session.scalars(select(func.max(Issuance.end_))).one()
    lo, end = last, last + int(quantity_t)
    made = insert(Issuance).returning(Issuance.id)
    issuance_id: int = work.session.execute(
        made,
        {
            "lo": lo,
            "end_": end,
            "prev_end": lo,
            "quantity_t": int(quantity_t),
            "verification_id": verification_id,
            "verified_t": int(verified_t),
            "origin_key": origin_key,
            "issued_at": work.now,
        },
    ).scalar_one()
    whole = {"issuance_id": issuance_id, "issuance_lo": lo, "issuance_end": end}
    work.session.execute(
        insert(Block), {"lo": lo, "end_": end, "prev_end": lo, "holder_id": holder_id, "state": "FREE", **whole}
    )
    return issuance_id


def list_for_sale(work: Work, *, issuance_id: int, holder_id: int, listing_id: int, quantity_t: Tonnes) -> None:
    """Ties `quantity_t` of the holder's free tonnes of one issuance to a listing, lowest serials first."""
    wants = [_Want((holder_id, issuance_id), listing_id, int(quantity_t))]
    _become(work, _take(work, _HOLDING, wants, was="FREE"), was="FREE", becomes="LISTED")


def unlist(work: Work, *, listing_id: int) -> None:
    """Frees every tonne that a listing still offers."""
    _lock(work, [listing_id])
    offered = (Block.listing_id == listing_id, Block.state == "LISTED")
    work.session.execute(update(Block).where(*offered).values(state="FREE", listing_id=None))


def reserve(work: Work, *, takes: Sequence[Take]) -> None:
    """Reserves listed tonnes for trades: all or nothing, takes of one listing served in the order given."""
    wants = [_Want((take.listing_id,), take.trade_id, take.quantity_t) for take in takes]
    _become(work, _take(work, _OFFER, wants, was="LISTED"), was="LISTED", becomes="RESERVED")


def release(work: Work, *, trade_id: int, listing_id: int | None) -> None:
    """Gives reserved tonnes back: to the listing they came from while it is open, else to their holder."""
    back = {"state": "LISTED", "listing_id": listing_id} if listing_id else {"state": "FREE"}
    reserved = (Block.trade_id == trade_id, Block.state == "RESERVED")
    work.session.execute(update(Block).where(*reserved).values(trade_id=None, **back))


def deliver(work: Work, *, trades: Sequence[tuple[int, int]]) -> None:
    """Hands the reserved tonnes of each (trade, buyer) to the buyer, free, in one statement.

    The database lets the holder change only from RESERVED under a settlement of that trade: record it first.
    """
    work.session.execute(
        text(
            "UPDATE ledger_block b SET holder_id = t.buyer, state = 'FREE', trade_id = NULL"
            " FROM unnest(CAST(:trades AS bigint[]), CAST(:buyers AS bigint[])) AS t(trade, buyer)"
            " WHERE b.trade_id = t.trade AND b.state = 'RESERVED'"
        ),
        {"trades": [trade for trade, _ in trades], "buyers": [buyer for _, buyer in trades]},
    )


def retire(work: Work, *, takes: Sequence[Retire]) -> None:
    """Retires free tonnes for ever, in one statement for any number of retirements, lowest serials first."""
    wants = [_Want((take.holder_id, take.issuance_id), take.retirement_id, take.quantity_t) for take in takes]
    _become(work, _take(work, _HOLDING, wants, was="FREE"), was="FREE", becomes="RETIRED")


def offered_t(reader: Reader, listing_ids: Iterable[int]) -> dict[int, Tonnes]:
    """What each listing still offers: the sum of the blocks tied to it."""
    return _sums(reader, Block.listing_id, Block.listing_id.in_(set(listing_ids)))


def states_t(reader: Reader, issuance_ids: Iterable[int]) -> dict[int, dict[str, Tonnes]]:
    """Tonnes of each issuance by state."""
    query = select(Block.issuance_id, Block.state, func.sum(Block.end_ - Block.lo))
    query = query.where(Block.issuance_id.in_(set(issuance_ids))).group_by(Block.issuance_id, Block.state)
    sums: dict[int, dict[str, Tonnes]] = {}
    for issuance_id, state, total_t in reader.session.execute(query):
        sums.setdefault(issuance_id, {})[state] = Tonnes(int(total_t))
    return sums


@dataclass(frozen=True)
class Issued:
    """One issuance: the tonnes [lo, end) that came into being together."""

    id: int
    lo: int
    end: int
    quantity_t: Tonnes
    issued_at: datetime


def issued(reader: Reader) -> list[Issued]:
    """Every issuance, newest first."""
    columns = (Issuance.id, Issuance.lo, Issuance.end_, Issuance.quantity_t, Issuance.issued_at)
    rows = reader.session.execute(select(*columns).where(Issuance.lo > 0).order_by(Issuance.lo.desc()))
    return [Issued(row[0], row[1], row[2], Tonnes(row[3]), row[4]) for row in rows]


def by_state_t(reader: Reader) -> dict[str, Tonnes]:
    """All tonnes ever issued, by the state they are in."""
    return _sums(reader, Block.state, Block.state != "GENESIS")


def free_t(reader: Reader, holder_id: int) -> dict[int, Tonnes]:
    """A holder's unencumbered tonnes by issuance."""
    return _sums(reader, Block.issuance_id, Block.holder_id == holder_id, Block.state == "FREE")


def _sums(reader: Reader, by: InstrumentedAttribute[Any], *conditions: ColumnElement[bool]) -> dict[Any, Tonnes]:
    query = select(by, func.sum(Block.end_ - Block.lo)).where(*conditions).group_by(by)
    return {row[0]: Tonnes(int(row[1])) for row in reader.session.execute(query)}


def runs(
    reader: Reader,
    *,
    holder_id: int | None = None,
    issuance_ids: Iterable[int] | None = None,
    retirement_ids: Iterable[int] | None = None,
) -> list[Run]:
    """Runs of tonnes in the order of their serials: of a holder, of issuances, or of retirements."""
    conditions = [Block.state != "GENESIS"]
    if holder_id is not None:
        conditions.append(Block.holder_id == holder_id)
    if issuance_ids is not None:
        conditions.append(Block.issuance_id.in_(set(issuance_ids)))
    if retirement_ids is not None:
        conditions.append(Block.retirement_id.in_(set(retirement_ids)))
    columns = (
        Block.lo,
        Block.end_,
        Block.issuance_id,
        Block.holder_id,
        Block.state,
        Block.listing_id,
        Block.trade_id,
        Block.retirement_id,
    )
    rows = reader.session.execute(select(*columns).where(*conditions).order_by(Block.lo))
    return [Run(*row) for row in rows]


def holding(reader: Reader, tonne: int) -> Run | None:
    """The run that one tonne lies in, None when no such tonne was issued."""
    query = select(Block.issuance_id).where(Block.lo <= tonne, Block.end_ > tonne, Block.lo > 0)
    issuance_id = reader.session.scalar(query)
    found = [] if issuance_id is None else runs(reader, issuance_ids=[issuance_id])
    return next((run for run in found if run.lo <= tonne < run.end), None)


def verifications_of(reader: Reader, issuance_ids: Iterable[int]) -> dict[int, int]:
    """Which verification each issuance was made from."""
    query = select(Issuance.id, Issuance.verification_id).where(Issuance.id.in_(set(issuance_ids)), Issuance.lo > 0)
    return {issuance: made_from for issuance, made_from in reader.session.execute(query) if made_from is not None}


def issuances_of(reader: Reader, verification_ids: Iterable[int]) -> dict[int, int]:
    """Which issuance was made from each verification, in the order of issuing."""
    query = select(Issuance.verification_id, Issuance.id).where(Issuance.verification_id.in_(set(verification_ids)))
    rows = reader.session.execute(query.order_by(Issuance.lo))
    return {made_from: issuance for made_from, issuance in rows if made_from is not None}


@dataclass(frozen=True)
class _Want:
    """So many tonnes from a pool (a holding or an offer) for the listing, trade or retirement `key`."""

    pool: tuple[int, ...]
    key: int
    quantity_t: int


@dataclass(frozen=True)
class _Piece:
    """Tonnes [lo, end) chosen for `key` out of the block that starts at `block_lo`: one block, once it is cut."""

    lo: int
    end: int
    key: int
    block_lo: int


_HOLDING = (Block.holder_id, Block.issuance_id)
_OFFER = (Block.listing_id,)


def _take(
    work: Work, pool: tuple[InstrumentedAttribute[Any], ...], wants: Sequence[_Want], *, was: str
) -> list[_Piece]:
    """Chooses tonnes for the wants, lowest serials first, and cuts blocks so that each piece is whole blocks."""
    _lock(work, {want.pool[0] for want in wants})
    stock: dict[tuple[int, ...], list[_Piece]] = {want.pool: [] for want in wants}
    highest_first = (
        select(Block.lo, Block.end_, *pool)
        .where(pool[0].in_({want.pool[0] for want in wants}), Block.state == was)
        .order_by(Block.lo.desc())
    )
    for lo, end, *key in work.session.execute(highest_first):
        if tuple(key) in stock:
            stock[tuple(key)].append(_Piece(lo, end, 0, lo))
    pieces = [piece for want in wants for piece in _choose(stock[want.pool], want)]
    _cut(work, pieces)
    return pieces


def _choose(stock: list[_Piece], want: _Want) -> list[_Piece]:
    """Pops the lowest runs of `stock` (a list with the highest first) until the want is filled; pure but for that."""
    chosen: list[_Piece] = []
    open_t, available_t = want.quantity_t, sum(run.end - run.lo for run in stock)
    if open_t > available_t:
        raise InsufficientTonnes(asked_t=open_t, available_t=available_t)
    while open_t:
        run = stock.pop()
        end = min(run.end, run.lo + open_t)
        if end < run.end:
            stock.append(replace(run, lo=end))
        chosen.append(replace(run, end=end, key=want.key))
        open_t -= end - run.lo
    return chosen


def _cut(work: Work, pieces: Sequence[_Piece]) -> None:
    """Splits blocks where pieces end: the left part shrinks, the rest is inserted after it.

    Both parts keep holder, state and encumbrance; a trigger holds that.
    """
    lows, ends = [piece.block_lo for piece in pieces], [piece.end for piece in pieces]
    work.session.execute(text(_CUT), {"lows": lows, "places": ends})


_KEPT = "issuance_id, issuance_lo, issuance_end, holder_id, holder_kind, state, " + ", ".join(ENCUMBRANCES.values())
_CUT = f"""
WITH cuts AS (
    SELECT b.lo, p.place, lead(p.place, 1, b.end_) OVER (PARTITION BY b.lo ORDER BY p.place) AS next
    FROM unnest(CAST(:lows AS bigint[]), CAST(:places AS bigint[])) AS p(lo, place)
    JOIN ledger_block b ON b.lo = p.lo AND p.place < b.end_
), shrunk AS (
    UPDATE ledger_block b SET end_ = c.place
    FROM (SELECT lo, min(place) AS place FROM cuts GROUP BY lo) c WHERE b.lo = c.lo
    RETURNING b.*
)
INSERT INTO ledger_block (lo, end_, prev_end, {_KEPT})
SELECT c.place, c.next, c.place, {", ".join("s." + column for column in _KEPT.split(", "))}
FROM cuts c JOIN shrunk s ON s.lo = c.lo ORDER BY c.place
"""  # noqa: S608  column names of this file, no input


def _become(work: Work, pieces: Sequence[_Piece], *, was: str, becomes: str) -> None:
    """Moves the blocks of each piece from one state to the next and ties them to the piece's key."""
    STATES.refuse_unless_may(was, becomes)
    leaves = f"{ENCUMBRANCES[was]} = NULL, " if was in ENCUMBRANCES else ""
    move = text(
        f"UPDATE ledger_block b SET state = :becomes, {leaves}{ENCUMBRANCES[becomes]} = p.key"  # noqa: S608
        " FROM unnest(CAST(:lows AS bigint[]), CAST(:ends AS bigint[]), CAST(:keys AS bigint[])) AS p(lo, end_, key)"
        " WHERE b.lo = p.lo AND b.end_ = p.end_ AND b.state = :was RETURNING b.lo"
    )
    columns = {"lows": [p.lo for p in pieces], "ends": [p.end for p in pieces], "keys": [p.key for p in pieces]}
    moved = work.session.execute(move, {"was": was, "becomes": becomes, **columns}).all()
    assert len(moved) == len(pieces), "blocks were moved by someone who did not queue"


ISSUERS, POOLS = 1, 2  # spaces of advisory locks
BUCKETS = 64


def _lock(work: Work, pools: Iterable[int], space: int = POOLS) -> None:
    """Queues with everyone who takes from the same pools, so that each sees what the one before has left.

    Row locks would not do: a waiter does not see the part that was split off meanwhile. Pools share a few buckets,
    taken in order, so a round over thousands of listings holds few locks and two rounds cannot deadlock.
    """
    buckets = sorted({pool % BUCKETS for pool in pools})
    lock = text("SELECT pg_advisory_xact_lock(CAST(:space AS int), b) FROM unnest(CAST(:buckets AS int[])) AS u(b)")
    work.session.execute(lock, {"space": space, "buckets": buckets}).all()
