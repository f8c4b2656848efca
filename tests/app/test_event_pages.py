"""The pages of neutral events: they forgive, they lose nothing, they show nobody else's, and they pay once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
import xlsxwriter

from settlement.neutrality import events
from tanyi.app.pages import badges
from tanyi.kernel import parties
from tanyi.kernel.clock import civil_date, system_clock
from tests.app.desks import HTML, Desk, field
from tests.app.walks import FIGURES, Walker, facts_of
from tests.app.web import Site, site_of, token_in
from tests.market_makers import Market, make_actor, make_issued, make_listing, with_faults

LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])
TODAY = civil_date(system_clock())
SOON = facts_of(TODAY + timedelta(days=30), TODAY + timedelta(days=31))
PAST = facts_of(TODAY - timedelta(days=2), TODAY - timedelta(days=1))
FORM = SOON | FIGURES | {"contact": "13812345678", "forcing": "yes"}
CHECKOUT = "/neutral/{number}/checkout?quantity-L100001=119"


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site with 3,000 t of forest on sale at 56 yuan: listing L100001."""
    make_listing(market, "S01", make_issued(market, "S01", 3000), 3000)
    with site_of(market) as opened:
        yield opened


@pytest.fixture
def guest(site: Site) -> Walker:
    """Somebody without an account."""
    return Walker(site)


def planned(guest: Walker, facts: dict[str, str] = SOON, contact: str = "13812345678") -> str:
    """An event whose plan is published; gives its number."""
    number = guest.calculates(facts, FIGURES, contact)
    guest.reduces_first(number)
    guest.publishes(number)
    return number


def said(page: str) -> list[str]:
    """What stands beside the fields that are wrong."""
    found = re.findall(r'<p class="field-error"[^>]*>.*?</svg>(.*?)</p>', page, re.DOTALL)
    return [each.strip() for each in found]


class TestFacts:
    @LANGUAGES
    def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(self, site: Site, language: str) -> None:
        guest = Walker(site, language)
        wrong = SOON | {"name": "", "ends_on": "2026-13-01", "participants": "many"}
        page = guest.reads("/neutral/calculate?" + urlencode(wrong), status=422)
        assert len(said(page)) == 3
        assert field(page, "place") == SOON["place"]
        assert field(page, "participants") == "many"

    def test_an_event_that_ends_before_it_starts_is_told_so(self, guest: Walker) -> None:
        turned = SOON | {"starts_on": SOON["ends_on"], "ends_on": SOON["starts_on"]}
        page = guest.reads("/neutral/calculate?" + urlencode(turned), status=422)
        assert len(said(page)) == 1

    def test_the_language_can_be_changed_on_the_way_without_losing_anything(self, guest: Walker) -> None:
        page = guest.reads("/neutral/calculate?" + urlencode(SOON))
        switch = re.search(r'href="(/language/en[^"]*)"', page)
        assert switch is not None
        page = guest.client.get(switch.group(1), headers=HTML).text
        assert '<html lang="en">' in page
        assert field(html.unescape(page), "name") == SOON["name"]

    def test_the_way_back_leads_to_the_facts_as_they_were_typed(self, guest: Walker) -> None:
        page = guest.reads("/neutral/calculate?" + urlencode(SOON | {"phases": "CLOSE_OUT"}))
        back = re.search(r'class="btn btn-outline" href="(/neutral/new\?[^"]*)"', page)
        assert back is not None
        page = guest.reads(back.group(1))
        assert field(page, "name") == SOON["name"]
        assert re.search(r'value="CLOSE_OUT" checked', page)
        assert not re.search(r'value="PREPARATION" checked', page)


