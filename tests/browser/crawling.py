"""A crawler that follows every link of the site as one role in one language, and notes what is wrong on the way.

It asks over HTTP, which is fast; what only a browser can tell is left to `inspecting`. Pages that are alike (the same
route, the same questions in the query) are visited at most `most` times, so that a thousand listings cost no more than
three; with `most` None every address is visited.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from playwright.sync_api import Browser

from tanyi.app.visitors import LOCALE_COOKIE
from tests.browser.languages import untranslated
from tests.browser.reading import Reading, faults, is_inside
from tests.browser.routes import page_routes, route_of, shape_of
from tests.browser.surfing import Site, Surfer

LANGUAGES = ("zh", "en")
STARTS = ("/", "/my")
THREADS = 3  # the server and its readers share two cores
MOST_ALIKE = 3
NOT_SO = 422  # the status of a form with a word beside the field that is wrong
SHOWN = 40
PUBLIC = "public"


@dataclass(frozen=True)
class Visitor:
    """Somebody who looks: the public, or a demo account with the cookies of its session."""

    role: str
    user: str | None
    cookies: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reached:
    """A page that was found."""

    visitor: Visitor
    language: str
    address: str
    route: str


@dataclass
class Crawl:
    """What one crawl found: pages, routes, and what is wrong."""

    visitor: Visitor
    language: str
    pages: list[Reached] = field(default_factory=list)
    routes: set[str] = field(default_factory=set)
    wrong: list[tuple[str, str]] = field(default_factory=list)  # (what, where)
    fragments: list[tuple[str, str, str]] = field(default_factory=list)  # (page, fragment, from)
    ids: dict[str, set[str]] = field(default_factory=dict)


def visitors_of(browser: Browser, site: Site) -> list[Visitor]:
    """The public, and the first demo account of each role, signed in by the browser as a person would."""
    found = [Visitor(PUBLIC, None)]
    for user, roles in site.roles.items():
        role = "+".join(roles)
        if role not in {visitor.role for visitor in found}:
            found.append(Visitor(role, user, session_of(browser, site, user)))
    return found


def session_of(browser: Browser, site: Site, user: str) -> tuple[tuple[str, str], ...]:
    """The cookies of somebody who has just signed in."""
    surfer = Surfer(browser, site, "zh", 1280)
    try:
        surfer.sign_in(user)
        return tuple((cookie["name"], cookie["value"]) for cookie in surfer.context.cookies())
    finally:
        surfer.close()


def crawl_all(site: Site, visitors: Iterable[Visitor], *, most: int | None = MOST_ALIKE) -> list[Crawl]:
    """A crawl for everybody in both languages."""
    pairs = [(visitor, language) for visitor in visitors for language in LANGUAGES]
    page_routes()  # the application is put together once, before there are threads
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(lambda pair: crawl(site, *pair, most=most), pairs))


def client_of(site: Site, visitor: Visitor, language: str) -> httpx.Client:
    """A reader without a cookie jar: whatever answers set, the next question is asked by the same person."""
    cookies = dict(visitor.cookies) | {LOCALE_COOKIE: language}
    headers = {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    return httpx.Client(base_url=site.url, headers=headers, timeout=30)


@dataclass(frozen=True)
class Visited:
    """One answer on the way: `page` where it is a page; `is_question`: a form led here, which may say "not so"."""

    address: str
    source: str
    answer: Any
    is_question: bool = False
    page: Reading | None = None

    @property
    def target(self) -> str | None:
        """Where a redirection leads."""
        return urljoin(self.address, self.answer.headers["location"]) if self.answer.is_redirect else None

    @property
    def is_dead(self) -> bool:
        """Whether a link led to nothing."""
        status = self.answer.status_code
        return route_of(self.address) is None or (status >= 400 and not (self.is_question and status == NOT_SO))


def walk(client: httpx.Client, url: str, *, most: int | None) -> Iterator[Visited]:
    """Follows links and questions until nothing new is found; every answer on the way."""
    waiting = deque((urljoin(url, start), "the start", False) for start in STARTS)
    seen, alike = {address for address, _, _ in waiting}, Counter[object]()
    while waiting:
        address, source, is_question = waiting.popleft()
        alike[shape_of(address)] += 1
        if most is not None and alike[shape_of(address)] > most:
            continue
        visited = _visit(client, address, source, is_question)
        yield visited
        for found, is_asked in _ways_on(visited):
            if is_inside(found, url) and found not in seen:
                seen.add(found)
                waiting.append((found, address, is_asked))


def _visit(client: httpx.Client, address: str, source: str, is_question: bool) -> Visited:
    answer = client.get(address, follow_redirects=False)
    client.cookies.clear()
    visited = Visited(address, source, answer, is_question)
    is_page = answer.headers.get("content-type", "").startswith("text/html") and not visited.is_dead
    return replace(visited, page=Reading(answer.text, address)) if is_page and not answer.is_redirect else visited


def _ways_on(visited: Visited) -> Iterator[tuple[str, bool]]:
    if visited.target is not None:
        yield visited.target.partition("#")[0], False
    if visited.page is not None:
        yield from ((link, False) for link in [*visited.page.loads(), *visited.page.leads_to()])
        yield from ((question, True) for question in visited.page.asks())


def crawl(site: Site, visitor: Visitor, language: str, *, most: int | None) -> Crawl:
    """Walks the site as one visitor in one language and notes what is wrong."""
    done = Crawl(visitor, language)
    with client_of(site, visitor, language) as client:
        for visited in walk(client, site.url, most=most):
            _note(done, visited, site.url)
    done.wrong += [
        (f"#{fragment} is not on {page}", source)
        for page, fragment, source in done.fragments
        if page in done.ids and fragment not in done.ids[page]
    ]
    return done


def _note(done: Crawl, visited: Visited, url: str) -> None:
    address, route = visited.address, route_of(visited.address)
    if visited.is_dead or route is None:
        done.wrong.append((f"a dead link: {visited.answer.status_code}", f"{address} from {visited.source}"))
        return
    done.routes.add(route)
    if visited.target is not None and not is_inside(visited.target, url):
        done.wrong.append((f"leads away to {visited.target}", address))
    if visited.page is not None:
        done.pages.append(Reached(done.visitor, done.language, address, route))
        page = visited.page
        wrong = [*faults(page), *untranslated(page, done.language), *_links_of_other_kinds(page, url)]
        done.wrong += [(what, address) for what in wrong]
        _note_fragments(done, page)


def _links_of_other_kinds(page: Reading, url: str) -> list[str]:
    loaded = [f"loads {file}" for file in page.loads() if not is_inside(file, url)]
    kinds = {"http", "https", "mailto", "tel"}
    return loaded + [
        f"a link of another kind: {link[:80]}" for link in page.leads_to() if urlsplit(link).scheme not in kinds
    ]


def _note_fragments(done: Crawl, page: Reading) -> None:
    done.ids[page.address] = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    for attributes in page.all("a"):
        whole, _, fragment = urljoin(page.address, attributes.get("href", "")).partition("#")
        if fragment:
            done.fragments.append((whole, fragment, page.address))


def told(crawls: Iterable[Crawl]) -> list[str]:
    """What is wrong, each thing once with the first place and how often it was seen, the most frequent first."""
    places: dict[str, list[str]] = {}
    for done in crawls:
        for what, where in done.wrong:
            places.setdefault(what, []).append(f"{done.visitor.role} {done.language} {where}")
    rows = sorted(places.items(), key=lambda row: -len(row[1]))
    return [f"{what} ({len(seen)}×, first {seen[0]})" for what, seen in rows[:SHOWN]]


def unreached(crawls: Iterable[Crawl]) -> set[str]:
    """The routes of pages that no crawl came to."""
    return page_routes() - {route for done in crawls for route in done.routes}


def one_of_each(crawls: Iterable[Crawl]) -> dict[str, Reached]:
    """For each route that shows a page the first address that somebody reached, the public before others."""
    found: dict[str, Reached] = {}
    for done in crawls:
        for page in done.pages:
            found.setdefault(page.route, page)
    return found
