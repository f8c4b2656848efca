"""The badge of an event: one SVG that says what is claimed and nothing else, to be shown on anybody's page.

It states the event, the tonnes, the day of the retirement, the number of the certificate and whether neutrality was
reached, not merely begun. It is drawn anew for each request, so it never claims more than stands in the books. Text is
escaped by the template engine; the widths are estimates, since a picture in a page cannot measure its letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from tanyi.app.pages import rendering

TEMPLATE: Final = "parts/_badge_svg.html"
WIDEST = 38  # of half-width letters in the line of the name
ELLIPSIS = "\u2026"


def svg(facts: Mapping[str, Any], *, locale: str, is_demo: bool) -> str:
    """The badge in one language."""
    shown = dict(facts) | {"name": shortened(str(facts["name"]), WIDEST), "demo": is_demo}
    return rendering.render(TEMPLATE, locale=locale, badge=shown)


def shortened(text: str, widest: int) -> str:
    """A text that fits a line: full-width letters count twice, what does not fit is cut and marked."""
    width, kept = 0, ""
    for letter in text:
        width += 2 if unicodedata.east_asian_width(letter) in ("W", "F", "A") else 1
        if width > widest:
            return kept.rstrip() + ELLIPSIS
        kept += letter
    return kept