class TestCalculator:
    def test_suggestions_are_filled_in_and_marked(self, guest: Walker) -> None:
        page = guest.reads("/neutral/calculate?" + urlencode(SOON))
        assert field(page, "quantity-meal") == "1600"
        assert page.count('class="suggestion"') == 5

    def test_without_scripts_the_total_is_calculated_and_nothing_is_saved(self, guest: Walker, site: Site) -> None:
        page = guest.reads("/neutral/calculate?" + urlencode(SOON))
        answer = guest.sends("/neutral/calculate", page, FORM | {"action": "recalculate", "contact": ""}, status=200)
        assert ">118.782</output>" in answer.text
        assert ">119</output>" in answer.text
        assert "each-rail" in answer.text
        with site.market.house.open_reader() as reader:
            assert events.all_public(reader) == []
        assert "tanyi_session" not in guest.client.cookies

    def test_a_row_that_cannot_be_counted_is_said_beside_it(self, guest: Walker) -> None:
        page = guest.reads("/neutral/calculate?" + urlencode(SOON))
        wrong = {"quantity-lpg": "much", "contact": "nobody"}
        answer = guest.sends("/neutral/calculate", page, FORM | wrong | {"action": "save"}, status=422)
        assert len(said(answer.text)) == 1
        assert field(answer.text, "each-flight_domestic") == "2700"
        assert field(answer.text, "quantity-lpg") == "much"
        answer = guest.sends("/neutral/calculate", page, FORM | {"contact": "nobody", "action": "save"}, status=422)
        assert len(said(answer.text)) == 1

    def test_what_was_saved_comes_back_as_it_was_typed(self, guest: Walker) -> None:
        number = guest.calculates(SOON, FIGURES)
        page = guest.reads(f"/neutral/{number}/activities")
        for name, typed in FIGURES.items():
            assert field(page, name) == typed.replace(",", "")
        assert ">118.782</output>" in page

    def test_a_workbook_fills_the_form_and_says_which_cells_it_cannot_read(self, guest: Walker) -> None:
        file = BytesIO()
        with xlsxwriter.Workbook(file) as book:
            sheet = book.add_worksheet("x")
            sheet.write_row(0, 0, ["activity", "quantity", "persons", "distance_km"])
            sheet.write_row(1, 0, ["grid_electricity", 42000])
            sheet.write_row(2, 0, ["rail", "", 200, 960])
            sheet.write_row(3, 0, ["flying_carpet", 3])
        page = guest.reads("/neutral/calculate?" + urlencode(SOON))
        form = {"_csrf_token": token_in(page), **SOON, "forcing": "yes", "action": "upload"}
        answer = guest.client.post(
            "/neutral/calculate", data=form, files={"sheet": ("a.xlsx", file.getvalue())}, headers=HTML
        )
        assert field(answer.text, "quantity-grid_electricity") == "42000"
        assert (field(answer.text, "many-rail"), field(answer.text, "each-rail")) == ("200", "960")
        assert "flying_carpet" in answer.text

    @pytest.mark.parametrize("raw", [b"", b"no workbook"])
    def test_a_file_that_is_no_workbook_changes_nothing(self, guest: Walker, raw: bytes) -> None:
        page = guest.reads("/neutral/calculate?" + urlencode(SOON))
        form = {"_csrf_token": token_in(page), **FORM, "action": "upload"}
        answer = guest.client.post("/neutral/calculate", data=form, files={"sheet": ("a.xlsx", raw)}, headers=HTML)
        assert answer.status_code == 422
        assert len(said(answer.text)) == 1
        assert field(answer.text, "each-flight_domestic") == "2700"

    def test_the_template_can_be_downloaded_in_either_language(self, guest: Walker) -> None:
        assert guest.client.get("/neutral/template.xlsx").content[:2] == b"PK"

    def test_somebody_whose_role_enters_no_events_is_told_so_and_loses_nothing(self, site: Site) -> None:
        desk = Desk(site, "operator")
        answer = desk.post("/neutral/calculate", **FORM, action="save")
        assert answer.status_code == 422
        assert field(answer.text, "each-flight_domestic") == "2700"


