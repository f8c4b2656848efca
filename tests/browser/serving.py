"""The demo really served on a free port, and the machine's own Chromium: for the browser tests and the benchmark."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tanyi.kernel import cluster
from tests.browser.surfing import Site

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
PATIENCE_S = 120
INSTALL = "These tests need Chromium: install it with `apt-get install chromium`, or run `make test`, which tries to."


class NothingServed(RuntimeError):  # noqa: N818  named after what is wrong
    """The demo did not come up, or there is no browser to look at it."""


@contextmanager
def served_demo() -> Iterator[Site]:
    """The demo on a free port with a data folder of its own; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tanyi-site-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "site.log").open("wb")
    command = [sys.executable, "-c", "from tanyi.app.cli import main; main()", "demo", "--port", str(port)]
    served = subprocess.Popen([*command, "--data", str(folder / "data")], stdout=log, stderr=log)
    try:
        _wait_until_up(served, port, folder)
        accounts = json.loads((folder / "data" / "demo-accounts.json").read_text(encoding="utf8"))
        yield Site(
            f"http://127.0.0.1:{port}",
            folder / "data",
            {name: row["password"] for name, row in accounts.items()},
            {name: tuple(sorted(row["roles"])) for name, row in accounts.items()},
        )
    finally:
        served.send_signal(signal.SIGINT)
        served.wait(timeout=30)
        log.close()
        assert cluster.postmaster(folder / "data") is None, "the site's database still runs"
        shutil.rmtree(folder)


def _wait_until_up(served: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and served.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2)
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        else:
            return
    said = (folder / "site.log").read_text(encoding="utf8")[-2000:]
    raise NothingServed(f"the site did not come up: {said}")


@contextmanager
def launched_chromium() -> Iterator[Browser]:
    """The machine's own Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise NothingServed(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
