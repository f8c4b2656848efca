"""A page read as a program reads it: what it says in which language, where it leads, and what is wrong with it."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import islice
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tanyi.app.pages import labels

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SILENT = {"script", "style", "template"}
SPOKEN = ("aria-label", "title", "placeholder", "alt", "data-label", "data-confirm", "summary")
REFERENCES = ("aria-labelledby", "aria-describedby", "aria-controls", "for", "headers", "list")
LEADS = {"a": "href", "area": "href", "iframe": "src"}
LOADS = {"link": "href", "script": "src", "img": "src", "use": "href", "source": "src", "image": "href"}
LEFT_OVER = re.compile(r"%\(\w+\)[sd]|\{\{|\}\}|\{%|%\}|&(?:amp|lt|gt|quot|nbsp|#\d+);|</?\w+[^<>]*>|\bUndefined\b")
BARE = {"None", "nan", "NaN", "True", "False", "null", "undefined"}
CODES = {code for words in labels.STATES.values() for code in words if code.isupper()}
BARE_CODE = re.compile(r"\b[A-Z]{3,}(?:_[A-Z]{2,})+\b")
OPEN_ENDED = 5  # so many choices of one select are asked for


@dataclass(frozen=True)
class Said:
    """A piece of text or a spoken attribute, with the nearest language ('' when none is declared)."""

    text: str
    language: str
    is_code: bool
    place: str


@dataclass
class Field:
    """A control of a form: its name, kind, present value, the choices of a select, and its attributes."""

    name: str
    kind: str
    value: str
    choices: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class SentForm:
    """A form of a page."""

    method: str
    action: str
    fields: list[Field] = field(default_factory=list)


@dataclass
class Element:
    """An open element while reading."""

    tag: str
    language: str
    is_code: bool
    is_silent: bool


class Reading(HTMLParser):
    """Everything the checks want to know about one page."""

    def __init__(self, source: str, address: str = "/") -> None:
        super().__init__(convert_charrefs=True)
        self.source, self.address = source, address
        self.said: list[Said] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.forms: list[SentForm] = []
        self.open_forms: list[SentForm] = []  # those not closed yet
        self.nesting: list[str] = []
        self.open: list[Element] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        above = self.open[-1] if self.open else Element("", "", False, False)
        language = attributes.get("lang", above.language)
        is_code = above.is_code or attributes.get("translate") == "no" or tag in ("code", "pre", "kbd", "samp")
        self.said += [
            Said(attributes[name], language, is_code, f"{tag} {name}") for name in SPOKEN if attributes.get(name)
        ]
        if tag == "input" and attributes.get("type") in ("submit", "button"):
            self.said.append(Said(attributes.get("value", ""), language, is_code, "button"))
        self._note_form(tag, attributes)
        if tag not in VOID:
            self.open.append(Element(tag, language, is_code, above.is_silent or tag in SILENT))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if tag == "form" and self.open_forms:
            self.open_forms.pop()
        if self.open and self.open[-1].tag == tag:
            self.open.pop()
        else:
            self.nesting.append(f"</{tag}> closes <{self.open[-1].tag if self.open else 'nothing'}>")

    def handle_data(self, data: str) -> None:
        here = self.open[-1] if self.open else Element("", "", False, False)
        if data.strip() and not here.is_silent:
            place = "svg title" if any(each.tag == "svg" for each in self.open) else here.tag
            self.said.append(Said(" ".join(data.split()), here.language, here.is_code, place))
        if here.tag == "textarea" and self.open_forms and self.open_forms[-1].fields:
            self.open_forms[-1].fields[-1].value += data

    def _note_form(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "form":
            action = urljoin(self.address, attributes.get("action") or self.address)
            self.open_forms.append(SentForm(attributes.get("method", "get").lower(), action))
            self.forms.append(self.open_forms[-1])
            return
        if not self.open_forms:
            return
        fields, name = self.open_forms[-1].fields, attributes.get("name", "")
        if tag == "option" and fields:
            fields[-1].choices.append(attributes.get("value", ""))
            if "selected" in attributes:
                fields[-1].value = attributes.get("value", "")
        elif tag in ("input", "select", "textarea") and name:
            kind = attributes.get("type", "text") if tag == "input" else tag
            fields.append(Field(name, kind, attributes.get("value", ""), [], attributes))

    def all(self, *tags: str) -> list[dict[str, str]]:
        """The attributes of every element of these tags."""
        return [attributes for tag, attributes in self.tags if tag in tags]

    def leads_to(self) -> list[str]:
        """Where links lead, without fragments."""
        links = [attributes[LEADS[tag]] for tag, attributes in self.tags if attributes.get(LEADS.get(tag, ""))]
        return [urljoin(self.address, each).partition("#")[0] for each in links]

    def asks(self) -> list[str]:
        """Where forms lead that only ask, unless this page is an answer to one: questions are not combined."""
        said = {name for name, _ in parse_qsl(urlsplit(self.address).query)}
        fresh = [form for form in self.forms if form.method == "get" and not said & {each.name for each in form.fields}]
        return [urljoin(self.address, address) for form in fresh for address in questions(form)]

    def loads(self) -> list[str]:
        """What the browser fetches by itself."""
        files = [attributes[LOADS[tag]] for tag, attributes in self.tags if attributes.get(LOADS.get(tag, ""))]
        return [urljoin(self.address, each).partition("#")[0] for each in files if not each.startswith(("#", "data:"))]


def questions(form: SentForm) -> list[str]:
    """The addresses of a form that only asks: as it stands, each choice of each select, a word in each text field."""
    plain = {
        each.name: each.value for each in form.fields if each.kind not in ("checkbox", "radio", "submit", "button")
    }
    asked = [plain]
    for each in form.fields:
        if each.kind == "select":
            asked += [plain | {each.name: choice} for choice in islice(each.choices, OPEN_ENDED)]
        elif each.kind in ("text", "search", "number", "textarea"):
            asked.append(plain | {each.name: "1"})
        elif each.kind in ("checkbox", "radio"):
            asked.append(plain | {each.name: each.value or "on"})
    base = form.action.partition("?")[0]
    return [f"{base}?{urlencode({name: said for name, said in each.items() if said})}".rstrip("?") for each in asked]


def faults(page: Reading) -> list[str]:
    """What is wrong with a page in any language."""
    found = [f"badly nested: {each}" for each in page.nesting[:3]]
    headings = len(page.all("h1"))
    found += [f"{headings} headings h1"] if headings != 1 else []
    titles = [said.text for said in page.said if said.place == "title"]
    found += ["no title"] if len(titles) != 1 or not titles[0].split("·")[0].strip() else []
    counted = Counter(attributes["id"] for _, attributes in page.tags if "id" in attributes)
    found += [f"id {name} stands {times} times" for name, times in counted.items() if times > 1]
    for tag, attributes in page.tags:
        for reference in REFERENCES:
            lost = set(attributes.get(reference, "").split()) - set(counted)
            found += [f"<{tag} {reference}> refers to {name}, which is not there" for name in sorted(lost)]
        handlers = [name for name in attributes if name.startswith("on")]
        found += [f"<{tag}> carries {name}" for name in handlers]
    for said in page.said:
        if not said.is_code and (LEFT_OVER.search(said.text) or said.text.strip() in BARE):
            found.append(f"left over: {said.text[:80]}")
        if not said.is_code and (BARE_CODE.search(said.text) or said.text.strip() in CODES):
            found.append(f"a code instead of a word: {said.text[:80]}")
    return found


def is_inside(address: str, site: str) -> bool:
    """Whether an address belongs to the site."""
    parts = urlsplit(address)
    return parts.scheme in ("http", "https") and parts.netloc == urlsplit(site).netloc
