"""Hostile texts through every field of every form, as every role, in the served demo: they stay text wherever they show.

Before anything is written, the kinds of elements and attributes that pages have are noted; afterwards no page may have
another. It changes the demo, so it stands last among the files of this folder.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser

from tests.browser.crawling import PUBLIC, Visitor, visitors_of, walk
from tests.browser.surfing import Site, Surfer
from tests.browser.writing import MODES, Place, Sent, forms_on, write, writer
from tests.hostile_texts import Hostile, Parts, hostile_texts, is_only_text, plain, strangers

HARMLESS = ("Wald", "白洋淀 湿地", "x")
SOME = hostile_texts()[::11]
FORMULA = re.compile(r"^[\t\r\n ]*[=+\-@]")
NUMBER = re.compile(r"[+-]?[\d,.]+%?")
MARKUP = ("text/html", "image/svg+xml")
FOREIGN = """html => {
  const page = new DOMParser().parseFromString(html, 'text/html');
  const kinds = 'iframe, object, embed, base, style, math, marquee, video, audio, animate, plaintext, script:not([src])';
  const led = /^\\s*(javascript|vbscript|data:text|\\/\\/|\\\\)/i;
  return [...page.querySelectorAll('*')].filter(e => e.matches(kinds) || [...e.attributes].some(a => a.name.startsWith('on')
    || a.name === 'style' || a.name === 'formaction' || (['href', 'src', 'action'].includes(a.name) && led.test(a.value))))
    .map(e => e.outerHTML.slice(0, 120));
}"""
Kinds = set[tuple[str, str]]


@pytest.fixture(scope="module")
def visitors(chromium: Browser, site: Site) -> list[Visitor]:
    """The public and one signed-in demo account of each role."""
    return visitors_of(chromium, site)


def before(site: Site, visitors: list[Visitor]) -> tuple[list[Place], Kinds]:
    """Every kind of form, once for each role that can send it, and what pages are made of with ordinary words in them."""
    known: Kinds = set()
    found: dict[object, Place] = {}
    for number, visitor in enumerate(visitors):
        with writer(site, visitor, ("zh", "en")[number % 2]) as client:
            for visited in walk(client, site.url, most=2):
                known |= Parts(visited.answer.text).kinds() if is_markup(visited.answer) else set()
                for place in forms_on(visited, visitor):
                    found.setdefault((visitor.role if place.shape[0] != "get" else PUBLIC, place.shape), place)
    forms = list(found.values())
    for sent in written(site, forms, [Hostile(text, text) for text in HARMLESS]):
        known |= {kind for answer in sent.answers if is_markup(answer) for kind in Parts(answer.text).kinds()}
    return forms, known


def written(site: Site, forms: list[Place], texts: Iterable[Hostile]) -> Iterator[Sent]:
    """Every text through every form in both ways."""
    for place in forms:
        with writer(site, place.visitor) as client:
            for hostile in texts:
                yield from (write(client, place, hostile.text, mode) for mode in MODES)


def is_markup(answer: Any) -> bool:
    return answer.headers.get("content-type", "").startswith(MARKUP)


def wrong_in(answer: Any, known: Kinds, texts: list[Hostile]) -> list[str]:
    """What an answer of any kind makes of hostile texts; a server that broke down is wrong too."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    found = [f"status {answer.status_code}"] if answer.status_code >= 500 else []
    if "x" in answer.cookies or "\n" in answer.headers.get("location", ""):
        found.append("a header was written")
    if kind in MARKUP:
        found += strangers(answer.text, known, texts)
    elif kind.endswith("json") and answer.content:
        found += [f"torn in JSON: {text!r}" for text in _torn(_strings(json.loads(answer.text)), texts)]
    elif kind == "text/csv":
        rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))))
        found += [f"a formula: {cell!r}" for row in rows for cell in row if is_formula(cell)]
    elif kind.endswith("spreadsheetml.sheet"):
        book = zipfile.ZipFile(io.BytesIO(answer.content))
        found += [f"a formula in {name}" for name in book.namelist() if b"<f>" in book.read(name)]
    return found


