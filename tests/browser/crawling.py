"""A crawler that follows every link of the site as one role in one language, and notes what is wrong on the way.

It asks over HTTP, which is fast; what only a browser can tell is left to `inspecting`. Pages that are alike (the same
route, the same questions in the query) are visited at most `most` times, so that a thousand listings cost no more than
three; with `most` None every address is visited.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx
from playwright.sync_api import Browser

from tanyi.app.security import LOCALE_COOKIE
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
    """What one crawl found: pages, what is wrong, and how long the server took for each answer."""

    visitor: Visitor
    language: str
    pages: list[Reached] = field(default_factory=list)
    routes: set[str] = field(default_factory=set)
    wrong: list[tuple[str, str]] = field(default_factory=list)  # (what, where)
    seconds: dict[str, float] = field(default_factory=dict)
    refused: set[tuple[str, int]] = field(default_factory=set)  # questions that a form may answer with "not so"
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


def crawl(site: Site, visitor: Visitor, language: str, *, most: int | None) -> Crawl:
    """Follows links until nothing new is found."""
    done = Crawl(visitor, language)
    waiting = deque((urljoin(site.url, start), "the start") for start in STARTS)
    seen, alike = {address for address, _ in waiting}, Counter[object]()
    with client_of(site, visitor, language) as client:
        while waiting:
            address, source = waiting.popleft()
            shape = shape_of(address)
            if most is not None and alike[shape] >= most:
                continue
            alike[shape] += 1
            for found in _visit(done, client, site, address, source):
                if found not in seen:
                    seen.add(found)
                    waiting.append((found, address))
    done.wrong += [
        (f"#{fragment} is not on {page}", source)
        for page, fragment, source in done.fragments
        if page in done.ids and fragment not in done.ids[page]
    ]
    return done


def _visit(done: Crawl, client: httpx.Client, site: Site, address: str, source: str) -> Iterator[str]:
    """Asks for one address; gives the addresses of this site that it leads to."""
    began = time.perf_counter()
    answer = client.get(address)
    client.cookies.clear()
    done.seconds[address] = time.perf_counter() - began
    route = route_of(address)
    if route is None or (answer.status_code >= 400 and (address, answer.status_code) not in done.refused):
        done.wrong.append((f"a dead link: {answer.status_code}", f"{address} from {source}"))
        return
    done.routes.add(route)
    if answer.is_redirect:
        target = urljoin(address, answer.headers["location"])
        done.wrong += [] if is_inside(target, site.url) else [(f"leads away to {target}", address)]
        yield from [target.partition("#")[0]] if is_inside(target, site.url) else []
        return
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return
    page = Reading(answer.text, address)
    done.pages.append(Reached(done.visitor, done.language, address, route))
    done.wrong += [(what, address) for what in [*faults(page), *untranslated(page, done.language)]]
    yield from _ways_out(done, page, site)


def _ways_out(done: Crawl, page: Reading, site: Site) -> Iterator[str]:
    """The links and files of a page; what is outside is noted."""
    done.ids[page.address] = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    for loaded in page.loads():
        if is_inside(loaded, site.url):
            yield loaded
        else:
            done.wrong.append((f"loads {loaded}", page.address))
    for tag, attributes in page.tags:
        target = urljoin(page.address, attributes.get("href", "")) if tag == "a" else ""
        if target and "#" in target and is_inside(target, site.url):
            whole, _, fragment = target.partition("#")
            done.fragments.append((whole, fragment, page.address))
    done.refused |= {(question, NOT_SO) for question in page.asks()}
    for link in [*page.leads_to(), *page.asks()]:
        if is_inside(link, site.url):
            yield link
        elif urlsplit(link).scheme not in ("http", "https", "mailto", "tel"):
            done.wrong.append((f"a link of another kind: {link[:80]}", page.address))


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
