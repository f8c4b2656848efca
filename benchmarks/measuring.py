"""One command measured: `tanyi match` on a problem file, its result verified by `tanyi check` before a figure counts.

Seconds are wall time of the whole command, start-up and writing included; peak memory is the operating system's figure
for that command (MB are 10^6 bytes). A command that fails, or whose result has a violation, is a run that says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import launch
from matching.problem import Problem, Result, read_problem, read_result, write_problem

GOALS = ("compliance_t", "voluntary_t", "surplus_fen")
PATIENCE_S = 1_800  # a command that takes longer has failed


@dataclass(frozen=True)
class Measured:
    """What one command took. `problem` is the last line that it said when it failed, else None."""

    seconds: float
    peak_mb: float
    problem: str | None


@dataclass(frozen=True)
class Bench:
    """Where commands run: the console script to measure and a folder for files that nobody keeps."""

    tanyi: Path
    scratch: Path

    def run(self, *arguments: str | Path) -> Measured:
        """Runs the console script in a process that inherits nothing from this one."""
        said = self.scratch / "said.txt"
        command = [sys.executable, "-I", "-S", launch.__file__, str(PATIENCE_S), str(said), str(self.tanyi)]
        told = subprocess.run([*command, *map(str, arguments)], capture_output=True, check=True, text=True)
        took = json.loads(told.stdout)
        failed = took["exit_status"] != 0
        return Measured(took["seconds"], took["peak_mb"], _last_line(said, took["exit_status"]) if failed else None)

    def match(self, problem: Path, *options: str | Path, result: Path | None = None) -> Measured:
        """`tanyi match`; the result goes to `result_path` unless said otherwise."""
        return self.run("match", problem, "-o", result or self.result_path, *options)

    @property
    def result_path(self) -> Path:
        return self.scratch / "result.json"

    @property
    def problem_path(self) -> Path:
        return self.scratch / "problem.json"

    def measured(self, problem: Problem | Path, **labels: Any) -> dict[str, Any]:
        """A run as figures: sizes, seconds, memory, status, gaps, bound and totals. `labels` are kept as they are."""
        path = self.problem_path
        if isinstance(problem, Path):
            path, problem = problem, read_problem(problem.read_bytes())
        else:
            path.write_bytes(write_problem(problem))
        self.result_path.unlink(missing_ok=True)
        took = self.match(path)
        figures = labels | {"bids": len(problem.bids), "lots": len(problem.lots), "seconds": took.seconds}
        figures |= {"peak_mb": took.peak_mb}
        if took.problem is not None:
            return figures | {"failed": took.problem}
        checked = self.run("check", path, self.result_path)
        if checked.problem is not None:
            return figures | {"failed": f"check: {checked.problem}"}
        return figures | figures_of(self.result())

    def result(self) -> Result:
        """The result of the last match."""
        return read_result(self.result_path.read_bytes())


def figures_of(result: Result) -> dict[str, Any]:
    """What a result says of itself, in a few figures; `bound` is the tighter of its two, as its gaps have it."""
    totals = result.totals
    bounds = [bound for bound in (result.bound, result.search_bound) if bound]
    return {
        "status": result.status,
        "coverage_ppm": result.gap_ppm.coverage,
        "surplus_ppm": result.gap_ppm.surplus,
        "reached": [totals.compliance_t, totals.voluntary_t, totals.surplus_fen],
        "bound": [
            min((at for bound in bounds if (at := getattr(bound, goal)) is not None), default=None) for goal in GOALS
        ],
        "lines": totals.lines,
        "solver_seconds": result.solver.seconds,
    }


def _last_line(said: Path, exit_status: int) -> str:
    lines = said.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"exit status {exit_status}: {lines[-1][:200] if lines else 'without a word'}"
