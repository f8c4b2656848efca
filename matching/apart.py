"""Solving in a process of its own: the flow solver holds the interpreter's lock, so no page may wait beside it.

`python -m matching.apart` reads a problem from standard input and writes two lines to standard output: its result and the
certificate of its bounds. Standard error carries its progress, one JSON object a line: `{"stage": "lines", "bound": [c, v,
s], "best": null}`, the three goals in their order or null. It ends with status 0, with 2 for a refusal or 3 for want of
memory (one plain line says which), and never outlives whoever started it. This side starts it, hears it, and stops it for
good: when nobody wants the result any more, or when it takes longer than its time limit and a grace. The flow solver
cannot be interrupted from inside.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

from matching.certificate import write_certificate
from matching.problem import BadProblem, read_problem, write_result
from matching.progress import Goals, Progress

PATIENCE_S: Final = 900  # how long a solving without a time limit may take
GRACE_S: Final = 60  # how much longer than its time limit: to end a step, write the lines and give the reasons
MEMORY_CAP_MB: Final = 4096
TICK_MS, TELL_EVERY_MS, TERM_MS = 200, 250, 500

REFUSED, OUT_OF_MEMORY, TOO_LATE, KILLED, CRASHED = "refused", "out_of_memory", "too_late", "killed", "crashed"
SAID_REFUSED, SAID_OUT_OF_MEMORY = 2, 3
WANT_OF_MEMORY = ("MemoryError", "bad_alloc", "Cannot allocate memory")  # as Python, C++ and the system put it


class SolverFailed(RuntimeError):  # noqa: N818  named after what happened
    """The solver's process gave no result; `failure` is one of the codes above, the text what it said last."""

    def __init__(self, failure: str, said: str) -> None:
        self.failure = failure
        super().__init__(f"{failure}: {said}" if said else failure)


@dataclass(frozen=True)
class Limits:
    """What a solving may take. `workers` is the number of processors; no limit of memory on systems that know none."""

    time_limit_s: int | None = None
    memory_cap_mb: int = MEMORY_CAP_MB
    workers: int = 1
    patience_s: float = PATIENCE_S
    grace_s: float = GRACE_S

    @property
    def hard_stop_s(self) -> float:
        """When the process is ended from outside, in seconds after its start."""
        return self.patience_s if self.time_limit_s is None else self.time_limit_s + self.grace_s


USUAL: Final = Limits()


@dataclass(frozen=True)
class Answer:
    """What a solver found: a result file and its certificate file, not yet checked."""

    result: bytes
    certificate: bytes


class Run:
    """One solver's process as its starter sees it."""

    def __init__(self, child: subprocess.Popen[bytes], answer: BinaryIO, limits: Limits) -> None:
        assert child.stderr is not None, "the child's standard error is ours to read"
        self._child, self._answer, self._errors = child, answer, child.stderr
        self._until = time.monotonic() + limits.hard_stop_s
        self._unread, self._said = b"", deque[str](maxlen=20)

    def reports(self) -> Iterator[Progress | None]:
        """Several times a second the newest report since the last one, or None, until the process says no more."""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._errors, selectors.EVENT_READ)
            while True:
                self._refuse_if_late()
                is_readable = bool(waiting.select(TICK_MS / 1000))
                chunk = os.read(self._errors.fileno(), 1 << 16) if is_readable else b""
                if not chunk and (is_readable or self._child.poll() is not None):
                    return
                yield self._heard(chunk)

    def result(self) -> Answer:
        """What was found, once there are no more reports. Raises `SolverFailed` when nothing was."""
        while True:
            try:
                status = self._child.wait(TICK_MS / 1000)
                break
            except subprocess.TimeoutExpired:
                self._refuse_if_late()
        if status != 0:
            raise SolverFailed(_failure(status, self._last_words()), self._last_words())
        self._answer.seek(0)
        return Answer(self._answer.readline(), self._answer.read())

    def _refuse_if_late(self) -> None:
        if time.monotonic() > self._until:
            raise SolverFailed(TOO_LATE, "no result in time")

    def _heard(self, chunk: bytes) -> Progress | None:
        *lines, self._unread = (self._unread + chunk).split(b"\n")
        newest = None
        for line in lines:
            report = _report(line)
            newest = report or newest
            if report is None:
                self._said.append(line.decode(errors="replace"))
        return newest

    def _last_words(self) -> str:
        return " ".join((*self._said, self._unread.decode(errors="replace"))).strip()[-500:]


