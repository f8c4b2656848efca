"""Serving the site with granian, in front of the factory's application, with a worker beside it."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final

import rich_click as click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server as Granian

from tanyi.app.installation import Installation
from tanyi.kernel.errors import N_, Conflict

WORKER: Final = (sys.executable, "-c", "from tanyi.app.cli import main; main()", "worker")
LOOK_S: Final = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
STOPPED_WITHIN_S: Final = 10


class PortTaken(Conflict):
    """Something else listens on the port."""

    code = "app.port_taken"
    message = N_("Port %(port)s is in use. Stop what runs there, or choose another with --port.")


def refuse_unless_free(port: int, host: str = "127.0.0.1") -> None:
    """Refuses a port that is taken before any work is done."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as wrong:
            if wrong.errno != errno.EADDRINUSE:
                raise
            raise PortTaken(port=port) from wrong


def serve_house(house: Installation, port: int, host: str = "127.0.0.1", *, with_worker: bool = True) -> None:
    """Serves until it is interrupted. Its processes open the same installation by its data folder."""
    os.environ["TANYI_DATA"] = str(house.settings.data)
    os.environ.setdefault("TANYI_PUBLIC_URL", f"http://127.0.0.1:{port}")  # certificates name their public page
    house.database.close()  # the server's process opens its own connections
    click.echo(f"http://{host}:{port}  (Ctrl-C ends it)", err=True)
    with worker_beside() if with_worker else nullcontext():
        Granian(
            "tanyi.app.factory:application",
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            factory=True,
            workers=1,
            log_access=False,
            log_level=LogLevels.warning,
        ).serve()


@contextmanager
def worker_beside() -> Iterator[None]:
    """Keeps one `tanyi worker` running: started again when it dies, stopped on leaving."""
    leaving = threading.Event()
    keeper = threading.Thread(target=_keep_one_running, args=(leaving,), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        leaving.set()
        keeper.join()


def _keep_one_running(leaving: threading.Event) -> None:
    pause_s = FIRST_PAUSE_S
    while not leaving.is_set():
        started = time.monotonic()
        # in a session of its own, so that Ctrl-C reaches only us and nobody starts it again while we leave
        worker = subprocess.Popen([*WORKER, "--parent", str(os.getpid())], start_new_session=True)  # noqa: S603  ours
        while worker.poll() is None and not leaving.wait(LOOK_S):
            pass
        if leaving.is_set():
            _stop(worker)
            return
        if time.monotonic() - started > LONGEST_PAUSE_S:  # it worked well for a while
            pause_s = FIRST_PAUSE_S
        click.echo(f"worker: ended with status {worker.returncode}, starts again in {pause_s:.0f} s", err=True)
        leaving.wait(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
