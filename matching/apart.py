"""Solving in a process of its own: the flow solver holds the interpreter's lock, so no page may wait beside it.

`python -m matching.apart` reads a problem from standard input and writes its result to standard output; `solve_apart`
starts it, and stops it for good when it takes longer than anyone would wait.
"""

from __future__ import annotations

import subprocess
import sys

from matching.problem import BadProblem, read_problem, write_result
from matching.solver import NotSolvable, solve

PATIENCE_S = 900


class SolverFailed(RuntimeError):  # noqa: N818  named after what happened
    """The solver's process died, was killed, or took too long; the round stays closed and can be solved again."""


def solve_apart(problem: bytes, *, patience_s: int = PATIENCE_S) -> bytes:
    """The result file for a problem file, solved in another process."""
    command = [sys.executable, "-m", "matching.apart"]
    try:
        done = subprocess.run(command, input=problem, capture_output=True, timeout=patience_s, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as late:
        raise SolverFailed(f"no result within {patience_s} s") from late
    if done.returncode != 0:
        raise SolverFailed(done.stderr.decode(errors="replace").strip()[-500:])
    return done.stdout


def main() -> int:
    """Standard input to standard output; a refusal is one line on standard error and status 2."""
    try:
        sys.stdout.buffer.write(write_result(solve(read_problem(sys.stdin.buffer.read()))))
    except (BadProblem, NotSolvable) as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
