"""Contexts for every page, with figures of the demo province: used by the tests of the templates and for screenshots.

`pages()` gives name → (template, context). The contexts hold what the head of each template asks for, and nothing else.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from tanyi.app.pages import views_market, views_registry
from tests.app.sample_accounts import account_pages
from tests.app.sample_desks import desk_pages
from tests.app.sample_facts import (
    CERTIFICATE,
    EXPO,
    FARM,
    GLASS,
    NOON,
    STEEL,
    VERIFIER,
    frame,
    line,
    names,
    outcome,
    project,
)
from tests.app.sample_frames import FILTERS, drawn, frame_pages, mapped, shown
from tests.app.sample_members import member_pages
from tests.app.sample_neutral import neutral_pages
from tests.app.sample_portfolio import portfolio_pages


def pages() -> dict[str, tuple[str, dict[str, Any]]]:
    """name → (template, context) for every page and each of its variants."""
    pages = public_pages() | project_pages() | desk_pages() | portfolio_pages()
    return pages | frame_pages() | member_pages() | account_pages() | neutral_pages()


def public_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    latest = [
        (CERTIFICATE, 34440, STEEL, "COMPLIANCE_BENCHMARK"),
        (
            "HB-RC-2026-000016",
            119,
            names("第十二届冀中绿色论坛", "12th Green Forum of Central Hebei"),
            "VOLUNTARY_EVENT",
        ),
        ("HB-RC-2026-000015", 3410, GLASS, "COMPLIANCE_BENCHMARK"),
    ]
    home = {
        "figures": {"offered_t": 324568, "due_t": 254211, "covered_t": 254211, "retired_t": 254330}
        | {"projects": 40, "firms": 17, "certificates": 21, "rests_on_assumptions": True},
        "last_round": {"number": "2026-R1", "published_at": NOON, "quantity_t": 254211, "coverage_gap_ppm": 0}
        | {"average_price_fen": 5217, "firms": 17, "sellers": 23, "status": "optimal"},
        "as_of": NOON,
        "offered_by_price": drawn("stack"),
        "retired_by_month": drawn("columns"),
        "map": mapped(),
        "certificates": [
            {"number": number, "retired_at": NOON, "quantity_t": tonnes, "beneficiary": whose, "purpose": purpose}
            for number, tonnes, whose, purpose in latest
        ],
    }
    empty = home | {"last_round": None, "offered_by_price": None, "retired_by_month": None, "certificates": []}
    rows = [
        {
            **project(code),
            "name": project(code),
            "state": state,
            "issued_t": issued,
            "retired_t": retired,
            "offered_t": offered,
        }
        for code, state, issued, retired, offered in [
            ("P01", "ISSUED", 56120, 33672, 0),
            ("P31", "ISSUED", 26860, 16116, 1200),
            ("P15", "ISSUED", 202590, 21388, 9000),
            ("P26", "METHODOLOGY_PENDING", 0, 0, 0),
        ]
    ]
    registry = {
        "projects": shown(views_registry.PROJECTS, rows, FILTERS),
        "found_block": None,
        "by_type": drawn(),
        "by_vintage": drawn("columns"),
        "map": mapped(),
    }
    block = {"serial": "HB-FOR-P01-2025-1402001-1435672", "project_code": "P01", "state": "RETIRED", "holder": STEEL}
    found = registry | {
        "found_block": block | {"certificate": CERTIFICATE},
        "projects": shown(views_registry.PROJECTS, [], FILTERS),
    }
    listings = [line("P15", 21002, 4700), line("P31", 7744, 6200), line("P01", 22448, 5600)]
    offers = [{**each, "number": f"L-2026-00{n}"} for n, each in enumerate(listings * 9, 10)]
    market = {"listings": shown(views_market.LISTINGS, offers, FILTERS, sort="-price_fen", page="2")}
    nothing = {"listings": shown(views_market.LISTINGS, [], FILTERS)}
    return {
        "home": ("pages/public/home.html", home | frame()),
        "home-empty": ("pages/public/home.html", empty | frame() | {"demo": False}),
        "registry": ("pages/public/registry.html", registry | frame(path="/registry")),
        "registry-area": (
            "pages/public/registry.html",
            registry | frame("regulator", "/registry"),
        ),
        "registry-serial": ("pages/public/registry.html", found | frame(path="/registry")),
        "market": ("pages/public/market.html", market | frame(path="/market")),
        "market-empty": ("pages/public/market.html", nothing | frame(path="/market")),
        "sign-in": ("pages/public/sign_in.html", sign_in() | frame(path="/sign-in")),
        "sign-in-plain": ("pages/public/sign_in.html", sign_in() | {"trials": [], "error": None} | frame()),
        "docs": ("pages/public/docs.html", {"schema_url": "/schema/openapi.json"} | frame(path="/docs")),
        "error": ("pages/public/error.html", error(404) | frame()),
        **{f"error-{status}": ("pages/public/error.html", error(status) | frame()) for status in (400, 403, 409, 503)},
    }


def sign_in() -> dict[str, Any]:
    people = [("周明", "Zhou Ming", STEEL, "firm"), ("赵林", "Zhao Lin", FARM, "seller")]
    people += [
        ("陈会", "Chen Hui", EXPO, "organiser"),
        ("李衡", "Li Heng", names("碳易平台", "Tanyi platform"), "operator"),
    ]
    accounts = [
        {
            "display_name": names(zh, en),
            "organisation": whose,
            "rights": ["PREPARE", "APPROVE"],
            "username": role,
            "password": f"{role}-4821",
        }
        for zh, en, whose, role in people
    ]
    trials = [{"code": code, "accounts": accounts[at : at + 2]} for at, code in ((0, "duty"), (2, "operator"))]
    return {"next": "", "username": "", "error": None, "trials": trials}


def error(status: int) -> dict[str, Any]:
    return {"status": status, "message": "—", "code": "unavailable" if status >= 500 else "not_found"}


def project_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    course = ["SUBMITTED", "ACCEPTED", "PUBLICISED", "VALIDATED", "REGISTERED", "ISSUED"]
    steps = [
        {"state": state, "at": date(2025, 2, 10) + timedelta(days=40 * n), "is_done": True, "is_now": n == 5}
        for n, state in enumerate(course)
    ]
    figures = [
        ("A", "ha", "9200"),
        ("ΔC_PROJ", "tCO2e", "62355.56"),
        ("GHG_E", "tCO2e", "0.00"),
        ("K_RISK", "", "0.10"),
        ("CDR", "tCO2e", "56120.00"),
    ]
    report = {
        "number": "M-P01-2025",
        "period_from_on": date(2025, 1, 1),
        "period_to_on": date(2025, 12, 31),
        "vintage": 2025,
        "state": "ISSUED",
        "verified_t": 56120,
        "issued_t": 56120,
        "verifier": VERIFIER,
        "quantification": [
            {"symbol": symbol, "unit": unit, "figure": text, "exact": text, "is_exact": text != "62355.56"}
            for symbol, unit, text in figures
        ],
    }
    blocks = [
        {"serial": f"HB-FOR-P01-2025-{low}-{low + tonnes - 1}", "quantity_t": tonnes, "vintage": 2025, "state": state}
        | {"holder": holder, "certificate": certificate}
        for low, tonnes, state, holder, certificate in [
            (1402001, 17220, "RETIRED", STEEL, CERTIFICATE),
            (1419221, 16452, "LISTED", FARM, None),
            (1435673, 22448, "FREE", FARM, None),
        ]
    ]
    events = [
        (names("签发 56,120 吨", "56,120 t issued"), None),
        (names("监测报告通过核查", "Monitoring report verified"), VERIFIER),
        (names("项目登记", "Project registered"), None),
    ]
    context = {
        "project": project("P01")
        | {"state": "ISSUED", "is_methodology_pending": False, "certified_yearly_t": 56120}
        | {"pending_methodology": names("造林碳汇", "Afforestation")},
        "steps": steps,
        "places": {"held_t": 22448, "listed_t": 16452, "sold_t": 0, "retired_t": 17220, "issued_t": 56120},
        "reports": [report],
        "blocks": shown(views_registry.BLOCKS, blocks),
        "listings": [{"number": "L-2026-0012", "quantity_t": 16452, "price_fen": 5600, "vintage": 2025}],
        "events": [{"at": NOON - timedelta(days=30 * n), "title": t, "detail": d} for n, (t, d) in enumerate(events)],
    }
    waiting = [
        step | {"at": step["at"] if n < 2 else None, "is_done": n < 1, "is_now": n == 1} for n, step in enumerate(steps)
    ]
    pending = project("P26") | {"state": "METHODOLOGY_PENDING", "is_methodology_pending": True, "methodology": None}
    pending["pending_methodology"] = names("超低能耗建筑", "Ultra-low-energy buildings")
    bare = {"reports": [], "blocks": shown(views_registry.BLOCKS, []), "listings": [], "events": [], "steps": waiting}
    context_pending = context | bare | {"project": pending | {"certified_yearly_t": None}}
    selling = {"number": "L-2026-0012", "state": "OPEN", "price_fen": 5600, "quantity_t": 16452, "vintage": 2025}
    selling |= {"seller": FARM, "opened_at": NOON, "expires_at": NOON + timedelta(days=180), "is_on_sale": True}
    listing = {
        "listing": selling,
        "project": project("P01"),
        "smallest_t": 1,
        "purchase_key": "5e8c",
        "errors": {},
        "outcome": None,
        "may_buy": False,
        "only_looks": False,
        "two_persons": None,
        "form": dict.fromkeys(("quantity_t", "event_name", "event_on", "event_place", "beneficiary"), ""),
    }
    typed = {"quantity_t": "20000", "event_name": "12th Forum", "event_on": "2026-11-08", "event_place": "Shijiazhuang"}
    two_persons = {"above_fen": 10_000_000, "is_own": False}
    buying = listing | {
        "may_buy": True,
        "two_persons": two_persons,
        "form": typed | {"beneficiary": ""},
        "errors": {"quantity_t": "≤ 16,452"},
    }
    frozen = listing | {"listing": selling | {"state": "IN_ROUND", "is_on_sale": False}}
    return {
        "project": ("pages/public/project.html", context | frame(path="/registry")),
        "project-pending": ("pages/public/project.html", context_pending | frame(path="/registry")),
        "listing": ("pages/public/listing.html", listing | frame(path="/market")),
        "listing-buy": ("pages/public/listing.html", buying | frame("organiser", "/market")),
        "listing-declined": (
            "pages/public/listing.html",
            buying | {"errors": {"payment": "✗"}} | frame("organiser", "/market"),
        ),
        "listing-frozen": ("pages/public/listing.html", frozen | frame("organiser", "/market")),
        "listing-other-role": ("pages/public/listing.html", listing | frame("firm", "/market")),
        "listing-looks": ("pages/public/listing.html", listing | {"only_looks": True} | frame("organiser", "/market")),
        "listing-own": ("pages/public/listing.html", listing | {"outcome": outcome()} | frame("seller", "/market")),
    }
