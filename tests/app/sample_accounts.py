"""Contexts for the account pages, the second step of signing in and the page behind an invitation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import segno

from tests.app.sample_facts import GLASS, NOON, STEEL, frame

RIGHTS = ["PREPARE", "APPROVE", "ADMINISTER"]


def account_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    """name → (template, context)."""
    return own_pages() | factor_pages() | key_pages() | people_pages() | stranger_pages()


def own_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    protection = {"changed_at": NOON, "is_enrolled": True, "codes_left": 9, "sessions": 2}
    own = {"membership_id": 3, "organisation": STEEL, "roles": ["firm"], "rights": RIGHTS, "jurisdiction": None}
    other = own | {"membership_id": 7, "organisation": GLASS, "rights": ["PREPARE"]}
    memberships = [own | {"is_acting": True}, other | {"is_acting": False}]
    session = {"number": 1, "browser": "Firefox, Windows", "organisation": STEEL, "began_at": NOON, "seen_at": NOON}
    session |= {"expires_at": NOON + timedelta(hours=12), "is_present": True}
    unknown = session | {"number": 2, "browser": "", "organisation": None, "is_present": False}
    told = {"username": "steel.compliance", "memberships": memberships, "protection": protection}
    open_ = told | {"protection": protection | {"is_enrolled": False, "codes_left": 0, "sessions": 1}}
    here = {"path": "/account/security"}
    return {
        "account": ("pages/account/overview.html", told | frame("firm", "/account")),
        "account-open": ("pages/account/overview.html", open_ | frame("regulator", "/account")),
        "security": ("pages/account/security.html", told | frame("firm") | here),
        "security-open": ("pages/account/security.html", open_ | frame("firm") | here),
        "password": ("pages/account/password.html", {"errors": {}} | frame("firm", "/account/password")),
        "password-wrong": (
            "pages/account/password.html",
            {"errors": {"current": "✗", "new": "✗", "again": "✗"}} | frame("firm", "/account/password"),
        ),
        "sessions": ("pages/account/sessions.html", {"sessions": [session, unknown]} | frame("firm")),
    }


def factor_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    picture = segno.make("otpauth://totp/Tanyi:steel?secret=ABCDEFGH&issuer=Tanyi", error="m").svg_data_uri(scale=5)
    factor = {"is_enrolled": False, "is_required": False, "is_blocked": False, "codes_left": 0, "picture": None}
    factor |= {"secret": None, "errors": {}}
    offered = factor | {"picture": picture, "secret": "ABCD EFGH IJKL MNOP", "errors": {"code": "✗"}}
    in_force = factor | {"is_enrolled": True, "codes_left": 3}
    wrong = in_force | {"errors": {"renew-code": "✗", "recovery-code": "✗", "end-code": "✗"}}
    page, here = "pages/account/second_factor.html", frame("firm", "/account/second-factor")
    codes = [f"abcd-efgh-ijkl-mn{n:02}" for n in range(10)]
    return {
        "factor": (page, factor | here),
        "factor-blocked": (page, factor | {"is_required": True, "is_blocked": True} | here),
        "factor-offered": (page, offered | here),
        "factor-renewing": (page, offered | {"is_enrolled": True, "errors": {}} | here),
        "factor-in-force": (page, in_force | here),
        "factor-required": (page, in_force | {"is_required": True, "codes_left": 10} | here),
        "factor-wrong": (page, wrong | here),
        "recovery-codes": ("pages/account/recovery_codes.html", {"codes": codes} | here),
    }


def key_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    key = {
        "number": 1,
        "name": "ERP",
        "prefix": "tanyi_3fK2a9",
        "scopes": ["read", "trade"],
        "granted_at": NOON,
    }
    key |= {"expires_at": NOON + timedelta(days=90), "used_at": NOON, "state": "IN_FORCE"}
    old = key | {"number": 2, "name": "", "expires_at": None, "used_at": None}
    rows = [key, old | {"state": "REVOKED"}, old | {"state": "EXPIRED"}]
    form = {"name": "", "expires_on": "2026-12-17", "scope_read": "yes"}
    told = {"keys": rows, "scopes": ["read", "write", "trade"], "form": form, "errors": {}, "fresh_key": None}
    told |= {"first_day": "2026-09-19", "last_day": "2027-09-18"}
    page, here = "pages/account/keys.html", frame("firm", "/account/keys")
    wrong = {"errors": {"name": "✗", "scope": "✗", "expires_on": "✗"}}
    return {
        "keys": (page, told | here),
        "keys-fresh": (page, told | {"fresh_key": "tanyi_" + "3fK2a9Qw" * 5} | here),
        "keys-wrong": (page, told | {"keys": []} | wrong | here),
    }


def people_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    member = {"number": 3, "username": "steel.compliance", "roles": ["firm"], "rights": RIGHTS}
    member |= {"name_zh": "周明", "name_en": "Zhou Ming", "jurisdiction": None, "is_self": True}
    colleague = member | {"number": 4, "username": "steel.review", "rights": [], "is_self": False}
    waiting = {"number": 1, "email": "name@example.com", "roles": ["firm"], "rights": ["APPROVE"], "jurisdiction": None}
    waiting |= {"invited_at": NOON, "expires_at": NOON + timedelta(days=7)}
    form = {"email": "", "right_PREPARE": "yes"}
    told = {"members": [member, colleague], "may_administer": True, "waiting": [waiting], "link": None}
    told |= {"roles": ["seller", "firm", "organiser"], "rights": RIGHTS, "areas": [], "form": form, "errors": {}}
    page, one, here = "pages/account/people.html", "pages/account/member.html", frame("firm", "/account/people")
    wrong = {"errors": {"email": "✗", "grant": "✗", "jurisdiction": "✗"}, "areas": ["130000", "130200"], "waiting": []}
    link = "https://example.org/invitations/" + "3fK2a9Qw" * 5
    changed = told | {"member": colleague, "form": {"role_firm": "yes"}}
    city = {"roles": ["regulator"], "areas": ["130200"], "form": {"role_regulator": "yes", "jurisdiction": "130200"}}
    return {
        "people": (page, told | here),
        "people-link": (page, told | {"link": link} | here),
        "people-wrong": (page, told | wrong | here),
        "people-plain": (page, told | {"may_administer": False, "waiting": []} | here),
        "member": (one, changed | here),
        "member-self": (one, changed | {"member": member} | city | frame("regulator", "/account/people/3")),
    }


def stranger_pages() -> dict[str, tuple[str, dict[str, Any]]]:
    offer = {"roles": ["firm"], "rights": ["PREPARE"], "jurisdiction": None, "expires_at": NOON + timedelta(days=7)}
    told = {"token": "3fK2a9Qw", "organisation": STEEL, "offer": offer, "form": {"username": "", "name": ""}}
    told |= {"errors": {}, "join_error": None}
    fields = ("name", "username", "password", "again")
    wrong = {"errors": dict.fromkeys(fields, "✗"), "join_error": "✗"}
    area = told | {"offer": offer | {"roles": ["regulator"], "jurisdiction": "130200"}}
    page, code = "pages/public/invitation.html", "pages/public/sign_in_code.html"
    return {
        "invitation": (page, told | frame()),
        "invitation-wrong": (page, told | wrong | frame()),
        "invitation-joining": (page, area | frame("organiser")),
        "sign-in-code": (code, {"next": "", "error": None} | frame(path="/sign-in/code")),
        "sign-in-code-wrong": (code, {"next": "/my", "error": "✗"} | frame(path="/sign-in/code")),
    }