class TestDrafts:
    def test_facts_are_corrected_until_the_plan_is_published(self, guest: Walker) -> None:
        number = guest.calculates(SOON, FIGURES)
        page = guest.reads(f"/neutral/{number}/facts")
        guest.sends(f"/neutral/{number}/facts", page, SOON | {"name": "第十届论坛"})
        assert "第十届论坛" in guest.reads(f"/neutral/{number}")

    def test_without_a_measure_there_is_no_plan(self, guest: Walker) -> None:
        number = guest.calculates(SOON, FIGURES)
        page = guest.reads(f"/neutral/{number}/measures")
        answer = guest.sends(f"/neutral/{number}/measures", page, {"own": " \n "}, status=422)
        assert len(said(answer.text)) == 1
        assert re.search(r"<button[^>]*disabled", guest.reads(f"/neutral/{number}/plan"))
        assert (
            guest.client.get(f"/neutral/{number}/offsets", follow_redirects=False).headers["location"].endswith("/plan")
        )

    @LANGUAGES
    def test_measures_are_read_back_in_the_readers_language(self, site: Site, language: str) -> None:
        guest = Walker(site, language)
        number = guest.calculates(SOON, FIGURES)
        guest.reduces_first(number)
        page = guest.reads(f"/neutral/{number}/measures")
        assert re.findall(r'name="measures" value="(\w+)" checked', page) == ["transit", "paperless"]
        assert "会场使用绿色电力</textarea>" in page
        told = {"zh": "无纸化", "en": "Paperless"}[language]
        assert told in guest.reads(f"/neutral/{number}/plan")

    def test_publishing_twice_publishes_once(self, guest: Walker) -> None:
        number = planned(guest)
        guest.publishes(number)
        assert number in guest.reads(f"/events/{number}")

    def test_a_draft_is_deleted_and_a_plan_withdrawn_while_nothing_is_retired(self, guest: Walker) -> None:
        number = planned(guest)
        page = guest.reads(f"/neutral/{number}")
        guest.sends(f"/neutral/{number}/withdrawal", page, {})
        guest.reads(f"/events/{number}", status=404)
        assert number not in guest.reads("/my")

    def test_a_draft_is_not_public(self, guest: Walker) -> None:
        number = guest.calculates(SOON, FIGURES)
        guest.reads(f"/events/{number}", status=404)
        guest.reads(f"/events/{number}/badge.svg", status=404)
        assert number not in guest.reads("/events")


