"""Every route × every role, from the live route table; an unknown route fails until it is written down here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tanyi.app import counter
from tanyi.app.event_purchase import EventOrder, buy_and_retire
from tanyi.app.security import ANONYMOUS, EVERYONE, declared, handlers_of, is_api
from tanyi.kernel.parties import ROLES
from tanyi.kernel.quantities import Tonnes
from tests.app.test_event_api import OF_OTHERS
from tests.app.web import EVENT, Site, run_everything, site_of
from tests.market_makers import Market

PUBLIC = """
GET / · GET /live · GET /search · GET /glossary · GET /style · GET /registry/issuances · GET /registry/retirements
GET /registry · GET /projects/{code} · GET /market · GET /market/desk · GET /listings/{number} · GET /rounds · GET /rounds/{number}
GET /rounds/{number}/problem.json · GET /rounds/{number}/result.json · GET /rounds/{number}/certificate.json · GET /certificates/{name}
GET /language/{locale} · GET /sign-in · POST /sign-in · POST /sign-out
GET /api/v1/projects · GET /api/v1/projects/{code} · GET /api/v1/listings · GET /api/v1/listings/{number}
GET /api/v1/rounds · GET /api/v1/rounds/{number} · POST /api/v1/desk · GET /api/v1/retirements · GET /api/v1/certificates/{number}
GET /health · GET /.well-known/jwks.json · GET /log/checkpoint · POST /gateway/webhooks · GET /docs
GET /schema · GET /schema/openapi.json · GET /schema/{path} · GET /static/{file_path} · HEAD /static/{file_path}
"""
RESTRICTED = {
    "GET /my": set(ROLES),
    "GET /sell": {"seller"},
    "POST /sell": {"seller"},
    "GET /duties/{number}": {"firm", "regulator"},
    "GET /bids/{number}": {"firm"},
    "POST /bids/{number}": {"firm"},
    "POST /listings/{number}/purchases": {"organiser"},
    "POST /listings/{number}/withdrawal": {"seller"},
    "GET /purchases/{number}": {"organiser"},
    "GET /operator/rounds/{number}": {"operator"},
    "POST /rounds": {"operator"},
    "POST /rounds/{number}/close": {"operator"},
    "POST /rounds/{number}/solve": {"operator"},
    "POST /rounds/{number}/solve/cancel": {"operator"},
    "POST /rounds/{number}/publish": {"operator"},
    "GET /api/v1/holdings": {"seller", "firm", "organiser"},
    "GET /api/v1/duties": {"firm"},
    "GET /api/v1/duties/{number}": {"firm"},
    "GET /api/v1/bids": {"firm"},
    "POST /api/v1/bids/{number}/confirmation": {"firm"},
    "POST /api/v1/listings": {"seller"},
    "POST /api/v1/listings/{number}/purchases": {"firm", "organiser"},
    "POST /api/v1/rounds/{number}/close": {"operator"},
    "POST /api/v1/rounds/{number}/solve": {"operator"},
    "POST /api/v1/rounds/{number}/publish": {"operator"},
}
EVENTS = {
    "GET /api/v1/events": {"firm", "organiser"},
    "POST /api/v1/events": {"firm", "organiser"},
    "GET /api/v1/evaluations": {"verifier"},
    **{route: {"verifier"} if role == "other" else {"firm", "organiser"} for route, (role, _) in OF_OTHERS.items()},
}
PUBLIC_EVENTS = """
GET /api/v1/factors · GET /api/v1/factors/{code} · POST /api/v1/footprints · POST /api/v1/footprints/workbook
GET /api/v1/footprints/template · POST /api/v1/footprints/uploads
GET /neutral · GET /neutral/new · GET /neutral/calculate · POST /neutral/calculate · GET /neutral/template.xlsx
GET /neutral/return · POST /neutral/return · GET /neutral/link · GET /events · GET /events/{number} · GET /events/{number}/badge.svg
GET /api/v1/neutral-events · GET /api/v1/neutral-events/{number}/plan · GET /api/v1/neutral-events/{number}/statement
"""
NEUTRAL_PAGES = """
GET /neutral/{number} · GET /neutral/{number}/facts · POST /neutral/{number}/facts · GET /neutral/{number}/activities
POST /neutral/{number}/activities · GET /neutral/{number}/measures · POST /neutral/{number}/measures
GET /neutral/{number}/plan · POST /neutral/{number}/plan · POST /neutral/{number}/withdrawal
GET /neutral/{number}/offsets · POST /neutral/{number}/offsets · GET /neutral/{number}/checkout
POST /neutral/{number}/checkout · GET /neutral/{number}/purchases/{purchase} · GET /neutral/{number}/actuals
POST /neutral/{number}/actuals · GET /neutral/{number}/confirmation · POST /neutral/{number}/confirmation
POST /neutral/{number}/evaluations/{evaluation}/end · GET /neutral/{number}/statement · POST /neutral/{number}/statement
"""
EVALUATION_PAGES = """
GET /evaluations · GET /evaluations/{number} · POST /evaluations/{number} · POST /evaluations/{number}/approval
"""
IN_TEST_EVENT_PAGES = {name.strip() for line in NEUTRAL_PAGES.split("\n") if line for name in line.split("·")}
OF_VERIFIERS = {name.strip() for line in EVALUATION_PAGES.split("\n") if line for name in line.split("·")}
ALLOWED: dict[str, set[str]] = {
    **{
        name.strip(): set(EVERYONE) for line in (PUBLIC + PUBLIC_EVENTS).split("\n") if line for name in line.split("·")
    },
    **RESTRICTED,
    **EVENTS,
    **{route: {"firm", "organiser"} for route in IN_TEST_EVENT_PAGES},
    **{route: {"verifier"} for route in OF_VERIFIERS},
}
# Routes of scope "own" whose address names an object: (role, the own one, somebody else's).
OBJECTS = {
    "GET /duties/{number}": ("firm", "D2026-B001", "D2026-B002"),
    "GET /bids/{number}": ("firm", "B100001", "B100002"),
    "POST /bids/{number}": ("firm", "B100001", "B100002"),
    "GET /purchases/{number}": ("organiser", "bought", "E01"),
    "POST /listings/{number}/withdrawal": ("seller", "L100001", "L100002"),
    "GET /api/v1/duties/{number}": ("firm", "D2026-B001", "D2026-B002"),
    "POST /api/v1/bids/{number}/confirmation": ("firm", "B100001", "B100002"),
}
BUY_FROM_ANYONE = {
    "POST /listings/{number}/purchases",
    "POST /api/v1/listings/{number}/purchases",
}  # listings are public
REFUSED = {"security.not_signed_in", "security.wrong_role"}


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


class Visitors:
    """Sends requests in a role: with a key to the API, in a session to pages."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.sessions: dict[str, tuple[dict[str, str], str]] = {}

    def send(self, role: str, method: str, address: str, body: Any = None) -> Any:
        self.site.client.cookies.clear()
        if is_api(address):
            headers = {} if role == ANONYMOUS else self.site.bearer(role, "key-of-the-test")
            return self.site.client.request(method, address, headers=headers, json=body or {}, follow_redirects=False)
        headers, token = self._session(role)
        form = {"_csrf_token": token, **(body or {})} if method == "POST" else None
        answer = self.site.client.request(method, address, headers=headers, data=form, follow_redirects=False)
        if address in ("/sign-out", "/sign-in") and method == "POST":
            del self.sessions[role]
        return answer

    def _session(self, role: str) -> tuple[dict[str, str], str]:
        if role not in self.sessions:
            client = self.site.client
            headers = {} if role == ANONYMOUS else self.site.cookie(self.site.session(role))
            token = self.site.form_token(headers)
            form_cookie = client.cookies.get("tanyi_form")
            client.cookies.clear()
            self.sessions[role] = (headers or {"Cookie": f"tanyi_form={form_cookie}"}, token)
        return self.sessions[role]


