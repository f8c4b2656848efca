"""Solving in a process of its own: a result, or one reason why there is none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from matching import apart
from matching.checker import check
from matching.problem import read_problem, read_result, write_problem
from tests.matching.rounds import bid, lot, problem

ROUND = write_problem(problem([lot("L1", ask_fen=50)], [bid("B1", 10, limit_fen=70)]))


def test_the_result_of_another_process_passes_the_checker() -> None:
    raw = apart.solve_apart(ROUND)
    assert check(read_problem(ROUND), read_result(raw)) == []


def test_what_is_not_a_problem_gives_one_line_and_status_two() -> None:
    command = [sys.executable, "-m", "matching.apart"]
    done = subprocess.run(command, input=b"{}", capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().count("\n") == 1


def test_a_solver_that_refuses_says_why() -> None:
    with pytest.raises(apart.SolverFailed, match=r"\$"):
        apart.solve_apart(b"{}")


def test_a_solver_that_takes_too_long_is_stopped() -> None:
    with pytest.raises(apart.SolverFailed, match="no result within"):
        apart.solve_apart(ROUND, patience_s=0)
