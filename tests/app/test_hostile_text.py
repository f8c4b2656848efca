"""Hostile texts from where no form leads: names out of the books, questions, addresses and headers; all stay text.

What people write into forms is tried on the served demo, in `tests/browser/test_what_people_write_is_only_text.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from markupsafe import escape

from market.registry import issuance, monitoring, projects
from tanyi.app.event_orders import EventOrder
from tanyi.app.event_purchase import buy_and_retire
from tanyi.app.visitors import LOCALE_COOKIE
from tanyi.kernel import parties
from tanyi.kernel.clock import civil_date, system_clock
from tanyi.kernel.quantities import Tonnes
from tests.app.web import BASE, PASSWORD, Site, run_everything, site_of
from tests.browser.crawling import walk
from tests.browser.routes import page_routes
from tests.hostile_texts import Hostile, Parts, hostile_texts, is_only_text, plain, strangers
from tests.market_makers import (
    Market,
    acting,
    description,
    example_parameters,
    make_issued,
    make_listing,
    make_round,
    year_of,
)

TEXTS = hostile_texts()
SOME = TEXTS[::11]
HARMLESS = (Hostile("Wald", "Wald"), Hostile("白洋淀 x", "白洋淀"))
HTML = {"Accept": "text/html"}
HEADERS = ("Accept-Language", "User-Agent", "Referer", "X-Forwarded-For", "X-Forwarded-Host", "Origin", "Range")
ASKED = ("q", "next", "page", "sort", "said", "type", "state", "region", "price_to", "quantity_t", "format", "error")
Kinds = set[tuple[str, str]]
some_or_all = pytest.mark.parametrize(
    "texts", [pytest.param(SOME, id="some"), pytest.param(TEXTS, id="all", marks=pytest.mark.gate)]
)


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market in which everything has happened once."""
    with site_of(market) as opened:
        run_everything(market)
        make_listing(market, "S01", make_issued(market, "S01", 500, "P09"), 300)
        make_round(market, number="2026-2")
        yield opened


class Reader:
    """Somebody who reads pages and programs' answers, and says what of them is not only text."""

    def __init__(self, site: Site) -> None:
        self.client = site.client
        self.known: Kinds = set()
        self.addresses: dict[str, str] = {}
        self.asked = set(ASKED)
        for visited in walk(site.client, BASE, most=2):
            if visited.page is not None:
                self.known |= Parts(visited.answer.text).kinds()
                self.addresses.setdefault(visited.address.partition("?")[0], visited.address)
                self.asked |= {each.name for form in visited.page.forms for each in form.fields}

    def get(self, address: str, session: str | None = None, language: str = "zh", **headers: str) -> Any:
        self.client.cookies.clear()
        cookie = f"{LOCALE_COOKIE}={language}" + (f"; tanyi_session={session}" if session else "")
        sent = {"Cookie": cookie, **HTML, **headers}
        return self.client.get(address, headers={k: v.encode("utf-8") for k, v in sent.items()}, follow_redirects=False)

    def learn(self, answers: Iterable[Any]) -> None:
        """Takes what these pages are made of for what pages are made of."""
        self.known |= {kind for answer in answers for kind in Parts(answer.text).kinds()}

    def wrong(self, answers: Iterable[Any], texts: Iterable[Hostile]) -> list[str]:
        """What in these answers is not only text; an answer with a fault of ours is wrong in any case."""
        found: list[str] = []
        for answer in answers:
            said = strangers(answer.text, self.known, texts) if "html" in answer.headers.get("content-type", "") else ()
            found += [f"{answer.url}: {what}" for what in said]
            found += [f"{answer.url}: {answer.status_code}"] if answer.status_code >= 500 else []
        return found[:20]


numbers = count(1)


def make_books(site: Site, text: str) -> dict[str, str]:
    """A seller whose every name is this text, with a person and a project; gives the code and the person."""
    code, market = f"H{next(numbers):04}", site.market
    with market.work() as work:
        named = {"name_zh": text, "name_en": text}
        party = parties.enrol_organisation(
            work,
            code=code,
            kind=parties.PARTICIPANT,
            group_code=code,
            region="130800",
            place_zh=text,
            place_en=text,
            **named,
        )
        parties.enrol_user(
            work, username=code.lower(), password=PASSWORD, organisation_id=party.id, roles=["seller"], **named
        )
        told = {"county_zh": text, "county_en": text, "story_zh": text, "story_en": text, **named}
        told |= {"methodology_name_zh": text, "methodology_name_en": text}
        project = projects.draft(work, description=description(party.id, f"{code}P", **told))
        for step in projects.TO_REGISTRATION:
            projects.advance(work, project_id=project.id, to=step)
        session = parties.sign_in(work, username=code.lower(), password=PASSWORD)
    return {"code": code, "project": f"{code}P", "session": session}


