"""Pieces that several pages are put together from: names in both languages, origins of tonnes, paging.

Nothing here knows of HTTP. Views give plain mappings, in the form that the head of each template asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from market.registry import methodology
from market.registry.issuance import Provenance
from market.trading import listings
from tanyi.app.pages.rendering import translate
from tanyi.kernel import parties
from tanyi.kernel.errors import NotFound
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.quantities import Money, money_from_yuan
from tanyi.kernel.work import Reader

PER_PAGE: Final = 20
LONGEST_QUERY: Final = 100
MOST_DIGITS: Final = 9
PRICE = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}(\.[0-9]{{1,2}})?", re.ASCII)
ROW_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
Names = dict[str, str]


def both(message: str, **facts: object) -> Names:
    """A msgid in both languages, as something that has names."""
    return {"name_zh": translate(message, locale="zh", **facts), "name_en": translate(message, locale="en", **facts)}


def names(thing: Any) -> Names:
    """The names of an organisation or a project."""
    return {"name_zh": thing.name_zh, "name_en": thing.name_en}


def nobody() -> Names:
    """Stands for an organisation that is not known."""
    return {"name_zh": "—", "name_en": "—"}


def organisation_names(reader: Reader, ids: Iterable[int]) -> dict[int, Names]:
    """The names of organisations by their ids, in one query."""
    return {party_id: names(party) for party_id, party in parties.organisations(reader, set(ids)).items()}


def type_names(code: str) -> Names | str:
    """A product type by the names that its methodology gives it, else its bare code."""
    known = {kind.code: kind for kind in methodology.product_types()}
    kind = known.get(code)
    return {"code": code, "name_zh": kind.zh, "name_en": kind.en} if kind else code


def type_codes() -> list[str]:
    """The codes of the product types that have a methodology."""
    return [kind.code for kind in methodology.product_types()]


def all_types() -> list[Names | str]:
    """The product types that have a methodology."""
    return [type_names(code) for code in type_codes()]


def all_regions() -> list[Names]:
    """The prefecture cities and Xiong'an, for a choice."""
    return [{"code": code, **both(word)} for code, word in REGIONS.items()]


def method_names(reference: str) -> Names:
    """A methodology by `code@version`, with its names."""
    method, version = methodology.by_reference(reference)
    return {"code": method.code, "version": version, "name_zh": method.zh, "name_en": method.en}


def origin_facts(origin: Provenance) -> dict[str, Any]:
    """Project, county, type and vintage of an issuance, as pages tell them."""
    return {
        "project": {
            "code": origin.project_code,
            "name_zh": origin.project_name_zh,
            "name_en": origin.project_name_en,
        },
        "county": {"name_zh": origin.county_zh, "name_en": origin.county_en},
        "type": type_names(origin.product_type),
        "type_code": origin.product_type,
        "vintage": origin.vintage,
    }


def prices_on_sale(reader: Reader) -> dict[str, int | None]:
    """The lowest and the highest price asked now, as the forms tell them."""
    low_fen, high_fen = listings.price_range(reader)
    return {"market_low_fen": low_fen, "market_high_fen": high_fen}


def typed(query: Mapping[str, str], name: str) -> str:
    """What somebody wrote into a query: without control characters and not longer than a search needs."""
    return UNPRINTABLE.sub("", query.get(name) or "").strip()[:LONGEST_QUERY]


def chosen(query: Mapping[str, str], name: str, choices: Iterable[str]) -> str:
    """One of the choices, '' for anything else."""
    said = typed(query, name)
    return said if said in set(choices) else ""


def price_fen(said: str) -> Money | None:
    """A price as people write it, in yuan with at most two decimals, as fen; None when it is not one."""
    plain = said.replace(",", "")
    return money_from_yuan(Decimal(plain)) if PRICE.fullmatch(plain) else None


def named(text: str) -> str:
    """A number or code out of an address; what no number can be is not found."""
    if UNPRINTABLE.search(text) or len(text) > LONGEST_QUERY:
        raise NotFound
    return text


def id_of(text: str) -> int:
    """The number of a row out of an address or a form; what no number can be is not found."""
    if not ROW_NUMBER.fullmatch(text):
        raise NotFound
    return int(text)


def paging_of(query: Mapping[str, str], total: int, per_page: int = PER_PAGE) -> tuple[dict[str, int], int]:
    """The page asked for, brought between the first and the last, and how many entries come before it."""
    pages = max(1, -(-total // per_page))
    said = typed(query, "page")
    page = min(int(said), pages) if said.isascii() and said.isdigit() else 1
    page = max(1, page)
    return {"page": page, "pages": pages, "total": total}, (page - 1) * per_page


def part_of(rows: Sequence[Any], first: int, per_page: int = PER_PAGE) -> Sequence[Any]:
    """The rows of one page."""
    return rows[first : first + per_page]


def average_fen(amount_fen: int, quantity_t: int) -> int | None:
    """The average price in fen a tonne, half up, for display; None when nothing changed hands."""
    return (2 * amount_fen + quantity_t) // (2 * quantity_t) if quantity_t else None