class TestOffsets:
    def test_the_cheapest_way_is_taken_and_more_than_is_missing_is_refused(self, guest: Walker) -> None:
        number = planned(guest)
        page = guest.reads(f"/neutral/{number}/offsets")
        assert "¥6,664.00" in page
        answer = guest.sends(f"/neutral/{number}/offsets", page, {"quantity-L100001": "120"}, status=422)
        assert 'value="120"' in answer.text  # what was chosen is kept
        for senseless in ({"quantity-L100001": "x"}, {"quantity-L999999": "3"}, {}):
            guest.sends(f"/neutral/{number}/offsets", page, senseless, status=422)

    def test_a_preference_narrows_what_is_offered(self, guest: Walker) -> None:
        number = planned(guest)
        assert "L100001" in guest.reads(f"/neutral/{number}/offsets?type=forestry&vintage_from=2024")
        assert "L100001" not in guest.reads(f"/neutral/{number}/offsets?type=wind")
        assert "L100001" not in guest.reads(f"/neutral/{number}/offsets?poor=yes")
        assert "L100001" not in guest.reads(f"/neutral/{number}/offsets?region=130100")

    def test_the_box_must_be_ticked_before_anything_is_paid(self, guest: Walker) -> None:
        number = planned(guest)
        page = guest.reads(CHECKOUT.format(number=number))
        answer = guest.pays(number, page, status=422, understood="", beneficiary="会务组")
        assert len(said(answer.text)) == 1
        assert field(answer.text, "beneficiary") == "会务组"

    def test_a_form_sent_twice_pays_once(self, guest: Walker) -> None:
        number = planned(guest)
        page = guest.reads(CHECKOUT.format(number=number))
        first, second = (guest.pays(number, page).headers["location"] for _ in range(2))
        assert first == second
        assert "2,881" in guest.reads("/listings/L100001")

    def test_what_is_bought_meanwhile_is_told_and_nothing_is_charged(self, guest: Walker) -> None:
        number = planned(guest)
        page = guest.reads(CHECKOUT.format(number=number))
        guest.pays(number, page)
        answer = guest.pays(number, page, status=422, key="another-key-of-the-test")
        assert "notice-danger" in answer.text

    def test_a_declined_payment_is_said_plainly_and_the_tonnes_are_back(self, market: Market) -> None:
        make_listing(market, "S01", make_issued(market, "S01", 3000), 3000)
        house = with_faults(market.house, decline_permille=1000)
        with site_of(replace(market, house=house)) as site:
            guest = Walker(site)
            number = planned(guest)
            page = guest.reads(CHECKOUT.format(number=number))
            answer = guest.pays(number, page, status=422)
            assert "notice-danger" in answer.text
            assert "3,000" in guest.reads("/listings/L100001")

    def test_tonnes_that_are_retired_keep_the_event_from_being_withdrawn(self, guest: Walker) -> None:
        number = planned(guest)
        guest.covers_the_cheapest_way(number)
        page = guest.reads(f"/neutral/{number}")
        assert "/withdrawal" not in page
        guest.sends(f"/neutral/{number}/withdrawal", page, {}, status=409)


class TestAfterwards:
    def test_real_figures_wait_for_the_end_of_the_event(self, guest: Walker) -> None:
        number = planned(guest)
        page = guest.reads(f"/neutral/{number}/actuals")
        answer = guest.sends(
            f"/neutral/{number}/actuals", page, FIGURES | {"forcing": "yes", "action": "save"}, status=422
        )
        assert SOON["ends_on"] in answer.text

    def test_more_emitted_than_retired_asks_for_the_difference(self, guest: Walker) -> None:
        number = planned(guest, PAST)
        guest.covers_the_cheapest_way(number)
        guest.states_what_was_real(number, FIGURES | {"quantity-grid_electricity": "45,000"})
        assert f"/neutral/{number}/offsets" in guest.reads(f"/neutral/{number}")
        guest.covers_the_cheapest_way(number)
        assert f"/neutral/{number}/confirmation" in guest.reads(f"/neutral/{number}")

    def test_less_emitted_than_retired_tells_the_surplus(self, guest: Walker) -> None:
        number = planned(guest, PAST)
        guest.covers_the_cheapest_way(number)
        guest.states_what_was_real(number, FIGURES | {"quantity-grid_electricity": "40,000"})
        assert re.search(r"2\s吨", guest.reads(f"/events/{number}"))

    def test_a_confirmation_without_evidence_or_a_tick_is_told_so(self, guest: Walker) -> None:
        number = planned(guest, PAST)
        guest.covers_the_cheapest_way(number)
        guest.states_what_was_real(number, FIGURES)
        page = guest.reads(f"/neutral/{number}/confirmation")
        answer = guest.sends(
            f"/neutral/{number}/confirmation", page, {"way": "SELF", "responsible": "会务组"}, status=422
        )
        assert len(said(answer.text)) == 2
        assert field(answer.text, "responsible") == "会务组"
        answer = guest.sends(f"/neutral/{number}/confirmation", page, {"way": "INDEPENDENT"}, status=422)
        assert len(said(answer.text)) == 1

    def test_an_independent_body_reports_is_reviewed_and_the_statement_names_it(
        self, guest: Walker, site: Site
    ) -> None:
        number = planned(guest, PAST)
        guest.covers_the_cheapest_way(number)
        guest.states_what_was_real(number, FIGURES)
        page = guest.reads(f"/neutral/{number}/confirmation")
        guest.sends(f"/neutral/{number}/confirmation", page, {"way": "INDEPENDENT", "evaluator": "C01"})
        kept = dict(guest.client.cookies)
        evaluation = evaluate(Desk(site, "verifier"))
        guest.client.cookies.clear()
        guest.client.cookies.update(kept)
        page = guest.reads(f"/neutral/{number}/statement")
        assert "实现了碳中和" in page
        guest.sends(f"/neutral/{number}/statement", page, {})
        page = guest.reads(f"/events/{number}")
        assert "演示C01" in page
        assert "复核人丙" in page
        assert evaluation.startswith("V")


