"""The pages over a running application: facts in both languages, forms that forgive, and nothing that is not one's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from sqlalchemy import event

from market.trading import bids, listings, trades
from matching import rounds
from settlement.certificate_format import verify
from tanyi.app.factory import application_of
from tanyi.app.installation import Installation, open_installation
from tanyi.app.pages import rendering, views_firms
from tanyi.kernel.clock import civil_date, system_clock
from tanyi.kernel.config import settings
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks
from tests.app.web import BASE, PASSWORD, Site, run_everything, site_of, token_in
from tests.market_makers import (
    ROUND,
    Market,
    make_duties,
    make_issued,
    make_listing,
    make_offers,
    make_round,
    with_faults,
)

LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
HTML = {"Accept": "text/html"}


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


class Desk:
    """One person's browser: reads pages and sends their forms with the token that the page gave."""

    def __init__(self, site: Site, role: str) -> None:
        self.site = site
        self.headers = site.cookie(site.session(role)) | HTML
        self.token = site.form_token(self.headers)

    def get(self, path: str) -> Any:
        return self.site.client.get(path, headers=self.headers)

    def post(self, path: str, **fields: str) -> Any:
        form = {"_csrf_token": self.token, **fields}
        return self.site.client.post(path, data=form, headers=self.headers, follow_redirects=False)


