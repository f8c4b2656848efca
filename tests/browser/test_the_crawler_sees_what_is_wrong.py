"""The crawler's own eyes: each thing that it must not overlook, and a good page that it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.inspecting import FOCUS, LISTEN, SERIOUS, axe_source
from tests.browser.languages import is_english, untranslated
from tests.browser.reading import Reading, faults
from tests.browser.routes import page_routes, route_of, shape_of

GOOD = """<!doctype html><html lang="zh-Hans"><head><title>市场 · 碳易</title></head><body><a href="#main">跳到内容</a>
<main id="main"><h1>市场</h1><p>在售 120 吨 CO2e，编号 <span translate="no">HB-wind-P02 x y</span></p>
<p lang="en">English</p><p>forum.organiser 12 kWh XLSX</p><label for="a">数量</label><input id="a" name="a"></main></body></html>"""


def wrong_with(source: str, language: str = "zh") -> list[str]:
    page = Reading(source, "http://127.0.0.1/market")
    return faults(page) + untranslated(page, language)


def test_a_good_page_is_left_alone() -> None:
    assert wrong_with(GOOD) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("<h1>市场</h1>", "<h1>市场</h1><h1>二</h1>"), "2 headings"),
        (("<h1>市场</h1>", "<h2>市场</h2>"), "0 headings"),
        (("<title>市场 · 碳易</title>", "<title> · 碳易</title>"), "no title"),
        (("数量</label>", "%(count)s</label>"), "left over"),
        (("数量</label>", "{{ quantity }}</label>"), "left over"),
        (("数量</label>", "&lt;span class=code&gt;</label>"), "left over"),
        (("数量</label>", "&amp;amp; </label>"), "left over"),
        (("数量</label>", "None</label>"), "left over"),
        (("数量</label>", "METHODOLOGY_PENDING</label>"), "a code instead"),
        (("数量</label>", "OPEN</label>"), "a code instead"),
        (('id="a" name', 'id="main" name'), "stands 2 times"),
        (('for="a"', 'for="b"'), "refers to b"),
        (("<main", "<main onclick='x()'"), "carries onclick"),
        (("</main>", "</div></main>"), "badly nested"),
        (('lang="zh-Hans"', 'lang="en"'), "html lang"),
        (("数量</label>", "Market</label>"), "label: Market"),
        (("数量</label>", "Put tonnes on sale</label>"), "Put tonnes on sale"),
        (("数量</label>", "unknown words</label>"), "unknown words"),
        (('<input id="a"', '<input placeholder="Search" id="a"'), "input placeholder: Search"),
        (('<p lang="en">English</p>', "<p>English</p>"), "p: English"),
    ],
)
def test_each_fault_of_a_chinese_page_is_seen(change: tuple[str, str], said: str) -> None:
    source = GOOD.replace(*change)
    assert source != GOOD
    assert any(said in each for each in wrong_with(source)), wrong_with(source)


def test_chinese_on_an_english_page_is_seen_unless_it_says_so() -> None:
    source = GOOD.replace("zh-Hans", "en").replace("市场 · 碳易", "Market")
    assert any("h1: 市场" in each for each in wrong_with(source, "en"))
    page = '<html lang="en"><head><title>Market</title></head><body><h1>Market <b lang="zh-Hans">碳易</b></h1></body></html>'
    assert wrong_with(page, "en") == []


@pytest.mark.parametrize("text", ["12 MWh", "R100001", "steel.compliance", "P01", "CSV", "2026-1", "吨", "a@b.cn"])
def test_codes_and_units_are_the_same_in_both_languages(text: str) -> None:
    assert not is_english(text)


def test_addresses_are_alike_by_route_and_question() -> None:
    assert route_of("http://x/projects/P01") == "/projects/{code}"
    assert route_of("http://x/market/desk?a=1") == "/market/desk"
    assert route_of("http://x/nothing/here") is None
    assert shape_of("/market?type=wind&sort=") == shape_of("/market?type=x") != shape_of("/market")
    assert shape_of("/certificates/R1.json") != shape_of("/certificates/R1")
    assert {"/", "/market", "/my"} <= page_routes()
    assert not [path for path in page_routes() if path.startswith(("/api", "/static", "/schema"))]


@pytest.fixture
def page(chromium: Browser) -> Iterator:
    """An empty page of a browser."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_axe_sees_a_picture_without_words_and_text_that_cannot_be_read(page) -> None:
    page.set_content(
        '<html lang="en"><title>x</title><main><h1>x</h1><img src="data:,"><p style="color:#ddd">pale</p></main>'
    )
    page.evaluate(f"() => {{ {axe_source()} }}")
    found = " ".join(page.evaluate(SERIOUS, []))
    assert "image-alt" in found
    assert "color-contrast" in found


def test_focus_that_cannot_be_seen_is_found(page) -> None:
    page.set_content("<style>.x:focus { outline: none }</style><a href='#'>seen</a><a class='x' href='#'>not seen</a>")
    page.keyboard.press("Tab")
    (found,) = page.evaluate(FOCUS)
    assert "not seen" in found


def test_where_the_tab_key_leads_is_noted(page) -> None:
    page.set_content("<a href='#'>1</a><button>2</button><input disabled><input tabindex='-1'><a>3</a><input>")
    assert page.evaluate(LISTEN) == 3
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("window.tabbed") == [0, 1, 2]
