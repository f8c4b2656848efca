"""Pages from templates, in Chinese or English: one Jinja environment, the gettext catalogs, the filters.

Chinese is the first language (zh-Hans), English is complete beside it. The msgids are English source text. Catalogs are
read from the `.po` files and compiled in memory, so that no built file can be older than its source. A name that a page
forgets is an error (StrictUndefined), never an empty place on a legal document.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from gettext import GNUTranslations
from io import BytesIO
from itertools import count
from typing import Any
from urllib.parse import urlencode

import jinja2
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

from tanyi.app.pages import labels
from tanyi.app.pages.formats import FILTERS, local_name, share_permille
from tanyi.app.pages.help import help_of
from tanyi.app.pages.terms import term_of
from tanyi.app.static_files import address_of, templates_folder, with_digests

LANGUAGES = {"zh": "zh-Hans", "en": "en"}  # locale of a request → the page's lang attribute
CATALOGS = {"zh": "zh_Hans", "en": "en"}  # locale of a request → folder of its catalog


class StaticAddresses(Extension):
    """Puts the hash of each static file behind its address when a template is loaded."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:  # noqa: ARG002  Jinja's
        """The source as it is compiled."""
        return with_digests(source)


@lru_cache(maxsize=4)
def catalog(locale: str) -> GNUTranslations:
    """The compiled catalog of 'zh' or 'en'."""
    source = templates_folder() / "locale" / CATALOGS[locale] / "LC_MESSAGES" / "tanyi.po"
    compiled = BytesIO()
    with source.open("rb") as lines:
        write_mo(compiled, read_po(lines, locale=CATALOGS[locale]))
    compiled.seek(0)
    return GNUTranslations(compiled)


def translate(message: str, *, locale: str, **facts: object) -> str:
    """A msgid (a refusal's `message`, say) in one language, its places filled with `facts`; plain text, not HTML.

    A fact that is itself a msgid, such as the reason inside a refusal, is translated too.
    """
    texts = catalog(locale)
    words = {name: texts.gettext(fact) if isinstance(fact, str) and fact else fact for name, fact in facts.items()}
    translated = texts.gettext(message)
    return translated % words if words else translated


@lru_cache(maxsize=1)
def environment() -> jinja2.Environment:
    """The environment of all templates. Import macros `with context`: they too need to know the language."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do", StaticAddresses],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # pyrefly: ignore[missing-attribute]
    env.filters.update(FILTERS)
    env.filters.update({"word": _word, "state_name": _state_name, "tone": labels.tone, "type_name": _type_name})
    env.filters["spoken"] = _spoken
    env.filters.update({"choices": _choices, "type_choices": _type_choices, "state_choices": _state_choices})
    env.filters["word_choices"] = _word_choices
    shared: dict[str, Any] = {"static": address_of, "term_of": term_of, "help_of": help_of, "fresh_id": fresh_id}
    shared |= {"sentence": _sentence}
    shared |= {"with_query": with_query, "share_permille": share_permille, "LANGUAGES": LANGUAGES}
    env.globals.update(shared)
    return env


def spoken(said: Any, locale: str) -> str:
    """What is said in one language: a msgid out of the catalogs, or something that has names; plain text."""
    if isinstance(said, str):
        return catalog(locale).gettext(said) if said else ""
    first, second = ("name_zh", "name_en") if locale == "zh" else ("name_en", "name_zh")
    return said.get(first) or said.get(second) or ""


def render(template: str, *, locale: str, **context: Any) -> str:
    """The page in one language ('zh' or 'en'). What `context` must hold stands at the top of each template."""
    return environment().get_template(template).render(locale=locale, **context)


def with_query(path: str, query: Mapping[str, object], **changes: object) -> str:
    """The address with its query changed; empty values fall out. For paging, sorting and filters."""
    merged = {name: value for name, value in {**query, **changes}.items() if value not in (None, "")}
    return f"{path}?{urlencode(merged, doseq=True)}" if merged else path


_numbers = count(1)


def fresh_id(kind: str) -> str:
    """An id that no other element of a page has."""
    return f"{kind}-{next(_numbers)}"


@pass_context
def _gettext(context: Context, message: str) -> str:
    return catalog(context["locale"]).gettext(message)


@pass_context
def _spoken(context: Context, said: Any) -> str:
    """A msgid or names in the reader's language; unlike `_()` it takes a lone percent sign for what it is."""
    return catalog(context["locale"]).gettext(said) if isinstance(said, str) and said else local_name(context, said)


@pass_context
def _sentence(context: Context, message: str, facts: Mapping[str, object]) -> str:
    """A msgid that is known only at run time, with its facts."""
    return translate(message, locale=context["locale"], **facts)


@pass_context
def _ngettext(context: Context, singular: str, plural: str, number: int) -> str:
    return catalog(context["locale"]).ngettext(singular, plural, number)


@pass_context
def _word(context: Context, code: str, table: str) -> str:
    """The word for a code of one of the tables of `labels`; a code without a word is shown as it is."""
    found = labels.word_for(table, code)
    return catalog(context["locale"]).gettext(found) if found else code


@pass_context
def _state_name(context: Context, state: str, kind: str) -> str:
    """The word for a state of one kind of thing: 'block', 'project', 'listing', 'obligation', 'bid', 'round' …"""
    found = labels.state_word(kind, state)
    return catalog(context["locale"]).gettext(found) if found else state


@pass_context
def _type_name(context: Context, product_type: Any) -> str:
    """A product type by its code, or by the names that its methodology's file gives it."""
    return _word(context, product_type, "type") if isinstance(product_type, str) else local_name(context, product_type)


@pass_context
def _word_choices(context: Context, codes: list[str], table: str) -> list[tuple[str, str]]:
    """Codes of one of the tables of `labels` as (code, word) for a select."""
    return [(code, _word(context, code, table)) for code in codes]


@pass_context
def _choices(context: Context, things: list[Any]) -> list[tuple[str, str]]:
    """Things with a `code` and names as (code, name) for a select."""
    return [(environment().getattr(thing, "code"), local_name(context, thing)) for thing in things]


@pass_context
def _type_choices(context: Context, types: list[Any]) -> list[tuple[str, str]]:
    """Product types, by code or with their names, as (code, word) for a select."""
    return [
        (product_type if isinstance(product_type, str) else environment().getattr(product_type, "code"), word)
        for product_type, word in ((each, _type_name(context, each)) for each in types)
    ]


@pass_context
def _state_choices(context: Context, states: list[str], kind: str) -> list[tuple[str, str]]:
    """States of one kind of thing as (state, word) for a select."""
    return [(state, _state_name(context, state, kind)) for state in states]
