"""The queue of solvings: one at a time for a round, each with one end, and a round that can always be solved again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from matching import apart, rounds, solving
from matching.progress import PROOF, Progress
from tanyi.kernel.clock import system_clock
from tanyi.kernel.errors import NotFound
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.work import Work
from tanyi.ledger import audit_log
from tests.market_makers import ROUND, Market, make_round
from tests.matching.solvings import cancel, make_closed_round, newest, request, the_round

CAP_MB = 512


@pytest.fixture
def closed(market: Market) -> Market:
    """A market with a closed round."""
    make_closed_round(market)
    return market


@contextmanager
def later(market: Market, seconds: int) -> Iterator[Work]:
    """A transaction of somebody whose clock is that far ahead."""
    clock = lambda: system_clock() + timedelta(seconds=seconds)  # noqa: E731
    with audit_log.open_work(market.house.database.app_engine(), clock=clock) as work:
        yield work


def take(market: Market) -> solving.Task:
    with market.work() as work:
        task = solving.take(work, memory_cap_mb=CAP_MB)
    assert task is not None
    return task


def beat(market: Market, task: solving.Task, progress: Progress | None = None) -> bool:
    with market.work() as work:
        return solving.beat(work, solving_id=task.solving_id, progress=progress)


def moments(market: Market) -> dict[str, datetime]:
    with market.house.open_reader() as reader:
        events = ["solving.requested", "solving.cancel_requested", "solving.ended", "round.solved"]
        return audit_log.moments(reader, number=ROUND, events=events)


class TestAskingForASolving:
    def test_a_closed_round_waits_for_a_worker_with_its_limit(self, closed: Market) -> None:
        request(closed, time_limit_s=30)
        found = newest(closed)
        assert (found.state, found.time_limit_s, found.requested_by) == ("QUEUED", 30, "x01.office/user-3")
        assert list(moments(closed)) == ["solving.requested"]

    def test_a_round_is_solved_once_at_a_time(self, closed: Market) -> None:
        request(closed)
        with pytest.raises(solving.AlreadyBeingSolved):
            request(closed)
        take(closed)
        with pytest.raises(solving.AlreadyBeingSolved):
            request(closed)

    def test_the_database_keeps_that_rule_by_itself(self, closed: Market) -> None:
        request(closed)
        again = text(
            "INSERT INTO matching_solving (round_id, state, requested_by, queued_at)"
            " SELECT round_id, state, requested_by, queued_at FROM matching_solving"
        )
        with pytest.raises(IntegrityError, match="one_round_is_solved_once_at_a_time"), closed.work() as work:
            work.session.execute(again)

    @pytest.mark.parametrize("time_limit_s", [0, -1, solving.LONGEST_LIMIT_S + 1])
    def test_a_time_limit_is_between_a_second_and_a_day(self, closed: Market, time_limit_s: int) -> None:
        with pytest.raises(solving.TimeLimitOutOfRange):
            request(closed, time_limit_s=time_limit_s)

    def test_only_a_closed_round_that_exists_can_wait(self, market: Market) -> None:
        with pytest.raises(NotFound):
            request(market)
        make_round(market)
        with pytest.raises(WrongState):
            request(market)


class TestTakingAndTelling:
    def test_the_oldest_is_taken_first_and_by_one_worker_alone(self, closed: Market) -> None:
        solving_id = request(closed, time_limit_s=7)
        with closed.work() as first, closed.work() as second:
            task = solving.take(first, memory_cap_mb=CAP_MB)
            assert solving.take(second, memory_cap_mb=CAP_MB) is None
        assert task == solving.Task(solving_id, ROUND, the_round(closed).problem or b"", 7)
        assert (newest(closed).state, newest(closed).memory_cap_mb) == ("RUNNING", CAP_MB)

    def test_an_empty_queue_gives_nothing(self, closed: Market) -> None:
        with closed.work() as work:
            assert solving.take(work, memory_cap_mb=CAP_MB) is None

    def test_what_the_solver_told_stands_in_the_row(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        assert beat(closed, task, Progress(PROOF, (1500, 0, 10**12), (1400, 0, 7)))
        assert beat(closed, task)  # nothing new: what was told stays
        found = newest(closed)
        assert (found.stage, solving.bound_of(found), solving.best_of(found)) == (
            PROOF,
            (1500, 0, 10**12),
            (1400, 0, 7),
        )
        assert list(moments(closed)) == ["solving.requested"]  # heartbeats do not fill the log


class TestTheEnds:
    def test_a_result_that_passes_the_checker_ends_solving_and_round_together(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        with closed.work() as work:
            result = solving.finish(work, solving_id=task.solving_id, answer=apart.solve_apart(task.problem))
        assert result.totals.compliance_t == 1500
        assert (newest(closed).state, the_round(closed).state) == ("DONE", "SOLVED")
        assert set(moments(closed)) == {"solving.requested", "solving.ended", "round.solved"}

    def test_a_result_that_fails_the_check_ends_nothing(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        other = task.problem.replace(b'"seed":"', b'"seed":"0')
        with pytest.raises(rounds.CheckFailed), closed.work() as work:
            solving.finish(work, solving_id=task.solving_id, answer=apart.solve_apart(other))
        assert (newest(closed).state, the_round(closed).state) == ("RUNNING", "CLOSED")

    def test_a_failure_leaves_the_round_closed_and_solvable_again(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        with closed.work() as work:
            solving.fail(work, solving_id=task.solving_id, failure=apart.KILLED)
        assert (newest(closed).state, newest(closed).failure, the_round(closed).state) == ("FAILED", "killed", "CLOSED")
        assert request(closed) > task.solving_id

    def test_a_solving_that_waits_is_cancelled_at_once(self, closed: Market) -> None:
        request(closed)
        cancel(closed)
        assert (newest(closed).state, the_round(closed).state) == ("CANCELLED", "CLOSED")
        with pytest.raises(solving.NotBeingSolved):
            cancel(closed)

    def test_a_solving_that_runs_is_asked_to_stop_and_its_worker_hears_it(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        cancel(closed)
        assert newest(closed).state == "RUNNING"
        assert not beat(closed, task)
        with closed.work() as work:
            solving.stop(work, solving_id=task.solving_id)
        assert newest(closed).state == "CANCELLED"
        assert set(moments(closed)) == {"solving.requested", "solving.cancel_requested", "solving.ended"}

    def test_what_is_given_back_waits_as_if_nobody_had_taken_it(self, closed: Market) -> None:
        solving_id = request(closed)
        task = take(closed)
        beat(closed, task, Progress(PROOF, (1500, 0, 9), None))
        with closed.work() as work:
            solving.give_back(work, solving_id=solving_id)
        found = newest(closed)
        assert (found.state, found.stage, found.started_at, solving.bound_of(found)) == ("QUEUED", None, None, None)
        assert take(closed).solving_id == solving_id

    def test_what_was_cancelled_is_not_given_back(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        cancel(closed)
        with closed.work() as work:
            solving.give_back(work, solving_id=task.solving_id)
        assert newest(closed).state == "CANCELLED"

    def test_the_database_lets_nobody_write_on_what_has_ended(self, closed: Market) -> None:
        request(closed)
        cancel(closed)
        with pytest.raises(DBAPIError, match="has ended"), closed.work() as work:
            work.session.execute(text("UPDATE matching_solving SET stage = 'proof'"))


class TestAWorkerThatIsHeardNoMore:
    def test_its_solving_ends_and_the_round_can_be_solved_again(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        with later(closed, 14) as work:
            assert solving.recover(work) == []
        with later(closed, 16) as work:
            assert solving.recover(work) == [task.solving_id]
        assert (newest(closed).state, newest(closed).failure) == ("FAILED", solving.WORKER_LOST)
        assert request(closed)

    def test_nobody_needs_to_wait_for_another_worker(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        with later(closed, 16) as work:
            assert solving.request(work, number=ROUND) > task.solving_id

    def test_cancelling_it_needs_nobody_to_hear(self, closed: Market) -> None:
        request(closed)
        take(closed)
        with later(closed, 16) as work:
            solving.cancel(work, number=ROUND)
        assert newest(closed).state == "CANCELLED"

    def test_when_it_wakes_up_it_changes_nothing(self, closed: Market) -> None:
        request(closed)
        task = take(closed)
        with later(closed, 16) as work:
            solving.recover(work)
        assert not beat(closed, task)
        with pytest.raises(WrongState), closed.work() as work:
            solving.finish(work, solving_id=task.solving_id, answer=apart.solve_apart(task.problem))
        assert the_round(closed).state == "CLOSED"
