"""Whether a page speaks one language: no English left on a Chinese page, no Chinese on an English one unless marked.

What counts exactly. A piece of text is what stands between two tags, or an attribute that is shown or read aloud. Left
out are pieces inside `translate="no"`, `code` and `pre`, and pieces whose nearest `lang` names another language: such a
piece says so. On a Chinese page a piece must not contain any English msgid of the catalog whose Chinese differs (whole
words; a msgid of one word must be the whole piece), nor any word of three Latin letters or more that is not a code (with
digits, dots or hyphens in it, or in capitals) or one of `SAME_IN_BOTH`. On an English page no piece contains Chinese.
"""

from __future__ import annotations

import re
from functools import cache

from babel.messages.pofile import read_po

from tanyi.app.pages import rendering
from tests.browser.reading import Reading, Said

LANG = {"zh": "zh-Hans", "en": "en"}
CHINESE = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uff65]")
CODE = re.compile(r"[\w.@+-]*(?:\d|[a-zA-Z][._@-][a-zA-Z])[\w.@+-]*|\b[A-Z]{2,}s?\b", re.ASCII)
WORD = re.compile(r"[A-Za-z]{3,}")
SAME_IN_BOTH = {"Tanyi", "DEMO", "tCO", "kWh", "MWh", "ppm", "XLSX", "OpenAPI", "EdDSA"}
PLACE = re.compile(r"%\(\w+\)[sd]|%[sd]")
SHORTEST_PHRASE = 8


@cache
def english_phrases() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    """The msgids whose Chinese differs: those of one word, and the rest as patterns whose places match anything."""
    source = rendering.templates_folder() / "locale" / "zh_Hans" / "LC_MESSAGES" / "tanyi.po"
    with source.open("rb") as lines:
        catalog = read_po(lines, locale="zh_Hans")
    words, phrases = set(), []
    for message in catalog:
        ids = message.id if isinstance(message.id, tuple | list) else [message.id]
        strings = message.string if isinstance(message.string, tuple | list) else [message.string]
        for text in (each for each in ids if each and each not in strings):
            if PLACE.search(text) is None and " " not in text.strip():
                words.add(text.strip())
            elif len(PLACE.sub("", text).strip()) >= SHORTEST_PHRASE:
                parts = [re.escape(" ".join(part.split())) for part in PLACE.split(text)]
                phrases.append(re.compile(r"(?<![A-Za-z])" + ".{1,80}?".join(parts) + r"(?![A-Za-z])"))
    return frozenset(words), tuple(phrases)


@cache
def is_english(text: str) -> bool:
    """Whether a piece of a Chinese page is English that should have been translated."""
    if not WORD.search(text):
        return False
    words, phrases = english_phrases()
    if text.strip(" :.,;!?()") in words or any(phrase.search(text) for phrase in phrases):
        return True
    return any(word not in SAME_IN_BOTH for word in WORD.findall(CODE.sub(" ", text)))


def untranslated(page: Reading, language: str) -> list[str]:
    """What a page says in the wrong language."""
    shown = page.all("html")[:1]
    found = [f"html lang is {shown}"] if not shown or shown[0].get("lang") != LANG[language] else []
    wrong = is_english if language == "zh" else lambda text: CHINESE.search(text) is not None
    own = [said for said in page.said if _is_own(said, language)]
    return found + [f"{said.place}: {said.text[:100]}" for said in own if wrong(said.text)]


def _is_own(said: Said, language: str) -> bool:
    """Whether a piece is in the page's own language as far as the page says."""
    declared = said.language or LANG[language]
    return declared == LANG[language] and not (said.is_code and language == "zh")
