"""Every page in both languages: complete, accessible in the basics, and calling nobody outside."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser

import jinja2
import pytest

from tanyi.app import assets
from tanyi.app.pages import rendering
from tests.app.sample_pages import pages

SAMPLES = pages()
EVERY_PAGE = [(name, locale) for name in SAMPLES for locale in ("zh", "en")]
VOID = {"meta", "link", "img", "input", "br", "hr", "wbr", "rect", "use", "path"}
SPOKEN = ("aria-label", "title", "placeholder", "alt")
CHINESE = re.compile(r"[\u3400-\u9fff，。；：（）《》“”]")
CODES = re.compile(
    r"\b[A-Z][A-Za-z0-9]*(?:[-@][A-Za-z0-9.@…]+)+|\bP\d\d\b|\b[NRV]\d{6}\b|\b\d{4}-R\d\b|\bB1 × L7\b|HB-…"
)
NAMES_AND_UNITS = {
    "DEMO",
    "Tanyi",
    "MW",
    "ppm",
    "tCO2e",
    "CO2e",
    "CSV",
    "XLSX",
    "CCER",
    "CDM",
    "CPCD",
    "kgCO2e",
    "PVC",
    "PET",
    *("GJ", "TJ", "tC", "tCO2", "Nm"),
}  # stay as they are in Chinese text


@dataclass
class Page(HTMLParser):
    """What the tests want to know about a page."""

    source: str
    texts: list[tuple[str, str]] = field(default_factory=list)  # (language or 'none', text)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    languages: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        language = "none" if attributes.get("translate") == "no" or tag in ("script", "style") else None
        language = language or attributes.get("lang") or (self.languages[-1][1] if self.languages else "")
        self.texts += [(language, attributes[name]) for name in SPOKEN if name in attributes]
        if tag not in VOID:
            self.languages.append((tag, language))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            opened, _ = self.languages.pop()
            assert opened == tag, f"<{opened}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        self.texts.append((self.languages[-1][1] if self.languages else "", data))

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag in tags]


@cache
def page(name: str, locale: str) -> Page:
    template, context = SAMPLES[name]
    return Page(rendering.render(template, locale=locale, **context))


every_page = pytest.mark.parametrize(("name", "locale"), EVERY_PAGE)


class TestEveryPageIsCompleteInBothLanguages:
    def test_every_template_has_a_sample(self) -> None:
        folder = rendering.templates_folder()
        templates = {str(path.relative_to(folder)) for path in folder.glob("pages/**/*.html")}
        assert templates == {template for template, _ in SAMPLES.values()}

    @pytest.mark.parametrize("name", SAMPLES)
    def test_a_chinese_page_holds_no_english_words(self, name: str) -> None:
        shown = page(name, "zh")
        assert shown.all("html")[0]["lang"] == "zh-Hans"
        for language, text in shown.texts:
            if language == "zh-Hans":
                left = set(re.findall(r"[A-Za-z][A-Za-z0-9]+", CODES.sub(" ", text)))
                assert all(word in NAMES_AND_UNITS or "MW" in word for word in left), text

    @pytest.mark.parametrize("name", SAMPLES)
    def test_an_english_page_holds_chinese_only_where_it_says_so(self, name: str) -> None:
        shown = page(name, "en")
        assert shown.all("html")[0]["lang"] == "en"
        assert [text for language, text in shown.texts if language == "en" and CHINESE.search(text)] == []

    @every_page
    def test_the_demo_label_stands_on_every_page_of_the_demo_and_on_no_other(self, name: str, locale: str) -> None:
        strip = [text for _, text in page(name, locale).texts if text == "DEMO 演示，无法律效力"]
        assert bool(strip) is SAMPLES[name][1]["demo"]

    def test_a_name_that_a_page_forgets_is_an_error(self) -> None:
        template, context = SAMPLES["home"]
        with pytest.raises(jinja2.UndefinedError):
            rendering.render(template, locale="zh", **{key: context[key] for key in context if key != "figures"})


class TestEveryPageCanBeUsedByEverybody:
    @every_page
    def test_there_is_one_main_heading_a_title_and_a_way_past_the_navigation(self, name: str, locale: str) -> None:
        shown = page(name, locale)
        assert len(shown.all("h1")) == 1
        assert re.search(r"<title>\S.+ · ", shown.source)
        assert {"class": "skip", "href": "#main"} in shown.all("a")

    @every_page
    def test_every_field_has_a_label_and_every_id_is_unique(self, name: str, locale: str) -> None:
        shown = page(name, locale)
        labelled = {attributes.get("for") for attributes in shown.all("label")}
        for attributes in shown.all("input", "select"):
            if attributes.get("type") not in ("hidden", "radio", "checkbox"):
                assert attributes["id"] in labelled
        counted = Counter(attributes["id"] for _, attributes in shown.tags if "id" in attributes)
        assert [each for each, times in counted.items() if times > 1] == []

    @every_page
    def test_what_a_page_refers_to_by_id_is_there(self, name: str, locale: str) -> None:
        shown = page(name, locale)
        ids = {attributes.get("id") for _, attributes in shown.tags}
        for _, attributes in shown.tags:
            for reference in ("aria-labelledby", "aria-describedby", "aria-controls", "for"):
                assert set(attributes.get(reference, "").split()) <= ids

    @every_page
    def test_every_cell_of_a_stacked_table_says_what_it_is(self, name: str, locale: str) -> None:
        for table in re.findall(r'<table class="ledger stack">.*?</table>', page(name, locale).source, re.DOTALL):
            body = table.partition("<tbody>")[2].partition("</tbody>")[0]
            assert "<td>" not in body


class TestPagesKeepToTheContentPolicy:
    @every_page
    def test_no_page_calls_an_outside_host_or_carries_inline_code(self, name: str, locale: str) -> None:
        shown = page(name, locale)
        for tag, attributes in shown.tags:
            assert "style" not in attributes
            assert not [each for each in attributes if each.startswith("on")]
            for reference in ("href", "src", "action"):
                assert "//" not in attributes.get(reference, ""), (tag, attributes)
        assert "<style" not in shown.source
        for tag, inside in re.findall(r"(<script[^>]*>)([^<]*)", shown.source):
            assert 'nonce="sample-nonce"' in tag
            assert inside == "" or 'type="application/json"' in tag, "scripts stand in files; data is no script"

    @every_page
    def test_every_form_that_changes_something_carries_the_csrf_token(self, name: str, locale: str) -> None:
        for form in re.findall(r'<form[^>]*method="post".*?</form>', page(name, locale).source, re.DOTALL):
            assert '<input type="hidden" name="_csrf_token" value="sample-token">' in form

    @every_page
    def test_static_files_and_icons_exist(self, name: str, locale: str) -> None:
        copied = {f"/static/vendor/{target}" for _, target in assets.COPIES}
        for _, attributes in page(name, locale).tags:
            for reference in (attributes.get("href", ""), attributes.get("src", "")):
                path, _, fragment = reference.partition("#")
                path = path.partition("?")[0]
                if path == "/static/vendor/icons.svg":
                    assert fragment in assets.ICONS
                elif path.startswith("/static/"):
                    assert path in copied or (rendering.templates_folder() / path.lstrip("/")).is_file()

    def test_names_are_escaped(self) -> None:
        template, context = SAMPLES["listing"]
        evil = {"name_zh": "<script>alert(1)</script>甲", "name_en": "<img src=x onerror=alert(1)>"}
        hostile = context | {"project": context["project"] | evil | {"story_zh": "</p><script>", "story_en": "&<b>"}}
        for locale in ("zh", "en"):
            text = rendering.render(template, locale=locale, **hostile)
            assert "<script>" not in text
            assert "<img src=x" not in text
