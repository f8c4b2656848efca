"""A really served site with a fresh demo, and a real Chromium that complains about everything it should."""

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
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tanyi.kernel import cluster
from tests.browser.surfing import Site, Surfer

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
PATIENCE_S = 120
INSTALL = "These tests need Chromium: install it with `apt-get install chromium`, or run `make test`, which tries to."


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
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
            f"http://127.0.0.1:{port}", folder / "data", {name: row["password"] for name, row in accounts.items()}
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
    pytest.fail(f"the site did not come up: {(folder / 'site.log').read_text(encoding='utf8')[-2000:]}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium; closed with each module, since its event loop must not reach other tests."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def surfer(chromium: Browser, site: Site) -> Iterator[Callable[..., Surfer]]:
    """Makes visitors with a browser profile each; at the end none of them may have met anything wrong."""
    made: list[Surfer] = []

    def make(language: str = "zh", width: int = 1280, user: str | None = None) -> Surfer:
        made.append(Surfer(chromium, site, language, width))
        if user is not None:
            made[-1].sign_in(user)
        return made[-1]

    yield make
    complaints = [complaint for each in made for complaint in each.complaints]
    for each in made:
        each.close()
    assert complaints == []
