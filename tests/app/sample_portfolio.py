"""Contexts for the page of the desk: asked for nothing yet, answered, short, nothing to be had, and mistyped."""

from __future__ import annotations

from typing import Any

from tanyi.app.pages import tabular
from tanyi.app.pages.views_desk import PORTFOLIO
from tests.app import sample_facts as sample

TEMPLATE = "pages/public/desk.html"
FIELDS = (
    "quantity_t",
    "ecological_percent",
    "max_group_percent",
    "max_sellers",
    "vintage_from",
    "region",
    "limit_yuan",
)


def portfolio_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    ecological = [{"code": code, **sample.names(*sample.TYPES[code])} for code in ("forestry", "wetland")]
    form = {
        "form": dict.fromkeys(FIELDS, ""),
        "chosen": [],
        "errors": {},
        "types": [{"code": code, **sample.names(*sample.TYPES[code])} for code in sample.TYPES],
        "regions": [{"code": "130800", **sample.names("承德市", "Chengde")}],
        "market_low_fen": 4500,
        "market_high_fen": 6300,
        "ecological": {"codes": ["forestry", "wetland"], "types": ecological},
        "duty": None,
        "told": None,
    }
    typed = {"quantity_t": "3284", "ecological_percent": "50", "vintage_from": "2021"}
    of_duty = {
        "form": form["form"] | typed,
        "chosen": ["forestry"],
        "duty": {"number": "D-2025-E01", "lacking_t": 3284, "year": 2026},
    }
    bare = {"ecological": None, "market_low_fen": None, "market_high_fen": None}
    wrong = {"form": form["form"] | {"quantity_t": "12.5"}, "errors": {"quantity_t": "≥ 1", "max_sellers": "≤ 1,000"}}
    nothing = told() | {"best": _portfolio(), "alternatives": [], "preferences": [_preference("price", 3284, None)]}
    return {
        "desk": (TEMPLATE, form | sample.frame(path="/market/desk")),
        "desk-bare": (TEMPLATE, form | bare | sample.frame(path="/market/desk")),
        "desk-duty": (TEMPLATE, form | of_duty | sample.frame("firm", "/market/desk")),
        "desk-wrong": (TEMPLATE, form | wrong | sample.frame(path="/market/desk")),
        "desk-answer": (TEMPLATE, form | of_duty | {"told": told()} | sample.frame("firm", "/market/desk")),
        "desk-short": (TEMPLATE, form | {"told": told() | {"asked_t": 4000}} | sample.frame(path="/market/desk")),
        "desk-nothing": (TEMPLATE, form | {"told": nothing} | sample.frame(path="/market/desk")),
    }


def told() -> dict[str, Any]:
    wish = {
        "types": [sample.names(*sample.TYPES["forestry"]), sample.names(*sample.TYPES["wind"])],
        "vintage_from": 2021,
        "region": sample.names("承德市", "Chengde"),
        "floor_permille": 500,
        "max_group_permille": 400,
        "max_sellers": 3,
        "limit_fen": 6500,
    }
    codes = ("type", "vintage", "region", "floor", "group_cap", "max_sellers", "price", "all")
    costs = [0, 0, 407000, 1871700, None, 98700, None, 2397500]
    best = _portfolio(("P01", 1642, 5600), ("P15", 1313, 4700), ("P19", 329, 4500))
    other = _portfolio(("P31", 1642, 6200), ("P15", 1642, 4700)) | {"without": [sample.FARM], "more_fen": 985200}
    shorter = _portfolio(("P15", 1313, 4700)) | {"without": [sample.FARM, sample.WIND], "more_fen": -100}
    equal = best | {"without": [sample.MARSH], "more_fen": 0, "is_proven": False}
    return {
        "asked_t": 3284,
        "asked_at": sample.NOON,
        "wish": wish,
        "best": best,
        "table": tabular.table(PORTFOLIO, tabular.Source.of(best["lines"]), tabular.Asked("/market/desk")),
        "alternatives": [other, shorter, equal],
        "preferences": [
            _preference(code, 4000 if code == "price" else 3284, cost_fen)
            for code, cost_fen in zip(codes, costs, strict=True)
        ],
    }


def _portfolio(*lines: tuple[str, int, int]) -> dict[str, Any]:
    rows = [sample.line(*row) | {"number": f"L10000{place}"} for place, row in enumerate(lines)]
    covered_t, cost_fen = sum(row["quantity_t"] for row in rows), sum(row["cost_fen"] for row in rows)
    return {
        "covered_t": covered_t,
        "cost_fen": cost_fen,
        "average_fen": cost_fen // covered_t if covered_t else None,
        "sellers": len(rows),
        "is_proven": True,
        "lines": rows,
    }


def _preference(code: str, covered_t: int, premium_fen: int | None) -> dict[str, Any]:
    average = {"average_fen": 5300, "premium_a_tonne_fen": None if premium_fen is None else premium_fen // covered_t}
    known = {"code": code, "covered_t": covered_t, "cost_fen": 17503900, "premium_fen": premium_fen}
    return known | average | {"is_proven": code != "floor"}
