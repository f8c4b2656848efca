"""What a methodology asks for: figures with unit and bounds, and how a document of them is read, written, described.

Each field of a `Parameters` dataclass is `Annotated` with what is asked: `Figure`, `Whole`, `Day`, `Choice`, `Label` or
`Rows`. From that alone come the strict reader, the JSON schema and the entry form, so that a methodology stays one file
(domain §4: "form schema", units and bounds with the parameter). The words of a field stand beside it in both languages
for the same reason. A figure is read as it was stated, as a plain decimal text or a whole number: a float has already
lost what was stated, so it is refused, never rounded.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

from tanyi.kernel.errors import N_, Invalid

PLAIN_FIGURE = r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?"
_PLAIN_FIGURE = re.compile(PLAIN_FIGURE, re.ASCII)
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_SHOWN_OF_A_NAME = 60  # characters of an unknown name that a refusal repeats

Shape = TypeVar("Shape")


class ParameterRefused(Invalid):
    """A parameter cannot be taken as it stands; `path` says which."""

    code = "parameter.refused"
    message = N_("%(path)s cannot be accepted.")


class UnknownParameter(ParameterRefused):
    """The methodology does not ask for this."""

    code = "parameter.unknown"
    message = N_("%(path)s is not asked for by this methodology.")


class MissingParameter(ParameterRefused):
    """The methodology asks for this and has no default for it."""

    code = "parameter.missing"
    message = N_("%(path)s is missing.")


class NotAPlainFigure(ParameterRefused):
    """A float, a truth value, an exponent, NaN, or a text that is no plain decimal figure."""

    code = "parameter.not_a_plain_figure"
    message = N_('%(path)s must be a plain figure, written as text such as "12.5" or as a whole number.')


class OutOfBounds(ParameterRefused):
    """The figure or day lies outside what the methodology allows."""

    code = "parameter.out_of_bounds"
    message = N_("%(path)s must lie between %(lowest)s and %(highest)s.")


class NotAnOption(ParameterRefused):
    """None of the choices that the methodology offers."""

    code = "parameter.not_an_option"
    message = N_("%(path)s must be one of: %(options)s.")


class WrongShape(ParameterRefused):
    """A text, a day, a list or an object was asked for and something else was given."""

    code = "parameter.wrong_shape"
    message = N_("%(path)s has the wrong form.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(ABC):
    """One thing that a methodology asks for. `zh` and `en` are its words in the entry form."""

    zh: str
    en: str

    @abstractmethod
    def read(self, raw: object, path: str) -> Any:
        """The value that `raw` states, or a refusal naming `path`."""

    def write(self, stated: Any) -> Any:
        """What was stated as JSON, such that `read` gives it back."""
        return stated

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """JSON Schema of what `read` accepts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure(Asked):
    """A decimal figure with its unit, bounds included."""

    unit: str
    lowest: Decimal = Decimal(0)
    highest: Decimal

    def read(self, raw: object, path: str) -> Decimal:
        text = str(raw) if type(raw) is int and abs(raw) < 10**18 else raw
        if not isinstance(text, str) or not _PLAIN_FIGURE.fullmatch(text):
            raise NotAPlainFigure(path=path)
        figure = Decimal(text)
        if figure.is_zero() and figure.is_signed():
            raise NotAPlainFigure(path=path)
        if not self.lowest <= figure <= self.highest:
            raise OutOfBounds(path=path, lowest=f"{self.lowest:f}", highest=f"{self.highest:f} {self.unit}".rstrip())
        return figure

    def write(self, stated: Decimal) -> str:
        return f"{stated:f}"

    def schema(self) -> dict[str, Any]:
        bounds = {"x-unit": self.unit, "x-lowest": f"{self.lowest:f}", "x-highest": f"{self.highest:f}"}
        return {"title": self.en, "type": ["string", "integer"], "pattern": f"^{PLAIN_FIGURE}$", **bounds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole(Asked):
    """A whole number with its unit, bounds included."""

    unit: str
    lowest: int = 0
    highest: int

    def read(self, raw: object, path: str) -> int:
        if type(raw) is not int:
            raise NotAPlainFigure(path=path)
        if not self.lowest <= raw <= self.highest:
            raise OutOfBounds(path=path, lowest=self.lowest, highest=f"{self.highest} {self.unit}".rstrip())
        return raw

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.lowest, "maximum": self.highest}
        return {"title": self.en, "type": "integer", "x-unit": self.unit, **bounds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Asked):
    """A civil date, `YYYY-MM-DD`, bounds included."""

    first_on: date
    last_on: date

    def read(self, raw: object, path: str) -> date:
        if not isinstance(raw, str) or not _ISO_DAY.fullmatch(raw):
            raise WrongShape(path=path)
        try:
            day = date.fromisoformat(raw)
        except ValueError as wrong:
            raise WrongShape(path=path) from wrong
        if not self.first_on <= day <= self.last_on:
            raise OutOfBounds(path=path, lowest=self.first_on, highest=self.last_on)
        return day

    def write(self, stated: date) -> str:
        return stated.isoformat()

    def schema(self) -> dict[str, Any]:
        bounds = {"x-lowest": self.first_on.isoformat(), "x-highest": self.last_on.isoformat()}
        return {"title": self.en, "type": "string", "format": "date", **bounds}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Asked):
    """One of a few codes; `options` maps each to its words (zh, en)."""

    options: Mapping[str, tuple[str, str]]

    def read(self, raw: object, path: str) -> str:
        if not isinstance(raw, str) or raw not in self.options:
            raise NotAnOption(path=path, options=", ".join(self.options))
        return raw

    def schema(self) -> dict[str, Any]:
        return {"title": self.en, "type": "string", "enum": list(self.options)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Asked):
    """A short printable text, such as the name of a stratum."""

    longest: int = 40

    def read(self, raw: object, path: str) -> str:
        if not isinstance(raw, str) or not raw.strip() or len(raw) > self.longest or not raw.isprintable():
            raise WrongShape(path=path)
        return raw

    def schema(self) -> dict[str, Any]:
        return {"title": self.en, "type": "string", "minLength": 1, "maxLength": self.longest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows(Asked):
    """One to `most` rows, each of the dataclass `row`."""

    row: type
    most: int = 500

    def read(self, raw: object, path: str) -> tuple[Any, ...]:
        if not isinstance(raw, list) or not 1 <= len(raw) <= self.most:
            raise WrongShape(path=path)
        return tuple(read(self.row, each, f"{path}[{position}]") for position, each in enumerate(raw))

    def write(self, stated: tuple[Any, ...]) -> list[Any]:
        return [as_document(each) for each in stated]

    def schema(self) -> dict[str, Any]:
        bounds = {"minItems": 1, "maxItems": self.most}
        return {"title": self.en, "type": "array", "items": json_schema(self.row), **bounds}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One line of an entry form. `kind` is the lower-case name of what is asked; bounds and default are as written."""

    name: str
    kind: str
    zh: str
    en: str
    unit: str = ""
    lowest: str | None = None
    highest: str | None = None
    default: str | None = None
    is_required: bool = True
    options: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    rows: tuple[FormField, ...] = ()


@cache
def asked_by(shape: type) -> dict[str, Asked]:
    """What each field of `shape` asks for, in the order of the form."""
    hints = get_type_hints(shape, include_extras=True)
    asked: dict[str, Asked] = {}
    for each in fields(cast("Any", shape)):
        what = getattr(hints[each.name], "__metadata__", (None,))[0]
        assert isinstance(what, Asked), f"{shape.__module__}.{each.name} does not say what it asks for"
        asked[each.name] = what
    return asked


def read(shape: type[Shape], document: object, path: str = "$") -> Shape:
    """The parameters that a JSON document states; every field known, present or defaulted, and inside its bounds.

    Raises a `ParameterRefused` whose fact `path` is a JSON path such as `$.strata[2].area_ha`.
    """
    if not isinstance(document, dict):
        raise WrongShape(path=path)
    asked = asked_by(shape)
    for name in document:
        if name not in asked:
            raise UnknownParameter(path=f"{path}.{str(name)[:_SHOWN_OF_A_NAME]}")
    stated = {}
    for name, what in asked.items():
        if name in document:
            stated[name] = what.read(document[name], f"{path}.{name}")
        elif name not in _defaults(shape):
            raise MissingParameter(path=f"{path}.{name}")
    return shape(**stated)


def as_document(parameters: object) -> dict[str, Any]:
    """The parameters as JSON, decimals as text as they were stated; `read` gives the same parameters back."""
    return {name: what.write(getattr(parameters, name)) for name, what in asked_by(type(parameters)).items()}


def json_schema(shape: type) -> dict[str, Any]:
    """JSON Schema (2020-12) of the document that `read` accepts; decimal bounds stand under `x-lowest`, `x-highest`."""
    asked, defaults = asked_by(shape), _defaults(shape)
    properties = {name: what.schema() for name, what in asked.items()}
    for name, default in defaults.items():
        properties[name]["default"] = asked[name].write(default)
    required = [name for name in asked if name not in defaults]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def form_fields(shape: type) -> tuple[FormField, ...]:
    """The entry form, one line a field, rows nested."""
    defaults = _defaults(shape)
    return tuple(
        _form_field(name, what, what.write(defaults[name]) if name in defaults else None)
        for name, what in asked_by(shape).items()
    )


def _form_field(name: str, what: Asked, default: str | None) -> FormField:
    lowest = what.first_on if isinstance(what, Day) else getattr(what, "lowest", None)
    highest = what.last_on if isinstance(what, Day) else getattr(what, "highest", None)
    return FormField(
        name=name,
        kind=type(what).__name__.lower(),
        zh=what.zh,
        en=what.en,
        unit=getattr(what, "unit", ""),
        lowest=None if lowest is None else str(lowest),
        highest=None if highest is None else str(highest),
        default=default,
        is_required=default is None,
        options=getattr(what, "options", {}),
        rows=form_fields(what.row) if isinstance(what, Rows) else (),
    )


def _defaults(shape: type) -> dict[str, Any]:
    return {each.name: each.default for each in fields(cast("Any", shape)) if each.default is not MISSING}
