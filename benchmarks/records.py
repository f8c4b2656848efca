"""What was measured, kept: one JSON file per section with the machine, the day and the runs, one run a line."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

Runs = list[dict[str, Any]]
PACKAGES = ("ortools", "numpy", "scipy")


def machine() -> dict[str, Any]:
    """What the figures depend on beside the program."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9),
        "model": _model(),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def store(folder: Path, key: str, runs: Runs, **facts: Any) -> None:
    """Writes a section's figures. `facts` are its settings."""
    head = {"section": key, "on": datetime.now(UTC).date().isoformat(), "machine": machine(), **facts}
    lines = ",\n".join(f"  {json.dumps(run, ensure_ascii=False)}" for run in runs)
    opening = json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{key}.json").write_text(f'{opening},\n "runs": [\n{lines}\n ]\n}}\n', encoding="utf-8")


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """Every section that was measured, by its key."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
