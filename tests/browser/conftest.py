"""A really served site with a fresh demo, and a real Chromium that complains about everything it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.serving import launched_chromium, served_demo
from tests.browser.surfing import Site, Surfer


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """The demo on a free port with a data folder of its own; everything is gone afterwards."""
    with served_demo() as served:
        yield served


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium; closed with each module, since its event loop must not reach other tests."""
    with launched_chromium() as browser:
        yield browser


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
