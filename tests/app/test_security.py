"""Who gets in: sessions, form tokens, keys, hosts, and the brake on guessing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from litestar import get
from litestar.testing import TestClient

from tanyi.app import factory, security
from tanyi.app.factory import application_of
from tanyi.app.security import UndeclaredRoute, access
from tanyi.app.sign_in_brake import MOST_FAILURES
from tanyi.app.visitors import locale_of, safe_next
from tests.app.web import BASE, PASSWORD, Site, site_of
from tests.market_makers import Market


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


class TestDeclarations:
    def test_a_route_that_declares_nothing_fails_the_build(self, market: Market, monkeypatch) -> None:
        @get("/forgotten", sync_to_thread=False)
        def forgotten() -> str:
            return ""

        monkeypatch.setattr(factory, "_static_files", lambda: forgotten)
        with pytest.raises(UndeclaredRoute, match="GET /forgotten"):
            application_of(market.house)

    def test_an_unknown_role_or_an_own_scope_for_everyone_cannot_be_declared(self) -> None:
        with pytest.raises(UndeclaredRoute):
            access("trader", scope="public")
        with pytest.raises(UndeclaredRoute):
            access(scope="own")


class TestSessions:
    def test_signing_in_sets_a_closed_cookie_and_leads_to_the_own_page(self, site: Site) -> None:
        answer = site.sign_in("firm")
        assert (answer.status_code, answer.headers["location"]) == (303, "/my")
        cookie = answer.headers["set-cookie"].lower()
        assert "tanyi_session=" in cookie
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "path=/" in cookie
        assert "secure" not in cookie
        assert site.client.get("/my").status_code == 200

    def test_the_cookie_is_secure_when_the_site_is(self, market: Market) -> None:
        settings = replace(market.house.settings, public_url="https://tanyi.example")
        with site_of(replace(market, house=replace(market.house, settings=settings))) as site:
            set_by_page = site.client.get("/sign-in").headers["set-cookie"].lower()
            assert "tanyi_form=" in set_by_page
            assert "secure" in set_by_page

    def test_a_session_brought_along_is_never_the_one_that_signs_in(self, site: Site) -> None:
        planted = "planted-by-somebody-else"
        site.client.cookies.set("tanyi_session", planted)
        answer = site.sign_in("firm")
        assert planted not in answer.headers["set-cookie"]
        site.client.cookies.clear()
        refused = site.client.get("/my", headers=site.cookie(planted), follow_redirects=False)
        assert refused.headers["location"].startswith("/sign-in")

    def test_signing_in_again_ends_the_older_session(self, site: Site) -> None:
        site.sign_in("firm")
        older = site.client.cookies["tanyi_session"]
        site.sign_in("firm")
        newer = site.client.cookies["tanyi_session"]
        assert older != newer
        site.client.cookies.clear()
        assert site.client.get("/my", headers=site.cookie(newer), follow_redirects=False).status_code == 200
        assert site.client.get("/my", headers=site.cookie(older), follow_redirects=False).status_code == 303

    def test_signing_out_ends_the_session_on_the_server(self, site: Site) -> None:
        session = site.session("firm")
        form = {"_csrf_token": site.form_token(site.cookie(session))}
        site.client.post("/sign-out", data=form, headers=site.cookie(session), follow_redirects=False)
        assert site.client.get("/my", headers=site.cookie(session), follow_redirects=False).status_code == 303

    def test_a_page_sends_the_public_to_the_sign_in_page_and_back(self, site: Site) -> None:
        answer = site.client.get("/my", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/my")

    @pytest.mark.parametrize("wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "evil", "", "/\n"])
    def test_nobody_is_led_to_another_site_after_signing_in(self, wanted: str) -> None:
        assert safe_next(wanted) == "/my"

    def test_a_path_of_this_site_is_where_one_wanted_to_go(self) -> None:
        assert safe_next("/duties/D2026-B001") == "/duties/D2026-B001"


class TestForms:
    def test_a_form_without_its_token_is_refused_and_changes_nothing(self, site: Site) -> None:
        session = site.session("firm")
        answer = site.client.post("/sign-out", data={}, headers=site.cookie(session), follow_redirects=False)
        assert (answer.status_code, answer.json()["code"]) == (403, "security.form_not_ours")
        assert site.client.get("/my", headers=site.cookie(session), follow_redirects=False).status_code == 200

    def test_the_token_of_another_session_is_refused(self, site: Site) -> None:
        mine, theirs = site.session("firm"), site.session("seller")
        form = {"_csrf_token": site.form_token(site.cookie(theirs))}
        site.client.cookies.clear()
        answer = site.client.post("/sign-out", data=form, headers=site.cookie(mine), follow_redirects=False)
        assert answer.status_code == 403

    def test_the_sign_in_form_is_bound_to_the_browser_that_loaded_it(self, site: Site) -> None:
        form = {"username": "firm", "password": PASSWORD, "next": "", "_csrf_token": site.form_token()}
        site.client.cookies.clear()
        assert site.client.post("/sign-in", data=form, follow_redirects=False).status_code == 403

    def test_a_json_body_does_not_get_around_the_token(self, site: Site) -> None:
        session = site.session("firm")
        answer = site.client.post("/sign-out", json={}, headers=site.cookie(session), follow_redirects=False)
        assert answer.status_code == 403


class TestKeys:
    def test_a_wrong_key_is_told_even_where_everyone_may_read(self, site: Site) -> None:
        answer = site.client.get("/api/v1/projects", headers={"Authorization": "Bearer tanyi_wrong"})
        assert (answer.status_code, answer.json()["code"]) == (401, "security.not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"

    def test_the_api_knows_no_session_and_pages_know_no_key(self, site: Site) -> None:
        session = site.session("firm")
        assert site.client.get("/api/v1/duties", headers=site.cookie(session)).status_code == 401
        assert site.client.get("/my", headers=site.bearer("firm"), follow_redirects=False).status_code == 303

    def test_a_key_of_the_right_role_gets_in_and_of_another_does_not(self, site: Site) -> None:
        assert site.client.get("/api/v1/duties", headers=site.bearer("firm")).status_code == 200
        answer = site.client.get("/api/v1/duties", headers=site.bearer("seller"))
        assert (answer.status_code, answer.json()["code"]) == (403, "security.wrong_role")


class TestGuessing:
    def test_ten_failures_close_the_door_even_for_the_right_password(self, site: Site) -> None:
        for _ in range(MOST_FAILURES):
            assert site.sign_in("firm", "wrong").status_code == 401
        assert site.sign_in("firm").status_code == 429
        assert site.sign_in("seller").status_code == 303

    def test_a_forged_forwarding_header_does_not_open_it_again(self, site: Site) -> None:
        for number in range(MOST_FAILURES):
            site.client.headers["X-Forwarded-For"] = f"198.51.100.{number}"
            site.sign_in("firm", "wrong")
        site.client.headers["X-Forwarded-For"] = "203.0.113.9"
        assert site.sign_in("firm").status_code == 429

    def test_an_unknown_name_is_refused_in_the_words_of_a_wrong_password(self, site: Site) -> None:
        known, unknown = site.sign_in("firm", "wrong"), site.sign_in("nobody", "wrong")
        assert known.status_code == unknown.status_code == 401
        assert known.text.replace("firm", "").count("notice-danger") == unknown.text.count("notice-danger") == 1


class TestWhatEveryAnswerCarries:
    @pytest.mark.parametrize("path", ["/", "/nothing-here", "/static/tanyi.css", "/api/v1/projects", "/api/v1/duties"])
    def test_the_security_headers(self, site: Site, path: str) -> None:
        headers = site.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
    def test_a_foreign_host_is_refused(self, site: Site, host: str) -> None:
        answer = site.client.get("/health", headers={"Host": host})
        assert answer.status_code == 400

    @pytest.mark.parametrize("host", ["127.0.0.1:9999", "localhost", "[::1]:8000"])
    def test_this_machine_is_always_known(self, site: Site, host: str) -> None:
        assert site.client.get("/health", headers={"Host": host}).status_code == 200

    def test_the_public_host_is_known_and_a_forwarded_one_is_not_asked(self, market: Market) -> None:
        settings = replace(market.house.settings, public_url="https://tanyi.example")
        house = replace(market.house, settings=settings)
        with TestClient(application_of(house), base_url=BASE) as client:
            assert client.get("/health", headers={"Host": "tanyi.example"}).status_code == 200
            forwarded = {"Host": "evil.example", "X-Forwarded-Host": "tanyi.example"}
            assert client.get("/health", headers=forwarded).status_code == 400


class TestLanguage:
    @pytest.mark.parametrize(
        ("cookies", "accepted", "locale"),
        [
            ({}, "", "zh"),
            ({}, "en-GB,en;q=0.9", "en"),
            ({}, "de,zh-CN;q=0.8,en;q=0.5", "zh"),
            ({}, "fr", "zh"),
            ({"tanyi_locale": "en"}, "zh-CN", "en"),
            ({"tanyi_locale": "../../etc"}, "en", "en"),
        ],
    )
    def test_the_cookie_goes_before_the_browser_and_chinese_is_the_rest(self, cookies, accepted, locale) -> None:
        assert locale_of(cookies, accepted) == locale

    def test_refusals_speak_the_readers_language(self, site: Site) -> None:
        english = site.client.get("/api/v1/projects/none", headers={"Accept-Language": "en"}).json()["detail"]
        chinese = site.client.get("/api/v1/projects/none").json()["detail"]
        assert english.startswith("There is no such page")
        assert chinese != english


def test_no_route_is_missing_from_the_table_of_the_gate(site: Site) -> None:
    security.refuse_undeclared(site.app)
    assert len(security.handlers_of(site.app)) > 40
