"""Signing in against guessing and planting: the brake, the two steps, and a new token at every turn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest

from tanyi.app import sign_in_brake
from tanyi.app.sign_in_brake import MOST_CODES, MOST_FAILURES, MOST_FOR_NAME, MOST_FROM_PEER, peer_of
from tanyi.app.signing_in import browser_of
from tanyi.app.visitors import PENDING_COOKIE, SESSION_COOKIE
from tanyi.kernel import attempts, parties, second_factor, sessions
from tanyi.kernel.clock import system_clock
from tanyi.ledger import audit_log
from tests.app.desks import HTML
from tests.app.web import Site, site_of, token_in
from tests.market_makers import Market

STEP = timedelta(seconds=30)


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


def enrol_factor(site: Site, role: str) -> tuple[pyotp.TOTP, list[str]]:
    """Puts a second factor in force for the person of a role, by a code of the step before."""
    key = site.market.house.sealing_key
    with site.market.house.open_work() as work:
        user_id = user_of(site, role)
        second_factor.offer(work, user_id=user_id, key=key)
        app = pyotp.TOTP(second_factor.offered_secret(work, user_id, key) or "")
        codes = second_factor.confirm(work, user_id=user_id, key=key, code=app.at(system_clock() - STEP))
    return app, codes


def user_of(site: Site, role: str) -> int:
    with site.market.house.open_reader() as reader:
        found = sessions.by_session(reader, site.session(role))
    assert found is not None
    return found.user_id


def send_code(site: Site, code: str) -> Any:
    """The second step as a browser sends it."""
    token = token_in(site.client.get("/sign-in/code").text)
    form = {"code": code, "next": "", "_csrf_token": token}
    return site.client.post("/sign-in/code", data=form, follow_redirects=False)


class TestGuessingPasswords:
    def test_a_thousand_tries_with_rotating_forwarding_headers_are_held(self, site: Site) -> None:
        form = {"username": "firm", "next": "", "_csrf_token": site.form_token()}
        statuses = []
        for number in range(1_000):
            headers = {"X-Forwarded-For": f"198.51.{number % 256}.{number // 256}, 203.0.113.{number % 250}"}
            sent = form | {"password": f"guess-{number}"}
            statuses.append(site.client.post("/sign-in", data=sent, headers=headers).status_code)
        assert statuses == [401] * MOST_FAILURES + [429] * (1_000 - MOST_FAILURES)
        assert site.sign_in("firm").status_code == 429

    def test_tries_at_the_same_moment_count_too(self, market: Market) -> None:
        def guess(_number: int) -> bool:
            try:
                sign_in_brake.count(market.house, "firm", "192.0.2.1")
            except sign_in_brake.TooManyAttempts:
                return False
            return True

        with ThreadPoolExecutor(8) as threads:
            assert sum(threads.map(guess, range(40))) == MOST_FAILURES

    def test_another_process_and_a_restart_forget_nothing(self, site: Site, market: Market) -> None:
        for _ in range(MOST_FAILURES):
            site.sign_in("firm", "wrong")
        with site_of_same_people(market) as restarted:
            assert restarted.sign_in("firm").status_code == 429

    def test_one_address_cannot_try_one_password_on_everybody(self, market: Market) -> None:
        for number in range(MOST_FROM_PEER):
            sign_in_brake.count(market.house, f"name-{number}", "192.0.2.1")
        with pytest.raises(sign_in_brake.TooManyAttempts):
            sign_in_brake.count(market.house, "one-more", "192.0.2.1")
        sign_in_brake.count(market.house, "one-more", "192.0.2.2")

    def test_many_addresses_cannot_guess_one_name_and_cannot_lock_its_owner_out(self, market: Market) -> None:
        sign_in_brake.release(market.house, "firm", "192.0.2.1")
        for number in range(MOST_FOR_NAME):
            sign_in_brake.count(market.house, "firm", f"198.51.100.{number}")
        with pytest.raises(sign_in_brake.TooManyAttempts):
            sign_in_brake.count(market.house, "FIRM", "203.0.113.1")
        sign_in_brake.count(market.house, "firm", "192.0.2.1")

    def test_a_pause_ends_ten_minutes_after_its_first_try_however_often_one_tries(self, market: Market) -> None:
        noon = datetime(2026, 3, 1, 12, tzinfo=UTC)

        def count_at(minutes: float) -> bool:
            moment = noon + timedelta(minutes=minutes)
            with audit_log.open_work(market.house.database.app_engine(), clock=lambda: moment) as work:
                return attempts.count(work, most={"a": 3}, within=timedelta(minutes=10))

        assert [count_at(number / 10) for number in range(5)] == [True, True, True, False, False]
        assert not any([count_at(9.5), count_at(9.9)])
        assert count_at(10)

    def test_a_right_password_takes_its_own_try_back(self, site: Site) -> None:
        for _ in range(MOST_FAILURES + 5):
            assert site.sign_in("firm").status_code == 303
        for _ in range(MOST_FAILURES):
            assert site.sign_in("firm", "wrong").status_code == 401
        assert site.sign_in("firm", "wrong").status_code == 429

    @pytest.mark.parametrize(
        ("socket", "forwarded", "trusted", "peer"),
        [
            ("192.0.2.9", ["198.51.100.1"], [], "192.0.2.9"),
            ("192.0.2.9", ["198.51.100.1"], ["10.0.0.0/8"], "192.0.2.9"),
            ("10.0.0.1", [], ["10.0.0.0/8"], "10.0.0.1"),
            ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], ["10.0.0.0/8"], "198.51.100.1"),
            ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.0.0.2"], ["10.0.0.0/8"], "198.51.100.1"),
            ("10.0.0.1", ["198.51.100.1, nonsense"], ["10.0.0.0/8"], "10.0.0.1"),
            ("10.0.0.1", ["10.0.0.3"], ["10.0.0.0/8"], "10.0.0.3"),
            ("::ffff:192.0.2.9", [], [], "192.0.2.9"),
            ("2001:db8::1", [], [], "2001:db8::/64"),
            ("2001:db8::2:0:0:1", [], [], "2001:db8::/64"),
            ("testclient", ["198.51.100.1"], ["0.0.0.0/0"], "testclient"),
            ("", [], [], ""),
        ],
    )
    def test_the_address_is_the_last_one_that_no_guesser_wrote(self, socket, forwarded, trusted, peer) -> None:
        assert peer_of(socket, forwarded, trusted) == peer

    def test_what_is_counted_tells_no_name_and_no_address(self, site: Site, market: Market) -> None:
        site.sign_in("firm", "wrong")
        with market.house.open_reader() as reader:
            marks = [row.mark for row in reader.session.query(attempts.Attempt)]
        assert len(marks) == 3
        assert all(re.fullmatch(r"[0-9a-f]{64}", mark) for mark in marks)


def site_of_same_people(market: Market) -> Any:
    """Another process over the same database: nobody is enrolled again."""
    from contextlib import contextmanager

    from litestar.testing import TestClient

    from tanyi.app.factory import application_of
    from tests.app.web import BASE

    @contextmanager
    def opened() -> Iterator[Site]:
        app = application_of(market.house)
        with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
            yield Site(app, client, market)

    return opened()


class TestTheSecondStep:
    def test_a_password_alone_opens_no_page(self, site: Site) -> None:
        enrol_factor(site, "firm")
        answer = site.sign_in("firm")
        assert answer.headers["location"] == "/sign-in/code"
        assert SESSION_COOKIE not in site.client.cookies
        pending = site.client.cookies[PENDING_COOKIE]
        for cookies in ({PENDING_COOKIE: pending}, {SESSION_COOKIE: pending}):
            headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
            assert site.client.get("/my", headers=headers, follow_redirects=False).status_code == 303

    def test_the_code_signs_in_with_a_token_of_its_own(self, site: Site) -> None:
        app, _ = enrol_factor(site, "firm")
        site.sign_in("firm")
        pending = site.client.cookies[PENDING_COOKIE]
        answer = send_code(site, app.at(system_clock()))
        assert answer.headers["location"] == "/my"
        assert site.client.cookies[SESSION_COOKIE] != pending
        assert site.client.get("/my").status_code == 200
        site.client.cookies.set(PENDING_COOKIE, pending)
        assert site.client.get("/sign-in/code", follow_redirects=False).headers["location"] == "/sign-in"

    def test_a_code_that_was_used_does_not_sign_in_again(self, site: Site) -> None:
        app, _ = enrol_factor(site, "firm")
        code = app.at(system_clock())
        site.sign_in("firm")
        assert send_code(site, code).status_code == 303
        site.client.cookies.clear()
        site.sign_in("firm")
        assert send_code(site, code).status_code == 401

    def test_five_wrong_codes_bring_a_pause_even_for_the_right_one(self, site: Site) -> None:
        app, _ = enrol_factor(site, "firm")
        site.sign_in("firm")
        assert [send_code(site, f"00000{n}").status_code for n in range(MOST_CODES)] == [401] * MOST_CODES
        assert send_code(site, app.at(system_clock())).status_code == 429
        site.client.cookies.clear()
        site.sign_in("firm")
        assert send_code(site, app.at(system_clock())).status_code == 429

    def test_a_recovery_code_signs_in_once_and_says_how_many_are_left(self, site: Site) -> None:
        _, codes = enrol_factor(site, "firm")
        site.sign_in("firm")
        answer = send_code(site, codes[0])
        assert answer.headers["location"] == "/account/second-factor?said=recovered"
        page = site.client.get(answer.headers["location"], headers=HTML | {"Accept-Language": "en"}).text
        assert "9 recovery codes left" in page
        site.client.cookies.clear()
        site.sign_in("firm")
        assert send_code(site, codes[0]).status_code == 401

    def test_without_a_first_step_there_is_no_second(self, site: Site) -> None:
        enrol_factor(site, "firm")
        form = {"code": "123456", "next": "", "_csrf_token": site.form_token()}
        site.client.cookies.set(PENDING_COOKIE, "planted")
        answer = site.client.post("/sign-in/code", data=form, follow_redirects=False)
        assert answer.headers["location"] == "/sign-in"

    def test_a_planted_session_is_not_the_one_that_the_code_opens(self, site: Site) -> None:
        app, _ = enrol_factor(site, "firm")
        site.client.cookies.set(SESSION_COOKIE, "planted")
        site.sign_in("firm")
        answer = send_code(site, app.at(system_clock()))
        assert "planted" not in answer.headers["set-cookie"]


class TestWhereItIsRequired:
    @pytest.fixture
    def strict(self, market: Market) -> Iterator[Site]:
        settings = replace(market.house.settings, second_factor="required")
        with site_of(replace(market, house=replace(market.house, settings=settings))) as opened:
            yield opened

    @pytest.mark.parametrize("role", ["seller", "firm", "operator", "regulator", "verifier"])
    def test_only_the_setting_up_can_be_opened_before_it_is_set_up(self, strict: Site, role: str) -> None:
        headers = strict.cookie(strict.session(role)) | HTML
        for path in ("/my", "/account", "/account/keys", "/account/people", "/market", "/"):
            answer = strict.client.get(path, headers=headers, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/account/second-factor"), path
        assert strict.client.get("/account/second-factor", headers=headers).status_code == 200
        token = token_in(strict.client.get("/account/second-factor", headers=headers).text)
        form = {"_csrf_token": token, "name": "x", "scope_read": "yes", "expires_on": "2030-01-01"}
        refused = strict.client.post("/account/keys", data=form, headers=headers, follow_redirects=False)
        assert refused.headers["location"] == "/account/second-factor"
        ended = strict.client.post("/sign-out", data={"_csrf_token": token}, headers=headers, follow_redirects=False)
        assert ended.headers["location"] == "/"

    def test_an_organiser_needs_none_and_a_key_is_exempt(self, strict: Site) -> None:
        headers = strict.cookie(strict.session("organiser"))
        assert strict.client.get("/my", headers=headers).status_code == 200
        assert strict.client.get("/api/v1/duties", headers=strict.bearer("firm")).status_code == 200

    def test_who_has_it_gets_in_and_cannot_switch_it_off(self, strict: Site) -> None:
        app, _ = enrol_factor(strict, "firm")
        strict.sign_in("firm")
        send_code(strict, app.at(system_clock()))
        page = strict.client.get("/account/second-factor")
        assert page.status_code == 200
        form = {"_csrf_token": token_in(page.text), "code": app.at(system_clock() + STEP)}
        refused = strict.client.post("/account/second-factor/end", data=form)
        assert (refused.status_code, refused.json()["code"]) == (403, "account.second_factor_required")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox, Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML) Chrome/130 Safari/537.36 Edg/130.0",
            "Edge, Linux",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1",
            "Safari, iOS",
        ),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120 Mobile MicroMessenger/8.0", "WeChat, Android"),
        ("curl/8.0", ""),
        ("", ""),
        ("<script>alert(1)</script>", ""),
    ],
)
def test_a_browser_is_known_by_what_it_says_and_only_in_our_words(said: str, shown: str) -> None:
    assert browser_of(said) == shown


def test_a_first_and_a_later_membership_begin_in_the_oldest(site: Site) -> None:
    with site.market.house.open_work() as work:
        user_id = user_of(site, "firm")
        parties.add_member(work, user_id=user_id, organisation_id=site.market.party("E02"), roles=["firm"])
        token = sessions.begin(work, user_id=user_id)
    with site.market.house.open_reader() as reader:
        found = sessions.by_session(reader, token)
        assert found is not None
        assert found.organisation_code == "E01"
