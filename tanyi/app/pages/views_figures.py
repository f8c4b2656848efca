"""What is easier seen than read: supply by price, tonnes by month, type, vintage and city, the curves of a round."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from market.emitters import obligations
from market.registry import issuance
from market.registry.issuance import Provenance
from market.trading.listings import Listing
from matching.problem import Problem, Result
from settlement import retirement
from tanyi.app.pages import pieces, tiles
from tanyi.app.pages.charts import Chart, chart
from tanyi.app.pages.pieces import type_names
from tanyi.app.pages.tabular import Asked, Column
from tanyi.app.pages.tiles import TileMap
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

FEN_A_BAND: Final = 200  # price bands of two yuan: narrow enough to see, wide enough to read
MOST_LEVELS: Final = 200  # of a curve
MOST_BIDS: Final = 40  # of a chart of bids; the file of the round has them all
ISSUED = Column("issued_t", N_("Issued"), "tonnes")
RETIRED = Column("retired_t", N_("Retired"), "tonnes")


def offered_by_price(
    asked: Asked, offers: Sequence[Listing], offered: Mapping[int, Tonnes], origins: Mapping[int, Provenance]
) -> Chart | None:
    """Tonnes on sale in bands of price, a series for each product type."""
    bands: dict[int, dict[str, int]] = {}
    for offer in offers:
        code = origins[offer.issuance_id].product_type
        band = bands.setdefault(offer.ask_fen // FEN_A_BAND * FEN_A_BAND, {})
        band[code] = band.get(code, 0) + int(offered.get(offer.id, 0))
    codes = sorted({code for band in bands.values() for code in band})
    low, high = min(bands, default=0), max(bands, default=0)
    rows = [
        {"from_fen": at} | {code: bands.get(at, {}).get(code, 0) for code in codes}
        for at in range(low, high + 1, FEN_A_BAND)
        if bands
    ]
    types = [Column(code, names, "tonnes") for code, names in pieces.type_options(codes)]
    columns = [Column("from_fen", N_("Price from"), "price"), *types]
    return chart(asked, "stack", "offered-by-price", N_("Offered, by price"), columns, rows, codes)


def retired_by_month(reader: Reader, asked: Asked) -> Chart | None:
    """Tonnes retired in each month."""
    rows = [
        {"month_on": month_on, "retired_t": int(quantity_t)} for month_on, quantity_t in retirement.monthly_t(reader)
    ]
    columns = [Column("month_on", N_("Month"), "date"), RETIRED]
    return chart(asked, "columns", "retired-by-month", N_("Retired, by month"), columns, rows, ["retired"])


@dataclass(frozen=True)
class Registered:
    """Tonnes of one issuance, by what became of them."""

    origin: Provenance
    issued_t: int
    offered_t: int
    retired_t: int


def registered(reader: Reader) -> list[Registered]:
    """Every issuance with where its tonnes are."""
    ids = [each.id for each in blocks.issued(reader)]
    origins, states_t = issuance.provenance(reader, ids), blocks.states_t(reader, ids)
    found = []
    for issuance_id, origin in origins.items():
        states = {state: int(quantity_t) for state, quantity_t in states_t.get(issuance_id, {}).items()}
        found.append(
            Registered(origin, sum(states.values()), states.get("LISTED", 0), states.get("RETIRED", 0)),
        )
    return found


def by_type(asked: Asked, known: Iterable[Registered]) -> Chart | None:
    """Issued and retired tonnes of each product type, largest first."""
    rows = _sums(known, lambda each: each.origin.product_type)
    told = [{"type": type_names(code), **sums} for code, sums in sorted(rows.items(), key=_largest_first)]
    columns = [Column("type", N_("Product type"), "type"), ISSUED, RETIRED]
    title = N_("Issued and retired, by product type")
    return chart(asked, "rows", "registry-by-type", title, columns, told, ["listed", "retired"])


def by_vintage(asked: Asked, known: Iterable[Registered]) -> Chart | None:
    """Issued and retired tonnes of each vintage."""
    rows = _sums(known, lambda each: each.origin.vintage)
    told = [{"vintage": vintage, **rows[vintage]} for vintage in sorted(rows)]
    columns = [Column("vintage", N_("Vintage"), "year"), ISSUED, RETIRED]
    title = N_("Issued and retired, by vintage")
    return chart(asked, "columns", "registry-by-vintage", title, columns, told, ["listed", "retired"])


def by_city(asked: Asked, known: Iterable[Registered], key: str, address: str) -> TileMap:
    """The tile map of issued or offered tonnes (`key`), each tile leading to `address` narrowed to its city."""
    rows = _sums(known, lambda each: each.origin.region)
    figures = {code: rows.get(code, {}).get(key, 0) for code in REGIONS}
    titles = {"issued_t": N_("Issued, by city"), "offered_t": N_("Offered, by city")}
    return tiles.tile_map(asked, key.removesuffix("_t"), titles[key], figures, address)


def _sums(known: Iterable[Registered], of: Callable[[Registered], Any]) -> dict[Any, dict[str, int]]:
    sums: dict[Any, dict[str, int]] = {}
    for each in known:
        row = sums.setdefault(of(each), {"issued_t": 0, "offered_t": 0, "retired_t": 0})
        for key in row:
            row[key] += getattr(each, key)
    return sums


def _largest_first(item: tuple[str, dict[str, int]]) -> tuple[int, str]:
    return -item[1]["issued_t"], item[0]


def curves(asked: Asked, problem: Problem, reached: Result, average_fen: int | None) -> Chart | None:
    """What was offered up to each price and wanted from each price, with what was matched.

    Eligibility, shares and groups are no part of a curve: the matched quantity lies where the rules allow, not always
    where the curves cross.
    """
    levels = sorted({lot.ask_fen for lot in problem.lots} | {bid.limit_fen for bid in problem.bids})
    step = -(-len(levels) // MOST_LEVELS) or 1
    kept = levels[::step] + ([levels[-1]] if levels and (len(levels) - 1) % step else [])
    offered_t = _up_to([(lot.ask_fen, lot.quantity_t) for lot in problem.lots], kept)
    wanted_t = _up_to([(-bid.limit_fen, bid.quantity_t) for bid in problem.bids], [-level for level in kept])
    rows = [
        {"price_fen": level, "offered_t": offered, "wanted_t": wanted}
        for level, offered, wanted in zip(kept, offered_t, wanted_t, strict=True)
    ]
    columns = [Column("price_fen", N_("Price"), "price"), Column("offered_t", N_("Offered up to this price"), "tonnes")]
    columns.append(Column("wanted_t", N_("Wanted from this price"), "tonnes"))
    matched_t = reached.totals.compliance_t + reached.totals.voluntary_t
    mark = {"quantity_t": matched_t, "price_fen": average_fen} if average_fen is not None else None
    title = N_("Supply and demand")
    return chart(asked, "curve", "supply-and-demand", title, columns, rows, ["listed", "sold"], mark=mark)


def _up_to(orders: Sequence[tuple[int, int]], levels: Sequence[int]) -> list[int]:
    """The tonnes of (price, tonnes) up to each level; a side that counts downwards gives its prices negative."""
    ordered = sorted(orders)
    prices, sums = [price for price, _ in ordered], [0, *accumulate(quantity_t for _, quantity_t in ordered)]
    return [sums[bisect_right(prices, level)] for level in levels]


def coverage_by_bid(asked: Asked, firms: Sequence[Mapping[str, Any]]) -> Chart | None:
    """What each bid got and what it lacks, largest first."""
    largest = sorted(firms, key=lambda firm: -firm["wanted_t"])[:MOST_BIDS]
    rows = [
        {"name": firm["name"], "bid": firm["bid"], "filled_t": firm["filled_t"]}
        | {"lacking_t": firm["wanted_t"] - firm["filled_t"]}
        for firm in largest
    ]
    columns = [Column("name", N_("Firm"), "names"), Column("filled_t", N_("Matched"), "tonnes")]
    columns.append(Column("lacking_t", N_("Not served"), "tonnes"))
    return chart(asked, "rows", "coverage-by-bid", N_("Coverage, by bid"), columns, rows, ["listed", "lacking"])


def duty_coverage(asked: Asked, duties: Sequence[obligations.Obligation]) -> Chart | None:
    """What each duty asks for, covered and still open."""
    rows = [
        {"number": duty.number, "covered_t": min(duty.retired_t, duty.required_t)}
        | {"open_t": max(0, duty.required_t - duty.retired_t)}
        for duty in duties
    ]
    columns = [Column("number", N_("Duty"), "serial"), Column("covered_t", N_("Covered"), "tonnes")]
    columns.append(Column("open_t", N_("Still owed"), "tonnes"))
    return chart(asked, "rows", "duty-coverage", N_("Duties and their coverage"), columns, rows, ["retired", "lacking"])
