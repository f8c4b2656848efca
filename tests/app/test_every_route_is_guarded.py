"""From the live route table: no form without its token, no answer without its headers, no other host, no way outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest

from tanyi.app.security import ANONYMOUS, SAFE_METHODS, declared, handlers_of, is_api
from tests.app.desks import HTML
from tests.app.web import BASE, Site, site_of
from tests.browser.crawling import walk
from tests.market_makers import Market

DIRECTIVES = ("default-src", "script-src", "object-src", "base-uri", "form-action", "frame-ancestors")
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
OTHER_HOSTS = (
    "",
    "evil.example",
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "127.0.0.1@evil.example",
    "user@127.0.0.1",
    "user:password@127.0.0.1:8000",
    "evil.example#127.0.0.1",
    "evil.example/127.0.0.1",
    "evil.example?127.0.0.1",
    "evil.example\\127.0.0.1",
    "127.0.0.1\\@evil.example",
    "127.0.0.1 evil.example",
    "127.0.0.1,evil.example",
    "127.0.0.1;evil.example",
    "127.0.0.1:8000:80",
    "127.0.0.1:x",
    "127.0.0.1:999999",
    "127.0.0.1:65536",
    "127.0.0.1:",
    "[::1",
    "::1]",
    "[::1].evil.example",
    "localhost.",
    "localhost.evil.example",
    "0",
    "2130706433",
    "0x7f.1",
    "127.0.0.2",
    "\uff11\uff12\uff17.0.0.1",
    "<script>alert(1)</script>",
)
OWN_HOSTS = ("127.0.0.1", "127.0.0.1:8000", "127.0.0.1:1", "localhost", "LOCALHOST:9", "[::1]", "[::1]:8000")
FORWARDED = ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override")
WAYS_OUT = (
    "https://evil.example",
    "http:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "%2f%2fevil.example",
    "/.//evil.example",
    "/..//evil.example",
    "/my/../..//evil.example",
    "/my//evil.example",
    "//evil.example/%2f..",
    "//127.0.0.1:8000@evil.example",
    "http://127.0.0.1:8000.evil.example",
    "http://127.0.0.1:8000@evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "/\x00/evil.example",
    "/\x7f/evil.example",
    "/my\r\nSet-Cookie: x=1",
    "/my\r\nLocation: //evil.example",
    "/\u2028/evil.example",
    "/\uff0f/evil.example",
    "\u3002evil.example",
    "evil.example",
    "?next=//evil.example",
    "#//evil.example",
    "@evil.example",
)
RETURNS = ("next", "return", "back", "to", "url", "redirect", "continue", "said")


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


def routes_that_change(site: Site) -> list[tuple[str, str, str]]:
    """(method, address, a role that may) of every route of a page that is not only read."""
    found = []
    for path, method, handler in handlers_of(site.app):
        allowed = declared(handler)
        if allowed is not None and allowed.asks_who and method not in SAFE_METHODS and not is_api(path):
            role = min(allowed.roles - {ANONYMOUS})
            found.append((method, re.sub(r"\{\w+\}", "none-such", path), role))
    return found


def code_of(answer: Any) -> str:
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return answer.json()["code"] if is_problem else f"{answer.status_code}"


class TestForms:
    def test_nothing_changes_without_the_token_of_this_session(self, site: Site) -> None:
        changing = routes_that_change(site)
        assert len(changing) >= 10
        stranger = site.form_token(site.cookie(site.session("verifier")))
        wrong = []
        for method, address, role in changing:
            headers = site.cookie(site.session(role))
            site.client.cookies.clear()
            older = site.form_token(site.cookie(site.session(role)))
            site.client.cookies.clear()
            for token in (None, "", "0" * 64, stranger, older, stranger.upper(), f"{older} "):
                form = {} if token is None else {"_csrf_token": token}
                answer = site.client.request(method, address, data=form, headers=headers, follow_redirects=False)
                if code_of(answer) != "security.form_not_ours":
                    wrong.append(f"{method} {address} as {role} with {token}: {code_of(answer)}")
        assert wrong == []

    def test_the_token_counts_in_the_body_only(self, site: Site) -> None:
        for method, address, role in routes_that_change(site):
            headers = site.cookie(site.session(role))
            token = site.form_token(headers)
            site.client.cookies.clear()
            sent = headers | {"X-CSRF-Token": token, "_csrf_token": token}
            answers = [
                site.client.request(method, f"{address}?_csrf_token={token}", headers=sent, follow_redirects=False),
                site.client.request(method, address, headers=sent, json={"_csrf_token": token}, follow_redirects=False),
            ]
            assert {code_of(answer) for answer in answers} == {"security.form_not_ours"}, address

    def test_no_page_changes_anything_by_being_read(self, site: Site) -> None:
        readable = [(path, handler) for path, method, handler in handlers_of(site.app) if method in ("GET", "HEAD")]
        asking = {path for path, handler in readable if "work" in handler.parsed_fn_signature.parameters}
        assert asking == {"/log/checkpoint"}, "a GET that opens a transaction to write; a checkpoint is made by asking"


class TestHeaders:
    def test_every_answer_forbids_scripts_and_frames_of_others(self, site: Site) -> None:
        answers = [(f"{method} {path}", self._asked(site, method, path)) for path, method, _ in handlers_of(site.app)]
        answers += [("a dead link", site.client.get("/none-such", headers=HTML))]
        answers += [("a wrong method", site.client.request("DELETE", "/market", headers=HTML))]
        answers += [("a body too large", site.client.post("/sign-in", content=b"x" * 1_000_001))]
        answers += [("another host", site.client.get("/", headers={"Host": "evil.example"}))]
        for name, answer in answers:
            assert {header: answer.headers.get(header) for header in HEADERS} == HEADERS, name
            policy = dict(
                part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";")
            )
            assert set(DIRECTIVES) <= set(policy), name
            allowed = " ".join(policy.values())
            assert not re.search(r"unsafe-|\*|https?:|blob:|filesystem:", allowed), (name, allowed)
            assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'", name

    def _asked(self, site: Site, method: str, path: str) -> Any:
        site.client.cookies.clear()
        address = re.sub(r"\{\w+\}", "none-such", path)
        return site.client.request(method, address, headers=HTML, follow_redirects=False)

    def test_what_belongs_to_somebody_is_kept_by_no_cache(self, site: Site) -> None:
        headers = site.cookie(site.session("firm")) | HTML
        for path, method, handler in handlers_of(site.app):
            allowed = declared(handler)
            if method == "GET" and allowed is not None and allowed.asks_who and not is_api(path) and "{" not in path:
                answer = site.client.get(path, headers=headers, follow_redirects=False)
                if answer.headers.get("content-type", "").startswith("text/html") and answer.content:
                    assert answer.headers.get("cache-control") == "no-store", path


class TestHosts:
    def test_another_host_is_refused_and_never_repeated(self, site: Site) -> None:
        wrong = []
        for host in OTHER_HOSTS:
            for path in ("/", "/sign-in", "/health", "/static/tanyi.css", "/api/v1/projects"):
                answer = site.client.get(path, headers=[(b"Host", host.encode())], follow_redirects=False)
                if answer.status_code != 400 or "evil" in answer.text + str(dict(answer.headers)):
                    wrong.append((host, path, answer.status_code, answer.text[:100]))
        assert wrong == []

    def test_the_own_host_and_the_machine_itself_are_let_in(self, site: Site) -> None:
        assert {site.client.get("/", headers={"Host": host}).status_code for host in OWN_HOSTS} == {200}

    def test_what_a_header_says_of_the_host_or_the_address_is_not_believed(self, site: Site) -> None:
        said = dict.fromkeys(FORWARDED, "evil.example") | {"Forwarded": "host=evil.example"}
        said["X-HTTP-Method-Override"] = "POST"
        for path in ("/", "/my", "/sign-in"):
            answer = site.client.get(path, headers=said | HTML, follow_redirects=False)
            assert answer.status_code in (200, 303)
            assert "evil" not in answer.text + str(dict(answer.headers))


def leads_outside(location: str) -> bool:
    """Whether a browser would leave the site: it takes a backslash for a slash and drops tabs and line ends."""
    seen = re.sub(r"[\t\r\n]", "", location).strip().replace("\\", "/")
    target = urlsplit(urljoin(BASE, seen))
    return target.scheme not in ("http", "https") or target.netloc != urlsplit(BASE).netloc or seen.startswith("//")


class TestWaysOut:
    def test_signing_in_leads_nowhere_else(self, site: Site) -> None:
        for wanted in WAYS_OUT:
            site.client.cookies.clear()
            form = {"username": "firm", "password": "correct horse battery", "next": wanted}
            token = site.form_token()
            answer = site.client.post("/sign-in", data=form | {"_csrf_token": token}, follow_redirects=False)
            assert answer.status_code == 303, wanted
            assert not leads_outside(answer.headers["location"]), (wanted, answer.headers["location"])
            assert "x" not in answer.cookies

    def test_no_page_that_is_read_leads_away_whatever_its_address_says(self, site: Site) -> None:
        headers = site.cookie(site.session("firm")) | HTML
        pages = {visited.address.partition("?")[0] for visited in walk(site.client, BASE, most=1)}
        pages |= {urljoin(BASE, path) for path in ("/language/en", "/language/zh", "/language/x", "/sign-in", "/my")}
        wrong = []
        for page in sorted(pages):
            for wanted in WAYS_OUT:
                asked = "&".join(f"{name}={quote(wanted, safe='')}" for name in RETURNS)
                answer = site.client.get(f"{page}?{asked}", headers=headers, follow_redirects=False)
                away = answer.headers.get("location", "/")
                wrong += [f"{page} {wanted!r}: {away}"] if leads_outside(away) else []
                wrong += [f"{page} {wanted!r}: {answer.status_code}"] if answer.status_code >= 500 else []
        assert wrong == []

    @pytest.mark.parametrize("away", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example"])
    def test_what_a_browser_takes_for_another_site_is_known_here(self, away: str) -> None:
        assert leads_outside(away)
        assert not leads_outside("/my?next=//evil.example")
