"""The frame of every page: nonces, charts that say what their tables say, the tile map, help, terms, live figures."""

from __future__ import annotations

import gzip
import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tanyi.app.factory import application_of
from tanyi.app.installation import open_installation
from tanyi.app.pages import rendering, terms, tiles
from tanyi.app.pages.help import PAGES
from tanyi.app.pages.tabular import Asked
from tanyi.app.pages.tiles import PLACES, shade_of
from tanyi.kernel.config import settings
from tanyi.kernel.identity import REGIONS
from tests.app.desks import HTML
from tests.app.web import BASE

CHARTED = ("/", "/registry", "/registry/retirements", "/rounds/2026-1", "/style")
FIRST_VISIT_BYTES = 600_000


@pytest.fixture(scope="module")
def public(demo_folder: Path) -> Iterator[TestClient[Litestar]]:
    """A stranger at the demo's site."""
    with (
        open_installation(settings({}, demo_folder)) as house,
        TestClient(application_of(house), base_url=BASE) as client,
    ):
        client.headers.update(HTML)
        client.cookies.set("tanyi_locale", "en")
        yield client


def nonce_of(answer: Any) -> str:
    found = re.search(r"script-src 'nonce-([\w-]{20,})'", answer.headers["content-security-policy"])
    assert found is not None, answer.headers["content-security-policy"]
    return found[1]


class TestContentPolicy:
    @pytest.mark.parametrize("path", ["/", "/docs", "/market", "/no-such-page", "/projects/none", "/rounds/2026-1"])
    def test_scripts_carry_the_nonce_of_this_one_answer(self, public: TestClient[Litestar], path: str) -> None:
        first, second = public.get(path), public.get(path)
        assert nonce_of(first) != nonce_of(second)
        for answer in (first, second):
            tags = re.findall(r"<script[^>]*>", answer.text)
            assert tags
            assert [tag for tag in tags if f'nonce="{nonce_of(answer)}"' not in tag] == []

    @pytest.mark.parametrize("path", ["/", "/static/tanyi.css", "/health", "/no-such-page", "/api/v1/projects"])
    def test_nothing_unsafe_is_allowed_anywhere(self, public: TestClient[Litestar], path: str) -> None:
        policy = public.get(path).headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self'" not in policy

    def test_what_is_no_page_runs_no_script(self, public: TestClient[Litestar]) -> None:
        stranger = public.get("/static/mark.svg").headers["content-security-policy"]
        assert re.search(r"script-src 'n(one|once-[\w-]+)'", stranger)


class TestWeight:
    @pytest.mark.parametrize("path", [*CHARTED, "/market"])
    def test_a_first_visit_is_light(self, public: TestClient[Litestar], path: str) -> None:
        page = public.get(path)
        assert page.headers["content-encoding"] == "gzip"
        files = {
            html.unescape(found).partition("#")[0] for found in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        }
        weight = len(gzip.compress(page.content, 6))
        for file in files:
            answer = public.get(file)
            assert answer.status_code == 200
            assert "max-age" in answer.headers["cache-control"]
            weight += len(gzip.compress(answer.content, 6))
        assert weight <= FIRST_VISIT_BYTES, weight

    def test_only_pages_with_charts_load_the_drawing(self, public: TestClient[Litestar]) -> None:
        assert "echarts" in public.get("/registry").text
        assert "echarts" not in public.get("/market").text

    def test_a_file_that_changes_gets_another_address(self) -> None:
        assert re.fullmatch(r"/static/tanyi\.css\?v=[0-9a-f]{12}", rendering.static("tanyi.css"))


