"""The banned names, and what every module, function and class says of itself (rule 14)."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.rules.registry import rule
from tests.house.tree import Finding, Source, classes, functions, top_functions, words

BANNED_WORDS = frozenset({"util", "utils", "helper", "helpers", "common", "manager"})
BANNED_NAMES = frozenset({"process", "processor"})


@rule(lambda source: source.is_python)
def no_banned_name(source: Source) -> Iterator[Finding]:
    """No module, function or class is called utils, helpers, common, manager, process or do_….

    `process` is banned as a whole name only: an operating system's process may be named. A test is a sentence and may
    use any word. Pinyin and unknown
    abbreviations cannot be told from words by a program; review holds that half of the rule.
    """
    for part in source.path.removesuffix(".py").split("/"):
        if _is_banned(part):
            yield source.finding(1, f"module name {part}")
    for node in (*functions(source), *classes(source)):
        if _is_banned(node.name) and not node.name.startswith("test_"):
            yield source.finding(node, f"name {node.name}")


def _is_banned(name: str) -> bool:
    parts = words(name)
    return bool(BANNED_WORDS & set(parts)) or name.lower() in BANNED_NAMES or (parts[:1] == ["do"] and len(parts) > 1)


@rule()
def a_module_says_what_it_is(source: Source) -> Iterator[Finding]:
    """Every module begins with a docstring: the concept in the words of the regulation, or what the floor holds."""
    if ast.get_docstring(source.tree) is None:
        yield source.finding(1, "no module docstring")


@rule()
def what_is_public_has_a_docstring(source: Source) -> Iterator[Finding]:
    """Every public function and class of a module has a docstring.

    Methods are left to judgement; a function whose name is a sentence of four words or more has said it already.
    """
    for node in (*top_functions(source), *classes(source)):
        if isinstance(node, ast.ClassDef) and node not in source.tree.body:
            continue
        is_sentence = not isinstance(node, ast.ClassDef) and len(words(node.name)) > 3
        if not node.name.startswith("_") and not is_sentence and ast.get_docstring(node) is None:
            yield source.finding(node, f"{node.name} has no docstring")
