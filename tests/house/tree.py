"""The tree under the house rules: every file read once, with its syntax tree and the full names behind its imports.

A rule gets `Source` values and never touches the disk, so that a sabotage is only a string with a path.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("tanyi", "market", "matching", "settlement")
COMMITTED = (*PACKAGES, "templates", "alembic", "tests", "benchmarks", "docs", ".ci", ".github")
TEXT = {
    ".py",
    ".html",
    ".md",
    ".toml",
    ".txt",
    ".js",
    ".css",
    ".json",
    ".po",
    ".mako",
    ".yml",
    ".yaml",
    ".csv",
    ".lock",
    "",
}
NOT_COMMITTED = {"__pycache__", "vendor", "node_modules", "uv.lock"}


@dataclass(frozen=True)
class Finding:
    """One breach: where it is and what is wrong with it."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """One file: its path from the root with forward slashes, and its text."""

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        module = ast.parse(self.text, filename=self.path)
        for parent in ast.walk(module):
            for child in ast.iter_child_nodes(parent):
                child.parent = parent  # type: ignore[attr-defined]  rules ask what stands around a node
        return module

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node, walked once for all rules."""
        return list(ast.walk(self.tree))

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_ours(self) -> bool:
        """Whether this is a module of one of the four packages."""
        return self.is_python and self.path.split("/", 1)[0] in PACKAGES

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def package(self) -> str:
        """The package the module lives in; a package is its own."""
        return self.module if self.path.endswith("__init__.py") else self.module.rpartition(".")[0]

    @cached_property
    def imported(self) -> dict[str, str]:
        """Local name -> full dotted name, for every import anywhere in the file."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    names[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                origin = self.origin(node)
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{origin}.{alias.name}"
        return names

    def origin(self, node: ast.ImportFrom) -> str:
        """The full module name a `from … import` names, relative ones resolved."""
        if not node.level:
            return node.module or ""
        parts = self.package.split(".")
        base = parts[: len(parts) - node.level + 1]
        return ".".join([*base, node.module] if node.module else base)

    def full_name(self, node: ast.AST) -> str:
        """`dt.now` -> `datetime.datetime.now` when the file imported it so; empty for anything but a dotted name."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.imported.get(node.id, node.id), *reversed(parts)])

    def finding(self, node: ast.AST | int, message: str) -> Finding:
        return Finding(self.path, node if isinstance(node, int) else getattr(node, "lineno", 1), message)


Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def top_functions(source: Source) -> Iterator[Function]:
    """The functions a module offers: not methods, not nested ones."""
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def classes(source: Source) -> Iterator[ast.ClassDef]:
    """Every class of the file."""
    for node in source.nodes:
        if isinstance(node, ast.ClassDef):
            yield node


def around(node: ast.AST) -> Iterator[ast.AST]:
    """What stands around a node, from the inside out."""
    while (node := getattr(node, "parent", None)) is not None:  # type: ignore[assignment]
        yield node


def parameters(function: Function) -> list[ast.arg]:
    """Every parameter of a function, in order, starred ones too."""
    spec = function.args
    starred = [arg for arg in (spec.vararg, spec.kwarg) if arg is not None]
    return [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *starred]


def fields(holder: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    """The annotated fields of a class."""
    for node in holder.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node


def is_docstring(node: ast.AST) -> bool:
    """Whether a constant is text that stands alone as a statement: a docstring, also of a field."""
    return isinstance(getattr(node, "parent", None), ast.Expr)


def words(identifier: str) -> list[str]:
    """`HTTPServerError` and `http_server_error` -> http, server, error."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", identifier)
    return [word.lower() for word in spaced.split("_") if word]


def read_tree(root: Path = ROOT) -> list[Source]:
    """Every text file that belongs to the project; what git ignores is left out by name."""
    paths = [path for path in root.iterdir() if path.is_file()]
    for name in COMMITTED:
        paths += (root / name).rglob("*")
    return [
        Source(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(paths)
        if path.is_file() and path.suffix in TEXT and not NOT_COMMITTED & set(path.relative_to(root).parts)
    ]
