"""Every route × every role, from the live route table; an unknown route fails until it is written down here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tanyi.app import approved_acts, counter
from tanyi.app.event_orders import EventOrder
from tanyi.app.event_purchase import buy_and_retire
from tanyi.app.security import ANONYMOUS, EVERYONE, declared, handlers_of, is_api
from tanyi.kernel import api_keys, invitations, members, notices, parties, sessions
from tanyi.kernel.parties import ROLES
from tanyi.kernel.quantities import Money, Tonnes
from tests import market_makers
from tests.app.test_event_api import OF_OTHERS
from tests.app.web import EVENT, Site, run_everything, site_of
from tests.market_makers import Market

PUBLIC = """
GET / · GET /live · GET /search · GET /glossary · GET /style · GET /registry/issuances · GET /registry/retirements
GET /registry · GET /projects/{code} · GET /market · GET /market/desk · GET /listings/{number} · GET /rounds · GET /rounds/{number}
GET /rounds/{number}/problem.json · GET /rounds/{number}/result.json · GET /rounds/{number}/certificate.json · GET /certificates/{name}
GET /language/{locale} · GET /sign-in · POST /sign-in · GET /sign-in/code · POST /sign-in/code · POST /sign-out
GET /invitations/{token} · POST /invitations/{token} · POST /invitations/{token}/join
POST /invitations/{token}/join-with-password
GET /api/v1/projects · GET /api/v1/projects/{code} · GET /api/v1/listings · GET /api/v1/listings/{number}
GET /api/v1/rounds · GET /api/v1/rounds/{number} · POST /api/v1/desk · GET /api/v1/retirements · GET /api/v1/certificates/{number}
GET /health · GET /.well-known/jwks.json · GET /log/checkpoint · POST /gateway/webhooks · GET /docs
GET /schema · GET /schema/openapi.json · GET /schema/{path} · GET /static/{file_path} · HEAD /static/{file_path}
"""
SIGNED_IN = """
GET /my · GET /account · POST /account/switch · GET /account/security · GET /account/password · POST /account/password
GET /account/second-factor · POST /account/second-factor/begin · POST /account/second-factor/confirm
POST /account/second-factor/recovery-codes · POST /account/second-factor/end
GET /account/sessions · POST /account/sessions/{number}/end · POST /account/sessions/end-others
GET /account/keys · POST /account/keys · POST /account/keys/{number}/revoke
GET /account/people · POST /account/people · GET /account/people/{number} · POST /account/people/{number}
POST /account/people/{number}/remove · POST /account/invitations/{number}/withdraw
"""
MEMBERS = """
GET /notices · POST /notices/read · POST /notices/{notice}/read · GET /tasks · GET /account/notices · POST /account/notices
GET /approvals · GET /approvals/{number} · POST /approvals/threshold · POST /approvals/{number}/approve
POST /approvals/{number}/reject · POST /approvals/{number}/withdrawal
GET /api/v1/notices · GET /api/v1/tasks · GET /api/v1/approvals · GET /api/v1/approvals/{number}
POST /api/v1/approvals/{number}/approve · POST /api/v1/approvals/{number}/reject
"""
RESTRICTED = {
    "GET /operator/messages": {"operator"},
    "POST /operator/messages/{message}/again": {"operator"},
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
    **{name.strip(): set(ROLES) for line in SIGNED_IN.strip().splitlines() for name in line.split("·")},
    **{name.strip(): set(ROLES) for line in MEMBERS.strip().splitlines() for name in line.split("·")},
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
    "POST /notices/{notice}/read": ("firm", "notice", "other notice"),
    "GET /approvals/{number}": ("firm", "asked", "asked by E02"),
    "POST /approvals/{number}/approve": ("firm", "asked", "asked by E02"),
    "POST /approvals/{number}/reject": ("firm", "asked", "asked by E02"),
    "POST /approvals/{number}/withdrawal": ("firm", "asked", "asked by E02"),
    "GET /api/v1/approvals/{number}": ("firm", "asked", "asked by E02"),
    "POST /api/v1/approvals/{number}/approve": ("firm", "asked", "asked by E02"),
    "POST /api/v1/approvals/{number}/reject": ("firm", "asked", "asked by E02"),
    "GET /api/v1/duties/{number}": ("firm", "D2026-B001", "D2026-B002"),
    "POST /api/v1/bids/{number}/confirmation": ("firm", "B100001", "B100002"),
}
OBJECTS |= {
    "POST /account/keys/{number}/revoke": ("firm", "firm-key", "seller-key"),
    "POST /account/sessions/{number}/end": ("firm", "firm-session", "seller-session"),
    "POST /account/invitations/{number}/withdraw": ("firm", "firm-invitation", "seller-invitation"),
    "GET /account/people/{number}": ("firm", "firm-member", "seller-member"),
    "POST /account/people/{number}": ("firm", "firm-member", "seller-member"),
    "POST /account/people/{number}/remove": ("firm", "firm-member", "seller-member"),
}
BUY_FROM_ANYONE = {
    "POST /listings/{number}/purchases",
    "POST /api/v1/listings/{number}/purchases",
}  # listings are public
NOTHING = {"{notice}": "999999", "{message}": "999999"}  # where an address takes a whole number
BODIES = {"/confirmation": {"limit_fen": 6000, "floor_permille": 500}, "/reject": {"reason": "Not now."}}
BODIES["/approve"] = {"payload_sha256": "0" * 64}
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


def account_numbers(site: Site) -> dict[str, str]:
    """A key, a session, an invitation and a colleague of two firms, by role and kind."""
    numbers: dict[str, str] = {}
    for role, code in (("firm", "E01"), ("seller", "S01")):
        with site.market.house.open_reader() as reader:
            found = sessions.find(reader, site.session(role))
            assert found is not None
            session, person = found
            keys = api_keys.of_membership(reader, person.membership_id)
            colleague = parties.users_of(reader, site.market.party(code))[0]
        with site.market.house.open_work(person.actor) as work:
            grant = members.Grant(roles=[role], rights=["PREPARE"])
            invitations.invite(work, organisation_id=person.organisation_id, email="a@example.com", grant=grant)
            (invitation,) = invitations.waiting(work, person.organisation_id)
            numbers[f"{role}-invitation"] = str(invitation.id)
        numbers[f"{role}-key"], numbers[f"{role}-session"] = str(keys[0].id), str(session.id)
        numbers[f"{role}-member"] = str(colleague.membership_id)
    return numbers


def verdict(answer: Any) -> str:
    """'allowed', or how the gate refused."""
    if answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next="):
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
        route, address = f"{method} {path}", re.sub(r"\{\w+\}", lambda found: NOTHING.get(found[0], "none-such"), path)
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
    numbers |= account_numbers(site) | asked_in_both_firms(site, market)
    visitors = Visitors(site)
    for route, (role, own, other) in OBJECTS.items():
        method, path = route.split(" ")
        body = BODIES.get(path[path.rindex("/") :], {})
        mine = visitors.send(role, method, re.sub(r"\{\w+\}", numbers.get(own, own), path), body)
        theirs = visitors.send(role, method, re.sub(r"\{\w+\}", numbers.get(other, other), path), body)
        assert mine.status_code in (200, 303, 403, 409, 422), f"{route}: {mine.status_code} {mine.text[:200]}"
        assert theirs.status_code == 404, f"{route}: {theirs.status_code}"
        assert "security." not in theirs.text


def asked_in_both_firms(site: Site, market: Market) -> dict[str, str]:
    """An approval and a notice of E01, which the firm's visitor acts for, and one of each of E02."""
    found = {}
    with market.house.open_work() as work:
        market_makers.make_colleague(work, market.party("E02"), "e02.second", "firm")
    for code, name in (("E01", "asked"), ("E02", "asked by E02")):
        with market.work(code) as work:
            whose = market.party(code)
            found[name] = approved_acts.ask_for_threshold(work, organisation_id=whose, above_fen=Money(1))
    with market.house.open_reader() as reader:
        theirs = parties.users_of(reader, market.party("E02"))[1].user_id
        mine = next(user.user_id for user in parties.users_of(reader, market.party("E01")) if user.username == "firm")
        for name, user_id, code in (("notice", mine, "E01"), ("other notice", theirs, "E02")):
            rows, _ = notices.newest(reader, user_id=user_id, organisation_id=market.party(code))
            found[name] = str(rows[0].id)
    return found


def test_every_own_route_that_names_an_object_is_tried_with_somebody_elses(site: Site) -> None:
    own = {
        f"{method} {path}"
        for path, method, handler in handlers_of(site.app)
        if (found := declared(handler)) and found.scope == "own" and "{" in path
    }
    elsewhere = set(OF_OTHERS) | IN_TEST_EVENT_PAGES | (OF_VERIFIERS - {"GET /evaluations"})  # tried in their own files
    assert own == set(OBJECTS) | BUY_FROM_ANYONE | elsewhere
