"""Rules 7 and 8: states are a table, refusals are classes of five kinds with a stable code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.rules.registry import is_ours, rule, tree_rule
from tests.house.tree import Finding, Source, around, classes

IN_SQL = frozenset(
    {"where", "filter", "having", "case", "when", "join", "outerjoin", "and_", "or_", "not_", "exists", "select", "on"}
    | {
        "order_by",
        "func",
        "sum",
        "count",
        "CheckConstraint",
        "Index",
        "ExcludeConstraint",
        "column_property",
        "primaryjoin",
    }
)
PURE_MATCHING = re.compile(r"^matching/(?!tables|rounds|desk|solving)")
STATE_FIELDS = frozenset({"state", "status"})

ERRORS = "tanyi.kernel.errors"
KINDS = frozenset(f"{ERRORS}.{kind}" for kind in ("NotFound", "Forbidden", "Invalid", "Conflict", "Unavailable"))
CODE = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$")


@rule(
    lambda source: (
        is_ours(source)
        and not source.path.startswith(("tanyi/kernel/lifecycle", "settlement/gateway/"))
        and not PURE_MATCHING.match(source.path)
    )
)
def no_state_is_compared_by_hand(source: Source) -> Iterator[Finding]:
    """No `thing.state == "X"` in Python: a Lifecycle is asked.

    Allowed: comparisons inside a query (`where`, `case`, …) or of a column of a row class (`Listing.state == "OPEN"`).
    The gateway and the pure half of matching are left out: they may not import Lifecycle, their words are an outside
    format's. Compared with a string or with a CAPITAL constant is the same breach. A bare variable called `state`
    is not looked at: it may be the state of a connection.
    """
    for node in source.nodes:
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        if any(map(_is_state, sides)) and any(map(_is_literal, sides)) and not _in_query(node):
            yield source.finding(node, "a state compared by hand: ask its Lifecycle")


def _is_state(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute) and node.attr in STATE_FIELDS:
        of_row_class = isinstance(node.value, ast.Name | ast.Attribute) and _last(node.value)[:1].isupper()
        return not of_row_class and _last(node.value) != "c"
    return False


def _is_literal(node: ast.AST) -> bool:
    if isinstance(node, ast.Tuple | ast.Set | ast.List):
        return bool(node.elts) and all(map(_is_literal, node.elts))
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str)
    return isinstance(node, ast.Name | ast.Attribute) and _last(node).isupper()


def _last(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _in_query(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Call) and _last(part.func) in IN_SQL for part in around(node))


@tree_rule()
def a_refusal_has_a_kind_a_code_and_a_message(sources: list[Source]) -> Iterator[Finding]:
    """A refusal is of one of five kinds, with a unique stable code, an N_() message, a docstring, no …Error name."""
    known = {f"{ERRORS}.Refusal", *KINDS}
    found = _refusals(sources, known)
    seen: dict[str, str] = {}
    for source, holder in found:
        full = f"{source.module}.{holder.name}"
        for complaint in _complaints(source, holder):
            yield source.finding(holder, f"refusal {holder.name} {complaint}")
        code = _code(holder)
        if code and seen.setdefault(code, full) != full:
            yield source.finding(holder, f"refusal {holder.name} has the code of {seen[code]}: {code}")


def _refusals(sources: list[Source], known: set[str]) -> list[tuple[Source, ast.ClassDef]]:
    """All classes below the five kinds, found by following the names of their bases until nothing new turns up."""
    waiting = [(source, holder) for source in sources for holder in classes(source)]
    found: list[tuple[Source, ast.ClassDef]] = []
    grown = True
    while grown:
        grown = False
        for source, holder in list(waiting):
            bases = {_absolute(source, base) for base in holder.bases}
            if bases & known:
                known.add(f"{source.module}.{holder.name}")
                found.append((source, holder))
                waiting.remove((source, holder))
                grown = True
    return found


def _absolute(source: Source, base: ast.AST) -> str:
    name = source.full_name(base)
    return name if "." in name else f"{source.module}.{name}"


def _complaints(source: Source, holder: ast.ClassDef) -> Iterator[str]:
    if source.module != ERRORS and any(_absolute(source, base) == f"{ERRORS}.Refusal" for base in holder.bases):
        yield "is of none of the five kinds"
    if holder.name.endswith(("Error", "Exception")):
        yield "must say what is wrong, not that it is an error"
    if ast.get_docstring(holder) is None:
        yield "has no docstring"
    code = _code(holder)
    if code is None or not CODE.match(code):
        yield "has no stable `code` in lower-case words with dots between"
    message = _assigned(holder, "message")
    if not (isinstance(message, ast.Call) and source.full_name(message.func) in {"N_", f"{ERRORS}.N_"}):
        yield "has no `message` marked with N_()"


def _code(holder: ast.ClassDef) -> str | None:
    code = _assigned(holder, "code")
    return code.value if isinstance(code, ast.Constant) and isinstance(code.value, str) else None


def _assigned(holder: ast.ClassDef, name: str) -> ast.AST | None:
    for node in holder.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return node.value  # type: ignore[union-attr]  only assignments have targets
    return None
