"""Rule 6 and the names of quantities: whole numbers, the unit last, no float where a tonne or a fen is counted."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.rules.registry import inside, outside, rule
from tests.house.tree import Finding, Source, around, classes, fields, functions, parameters

UNIT_SUFFIXES = ("_t", "_fen", "_kg")
BARE = frozenset({"amount", "value", "qty"})
NUMBERS = frozenset({"int", "float", "Decimal", "Tonnes", "Mass", "Money"})
NOT_QUANTITIES = ("seconds", "timeout", "delay", "peak_mb")  # a float bound to such a name measures the machine


@rule(inside("market/", "matching/", "settlement/", "tanyi/ledger/"))
def no_float_in_quantity_code(source: Source) -> Iterator[Finding]:
    """No float literal and no float() where quantities are computed; seconds, delays and peak_mb are no quantities.

    True division is not looked for: `/` also joins paths and divides Decimals. The gateway's fault delays are left out.
    """
    if source.path.startswith("settlement/gateway/"):
        return
    for node in source.nodes:
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float"
        if (literal or call) and not any(word in name for name in _said_with(node) for word in NOT_QUANTITIES):
            yield source.finding(node, "a float in quantity code: use whole units, or Decimal in a formula")


def _said_with(node: ast.AST) -> Iterator[str]:
    """Every name in the statement a literal stands in; of a definition only what stands in its parameters."""
    inner = node
    for part in around(node):
        if isinstance(part, ast.keyword):
            yield part.arg or ""
        if isinstance(part, ast.stmt | ast.arguments):
            compound = isinstance(part, ast.If | ast.While | ast.For | ast.With)
            yield from _names(inner if compound else part)
            return
        inner = part


def _names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.arg):
            yield part.arg
        elif isinstance(part, ast.keyword):
            yield part.arg or ""
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


@rule()
def a_name_with_a_unit_is_never_a_float(source: Source) -> Iterator[Finding]:
    """A parameter, field or variable whose name ends in `_t`, `_fen` or `_kg` is never annotated float."""
    for name, annotation, node in _annotated(source):
        if name.endswith(UNIT_SUFFIXES) and annotation is not None and "float" in set(_names(annotation)):
            yield source.finding(node, f"{name} is annotated float")


def _annotated(source: Source) -> Iterator[tuple[str, ast.AST | None, ast.AST]]:
    for node in source.nodes:
        if isinstance(node, ast.arg):
            yield node.arg, node.annotation, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name | ast.Attribute):
            target = node.target
            yield target.id if isinstance(target, ast.Name) else target.attr, node.annotation, node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.returns, node


@rule(outside("settlement/gateway/"))
def a_quantity_says_its_unit(source: Source) -> Iterator[Finding]:
    """No parameter and no field is called bare `amount`, `value` or `qty` (the gateway keeps the outside's shape).

    A parameter annotated as something that cannot be a quantity (`Any`, `object`, `str`, `date`, …) may be a `value`.
    """
    for function in functions(source):
        for arg in parameters(function):
            if arg.arg in BARE and (arg.annotation is None or NUMBERS & set(_names(arg.annotation))):
                yield source.finding(arg, f"parameter {arg.arg} of {function.name} does not say its unit")
    for holder in classes(source):
        for field in fields(holder):
            if isinstance(field.target, ast.Name) and field.target.id in BARE:
                yield source.finding(field, f"field {field.target.id} of {holder.name} does not say its unit")


@rule()
def a_time_is_named_at_and_a_date_on(source: Source) -> Iterator[Finding]:
    """A field annotated datetime ends in `_at`, a field annotated date ends in `_on`.

    Fields of classes only (rows, structs, dataclasses), bare `at`, `on` and the clock's `now` among them.
    """
    endings = {"datetime.datetime": ("_at", "at", "now"), "datetime.date": ("_on", "on")}
    for holder in classes(source):
        for field in fields(holder):
            kinds = {source.full_name(part) for part in ast.walk(field.annotation)} & set(endings)
            name = field.target.id if isinstance(field.target, ast.Name) else ""
            if len(kinds) == 1 and not _is_table(field.annotation) and not _is_class_variable(field.annotation):
                long, *short = endings[kinds.pop()]
                if not (name.endswith(long) or name in short):
                    yield source.finding(field, f"field {name} of {holder.name} must end in {long}")


def _is_class_variable(annotation: ast.AST) -> bool:
    return "ClassVar" in set(_names(annotation))


def _is_table(annotation: ast.AST) -> bool:
    """A mapping or list of dates is not a date."""
    return bool(
        {"dict", "Mapping", "list", "tuple", "Sequence", "set", "frozenset", "Callable"} & set(_names(annotation))
    )
