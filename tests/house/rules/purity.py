"""Rules 3, 4 and 5: rules are pure, verbs take `work` and never commit, two files alone write the two truths."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.rules.registry import is_ours, outside, rule
from tests.house.tree import Finding, Source, around, is_docstring, parameters, top_functions

KERNEL_EDGES = tuple(f"tanyi/kernel/{name}.py" for name in ("clock", "config", "embedded", "db", "signatures"))
IMPURE_CALLS = frozenset(
    {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "time.time",
        "time.time_ns",
        "uuid.uuid1",
        "uuid.uuid4",
        "os.getenv",
        "open",
        "io.open",
    }
)
IMPURE_MODULES = ("random.", "os.environ.", "numpy.random.")

COMMITTERS = (
    "tanyi/kernel/work.py",
    "tanyi/kernel/db.py",
    "tanyi/kernel/embedded.py",
    "tanyi/app/",
    "settlement/gateway/",
)
WRITERS = {
    "Block": "tanyi/ledger/blocks.py",
    "Issuance": "tanyi/ledger/blocks.py",
    "Transfer": "tanyi/ledger/transfers.py",
    "Account": "tanyi/ledger/transfers.py",
}
RAW_WRITE = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE(?:\s+ONLY)?|DELETE\s+FROM(?:\s+ONLY)?|MERGE\s+INTO|COPY|TRUNCATE(?:\s+TABLE)?)\s+"
    r"\"?ledger_(block|issuance|transfer|account)\b",
    re.IGNORECASE,
)
IN_THE_DATABASE = re.compile(r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|TRIGGER|CONSTRAINT)\b", re.IGNORECASE)


@rule(outside(*KERNEL_EDGES, "tanyi/app/", "settlement/gateway/simulator"))
def rules_are_pure(source: Source) -> Iterator[Finding]:
    """Clock, randomness, environment and files arrive as arguments; only the kernel's edges and the app reach for them.

    Measuring a duration (`perf_counter`, `monotonic`) is allowed: it is no date. So is `secrets`: a password's salt or
    a key must not be foreseeable by whoever calls. `Path.read_text` is not looked for, since a method's name does not
    tell what it is called on.
    """
    for node in source.nodes:
        if not isinstance(node, ast.Name | ast.Attribute) or isinstance(getattr(node, "parent", None), ast.Attribute):
            continue
        name = source.full_name(node)
        known = _is_imported(source, node) or (name == "open" and not _has_its_own_open(source))
        if known and (name in IMPURE_CALLS or f"{name}.".startswith(IMPURE_MODULES)):
            yield source.finding(node, f"{name}: it must arrive as an argument")


def _is_imported(source: Source, node: ast.AST) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in source.imported


def _has_its_own_open(source: Source) -> bool:
    return any(function.name == "open" for function in top_functions(source))


@rule(outside("tanyi/app/"))
def verbs_take_work_first_and_the_rest_by_keyword(source: Source) -> Iterator[Finding]:
    """A public function that takes `work` takes it first, and everything else by keyword only."""
    for function in top_functions(source):
        given = [arg.arg for arg in parameters(function)]
        if function.name.startswith("_") or "work" not in given:
            continue
        spec = function.args
        positional = [arg.arg for arg in (*spec.posonlyargs, *spec.args)]
        if given[0] != "work" or not positional:
            yield source.finding(function, f"{function.name}: `work` must be the first parameter, by position")
        elif len(positional) > 1 or spec.vararg:
            yield source.finding(function, f"{function.name}: all but `work` must be keyword-only")


@rule(outside(*COMMITTERS))
def verbs_never_commit(source: Source) -> Iterator[Finding]:
    """Nothing below the edge commits or rolls back; `rounds.run` is the one named exception."""
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ENDINGS:
            inside = [part.name for part in around(node) if isinstance(part, ast.FunctionDef)]
            if not (source.path == "matching/rounds.py" and "run" in inside):
                yield source.finding(node, f"{node.func.attr}() below the edge: the edge opens and closes `Work`")


_ENDINGS = frozenset({"commit", "rollback"})


@rule(is_ours)
def one_file_moves_tonnes_and_one_moves_money(source: Source) -> Iterator[Finding]:
    """Only tanyi.ledger.blocks writes blocks and issuances; only tanyi.ledger.transfers writes transfers and accounts.

    Looked for: insert/update/delete of the row classes, making one of their rows, and raw SQL that writes their
    tables. SQL that creates a function or trigger in the database is schema, not a write.
    """
    for node in source.nodes:
        if isinstance(node, ast.Call):
            yield from _row_writes(source, node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and not is_docstring(node):
            for table in [] if IN_THE_DATABASE.search(node.value) else RAW_WRITE.findall(node.value):
                if source.path != WRITERS[table.capitalize()]:
                    yield source.finding(node, f"SQL that writes ledger_{table.lower()} outside its file")


def _row_writes(source: Source, call: ast.Call) -> Iterator[Finding]:
    if source.full_name(call.func).rpartition(".")[2] in {"insert", "update", "delete"} and call.args:
        written = source.full_name(call.args[0])
    else:
        written = source.full_name(call.func)
        for method in (".insert", ".update", ".delete"):
            written = written.removesuffix(method)
    origin, _, name = written.removesuffix(".__table__").rpartition(".")
    if origin == "tanyi.ledger.tables" and name in WRITERS and source.path != WRITERS[name]:
        yield source.finding(call, f"writes {name} outside {WRITERS[name]}")
