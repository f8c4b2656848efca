"""The live route table as addresses: which route an address belongs to, and which pages there are to reach."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import PurePath
from urllib.parse import parse_qsl, urlsplit

from tanyi.app.factory import application
from tanyi.app.security import handlers_of, is_api


@dataclass(frozen=True)
class Route:
    """One path of the table; `literals` says which of its parts are fixed, for the closest match."""

    path: str
    reads: re.Pattern[str]
    literals: tuple[bool, ...]


@cache
def routes() -> list[Route]:
    """Every path that can be read with GET, those with the most fixed parts first."""
    app = application()
    readable = {path for path, method, _ in handlers_of(app) if method == "GET"}
    found = {route.path_format: route for route in app.routes if route.path_format in readable}
    table = [_route(path, route.path_components) for path, route in found.items()]
    return sorted(table, key=lambda route: [not literal for literal in route.literals])


def _route(path: str, parts: list[object]) -> Route:
    texts = [re.escape(part) if isinstance(part, str) else _any(part) for part in parts]
    return Route(path, re.compile("/" + "/".join(texts)), tuple(isinstance(part, str) for part in parts))


def _any(part: object) -> str:
    is_path = issubclass(getattr(part, "type", str), PurePath)
    return ".+" if is_path else "[^/]+"


def page_routes() -> set[str]:
    """The paths that people look at: not the API's, not files."""
    return {route.path for route in routes() if not is_api(route.path + "/") and not route.path.startswith("/static/")}


def route_of(address: str) -> str | None:
    """The route that an address of this site leads to, None if there is none."""
    path = urlsplit(address).path or "/"
    return next((route.path for route in routes() if route.reads.fullmatch(path)), None)


def shape_of(address: str) -> tuple[str | None, str, tuple[str, ...]]:
    """What makes an address like another: the route, the ending of the file, the questions that the query asks."""
    parts = urlsplit(address)
    ending = parts.path.rpartition("/")[2].rpartition(".")[2] if "." in parts.path else ""
    asked = tuple(sorted({name for name, value in parse_qsl(parts.query) if value}))
    return route_of(address), ending, asked
