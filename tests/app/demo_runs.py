"""Running the console script as a stranger would: in a process of its own, from another directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-c", "from tanyi.app.cli import main; main()"]
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Said:
    """What a command said: its exit status and both outputs."""

    status: int
    out: str
    err: str

    def refused_in_one_line(self) -> bool:
        """Exit status 2, nothing on standard output, one line on standard error that is no traceback."""
        lines = self.err.splitlines()
        return self.status == 2 and not self.out and len(lines) == 1 and lines[0].startswith("tanyi: ")


def environment(**changed: str) -> dict[str, str]:
    """This process's environment without any setting of ours but those given."""
    kept = {name: given for name, given in os.environ.items() if not name.startswith("TANYI_")}
    kept.pop("DATABASE_URL", None)
    return kept | {"PYTHONPATH": str(ROOT)} | changed


def tanyi(*words: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> Said:
    """Runs one command to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=env or environment(),
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def demo(folder: Path) -> dict[str, Any]:
    """Runs the demo into a data folder and gives its summary."""
    said = tanyi("demo", "--no-serve", "--json", "--data", folder, cwd=folder.parent)
    assert said.status == 0, said.err
    return json.loads(said.out)


def start_demo(folder: Path) -> subprocess.Popen[str]:
    """Starts the demo; its progress can be read line by line from standard error."""
    return subprocess.Popen(
        [*COMMAND, "demo", "--no-serve", "--json", "--data", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
        env=environment(),
    )
