"""The pages over a running application: facts in both languages, forms that forgive, and nothing that is not one's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import event

from matching.certificate import read_certificate
from matching.checker import check
from matching.problem import read_problem, read_result
from settlement.certificate_format import verify
from tanyi.app.factory import application_of
from tanyi.app.installation import Installation, open_installation
from tanyi.app.pages import rendering, views_firms
from tanyi.app.pages.tabular import Asked
from tanyi.kernel.config import settings
from tests.app.desks import HTML, Desk, field
from tests.app.web import BASE, PASSWORD, Site, site_of, token_in
from tests.market_makers import (
    Market,
    make_issued,
    make_listing,
)

LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


@pytest.fixture(scope="module")
def demo(demo_folder: Path) -> Iterator[Installation]:
    """The demo as it stands after its run; read and never changed."""
    with open_installation(settings({}, demo_folder)) as house:
        yield house


@pytest.fixture(scope="module")
def public(demo: Installation) -> Iterator[TestClient[Litestar]]:
    """A stranger at the demo's site."""
    with TestClient(application_of(demo), base_url=BASE) as client:
        client.headers.update(HTML)
        yield client


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


class TestPublicPages:
    @LANGUAGES
    @pytest.mark.parametrize(
        ("path", "facts"),
        [
            ("/", ["254,144", "254,263", "102,678", "2026-1"]),
            ("/market", ["46.00", "17,489"]),
            ("/registry?page=2", ["P21", "P40"]),
            ("/registry?q=P26", ["P26"]),
            ("/registry?q=HB-forestry-P01-2025-1-7743", ["R100003", "P01"]),
            ("/registry?state=METHODOLOGY_PENDING", ["P26"]),
            ("/projects/P01", ["56,120", "33,672", "22,448", "afforestation@V01", "C_TREE(t1)"]),
            ("/projects/P26", ["P26"]),
            ("/listings/L100008", ["60.00", "wetland@V01"]),
            ("/rounds", ["2026-1", "2026-2", "254,144"]),
            ("/rounds/2026-1", ["254,144", "13,052,120.00", "0", "problem.json"]),
            ("/rounds/2026-2", ["2026-2"]),
            ("/certificates/R100001", ["119", "壹佰壹拾玖吨", "<svg", "HB-wetland-P10"]),
            ("/certificates/R100002", ["34,440", "D2026-B001"]),
            ("/sign-in", ["forest.listing", "platform.rounds"]),
        ],
    )
    def test_every_page_tells_its_facts_in_both_languages(
        self, public: TestClient[Litestar], language: str, path: str, facts: list[str]
    ) -> None:
        public.cookies.set("tanyi_locale", language)
        answer = public.get(path)
        assert answer.status_code == 200
        assert f'<html lang="{rendering.LANGUAGES[language]}">' in answer.text
        plain = answer.text.replace("<wbr>", "")
        assert [fact for fact in facts if fact not in plain] == []
        assert "DEMO 演示，无法律效力" in answer.text

    @LANGUAGES
    def test_what_rests_on_demo_benchmarks_says_so(self, demo: Installation, language: str) -> None:
        with demo.open_reader() as reader:
            asked = Asked("/duties/D2026-B001", locale=language)
            told = views_firms.duty(reader, "D2026-B001", asked, organisation_id=0, may_read_all=True)
        frame = {"demo": True, "user": None, "path": "/", "csrf_token": "", "flash": [], "nonce": ""}
        shown = rendering.render("pages/firm/duty.html", locale=language, **told, **frame)
        assert rendering.translate("Illustrative benchmark or assumption.", locale=language) in shown
        assert rendering.translate("assumption", locale=language) in shown
        assert "34,440" in shown

    @pytest.mark.parametrize("asked", ["abc", "-1", "0", "999999", "9" * 400, "1.5", "１", "%00", ""])
    @pytest.mark.parametrize("path", ["/market", "/registry", "/rounds", "/rounds/2026-1", "/projects/P01"])
    def test_an_odd_page_number_shows_a_page(self, public: TestClient[Litestar], path: str, asked: str) -> None:
        assert public.get(f"{path}?page={asked}").status_code == 200

    @pytest.mark.parametrize(
        "address",
        [
            "/market?type=unknown&region=1&sort=sideways&price_to=cheap",
            "/market?price_to=1e9",
            "/market?price_to=-5",
            "/market?price_to=" + "9" * 300,
            "/market?type=wind&type=wetland",
            "/registry?type=unknown&state=LOST",
            "/registry?q=%00%25_%27%22\\",
            "/registry?q=" + "x" * 5000,
            "/registry?q=99999999999999999-99999999999999999",
            "/registry?q=999999999999999999999999-1",
            "/rounds/2026-1?said=anything",
        ],
    )
    def test_a_query_that_makes_no_sense_is_answered_with_a_page(
        self, public: TestClient[Litestar], address: str
    ) -> None:
        assert public.get(address).status_code == 200

    @pytest.mark.parametrize("kind", ["projects", "listings", "rounds", "certificates"])
    @pytest.mark.parametrize("number", ["nothing", "L1'--", "%00", "x" * 500, "R100001.json.json"])
    def test_what_does_not_exist_is_not_found(self, public: TestClient[Litestar], kind: str, number: str) -> None:
        answer = public.get(f"/{kind}/{number}")
        assert answer.status_code == 404
        assert "<h1>" in answer.text

    def test_an_unpublished_round_gives_no_files(self, public: TestClient[Litestar]) -> None:
        assert public.get("/rounds/2026-2/problem.json").status_code == 404
        assert public.get("/rounds/2026-1/problem.json").json()["format"] == "tanyi.match/1"
        assert public.get("/rounds/2026-1/result.json").json()["format"] == "tanyi.match.result/1"
        assert public.get("/rounds/2026-2/certificate.json").status_code == 404

    def test_a_published_round_proves_its_bounds_to_whoever_follows_its_page(
        self, public: TestClient[Litestar]
    ) -> None:
        page = public.get("/rounds/2026-1").text
        problem, result, certificate = re.findall(r'href="(/rounds/2026-1/[a-z]+\.json)" download', page)
        assert "tanyi check problem.json result.json --certificate certificate.json" in page
        shown = public.get("/api/v1/rounds/2026-1").json()
        assert [shown["problem"], shown["result"], shown["certificate"]] == [problem, result, certificate]
        proof = read_certificate(public.get(certificate).content)
        frozen, reached = public.get(problem).content, public.get(result).content
        assert check(read_problem(frozen), read_result(reached), proof) == []

    def test_the_certificate_of_the_page_is_verified_with_the_public_keys(self, public: TestClient[Litestar]) -> None:
        found = verify(public.get("/certificates/R100001.json").content, public.get("/.well-known/jwks.json").json())
        assert found.payload.number == "R100001"

    def test_filters_of_the_market_narrow_it(self, public: TestClient[Litestar]) -> None:
        wind = public.get("/market?type=wind&price_to=46.50").text
        assert "46.00" in wind
        assert "47.00" not in wind
        assert public.get("/market?region=131100").text.count("/listings/L") == 1
        largest = public.get("/market?sort=-quantity_t").text
        assert largest.index("30,388") < largest.index("17,489")


