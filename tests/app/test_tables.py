"""Tables of the pages: sorted by every column, filtered, paged, and saved as exactly what the page would show."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from html import unescape
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from tanyi.app.factory import application_of
from tanyi.app.installation import open_installation
from tanyi.app.pages import tabular, views_market, views_offices, views_registry, views_rounds
from tanyi.app.pages.rendering import spoken
from tanyi.app.pages.tabular import Asked, Column, Source, Spec
from tanyi.kernel.config import settings
from tests.app.desks import HTML, Desk
from tests.app.web import BASE, Site, run_everything, site_of
from tests.market_makers import Market, make_issued, make_listing

PUBLIC = {  # the page, its table, what it is made of
    "/market": views_market.LISTINGS,
    "/registry": views_registry.PROJECTS,
    "/rounds": views_rounds.ROUNDS,
    "/rounds/2026-1": views_rounds.CONTRACTS,
    "/projects/P01": views_registry.BLOCKS,
}


@pytest.fixture(scope="module")
def public(demo_folder: Path) -> Iterator[TestClient[Litestar]]:
    """A stranger at the demo's site, who reads English."""
    with (
        open_installation(settings({}, demo_folder)) as house,
        TestClient(application_of(house), base_url=BASE) as client,
    ):
        client.headers.update(HTML)
        client.cookies.set("tanyi_locale", "en")
        yield client


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


def rows_of_csv(raw: bytes) -> list[list[str]]:
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(StringIO(raw[3:].decode(), newline="")))


def saved(client: Any, address: str, spec: Spec, **headers: Any) -> list[list[str]]:
    sign = "&" if "?" in address else "?"
    answer = client.get(f"{address}{sign}format=csv&table={spec.name}", **headers)
    assert answer.status_code == 200, answer.text[:300]
    return rows_of_csv(answer.content)


def shown_rows(html: str, title: str = "On sale now") -> list[str]:
    """The first cell of each row of one table of a page, without its tags."""
    table = html.partition(f'aria-label="{title}">')[2].partition("</table>")[0]
    heads = re.findall(r'<th scope="row">(.*?)</th>', table.partition("<tbody>")[2], re.DOTALL)
    return [unescape(re.sub(r"<[^>]+>|\s+", "", head)) for head in heads]


SORTED = [(path, column.key) for path, spec in PUBLIC.items() for column in spec.columns if column.place == "cell"]


class TestSorting:
    @pytest.mark.parametrize(("path", "key"), SORTED)
    def test_every_column_sorts_both_ways_and_says_so(self, public: TestClient[Litestar], path: str, key: str) -> None:
        spec = PUBLIC[path]
        place = [column.key for column in spec.columns].index(key)
        found: dict[str, list[str]] = {}
        for sign, aria in (("", "ascending"), ("-", "descending")):
            page = public.get(f"{path}?sort={sign}{key}").text
            if "sorter" in page:
                assert f'aria-sort="{aria}"' in page
            found[sign] = [row[place] for row in saved(public, f"{path}?sort={sign}{key}", spec)[1:]]
        known = [cell for cell in found[""] if cell]
        number = spec.columns[place].is_number
        order = [float(cell) for cell in known] if number else [cell.casefold().encode("gb18030") for cell in known]
        if spec.columns[place].kind not in ("names", "type", "state"):
            assert order == sorted(order)
        assert sorted(found[""]) == sorted(found["-"])
        assert [cell for cell in found[""] if cell] == known, "what is missing comes last"
        if number:
            assert [float(cell) for cell in found["-"] if cell] == sorted(map(float, known), reverse=True)

    def test_names_sort_in_the_readers_language(self) -> None:
        rows = [{"n": {"name_zh": zh, "name_en": en}} for zh, en in [("张家口", "a"), ("保定", "c"), ("承德", "b")]]
        spec = Spec("x", "x", (Column("n", "n", "names"),))
        for locale, order in (("zh", ["保定", "承德", "张家口"]), ("en", ["张家口", "承德", "保定"])):
            made = tabular.table(spec, Source.of(rows), Asked("/x", {"sort": "n"}, locale))
            assert [row["n"]["name_zh"] for row in made.rows] == order

    def test_what_is_missing_comes_last_in_either_direction(self) -> None:
        spec = Spec("x", "x", (Column("t", "t", "tonnes"),))
        rows = [{"t": each} for each in (None, 2, 1, None, 3)]
        for sort, order in (("t", [1, 2, 3, None, None]), ("-t", [3, 2, 1, None, None])):
            made = tabular.table(spec, Source.of(rows), Asked("/x", {"sort": sort}))
            assert [row["t"] for row in made.rows] == order

    @pytest.mark.parametrize(
        "odd", ["sort=nothing", "sort=--price_fen", "sort=%00", "per=7", "per=x", "page=-3", "page=9e9"]
    )
    def test_what_makes_no_sense_shows_the_usual_table(self, public: TestClient[Litestar], odd: str) -> None:
        usual = shown_rows(public.get("/market").text)
        last = shown_rows(public.get("/market?page=999").text)
        assert shown_rows(public.get(f"/market?{odd}").text) in (usual, last)


