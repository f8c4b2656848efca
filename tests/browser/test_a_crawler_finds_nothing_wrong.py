"""Every page that a link leads to, as every role, in both languages: nothing dead, nothing foreign, nothing unusable.

Pages are found, not listed: a new page is held to all of this as soon as a link leads to it, and a page that no link leads
to fails until it is written down with its reason. `make test` looks at some pages of each kind; `make gate` at all.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.crawling import Crawl, Reached, Visitor, crawl_all, one_of_each, told, unreached, visitors_of
from tests.browser.inspecting import Inspector
from tests.browser.surfing import Site
from tests.browser.timing import LIMIT_MS, NEVER_MS, timed

# Pages that no link leads to in the demo, each with the reason why that is right.
NOT_LINKED: dict[str, str] = {}
LOOKS = (("zh", 390), ("en", 1280))
OTHER_LOOKS = (("zh", 1280), ("en", 390))


@pytest.fixture(scope="module")
def visitors(chromium: Browser, site: Site) -> list[Visitor]:
    """The public and one signed-in demo account of each role."""
    return visitors_of(chromium, site)


@pytest.fixture(scope="module")
def crawls(site: Site, visitors: list[Visitor]) -> list[Crawl]:
    """A crawl over some pages of each kind for everybody in both languages."""
    return crawl_all(site, visitors)


def inspected(
    browser: Browser, site: Site, looks: Iterable[tuple[Reached, str, int]], *, thoroughly: bool
) -> list[str]:
    """What a browser finds wrong with pages, each with a language and a width."""
    wrong: dict[str, str] = {}
    profiles: dict[tuple[str, str, int], Inspector] = {}
    try:
        for seen, language, width in looks:
            key = (seen.visitor.role, language, width)
            if key not in profiles:
                profiles[key] = Inspector(browser, site, seen, language, width)
            for what in profiles[key].look_at(seen.address, seen.route, thoroughly=thoroughly):
                wrong.setdefault(f"{what} at {seen.route}", f"{seen.address} as {seen.visitor.role} {language} {width}")
    finally:
        for profile in profiles.values():
            profile.close()
    return [f"{what}: {where}" for what, where in wrong.items()]


def every_role(crawls: list[Crawl]) -> Iterator[tuple[Reached, str, int]]:
    """Each route once for each role that reaches it, in both languages and at both widths by turns."""
    firsts = {
        page.visitor.role: one_of_each([each for each in crawls if each.visitor == page.visitor])
        for done in crawls
        for page in done.pages[:1]
    }
    for number, pages in enumerate(firsts.values()):
        for seen in pages.values():
            for language, width in (*LOOKS, *(OTHER_LOOKS if number == 0 else ())):
                yield seen, language, width


def test_every_role_and_the_public_have_pages_of_their_own(crawls: list[Crawl]) -> None:
    reached = {(done.visitor.role, done.language): len(done.routes) for done in crawls}
    assert min(reached.values()) >= 8, reached
    assert {language for _, language in reached} == {"zh", "en"}
    assert len({role for role, _ in reached}) >= 7


def test_no_link_is_dead_and_no_text_is_foreign(crawls: list[Crawl]) -> None:
    wrong = told(crawls)
    assert not wrong, "\n".join(wrong)


def test_every_page_is_reached_by_a_link_or_has_a_reason(crawls: list[Crawl]) -> None:
    assert unreached(crawls) == set(NOT_LINKED)


def test_the_language_follows_the_visitor_on_every_page(crawls: list[Crawl]) -> None:
    routes = {
        language: {page.route for done in crawls if done.language == language for page in done.pages}
        for language in ("zh", "en")
    }
    assert routes["zh"] == routes["en"]


def test_a_browser_finds_every_kind_of_page_usable(chromium: Browser, site: Site, crawls: list[Crawl]) -> None:
    pages = one_of_each(crawls).values()
    looks = [(page, *LOOKS[number % 2]) for number, page in enumerate(pages)]
    wrong = inspected(chromium, site, looks, thoroughly=False)
    assert not wrong, "\n".join(wrong)


def test_the_server_answers_within_a_tenth_of_a_second(site: Site, crawls: list[Crawl]) -> None:
    rows = timed(site, one_of_each(crawls).values())
    shown = "\n".join(f"{row.route:<32} p50 {row.p50_ms:6.1f} ms  p95 {row.p95_ms:6.1f} ms" for row in rows)
    print(shown)
    assert statistics.median(row.p95_ms for row in rows) <= LIMIT_MS, shown
    assert rows[0].p95_ms <= NEVER_MS, shown  # far from the aim of LIMIT_MS, since other programs may run beside


@pytest.mark.gate
def test_no_link_of_the_whole_site_is_dead(site: Site, visitors: list[Visitor]) -> None:
    wrong = told(crawl_all(site, visitors, most=None))
    assert not wrong, "\n".join(wrong)


@pytest.mark.gate
def test_a_browser_finds_every_page_usable_as_every_role(chromium: Browser, site: Site, crawls: list[Crawl]) -> None:
    wrong = inspected(chromium, site, every_role(crawls), thoroughly=True)
    assert not wrong, "\n".join(wrong)
