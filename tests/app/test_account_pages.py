"""The account pages as people use them: only one's own, at once, and never without the form's token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from tanyi.app.security import declared, handlers_of, is_api
from tanyi.app.visitors import SESSION_COOKIE
from tanyi.kernel import api_keys, members, parties, sessions
from tanyi.kernel.clock import civil_date, system_clock
from tests.app.desks import HTML, Desk
from tests.app.web import PASSWORD, Site, site_of, token_in
from tests.market_makers import Market

STEP = timedelta(seconds=30)
ENGLISH = HTML | {"Accept-Language": "en"}
NEW = "tulip anvil herring"


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


def person_of(site: Site, role: str) -> parties.SignedIn:
    with site.market.house.open_reader() as reader:
        found = sessions.by_session(reader, site.session(role))
    assert found is not None
    return found


def opens(site: Site, token: str) -> bool:
    """Whether a session token still opens the own page."""
    site.client.cookies.clear()
    return site.client.get("/account", headers=site.cookie(token), follow_redirects=False).status_code == 200


def fresh_cookie(answer: Any) -> str:
    """The session token that an answer sets."""
    found = re.search(rf"{SESSION_COOKIE}=([\w-]+)", answer.headers["set-cookie"])
    assert found is not None
    return found.group(1)


class TestSwitching:
    @pytest.fixture
    def both(self, site: Site) -> int:
        """The firm's person acts for E02, too; gives that membership."""
        with site.market.house.open_work() as work:
            user_id = person_of(site, "firm").user_id
            return parties.add_member(
                work, user_id=user_id, organisation_id=site.market.party("E02"), roles=["firm"], rights=["PREPARE"]
            )

    def test_a_switch_gives_a_new_token_that_acts_for_the_other_organisation(self, site: Site, both: int) -> None:
        desk = Desk(site, "firm")
        before = desk.headers["Cookie"].partition("=")[2]
        assert "Demo E02" in desk.get("/account").text or "演示E02" in desk.get("/account").text
        after = fresh_cookie(desk.post("/account/switch", membership=str(both)))
        assert (opens(site, before), opens(site, after)) == (False, True)
        with site.market.house.open_reader() as reader:
            acting = sessions.by_session(reader, after)
        assert acting is not None
        assert (acting.organisation_code, acting.rights, acting.actor.label) == (
            "E02",
            {"PREPARE"},
            f"E02/user-{acting.user_id}",
        )

    def test_nobody_switches_to_an_organisation_of_others(self, site: Site) -> None:
        theirs = person_of(site, "seller").membership_id
        desk = Desk(site, "firm")
        for wanted in (str(theirs), "0", "", "x", "9" * 30):
            assert desk.post("/account/switch", membership=wanted).status_code == 404
        assert "E01" in person_of(site, "firm").organisation_code

    def test_a_membership_that_ended_takes_its_session_and_key_with_it(self, site: Site, both: int) -> None:
        desk = Desk(site, "firm")
        acting = fresh_cookie(desk.post("/account/switch", membership=str(both)))
        with site.market.house.open_work() as work:
            key = api_keys.grant_api_key(work, user_id=person_of(site, "firm").user_id, membership_id=both)
        bearer = {"Authorization": f"Bearer {key}"}
        assert site.client.get("/api/v1/duties", headers=bearer).status_code == 200
        with site.market.work("E02") as work:
            members.remove(work, organisation_id=site.market.party("E02"), membership_id=both)
        assert not opens(site, acting)
        assert site.client.get("/api/v1/duties", headers=bearer).status_code == 401
        assert opens(site, site.session("firm"))


