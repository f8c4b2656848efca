"""Tables, charts and maps for the sample pages, and the pages of the frame: offices, books, search, glossary, style."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from tanyi.app.pages import charts, reference, tabular, terms, tiles, views_figures, views_issuances, views_offices
from tanyi.app.pages.tabular import Asked, Column, Filter, Row, Source, Spec, Table
from tanyi.app.pages.views_rounds import ROUNDS
from tanyi.app.pages.views_search import Group, Hit
from tanyi.app.pages.views_todo import CONFIRM, LAPSES, LATE, Todo
from tanyi.kernel.identity import REGIONS
from tests.app import sample_facts as sample

ASKED = Asked("/market", here="/market")
TYPE_OPTIONS = [(code, sample.names(*words)) for code, words in sample.TYPES.items()]
FILTERS = [
    Filter("q", "Project"),
    Filter("type", "Product type", TYPE_OPTIONS),
    Filter("price_to", "Price", unit="yuan/t"),
]


def shown(spec: Spec, rows: Sequence[Row], filters: Sequence[Filter] = (), **asked: str) -> Table:
    """A table of a spec over these rows, as a page gets it."""
    return tabular.table(spec, Source.of(rows), Asked("/market", asked, here="/market"), filters=filters, chosen={})


def drawn(kind: charts.Kind = "rows", **more: Any) -> charts.Chart | None:
    """A chart of two product types."""
    rows = [
        {"type": sample.type_of(code), "issued_t": tonnes, "retired_t": 9}
        for code, tonnes in [("wind", 40), ("forestry", 30)]
    ]
    columns = [Column("type", "Product type", "type"), views_figures.ISSUED, views_figures.RETIRED]
    return charts.chart(ASKED, kind, f"by-type-{kind}", "Issued", columns, rows, ["listed", "retired"], **more)


def curve() -> charts.Chart | None:
    """The curves of a small round."""
    rows = [{"price_fen": 4500, "offered_t": 10, "wanted_t": 30}, {"price_fen": 6500, "offered_t": 40, "wanted_t": 20}]
    columns = [
        Column(key, "Price", kind)
        for key, kind in [("price_fen", "price"), ("offered_t", "tonnes"), ("wanted_t", "tonnes")]
    ]
    mark = {"quantity_t": 20, "price_fen": 5100}
    return charts.chart(ASKED, "curve", "curve", "Supply and demand", columns, rows, ["listed", "sold"], mark=mark)


def mapped() -> tiles.TileMap:
    """The tile map with something in every second city."""
    figures = {code: 1200 * (place % 2) * place for place, code in enumerate(REGIONS)}
    return tiles.tile_map(ASKED, "sample", "Issued, by city", figures, "/registry")


def todo() -> list[Todo]:
    """Something urgent and something that is not."""
    facts = {"number": "B-2026-R1-E01", "quantity_t": "48,600", "round": "2026-R2"}
    return [
        Todo(CONFIRM, facts, "/bids/B100001", "Confirm the bid", why=LAPSES, is_urgent=True),
        Todo(LATE, {"count": "2"}, "/my", "See the duties", due_on=date(2026, 12, 31)),
    ]


def round_rows() -> list[dict[str, Any]]:
    row = {"number": "2026-1", "state": "PUBLISHED", "shown_at": sample.NOON, "bids": 20, "lots": 25}
    row |= {"quantity_t": 254211, "average_price_fen": 5217, "coverage_gap_ppm": 0}
    unknown = dict.fromkeys(("quantity_t", "average_price_fen", "coverage_gap_ppm"))
    return [row | unknown | {"number": "2026-2", "state": "OPEN"}, row]


def frame_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    retired = {"number": "R100001", "certificate": "R100001", "retired_at": sample.NOON, "quantity_t": 119}
    retired |= {"beneficiary": sample.EXPO, "purpose": "VOLUNTARY_EVENT"}
    issued = sample.line("P01", 56120, 5600) | {
        "issued_at": sample.NOON,
        "issued_t": 56120,
        "offered_t": 9,
        "retired_t": 8,
    }
    issuances = shown(views_issuances.ISSUANCES, [issued], [FILTERS[1]])
    retirements = shown(views_issuances.RETIREMENTS, [retired, retired | {"certificate": None}])
    books = {"retirements": retirements, "retired_by_month": drawn("columns")}
    return (
        {
            "issuances": ("pages/public/issuances.html", {"issuances": issuances} | sample.frame(path="/registry")),
            "retirements": ("pages/public/retirements.html", books | sample.frame(path="/registry")),
            "glossary": ("pages/public/glossary.html", {"chapters": terms.CHAPTERS} | sample.frame(path="/glossary")),
            "style": ("pages/public/style.html", reference.examples(ASKED) | sample.frame(path="/style")),
        }
        | search_pages()
        | office_pages()
    )


def search_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    hits = [
        Hit(sample.names("围场造林项目", "Weichang afforestation"), "/projects/P01", sample.WEICHANG),
        Hit("R100001", "/certificates/R100001", sample.EXPO, 119),
        Hit("2026-1", "/rounds/2026-1", None, None, "PUBLISHED", "round"),
    ]
    found = {"asked": "P01", "groups": [Group("Projects", hits, "/registry?q=P01")], "examples": ["P01"], "shortest": 2}
    nothing = found | {"groups": []}
    return {
        "search": ("pages/public/search.html", found | sample.frame(path="/search?q=P01")),
        "search-nothing": ("pages/public/search.html", nothing | sample.frame(path="/search")),
        "search-short": ("pages/public/search.html", nothing | {"asked": "1"} | sample.frame("firm", path="/search")),
        "search-empty": ("pages/public/search.html", nothing | {"asked": ""} | sample.frame(path="/search")),
    }


def office_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    rounds = {"rounds": shown(ROUNDS, round_rows()), "todo": todo(), "may_open": True}
    due = {"number": "D2026-B001", "firm": sample.STEEL, "sector": "steel", "city": sample.names("唐山市", "Tangshan")}
    due |= {"state": "PARTIAL", "required_t": 34440, "covered_t": 440, "open_t": 34000, "due_on": date(2026, 12, 31)}
    duties = shown(views_offices.ALL_DUTIES, [due, due | {"city": None, "sector": "eia"}], [FILTERS[1]])
    province = {
        "year": 2026,
        "rests_on_assumptions": True,
        "summary": {"due_t": 34440, "covered_t": 440, "firms": 1, "issued_t": 56120},
        "todo": todo(),
        "by_sector": drawn(),
        "map": mapped(),
        "duties": duties,
        "issuances": shown(views_issuances.ISSUANCES, []),
        "rounds": shown(ROUNDS, round_rows()),
    }
    report = {"project": sample.project("P01"), "code": "P01", "type": sample.type_of("forestry"), "vintage": 2025}
    report |= {"quantity_t": 56120, "submitted_at": sample.NOON, "verified_at": sample.NOON, "accepted_at": None}
    verifier = {
        "organisation": sample.VERIFIER,
        "summary": {"waiting": 1, "stated": 1, "stated_t": 56120, "accepted_t": 0},
        "todo": [],
        "waiting": shown(views_offices.WAITING, [report]),
        "verifications": shown(views_offices.STATED, [report]),
    }
    return {
        "operator-home": ("pages/operator/home.html", rounds | sample.frame("operator", "/my")),
        "regulator-home": ("pages/regulator/home.html", province | sample.frame("operator", "/my")),
        "regulator-home-empty": (
            "pages/regulator/home.html",
            province
            | {"by_sector": None, "todo": [], "duties": shown(views_offices.ALL_DUTIES, [])}
            | sample.frame("operator", "/my"),
        ),
        "verifier-home": ("pages/verifier/home.html", verifier | sample.frame("operator", "/my")),
    }
