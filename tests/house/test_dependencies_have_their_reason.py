"""Decision 0005: a dependency enters with its reason, and leaves the page when it leaves the project."""

from __future__ import annotations

import json
import re
import tomllib

from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "decisions" / "0005-dependencies.md"
NAME = re.compile(r"[A-Za-z0-9._-]+")


def declared() -> set[str]:
    """Every package that pyproject.toml and package.json name, for running, developing and the front end."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    asked = [*project["project"]["dependencies"], *groups["dev"], *groups["bench"]]
    front_end = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return {NAME.match(line).group() for line in asked} | set(front_end)


def explained() -> set[str]:
    """Every package that stands in the first column of a table of the page."""
    rows = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_dependency_has_its_reason_and_no_reason_is_left_over() -> None:
    assert explained() == declared()
