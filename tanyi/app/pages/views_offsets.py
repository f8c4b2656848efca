"""What can offset an event: the offers with their stories, the cheapest way, a chosen basket, and its receipt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from market.registry import issuance, projects
from market.trading import listings
from matching import desk
from matching.wish import Wish
from settlement.neutrality import offsets
from tanyi.app.pages import pieces, views_desk
from tanyi.app.pages.views_market import rows_of
from tanyi.kernel import parties
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Reader

MOST_OFFERS: Final = 60
MOST_LINES: Final = 20
QUANTITY = re.compile(r"quantity-(L[0-9]{1,12})", re.ASCII)
WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
YEAR = re.compile(r"20[0-9]{2}", re.ASCII)


@dataclass(frozen=True)
class Preference:
    """What an organiser would rather have; '' and None are no preference."""

    product_type: str = ""
    region: str = ""
    vintage_from: int | None = None
    is_poor_area: bool = False

    @property
    def as_query(self) -> dict[str, str]:
        return {
            "type": self.product_type,
            "region": self.region,
            "vintage_from": str(self.vintage_from or ""),
            "poor": "yes" if self.is_poor_area else "",
        }


def preference_of(query: Mapping[str, str]) -> Preference:
    """Reads a preference; one that makes no sense is dropped."""
    said = pieces.typed(query, "vintage_from")
    return Preference(
        product_type=pieces.chosen(query, "type", pieces.type_codes()),
        region=pieces.chosen(query, "region", REGIONS),
        vintage_from=int(said) if YEAR.fullmatch(said) else None,
        is_poor_area=pieces.typed(query, "poor") == "yes",
    )


def basket_of(sent: Mapping[str, str]) -> dict[str, int]:
    """The tonnes that were chosen of each listing; what is no number of tonnes is left out."""
    found = {
        match.group(1): int(said.replace(",", ""))
        for name, said in sent.items()
        if (match := QUANTITY.fullmatch(name)) and WHOLE.fullmatch(said.replace(",", "").strip())
    }
    return {number: quantity_t for number, quantity_t in list(found.items())[:MOST_LINES] if quantity_t}


def offers(reader: Reader, wanted: Preference, needed_t: int, buyer_id: int) -> dict[str, Any]:
    """What fits a preference, cheapest first, and the cheapest way to cover what is needed from it."""
    fitting = _fitting(reader, wanted, buyer_id)
    wish = Wish(
        quantity_t=needed_t,
        product_types=(wanted.product_type,) if wanted.product_type else None,
        regions=(wanted.region,) if wanted.region else None,
        vintage_from=wanted.vintage_from,
    )
    among = {row["number"] for row in fitting}
    answered = desk.ask(reader, wish, buyer_id=buyer_id, among=among) if needed_t else None
    return {
        "query": wanted.as_query,
        "types": pieces.all_types(),
        "regions": pieces.all_regions(),
        "offers": fitting[:MOST_OFFERS],
        "cheapest": views_desk.best(reader, answered) if answered else None,
    }


def _fitting(reader: Reader, wanted: Preference, buyer_id: int) -> list[dict[str, Any]]:
    ids = listings.on_sale_ids(reader)
    known = listings.by_ids(reader, ids)
    own = parties.organisations(reader, {buyer_id})[buyer_id].group_code
    groups = parties.organisations(reader, {offer.seller_id for offer in known.values()})
    mine = {key for key, offer in known.items() if groups[offer.seller_id].group_code == own}
    frozen = {key for key, offer in known.items() if not listings.STATES.may(offer.state, "IN_ROUND")}
    regions = issuance.provenance(reader, {offer.issuance_id for offer in known.values()})
    rows = zip(ids, rows_of(reader, ids), strict=True)
    found = [
        row | {"is_poor_area": offsets.is_from_poor_area(row["county"]["name_zh"])}
        for key, row in rows
        if key not in mine | frozen
        and row["quantity_t"]
        and wanted.product_type in ("", row["type_code"])
        and wanted.region in ("", regions[known[key].issuance_id].region)
        and (wanted.vintage_from is None or row["vintage"] >= wanted.vintage_from)
    ]
    kept = [row for row in found if row["is_poor_area"]] if wanted.is_poor_area else found
    return [row | {"project": row["project"] | story(reader, row["project"]["code"])} for row in kept[:MOST_OFFERS]]


def story(reader: Reader, code: str) -> dict[str, str]:
    """What a project tells of itself, in both languages."""
    project = projects.by_code_or_refuse(reader, code)
    return {"story_zh": project.story_zh, "story_en": project.story_en}


def lines(reader: Reader, basket: Mapping[str, int]) -> list[dict[str, Any]]:
    """A basket as lines with their cost; a number that is no listing falls out."""
    known = [listings.by_number(reader, number) for number in basket]
    rows = rows_of(reader, [offer.id for offer in known])
    return [
        row
        | {"offered_t": row["quantity_t"], "quantity_t": basket[row["number"]]}
        | {"cost_fen": basket[row["number"]] * row["price_fen"], "is_on_sale": _is_on_sale(reader, offer)}
        for offer, row in zip(known, rows, strict=True)
    ]


def _is_on_sale(reader: Reader, offer: listings.Listing) -> bool:
    return listings.STATES.may(offer.state, "IN_ROUND") and offer.expires_at > reader.now