class TestPasswords:
    def form(self, **changed: str) -> dict[str, str]:
        return {"current": PASSWORD, "new": NEW, "again": NEW} | changed

    def test_a_change_gives_a_new_token_and_ends_all_other_sessions(self, site: Site) -> None:
        desk, other = Desk(site, "firm"), site.session("firm")
        before = desk.headers["Cookie"].partition("=")[2]
        after = fresh_cookie(desk.post("/account/password", **self.form()))
        assert [opens(site, token) for token in (before, other, after)] == [False, False, True]
        assert site.sign_in("firm").status_code == 401
        assert site.sign_in("firm", NEW).status_code == 303

    @pytest.mark.parametrize(
        ("field", "changed"),
        [
            ("current", {"current": "wrong"}),
            ("again", {"again": "something else"}),
            ("new", {"new": "short", "again": "short"}),
            ("new", {"new": "password1234", "again": "password1234"}),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field_and_changes_nothing(self, site: Site, field, changed) -> None:
        answer = Desk(site, "firm").post("/account/password", **self.form(**changed))
        assert answer.status_code == 422
        assert f'id="error-{field}"' in answer.text
        assert site.sign_in("firm").status_code == 303

    def test_an_open_session_does_not_let_its_password_be_guessed(self, site: Site) -> None:
        desk = Desk(site, "firm")
        statuses = [desk.post("/account/password", **self.form(current=f"guess {n}")).status_code for n in range(12)]
        assert statuses == [422] * 10 + [429] * 2


class TestTheSecondFactor:
    def set_up(self, desk: Desk) -> tuple[pyotp.TOTP, list[str], str]:
        """Sets it up as a person does; gives the app, the recovery codes and the new session."""
        desk.post("/account/second-factor/begin")
        page = desk.get("/account/second-factor").text
        secret = re.search(r'class="code secret" translate="no">([A-Z2-7 ]+)<', page)
        assert secret is not None
        assert 'src="data:image/svg+xml' in page
        app = pyotp.TOTP(secret.group(1).replace(" ", ""))
        answer = desk.post("/account/second-factor/confirm", code=app.at(system_clock() - STEP))
        assert answer.status_code == 200
        codes = re.findall(r'<li class="code">([a-z2-7-]+)</li>', answer.text)
        return app, codes, fresh_cookie(answer)

    def test_it_is_set_up_by_a_code_and_shows_ten_codes_once(self, site: Site) -> None:
        desk, other = Desk(site, "firm"), site.session("firm")
        before = desk.headers["Cookie"].partition("=")[2]
        _, codes, after = self.set_up(desk)
        assert len(set(codes)) == 10
        assert [opens(site, token) for token in (before, other, after)] == [False, False, True]
        again = site.client.get("/account/second-factor", headers=site.cookie(after)).text
        assert not [code for code in codes if code in again]

    def test_a_wrong_code_puts_nothing_in_force(self, site: Site) -> None:
        desk = Desk(site, "firm")
        desk.post("/account/second-factor/begin")
        answer = desk.post("/account/second-factor/confirm", code="000000")
        assert answer.status_code == 422
        assert 'id="error-code"' in answer.text
        assert site.sign_in("firm").headers["location"] == "/my"

    def test_renewing_and_ending_take_a_present_code(self, site: Site) -> None:
        app, codes, session = self.set_up(Desk(site, "firm"))
        headers = site.cookie(session) | HTML
        site.client.cookies.clear()

        def send(path: str, code: str) -> Any:
            token = token_in(site.client.get("/account/second-factor", headers=headers).text)
            form = {"code": code, "_csrf_token": token}
            return site.client.post(
                f"/account/second-factor/{path}", data=form, headers=headers, follow_redirects=False
            )

        for path in ("begin", "recovery-codes", "end"):
            assert send(path, "").status_code == 422
        assert send("begin", codes[0]).status_code == 303
        ended = send("end", app.at(system_clock()))
        assert ended.headers["location"].endswith("said=factor-ended")
        site.client.cookies.clear()
        assert site.sign_in("firm").headers["location"] == "/my"


class TestSessionsPage:
    def test_it_lists_the_own_sessions_and_marks_the_present_one(self, site: Site) -> None:
        desk = Desk(site, "firm")
        site.session("firm")
        site.session("seller")
        page = site.client.get("/account/sessions", headers=desk.headers | {"Accept-Language": "en"}).text
        assert page.count('scope="row"') == 2
        assert page.count("this one") == 1

    def test_a_revoked_session_stops_at_once(self, site: Site) -> None:
        desk, lost = Desk(site, "firm"), site.session("firm")
        with site.market.house.open_reader() as reader:
            found = sessions.find(reader, lost)
            assert found is not None
        assert desk.post(f"/account/sessions/{found[0].id}/end").status_code == 303
        assert not opens(site, lost)
        assert desk.get("/account").status_code == 200

    def test_all_others_end_and_this_one_stays(self, site: Site) -> None:
        desk = Desk(site, "firm")
        others, theirs = [site.session("firm") for _ in range(3)], site.session("seller")
        desk.post("/account/sessions/end-others")
        assert not any(opens(site, token) for token in others)
        assert opens(site, theirs)
        assert desk.get("/account").status_code == 200


class TestKeys:
    def form(self, **changed: str) -> dict[str, str]:
        until = civil_date(system_clock()) + timedelta(days=90)
        return {"name": "ERP", "scope_read": "yes", "expires_on": until.isoformat()} | changed

    def test_a_key_is_shown_once_and_stops_when_it_is_revoked(self, site: Site) -> None:
        desk = Desk(site, "firm")
        made = desk.post("/account/keys", **self.form())
        (key,) = re.findall(r"tanyi_[\w-]{40,}", made.text)
        bearer = {"Authorization": f"Bearer {key}"}
        assert site.client.get("/api/v1/duties", headers=bearer).status_code == 200
        page = desk.get("/account/keys").text
        assert key not in page
        assert key[: api_keys.SHOWN_CHARACTERS] in page
        (number, *_) = re.findall(r"/account/keys/(\d+)/revoke", page)
        assert desk.post(f"/account/keys/{number}/revoke").status_code == 303
        assert site.client.get("/api/v1/duties", headers=bearer).status_code == 401

    @pytest.mark.parametrize(
        ("field", "changed"),
        [
            ("scope", {"scope_read": ""}),
            ("name", {"name": ""}),
            ("expires_on", {"expires_on": "2020-01-01"}),
            ("expires_on", {"expires_on": "2099-01-01"}),
            ("expires_on", {"expires_on": ""}),
        ],
    )
    def test_what_is_wrong_is_said_and_no_key_is_made(self, site: Site, field, changed) -> None:
        answer = Desk(site, "firm").post("/account/keys", **self.form(**changed))
        assert answer.status_code == 422
        assert f'id="error-{field}"' in answer.text
        assert not re.search(r"tanyi_[\w-]{40,}", answer.text)

    def test_each_route_of_the_api_asks_for_its_scope(self, site: Site) -> None:
        trade = {
            "POST /api/v1/listings",
            "POST /api/v1/listings/{number}/purchases",
            "POST /api/v1/bids/{number}/confirmation",
            "POST /api/v1/rounds/{number}/publish",
        }
        asked = {
            f"{method} {path}": found.key_scope_of(method)
            for path, method, handler in handlers_of(site.app)
            if path.startswith("/api/") and (found := declared(handler))
        }
        for route, scope in asked.items():
            reads = route.startswith("GET ") or route == "POST /api/v1/desk"
            assert scope == ("read" if reads else "trade" if route in trade else "write"), route

    def test_a_key_gets_through_with_its_scope_alone(self, site: Site) -> None:
        def wrong_scope(path: str, method: str, scopes: list[str]) -> bool:
            role = "operator" if "rounds" in path else "seller"
            with site.market.house.open_work() as work:
                key = api_keys.grant_api_key(work, user_id=person_of(site, role).user_id, scopes=scopes)
            headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "key-of-the-test"}
            answer = site.client.request(method, path.replace("{number}", "none"), headers=headers, json={})
            return "security.wrong_scope" in answer.text

        calls = [
            ("/api/v1/holdings", "GET", "read"),
            ("/api/v1/projects", "GET", "read"),
            ("/api/v1/rounds/none/close", "POST", "write"),
            ("/api/v1/rounds/none/publish", "POST", "trade"),
            ("/api/v1/listings", "POST", "trade"),
        ]
        for path, method, needed in calls:
            assert not wrong_scope(path, method, [needed]), path
            assert wrong_scope(path, method, [scope for scope in api_keys.SCOPES if scope != needed]), path

    def test_an_expired_key_opens_nothing(self, site: Site) -> None:
        with site.market.house.open_work() as work:
            key = api_keys.grant_api_key(work, user_id=person_of(site, "firm").user_id, expires_at=work.now)
        assert site.client.get("/api/v1/duties", headers={"Authorization": f"Bearer {key}"}).status_code == 401


class TestPeople:
    def invite(self, desk: Desk, **changed: str) -> Any:
        form = {"email": "new@example.com", "role_firm": "yes", "right_PREPARE": "yes"} | changed
        return desk.post("/account/people", **form)

    def link(self, desk: Desk) -> str:
        found = re.search(r"/invitations/([\w-]{40,})", self.invite(desk).text)
        assert found is not None
        return found.group(0)

    def test_a_new_person_accepts_signs_in_and_prepares(self, site: Site) -> None:
        link = self.link(Desk(site, "firm"))
        site.client.cookies.clear()
        page = site.client.get(link, headers=ENGLISH)
        assert "Demo E01" in page.text
        form = {"name": "新人", "username": "new.person", "password": NEW, "again": NEW}
        sent = form | {"_csrf_token": token_in(page.text)}
        assert site.client.post(link, data=sent, follow_redirects=False).headers["location"].startswith("/sign-in")
        assert site.sign_in("new.person", NEW).status_code == 303
        mine = site.client.get("/account", headers=ENGLISH).text
        assert "To prepare" in mine.partition("What the rights mean")[0]
        assert "To approve" not in mine.partition("What the rights mean")[0]
        site.client.cookies.clear()
        assert site.client.get(link, headers=HTML).status_code == 409

    def test_who_is_signed_in_joins_by_one_click(self, site: Site) -> None:
        link, seller = self.link(Desk(site, "firm")), Desk(site, "seller")
        assert seller.get(link).status_code == 200
        assert seller.post(f"{link}/join").headers["location"] == "/account?said=joined"
        assert seller.post(f"{link}/join").status_code == 409
        with site.market.house.open_reader() as reader:
            found = parties.users_of(reader, site.market.party("E01"))
        assert "seller" in [each.username for each in found]

    def test_who_has_a_sign_in_joins_by_the_password_and_guesses_are_held(self, site: Site) -> None:
        link = self.link(Desk(site, "firm"))
        site.client.cookies.clear()
        token = token_in(site.client.get(link).text)

        def join(password: str) -> int:
            form = {"username": "seller", "password": password, "_csrf_token": token}
            return site.client.post(f"{link}/join-with-password", data=form, follow_redirects=False).status_code

        assert [join("wrong") for _ in range(3)] == [401] * 3
        assert join(PASSWORD) == 303
        assert join(PASSWORD) == 409

    def test_no_link_is_guessed(self, site: Site) -> None:
        for token in ("x", "x" * 43, "%00", "..%2f"):
            assert site.client.get(f"/invitations/{token}", headers=HTML).status_code == 404

    @pytest.mark.parametrize(
        ("field", "changed"),
        [
            ("email", {"email": "nobody"}),
            ("grant", {"role_firm": ""}),
            ("grant", {"role_firm": "", "role_operator": "yes"}),
            ("grant", {"right_PREPARE": ""}),
        ],
    )
    def test_what_cannot_be_granted_is_said_beside_its_field(self, site: Site, field, changed) -> None:
        answer = self.invite(Desk(site, "firm"), **changed)
        assert answer.status_code == 422
        assert f'id="error-{field}"' in answer.text

    def test_rights_change_with_the_next_click_and_a_removed_person_is_out(self, site: Site) -> None:
        desk = Desk(site, "firm")
        with site.market.house.open_reader() as reader:
            colleague = parties.users_of(reader, site.market.party("E01"))[0]
        with site.market.house.open_work() as work:
            session = sessions.begin(work, user_id=colleague.user_id)
        member = f"/account/people/{colleague.membership_id}"
        assert desk.post(member, role_firm="yes", right_APPROVE="yes").status_code == 303
        people = site.client.get("/account/people", headers=site.cookie(session) | HTML).text
        assert 'action="/account/people"' not in people
        assert desk.post(f"{member}/remove").status_code == 303
        assert not opens(site, session)

    def test_the_last_administrator_is_told_so(self, site: Site) -> None:
        desk = Desk(site, "firm")
        with site.market.house.open_reader() as reader:
            colleague, me = parties.users_of(reader, site.market.party("E01"))
        desk.post(f"/account/people/{colleague.membership_id}/remove")
        answer = desk.post(f"/account/people/{me.membership_id}", role_firm="yes", right_PREPARE="yes")
        assert answer.status_code == 422
        assert 'id="error-grant"' in answer.text
        assert desk.post(f"/account/people/{me.membership_id}/remove").status_code == 409

    def test_the_department_gives_areas_within_its_own(self, site: Site) -> None:
        with site.market.house.open_work() as work:
            regulator = person_of(site, "regulator")
            actor = regulator.actor
        with site.market.house.open_work(actor) as work:
            own = parties.in_membership(work, regulator.membership_id)
            assert own is not None
            parties.add_member(
                work,
                user_id=own.user_id,
                organisation_id=own.organisation_id,
                roles=own.roles,
                rights=own.rights,
                jurisdiction="130200",
            )
        desk = Desk(site, "regulator")
        page = desk.get("/account/people").text
        assert 'value="130200"' in page
        assert 'value="130100"' not in page
        form = {"email": "new@example.com", "role_regulator": "yes", "right_PREPARE": "yes"}
        assert desk.post("/account/people", jurisdiction="130200", **form).status_code == 200
        beyond = desk.post("/account/people", jurisdiction="130000", **form)
        assert beyond.status_code == 422


class TestAreas:
    def test_an_office_may_keep_to_its_area_in_the_registry(self, site: Site) -> None:
        from tests.market_makers import description

        with site.market.work("S01") as work:
            from market.registry import projects

            for code, region in (("P91", "130200"), ("P92", "130800")):
                given = description(site.market.party("S01"), code, "afforestation", region=region)
                projects.draft(work, description=given)
        with site.market.house.open_work() as work:
            own = person_of(site, "regulator")
            parties.add_member(
                work,
                user_id=own.user_id,
                organisation_id=own.organisation_id,
                roles=own.roles,
                rights=own.rights,
                jurisdiction="130200",
            )
        desk = Desk(site, "regulator")
        assert "130200" not in desk.get("/registry").text.partition("<main")[0]
        mine, all_of_them = desk.get("/registry?area=mine").text, desk.get("/registry").text
        assert ("P91" in mine, "P92" in mine) == (True, False)
        assert ("P91" in all_of_them, "P92" in all_of_them) == (True, True)
        public = site.client.get("/registry?area=mine", headers=HTML).text
        assert ("P92" in public, 'name="area"' in public) == (True, False)


def test_no_form_of_these_pages_works_without_its_token(site: Site) -> None:
    desk, tried = Desk(site, "firm"), 0
    for path, method, _ in handlers_of(site.app):
        if method == "POST" and not is_api(path) and path.startswith(("/account", "/invitations", "/sign-in")):
            address = re.sub(r"\{\w+\}", "1", path)
            for form in ({}, {"_csrf_token": "0" * 64}):
                answer = site.client.post(address, data=form, headers=desk.headers, follow_redirects=False)
                assert (answer.status_code, "security.form_not_ours" in answer.text) == (403, True), path
            tried += 1
    assert tried >= 15
