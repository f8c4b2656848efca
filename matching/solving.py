"""Solvings (求解): the queue in which closed rounds wait for a worker, and how far each of them is.

A solving is asked for, taken by one worker, and ends: done with a checked result, failed with a code that says why, or
cancelled. While it runs, the worker's heartbeat and progress stand in its row, and nowhere is a transaction open. What
ends a solving never touches its round: a round that was not solved is closed, as it was, and can be solved again. A
worker whose heart stopped is not waited for: whoever comes next, another worker or the next request, ends its solving.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import insert, select, update

from matching import rounds
from matching.apart import Answer
from matching.problem import Result
from matching.progress import Goals, Progress
from matching.tables import Round, Solving
from tanyi.kernel.errors import N_, Conflict, Invalid
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "solving",
    "QUEUED",
    {
        "QUEUED": ("RUNNING", "CANCELLED"),
        "RUNNING": ("DONE", "FAILED", "CANCELLED", "QUEUED"),
        "DONE": (),
        "FAILED": (),
        "CANCELLED": (),
    },
)
ACTIVE = STATES.states - STATES.terminal
STALE_AFTER = timedelta(seconds=15)  # a worker writes its heartbeat twice a second
LONGEST_LIMIT_S = 86_400

# Why a solving failed, beside the codes of `matching.apart`.
CHECK_FAILED, WORKER_LOST, OVERTAKEN = "check_failed", "worker_lost", "overtaken"


class AlreadyBeingSolved(Conflict):
    """A solving of this round waits or runs."""

    code = "matching.already_being_solved"
    message = N_("This round is being solved already. Wait for it, or cancel it first.")


class NotBeingSolved(Conflict):
    """There is nothing to cancel."""

    code = "matching.not_being_solved"
    message = N_("This round is not being solved now.")


class TimeLimitOutOfRange(Invalid):
    """A time limit is between a second and a day."""

    code = "matching.time_limit_out_of_range"
    message = N_("Write the time limit in whole seconds, between 1 and %(longest)s.")


@dataclass(frozen=True)
class Task:
    """What a worker has to do: the frozen problem of a round, within a time limit or none."""

    solving_id: int
    number: str
    problem: bytes
    time_limit_s: int | None


def request(work: Work, *, number: str, time_limit_s: int | None = None) -> int:
    """Puts a closed round into the queue; gives the solving's id."""
    if time_limit_s is not None and not 1 <= time_limit_s <= LONGEST_LIMIT_S:
        raise TimeLimitOutOfRange(longest=LONGEST_LIMIT_S)
    found = rounds.frozen(work, number=number)
    recover(work)
    if _active_id(work, found.id) is not None:
        raise AlreadyBeingSolved
    asked = {"round_id": found.id, "state": STATES.initial, "requested_by": work.actor.label}
    asked |= {"time_limit_s": time_limit_s, "queued_at": work.now}
    solving_id = work.session.scalars(insert(Solving).values(**asked).returning(Solving.id)).one()
    limit = {} if time_limit_s is None else {"time_limit_s": str(time_limit_s)}
    work.record("solving.requested", number=number, solving=str(solving_id), **limit)
    return solving_id


def cancel(work: Work, *, number: str) -> None:
    """Takes a round out of the queue, or asks the worker that solves it to stop; it does so within a second."""
    solving_id = _active_id(work, rounds.by_number(work, number).id)
    if solving_id is None:
        raise NotBeingSolved
    found = _locked(work, solving_id)
    if is_running(found) and not is_stale(work, found):
        _set(work, found, is_cancel_requested=True)
        work.record("solving.cancel_requested", number=number, solving=str(found.id))
    else:
        _end(work, found, "CANCELLED")


def recover(work: Work) -> list[int]:
    """Ends what workers left behind that are heard no more; gives the solvings' ids. Skips what is being ended now."""
    left = select(Solving).where(Solving.state == "RUNNING", Solving.heartbeat_at < work.now - STALE_AFTER)
    query = left.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    found = work.session.scalars(query).all()
    for solving in found:
        _end(work, solving, "FAILED", WORKER_LOST)
    return [solving.id for solving in found]


def take(work: Work, *, memory_cap_mb: int) -> Task | None:
    """The oldest solving of the queue for the worker who asks; no two workers get the same one."""
    waiting = select(Solving).where(Solving.state == "QUEUED").order_by(Solving.id).limit(1)
    found = work.session.scalar(waiting.with_for_update(skip_locked=True))
    if found is None:
        return None
    number, problem = work.session.execute(select(Round.number, Round.problem).where(Round.id == found.round_id)).one()
    assert problem is not None, "only a closed round is put into the queue"
    STATES.refuse_unless_may(found.state, "RUNNING")
    _set(work, found, state="RUNNING", started_at=work.now, heartbeat_at=work.now, memory_cap_mb=memory_cap_mb)
    return Task(found.id, number, problem, found.time_limit_s)