class TestPaging:
    def test_pages_show_every_row_once(self, public: TestClient[Litestar]) -> None:
        found = [
            row for number in (1, 2) for row in shown_rows(public.get(f"/registry?page={number}").text, "Projects")
        ]
        assert len(found) == len(set(found)) == 40
        assert len(shown_rows(public.get("/registry?per=50").text, "Projects")) == 40

    def test_the_page_in_the_databases_order_reads_only_what_it_shows(self) -> None:
        asked: list[int] = []
        source = Source(range(1000), lambda part: asked.extend(part) or [{"t": each} for each in part])
        tabular.table(Spec("x", "x", (Column("t", "t", "tonnes"),)), source, Asked("/x", {"page": "2"}))
        assert asked == list(range(20, 40))

    def test_links_keep_filter_order_and_size(self, public: TestClient[Litestar]) -> None:
        page = public.get("/registry?type=forestry&sort=-issued_t&per=20&q=").text.replace("&amp;", "&")
        assert "/registry?type=forestry&sort=issued_t&per=20" in page
        assert "format=csv&table=projects" in page
        assert re.search(r'href="/registry\?type=forestry&sort=-issued_t&format=xlsx', page)

    def test_two_tables_of_a_page_keep_each_others_state(self) -> None:
        spec = Spec("b", "b", (Column("t", "t", "tonnes"),), prefix="b-")
        made = tabular.table(
            spec, Source.of([{"t": 1}, {"t": 2}]), Asked("/my", {"a-sort": "-x", "b-page": "1", "evil": "1"})
        )
        assert made.at(sort="t") == "/my?a-sort=-x&b-page=1&b-sort=t"


