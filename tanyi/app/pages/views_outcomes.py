"""What a published round did to one bid or one listing: its lines, why not more, and what a tonne would be worth.

Told from the round's kept problem and result alone, so that a page can say nothing that the published files do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from market.trading import listings, trades
from market.trading.bids import Bid
from matching import explain, rounds
from tanyi.app import explanations
from tanyi.app.pages import tabular
from tanyi.app.pages.pieces import Names
from tanyi.app.pages.tabular import Asked, Column, Source, Spec, Table
from tanyi.app.pages.views_rounds import contract_lines
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader

Outcome = dict[str, Any]
SENTENCES = {"sentence": "sentence", "gain": "gain_sentence"}  # what a page calls them


BOUGHT: Final = Spec(
    "bought",
    N_("What it bought"),
    (
        Column("project", N_("Project"), "names", link="/projects/{project.code}"),
        Column("vintage", N_("Vintage"), "year", place="under"),
        Column("seller", N_("Seller"), "names"),
        Column("type", N_("Type"), "type"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("state", N_("State"), "state", words="trade"),
        Column("certificate", N_("Certificate"), "certificate"),
    ),
    is_whole=True,
)
SOLD: Final = Spec(
    "sold",
    N_("What was sold of it"),
    (
        Column("buyer", N_("Buyer"), "names"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("state", N_("State"), "state", words="trade"),
        Column("certificate", N_("Certificate"), "certificate"),
    ),
    is_whole=True,
)


def of_bid(reader: Reader, bid: Bid, asked: Asked) -> Outcome | None:
    """What came of a bid, once its round is published; None before, and for a bid that took no part."""
    found = rounds.by_ids(reader, [bid.round_id])[bid.round_id]
    if found.published_at is None:
        return None
    try:
        told = explain.explain_bid(rounds.problem_of(found), rounds.result_of(found), bid.number)
    except explain.NoSuchOrder:
        return None
    bought = trades.of_bids(reader, [bid.id])
    standing = {"round": found.number, "done_t": told["filled_t"], "lines": _lines(reader, bought, BOUGHT, asked)}
    return in_both_languages(told) | standing


def of_listing(reader: Reader, offer: listings.Listing, asked: Asked) -> Outcome | None:
    """What came of a listing in its newest round, once that is published; None for one that was in no round."""
    found = rounds.by_ids(reader, [offer.round_id]).get(offer.round_id) if offer.round_id else None
    if found is None or found.published_at is None:
        return None
    told = explain.explain_lot(rounds.problem_of(found), rounds.result_of(found), offer.number)
    sold = [trade for trade in trades.of_round(reader, found.id) if trade.listing_id == offer.id]
    standing = {"round": found.number, "done_t": told["sold_t"], "lines": _lines(reader, sold, SOLD, asked)}
    return in_both_languages(told) | standing


def in_both_languages(told: Mapping[str, Any]) -> Outcome:
    """The quantity, the reasons and the worth of an explanation, with sentences in both languages."""
    both = {locale: explanations.spoken(told, locale) for locale in explanations.LANGUAGES}
    return {
        "quantity_t": told["quantity_t"],
        "reasons": [
            {"tonnes": reason["tonnes"], "sentence": _names(both, "reasons", number, "sentence")}
            for number, reason in enumerate(told["reasons"])
        ],
        "worth": [
            {key: _names(both, "worth", number, sentence) for key, sentence in SENTENCES.items()}
            for number in range(len(told["worth"]))
        ],
    }


def _names(both: dict[str, dict[str, Any]], part: str, number: int, key: str) -> Names | None:
    """One sentence in both languages, as something that has names; None where there is none."""
    said = {f"name_{locale}": told[part][number][key] for locale, told in both.items()}
    return None if None in said.values() else said


def _lines(reader: Reader, made: list[trades.Trade], spec: Spec, asked: Asked) -> Table:
    told = contract_lines(reader, made)
    rows = [line | {"state": trade.state} for line, trade in zip(told, made, strict=True)]
    return tabular.table(spec, Source.of(rows), asked)