class TestCharts:
    @pytest.mark.parametrize("path", CHARTED)
    def test_a_chart_draws_exactly_what_its_table_says(self, public: TestClient[Litestar], path: str) -> None:
        page = public.get(path).text
        figures = re.findall(r'<figure class="chart".*?</figure>', page, re.DOTALL)
        assert figures
        for figure in figures:
            (raw,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', figure, re.DOTALL)
            data = json.loads(raw)
            body = figure.partition("<tbody>")[2].partition("</tbody>")[0]
            rows = [
                re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL) for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)
            ]
            assert len(rows) == len(data["categories"])
            for place, values in enumerate(data["values"], 1):
                shown = [re.sub(r"<small>.*?</small>|<[^>]+>|[^0-9.—]", "", row[place]) for row in rows]
                told = ["—" if value is None else value for value in values]
                assert [_number(text) for text in shown] == [_number(text) for text in told]
            (name,) = set(re.findall(r"format=csv&amp;table=([\w-]+)", figure))
            assert public.get(f"{path}?format=csv&table={name}").status_code == 200

    def test_every_series_has_a_colour(self, public: TestClient[Litestar]) -> None:
        css = (rendering.templates_folder() / "static" / "tanyi.css").read_text(encoding="utf-8")
        for path in CHARTED:
            for raw in re.findall(
                r'<script type="application/json"[^>]*>(.*?)</script>', public.get(path).text, re.DOTALL
            ):
                data = json.loads(raw)
                assert len(data["colours"]) >= (
                    len(data["categories"]) if data["isColouredByRow"] else len(data["series"])
                )
                assert [name for name in data["colours"] if f".bg-{name}" not in css] == []


def _number(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


class TestTileMap:
    def test_every_city_is_one_tile_and_none_hides_another(self) -> None:
        assert set(PLACES) == set(REGIONS)
        assert len(set(PLACES.values())) == len(PLACES)

    def test_shades_grow_with_the_figure(self) -> None:
        assert [shade_of(quantity_t, 100) for quantity_t in (0, 1, 20, 21, 60, 100)] == [0, 1, 1, 2, 3, 5]

    def test_a_tile_leads_to_its_city_and_says_its_figure(self, public: TestClient[Litestar]) -> None:
        page = html.unescape(public.get("/registry").text)
        links = dict(re.findall(r'<a href="(/registry\?region=\d+)" class="tile-city[^>]*aria-label="([^"]+)"', page))
        assert len(links) == len(REGIONS)
        total = sum(int(re.sub(r"\D", "", said)) for said in links.values())
        assert total == sum(
            int(t) for t in re.findall(r'"tile-number"[^>]*>([\d,]+)<', page) for t in [t.replace(",", "")]
        )
        chengde = public.get("/registry?region=130800").text
        assert "P01" in chengde
        assert chengde.count('scope="row"') < public.get("/registry?per=50").text.count('scope="row"')

    def test_the_map_has_a_table_of_the_same_figures(self) -> None:
        made = tiles.tile_map(Asked("/x"), "x", "x", {"130800": 7, "130700": 9}, "/registry")
        assert {row["code"]: row["quantity_t"] for row in made.table.rows} == {
            tile.code: tile.quantity_t for tile in made.tiles
        }
        assert made.table.rows[0]["code"] == "130700"


class TestHelp:
    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_every_term_stands_in_the_glossary_in_both_languages(
        self, public: TestClient[Litestar], language: str
    ) -> None:
        page = public.get("/glossary", headers={"Cookie": f"tanyi_locale={language}"}).text
        shown = html.unescape(page)
        for key, term in terms.TERMS.items():
            assert f'id="{key}"' in page
            assert rendering.spoken(term.meaning, language) in shown

    def test_every_help_text_is_used_by_a_page(self) -> None:
        folder = rendering.templates_folder()
        texts = "".join(path.read_text(encoding="utf-8") for path in folder.glob("pages/**/*.html"))
        asked = set(re.findall(r'heading\(.*?"(\w+)"\) %?\}', texts)) | set(re.findall(r'about="(\w+)"', texts))
        assert set(PAGES) <= asked

    def test_a_term_on_a_page_opens_by_a_button_of_its_own(self, public: TestClient[Litestar]) -> None:
        page = public.get("/style").text
        opened = re.findall(r'popovertarget="(term-\d+)"', page)
        assert len(opened) == len(set(opened)) >= 2
        assert [each for each in opened if f'id="{each}" popover' not in page] == []


class TestLive:
    def test_the_home_page_holds_what_the_live_part_says(self, public: TestClient[Litestar]) -> None:
        part, page = public.get("/live").text, public.get("/").text
        figures = re.findall(r'<span class="tile-figure">([\d,]+)</span>', part)
        assert len(figures) == 4
        assert re.findall(r'<span class="tile-figure">([\d,]+)</span>', page)[:4] == figures
        assert 'data-live="/live"' in page
        assert "<html" not in part

    def test_search_stands_on_every_page_with_a_label(self, public: TestClient[Litestar]) -> None:
        for path in ("/", "/market", "/sign-in", "/no-such-page"):
            assert '<label class="unseen" for="find">' in public.get(path).text
