"""Static files: small, kept as long as they stay the same, and nothing outside their folder."""

from __future__ import annotations

import gzip
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tanyi.app import static_files
from tanyi.app.factory import application_of
from tanyi.app.pages import rendering
from tanyi.app.static_files import ASKED_AGAIN, KEPT, accepts_gzip, address_of, file_of
from tests.app.web import BASE
from tests.market_makers import make_house

RAW = {"Accept-Encoding": "identity"}


@pytest.fixture
def client(database, tmp_path: Path) -> Iterator[TestClient[Litestar]]:
    """A stranger's browser."""
    with TestClient(application_of(make_house(database, tmp_path)), base_url=BASE) as opened:
        yield opened


def test_an_address_with_the_hash_is_kept_for_a_year_and_any_other_is_asked_for_again(client) -> None:
    assert client.get(address_of("tanyi.css")).headers["cache-control"] == KEPT
    for address in ("/static/tanyi.css", "/static/tanyi.css?v=old", "/static/tanyi.css?w=1"):
        assert client.get(address).headers["cache-control"] == ASKED_AGAIN


def test_a_file_that_the_browser_has_is_not_sent_again(client) -> None:
    first = client.get("/static/tanyi.css")
    again = client.get("/static/tanyi.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/tanyi.css", headers={"If-None-Match": 'W/"older"'}).status_code == 200


def test_text_is_sent_compressed_to_whoever_can_read_it(client) -> None:
    plain, packed = (client.get("/static/vendor/tabler.min.css", headers=each) for each in (RAW, {}))
    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 5


def test_the_head_of_a_file_says_what_its_body_would_be(client) -> None:
    whole, head = client.get("/static/tanyi.js", headers=RAW), client.head("/static/tanyi.js", headers=RAW)
    assert head.content == b""
    for name in ("content-length", "content-type", "etag", "cache-control"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "nothing.css",
        "../locale/en/LC_MESSAGES/tanyi.po",
        "%2e%2e/layout/base.html",
        "..%2flayout%2fbase.html",
        "vendor",
        "vendor/../../layout/base.html",
        "/etc/passwd",
        "%00",
        "tanyi.css%00.js",
        "x" * 5000,
    ],
)
def test_nothing_outside_the_folder_is_a_static_file(client, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_a_link_out_of_the_folder_leads_nowhere(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "static" / "link.txt").symlink_to(tmp_path / "secret.txt")
    monkeypatch.setattr(static_files, "templates_folder", lambda: tmp_path)
    assert file_of("link.txt") is None


def test_changed_content_has_another_address(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "static").mkdir()
    file = tmp_path / "static" / "a.css"
    monkeypatch.setattr(static_files, "templates_folder", lambda: tmp_path)
    file.write_text("a { color: red }")
    first = address_of("a.css")
    file.write_text("a { color: tan }")
    os.utime(file, ns=(1, 1))  # of the same size, and changed within one tick of the clock
    assert address_of("a.css") != first


def test_what_a_style_sheet_refers_to_carries_its_hash_too() -> None:
    known, drawing = file_of("tanyi.css"), file_of("chevron.svg")
    assert known is not None
    assert drawing is not None
    assert f'url("chevron.svg?v={drawing.digest}")'.encode() in known.raw
    assert known.packed is not None
    assert gzip.decompress(known.packed) == known.raw


def test_templates_carry_the_hash_without_writing_it() -> None:
    source = rendering.templates_folder() / "layout" / "base.html"
    assert 'href="/static/tanyi.css"' in source.read_text(encoding="utf-8")
    html = rendering.render("pages/public/error.html", **_frame(), status=404, message="—", code="not_found")
    assert f'href="{address_of("tanyi.css")}"' in html
    assert re.search(r"/static/vendor/icons\.svg\?v=[0-9a-f]{16}#", html)


def _frame() -> dict[str, object]:
    return {"locale": "zh", "demo": True, "user": None, "path": "/", "csrf_token": "x", "flash": []}


@pytest.mark.parametrize(
    ("accepted", "may"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, GZIP;q=0.8", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("x-gzipped", False),
    ],
)
def test_gzip_is_sent_only_to_whoever_names_it(accepted: str, may: bool) -> None:
    assert accepts_gzip(accepted) is may
