"""The desk at the edge: a form that anyone may send, an answer in both languages, and the same as data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from market.trading import listings
from tanyi.ledger import blocks
from tests.app.desks import HTML, Desk, field
from tests.app.web import Site, site_of
from tests.market_makers import Market, make_duties, make_offers

GREEN = {"min_permille": 500, "product_types": ["forestry", "wetland"]}
WRONG = {
    "quantity_t": ["", "0", "12.5", "-3", "1e3", "100000001"],
    "ecological_percent": ["101", "half"],
    "max_group_percent": ["0", "100.1"],
    "max_sellers": ["0", "1001", "two"],
    "vintage_from": ["24", "99999"],
    "limit_yuan": ["0", "1.234", "100000.01"],
}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("$.quantity_t", {"quantity_t": 0}),
    ("$.quantity_t", {"quantity_t": 100_000_001}),
    ("$.quantity_t", {"quantity_t": "5"}),
    ("$.max_group_permille", {"max_group_permille": 0}),
    ("$.max_sellers", {"max_sellers": 0}),
    ("$.limit_fen", {"limit_fen": 0}),
    ("$.floor.min_permille", {"floor": {"min_permille": 1001}}),
    ("$.product_types", {"product_types": []}),
    ("$.regions[0]", {"regions": ["Hebei"]}),
    ("$", {"wanted": True}),
]
ASKED = "/market/desk?quantity_t=1000&ecological_percent=50&max_group_percent=60"


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


@pytest.fixture
def offers(site: Site) -> dict[str, str]:
    """Forest tonnes of S01 (3,000 at 56.00) and wind tonnes of S02 (3,000 at 50.00)."""
    return make_offers(site.market)


def read(site: Site, path: str, language: str = "en", status: int = 200) -> str:
    answer = site.client.get(path, headers=HTML | {"Accept-Language": language})
    assert answer.status_code == status
    return answer.text.replace("\xa0", " ")


def ask(site: Site, role: str | None = None, **wish: Any) -> Any:
    return site.client.post("/api/v1/desk", json=wish, headers=site.bearer(role) if role else {})


class TestTheForm:
    def test_a_stranger_finds_it_empty_and_from_the_market(self, site: Site) -> None:
        page = read(site, "/market/desk")
        assert {field(page, name) for name in ("quantity_t", "ecological_percent", "limit_yuan")} == {""}
        assert "checked" not in page
        assert 'href="/market/desk"' in read(site, "/market")

    def test_a_firm_finds_what_its_duty_lacks_on_the_terms_of_the_plan(self, site: Site) -> None:
        make_duties(site.market, E01="10000")
        page = Desk(site, "firm").get("/market/desk").text
        assert [field(page, name) for name in ("quantity_t", "ecological_percent", "vintage_from")] == [
            *("1000", "50", "2021")
        ]
        assert len(re.findall(r'name="type"[^>]*checked', page)) == 4
        assert "D2026-<wbr>B001" in page

    def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(self, site: Site) -> None:
        for name, typed in [(name, typed) for name, all_typed in WRONG.items() for typed in all_typed]:
            sent = {"quantity_t": "10", "max_sellers": "3"} | {name: typed}
            query = "&".join(f"{key}={text}" for key, text in sent.items())
            page = read(site, f"/market/desk?{query}&region=130800&type=wind", status=422)
            assert page.count('class="field-error"') == 1, (name, typed)
            assert f'id="error-{name}"' in page
            assert {key: field(page, key) for key in sent} == sent
            assert '<option value="130800" selected>' in page
            assert re.search(r'value="wind" checked', page)


class TestTheAnswer:
    def test_it_leads_to_its_listings_and_says_what_each_preference_costs(
        self, site: Site, offers: dict[str, str]
    ) -> None:
        page = read(site, ASKED)
        assert all(f'href="/listings/{number}"' in page for number in offers.values())
        assert "¥53,000.00" in page  # 500 t at 56.00 and 500 t at 50.00
        assert "CNY 53.00/t" in page
        assert "¥600.00" in page  # without the ecological share 600 t may be wind
        assert "Nothing is reserved" in page
        assert "quantity_t%3D1000" in page  # changing the language keeps what was asked
        assert read(site, ASKED, "zh").count("¥53,000.00") == page.count("¥53,000.00")

    @pytest.mark.usefixtures("offers")
    def test_what_cannot_be_covered_is_said_with_the_preference_in_the_way(self, site: Site) -> None:
        page = read(site, "/market/desk?quantity_t=4000&limit_yuan=55")
        assert "3,000 t of 4,000 t" in page
        assert "¥206,000.00" in page  # all of it without the limit
        nothing = read(site, "/market/desk?quantity_t=4000&limit_yuan=1")
        assert "Nothing on sale fits" in nothing

    @pytest.mark.usefixtures("offers")
    def test_a_seller_is_not_offered_its_own_tonnes(self, site: Site) -> None:
        page = Desk(site, "seller").get("/market/desk?quantity_t=4000").text
        assert "3,000" in page
        assert "Demo S01" not in page.partition("<main")[2]


class TestTheAnswerAsData:
    def test_it_holds_lines_alternatives_and_preferences(self, site: Site, offers: dict[str, str]) -> None:
        told = ask(site, quantity_t=1000, floor=GREEN, max_group_permille=600).json()
        lines = {row["listing"]: (row["quantity_t"], row["ask_fen"], row["cost_fen"]) for row in told["best"]["lines"]}
        assert lines == {offers["S01"]: (500, 5600, 2_800_000), offers["S02"]: (500, 5000, 2_500_000)}
        assert (told["best"]["cost_fen"], told["best"]["is_proven"], told["short_t"]) == (5_300_000, True, 0)
        assert [(row["code"], row["premium_fen"]) for row in told["preferences"]] == [
            *(("floor", 60_000), ("group_cap", 0), ("all", 300_000))
        ]
        assert [(row["without_sellers"], row["portfolio"]["covered_t"]) for row in told["alternatives"]] == [
            *((["S02"], 600), (["S01"], 500))
        ]

    @pytest.mark.usefixtures("offers")
    def test_a_key_leaves_the_own_group_out(self, site: Site) -> None:
        sellers = {role: ask(site, role, quantity_t=6000).json()["best"]["lines"] for role in (None, "seller")}
        assert {role: {row["seller"] for row in rows} for role, rows in sellers.items()} == {
            None: {"S01", "S02"},
            "seller": {"S02"},
        }

    @pytest.mark.usefixtures("offers")
    def test_nothing_is_reserved(self, site: Site) -> None:
        ask(site, quantity_t=6000)
        with site.market.house.open_reader() as reader:
            assert (
                sum(map(int, blocks.offered_t(reader, [row.id for row in listings.all_open(reader)]).values())) == 6000
            )

    def test_a_wish_that_is_none_is_refused_with_its_place(self, site: Site) -> None:
        assert ask(site).status_code == 400
        for place, wrong in REFUSED:
            answer = ask(site, **({"quantity_t": 5} | wrong))
            told = answer.json()
            assert (answer.status_code, told["code"], told["facts"]["path"]) == (400, "request.not_in_shape", place)