def verdict(answer: Any) -> str:
    """'allowed', or how the gate refused."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in"):
        return "led to sign in"
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    code = answer.json()["code"] if is_problem and answer.content else ""  # HEAD has no body
    return f"{answer.status_code}" if code in REFUSED else "allowed"


def expected(route: str, role: str) -> str:
    if role in ALLOWED[route]:
        return "allowed"
    if role != ANONYMOUS:
        return "403"
    return "401" if is_api(route.partition(" ")[2]) else "led to sign in"


def test_every_route_is_written_down_here_as_it_is_declared(site: Site) -> None:
    live = {f"{method} {path}": declared(handler) for path, method, handler in handlers_of(site.app)}
    assert {route: set(found.roles) for route, found in live.items() if found} == ALLOWED


def test_every_route_lets_in_its_roles_and_nobody_else(site: Site) -> None:
    visitors, wrong = Visitors(site), []
    for path, method, _ in handlers_of(site.app):
        route, address = f"{method} {path}", re.sub(r"\{\w+\}", "none-such", path)
        for role in sorted(EVERYONE):
            answer = visitors.send(role, method, address)
            if verdict(answer) != expected(route, role) or answer.status_code >= 500:
                wrong.append(f"{route} as {role}: {verdict(answer)} ({answer.status_code})")
    assert wrong == []


def test_what_belongs_to_another_organisation_does_not_exist(site: Site, market: Market) -> None:
    numbers = run_everything(market)
    order = EventOrder(
        listing="L100001",
        quantity_t=Tonnes(3),
        event_name=EVENT["name"],
        held_on=counter.system_clock().date(),
        place=EVENT["place"],
        beneficiary=None,
    )
    numbers["bought"] = buy_and_retire(market.house, actor=market.people["N01"], order=order, key="key-of-the-test")
    visitors, terms = Visitors(site), {"limit_fen": 6000, "floor_permille": 500}
    for route, (role, own, other) in OBJECTS.items():
        method, path = route.split(" ")
        body = terms if route.endswith("/confirmation") else {}
        mine = visitors.send(role, method, path.replace("{number}", numbers.get(own, own)), body)
        theirs = visitors.send(role, method, path.replace("{number}", numbers.get(other, other)), body)
        assert mine.status_code in (200, 303, 409, 422), f"{route}: {mine.status_code} {mine.text[:200]}"
        assert theirs.status_code == 404, f"{route}: {theirs.status_code}"
        assert "security." not in theirs.text


def test_every_own_route_that_names_an_object_is_tried_with_somebody_elses(site: Site) -> None:
    own = {
        f"{method} {path}"
        for path, method, handler in handlers_of(site.app)
        if (found := declared(handler)) and found.scope == "own" and "{" in path
    }
    elsewhere = set(OF_OTHERS) | IN_TEST_EVENT_PAGES | (OF_VERIFIERS - {"GET /evaluations"})  # tried in their own files
    assert own == set(OBJECTS) | BUY_FROM_ANYONE | elsewhere
