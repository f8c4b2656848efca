"""The rules of the house over the whole tree. docs/style.md says which rule stands for which sentence."""

from __future__ import annotations

import pytest

from tests.house.catalogue import RULES
from tests.house.tree import ROOT, Source, read_tree


@pytest.fixture(scope="module")
def sources() -> list[Source]:
    return read_tree()


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_tree_has_no_breach_of_the_rule(name: str, sources: list[Source]) -> None:
    found = RULES[name].findings(sources)
    assert not found, f"{RULES[name].law}\n" + "\n".join(map(str, found))


def test_the_tree_that_is_read_is_the_whole_tree(sources: list[Source]) -> None:
    paths = {source.path for source in sources}
    assert {"pyproject.toml", "README.md", "tanyi/kernel/errors.py", "tests/house/tree.py"} <= paths
    assert sum(source.is_ours for source in sources) == sum(
        "__pycache__" not in path.parts
        for package in ("tanyi", "market", "matching", "settlement")
        for path in (ROOT / package).rglob("*.py")
    )


@pytest.mark.parametrize("name", sorted(RULES))
def test_the_style_page_names_the_rule(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "style.md").read_text(encoding="utf-8")