def storable(texts: Iterable[Hostile]) -> list[Hostile]:
    """Those that a column of text can hold at all: PostgreSQL takes no NUL."""
    return [Hostile(each.text.replace("\0", ""), each.mark) for each in texts]


def pages_of_books(reader: Reader, made: dict[str, str], language: str) -> list[Any]:
    """The pages that show the names of a seller, its person and its project."""
    places = [f"/projects/{made['project']}", f"/registry?q={made['code']}"]
    return [reader.get(place, None, language) for place in places] + [reader.get("/my", made["session"], language)]


class TestTheListItself:
    def test_it_is_long_and_every_text_has_a_mark_of_its_own(self) -> None:
        assert len(TEXTS) >= 60
        assert len({each.mark for each in TEXTS}) == len({each.text for each in TEXTS}) == len(TEXTS)
        assert all(each.mark in each.text for each in TEXTS)

    @pytest.mark.parametrize("hostile", TEXTS, ids=lambda each: each.mark)
    def test_an_escaped_text_is_taken_for_text(self, hostile: Hostile) -> None:
        page = f'<p title="{escape(hostile.text)}">{escape(hostile.text)}</p>'
        assert list(strangers(page, {("p", ""), ("p", "title")}, TEXTS)) == []

    @pytest.mark.parametrize("hostile", [each for each in TEXTS if "<" in each.text[:1]], ids=lambda each: each.mark)
    def test_markup_is_seen_wherever_it_gets_through(self, hostile: Hostile) -> None:
        known = {("p", ""), ("b", "")}
        if not hostile.text.startswith(("<!--", "<![")):  # both swallow the rest of the page: nothing is shown
            assert list(strangers(f"<p>{hostile.text}</p>", known, TEXTS)) != []

    @pytest.mark.parametrize(
        "page",
        [
            '<a href="javascript:alert(1)">x</a>',
            '<a href="//evil.invalid">x</a>',
            '<a href=" https:evil">x</a>',
            "<a onclick=x>x</a>",
            "<p>49qz055v</p>",
            "<p>qz039v</p>",
        ],
    )
    def test_what_is_known_but_leads_outside_or_was_computed_is_seen(self, page: str) -> None:
        known = {("p", ""), ("a", ""), ("a", "href"), ("a", "onclick")}
        assert list(strangers(page, known, TEXTS)) != []


class TestBooks:
    @some_or_all
    def test_names_of_organisations_people_and_projects_are_only_text(self, site: Site, texts: list[Hostile]) -> None:
        reader = Reader(site)
        for each in HARMLESS:
            made = make_books(site, each.text)
            for language in ("zh", "en"):
                reader.learn(pages_of_books(reader, made, language))
        wrong: list[str] = []
        for number, hostile in enumerate(storable(texts)):
            made = make_books(site, hostile.text)
            answers = pages_of_books(reader, made, ("zh", "en")[number % 2])
            assert plain(hostile.text)[:20] in plain(" ".join(Parts(answers[0].text).texts))
            wrong += reader.wrong(answers, [hostile])
        wrong += reader.wrong((visited.answer for visited in walk(site.client, BASE, most=None)), texts)
        assert wrong == []

    @some_or_all
    def test_they_stay_text_from_the_listing_to_the_certificate_and_in_every_file(
        self, site: Site, texts: list[Hostile]
    ) -> None:
        reader = Reader(site)
        for each in HARMLESS:
            reader.learn(self._way_of_a_tonne(site, reader, each.text))
        for hostile in storable(texts):
            answers = self._way_of_a_tonne(site, reader, hostile.text)
            assert reader.wrong(answers, [hostile]) == []
            files = [each for each in answers if each.headers["content-type"].startswith("application/json")]
            assert len([each for each in files if hostile.mark in each.text]) >= 3, "project and certificate, twice"
            for each in files:
                _refuse_torn(json.loads(each.text), hostile)

    def _way_of_a_tonne(self, site: Site, reader: Reader, text: str) -> list[Any]:
        """Issues, lists, buys and retires a tonne whose project, event and beneficiary are this text."""
        code, market = f"W{next(numbers):04}", site.market
        issuance = _issued(market, code, text)
        number = make_listing(market, "S01", issuance, 50)
        event = {"event_name": text[:200], "place": text[:200], "beneficiary": text[:200]}
        held_on = civil_date(system_clock())
        order = EventOrder(listing=number, quantity_t=Tonnes(1), held_on=held_on, **event)
        receipt = buy_and_retire(market.house, actor=market.people["N01"], order=order, key=f"key-{code}")
        with market.house.open_work() as work:
            organiser = parties.sign_in(work, username="organiser", password=PASSWORD)
            seller = parties.sign_in(work, username="seller", password=PASSWORD)
        public = [
            f"/listings/{number}",
            f"/projects/{code}",
            f"/certificates/{receipt}",
            f"/certificates/{receipt}.json",
        ]
        public += [f"/api/v1/projects/{code}", f"/api/v1/listings/{number}", f"/api/v1/certificates/{receipt}"]
        answers = [reader.get(place, None, language) for place in public for language in ("zh", "en")]
        answers += [reader.get(place, organiser) for place in (f"/purchases/{receipt}", "/my", f"/listings/{number}")]
        answers += [reader.get("/my", seller), reader.get("/sell", seller)]
        assert {answer.status_code for answer in answers} == {200}
        return answers