def is_formula(cell: str) -> bool:
    """Whether a spreadsheet would compute what stands in a cell."""
    return FORMULA.match(cell) is not None and NUMBER.fullmatch(cell) is None


def _strings(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    for inner in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from _strings(inner)


def _torn(strings: Iterable[str], texts: list[Hostile]) -> list[str]:
    shown = [plain(text) for text in strings if "qz" in text]
    return [text for text in shown for each in texts if each.mark in text and not is_only_text(text, each)]


def wrong_with(
    site: Site, visitors: list[Visitor], texts: list[Hostile], languages: tuple[str, ...], most: int | None
) -> list[str]:
    """Writes the texts everywhere, then looks at the pages of everybody."""
    forms, known = before(site, visitors)
    assert len(forms) >= 6, [place.shape for place in forms]
    wrong: dict[str, str] = {}
    for sent in written(site, forms, texts):
        for answer in sent.answers:
            for what in wrong_in(answer, known, texts):
                wrong.setdefault(what, f"after {sent.place.shape[:2]} as {sent.place.visitor.role}")
    shown: set[str] = set()
    looks = [(visitor, language) for visitor in visitors for language in languages]
    for visitor, language in looks:
        with writer(site, visitor, language) as client:
            for visited in walk(client, site.url, most=most):
                if not visited.is_question:
                    shown |= {text.mark for text in texts if text.mark in visited.answer.text}
                for what in wrong_in(visited.answer, known, texts):
                    wrong.setdefault(what, f"{visited.address} as {visitor.role}")
    assert len(shown) >= len(texts) / 2, f"only {sorted(shown)} were ever stored and shown"
    return [f"{what}: {where}" for what, where in wrong.items()]


def test_some_hostile_texts_through_every_field_stay_text(site: Site, visitors: list[Visitor]) -> None:
    wrong = wrong_with(site, visitors, SOME, ("zh",), 3)
    assert not wrong, "\n".join(wrong)


@pytest.mark.gate
def test_every_hostile_text_through_every_field_stays_text(site: Site, visitors: list[Visitor]) -> None:
    wrong = wrong_with(site, visitors, hostile_texts(), ("zh", "en"), None)
    assert not wrong, "\n".join(wrong)


@pytest.mark.gate
def test_every_hostile_text_is_text_to_the_parser_of_a_browser(chromium: Browser, site: Site) -> None:
    page = chromium.new_page()
    wrong = []
    with writer(site, Visitor(PUBLIC, None)) as client:
        for hostile in hostile_texts():
            for path in ("/registry", "/sign-in", "/market/desk"):
                asked = dict.fromkeys(("q", "next", "quantity_t", "said"), hostile.text)
                found = page.evaluate(FOREIGN, client.get(path, params=asked).text)
                wrong += [f"{path} {hostile.text!r}: {each}" for each in found]
    page.close()
    assert wrong == []


def test_a_browser_runs_nothing_of_what_was_written(surfer: Callable[..., Surfer]) -> None:
    organiser = surfer("zh", user="forum.organiser")
    organiser.page.on("dialog", lambda dialog: organiser.complaints.append(f"a dialog: {dialog.message}"))
    first, second, third = (hostile_texts()[number].text for number in (2, 42, 48))
    page = organiser.visit("/market?type=wetland")
    page.click("table.ledger tbody tr:first-child a")
    page.fill("[name=quantity_t]", "1")
    page.fill("[name=event_name]", first)
    page.fill("[name=event_on]", "2026-12-12")
    page.fill("[name=event_place]", second)
    page.fill("[name=beneficiary]", third)
    page.check("[name=understood]")
    page.click("main form button[type=submit]")
    page.wait_for_url("**/purchases/*", timeout=30_000)
    assert first in organiser.text()
    page.click("a.btn-main")
    page.wait_for_url("**/certificates/*")
    assert all(text in organiser.text() for text in (first, second, third))
    for path in ("/my", "/", f"/registry?q={quote(first)}"):
        organiser.visit(path)
        assert page.evaluate("html => (" + FOREIGN + ")(html)", page.content()) == []
