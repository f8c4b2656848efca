"""`python -m benchmarks.site`: serves the demo, and prints for every kind of page how fast and how heavy it is.

The same crawler as the tests' finds the pages, so that a new page is measured without being listed. The weight is what a
browser with an empty cache receives on the first visit, with style sheets, scripts and drawings, as it is sent.
"""

from __future__ import annotations

import statistics

from playwright.sync_api import Browser

from tests.browser.crawling import Reached, crawl_all, one_of_each, visitors_of
from tests.browser.inspecting import MOST_BYTES, Inspector
from tests.browser.serving import launched_chromium, served_demo
from tests.browser.surfing import Site
from tests.browser.timing import LIMIT_MS, timed


def weights(browser: Browser, site: Site, pages: dict[str, Reached]) -> dict[str, int]:
    """Bytes of a first visit by route."""
    found = {}
    for route, page in pages.items():
        inspector = Inspector(browser, site, page, page.language, 1280)
        found[route] = inspector.weigh(page.address)
        inspector.close()
    return found


def main() -> int:
    """Prints the table; 0 if every page keeps to both limits."""
    with launched_chromium() as browser, served_demo() as site:
        pages = one_of_each(crawl_all(site, visitors_of(browser, site), most=1))
        heavy = weights(browser, site, pages)
        rows = timed(site, pages.values())
    print(f"{'page':<36}{'as':<12}{'p50 ms':>8}{'p95 ms':>8}{'page kB':>9}{'first visit kB':>16}")
    for row in rows:
        sizes = f"{row.page_bytes / 1000:>9.1f}{heavy[row.route] / 1000:>16.1f}"
        print(f"{row.route:<36}{row.role:<12}{row.p50_ms:>8.1f}{row.p95_ms:>8.1f}{sizes}")
    slow = [row.route for row in rows if row.p95_ms > LIMIT_MS]
    too_heavy = [route for route, weight_bytes in heavy.items() if weight_bytes > MOST_BYTES]
    print(f"median of p95: {statistics.median(row.p95_ms for row in rows):.1f} ms")
    print(
        f"above {LIMIT_MS} ms: {', '.join(slow) or 'none'}; above {MOST_BYTES // 1000} kB: {', '.join(too_heavy) or 'none'}"
    )
    return 1 if slow or too_heavy else 0


if __name__ == "__main__":
    raise SystemExit(main())
