"""Every page in both languages on a desk and on a telephone: nothing overflows, nothing complains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser.surfing import Surfer

PUBLIC = {
    "home": "/",
    "market": "/market",
    "market-empty": "/market?type=wetland&price_to=1",
    "portfolio": "/market/desk?quantity_t=3284&ecological_percent=50&max_group_percent=40&vintage_from=2023",
    "portfolio-short": "/market/desk?quantity_t=9000000&limit_yuan=60&max_sellers=2",
    "registry": "/registry",
    "registry-serial": "/registry?q=1-1",
    "registry-nothing": "/registry?q=nothing-like-it",
    "project": "/projects/P01",
    "project-pending": "/projects/P26",
    "listing": "/listings/L100008",
    "listing-sold": "/listings/L100001",
    "rounds": "/rounds",
    "round": "/rounds/2026-1",
    "round-open": "/rounds/2026-2",
    "certificate": "/certificates/R100001",
    "certificate-duty": "/certificates/R100002",
    "registry-city": "/registry?region=130800&sort=-issued_t",
    "issuances": "/registry/issuances",
    "retirements": "/registry/retirements",
    "search": "/search?q=forest",
    "search-serial": "/search?q=HB-forestry-P01-2025-500-500",
    "search-nothing": "/search?q=nothing-like-it",
    "glossary": "/glossary",
    "style": "/style",
    "sign-in": "/sign-in",
    "docs": "/docs",
}
SIGNED_IN = {
    "seller": ("forest.listing", {"my-seller": "/my", "sell": "/sell"}),
    "firm": (
        "steel.compliance",
        {"my-firm": "/my", "duty": "/duties/D2026-B001", "bid": "/bids/B100021", "approval-own": "/approvals/A100001"},
    ),
    "reviewer": (
        "steel.review",
        {"notices": "/notices", "tasks": "/tasks", "approvals": "/approvals", "approval": "/approvals/A100001"}
        | {"contact": "/account/notices"},
    ),
    "organiser": (
        "forum.organiser",
        {"my-organiser": "/my", "buy": "/listings/L100008", "receipt": "/purchases/R100001"},
    ),
    "account": (
        "steel.review",
        {
            "account": "/account",
            "security": "/account/security",
            "password": "/account/password",
            "second-factor": "/account/second-factor",
            "sessions": "/account/sessions",
            "keys": "/account/keys",
            "people": "/account/people",
        },
    ),
    "group": ("glass.group", {"account-group": "/account"}),
    "regulator": (
        "tangshan.supervision",
        {
            "my-regulator-city": "/my?region=130200",
            "registry-area": "/registry?area=mine",
            "people-area": "/account/people",
        },
    ),
    "operator": (
        "platform.rounds",
        {
            "my-operator": "/my",
            "rounds-operator": "/rounds",
            "desk": "/operator/rounds/2026-2",
            "outbox": "/operator/messages",
        },
    ),
    "department": ("department.plans", {"my-regulator": "/my"}),
    "verifier": ("verifier.office", {"my-verifier": "/my"}),
}
FILLED_LATER = {"docs": ".opblock"}  # drawn in the browser
SIZES = pytest.mark.parametrize("width", [1280, 390])
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


@LANGUAGES
@SIZES
def test_public_pages_fit_and_complain_about_nothing(surfer: Callable[..., Surfer], language: str, width: int) -> None:
    visitor = surfer(language, width)
    too_wide: dict[str, list[str]] = {}
    for name, path in PUBLIC.items():
        visitor.visit(path).wait_for_selector(FILLED_LATER.get(name, "h1"))
        visitor.keep_picture(name)
        too_wide[name] = visitor.overflow()
    assert [name for name, found in too_wide.items() if found] == [], too_wide


@LANGUAGES
@SIZES
@pytest.mark.parametrize("role", SIGNED_IN)
def test_pages_of_every_role_fit_and_complain_about_nothing(
    surfer: Callable[..., Surfer], role: str, language: str, width: int
) -> None:
    user, paths = SIGNED_IN[role]
    visitor = surfer(language, width, user)
    too_wide: dict[str, list[str]] = {}
    for name, path in paths.items():
        visitor.visit(path)
        visitor.keep_picture(name)
        too_wide[name] = visitor.overflow()
    assert [name for name, found in too_wide.items() if found] == [], too_wide
