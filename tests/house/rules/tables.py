"""Rule 11: tables are private to their package, relationships never load by surprise; names of tables, constraints."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.rules.registry import is_ours, outside, rule, tree_rule
from tests.house.tree import Finding, Source, classes

NAMED = frozenset({"CheckConstraint", "ExcludeConstraint", "UniqueConstraint", "ForeignKeyConstraint"})
SINGULAR_ENDINGS = ("ss", "us", "is")  # address, status, basis


@rule(is_ours)
def tables_are_private_to_their_package(source: Source) -> Iterator[Finding]:
    """Only a package's own modules import its `tables`; others call its functions."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = source.origin(node)
            targets = [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
        else:
            continue
        for target in targets:
            owner, _, last = target.rpartition(".")
            at_home = source.package == owner or source.package.startswith(f"{owner}.")
            if (
                last == "tables"
                and target.split(".")[0] in {"tanyi", "market", "matching", "settlement"}
                and not at_home
            ):
                yield source.finding(node, f"imports {target}, which is private to {owner}")


@rule(is_ours)
def relationships_raise_when_not_loaded(source: Source) -> Iterator[Finding]:
    """Every relationship() says lazy="raise": what is not asked for in the query is not loaded behind one's back."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and source.full_name(node.func).startswith("sqlalchemy.orm.relationship"):
            lazy = [key.value for key in node.keywords if key.arg == "lazy"]
            if not (lazy and isinstance(lazy[0], ast.Constant) and lazy[0].value == "raise"):
                yield source.finding(node, 'relationship without lazy="raise"')


@tree_rule(outside("settlement/gateway/"))
def a_table_is_named_after_its_package_and_one_row(sources: list[Source]) -> Iterator[Finding]:
    """A table is called package_singular, once in the tree: trading_listing for Listing in market/trading.

    The gateway's books stand in a schema of their own: the bank is another house.
    """
    seen: dict[str, str] = {}
    for source in sources:
        for name, node in _table_names(source):
            package = source.package.rpartition(".")[2]
            if not name.startswith(f"{package}_") and package != "tanyi":
                yield source.finding(node, f"table {name} does not begin with {package}_")
            if name.endswith("s") and not name.endswith(SINGULAR_ENDINGS):
                yield source.finding(node, f"table {name} is a plural: a row is one thing")
            if seen.setdefault(name, source.path) != source.path:
                yield source.finding(node, f"table {name} is already in {seen[name]}")


def _table_names(source: Source) -> Iterator[tuple[str, ast.AST]]:
    for holder in classes(source):
        for node in holder.body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            named = any(isinstance(target, ast.Name) and target.id == "__tablename__" for target in targets)
            if named and isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                yield str(node.value.value), node
    for node in source.nodes:
        if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
            continue
        if source.full_name(node.func) in {"sqlalchemy.Table", "sqlalchemy.schema.Table"}:
            yield str(node.args[0].value), node


@rule(is_ours)
def a_constraint_is_named_by_a_sentence(source: Source) -> Iterator[Finding]:
    """Every check, unique, exclude and composite foreign-key constraint has a name, a check's of three words or more.

    The name is what a refusal, a log line and a test show when the database says no: `no_owner_trades_with_itself`.
    """
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        origin, _, kind = source.full_name(node.func).rpartition(".")
        if kind not in NAMED or origin.split(".")[0] != "sqlalchemy":
            continue
        given = [key.value for key in node.keywords if key.arg == "name"]
        if not given:
            yield source.finding(node, f"{kind} without a name")
        elif kind == "CheckConstraint" and isinstance(given[0], ast.Constant) and _is_short(given[0]):
            yield source.finding(node, f"constraint {given[0].value} is not a sentence")


def _is_short(name: ast.Constant) -> bool:
    return len(str(name.value).split("_")) < 3
