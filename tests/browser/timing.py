"""How long the server takes for each kind of page: the same address again and again, one request at a time."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

from tests.browser.crawling import Reached, client_of
from tests.browser.surfing import Site

REQUESTS = 20
LIMIT_MS, NEVER_MS = 100, 400


@dataclass(frozen=True)
class Timed:
    """Half of the answers came within `p50_ms`, 95 of 100 within `p95_ms`; `page_bytes` is the page alone as it was sent."""

    route: str
    role: str
    p50_ms: float
    p95_ms: float
    page_bytes: int


def timed(site: Site, pages: Iterable[Reached], requests: int = REQUESTS) -> list[Timed]:
    """The times of pages, the slowest first; the first request of each is not counted."""
    found = [_timed(site, page, requests) for page in pages]
    return sorted(found, key=lambda row: -row.p95_ms)


def _timed(site: Site, page: Reached, requests: int) -> Timed:
    took_ms, page_bytes = [], 0
    with client_of(site, page.visitor, page.language) as client:
        client.get(page.address)
        for _ in range(requests):
            began = time.perf_counter()
            with client.stream("GET", page.address) as answer:
                page_bytes = sum(map(len, answer.iter_raw()))
            took_ms.append((time.perf_counter() - began) * 1000)
    took_ms.sort()
    highest = took_ms[math.ceil(0.95 * len(took_ms)) - 1]
    return Timed(page.route, page.visitor.role, statistics.median(took_ms), highest, page_bytes)
