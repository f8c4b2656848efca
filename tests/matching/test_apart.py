"""Solving in a process of its own: a result, or one reason why there is none; and never a process left behind."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from matching import apart
from matching.apart import Limits
from matching.certificate import read_certificate
from matching.checker import Violation, check
from matching.problem import read_problem, read_result, write_problem
from matching.progress import EXPLAINING, READING, STAGES
from tests.matching import markets, solvings
from tests.matching.rounds import bid, lot, problem

ROUND = write_problem(problem([lot("L1", ask_fen=50)], [bid("B1", 10, limit_fen=70)]))
EASY = write_problem(markets.market(40, 120, 7))
HARD = write_problem(markets.market(60, 200, 7, bid_max_sellers=2))  # nobody proves this one within a second


def violations(raw: bytes, answer: apart.Answer) -> list[Violation]:
    return check(read_problem(raw), read_result(answer.result), read_certificate(answer.certificate))


def failure_of(raw: bytes, limits: Limits) -> str:
    with pytest.raises(apart.SolverFailed) as failed:
        apart.solve_apart(raw, limits)
    return failed.value.failure


class TestAResultComesBackOrOneReason:
    def test_result_and_certificate_of_another_process_pass_the_checker(self) -> None:
        answer = apart.solve_apart(ROUND)
        assert violations(ROUND, answer) == []
        assert (answer.result.count(b"\n"), answer.certificate.count(b"\n")) == (1, 1)

    def test_what_is_not_a_problem_gives_one_line_and_status_two(self) -> None:
        command = [sys.executable, "-m", "matching.apart"]
        done = subprocess.run(command, input=b"{}", capture_output=True, check=False)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.decode().count("\n") == 1

    def test_a_solver_that_refuses_says_where(self) -> None:
        with pytest.raises(apart.SolverFailed, match=r"refused: \$"):
            apart.solve_apart(b"{}")

    def test_want_of_memory_is_said_in_plain_words(self) -> None:
        with pytest.raises(apart.SolverFailed, match="out_of_memory: more than 8 MB of memory were needed"):
            apart.solve_apart(EASY, Limits(memory_cap_mb=8))

    def test_a_solver_that_takes_longer_than_its_limit_and_the_grace_is_ended(self) -> None:
        assert failure_of(ROUND, Limits(time_limit_s=0, grace_s=0.1)) == apart.TOO_LATE
        assert failure_of(ROUND, Limits(patience_s=0)) == apart.TOO_LATE
        assert solvings.solvers() == []

    def test_a_time_limit_that_strikes_still_gives_a_result_that_passes(self) -> None:
        answer = apart.solve_apart(HARD, Limits(time_limit_s=1))
        result = read_result(answer.result)
        assert result.status == "time_limit"
        assert violations(HARD, answer) == []
        assert result.lines


class TestProgressIsTold:
    def test_stages_come_in_their_order_with_a_bound_above_the_best(self) -> None:
        with apart.started(EASY) as run:
            told = [report for report in run.reports() if report]
            totals = read_result(run.result().result).totals
        stages = [report.stage for report in told]
        assert stages == sorted(stages, key=STAGES.index)
        assert (stages[0], stages[-1]) == (READING, EXPLAINING)
        assert told[-1].best is not None
        assert told[-1].bound is not None
        assert told[-1].best <= told[-1].bound
        assert told[-1].best[:2] == (totals.compliance_t, totals.voluntary_t)

    def test_whoever_waits_hears_something_several_times_a_second(self) -> None:
        with apart.started(ROUND) as run:
            solvings.frozen_solver()
            heard = [next(run.reports()) for _ in range(3)]
        assert len(heard) == 3

    def test_what_else_a_solver_writes_is_no_report(self) -> None:
        for line in (
            b"",
            b"WARNING",
            b'{"stage"',
            b'{"stage": "proof"}',
            b'{"stage": "x", "bound": [1], "best": null}',
        ):
            assert apart._report(line) is None
        assert apart._report(b'{"stage": "proof", "bound": [3, 2, 1], "best": null}') is not None


class TestNoProcessIsLeftBehind:
    def test_leaving_ends_a_solver_that_does_not_listen(self) -> None:
        with apart.started(ROUND):
            stopped = solvings.frozen_solver()
        assert solvings.is_gone(stopped)

    def test_a_solver_that_is_killed_is_told_from_one_that_fails(self) -> None:
        with apart.started(ROUND) as run:
            solvings.frozen_solver().send_signal(signal.SIGKILL)
            list(run.reports())
            with pytest.raises(apart.SolverFailed) as failed:
                run.result()
        assert failed.value.failure == apart.KILLED
