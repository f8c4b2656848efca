"""Pages are compressed unless they hold a secret, so that nobody can guess one from the size of an answer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.desks import HTML, Desk
from tests.app.web import Site, site_of
from tests.market_makers import Market, make_offers

PACKED = {"Accept-Encoding": "gzip"}


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


def is_packed(answer) -> bool:
    return answer.headers.get("content-encoding") == "gzip"


def test_a_public_page_is_compressed_and_says_the_same(site: Site) -> None:
    small = site.client.get("/market", headers=HTML | PACKED)
    plain = site.client.get("/market", headers=HTML | {"Accept-Encoding": "identity"})
    assert (is_packed(small), is_packed(plain)) == (True, False)
    assert small.text == plain.text
    assert int(small.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert "Accept-Encoding" in small.headers["vary"]


def test_a_page_with_the_token_of_a_form_is_never_compressed(site: Site) -> None:
    answer = site.client.get("/sign-in?next=/my", headers=HTML | PACKED)
    assert site.client.cookies["tanyi_form"]
    assert "_csrf_token" in answer.text
    assert not is_packed(answer)


def test_no_page_of_somebody_who_is_signed_in_is_compressed(site: Site) -> None:
    make_offers(site.market)
    for role, paths in {"seller": ("/my", "/sell", "/market?q=x"), "organiser": ("/my", "/listings/L100001")}.items():
        desk = Desk(site, role)
        for path in paths:
            answer = site.client.get(path, headers=desk.headers | PACKED)
            assert (answer.status_code, is_packed(answer)) == (200, False), path


def test_answers_to_programs_are_compressed_since_no_browser_sends_their_key(site: Site) -> None:
    make_offers(site.market)
    listed = site.client.get("/schema/openapi.json", headers=PACKED)
    assert is_packed(listed)
    assert listed.json()["info"]["title"] == "Tanyi"


def test_short_answers_and_pictures_stay_as_they_are(site: Site) -> None:
    assert not is_packed(site.client.get("/health", headers=PACKED))
    assert not is_packed(site.client.get("/language/en?next=/market", headers=PACKED, follow_redirects=False))


def test_a_refusal_is_answered_whole_to_whoever_takes_gzip(site: Site) -> None:
    answer = site.client.get("/nothing-here", headers=HTML | PACKED)
    assert answer.status_code == 404
    assert "<h1>" in answer.text
