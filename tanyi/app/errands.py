"""Errands: what has to be done from time to time beside the site, in whichever process keeps the worker.

Messages leave; what nobody decided in time lapses; what was approved and interrupted is completed; who has a deadline near
is reminded. Each errand may be run by several processes at once and again after a crash.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError

from tanyi.app import approved_acts, post
from tanyi.app.installation import Installation
from tanyi.kernel import approval_book, approvals, notices, tasks
from tanyi.kernel.errors import Refusal

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0
SLOW_S: Final = 30.0
MOST_MESSAGES: Final = 200  # at one go, so that the other errands have their turn


def send_messages(house: Installation) -> None:
    """Lets everything leave that is due."""
    for _ in range(MOST_MESSAGES):
        if not post.send_next(house):
            return


def lapse_approvals(house: Installation) -> None:
    """Ends what nobody decided in time."""
    with house.open_work() as work:
        approvals.lapse_overdue(work)


def complete_acts(house: Installation) -> None:
    """Completes what was approved and interrupted; one that cannot be completed now holds up no other."""
    with house.open_reader() as reader:
        numbers = [row.number for row in approval_book.begun(reader)]
    for number in numbers:
        try:
            approved_acts.complete(house, number)
        except Refusal as refusal:
            log.warning("approval %s is not completed: %s", number, refusal.code)


def remind(house: Installation) -> None:
    """Reminds once of every open task whose day is near."""
    with house.open_work() as work:
        notices.tell(work, notes=[_reminder(task) for task in tasks.take_reminders(work)])


def _reminder(task: tasks.Task) -> notices.Note:
    assert task.due_on is not None, "only what has a day is near"
    facts = {"task_kind": task.kind, "subject": task.subject, "due_on": task.due_on.isoformat()}
    return notices.Note(
        organisation_id=task.organisation_id,
        kind="task.due_soon",
        address=task.address,
        facts=facts,
        right=task.needs,
    )


SLOW: Final[tuple[Callable[[Installation], None], ...]] = (lapse_approvals, complete_acts, remind)


def run_all(house: Installation) -> None:
    """Every errand once; the messages last, since the others may write some."""
    for errand in (*SLOW, send_messages):
        errand(house)


@contextmanager
def beside(house: Installation, say: Callable[[str], None]) -> Iterator[None]:
    """Runs the errands in a thread until leaving."""
    leaving = threading.Event()
    runner = threading.Thread(target=_run, args=(house, say, leaving), name="errands", daemon=True)
    runner.start()
    try:
        yield
    finally:
        leaving.set()
        runner.join()


def _run(house: Installation, say: Callable[[str], None], leaving: threading.Event) -> None:
    slow_at = 0.0
    while not leaving.is_set():
        try:
            send_messages(house)
            if time.monotonic() >= slow_at:
                slow_at = time.monotonic() + SLOW_S
                for errand in SLOW:
                    errand(house)
        except (
            Refusal,
            DBAPIError,
            OSError,
        ) as trouble:  # a database that is down now may be up again at the next look
            say(f"errands: {type(trouble).__name__}")
        leaving.wait(LOOK_S)
