"""The embedded PostgreSQL: a real server that lives in the data folder and needs no administrator.

Two lock files of the data folder carry the whole protocol, and the kernel drops the locks when a process dies in any
way: `.postgres.lock` is held alone while somebody starts or stops the server; `.postgres.users` is held shared by every
process that uses it. Who leaves and can hold the second alone was the last one, and stops the server; for users who
were killed, the process of `last_user` does so. The server listens on a socket only, inside a folder that is closed to
other people of the machine; whoever may open it is trusted.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tanyi.kernel import cluster
from tanyi.kernel.cluster import EmbeddedServerFailed

START_LOCK = ".postgres.lock"
USERS_LOCK = ".postgres.users"
LOCK_SECONDS = 120.0


@dataclass(slots=True)
class _Use:
    """This process's hold on one server: its shared lock, and how many times `start` was called."""

    users: BinaryIO
    count: int = 0


_uses: dict[Path, _Use] = {}
_watchers: list[subprocess.Popen[bytes]] = []  # kept only to be reaped


def start(folder: Path, *, parameters: Mapping[str, str] | None = None) -> str:
    """Starts the server of the data folder, or joins the one that runs, and returns the owner's database URL.

    The folder must exist. `parameters` are further server parameters, heeded only by the call that really starts it.
    Each `start` wants one `stop`; a process that ends without it is counted out all the same.
    Refuses with `EmbeddedServerFailed`.
    """
    folder = folder.resolve()
    with _alone(folder):
        use = _uses.get(folder) or _Use(_locked(folder / USERS_LOCK, fcntl.LOCK_SH, folder))
        try:
            url = _ensure_running(folder, parameters or {})
        except BaseException:
            if not use.count:
                use.users.close()
            raise
        use.count += 1
        _uses[folder] = use
    return url


def revive(folder: Path) -> None:
    """Starts the server again when it died under this process, which keeps the use it has. Else changes nothing."""
    folder = folder.resolve()
    with _alone(folder):
        if folder in _uses:
            _ensure_running(folder, {})


def stop(folder: Path) -> None:
    """Gives back one `start`; the last user of the last process stops the server and waits until it is gone."""
    folder = folder.resolve()
    with _alone(folder):
        use = _uses.get(folder)
        if use is None:
            return
        use.count -= 1
        if use.count:
            return
        del _uses[folder]
        with use.users:
            _shut_down_if_alone(folder, use.users)


def stop_if_unused(folder: Path) -> bool:
    """Stops the server unless some process uses it; True when none does. Only while holding the start lock."""
    with (folder / USERS_LOCK).open("rb") as users:
        return _shut_down_if_alone(folder, users)


def stop_abandoned(folder: Path) -> bool:
    """Stops a server whose users all died without a word; True when nobody uses it."""
    folder = folder.resolve()
    with _alone(folder):
        return not (folder / USERS_LOCK).exists() or stop_if_unused(folder)


@atexit.register
def _leave_all() -> None:
    for folder in list(_uses):
        _uses[folder].count = 1
        with suppress(OSError, EmbeddedServerFailed):
            stop(folder)


# --- locks ----------------------------------------------------------------------------------------------------------


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with _locked(folder / START_LOCK, fcntl.LOCK_EX, folder):
        yield


def _locked(path: Path, kind: int, folder: Path) -> BinaryIO:
    """An open file that holds the lock until it is closed, by us or by the kernel when this process dies."""
    try:
        handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    except OSError as error:
        raise EmbeddedServerFailed(folder=str(folder), reason=f"{path.name}: {error.strerror}") from error
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() > deadline:
                handle.close()
                reason = "another process has been starting or stopping it for two minutes"
                raise EmbeddedServerFailed(folder=str(folder), reason=reason) from None
            time.sleep(0.02)


def _shut_down_if_alone(folder: Path, users: BinaryIO) -> bool:
    """Turns the lock on `users`, shared or none, into one held alone; Linux lets nobody slip in between."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    cluster.shut_down(folder)
    return True


def _use_in_forked_child() -> None:
    """A forked child shares its parent's locks until it takes its own; then either may leave first."""
    for folder, use in _uses.items():
        with use.users:
            use.users = _locked(folder / USERS_LOCK, fcntl.LOCK_SH, folder)


os.register_at_fork(after_in_child=_use_in_forked_child)


def _ensure_running(folder: Path, parameters: Mapping[str, str]) -> str:
    url, is_new = cluster.ensure_running(folder, parameters)
    if is_new:
        _watchers[:] = [watcher for watcher in _watchers if watcher.poll() is None] + [_watch_for_last_user(folder)]
    return url


def _watch_for_last_user(folder: Path) -> subprocess.Popen[bytes]:
    """Starts `last_user` as a process outside our session, so that Ctrl-C does not reach it."""
    return subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, "-m", "tanyi.kernel.last_user", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        start_new_session=True,
    )
