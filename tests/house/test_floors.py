"""Rule 1: imports point down. import-linter holds the contracts; here it runs, and is shown to bite.

A copy of the tree gets one forbidden import after the other; the contract it breaks must be reported each time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import PACKAGES, ROOT

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]

# contract id -> the module that gets an import it may not have, and the import; every `tables-of-…` is planted alike
PLANTED = {
    "floors": ("tanyi/kernel/clock.py", "market.trading"),
    "rooms-of-matching": ("matching/problem.py", "matching.tables"),
    "matching-is-pure": ("matching/goals.py", "tanyi.kernel.clock"),
    "matching-without-solver": ("matching/checker.py", "ortools"),
    "checker-stands-alone": ("matching/checker.py", "matching.goals"),
    "methodologies-stand-alone": (
        "market/registry/methodologies/wind.py",
        "market.registry.methodologies.afforestation",
    ),
    "gateway-is-another-house": ("settlement/gateway/sdk.py", "tanyi.kernel.quantities"),
    "web-stays-at-the-edge": ("tanyi/ledger/blocks.py", "litestar"),
}
STRANGER = "tanyi/app/assets.py"


def planted(contract: dict[str, Any]) -> tuple[str, str]:
    """Where to plant a breach of a contract, and which import."""
    if contract["id"].startswith("tables-of-"):
        return STRANGER, contract["protected_modules"][0]
    return PLANTED[contract["id"]]


def lint(root: Path) -> subprocess.CompletedProcess[str]:
    """lint-imports over the packages below `root`, as a program, so that it finds those and not ours."""
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copied")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "_bundle"))
    return root


def test_every_import_of_the_tree_points_down() -> None:
    report = lint(ROOT)
    assert report.returncode == 0, report.stdout + report.stderr


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract["id"])
def test_a_planted_import_breaks_its_contract(contract: dict[str, Any], copied: Path) -> None:
    path, imported = planted(contract)
    file = copied / path
    before = file.read_text(encoding="utf-8")
    file.write_text(f"{before}\nimport {imported}\n", encoding="utf-8")
    try:
        report = lint(copied)
    finally:
        file.write_text(before, encoding="utf-8")
    assert report.returncode == 1, report.stdout + report.stderr
    assert f"{contract['name']} BROKEN" in report.stdout


def test_every_module_stands_on_a_floor() -> None:
    floors = next(contract for contract in CONTRACTS if contract["id"] == "floors")["layers"]
    known = [floor.strip("()").replace(".", "/") for floor in floors]
    homeless = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if not any(path.is_relative_to(ROOT / floor) for floor in known)
    ]
    assert sorted(homeless) == ["market/__init__.py", "tanyi/__init__.py"]
