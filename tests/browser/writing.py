"""Somebody who writes into every field of every form that a walk over the site comes to, as each role.

Forms are found, not listed. A form is filled in two ways: `plausible` writes the text where any text may stand and
something ordinary elsewhere, so that it is stored; `reckless` writes it everywhere, into numbers, dates, choices and
hidden fields too, so that the refusal has to show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from tanyi.app.security import CSRF_FIELD
from tanyi.app.visitors import FORM_COOKIE, LOCALE_COOKIE
from tanyi.kernel.clock import civil_date, system_clock
from tests.browser.crawling import Visited, Visitor
from tests.browser.reading import Field, Reading, SentForm
from tests.browser.routes import route_of
from tests.browser.surfing import Site

FREE = {"text", "search", "textarea", "email", "tel", "url"}
KEPT = {CSRF_FIELD, "_method"}
MODES = ("plausible", "reckless")
Shape = tuple[str, str | None, tuple[str, ...]]


@dataclass(frozen=True)
class Place:
    """A form where it was found."""

    visitor: Visitor
    address: str
    shape: Shape


@dataclass(frozen=True)
class Sent:
    """What came of one form: the answer to it and the page that it led to."""

    place: Place
    answers: tuple[Any, ...]

    @property
    def pages(self) -> list[Any]:
        """The answers that are pages."""
        return [each for each in self.answers if each.headers.get("content-type", "").startswith("text/html")]


def writer(site: Site, visitor: Visitor, language: str = "zh") -> httpx.Client:
    """A visitor's own connection; the public's forms are bound to a cookie that stays."""
    cookies = {FORM_COOKIE: "a-visitor-who-writes"} | dict(visitor.cookies) | {LOCALE_COOKIE: language}
    headers = {"Accept": "text/html", "Cookie": "; ".join(f"{name}={text}" for name, text in cookies.items())}
    return httpx.Client(base_url=site.url, headers=headers, timeout=60)


def shape_of_form(form: SentForm) -> Shape:
    """What makes a form like another: how and where it is sent, and its fields."""
    return form.method, route_of(form.action) or form.action, tuple(sorted({each.name for each in form.fields}))


def forms_on(visited: Visited, visitor: Visitor) -> Iterator[Place]:
    """The forms of a page that have something to write in."""
    for form in visited.page.forms if visited.page else ():
        if any(is_written(each) for each in form.fields):
            yield Place(visitor, visited.address, shape_of_form(form))


def is_written(field: Field) -> bool:
    """Whether somebody writes into this field with a keyboard."""
    return field.kind in FREE | {"number", "date", "password"} and "readonly" not in field.attributes


def is_free(field: Field) -> bool:
    """Whether any text may stand in this field."""
    is_figure = field.attributes.get("inputmode") in ("numeric", "decimal") or "pattern" in field.attributes
    return field.kind in FREE and not is_figure and field.name not in KEPT and "readonly" not in field.attributes


def filled(form: SentForm, text: str, mode: str) -> dict[str, str]:
    """What is sent for a form."""
    sent: dict[str, str] = {}
    for each in form.fields:
        is_ours = each.name in KEPT or each.kind in ("submit", "button", "file")
        if is_ours or (mode == "plausible" and not is_free(each)):
            if each.kind != "radio" or each.name not in sent:
                sent[each.name] = each.value if is_ours else ordinary(each)
        else:
            sent[each.name] = text
    return sent


def ordinary(field: Field) -> str:
    """Something that a person would choose or write here."""
    if field.kind == "select":
        return field.value or next((choice for choice in field.choices if choice), "")
    if field.kind in ("checkbox", "radio"):
        return field.value or "on"
    if field.value or field.kind in ("hidden", "password"):
        return field.value
    if field.kind == "date":
        return field.attributes.get("min") or (civil_date(system_clock()) + timedelta(days=30)).isoformat()
    return field.attributes.get("min") or "1"


def write(client: httpx.Client, place: Place, text: str, mode: str) -> Sent:
    """Loads the page of a form again, fills it, sends it, and follows where it leads."""
    page = Reading(client.get(place.address).text, place.address)
    client.cookies.clear()
    form = next((each for each in page.forms if shape_of_form(each) == place.shape), None)
    if form is None:  # the form has gone, since what it was for is done
        return Sent(place, ())
    answers = [_send(client, form, filled(form, text, mode))]
    if answers[0].is_redirect:
        answers.append(client.get(answers[0].headers["location"]))
    client.cookies.clear()
    return Sent(place, tuple(answers))


def _send(client: httpx.Client, form: SentForm, sent: dict[str, str]) -> httpx.Response:
    if form.method == "get":
        return client.get(form.action.partition("?")[0], params=sent, follow_redirects=False)
    return client.post(form.action, data=sent, follow_redirects=False)
