"""The worker: takes closed rounds from the queue, solves them apart, and keeps what the checker passes.

It holds no transaction while the solver thinks; twice a second it writes its heartbeat and what the solver told, and
reads whether somebody cancelled. Any number of workers may run: the queue gives each solving to one. Told to stop, it
ends its solver and puts the solving back; killed, its solver ends with it, and the next worker ends its solving.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from matching import apart, rounds, solving
from matching.apart import SolverFailed
from matching.certificate import BadCertificate
from matching.problem import BadResult
from matching.progress import Progress
from tanyi.app.installation import Installation
from tanyi.kernel.errors import Unavailable
from tanyi.kernel.lifecycle import WrongState

IDLE_S: Final = 0.5
BEAT_S: Final = 0.5
AFTER_TROUBLE_S: Final = 2.0
PATIENCE_S: Final = (0.5, 1, 2, 4)  # between the attempts to end a solving; together less than a heartbeat may be late
MOST_PROCESSORS: Final = 2

Ending = Callable[..., object]  # a verb of `solving` that ends one


@dataclass
class Worker:
    """One worker of an installation. `parent`, if given, is the process without which it has no reason to run."""

    house: Installation
    memory_cap_mb: int = apart.MEMORY_CAP_MB
    processors: int = MOST_PROCESSORS
    say: Callable[[str], None] = print
    parent: int | None = None
    _is_told: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Tells the worker to go home; it does so within a second. May be called by a signal's handler."""
        self._is_told.set()

    def run(self) -> None:
        """Works until it is told to stop. A database that does not answer is asked again."""
        while not self._is_stopping():
            try:
                pause_s = 0.0 if self.solve_next() else IDLE_S
            except Unavailable as down:
                self.say(f"worker: {down}")
                pause_s = AFTER_TROUBLE_S
            self._is_told.wait(pause_s)

    def solve_next(self) -> bool:
        """Solves the round that waits longest; False when none does."""
        with self.house.open_work() as work:
            for solving_id in solving.recover(work):
                self.say(f"worker: solving {solving_id} was left behind by a worker that is heard no more")
            task = solving.take(work, memory_cap_mb=self.memory_cap_mb)
        if task is None:
            return False
        ending, said = self._solved(task)
        try:
            self._conclude(task, ending, **said)
        except (rounds.CheckFailed, BadResult, BadCertificate) as wrong:
            self.say(f"worker: round {task.number}: {wrong}")
            self._conclude(task, solving.fail, failure=solving.CHECK_FAILED)
        except WrongState:  # somebody else solved the round, or this solving was ended as lost
            with suppress(WrongState):
                self._conclude(task, solving.fail, failure=solving.OVERTAKEN)
        return True

    def _solved(self, task: solving.Task) -> tuple[Ending, dict[str, Any]]:
        """Runs the solver to its end; gives the verb that ends the solving, and what to tell it."""
        limits = apart.Limits(task.time_limit_s, self.memory_cap_mb, self.processors)
        try:
            with apart.started(task.problem, limits) as run:
                ending = self._watched(run, task)
                return (solving.finish, {"answer": run.result()}) if ending is None else (ending, {})
        except (SolverFailed, OSError) as failed:  # a full disk too is a reason why there is no result
            self.say(f"worker: round {task.number}: {failed}")
            return solving.fail, {"failure": failed.failure if isinstance(failed, SolverFailed) else apart.CRASHED}

    def _watched(self, run: apart.Run, task: solving.Task) -> Ending | None:
        """Follows a solver until it says no more (None) or has to stop (the verb that ends its solving)."""
        newest, next_beat_at = None, 0.0
        for report in run.reports():
            newest = report or newest
            if self._is_stopping():
                return solving.give_back
            if time.monotonic() >= next_beat_at:
                next_beat_at = time.monotonic() + BEAT_S
                if not self._beat(task, newest):
                    return solving.stop
        return None if self._beat(task, newest) else solving.stop

    def _beat(self, task: solving.Task, newest: Progress | None) -> bool:
        """False when nobody wants the result any more. A database that is down now may be up again at the next beat."""
        try:
            with self.house.open_work() as work:
                return solving.beat(work, solving_id=task.solving_id, progress=newest)
        except Unavailable:
            return True

    def _conclude(self, task: solving.Task, ending: Ending, **said: Any) -> None:
        """Ends the solving. What took minutes to find is not thrown away because a lock or the database keeps us waiting."""
        for pause_s in (*PATIENCE_S, None):
            try:
                with self.house.open_work() as work:
                    ending(work, solving_id=task.solving_id, **said)
                return
            except Unavailable:
                if pause_s is None:
                    raise
                time.sleep(pause_s)

    def _is_stopping(self) -> bool:
        return self._is_told.is_set() or (self.parent is not None and os.getppid() != self.parent)