class TestEmptyStates:
    def test_an_empty_market_has_pages_that_say_so(self, site: Site) -> None:
        for path in ("/", "/market", "/registry", "/rounds"):
            for language in ("zh", "en"):
                answer = site.client.get(path, headers={**HTML, "Cookie": f"tanyi_locale={language}"})
                assert (answer.status_code, 'class="nothing"' in answer.text) == (200, True), path

    def test_an_own_page_without_anything_says_so(self, site: Site) -> None:
        for role in ("seller", "firm", "organiser"):
            answer = Desk(site, role).get("/my")
            assert (answer.status_code, 'class="nothing"' in answer.text) == (200, True), role

    def test_every_office_has_a_home_that_says_when_nothing_waits(self, site: Site) -> None:
        for role in ("operator", "regulator", "verifier"):
            answer = Desk(site, role).get("/my")
            assert (answer.status_code, answer.url.path, 'id="todo"' in answer.text) == (200, "/my", True), role


class TestAccounts:
    def test_changing_the_language_never_leaves_the_site(self, site: Site) -> None:
        for wanted in ("https://example.org", "//example.org", "/\\example.org", "javascript:x", ""):
            answer = site.client.get("/language/en", params={"next": wanted}, follow_redirects=False)
            assert answer.headers["location"] == "/"

    def test_changing_the_language_keeps_the_search(self, site: Site) -> None:
        page = site.client.get("/registry?q=P01&page=1", headers=HTML | {"Cookie": "tanyi_locale=en"}).text
        back = re.search(r'href="(/language/zh[^"]*)"', page)
        assert back is not None
        answer = site.client.get(back.group(1).replace("&amp;", "&"), follow_redirects=False)
        assert answer.headers["location"] == "/registry?q=P01&page=1"
        assert "tanyi_locale=zh" in answer.headers["set-cookie"]

    def test_a_wrong_password_is_said_on_the_form(self, site: Site) -> None:
        page = site.client.get("/sign-in?next=/sell").text
        form = {"username": "seller", "password": "wrong", "next": "/sell", "_csrf_token": token_in(page)}
        answer = site.client.post("/sign-in", data=form)
        assert answer.status_code == 401
        assert field(answer.text, "username") == "seller"
        answer = site.client.post("/sign-in", data=form | {"password": PASSWORD}, follow_redirects=False)
        assert answer.headers["location"] == "/sell"

    def test_the_demos_accounts_are_shown_in_the_demo_only(self, site: Site) -> None:
        account = {"roles": ["seller"], "password": "known-to-all"}
        names = ("name_zh", "name_en", "organisation_name_zh", "organisation_name_en")
        text = json.dumps({"forest": account | dict.fromkeys(names, "x")})
        assert "known-to-all" not in site.client.get("/sign-in").text
        (site.market.house.settings.data / "demo-accounts.json").write_text(text, encoding="utf-8")
        assert "known-to-all" in site.client.get("/sign-in").text


class TestSpeed:
    def test_more_listings_need_no_more_queries(self, site: Site) -> None:
        asked: list[str] = []
        engine = site.market.house.database.app_engine()
        event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        counts = []
        for count in range(2):
            for place in range(1 + 5 * count):
                code = f"P{count}{place}"
                make_listing(site.market, "S01", make_issued(site.market, "S01", 300, code), 300)
            asked.clear()
            for path in ("/market", "/registry", "/"):
                assert site.client.get(path, headers=HTML).status_code == 200
            counts.append(len(asked))
        assert counts[0] == counts[1]


def test_the_registry_leads_from_a_certificates_number_to_the_certificate(public: TestClient[Litestar]) -> None:
    answer = public.get("/registry?q=r100001", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/certificates/R100001")
