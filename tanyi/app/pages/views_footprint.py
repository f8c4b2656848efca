"""What pages show of a footprint: the calculator's rows with the factor behind each, and an account to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from market.emitters import factors, footprint
from market.emitters.footprint import Footprint, Line
from tanyi.app import event_words
from tanyi.app.pages import labels, pieces
from tanyi.app.pages.calculator import MORE_PARTS, PARTS, Sheet
from tanyi.app.pages.calculator_rows import ROWS, SUGGESTION, Row
from tanyi.app.pages.pieces import both, names
from tanyi.kernel.errors import NotFound, Refusal
from tanyi.kernel.quantities import exact_decimals


def category_names(code: str) -> dict[str, str]:
    """A category of annex 1 in words."""
    return both(labels.word_for("footprint_category", code) or code)


def unit_names(unit: str) -> dict[str, str]:
    """A unit in words; one of somebody's own stays as it was written."""
    return both(labels.word_for("activity_unit", unit) or unit)


def form_categories(
    typed: Mapping[str, str],
    *,
    year: int,
    region: str,
    has_forcing: bool,
    lines: Mapping[str, Line],
    proposed: Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    """The rows of the form by category; `lines` are those that can be counted, by the field of their quantity."""
    return [
        {
            "code": code,
            "name": category_names(code),
            "standard": both(labels.word_for("footprint_standard", code) or ""),
            "rows": [_form_row(row, typed, year, region, has_forcing, lines, proposed) for row in rows],
        }
        for code, rows in ROWS.items()
    ]


def _form_row(
    row: Row,
    typed: Mapping[str, str],
    year: int,
    region: str,
    has_forcing: bool,
    lines: Mapping[str, Line],
    proposed: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    line = lines.get(f"quantity-{row.activity}")
    entered = {part: typed.get(f"{part}-{row.activity}", "") for part in PARTS}
    suggestion = proposed.get(row.activity, {})
    left = bool(suggestion) and all(entered[part] == suggestion.get(part, "") for part in ("many", "each", "quantity"))
    return {
        "code": row.activity,
        "name": names(factors.series_of(row.activity)),
        "unit": unit_names(factors.series_of(row.activity).unit),
        "hint": both(row.hint) if row.hint else None,
        "helper": {"many": both(row.many), "each": both(row.each)} if row.is_product else None,
        "factor": of_choice(row.activity, year, region, has_forcing) if line is None else of_line(line),
        "typed": entered,
        "suggestion": suggestion.get("quantity", ""),
        "is_suggested": left,
        "mass": kg_text(line.emissions_kg) if line else "",
    }


def further_rows(sheet: Sheet, blank: int, lines: Mapping[str, Line]) -> list[dict[str, Any]]:
    """The further rows: those that were sent, and so many empty ones."""
    first = sheet.more[-1] + 1 if sheet.more else 0
    found = []
    for place in [*sheet.more, *range(first, first + blank)]:
        line = lines.get(f"more-{place}-quantity")
        typed = {part: sheet.typed.get(f"more-{place}-{part}", "") for part in MORE_PARTS}
        found.append({"key": f"more-{place}", "typed": typed, "mass": kg_text(line.emissions_kg) if line else ""})
    return found


def choices(*, year: int, region: str, has_forcing: bool) -> list[dict[str, Any]]:
    """Every activity for the choice in a further row, with its factor and unit."""
    found = []
    for code, series in factors.all_series().items():
        factor = of_choice(code, year, region, has_forcing)
        if factors.MEASURE not in series.categories and factor["value"]:
            unit = unit_names(series.unit)
            found.append(
                {"code": code, **names(series), "factor": factor["value"], "spread": factor["spread"], "unit": unit}
            )
    return found


def of_choice(activity: str, year: int, region: str, has_forcing: bool) -> dict[str, Any]:
    """The factor that would count for an activity; without one the page says why."""
    try:
        chosen = factors.choose(activity, region=region, year=year, has_radiative_forcing=has_forcing)
    except Refusal as refusal:
        return _empty_factor() | {"missing": both(refusal.message, **refusal.facts)}
    return _factor_facts(chosen.factor, chosen.flags)


def of_line(line: Line) -> dict[str, Any]:
    """The factor of a line as it was frozen."""
    if line.factor is None:
        own = {"id": "—", "source": line.evidence, "is_own": True, "region": {"name_zh": "—", "name_en": "—"}}
        return _empty_factor() | own | {"value": f"{line.kgco2e_per_unit:f}", "spread": f"{line.uncertainty_percent}%"}
    try:
        known = _factor_facts(factors.by_code(line.factor), line.flags)
    except NotFound:  # a table of later years may have dropped it; what was frozen still holds
        known = _empty_factor() | {"id": line.factor, "source": line.source or "—"}
    frozen = {"value": f"{line.kgco2e_per_unit:f}", "year": line.data_year, "spread": f"{line.uncertainty_percent}%"}
    return known | frozen


def _factor_facts(factor: factors.Factor, flags: Sequence[str]) -> dict[str, Any]:
    region = factors.regions()[factor.region]
    return {
        "id": factor.code,
        "value": f"{factor.kgco2e_per_unit:f}",
        "year": factor.data_year,
        "region": names(region),
        "source": source_names(factor.source),
        "note": {"name_zh": factor.note_zh, "name_en": factor.note_en} if factor.note_zh else None,
        "spread": f"{footprint.UNCERTAINTY_PERCENT[factor.quality]}%",
        "is_proxy": factors.PROXY in flags,
        "is_assumption": factors.ASSUMPTION in flags,
        "is_fallback": factors.FALLBACK in flags,
        "is_own": False,
        "missing": None,
    }


def _empty_factor() -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(("year", "note", "spread", "missing"))
    flags = dict.fromkeys(("is_proxy", "is_assumption", "is_fallback", "is_own"), False)
    return nothing | flags | {"id": "—", "value": "", "region": pieces.nobody(), "source": "—"}


def source_names(code: str) -> dict[str, str]:
    """A source as it is cited, in both languages."""
    return {"name_zh": event_words.citation(code, "zh"), "name_en": event_words.citation(code, "en")}


def account(made: Footprint) -> dict[str, Any]:
    """A calculation to be read: its lines by category and its total."""
    found = []
    for code in footprint.CATEGORIES:
        rows = [_told(line) for line in made.lines if line.category == code]
        if rows:
            found.append({"code": code, "name": category_names(code), "rows": rows})
    return {"categories": found, "total": total(made.lines), "uncounted": uncounted(made.lines)}


def _told(line: Line) -> dict[str, Any]:
    known = factors.all_series().get(line.activity)
    words = names(known) if known else {"name_zh": line.label or line.activity, "name_en": line.label or line.activity}
    return {
        "code": line.activity,
        "name": words,
        "unit": unit_names(line.unit),
        "quantity": f"{line.quantity.normalize():f}",
        "is_suggested": line.label == SUGGESTION,
        "note": line.label if known and line.label != SUGGESTION else "",
        "phase": line.phase,
        "factor": of_line(line),
        "mass": kg_text(line.emissions_kg),
    }


def total(lines: Sequence[Line]) -> dict[str, Any]:
    """The sum of some lines in words for the page: tonnes with three decimals, whole tonnes due, the range."""
    with exact_decimals():
        sum_kg = sum((line.emissions_kg for line in lines), Decimal(0))
    spread_kg = footprint.uncertainty_kg(lines)
    return {
        "mass_t": t_text(sum_kg),
        "due_t": int(footprint.tonnes_to_offset(sum_kg)) if lines else 0,
        "spread_t": t_text(spread_kg, 1),
        "low_t": t_text(max(Decimal(0), sum_kg - spread_kg), 1) if lines else None,
        "high_t": t_text(sum_kg + spread_kg, 1) if lines else None,
        "proxies": sum(factors.PROXY in line.flags for line in lines),
        "assumptions": sum(factors.ASSUMPTION in line.flags or line.label == SUGGESTION for line in lines),
    }


def uncounted(lines: Sequence[Line]) -> list[dict[str, str]]:
    """The categories of annex 1 in which nothing was counted, so that a gap is seen (art. 7: completeness)."""
    counted = {line.category for line in lines}
    return [category_names(code) for code in footprint.CATEGORIES if code not in counted]


def compared(before: Footprint, after: Footprint) -> list[dict[str, Any]]:
    """Estimate and reality by category."""
    first, second = footprint.by(before.lines, "category"), footprint.by(after.lines, "category")
    return [
        {"name": category_names(code), "estimate_kg": kg_text(first[code]), "actual_kg": kg_text(second[code])}
        for code in footprint.CATEGORIES
        if first[code] or second[code]
    ]


def t_text(emissions_kg: Decimal, decimals: int = 3) -> str:
    """Kilograms as tonnes for display, half up; whole tonnes due are never computed from it."""
    wide = Context(prec=60)
    shown = wide.scaleb(emissions_kg, -3).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, context=wide)
    return f"{shown:,f}"


def kg_text(emissions_kg: Decimal) -> str:
    """Kilograms with two decimals for display."""
    return f"{footprint.shown_kg(emissions_kg):f}"