def evaluate(desk: Desk) -> str:
    """The verifier's work on its only commission; gives its number."""
    found = re.search(r"/evaluations/(V\d+)", desk.get("/evaluations").text)
    assert found is not None
    address = f"/evaluations/{found.group(1)}"
    parts = ("plan", "purpose", "scope", "criteria", "document_review", "facts", "conformity", "results", "references")
    report = dict.fromkeys(parts, "已核实") | {"conclusion": "实现了碳中和", "verdict": "yes"}
    wrong = desk.post(address, **report, team="甲")
    assert wrong.status_code == 422
    assert len(said(wrong.text)) == 1
    assert desk.post(address, **report, team="甲, 乙").status_code == 303
    assert desk.post(f"{address}/approval", reviewer="甲").status_code == 422
    assert desk.post(f"{address}/approval", reviewer="复核人丙").status_code == 303
    return found.group(1)


class TestGuests:
    def test_somebody_elses_contact_opens_nothing_of_theirs(self, site: Site) -> None:
        first, contact = Walker(site), "forum@example.com"
        number = planned(first, contact=contact)
        second = Walker(site)
        other = second.calculates(SOON, FIGURES, contact)
        assert other != number
        second.reads(f"/neutral/{number}", status=404)
        assert number not in second.reads("/my")

    def test_a_link_leads_back_and_an_older_one_no_longer_does(self, site: Site) -> None:
        guest = Walker(site)
        number = planned(guest, contact="forum@example.com")
        stranger = Walker(site)
        links = []
        for _ in range(2):
            page = stranger.reads("/neutral/return")
            answer = stranger.sends("/neutral/return", page, {"contact": "forum@example.com"}, status=200)
            links += re.findall(r'href="(/neutral/link\?token=[^"]+)"', html.unescape(answer.text))
        assert len(links) == 2
        stranger.reads(links[0], status=403)
        assert number in stranger.reads(links[1])

    def test_an_unknown_contact_is_answered_like_a_known_one(self, site: Site) -> None:
        stranger = Walker(site)
        page = stranger.reads("/neutral/return")
        answer = stranger.sends("/neutral/return", page, {"contact": "nobody@example.com"}, status=200)
        assert "notice-success" in answer.text
        assert "/neutral/link" not in answer.text

    def test_outside_the_demo_no_link_is_shown_on_the_page(self, market: Market) -> None:
        house = replace(market.house, settings=replace(market.house.settings, mode="production"))
        with site_of(replace(market, house=house)) as site:
            guest = Walker(site)
            guest.calculates(SOON, FIGURES, "forum@example.com")
            page = guest.reads("/neutral/return")
            answer = guest.sends("/neutral/return", page, {"contact": "forum@example.com"}, status=200)
            assert "/neutral/link" not in answer.text


