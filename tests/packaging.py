"""`make package`: the wheel carries everything. Built, installed in a fresh environment, used from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CARRIED = (
    "tanyi/kernel/_bundle/alembic/env.py",
    "tanyi/kernel/_bundle/templates/static/tanyi.css",
    "tanyi/kernel/_bundle/templates/locale/zh_Hans/LC_MESSAGES/tanyi.po",
    "tanyi/app/demo_data/projects.json",
)
PORT = 8765


def main() -> int:
    """Builds, installs, migrates, serves, asks /health."""
    with tempfile.TemporaryDirectory(prefix="tanyi-package-") as scratch:
        folder = Path(scratch)
        wheel = build(folder)
        tanyi = install(wheel, folder / "env")
        data = folder / "data"
        run([tanyi, "migrate", "--data", str(data)], folder)
        health = serve_and_ask(tanyi, data, folder)
    print(f"wheel {wheel.name}: migrate and /health from another folder: {health}")
    return 0


def build(folder: Path) -> Path:
    """The wheel, with all that it must carry and without any folder that would hide a library."""
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], ROOT)
    (wheel,) = folder.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    missing = [name for name in CARRIED if name not in names]
    stray = sorted({name.split("/")[0] for name in names} & {"alembic", "templates", "tests"})
    if missing or stray:
        raise SystemExit(f"the wheel lacks {missing} and must not hold {stray}")
    return wheel


def install(wheel: Path, environment: Path) -> str:
    """A fresh environment with the locked dependencies and the wheel; gives the console script."""
    uv = str(Path(sys.executable).with_name("uv"))
    run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)], ROOT)
    python = str(environment / "bin" / "python")
    run([uv, "pip", "install", "--quiet", "--python", python, "-r", str(ROOT / "requirements.lock")], ROOT)
    run([uv, "pip", "install", "--quiet", "--python", python, "--no-deps", str(wheel)], ROOT)
    return str(environment / "bin" / "tanyi")


def serve_and_ask(tanyi: str, data: Path, folder: Path) -> str:
    """Starts the site and waits for /health."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [tanyi, "serve", "--port", str(PORT), "--data", str(data)]
    with subprocess.Popen(command, cwd=folder, env=environment) as server:
        try:
            for _ in range(100):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/health", timeout=2) as answer:
                        return json.dumps(json.load(answer))
                except (urllib.error.URLError, ConnectionError):
                    time.sleep(0.2)
            raise SystemExit("/health did not answer within 20 s")
        finally:
            server.terminate()


def run(command: list[str], cwd: Path) -> None:
    """Runs one command; its failure is ours."""
    subprocess.run(command, cwd=cwd, check=True)


if __name__ == "__main__":
    sys.exit(main())