@contextmanager
def started(problem: bytes, limits: Limits = USUAL) -> Iterator[Run]:
    """A process that solves a problem file; leaving ends it, whatever it is doing."""
    command = [sys.executable, "-m", "matching.apart", "--parent", str(os.getpid())]
    command += ["--memory-cap", str(limits.memory_cap_mb), "--workers", str(limits.workers)]
    if limits.time_limit_s is not None:
        command += ["--time-limit", str(limits.time_limit_s)]
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as answer:
        given.write(problem)
        given.seek(0)
        child = subprocess.Popen(  # noqa: S603  our own module
            command,
            stdin=given,
            stdout=answer,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for whoever started it
        )
        try:
            yield Run(child, answer, limits)
        finally:
            _end(child)


def solve_apart(problem: bytes, limits: Limits = USUAL) -> Answer:
    """The result and the certificate for a problem file, solved in another process. Raises `SolverFailed`."""
    with started(problem, limits) as run:
        for _ in run.reports():
            pass
        return run.result()


def _end(child: subprocess.Popen[bytes]) -> None:
    """Terminates the process with all it may have started, then kills it; returns when it is gone."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, ending)
            with suppress(subprocess.TimeoutExpired):
                child.wait(TERM_MS / 1000 if ending == signal.SIGTERM else None)
    if child.stderr is not None:
        child.stderr.close()


def _failure(status: int, said: str) -> str:
    if status == SAID_OUT_OF_MEMORY or any(word in said for word in WANT_OF_MEMORY):
        return OUT_OF_MEMORY
    if status == SAID_REFUSED:
        return REFUSED
    return KILLED if status < 0 else CRASHED


def _report(line: bytes) -> Progress | None:
    """A line of standard error as a report, None when it is anything else."""
    if not line.startswith(b'{"stage"'):
        return None
    try:
        told = json.loads(line)
        return Progress(told["stage"], _goals(told["bound"]), _goals(told["best"]))
    except (ValueError, KeyError, TypeError):
        return None


def _goals(told: Sequence[int] | None) -> Goals | None:
    if told is None:
        return None
    compliance_t, voluntary_t, surplus_fen = told
    return int(compliance_t), int(voluntary_t), int(surplus_fen)


# --- inside the child -----------------------------------------------------------------------------------------------


class _Teller:
    """Writes reports to standard error: a change of stage at once, figures a few times a second."""

    def __init__(self) -> None:
        self._stage, self._told_at = "", time.monotonic()

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage == self._stage and now - self._told_at < TELL_EVERY_MS / 1000:
            return
        self._stage, self._told_at = progress.stage, now
        told = {"stage": progress.stage, "bound": _goals(progress.bound), "best": _goals(progress.best)}
        sys.stderr.write(json.dumps(told) + "\n")
        sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Standard input to standard output, within the limits that the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m matching.apart")
    parser.add_argument("--time-limit", type=int, help="seconds; the best checked result is written then")
    parser.add_argument("--workers", type=int, default=1, help="processors that may be used")
    parser.add_argument("--memory-cap", type=int, help="megabytes that may be used")
    parser.add_argument("--parent", type=int, help="the process to end with")
    given = parser.parse_args(arguments)
    if given.parent is not None:
        _end_with(given.parent)
    from matching.solver import (
        NotSolvable,
        solve_certified,
    )  # here, because whoever starts this needs no solver in memory

    try:
        if given.memory_cap is not None:
            _cap_memory(given.memory_cap)
        problem = read_problem(sys.stdin.buffer.read())
        limits = {"time_limit_s": given.time_limit, "workers": given.workers}
        result, certificate = solve_certified(problem, **limits, tell=_Teller())
        sys.stdout.buffer.write(write_result(result) + write_certificate(certificate))
        sys.stdout.flush()
    except (BadProblem, NotSolvable) as refused:
        sys.stderr.write(f"{refused}\n")
        return SAID_REFUSED
    except MemoryError:
        sys.stderr.write(f"more than {given.memory_cap} MB of memory were needed\n")
        return SAID_OUT_OF_MEMORY
    return 0


def _cap_memory(cap_mb: int) -> None:
    """Data counts, not addresses: threads and libraries reserve far more of those than they use.

    Raises MemoryError where more is in use already: a small round might need nothing beyond that and pass unnoticed.
    """
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > cap_mb * 2**10:
        raise MemoryError
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = cap_mb * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _end_with(parent: int) -> None:
    """Sees to it that this process ends when its parent does; on Linux the kernel does, even while a solver runs."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    else:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(TICK_MS / 1000)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
