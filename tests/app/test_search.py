"""The search: numbers lead straight there, words are escaped, and nobody finds what they may not see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app.desks import HTML, Desk
from tests.app.web import Site, run_everything, site_of
from tests.market_makers import Market

SOMEBODY = {"firm": "D2026-B001", "regulator": "D2026-B002"}


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a market in which a round was settled."""
    run_everything(market)
    with site_of(market) as opened:
        yield opened


def found(site: Site, asked: str, role: str | None = None) -> str:
    """Where a search leads, or what its page says."""
    headers = site.cookie(site.session(role)) | HTML if role else HTML
    answer = site.client.get("/search", params={"q": asked}, headers=headers, follow_redirects=False)
    assert answer.status_code in (200, 303), answer.text[:300]
    return answer.headers["location"] if answer.status_code == 303 else answer.text


@pytest.mark.parametrize(
    ("asked", "address"),
    [
        ("P01", "/projects/P01"),
        ("p01", "/projects/P01"),
        (" L100001 ", "/listings/L100001"),
        ("2026-1", "/rounds/2026-1"),
        ("r100001", "/certificates/R100001"),
    ],
)
def test_a_number_leads_straight_to_what_it_names(site: Site, asked: str, address: str) -> None:
    assert found(site, asked) == address


@pytest.mark.parametrize("asked", ["HB-forestry-P01-2025-500-500", "500-500", "500"])
def test_any_serial_inside_a_block_finds_the_block(site: Site, asked: str) -> None:
    page = found(site, asked).replace("<wbr>", "")
    assert "HB-forestry-P01-2025-1-" in page
    assert "/certificates/R1000" in page


def test_words_find_projects_organisations_and_listings_in_groups(site: Site) -> None:
    page = found(site, "Demo")
    assert page.count('class="panel found"') >= 2
    assert "/projects/P01" in page
    assert "/projects/P02" in page


def test_a_duty_is_found_by_its_firm_and_by_the_department_alone(site: Site) -> None:
    assert found(site, "D2026-B001", "firm") == "/duties/D2026-B001"
    assert found(site, "D2026-B002", "regulator") == "/duties/D2026-B002"
    for role, asked in (
        ("firm", "D2026-B002"),
        ("seller", "D2026-B001"),
        (None, "D2026-B001"),
        ("operator", "D2026-B001"),
    ):
        assert "/duties/" not in found(site, asked, role), (role, asked)
    assert "/duties/D2026-B001" in found(site, "D2026", "firm")
    assert "/duties/D2026-B002" not in found(site, "D2026", "firm")


def test_no_sign_in_name_and_no_person_is_found(site: Site, market: Market) -> None:
    for secret in ("Zhou Ming", "周明", "e01.office", "firm"):
        page = found(site, secret, "regulator")
        assert 'class="panel found"' not in page, secret


@pytest.mark.parametrize(
    "asked",
    ["%", "_", "%%", "__", "\\", "'; DROP TABLE x; --", "%00", "a" * 5000, "١٢", "９９", "99999999999999999999"],
)
def test_a_pattern_is_taken_as_it_is_written(site: Site, asked: str) -> None:
    assert 'class="panel found"' not in found(site, asked)


def test_a_search_that_finds_nothing_helps(site: Site) -> None:
    page = found(site, "nothing-like-it")
    for help_ in ("/search?q=P01", "/search?q=2026-1", "/registry", "/glossary", "/sign-in?next="):
        assert help_ in page


def test_an_organisation_shows_no_more_than_its_public_facts(site: Site) -> None:
    page = found(site, "Demo E02", "seller")
    assert "D2026-B002" not in page


def test_what_is_searched_for_stays_in_the_field_and_is_escaped(site: Site) -> None:
    page = Desk(site, "firm").get("/search?q=<script>alert(1)</script>").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
