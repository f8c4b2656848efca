"""Texts that somebody hostile would write into a field, and how to tell that a page took them for nothing but text.

Every text carries a mark of its own. Wherever the mark is found in a parsed page, the whole text must stand around it, in
one piece of text or in one attribute: a text that was taken for markup, for a template or for an escape does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote_plus

MARK = "qzMARK"
TEMPLATES: tuple[str, ...] = (
    # elements
    "<script>alert('qzMARK')</script>",
    "<ScRiPt src=//qzMARK.invalid></sCrIpT>",
    "<img src=x onerror=alert('qzMARK')>",
    "<img/src=`x`onerror=alert`qzMARK`>",
    "<svg/onload=alert`qzMARK`>",
    "<svg><script>alert('qzMARK')</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=qzMARK dur=1s>",
    '<svg><a xlink:href="javascript:alert(1)"><text y=20>qzMARK</text></a></svg>',
    "<math><mtext><table><mglyph><style><img src=qzMARK onerror=alert(1)>",
    '<iframe srcdoc="<script>alert(`qzMARK`)</script>"></iframe>',
    "<iframe src=javascript:alert('qzMARK')>",
    '<object data="data:text/html,qzMARK"></object>',
    '<embed src="//qzMARK.invalid/x.swf">',
    "<body onload=alert('qzMARK')>",
    "<details open ontoggle=alert('qzMARK')>",
    "<video><source onerror=alert('qzMARK')></video>",
    "<audio src=qzMARK onerror=alert(1)>",
    "<input autofocus onfocus=alert('qzMARK')>",
    "<marquee onstart=alert('qzMARK')>",
    "</textarea><script>alert('qzMARK')</script>",
    "</title><script>alert('qzMARK')</script>",
    "</script><script>alert('qzMARK')</script>",
    "</style><img src=qzMARK onerror=alert(1)>",
    "--><script>alert('qzMARK')</script><!--",
    "]]><script>alert('qzMARK')</script>",
    "<!--qzMARK",
    "<![CDATA[qzMARK",
    "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///qzMARK'>]>&b;",
    '<base href="//qzMARK.invalid/">',
    '<meta http-equiv=refresh content="0;url=//qzMARK.invalid">',
    '<link rel=stylesheet href="//qzMARK.invalid/x.css">',
    "<style>*{background:url(//qzMARK.invalid)}</style>",
    '<form action="//qzMARK.invalid"><button>',
    "<button formaction=javascript:alert('qzMARK')>",
    "<a href=\"javascript:alert('qzMARK')\">x</a>",
    "<a href=\"jav&#x09;ascript:alert('qzMARK')\">x</a>",
    "<template><script>qzMARK",
    '<noscript><p title="</noscript><img src=qzMARK onerror=alert(1)>">',
    "<x onclick=alert('qzMARK')>",
    "<b>qzMARK</b>",
    '<div style="position:fixed;inset:0">qzMARK</div>',
    "<plaintext>qzMARK",
    # out of an attribute
    "\" autofocus onfocus=alert('qzMARK') x=\"",
    "' onmouseover=alert(\"qzMARK\") x='",
    "` onmouseover=alert(1) qzMARK",
    'qzMARK" style="display:none',
    '\\" onload=alert(1) qzMARK \\',
    "x/onmouseover=alert(1)//qzMARK",
    "'\"><svg onload=alert('qzMARK')>",
    # addresses
    "javascript:alert('qzMARK')",
    "JaVaScRiPt:/*qzMARK*/alert(1)",
    "data:text/html;base64,qzMARK",
    "//qzMARK.invalid/x",
    "https:\\\\qzMARK.invalid",
    "../../../../qzMARK/etc/passwd",
    # templates, formats, other languages
    "{{ 7*7 }}qzMARK",
    "{{ self.__init__.__globals__ }}qzMARK",
    "{% if 1 %}qzMARK{% endif %}",
    "${7*7}qzMARK#{7*7}",
    "%(name)s %s %d %qzMARK",
    "{0} {name!r} qzMARK",
    "'; DROP TABLE ledger_block; --qzMARK",
    "1' OR '1'='1 qzMARK",
    '"},"qzMARK":{"x":"',
    "\\u003cscript\\u003eqzMARK",
    "\\x3cimg src=qzMARK\\x3e",
    "$(touch qzMARK)`id`",
    "\\input{qzMARK}\\write18{id}",
    "[qzMARK](javascript:alert(1))",
    "![x](//qzMARK.invalid/x.png)",
    # entities and encodings
    "&lt;script&gt;qzMARK&lt;/script&gt;",
    "&#60;img src=qzMARK onerror=alert(1)&#62;",
    "&qzMARK; &amp;lt;b&amp;gt; &#0; &#x110000;",
    "%3Cscript%3EqzMARK%3C/script%3E",
    "+ADw-script+AD4-qzMARK",
    "\uff1cscript\uff1eqzMARK\uff1c/script\uff1e",
    "\u02bbqzMARK\u02bb \u2039b\u203a",
    # seen otherwise than read
    "qzMARK\u202egnp.exe\u202c",
    "qz\u200dMARK qzMARK\u200b\ufeff\u2060x",
    "qzMARK" + "\u0300" * 60,
    "qzMARK \U0001d54f \U0001f3f4\u200d\u2620\ufe0f \u0628\u0644",
    "qzMARK\x00<b>",
    "qzMARK\x1b[31m\x07",
    "qzMARK\r\nSet-Cookie: x=1\r\n\r\n<b>",
    # spreadsheets
    '=HYPERLINK("http://qzMARK.invalid","x")',
    "+qzMARK+cmd|' /C calc'!A0",
    "-2+3+qzMARK",
    "@SUM(qzMARK)",
    "\t=1+qzMARK",
    # nothing and too much
    "null qzMARK None undefined NaN",
    "qzMARK" + "W" * 180,
    "qzMARK " + "<b>" * 55,
)
INVISIBLE = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)
LEADS = {"href", "src", "action", "formaction", "data", "srcset", "poster", "xlink:href"}
OUTSIDE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|[/\\]{2})", re.IGNORECASE)


@dataclass(frozen=True)
class Hostile:
    """One text and its mark."""

    text: str
    mark: str

    @property
    def shown(self) -> str:
        """As it is compared: without what is never seen."""
        return plain(self.text)


def hostile_texts() -> list[Hostile]:
    """The whole list, each with a mark of its own."""
    return [
        Hostile(template.replace(MARK, f"qz{number:03}v"), f"qz{number:03}v")
        for number, template in enumerate(TEMPLATES)
    ]


def plain(text: str) -> str:
    """A text without what is never seen and without space, of which pages and forms make what they like."""
    return "".join(INVISIBLE.sub("", text).split())


def is_only_text(shown: str, hostile: Hostile) -> bool:
    """Whether the whole text stands wherever its mark is found; a page may end it early, never begin it late."""
    before, _, after = hostile.shown.partition(hostile.mark)
    pieces = plain(shown).split(hostile.mark)
    return all(
        left.endswith(before) and (right.startswith(after) or after.startswith(right.rstrip("…")))
        for left, right in pairwise(pieces)
    )


@dataclass
class Parts(HTMLParser):
    """A page as elements with attributes and pieces of text."""

    source: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.texts.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.texts.append("" if decl.lower() == "doctype html" else f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        self.texts.append(f"<?{data}")

    def unknown_decl(self, data: str) -> None:
        self.texts.append(f"<![{data}")

    def kinds(self) -> set[tuple[str, str]]:
        """Every (element, attribute) of the page, and (element, '') for the elements themselves."""
        return {(tag, name) for tag, attributes in self.elements for name in ["", *attributes]}


def strangers(source: str, known: set[tuple[str, str]], texts: Iterable[Hostile]) -> Iterator[str]:
    """What stands in a page because somebody hostile wrote it: new elements and attributes, torn texts, ways outside."""
    page = Parts(source)
    yield from (f"<{tag} {name}> is new" for tag, name in sorted(page.kinds() - known))
    values = [(tag, name, value) for tag, attributes in page.elements for name, value in attributes.items()]
    for tag, name, value in values:
        if name.startswith("on") or (name in LEADS and OUTSIDE.match(value) and not value.startswith("data:image/")):
            yield f"<{tag} {name}={value[:80]!r}>"
    found = [value for _, name, value in values if name not in LEADS] + page.texts
    whole = "\n".join(found)
    for hostile in texts:
        if hostile.mark in whole:
            torn = [piece for piece in found if hostile.mark in piece and not is_only_text(piece, hostile)]
            yield from (f"{hostile.text!r} was read as {piece[:120]!r}" for piece in torn)
    for _, name, value in values:
        if name in LEADS and "qz" in value and "\\" in unquote_plus(value)[:2]:
            yield f"{name}={value[:80]!r} leads outside"
