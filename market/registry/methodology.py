"""Methodologies (方法学): how monitored figures become a reduction in tCO2e, and that a number of whole tonnes.

二(一) of the measures asks for a system of methodologies built on the national ones, on international practice and on
the conditions of Hebei. Here each is one file in `market/registry/methodologies/`, found by walking the package: a
product type, what is asked for, one `quantify` for each dated version, and worked examples that a test replays. An old
report is always quantified by its own version. No official Hebei text is attached to any of them yet; `evidence` and
`source_zh`, `source_en` say what each rests on, and the pages repeat it. This file never stores anything and never issues anything.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Any

from market.registry import parameters as asked
from tanyi.kernel.errors import N_, Invalid, NotFound
from tanyi.kernel.quantities import Tonnes, tonnes_issuable

PACKAGE = "market.registry.methodologies"
FEWEST_EXAMPLES = 3
_QUOTIENT_PLACES = 12


class UnknownMethodology(NotFound):
    """No file of the package holds this code."""

    code = "methodology.unknown"
    message = N_("There is no methodology %(methodology)s.")


class UnknownMethodologyVersion(NotFound):
    """The methodology exists, this version of it does not, or none was in force on that day."""

    code = "methodology.version_unknown"
    message = N_("Methodology %(methodology)s has no version %(version)s.")


class NothingReduced(Invalid):
    """The net result is below zero: nothing is issued, and a loss of stored carbon is reported as a reversal."""

    code = "methodology.nothing_reduced"
    message = N_("The net reduction is below zero, so nothing can be issued. A loss of stored carbon is a reversal.")


class Evidence(StrEnum):
    """What a methodology rests on, strongest first (domain §2.2)."""

    TEXT_ATTACHED = "text_attached"
    TRADED_TEXT_NOT_FOUND = "traded_text_not_found"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductType:
    """A kind of reduction product (降碳产品). The code is what bids and lots are matched on."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Step:
    """One intermediate figure, in the symbols of the formula, so that a verifier can replay the calculation."""

    symbol: str
    unit: str
    figure: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something to look into that is no ground to refuse. `message` is a msgid whose places `facts` fill."""

    code: str
    message: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantification:
    """A reduction of one vintage year: exact in tCO2e, rounded down once to the tonnes that may be issued."""

    reduction_tco2e: Decimal
    quantity_t: Tonnes
    steps: tuple[Step, ...]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One wording of a methodology: in force from a day, with what it asks for and its formula."""

    valid_from_on: date
    parameters: type
    quantify: Callable[[Any], Quantification]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A worked example: these parameters under that version give so many issuable tonnes. `title` is for the test."""

    title: str
    version: str
    parameters: Any
    expected_t: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Methodology:
    """One file of the package. `crediting_years` are the fewest and the most years of a crediting period (计入期)."""

    code: str
    product_type: ProductType
    zh: str
    en: str
    evidence: Evidence
    source_zh: str
    source_en: str
    crediting_years: tuple[int, int]
    versions: Mapping[str, Version]
    examples: tuple[Example, ...]

    def version(self, name: str) -> Version:
        """The version of that name, or `UnknownMethodologyVersion`."""
        if name not in self.versions:
            raise UnknownMethodologyVersion(methodology=self.code, version=name)
        return self.versions[name]

    def version_on(self, on: date) -> str:
        """The name of the version in force on a day, for a new report; an old report keeps its own."""
        in_force = [name for name, version in self.versions.items() if version.valid_from_on <= on]
        if not in_force:
            raise UnknownMethodologyVersion(methodology=self.code, version=on.isoformat())
        return max(in_force, key=lambda name: self.versions[name].valid_from_on)

    def latest(self) -> str:
        """The name of the newest version."""
        return max(self.versions, key=lambda name: self.versions[name].valid_from_on)


@cache
def _discovered() -> Mapping[str, Methodology]:
    found: dict[str, Methodology] = {}
    types: dict[str, ProductType] = {}
    package = importlib.import_module(PACKAGE)
    for file in sorted(pkgutil.iter_modules(package.__path__), key=lambda each: each.name):
        methodology = importlib.import_module(f"{PACKAGE}.{file.name}").METHODOLOGY
        kind = methodology.product_type
        assert methodology.code == file.name, f"{file.name}.py holds methodology {methodology.code}"
        assert types.setdefault(kind.code, kind) == kind, f"{file.name}.py describes {kind.code} in other words"
        found[methodology.code] = methodology
    return found


def all_methodologies() -> tuple[Methodology, ...]:
    """Every methodology of the package, by code."""
    return tuple(_discovered().values())


def product_types() -> tuple[ProductType, ...]:
    """The product types that have a methodology, by code."""
    types = {each.product_type.code: each.product_type for each in all_methodologies()}
    return tuple(types[code] for code in sorted(types))


def by_code(code: str) -> Methodology:
    """The methodology with that code, or `UnknownMethodology`."""
    if code not in _discovered():
        raise UnknownMethodology(methodology=code)
    return _discovered()[code]


def reference(code: str, version: str) -> str:
    """How a report names its formula for ever: `code@version`."""
    by_code(code).version(version)
    return f"{code}@{version}"


def by_reference(text: str) -> tuple[Methodology, str]:
    """The methodology and the version name that `code@version` stands for."""
    code, _, version = text.partition("@")
    methodology = by_code(code)
    methodology.version(version)
    return methodology, version


def read_parameters(code: str, version: str, document: object) -> Any:
    """The parameters that a JSON document states, for that version; refusals are `parameters.ParameterRefused`."""
    return asked.read(by_code(code).version(version).parameters, document)


def as_document(parameters: object) -> dict[str, Any]:
    """Parameters as JSON, as they are stored with `code@version`."""
    return asked.as_document(parameters)


def quantify(code: str, version: str, document: object) -> Quantification:
    """Reads a document and quantifies it by the version it was reported under."""
    chosen = by_code(code).version(version)
    return chosen.quantify(asked.read(chosen.parameters, document))


def json_schema(code: str, version: str | None = None) -> dict[str, Any]:
    """JSON Schema of the parameters of a version (the newest if none is named)."""
    methodology = by_code(code)
    name = version or methodology.latest()
    schema = asked.json_schema(methodology.version(name).parameters)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": reference(code, name), **schema}


def form_fields(code: str, version: str | None = None) -> tuple[asked.FormField, ...]:
    """The entry form of a version (the newest if none is named)."""
    methodology = by_code(code)
    return asked.form_fields(methodology.version(version or methodology.latest()).parameters)


def quotient_down(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Dividend by divisor, both positive or zero above, cut after the twelfth decimal.

    Cutting downwards is what makes the one rounding at the end right: the whole tonnes below the cut figure are exactly
    those below the true one.
    """
    return (dividend.scaleb(_QUOTIENT_PLACES) // divisor).scaleb(-_QUOTIENT_PLACES)


def quantified(reduction_tco2e: Decimal, steps: list[Step], remarks: tuple[Remark, ...] = ()) -> Quantification:
    """The result of a formula: rounded down once a vintage (domain §1.6 case 14); below zero is `NothingReduced`."""
    if reduction_tco2e < 0:
        raise NothingReduced()
    return Quantification(
        reduction_tco2e=reduction_tco2e,
        quantity_t=tonnes_issuable(reduction_tco2e),
        steps=tuple(steps),
        remarks=remarks,
    )