class TestPublicPages:
    @LANGUAGES
    def test_the_list_is_searched_and_narrowed(self, site: Site, language: str) -> None:
        guest = Walker(site, language)
        number = planned(guest)
        for query in ("", "?q=燕赵", f"?q={number}", "?state=PLANNED", "?kind=FORUM"):
            assert number in guest.reads(f"/events{query}"), query
        for query in ("?q=nothing-like-it", "?state=DECLARED", "?kind=MEETING"):
            assert number not in guest.reads(f"/events{query}"), query
        assert guest.client.get("/events?format=csv&table=events").status_code == 200

    def test_the_badge_claims_what_stands_in_the_books_and_no_more(self, guest: Walker) -> None:
        number = planned(guest, PAST)
        address = f"/events/{number}/badge.svg?lang=en"
        assert "nothing retired yet" in guest.reads(address)
        retired = guest.covers_the_cheapest_way(number)
        drawn = guest.reads(address)
        assert "Retired for an event" in drawn
        assert "Carbon-neutral event" not in drawn
        assert retired in drawn and "119" in drawn and "DEMO" in drawn
        guest.states_what_was_real(number, FIGURES)
        assert "Carbon-neutral event" in guest.reads(address)
        answer = guest.client.get(f"/events/{number}/badge.svg")
        assert answer.headers["content-type"].startswith("image/svg+xml")

    def test_hostile_names_stay_text_on_pages_and_badge(self, guest: Walker) -> None:
        evil = SOON | {"name": "<script>alert(1)</script>\"'>&", "organiser": "<img src=x onerror=alert(1)>"}
        number = planned(guest, evil)
        for path in (f"/events/{number}", f"/neutral/{number}", "/events", f"/events/{number}/badge.svg", "/my"):
            raw = guest.client.get(path, headers=HTML).text
            assert "<script>alert" not in raw
            assert "<img src=x" not in raw

    def test_a_name_too_long_for_the_badge_is_cut_and_marked(self) -> None:
        assert badges.shortened("Forum", 38) == "Forum"
        assert badges.shortened("论" * 30, 38) == "论" * 19 + "…"


class TestScope:
    def test_the_pages_of_an_event_are_its_organisers(self, site: Site) -> None:
        guest = Walker(site)
        number = planned(guest)
        desk = Desk(site, "organiser")
        site.client.cookies.clear()
        for path, method in own_routes(site):
            address = (
                path.replace("{number}", number).replace("{purchase}", "R100001").replace("{evaluation}", "V100001")
            )
            answer = desk.get(address) if method == "GET" else desk.post(address, **SOON, action="save")
            assert answer.status_code == 404, (method, path, answer.status_code)

    def test_an_evaluation_is_its_bodys(self, guest: Walker, site: Site) -> None:
        with site.market.work() as work:
            make_actor(work, "C02", parties.VERIFIER, "verifier")
        number = planned(guest, PAST)
        guest.covers_the_cheapest_way(number)
        guest.states_what_was_real(number, FIGURES)
        page = guest.reads(f"/neutral/{number}/confirmation")
        guest.sends(f"/neutral/{number}/confirmation", page, {"way": "INDEPENDENT", "evaluator": "C02"})
        desk = Desk(site, "verifier")
        assert "V100001" not in desk.get("/evaluations").text
        assert desk.get("/evaluations/V100001").status_code == 404
        assert desk.post("/evaluations/V100001").status_code == 404
        assert desk.post("/evaluations/V100001/approval", reviewer="x").status_code == 404


def own_routes(site: Site) -> list[tuple[str, str]]:
    """Every route under /neutral that names an event."""
    found = [(route.path_format, method) for route in site.app.routes for method in getattr(route, "methods", ())]
    return [
        (path, method) for path, method in found if path.startswith("/neutral/{number") and method in ("GET", "POST")
    ]


def test_a_signed_in_organiser_needs_no_contact(site: Site) -> None:
    desk = Desk(site, "organiser")
    form: dict[str, Any] = SOON | FIGURES | {"forcing": "yes", "action": "save"}
    form.pop("organiser")
    answer = desk.post("/neutral/calculate", **form)
    assert answer.status_code == 303, said(answer.text)
    assert "第九届燕赵低碳发展论坛" in desk.get("/my").text
