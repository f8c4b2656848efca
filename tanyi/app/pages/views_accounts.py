"""What the account pages tell: memberships and rights, the state of password and second factor, sessions, keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import segno

from tanyi.app.installation import Installation
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.pieces import Names
from tanyi.app.security import TRADING_ROLES, Visitor
from tanyi.kernel import api_keys, credentials, parties, second_factor, sessions
from tanyi.kernel.config import Settings
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Reader

USUAL_LIFE = timedelta(days=90)


def overview(reader: Reader, visitor: Visitor) -> dict[str, Any]:
    """Who is signed in, for whom, and how the account is protected."""
    person = _person(visitor)
    return {
        "username": person.username,
        "memberships": [_membership(reader, each.membership_id, person) for each in person.memberships],
        "protection": _protection(reader, visitor),
    }


def security(reader: Reader, visitor: Visitor) -> dict[str, Any]:
    """How well this account is protected."""
    return {"username": _person(visitor).username, "protection": _protection(reader, visitor)}


def must_have_factor(settings: Settings, visitor: Visitor) -> bool:
    """Whether one of this person's roles requires a second factor here."""
    return settings.second_factor == "required" and bool(_person(visitor).roles & TRADING_ROLES)


def factor(reader: Reader, visitor: Visitor, house: Installation) -> dict[str, Any]:
    """Where the second factor stands; the picture and the secret while one is offered."""
    person = _person(visitor)
    secret = second_factor.offered_secret(reader, person.user_id, house.sealing_key)
    address = second_factor.address_of(secret, person.username) if secret else ""
    return {
        "is_enrolled": second_factor.is_enrolled(reader, person.user_id),
        "is_required": must_have_factor(house.settings, visitor),
        "is_blocked": visitor.lacks_second_factor,
        "codes_left": second_factor.recovery_codes_left(reader, person.user_id),
        "picture": segno.make(address, error="m").svg_data_uri(border=2, scale=5) if secret else None,
        "secret": " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)) if secret else None,
    }


def sessions_of(reader: Reader, visitor: Visitor) -> dict[str, Any]:
    """The living sessions of this person, the present one marked."""
    person = _person(visitor)
    organisations = {each.membership_id: _names(each) for each in person.memberships}
    rows = [
        {
            "number": row.id,
            "browser": row.browser,
            "organisation": organisations.get(row.membership_id),
            "began_at": row.began_at,
            "seen_at": row.seen_at,
            "expires_at": row.expires_at,
            "is_present": row.id == visitor.session_id,
        }
        for row in sessions.of_user(reader, person.user_id)
    ]
    return {"sessions": rows}


def keys(reader: Reader, visitor: Visitor, sent: TypedForm | None = None) -> dict[str, Any]:
    """The keys of the acting membership and the form for one more."""
    blank = {"name": "", "expires_on": (reader.today + USUAL_LIFE).isoformat(), "scope_read": "yes"}
    rows = [
        {
            "number": row.id,
            "name": row.name,
            "prefix": row.prefix,
            "scopes": row.scopes,
            "granted_at": row.granted_at,
            "expires_at": row.expires_at,
            "used_at": row.used_at,
            "state": _state_of(row, reader),
        }
        for row in api_keys.of_membership(reader, _person(visitor).membership_id)
    ]
    return {
        "keys": rows,
        "scopes": list(api_keys.SCOPES),
        "form": sent.typed if sent else blank,
        "errors": sent.errors if sent else {},
        "first_day": (reader.today + timedelta(days=1)).isoformat(),
        "last_day": (reader.today + timedelta(days=366)).isoformat(),
        "fresh_key": None,
    }


def _state_of(row: api_keys.ApiKey, reader: Reader) -> str:
    if row.revoked_at is not None:
        return "REVOKED"
    return "EXPIRED" if row.expires_at is not None and row.expires_at <= reader.now else "IN_FORCE"


def _person(visitor: Visitor) -> SignedIn:
    assert visitor.user is not None, "asked for on pages of signed-in people only"
    return visitor.user


def _names(acting: parties.Acting) -> Names:
    return {"name_zh": acting.organisation_name_zh, "name_en": acting.organisation_name_en}


def _membership(reader: Reader, membership_id: int, person: SignedIn) -> dict[str, Any]:
    acting = parties.in_membership(reader, membership_id)
    assert acting is not None, "a membership of whoever is signed in has not ended"
    return {
        "membership_id": membership_id,
        "organisation": {"name_zh": acting.organisation_name_zh, "name_en": acting.organisation_name_en},
        "roles": sorted(acting.roles),
        "rights": [right for right in parties.RIGHTS if right in acting.rights],
        "jurisdiction": acting.jurisdiction,
        "is_acting": membership_id == person.membership_id,
    }


def _protection(reader: Reader, visitor: Visitor) -> dict[str, Any]:
    user_id = _person(visitor).user_id
    return {
        "changed_at": credentials.changed_at(reader, user_id),
        "is_enrolled": second_factor.is_enrolled(reader, user_id),
        "codes_left": second_factor.recovery_codes_left(reader, user_id),
        "sessions": len(sessions.of_user(reader, user_id)),
    }
