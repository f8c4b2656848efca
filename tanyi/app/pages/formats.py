"""How figures, dates, names and serials are written in either language: the filters of the templates.

Each takes the template's context first, because Jinja folds filters over constants at compile time and would keep the
first reader's language for everybody. Quantities are whole numbers with a unit; nothing is rounded here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from babel.dates import format_date, format_datetime
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from tanyi.kernel.clock import SHANGHAI, civil_date

NBSP = "\u00a0"
TONNE = {"zh": "吨", "en": "t"}
PRICE = {"zh": f"{{price}}{NBSP}元/吨", "en": f"CNY{NBSP}{{price}}/t"}
DATES = {"zh": "y年M月d日", "en": "d MMMM y"}
TIMES = {"zh": "y年M月d日 HH:mm", "en": "d MMM y, HH:mm"}
BABEL = {"zh": "zh_Hans", "en": "en_GB"}


def whole(number: int) -> str:
    """1234567 as 1,234,567, the same in both languages."""
    return f"{int(number):,}"


def figure(number: Decimal | str | int) -> str:
    """A stated figure with its own decimals, the whole part grouped: `14694400.50` as 14,694,400.50."""
    sign, _, digits = (f"{number:f}" if isinstance(number, Decimal) else str(number)).rpartition("-")
    integer, point, fraction = digits.partition(".")
    return f"{'−' if sign or str(number).startswith('-') else ''}{int(integer):,}{point}{fraction}"


@pass_context
def tonnes(context: Context, quantity_t: int) -> str:
    """Whole tonnes of CO2 equivalent with their unit."""
    return f"{whole(quantity_t)}{NBSP}{TONNE[context['locale']]}"


def yuan(amount_fen: int) -> str:
    """Fen as yuan with two decimals; ¥ in both languages, since CN¥ helps nobody here."""
    sign = "−" if amount_fen < 0 else ""
    major, minor = divmod(abs(int(amount_fen)), 100)
    return f"{sign}¥{major:,}.{minor:02d}"


@pass_context
def yuan_per_tonne(context: Context, price_fen: int) -> str:
    """A price in fen per tonne: 56.00 元/吨, or CNY 56.00/t."""
    return PRICE[context["locale"]].format(price=yuan(price_fen).replace("¥", ""))


@pass_context
def day(context: Context, when: date | datetime) -> str:
    """A civil date; an instant is first taken to Asia/Shanghai."""
    civil = civil_date(when) if isinstance(when, datetime) else when
    return format_date(civil, DATES[context["locale"]], locale=BABEL[context["locale"]])


@pass_context
def moment(context: Context, instant: datetime) -> str:
    """An aware instant as date and time in Asia/Shanghai."""
    return format_datetime(instant.astimezone(SHANGHAI), TIMES[context["locale"]], locale=BABEL[context["locale"]])


def percent(permille: int) -> str:
    """500 as 50%, 405 as 40.5%."""
    whole_part, tenth = divmod(int(permille), 10)
    return f"{whole_part}.{tenth}%" if tenth else f"{whole_part}%"


def share_permille(part: int, total: int) -> int:
    """part of total in permille, rounded down; 0 of 0 is 0. For bars, never for law."""
    return min(1000, int(part) * 1000 // int(total)) if total else 0


@pass_context
def local_name(context: Context, thing: Any, field: str = "name") -> Markup:
    """`name_zh` or `name_en` of a mapping or object by the reader's language; plain text passes through.

    A thing without an English name keeps its Chinese one, marked with its language for screen readers. What is given is
    escaped already, so that `|striptags` takes away our own mark for a title and nothing that the name itself says.
    """
    if isinstance(thing, str):
        return _marked(context, thing)
    chinese, english = _field(thing, f"{field}_zh"), _field(thing, f"{field}_en")
    return escape(chinese or english) if context["locale"] == "zh" else escape(english) or _marked(context, chinese)


def _field(thing: Any, name: str) -> str:
    found = thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
    return found or ""


def _marked(context: Context, text: str) -> Markup:
    """Chinese text on an English page carries its language."""
    if context["locale"] == "zh" or text.isascii():
        return escape(text)
    return Markup('<span lang="zh-Hans">{}</span>').format(text)


def serial(number: str) -> Markup:
    """A serial or code that may break after its hyphens only, is not translated and has figures of equal width."""
    parts = Markup("-<wbr>").join(escape(part) for part in str(number).split("-"))
    return Markup('<span class="code" translate="no">{}</span>').format(parts)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "whole": whole,
    "figure": figure,
    "tonnes": tonnes,
    "yuan": yuan,
    "yuan_per_tonne": yuan_per_tonne,
    "date": day,
    "datetime": moment,
    "percent": percent,
    "local_name": local_name,
    "serial": serial,
}
