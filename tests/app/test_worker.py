"""The worker with real processes: rounds are solved, and whatever is killed leaves them closed and solvable again."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psutil
import pytest

from matching import apart, solving
from matching.certificate import read_certificate
from matching.checker import check
from matching.problem import read_problem, read_result
from matching.progress import EXPLAINING
from tanyi.app import serving
from tanyi.app.worker import Worker
from tanyi.kernel.errors import Unavailable
from tests.app.demo_runs import COMMAND, environment
from tests.app.desks import Desk
from tests.app.web import site_of
from tests.market_makers import ROUND, Market
from tests.matching.solvings import (
    cancel,
    frozen_solver,
    is_gone,
    make_closed_round,
    newest,
    request,
    runs,
    solvers,
    the_round,
    until,
)


@pytest.fixture
def closed(market: Market) -> Market:
    """A market with a closed round."""
    make_closed_round(market)
    return market


def worker_of(market: Market, **given: int) -> Worker:
    return Worker(market.house, say=lambda _: None, **given)


@contextmanager
def at_work(worker: Worker) -> Iterator[threading.Thread]:
    """The worker solves one round in a thread; at the end it has come home."""
    thread = threading.Thread(target=worker.solve_next)
    thread.start()
    try:
        yield thread
    finally:
        worker.stop()
        thread.join(10)
        assert not thread.is_alive()
        assert solvers() == []


def is_solvable_again(market: Market) -> bool:
    assert the_round(market).state == "CLOSED"
    request(market)
    assert worker_of(market).solve_next()
    return (newest(market).state, the_round(market).state) == ("DONE", "SOLVED")


class TestARoundIsSolved:
    def test_the_queue_is_emptied_and_the_result_was_checked(self, closed: Market) -> None:
        request(closed)
        worker = worker_of(closed)
        assert worker.solve_next()
        assert not worker.solve_next()
        found, kept = newest(closed), the_round(closed)
        assert (found.state, kept.state) == ("DONE", "SOLVED")
        certificate = read_certificate(kept.certificate or b"")
        assert check(read_problem(kept.problem or b""), read_result(kept.result or b""), certificate) == []

    def test_its_progress_and_its_heartbeat_can_be_read(self, closed: Market) -> None:
        request(closed)
        with at_work(worker_of(closed)):
            frozen_solver()
            first = newest(closed).heartbeat_at
            assert first is not None
            until(lambda: (newest(closed).heartbeat_at or first) > first)
        cancel(closed)
        request(closed)
        assert worker_of(closed).solve_next()
        assert newest(closed).stage == EXPLAINING
        assert solving.bound_of(newest(closed)) == solving.best_of(newest(closed))

    def test_a_round_that_somebody_else_solved_meanwhile_is_left_alone(self, closed: Market) -> None:
        request(closed)
        with at_work(worker_of(closed)) as thread:
            solver = frozen_solver()
            answer = apart.solve_apart(the_round(closed).problem or b"")
            with closed.work() as work:
                solving.rounds.keep_result(work, number=ROUND, answer=answer)
            solver.resume()
            thread.join()
        assert (newest(closed).state, newest(closed).failure) == ("FAILED", solving.OVERTAKEN)
        assert (the_round(closed).result, the_round(closed).certificate) == (answer.result, answer.certificate)

    def test_a_database_that_does_not_answer_is_asked_again(
        self, closed: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said: list[str] = []
        worker = Worker(closed.house, say=said.append)
        answers = iter([Unavailable(), False])

        def ask() -> bool:
            answer = next(answers)
            if isinstance(answer, Unavailable):
                raise answer
            worker.stop()
            return answer

        monkeypatch.setattr("tanyi.app.worker.AFTER_TROUBLE_S", 0.0)
        monkeypatch.setattr(worker, "solve_next", ask)
        worker.run()
        assert said == [f"worker: {Unavailable()}"]


class TestTheSiteNeverWaits:
    def test_a_page_answers_at_once_while_a_solver_runs(self, closed: Market) -> None:
        with site_of(closed) as site:
            operator = Desk(site, "operator")
            path = f"/operator/rounds/{ROUND}"
            operator.get(path)  # the first page of a process reads its templates
            assert operator.post(f"/rounds/{ROUND}/solve").status_code == 303
            with at_work(worker_of(closed)):
                solver = frozen_solver()
                seconds, pages = zip(*(timed(lambda: operator.get(path).text) for _ in range(3)), strict=True)
                solver.resume()
        assert all('http-equiv="refresh"' in shown for shown in pages)
        assert min(seconds) < 0.3


def timed(read: Callable[[], str]) -> tuple[float, str]:
    started = time.monotonic()
    shown = read()
    return time.monotonic() - started, shown


class TestCancelling:
    def test_the_solver_ends_within_two_seconds_and_the_round_can_be_solved_again(self, closed: Market) -> None:
        request(closed)
        with at_work(worker_of(closed)) as thread:
            solver = frozen_solver()
            cancel(closed)
            assert until(lambda: is_gone(solver)) < 2
            thread.join()
        assert newest(closed).state == "CANCELLED"
        assert is_solvable_again(closed)


class TestASolverThatEndsBadly:
    def test_one_that_is_killed_fails_and_the_round_can_be_solved_again(self, closed: Market) -> None:
        request(closed)
        with at_work(worker_of(closed)) as thread:
            frozen_solver().send_signal(signal.SIGKILL)
            thread.join()
        assert (newest(closed).state, newest(closed).failure) == ("FAILED", apart.KILLED)
        assert is_solvable_again(closed)

    def test_one_that_wants_too_much_memory_fails_and_the_round_can_be_solved_again(self, closed: Market) -> None:
        request(closed)
        assert worker_of(closed, memory_cap_mb=8).solve_next()
        assert (newest(closed).failure, newest(closed).memory_cap_mb) == (apart.OUT_OF_MEMORY, 8)
        assert is_solvable_again(closed)

    @pytest.mark.parametrize("broken", ["result", "certificate"])
    def test_an_answer_that_fails_the_check_is_not_kept(
        self, closed: Market, monkeypatch: pytest.MonkeyPatch, broken: str
    ) -> None:
        request(closed)
        answer = dataclasses.replace(apart.solve_apart(the_round(closed).problem or b""), **{broken: b"{}"})
        monkeypatch.setattr(apart.Run, "result", lambda _: answer)
        assert worker_of(closed).solve_next()
        assert (newest(closed).failure, the_round(closed).state) == (solving.CHECK_FAILED, "CLOSED")


class TestTheCommand:
    @pytest.fixture
    def command(self, closed: Market) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
        """Starts `tanyi worker` on the test's database; at the end none of them runs."""
        started: list[subprocess.Popen[bytes]] = []

        def start() -> subprocess.Popen[bytes]:
            worker = subprocess.Popen([*COMMAND, "worker"], env=settings_of(closed), stderr=subprocess.PIPE)
            started.append(worker)
            return worker

        yield start
        for worker in started:
            worker.kill()
            worker.communicate()

    def test_told_to_stop_it_puts_its_work_back_for_the_next_one(
        self, closed: Market, command: Callable[[], subprocess.Popen[bytes]]
    ) -> None:
        solving_id = request(closed)
        worker = command()
        solver = frozen_solver(worker.pid)
        worker.terminate()
        assert worker.wait(10) == 0
        assert is_gone(solver)
        assert (newest(closed).id, newest(closed).state) == (solving_id, "QUEUED")
        assert worker_of(closed).solve_next()
        assert (newest(closed).id, newest(closed).state) == (solving_id, "DONE")

    def test_killed_it_takes_its_solver_along_and_the_next_one_clears_up(
        self,
        closed: Market,
        command: Callable[[], subprocess.Popen[bytes]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        request(closed)
        worker = command()
        solver = frozen_solver(worker.pid)
        worker.kill()
        until(lambda: is_gone(solver), 2)
        assert newest(closed).state == "RUNNING"
        monkeypatch.setattr(solving, "STALE_AFTER", timedelta(0))  # instead of waiting for it
        assert not worker_of(closed).solve_next()
        assert (newest(closed).state, newest(closed).failure) == ("FAILED", solving.WORKER_LOST)
        monkeypatch.undo()
        assert is_solvable_again(closed)

    def test_beside_the_site_one_runs_always_and_none_afterwards(
        self, closed: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, said in settings_of(closed).items():
            monkeypatch.setenv(name, said)
        monkeypatch.setattr(serving, "FIRST_PAUSE_S", 0.0)
        with serving.worker_beside():
            until(workers)
            first = workers()[0]
            first.kill()
            until(lambda: [each for each in workers() if each != first])
            request(closed)
            until(lambda: newest(closed).state == "DONE")
        assert workers() == []


def settings_of(market: Market) -> dict[str, str]:
    """The environment of a command on the test's database."""
    at = market.house.database._owner
    url = f"postgresql://{at['user']}@/{at['dbname']}?host={at['host']}&port={at.get('port', 5432)}"
    return environment(DATABASE_URL=url, TANYI_DATA=str(market.house.settings.data))


def workers() -> list[psutil.Process]:
    """The `tanyi worker` processes below us that live."""
    return [each for each in psutil.Process(os.getpid()).children() if runs(each, "worker")]