def _issued(market: Market, code: str, text: str) -> int:
    """Tonnes of a new project of S01 that carries this text wherever it may."""
    told = {"name_zh": text, "name_en": text, "county_zh": text, "county_en": text, "story_zh": text, "story_en": text}
    with market.work("S01") as work:
        project = projects.draft(work, description=description(market.party("S01"), code, **told))
        for step in projects.TO_REGISTRATION:
            projects.advance(work, project_id=project.id, to=step)
        parameters = example_parameters("afforestation")
        report = monitoring.submit(work, project_id=project.id, **year_of(2025), parameters=parameters)
        statement = issuance.verify(acting(work, market.people["C01"]), monitoring_id=report.id, verified_t=Tonnes(100))
        issuance.accept(acting(work, market.people["R01"]), verification_id=statement)
        return issuance.issue(acting(work, market.people["R01"]), verification_id=statement)


def _refuse_torn(document: Any, hostile: Hostile) -> None:
    for inner in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        _refuse_torn(inner, hostile)
    if isinstance(document, str) and hostile.mark in document and not document.startswith("{"):
        assert is_only_text(document, hostile), document


class TestQuestions:
    @some_or_all
    def test_whatever_is_asked_in_an_address_is_only_text(self, site: Site, texts: list[Hostile]) -> None:
        reader = Reader(site)
        places = sorted(reader.addresses)
        for place in places:
            asked = urlencode(dict.fromkeys(sorted(reader.asked), "Wald"))
            reader.learn([reader.get(f"{place}?{asked}")])
        wrong: list[str] = []
        for hostile in texts:
            asked = urlencode(dict.fromkeys(sorted(reader.asked), hostile.text))
            wrong += reader.wrong([reader.get(f"{place}?{asked}") for place in places], [hostile])
        assert wrong == []

    @some_or_all
    def test_whatever_stands_in_the_path_is_only_text(self, site: Site, texts: list[Hostile]) -> None:
        reader = Reader(site)
        reader.learn([reader.get("/projects/none-such"), reader.get("/none-such")])
        paths = [path for path in page_routes() if "{" in path]
        assert len(paths) >= 8
        wrong: list[str] = []
        for hostile in texts:
            named = quote(hostile.text, safe="")
            answers = [reader.get(path.partition("{")[0] + named) for path in paths]
            wrong += reader.wrong([*answers, reader.get(f"/{named}")], [hostile])
            assert all(answer.status_code in (303, 400, 404) for answer in answers)
        assert wrong == []

    @some_or_all
    def test_whatever_stands_in_a_header_is_only_text(self, site: Site, texts: list[Hostile]) -> None:
        reader = Reader(site)
        reader.learn([reader.get("/sign-in"), reader.get("/none-such")])
        for hostile in texts:
            if plain(hostile.text) != hostile.text.replace(" ", ""):
                continue  # no header can hold it
            sent = dict.fromkeys(HEADERS, hostile.text)
            sent["Cookie"] = f"tanyi_locale={hostile.text}; tanyi_session={hostile.text}; tanyi_form={hostile.text}"
            answers = [reader.get(place, None, "zh", **sent) for place in ("/sign-in", "/none-such", "/my")]
            assert reader.wrong(answers, [hostile]) == []
            assert all(hostile.mark not in answer.headers.get("location", "") for answer in answers)


def test_a_text_that_no_column_holds_is_refused_and_not_a_fault(site: Site) -> None:
    order = {"quantity_t": 1, "event": {"name": "a\0b", "held_on": "2026-12-01", "place": "x"}, "beneficiary": None}
    answer = site.client.post(
        "/api/v1/listings/L100001/purchases", json=order, headers=site.bearer("organiser", "key-1")
    )
    assert answer.status_code == 400


def test_what_reorders_or_hides_text_does_not_get_into_the_books(site: Site) -> None:
    for unseen in ("\u202e", "\u2066", "\u200b", "\u2028", "\ufeff", "\xad", "\x85"):
        order = {"quantity_t": 1, "event": {"name": f"Forum {unseen}gpj", "held_on": "2026-12-01", "place": "x"}}
        headers = site.bearer("organiser", f"key-{ord(unseen)}")
        answer = site.client.post("/api/v1/listings/L100003/purchases", json=order, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "request.not_in_shape")
        assert f"a{unseen}b" not in site.client.get(f"/registry?q=a{quote(unseen)}b", headers=HTML).text
