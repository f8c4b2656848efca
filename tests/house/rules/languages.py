"""Rule 13: two languages or none. What a person reads comes from the gettext catalogs, in Python and in templates."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser

from tests.house.rules.registry import is_ours, rule
from tests.house.tree import Finding, Source, around, is_docstring

CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uff01-\uff5e\u3000-\u303f]")
LETTER = re.compile(r"[^\W\d_]")
LEGAL_MARK = "DEMO 演示，无法律效力"  # every demo page and certificate says it in both languages at once
CHINESE_DATA = ("tanyi/app/demo", "market/registry/methodologies/")
CHINESE_NAME = re.compile(r"(_zh|_zh_hans|_chinese)$|^(zh|chinese)$|_ZH$|^ZH_|(^|_)(clause|citation)$")

# Said the same in both languages: the language switch (each in its own), names, units, codes.
SAME_IN_BOTH = re.compile(
    r"\b(Tanyi|HB|tCO2e|tCO₂e|CO2|CO₂|DEMO|CNY|RMB|English|API|JSON|CSV|PDF|QR|kg|SHA-256|EdDSA|Ed25519|OpenAPI|URL|t|zh|en)\b"
    r"|碳易|中文|简体中文|演示，无法律效力"
)
READ_ALOUD = frozenset(
    {"title", "placeholder", "aria-label", "alt", "aria-description", "data-bs-title", "data-confirm"}
)
VOID = frozenset({"input", "img", "br", "hr", "meta", "link", "source", "wbr", "area", "col", "embed", "track", "base"})
NOT_READ = frozenset({"script", "style", "code", "pre", "kbd", "samp"})


@rule(lambda source: is_ours(source) and not source.path.startswith(CHINESE_DATA))
def no_chinese_in_code(source: Source) -> Iterator[Finding]:
    """No Chinese text in Python strings: docstrings and comments may quote the law, people read from the catalogs.

    Allowed: demo data, methodology files, the legal mark of the demo, text bound to a name that says it is Chinese
    (`name_zh=…`, `"title_zh": …`, `HEADERS_ZH = …`) or a `clause` or `citation` of the law, and text in a function
    whose name says so (`tonnes_in_chinese_capitals`): the law's own names are data, not interface.
    """
    for node in source.nodes:
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        if CJK.search(node.value.replace(LEGAL_MARK, "")) and not is_docstring(node) and not _is_said_chinese(node):
            yield source.finding(node, f"Chinese text in code: {node.value[:20]}")


def _is_said_chinese(node: ast.AST) -> bool:
    inner = node
    for part in around(node):
        if isinstance(part, ast.FunctionDef) and "chinese" in part.name:
            return True
        if isinstance(part, ast.keyword) and CHINESE_NAME.search(part.arg or ""):
            return True
        if isinstance(part, ast.Dict) and _dict_key(part, inner):
            return True
        if isinstance(part, ast.Assign | ast.AnnAssign):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            if any(isinstance(target, ast.Name) and CHINESE_NAME.search(target.id) for target in targets):
                return True
        inner = part
    return False


def _dict_key(holder: ast.Dict, inner: ast.AST) -> bool:
    for key, given in zip(holder.keys, holder.values, strict=True):
        if given is inner and isinstance(key, ast.Constant) and CHINESE_NAME.search(str(key.value)):
            return True
    return False


@rule(lambda source: source.path.startswith("templates/") and source.path.endswith((".html", ".svg")))
def no_text_outside_the_catalogs_in_templates(source: Source) -> Iterator[Finding]:
    """No literal text a person would read in a template: text, and the attributes that are shown or read aloud.

    An element with its own `lang` says one language on purpose, one with translate="no" is a code or a unit: neither
    is read. English string literals inside Jinja expressions cannot be told from class names and keys and are not
    looked for; Chinese ones are.
    """
    for number, text in _visible(_without_jinja(source.text)):
        said = SAME_IN_BOTH.sub("", text)
        if LETTER.search(said):
            yield source.finding(number, f"text outside the catalogs: {' '.join(text.split())[:40]}")
    for found in re.finditer(r"\{[{%].*?[%}]\}", _without_trans(source.text), flags=re.DOTALL):
        if CJK.search(SAME_IN_BOTH.sub("", re.sub(r"\b(?:_|gettext|ngettext|pgettext)\(.*?\)", "", found.group(0)))):
            yield source.finding(source.text.count("\n", 0, found.start()) + 1, "Chinese text in an expression")


def _blank(found: re.Match[str]) -> str:
    return "\n" * found.group(0).count("\n")


def _without_trans(text: str) -> str:
    text = re.sub(r"\{#.*?#\}", _blank, text, flags=re.DOTALL)
    return re.sub(r"\{%-?\+?\s*trans\b.*?endtrans\s*-?%\}", _blank, text, flags=re.DOTALL)


def _without_jinja(text: str) -> str:
    """The template with all that Jinja says blanked, and blocks that name a CSS class; lines stay where they were."""
    text = re.sub(
        r"\{%\s*block \w*class\s*%\}.*?\{%\s*endblock",
        lambda found: _blank(found) + "{% endblock",
        text,
        flags=re.DOTALL,
    )
    return re.sub(r"\{\{.*?\}\}|\{%.*?%\}", _blank, _without_trans(text), flags=re.DOTALL)


def _visible(html: str) -> list[tuple[int, str]]:
    reader = _Reader(convert_charrefs=True)
    reader.feed(html)
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    """Collects what a person would see or hear, with the line it starts on."""

    def __init__(self, *, convert_charrefs: bool) -> None:
        super().__init__(convert_charrefs=convert_charrefs)
        self.found: list[tuple[int, str]] = []
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        one_language = tag not in VOID | {"html"} and ("lang" in given or given.get("translate") == "no")
        if tag in NOT_READ or one_language or tag in self.hidden:
            self.hidden.append(tag)
        read = [given.get(name) for name in READ_ALOUD]
        if tag == "input" and given.get("type") in {"submit", "button", "reset"}:
            read.append(given.get("value"))
        self.found += [(self.getpos()[0], text) for text in read if text]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.hidden and self.hidden[-1] == tag:
            self.hidden.pop()

    def handle_data(self, data: str) -> None:
        if not self.hidden and data.strip():
            first = data[: len(data) - len(data.lstrip())].count("\n")
            self.found.append((self.getpos()[0] + first, data))
