"""What the page of an organisation's people tells: members, waiting invitations, and what may be granted."""

from __future__ import annotations

from typing import Any

from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.security import Visitor
from tanyi.kernel import invitations, parties
from tanyi.kernel.errors import NotFound
from tanyi.kernel.identity import PROVINCE, REGIONS, covers
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Reader


def people(reader: Reader, visitor: Visitor, sent: TypedForm | None = None, link: str | None = None) -> dict[str, Any]:
    """Members and, for an administrator, invitations and the form for one more."""
    own_id = visitor.organisation_id
    may_administer = parties.ADMINISTER in visitor.actor.rights
    waiting = invitations.waiting(reader, own_id) if may_administer else []
    return {
        "members": [_member(each, visitor) for each in parties.users_of(reader, own_id)],
        "may_administer": may_administer,
        "waiting": [_waiting(row) for row in waiting],
        "link": link,
        **_form(reader, visitor, sent, {"email": "", "right_PREPARE": "yes"}),
    }


def member(reader: Reader, visitor: Visitor, number: int, sent: TypedForm | None = None) -> dict[str, Any]:
    """One member of the own organisation, for an administrator; anybody else's does not exist."""
    ours = {each.membership_id: each for each in parties.users_of(reader, visitor.organisation_id)}
    if number not in ours or parties.ADMINISTER not in visitor.actor.rights:
        raise NotFound
    found = ours[number]
    granted = {f"role_{role}": "yes" for role in found.roles} | {f"right_{right}": "yes" for right in found.rights}
    granted["jurisdiction"] = found.jurisdiction or ""
    return {"member": _member(found, visitor), **_form(reader, visitor, sent, granted)}


def _form(reader: Reader, visitor: Visitor, sent: TypedForm | None, blank: dict[str, str]) -> dict[str, Any]:
    party = parties.organisations(reader, {visitor.organisation_id})[visitor.organisation_id]
    roles = parties.ROLES_OF_KIND[party.kind]
    own = visitor.user.jurisdiction if visitor.user else None
    if len(roles) == 1:
        blank = {f"role_{roles[0]}": "yes"} | blank
    return {
        "roles": list(roles),
        "rights": list(parties.RIGHTS),
        "areas": [code for code in (PROVINCE, *REGIONS) if covers(own, code)] if own else [],
        "form": sent.typed if sent else blank,
        "errors": sent.errors if sent else {},
    }


def _member(found: SignedIn, visitor: Visitor) -> dict[str, Any]:
    return {
        "number": found.membership_id,
        "name_zh": found.name_zh,
        "name_en": found.name_en,
        "username": found.username,
        "roles": sorted(found.roles),
        "rights": [right for right in parties.RIGHTS if right in found.rights],
        "jurisdiction": found.jurisdiction,
        "is_self": visitor.user is not None and found.user_id == visitor.user.user_id,
    }


def _waiting(row: invitations.Invitation) -> dict[str, Any]:
    return {
        "number": row.id,
        "email": row.email,
        "roles": row.roles,
        "rights": [right for right in parties.RIGHTS if right in row.rights],
        "jurisdiction": row.jurisdiction,
        "invited_at": row.invited_at,
        "expires_at": row.expires_at,
    }