def beat(work: Work, *, solving_id: int, progress: Progress | None) -> bool:
    """Writes the worker's heartbeat and what it knows; False when it has to stop, since nobody wants the result."""
    told = {"heartbeat_at": work.now} | ({} if progress is None else _columns(progress))
    mine = update(Solving).where(Solving.id == solving_id, Solving.state == "RUNNING").values(**told)
    is_cancel_requested = work.session.scalar(mine.returning(Solving.is_cancel_requested))
    return is_cancel_requested is False


def finish(work: Work, *, solving_id: int, answer: Answer) -> Result:
    """Keeps result and certificate if the checker passes them; round and solving change together, or neither."""
    found = _running(work, solving_id)
    result = rounds.keep_result(work, number=_number_of(work, found), answer=answer)
    _end(work, found, "DONE")
    return result


def fail(work: Work, *, solving_id: int, failure: str) -> None:
    """Ends a solving that gave no result; the round is still closed and can be solved again."""
    _end(work, _running(work, solving_id), "FAILED", failure)


def stop(work: Work, *, solving_id: int) -> None:
    """Ends a solving that somebody cancelled."""
    _end(work, _running(work, solving_id), "CANCELLED")


def give_back(work: Work, *, solving_id: int) -> None:
    """Puts a solving back into the queue at its old place: its worker was told to go home. A cancelled one ends."""
    found = _running(work, solving_id)
    if found.is_cancel_requested:
        _end(work, found, "CANCELLED")
        return
    STATES.refuse_unless_may(found.state, "QUEUED")
    forgotten = dict.fromkeys(_columns(Progress("", (0, 0, 0), (0, 0, 0))))
    _set(work, found, state="QUEUED", started_at=None, heartbeat_at=None, **forgotten)


def _running(work: Work, solving_id: int) -> Solving:
    found = _locked(work, solving_id)
    STATES.refuse_unless_may(found.state, "DONE")
    return found


def _locked(work: Work, solving_id: int) -> Solving:
    query = select(Solving).where(Solving.id == solving_id).with_for_update()
    return work.session.scalars(query.execution_options(populate_existing=True)).one()


def _end(work: Work, found: Solving, state: str, failure: str | None = None) -> None:
    STATES.refuse_unless_may(found.state, state)
    _set(work, found, state=state, ended_at=work.now, failure=failure)
    why = {} if failure is None else {"failure": failure}
    work.record("solving.ended", number=_number_of(work, found), solving=str(found.id), state=state, **why)


def _set(work: Work, found: Solving, **columns: object) -> None:
    work.session.execute(update(Solving).where(Solving.id == found.id).values(**columns))


def _columns(progress: Progress) -> dict[str, object]:
    told: dict[str, object] = {"stage": progress.stage}
    for kind, goals in (("bound", progress.bound), ("best", progress.best)):
        names = (f"{kind}_compliance_t", f"{kind}_voluntary_t", f"{kind}_surplus_fen")
        told |= dict(zip(names, goals or (None, None, None), strict=True))
    return told


def _active_id(reader: Reader, round_id: int) -> int | None:
    return reader.session.scalar(select(Solving.id).where(Solving.round_id == round_id, Solving.state.in_(ACTIVE)))


def _number_of(reader: Reader, found: Solving) -> str:
    return reader.session.scalars(select(Round.number).where(Round.id == found.round_id)).one()


def newest(reader: Reader, round_id: int) -> Solving | None:
    """The newest solving of a round: the one that is under way, or how the last one ended."""
    return reader.session.scalar(
        select(Solving).where(Solving.round_id == round_id).order_by(Solving.id.desc()).limit(1)
    )


def is_under_way(reader: Reader, round_id: int) -> bool:
    """Whether a round waits for a worker or is being solved."""
    return _active_id(reader, round_id) is not None


def is_stale(reader: Reader, found: Solving) -> bool:
    """Whether nothing has been heard for too long of the worker that took a solving."""
    heard_at = found.heartbeat_at
    return is_running(found) and heard_at is not None and heard_at < reader.now - STALE_AFTER


def is_running(found: Solving) -> bool:
    """Whether a worker has taken a solving and not ended it."""
    return STATES.may(found.state, "DONE")


def bound_of(found: Solving) -> Goals | None:
    """What no result can exceed, as far as it is known."""
    return _goals(found.bound_compliance_t, found.bound_voluntary_t, found.bound_surplus_fen)


def best_of(found: Solving) -> Goals | None:
    """What the solver holds so far."""
    return _goals(found.best_compliance_t, found.best_voluntary_t, found.best_surplus_fen)


def _goals(compliance_t: int | None, voluntary_t: int | None, surplus_fen: int | None) -> Goals | None:
    if compliance_t is None or voluntary_t is None or surplus_fen is None:
        return None
    return compliance_t, voluntary_t, surplus_fen
