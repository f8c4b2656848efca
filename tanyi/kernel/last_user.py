"""Waits beside the embedded server until nobody uses it any more, and stops it then.

A process that is killed, or whose terminal is closed, cannot say goodbye. This one is started with the server, waits on
the lock that every user holds, and so is woken by the kernel when the last of them is gone, however it went. It uses no
processor time while it waits, and nothing depends on it: without it the next user to leave stops the server.
"""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

from tanyi.kernel import embedded


def wait_and_stop(folder: Path) -> None:
    """Returns when the server of this folder is not running, or the folder is gone."""
    while True:
        try:
            with (folder / embedded.USERS_LOCK).open("rb") as users:
                fcntl.flock(users, fcntl.LOCK_EX)
            with (folder / embedded.START_LOCK).open("rb") as alone:  # never created here: the folder may be going
                fcntl.flock(alone, fcntl.LOCK_EX)
                if embedded.stop_if_unused(folder):
                    return
        except (OSError, embedded.EmbeddedServerFailed):
            return


if __name__ == "__main__":
    wait_and_stop(Path(sys.argv[1]))
