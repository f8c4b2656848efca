"""Explanations in words: the facts of `matching.explain` told in a reader's language, for the command and the pages.

Figures stay as they are in the data (tonnes, fen); in sentences tonnes are grouped and money is in yuan. Codes of
product types and regions become their words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tanyi.app.pages import labels
from tanyi.app.pages.formats import whole
from tanyi.app.pages.rendering import LANGUAGES, catalog
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS

__all__ = ["LANGUAGES", "NOTE", "as_text", "in_words", "spoken"]

Figures = Mapping[str, int | str]
NOTE = N_(
    "Each is a single exchange, with everything else as it stands, told in the goals of the round: tonnes for duties"
    " first, then voluntary tonnes, then yuan between limit and ask."
)
GAIN = N_("Gain for the round: %(gain)s.")
GAINS = {
    "compliance_t": N_("%(tonnes)s t for duties"),
    "voluntary_t": N_("%(tonnes)s t voluntary"),
    "surplus_fen": N_("%(yuan)s yuan"),
}
COMMA = N_(", ")
HEADLINE = N_("%(order)s: %(done_t)s of %(quantity_t)s t.")
BOUGHT = N_("%(tonnes)s t of lot %(lot)s at %(price_yuan)s yuan")
SOLD = N_("%(tonnes)s t to bid %(bid)s at %(price_yuan)s yuan")
OPEN = N_("%(tonnes)s t not served: %(sentence)s")
UNSOLD = N_("%(tonnes)s t not sold: %(sentence)s")
WORTH = N_("What one more tonne would be worth:")
AT_A_PRICE = ("limit_from_bid", "ask_instead")  # the price named is the first at which there is a gain: one fen
BARE = ("vintage",)  # numbers that name something and count nothing


def in_words(message: str, figures: Figures, locale: str) -> str:
    """A sentence of the catalogs, its places filled; a figure in fen also fills the place that ends in `_yuan`."""
    words = {name: _word(name, figure, locale) for name, figure in figures.items()}
    fen = {name: figure for name, figure in figures.items() if name.endswith("_fen") and isinstance(figure, int)}
    words |= {f"{name.removesuffix('_fen')}_yuan": yuan(figure) for name, figure in fen.items()}
    return catalog(locale).gettext(message) % words


def yuan(amount_fen: int) -> str:
    """Fen as yuan with two decimals and no sign of the currency: 61.20."""
    major, minor = divmod(abs(amount_fen), 100)
    return f"{'−' if amount_fen < 0 else ''}{whole(major)}.{minor:02d}"


def _word(name: str, figure: int | str, locale: str) -> str:
    if isinstance(figure, int):
        return str(figure) if name in BARE else whole(figure)
    known = {"product_type": labels.word_for("type", figure), "region": REGIONS.get(figure)}.get(name)
    return catalog(locale).gettext(known) if known else figure


def spoken(explained: Mapping[str, Any], locale: str) -> dict[str, Any]:
    """An explanation with sentences in a language ('zh' or 'en') in place of the msgids."""
    reasons = [_told(each, locale) for each in explained["reasons"]]
    worth = [_told(each, locale) | {"gain_sentence": _gain(each, locale)} for each in explained["worth"]]
    return {**explained, "reasons": reasons, "worth": worth}


def _told(fact: Mapping[str, Any], locale: str) -> dict[str, Any]:
    kept = {name: part for name, part in fact.items() if name != "message"}
    return kept | {"sentence": in_words(fact["message"], fact["figures"], locale)}


def _gain(worth: Mapping[str, Any], locale: str) -> str | None:
    """What an exchange gains in the goals, each with its sign; None where it gains nothing worth telling."""
    gain: dict[str, int] = worth["gain"]
    if worth["kind"] in AT_A_PRICE and not (gain["compliance_t"] or gain["voluntary_t"]):
        return None
    parts = [
        in_words(
            GAINS[goal], {"tonnes": _signed(whole(abs(most)), most), "yuan": _signed(yuan(abs(most)), most)}, locale
        )
        for goal, most in gain.items()
        if most
    ]
    return in_words(GAIN, {"gain": catalog(locale).gettext(COMMA).join(parts)}, locale) if parts else None


def _signed(figure: str, most: int) -> str:
    return f"{'−' if most < 0 else '+'}{figure}"


def as_text(explained: Mapping[str, Any], locale: str) -> Iterator[str]:
    """The lines that the command prints: what an order got, its lines, why not more, what a tonne would be worth."""
    told, is_bid = spoken(explained, locale), "bid" in explained
    order, done_t = (told["bid"], told["filled_t"]) if is_bid else (told["lot"], told["sold_t"])
    yield in_words(HEADLINE, {"order": order, "done_t": done_t, "quantity_t": told["quantity_t"]}, locale)
    for line in told["lines"]:
        yield f"  {in_words(BOUGHT if is_bid else SOLD, line | {'tonnes': line['quantity_t']}, locale)}"
    for reason in told["reasons"]:
        yield f"- {in_words(OPEN if is_bid else UNSOLD, {name: reason[name] for name in ('tonnes', 'sentence')}, locale)}"
    if told["worth"]:
        yield in_words(WORTH, {}, locale)
    for worth in told["worth"]:
        yield f"- {worth['sentence']} {worth['gain_sentence'] or ''}".rstrip()
    if told["worth"]:
        yield in_words(NOTE, {}, locale)
