"""The site's own files: small on the wire, and kept by the browser for as long as their content stays the same.

A template writes `/static/tanyi.css`. When it is loaded, `with_digests` puts a part of the file's hash behind the address,
and an address with the right hash may be kept for a year: new content has a new address. Any other address is asked for
again each time and answered with 304 while nothing changed. Files are public and hold no secret, so they are compressed
for everybody; each is read and compressed once, and again when it changes on disk.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from litestar import Request
from litestar.enums import HttpMethod
from litestar.handlers import route
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

import tanyi.kernel
from tanyi.kernel.errors import NotFound

PREFIX: Final = "/static/"
KEPT: Final = "public, max-age=31536000, immutable"
ASKED_AGAIN: Final = "public, no-cache"
LEVEL: Final = 9
SMALLEST_BYTES: Final = 500
TEXT_TYPES: Final = ("text/", "application/javascript", "application/json", "image/svg+xml")
IN_TEMPLATE = re.compile(r"""(?<=["'])/static/([\w./-]+\.\w+)(?=["'#])""", re.ASCII)
NEVER = re.compile(r"q=0(\.0*)?")
IN_STYLE = re.compile(rb'url\("?([\w-]+\.\w+)"?\)')


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent; `packed` is None where compressing would not help."""

    raw: bytes
    packed: bytes | None
    media_type: str
    digest: str


def templates_folder() -> Path:
    """The templates that the wheel carries, else those of the checkout."""
    kernel = Path(tanyi.kernel.__file__).parent
    bundled = kernel / "_bundle" / "templates"
    return bundled if bundled.is_dir() else kernel.parents[1] / "templates"


def with_digests(source: str) -> str:
    """The source of a template with the hash of each file behind its address; unknown files are left as they are."""
    return IN_TEMPLATE.sub(lambda found: address_of(found.group(1)), source)


def address_of(name: str) -> str:
    """The address of a file, with a part of its hash if there is such a file."""
    known = file_of(name)
    return f"{PREFIX}{name}?v={known.digest}" if known else f"{PREFIX}{name}"


def file_of(name: str) -> StaticFile | None:
    """A file below the folder of static files by its relative path, None for anything else."""
    folder = (templates_folder() / "static").resolve()
    try:
        path = (folder / name.lstrip("/")).resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            return None
        seen = path.stat()
    except (OSError, ValueError):  # a name that no file can have
        return None
    return _loaded(path, seen.st_mtime_ns, seen.st_size)


@lru_cache(maxsize=256)
def _loaded(path: Path, _changed_at_ns: int, _size: int) -> StaticFile:
    """Reads and compresses a file; the time and the size only tell one content of it from the next."""
    raw = path.read_bytes()
    if path.suffix == ".css":
        raw = IN_STYLE.sub(lambda found: _style_address(path.parent / found.group(1).decode()), raw)
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    media_type += "; charset=utf-8" if media_type.startswith("text/") else ""
    packed = None
    if media_type.startswith(TEXT_TYPES) and len(raw) >= SMALLEST_BYTES:
        packed = gzip.compress(raw, LEVEL, mtime=0)
    return StaticFile(raw, packed, media_type, hashlib.sha256(raw).hexdigest()[:16])


def _style_address(path: Path) -> bytes:
    """What a style sheet refers to beside it, with its hash."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""
    return f'url("{path.name}{f"?v={digest}" if digest else ""}")'.encode()


@route("/{file_path:path}", http_method=[HttpMethod.GET, HttpMethod.HEAD], sync_to_thread=True)
def static_file(request: Request[Any, Any, Any], file_path: FromPath[Path]) -> ASGIResponse:
    """One file: whole, compressed, or the news that the browser's own is still right."""
    known = file_of(file_path.as_posix())
    if known is None:
        raise NotFound
    is_current = request.query_params.get("v") == known.digest
    headers = {"ETag": f'W/"{known.digest}"', "Cache-Control": KEPT if is_current else ASKED_AGAIN}
    headers |= {"Vary": "Accept-Encoding", "Content-Type": known.media_type}
    if known.digest in request.headers.get("if-none-match", ""):
        return ASGIResponse(status_code=304, headers=headers)
    body = known.raw
    if known.packed is not None and accepts_gzip(request.headers.get("accept-encoding", "")):
        body, headers["Content-Encoding"] = known.packed, "gzip"
    if request.method == HttpMethod.HEAD:
        return ASGIResponse(headers=headers | {"Content-Length": str(len(body))}, is_head_response=True)
    return ASGIResponse(body=body, headers=headers)


def accepts_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` names gzip and does not forbid it."""
    for part in accepted.lower().split(","):
        coding, _, quality = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return NEVER.fullmatch(quality.replace(" ", "")) is None
    return False


ROUTES = [static_file]