class TestSaving:
    @pytest.mark.parametrize("path", PUBLIC)
    def test_a_file_holds_the_rows_of_all_pages_in_the_order_of_the_page(
        self, public: TestClient[Litestar], path: str
    ) -> None:
        rows = saved(public, path, PUBLIC[path])
        title = "On sale now" if path == "/market" else spoken(PUBLIC[path].title, "en")
        shown = shown_rows(public.get(f"{path}?per=100").text, title)
        assert len(rows) - 1 == len(shown) > 0
        assert len(rows[0]) == len(PUBLIC[path].columns)
        for row, head in zip(rows[1:], shown, strict=True):
            assert head.startswith(re.sub(r"\s+", "", row[0]))

    def test_a_file_follows_the_filters(self, public: TestClient[Litestar]) -> None:
        rows = saved(public, "/market?type=wind&price_to=46.50", views_market.LISTINGS)
        prices = [row[-1] for row in rows[1:]]
        assert prices
        assert all(float(price) <= 46.5 for price in prices)

    def test_a_workbook_says_what_it_is_and_that_it_is_a_demo(self, public: TestClient[Litestar]) -> None:
        answer = public.get("/market?type=wind&format=xlsx&table=listings")
        assert re.fullmatch(
            r'attachment; filename="DEMO-tanyi-listings-\d{4}-\d\d-\d\d\.xlsx"', answer.headers["content-disposition"]
        )
        book = CalamineWorkbook.from_filelike(BytesIO(answer.content))
        about = book.get_sheet_by_name("About this table").to_python()
        assert about[0][0] == "DEMO 演示，无法律效力"
        assert ["Product type", "Wind power"] in [row[:2] for row in about]
        first = book.get_sheet_by_index(0).to_python()
        assert first[0][-1] == "Price (yuan/t)"
        assert isinstance(first[1][-1], float)

    @pytest.mark.parametrize("asked", ["format=csv", "format=csv&table=none", "format=pdf&table=listings"])
    def test_a_file_that_does_not_exist_is_not_found(self, public: TestClient[Litestar], asked: str) -> None:
        assert public.get(f"/market?{asked}").status_code == 404

    def test_a_name_that_looks_like_a_formula_is_text_in_the_file(self, site: Site, market: Market) -> None:
        make_listing(market, "S01", make_issued(market, "S01", 300), 300)
        with market.house.database.owner_engine().begin() as connection:
            connection.execute(text("UPDATE registry_project SET name_zh = '=1+1', name_en = '=1+1'"))
            connection.execute(
                text("UPDATE kernel_organisation SET name_zh = '@evil', name_en = '@evil' WHERE code = 'S01'")
            )
        rows = saved(site.client, "/market", views_market.LISTINGS)
        assert rows[1][:2] == ["'=1+1", "'@evil"]


class TestScope:
    def test_a_file_never_holds_another_organisations_rows(self, site: Site, market: Market) -> None:
        run_everything(market)
        for role, other, tables in (
            ("firm", "E02", ("duties", "bids", "tonnes", "purchases", "certificates", "duty-coverage")),
            ("seller", "S02", ("my-listings", "payments", "tonnes")),
        ):
            desk = Desk(site, role)
            theirs = _numbers_of(market, other)
            for name in tables:
                answer = desk.get(f"/my?format=csv&table={name}")
                assert answer.status_code == 200, (role, name)
                assert len(rows_of_csv(answer.content)) > 1, (role, name)
                assert [number for number in theirs if number in answer.text] == [], (role, name)

    def test_who_may_not_see_a_page_gets_no_file_of_it(self, site: Site, market: Market) -> None:
        run_everything(market)
        for address in ("/my?format=csv&table=duties", "/duties/D2026-B001?format=csv&table=deliveries"):
            answer = site.client.get(address, headers=HTML, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")
        assert Desk(site, "seller").get("/duties/D2026-B001?format=csv&table=deliveries").status_code == 403
        assert Desk(site, "firm").get("/duties/D2026-B002?format=csv&table=deliveries").status_code == 404
        assert Desk(site, "regulator").get("/duties/D2026-B002?format=csv&table=deliveries").status_code == 200

    def test_the_department_saves_the_duties_of_all(self, site: Site, market: Market) -> None:
        run_everything(market)
        rows = saved(site.client, "/my", views_offices.ALL_DUTIES, headers=Desk(site, "regulator").headers)
        assert [row[0] for row in rows[1:]] == ["D2026-B001", "D2026-B002"]


def _numbers_of(market: Market, code: str) -> list[str]:
    """The numbers of what belongs to an organisation: duties, bids, listings, retirements, first serials."""
    party = market.party(code)
    queries = (
        "SELECT number FROM emitters_obligation WHERE organisation_id = :id",
        "SELECT number FROM trading_bid WHERE buyer_id = :id",
        "SELECT number FROM trading_listing WHERE seller_id = :id",
        "SELECT number FROM settlement_retirement WHERE holder_id = :id",
        "SELECT '-' || lo || '-' || (end_ - 1) FROM ledger_block WHERE holder_id = :id",
    )
    with market.house.open_reader() as reader:
        return [row[0] for query in queries for row in reader.session.execute(text(query), {"id": party})]
