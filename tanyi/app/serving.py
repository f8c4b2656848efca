"""Serving the site with granian, in front of the factory's application."""

from __future__ import annotations

import errno
import os
import socket

import rich_click as click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server as Granian

from tanyi.app.installation import Installation
from tanyi.kernel.errors import N_, Conflict


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


def serve_house(house: Installation, port: int, host: str = "127.0.0.1") -> None:
    """Serves until it is interrupted. The worker process opens the same installation by its data folder."""
    os.environ["TANYI_DATA"] = str(house.settings.data)
    os.environ.setdefault("TANYI_PUBLIC_URL", f"http://127.0.0.1:{port}")  # certificates name their public page
    house.database.close()  # the worker opens its own connections
    click.echo(f"http://{host}:{port}  (Ctrl-C ends it)", err=True)
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
