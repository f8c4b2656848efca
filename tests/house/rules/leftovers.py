"""What is never committed: work left for later, and where it was written."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.house.rules.registry import anywhere, is_ours, rule
from tests.house.tree import Finding, Source, functions

LATER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
HOSTS = re.compile(
    r"\b("
    + "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("registry", "npmjs", "org"),
            ("registry", "yarnpkg", "com"),
            ("registry", "npmmirror", "com"),
            ("proxy", "golang", "org"),
            ("conda", "anaconda", "org"),
        )
    )
    + r")\b"
)
MACHINE_PATHS = re.compile(r"(?<![\w.}/-])/(" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me")) + r")/")


@rule(anywhere)
def nothing_is_left_for_later(source: Source) -> Iterator[Finding]:
    """No marks of unfinished work in comments and docstrings, no NotImplementedError, no function that only passes.

    Methods of a Protocol, overloads and abstract methods have no body to give.
    """
    for number, text in _prose(source):
        if LATER.search(text):
            yield source.finding(number, "unfinished work: finish it or open an issue")
    if not is_ours(source):
        return
    for node in source.nodes:
        if isinstance(node, ast.Name) and node.id == "NotImplementedError":
            yield source.finding(node, "NotImplementedError: nothing unfinished is committed")
    for function in functions(source):
        body = [part for part in function.body if not _is_text(part)]
        if body and all(map(_is_empty, body)) and not _is_a_shape(source, function):
            yield source.finding(function, f"{function.name} does nothing")


def _prose(source: Source) -> Iterator[tuple[int, str]]:
    """Lines of a text file; of a Python file the comments and docstrings only, so that data may contain the words."""
    if not source.is_python:
        yield from enumerate(source.lines, start=1) if not source.path.endswith((".csv", ".lock", ".json")) else ()
        return
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in source.nodes:
        if isinstance(node, ast.Expr) and _is_text(node):
            yield node.lineno, ast.unparse(node)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_empty(node: ast.stmt) -> bool:
    dots = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...
    return isinstance(node, ast.Pass) or dots


def _is_a_shape(source: Source, function: ast.AST) -> bool:
    decorators = {source.full_name(each).rpartition(".")[2] for each in getattr(function, "decorator_list", [])}
    holder = getattr(function, "parent", None)
    bases = holder.bases if isinstance(holder, ast.ClassDef) else []
    protocol = any(source.full_name(_bare(base)).rpartition(".")[2] == "Protocol" for base in bases)
    return protocol or bool(decorators & {"overload", "abstractmethod"})


def _bare(base: ast.expr) -> ast.expr:
    return base.value if isinstance(base, ast.Subscript) else base


@rule(anywhere)
def nothing_names_the_machine_it_was_written_on(source: Source) -> Iterator[Finding]:
    """No host of a package registry and no path of a home or working folder in any committed file."""
    for number, text in enumerate(source.lines, start=1):
        for pattern, what in ((HOSTS, "host of a package registry"), (MACHINE_PATHS, "path of a machine")):
            if found := pattern.search(text):
                yield source.finding(number, f"{what}: {found.group(0)}")