def field(page: str, name: str) -> str:
    """What stands in a field of a form."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page)
    assert found is not None, f"the page has no field {name}"
    return found.group(1)


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
            told = views_firms.duty(reader, "D2026-B001", organisation_id=0, may_read_all=True)
        frame = {"demo": True, "user": None, "path": "/", "csrf_token": "", "flash": []}
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

    def test_the_certificate_of_the_page_is_verified_with_the_public_keys(self, public: TestClient[Litestar]) -> None:
        found = verify(public.get("/certificates/R100001.json").content, public.get("/.well-known/jwks.json").json())
        assert found.payload.number == "R100001"

    def test_filters_of_the_market_narrow_it(self, public: TestClient[Litestar]) -> None:
        wind = public.get("/market?type=wind&price_to=46.50").text
        assert "46.00" in wind
        assert "47.00" not in wind
        assert public.get("/market?region=131100").text.count("/listings/L") == 1
        largest = public.get("/market?sort=quantity").text
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

    def test_an_office_is_led_to_its_work(self, site: Site) -> None:
        places = {"operator": "/rounds", "regulator": "/registry", "verifier": "/registry"}
        assert {role: Desk(site, role).get("/my").url.path for role in places} == places


class TestSelling:
    @pytest.fixture
    def seller(self, site: Site) -> Desk:
        make_issued(site.market, "S01", 3000)
        return Desk(site, "seller")

    def form(self, seller: Desk, **changed: str) -> dict[str, str]:
        page = seller.get("/sell").text
        until = (civil_date(system_clock()) + timedelta(days=90)).isoformat()
        sent = {"holding": field(page, "holding"), "quantity_t": "1000", "price_yuan": "56.50", "expires_on": until}
        return sent | {"listing_key": field(page, "listing_key")} | changed

    def test_a_listing_is_opened_at_the_exact_price(self, seller: Desk) -> None:
        assert seller.post("/sell", **self.form(seller)).headers["location"] == "/my?said=listed"
        with seller.site.market.work("S01") as work:
            (offer,) = listings.all_open(work)
            assert offer.ask_fen == 5650
            assert blocks.offered_t(work, [offer.id]) == {offer.id: Tonnes(1000)}
        assert 'class="notice notice-success"' in seller.get("/my?said=listed").text

    def test_a_form_sent_twice_opens_one_listing(self, seller: Desk) -> None:
        sent = self.form(seller)
        assert [seller.post("/sell", **sent).status_code for _ in range(2)] == [303, 303]
        with seller.site.market.work("S01") as work:
            assert len(listings.all_open(work)) == 1

    def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(self, seller: Desk) -> None:
        wrong = {
            "quantity_t": ["3001", "0", "-5", "1e3", "12.5", "9" * 30],
            "price_yuan": ["56.505", "0", "abc", "100000.01"],
            "expires_on": ["2020-01-01", "9999-12-31", "tomorrow"],
            "holding": ["999"],
        }
        for name, typed in [(name, typed) for name, all_typed in wrong.items() for typed in all_typed]:
            sent = self.form(seller, **{name: typed})
            answer = seller.post("/sell", **sent)
            assert (answer.status_code, answer.text.count('class="field-error"')) == (422, 1), (name, typed)
            kept = {each: field(answer.text, each) for each in ("quantity_t", "price_yuan", "expires_on")}
            assert kept == {each: sent[each] for each in kept}
        with seller.site.market.work("S01") as work:
            assert not listings.all_open(work)


class TestBids:
    @pytest.fixture
    def firm(self, site: Site) -> Desk:
        make_duties(site.market, E01="10000", E02="5000")
        make_offers(site.market)
        make_round(site.market)
        return Desk(site, "firm")

    def test_a_firm_raises_its_ecological_share_and_never_lowers_it(self, firm: Desk) -> None:
        lowered = firm.post("/bids/B100001", limit_yuan="61", ecological_percent="49.9", max_group_percent="")
        assert lowered.status_code == 422
        assert field(lowered.text, "ecological_percent") == "49.9"
        assert 'id="error-ecological_percent"' in lowered.text
        raised = firm.post("/bids/B100001", limit_yuan="61.05", ecological_percent="60", max_group_percent="40.5")
        assert raised.headers["location"] == "/bids/B100001?said=confirmed"
        with firm.site.market.work("E01") as work:
            bid = bids.of_buyer_by_number(work, number="B100001", buyer_id=firm.site.market.party("E01"))
            assert (bid.limit_fen, bid.floor_permille, bid.max_group_permille) == (6105, 600, 405)

    def test_terms_that_cannot_be_are_refused_beside_their_field(self, firm: Desk) -> None:
        wrong = [
            ("limit_yuan", ""),
            ("limit_yuan", "1.005"),
            ("max_group_percent", "0"),
            ("ecological_percent", "100.1"),
        ]
        for name, typed in wrong:
            sent = {"limit_yuan": "61", "ecological_percent": "50", "max_group_percent": ""} | {name: typed}
            answer = firm.post("/bids/B100001", **sent)
            assert answer.status_code == 422
            assert f'id="error-{name}"' in answer.text
            assert field(answer.text, name) == typed

    def test_another_firms_bid_and_duty_do_not_exist(self, firm: Desk) -> None:
        paths = ["/bids/B100002", "/duties/D2026-B002", "/bids/B999", "/duties/none"]
        assert {firm.get(path).status_code for path in paths} == {404}
        answer = firm.post("/bids/B100002", limit_yuan="61", ecological_percent="50", max_group_percent="")
        assert answer.status_code == 404

    def test_the_department_reads_every_duty(self, firm: Desk) -> None:
        department = Desk(firm.site, "regulator")
        assert "1,000" in department.get("/duties/D2026-B001").text
        assert "500" in department.get("/duties/D2026-B002").text

    def test_a_bid_cannot_be_changed_after_the_round_was_closed(self, firm: Desk) -> None:
        assert Desk(firm.site, "operator").post(f"/rounds/{ROUND}/close").status_code == 303
        assert firm.post("/bids/B100001", limit_yuan="61", ecological_percent="50").status_code == 409
        assert "<form" not in firm.get("/bids/B100001").text.partition("<main")[2].partition("</main")[0]


class TestBuyingForAnEvent:
    @pytest.fixture
    def number(self, market: Market) -> str:
        return make_listing(market, "S01", make_issued(market, "S01", 3000), 3000)

    def form(self, organiser: Desk, number: str, **changed: str) -> dict[str, str]:
        key = field(organiser.get(f"/listings/{number}").text, "purchase_key")
        sent = {"quantity_t": "25", "event_name": "演示论坛", "event_on": "2026-12-01", "event_place": "石家庄"}
        return sent | {"beneficiary": "", "understood": "yes", "purchase_key": key} | changed

    def bought_t(self, site: Site) -> int:
        with site.market.work() as work:
            return sum(trade.quantity_t for trade in trades.purchases(work))

    def test_a_purchase_ends_with_a_receipt_and_a_certificate(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        sent = organiser.post(f"/listings/{number}/purchases", **self.form(organiser, number))
        receipt = organiser.get(sent.headers["location"])
        assert "1,400.00" in receipt.text
        assert "演示论坛" in receipt.text
        certificate = re.search(r"/certificates/(R\d+)", receipt.text)
        assert certificate is not None
        assert "演示论坛" in site.client.get(certificate.group(0), headers=HTML).text
        assert "1,400.00" in organiser.get("/my").text

    def test_a_form_sent_twice_buys_once(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        sent = self.form(organiser, number)
        first, second = (organiser.post(f"/listings/{number}/purchases", **sent) for _ in range(2))
        assert first.headers["location"] == second.headers["location"]
        assert self.bought_t(site) == 25

    def test_a_form_sent_again_with_other_entries_buys_nothing_more(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        sent = self.form(organiser, number)
        organiser.post(f"/listings/{number}/purchases", **sent)
        answer = organiser.post(f"/listings/{number}/purchases", **sent | {"quantity_t": "30"})
        assert answer.status_code == 422
        assert field(answer.text, "quantity_t") == "30"
        assert self.bought_t(site) == 25

    def test_a_listing_in_a_round_cannot_be_bought_from(self, site: Site, number: str) -> None:
        organiser, operator = Desk(site, "organiser"), Desk(site, "operator")
        sent = self.form(organiser, number)
        in_round = operator.post("/rounds").headers["location"].rpartition("/")[2]
        operator.post(f"/rounds/{in_round}/close")
        assert organiser.post(f"/listings/{number}/purchases", **sent).status_code == 422
        assert "purchase_key" not in organiser.get(f"/listings/{number}").text
        assert self.bought_t(site) == 0

    def test_a_wrong_order_costs_nothing_and_keeps_what_was_typed(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        wrong = {
            "quantity_t": ["3001", "0", "many"],
            "event_name": ["", "长" * 201],
            "event_on": ["2026-13-01", ""],
            "event_place": [""],
            "understood": [""],
        }
        for name, typed in [(name, typed) for name, all_typed in wrong.items() for typed in all_typed]:
            sent = self.form(organiser, number, **{name: typed})
            answer = organiser.post(f"/listings/{number}/purchases", **sent)
            assert (answer.status_code, 'class="field-error"' in answer.text) == (422, True), (name, typed)
            kept = {each: field(answer.text, each) for each in ("quantity_t", "event_place")}
            assert kept == {each: sent[each] for each in kept}
        assert self.bought_t(site) == 0

    def test_a_declined_payment_loses_nothing(self, market: Market, number: str) -> None:
        market.house = with_faults(market.house, decline_permille=1000)
        with site_of(market) as site:
            organiser = Desk(site, "organiser")
            sent = self.form(organiser, number)
            answer = organiser.post(f"/listings/{number}/purchases", **sent)
            assert answer.status_code == 422
            assert 'class="notice notice-danger"' in answer.text
            assert field(answer.text, "event_name") == "演示论坛"
            assert field(answer.text, "purchase_key") != sent["purchase_key"]
            assert "3,000" in organiser.get(f"/listings/{number}").text

    def test_a_silent_bank_is_asked_again_with_the_same_order(self, market: Market, number: str) -> None:
        real = market.house
        market.house = with_faults(real, unavailable_permille=1000)
        with site_of(market) as site:
            organiser = Desk(site, "organiser")
            sent = self.form(organiser, number)
            answer = organiser.post(f"/listings/{number}/purchases", **sent)
            assert field(answer.text, "purchase_key") == sent["purchase_key"]
            site.app.state.house = real
            again = organiser.post(f"/listings/{number}/purchases", **sent)
            assert again.headers["location"].startswith("/purchases/R")
            assert self.bought_t(site) == 25

    def test_somebody_elses_receipt_does_not_exist(self, site: Site) -> None:
        numbers = run_everything(site.market)
        assert Desk(site, "organiser").get(f"/purchases/{numbers['E01']}").status_code == 404


class TestTheOperatorsDesk:
    def test_a_voluntary_round_goes_from_the_desk_to_the_firms_account(self, site: Site) -> None:
        market = site.market
        make_offers(market)
        operator, firm = Desk(site, "operator"), Desk(site, "firm")
        address = operator.post("/rounds").headers["location"]
        number = address.rpartition("/")[2]
        with market.work() as work:
            round_id = rounds.by_number(work, number).id
            bid = bids.draft_voluntary(work, round_id=round_id, buyer_id=market.party("E01"), quantity_t=Tonnes(200))
            bid_number = bid.number
        assert firm.post(f"/bids/{bid_number}", limit_yuan="60", max_group_percent="").status_code == 303
        for step in ("close", "solve", "publish", "publish"):  # a publication that is repeated changes nothing
            assert operator.post(f"/rounds/{number}/{step}").status_code == 303
        assert operator.get(address).status_code == 200
        assert "200" in site.client.get(f"/rounds/{number}", headers=HTML).text
        with market.work() as work:
            assert sum(blocks.free_t(work, market.party("E01")).values(), Tonnes(0)) == 200

    def test_a_round_without_bids_is_published_empty(self, site: Site) -> None:
        operator = Desk(site, "operator")
        number = operator.post("/rounds").headers["location"].rpartition("/")[2]
        for step in ("close", "solve", "publish"):
            assert operator.post(f"/rounds/{number}/{step}").status_code == 303
        assert site.client.get(f"/rounds/{number}", headers=HTML).status_code == 200
        assert site.client.get("/", headers=HTML).status_code == 200

    def test_a_step_out_of_turn_is_refused(self, site: Site) -> None:
        operator = Desk(site, "operator")
        number = operator.post("/rounds").headers["location"].rpartition("/")[2]
        assert operator.post(f"/rounds/{number}/solve").status_code == 409
        assert operator.post(f"/rounds/{number}/publish").status_code == 409
        assert operator.post("/rounds/none/close").status_code == 404


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
