"""What holds for the tests themselves: each is a sentence, none is skipped."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.rules.registry import rule
from tests.house.tree import Finding, Source, functions

SKIPS = frozenset(
    {
        "pytest.skip",
        "pytest.importorskip",
        "pytest.xfail",
        "pytest.mark.skip",
        "pytest.mark.skipif",
        "pytest.mark.xfail",
    }
    | {"unittest.skip", "unittest.skipIf", "unittest.skipUnless", "unittest.SkipTest", "unittest.expectedFailure"}
)


def is_test(source: Source) -> bool:
    """A file below tests/."""
    return source.is_python and source.path.startswith("tests/")


@rule(is_test)
def a_test_is_a_sentence(source: Source) -> Iterator[Finding]:
    """A test's name has at least four words, `test` among them: it reads as the promise it keeps."""
    for function in functions(source):
        if function.name.startswith("test_") and len([word for word in function.name.split("_") if word]) < 4:
            yield source.finding(function, f"{function.name} is not a sentence")


@rule(is_test)
def no_test_is_skipped(source: Source) -> Iterator[Finding]:
    """No skip, xfail or importorskip: a skipped test counts as a failure."""
    for node in source.nodes:
        if isinstance(node, ast.Attribute | ast.Name) and source.full_name(node) in SKIPS:
            yield source.finding(node, f"{source.full_name(node)}: a skipped test counts as a failure")
