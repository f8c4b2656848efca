"""Rule 2: one capability, one file, top to bottom. The tail is what rots, so the tail is capped."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.rules.registry import inside, outside, rule
from tests.house.tree import Finding, Function, Source, functions, parameters, top_functions

FILE_LINES = 400
FUNCTION_LINES = 50
VERB_LINES = 25
HANDLER_LINES = 15
ROUTE_DECORATORS = frozenset(
    {"get", "post", "put", "patch", "delete", "head", "route", "websocket", "websocket_listener", "websocket_stream"}
)


def length(function: Function) -> int:
    """Lines from `def` to the end. The decorators and the docstring do not count: saying why is free."""
    last = function.end_lineno or function.lineno
    said = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    return last - function.lineno + 1 - ((said.end_lineno or 0) - said.lineno + 1 if said else 0)


def body_length(function: Function) -> int:
    """Lines of what a function does, from the first statement to the last; neither signature nor docstring count.

    A signature of many keywords stands one to a line, which says nothing of how much the function does.
    """
    said = ast.get_docstring(function, clean=False) is not None
    done = function.body[1:] if said else function.body
    return (done[-1].end_lineno or 0) - done[0].lineno + 1 if done else 0


def is_verb(function: Function) -> bool:
    """A verb is a public function of a module whose first parameter is `work`."""
    given = parameters(function)
    return not function.name.startswith("_") and bool(given) and given[0].arg == "work"


def is_handler(source: Source, function: Function) -> bool:
    """A handler carries one of litestar's route decorators, under whatever name it was imported."""
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        origin, _, name = source.full_name(called).rpartition(".")
        if name in ROUTE_DECORATORS and origin.split(".")[0] == "litestar":
            return True
    return False


@rule()
def a_file_has_at_most_400_lines(source: Source) -> Iterator[Finding]:
    """A file has at most 400 lines."""
    if len(source.lines) > FILE_LINES:
        yield source.finding(FILE_LINES + 1, f"{len(source.lines)} lines, at most {FILE_LINES}")


@rule()
def a_function_has_at_most_50_lines(source: Source) -> Iterator[Finding]:
    """A function has at most 50 lines, its docstring not counted."""
    for function in functions(source):
        if length(function) > FUNCTION_LINES:
            yield source.finding(function, f"{function.name} has {length(function)} lines, at most {FUNCTION_LINES}")


@rule(outside("tanyi/app/"))
def a_verb_has_at_most_25_lines(source: Source) -> Iterator[Finding]:
    """The body of a verb has at most 25 lines, its docstring not counted."""
    for function in top_functions(source):
        lines = body_length(function)
        if is_verb(function) and lines > VERB_LINES:
            yield source.finding(function, f"verb {function.name} has {lines} lines, at most {VERB_LINES}")


@rule(inside("tanyi/app/"))
def a_handler_has_at_most_15_lines(source: Source) -> Iterator[Finding]:
    """The body of a handler has at most 15 lines, its docstring not counted."""
    for function in functions(source):
        lines = body_length(function)
        if is_handler(source, function) and lines > HANDLER_LINES:
            yield source.finding(function, f"handler {function.name} has {lines} lines, at most {HANDLER_LINES}")
