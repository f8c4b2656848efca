"""Members: whom an organisation lets act for it, changed by its own administrators and by nobody else.

An administrator gives roles that the kind of the organisation allows and any rights, and a jurisdiction no wider than the
own one. The last administrator can neither go nor lose that right, or nobody could ever invite again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import any_, select

from tanyi.kernel.errors import N_, Conflict, Forbidden, Invalid, NotFound
from tanyi.kernel.identity import covers
from tanyi.kernel.parties import ADMINISTER, RIGHTS, ROLES_OF_KIND, Membership, Organisation
from tanyi.kernel.work import Reader, Work


class NotAnAdministrator(Forbidden):
    """Only who administers an organisation invites to it and changes what its people may do."""

    code = "members.not_an_administrator"
    message = N_("Only an administrator of this organisation may do this.")


class LastAdministrator(Conflict):
    """Without this person nobody could administer the organisation."""

    code = "members.last_administrator"
    message = N_("This is the last administrator. Make somebody else an administrator first.")


class RolesDoNotFit(Invalid):
    """No role at all, a role that this kind of organisation cannot have, or a right that there is not."""

    code = "members.roles_do_not_fit"
    message = N_("Choose at least one role and one right that this organisation can give.")


class OutsideJurisdiction(Forbidden):
    """The area is no part of the administrator's own."""

    code = "members.outside_jurisdiction"
    message = N_("You can give no area beyond your own.")


@dataclass(frozen=True)
class Grant:
    """What somebody may do for an organisation."""

    roles: Collection[str]
    rights: Collection[str]
    jurisdiction: str | None = None


def refuse_unless_administrator(work: Work, *, organisation_id: int) -> None:
    """Whoever acts administers this organisation, now: it is asked of the row and not only of the session."""
    is_claimed = work.actor.organisation_id == organisation_id and ADMINISTER in work.actor.rights
    if not is_claimed or not administers(work, work.actor.user_id, organisation_id):
        raise NotAnAdministrator


def administers(reader: Reader, user_id: int | None, organisation_id: int) -> bool:
    """Whether this user is an administrator of this organisation."""
    return any(member.user_id == user_id for member in _administrators(reader, organisation_id))


def refuse_unless_grantable(work: Work, *, organisation_id: int, grant: Grant) -> None:
    """Roles and rights that the organisation's kind can have, and an area within the administrator's own."""
    kind = work.session.get_one(Organisation, organisation_id).kind
    is_fitting = set(grant.roles) <= set(ROLES_OF_KIND[kind]) and set(grant.rights) <= set(RIGHTS)
    if not (is_fitting and grant.roles and grant.rights):
        raise RolesDoNotFit
    if grant.jurisdiction is None:
        return
    own = _membership(work, organisation_id, user_id=work.actor.user_id).jurisdiction
    if own is None or not covers(own, grant.jurisdiction):
        raise OutsideJurisdiction


def change(work: Work, *, organisation_id: int, membership_id: int, grant: Grant) -> None:
    """Gives a member other roles, rights or another area, from the next request on."""
    refuse_unless_administrator(work, organisation_id=organisation_id)
    refuse_unless_grantable(work, organisation_id=organisation_id, grant=grant)
    member = _membership(work, organisation_id, membership_id=membership_id)
    if ADMINISTER not in grant.rights:
        _refuse_if_last(work, member)
    member.roles, member.rights = sorted(grant.roles), sorted(grant.rights)
    member.jurisdiction = grant.jurisdiction
    said = {"roles": member.roles, "rights": member.rights, "jurisdiction": member.jurisdiction}
    work.record("membership.changed", user=f"user-{member.user_id}", organisation=str(organisation_id), **said)


def remove(work: Work, *, organisation_id: int, membership_id: int) -> None:
    """Ends a membership: its sessions and keys stop with the next request."""
    refuse_unless_administrator(work, organisation_id=organisation_id)
    member = _membership(work, organisation_id, membership_id=membership_id)
    _refuse_if_last(work, member)
    member.ended_at = work.now
    work.record("membership.ended", user=f"user-{member.user_id}", organisation=str(organisation_id))


def _refuse_if_last(work: Work, member: Membership) -> None:
    """All administrators are locked in one order, so that two cannot remove each other at the same moment."""
    others = [row for row in _administrators(work, member.organisation_id, is_locked=True) if row.id != member.id]
    if ADMINISTER in member.rights and not others:
        raise LastAdministrator


def _administrators(reader: Reader, organisation_id: int, *, is_locked: bool = False) -> list[Membership]:
    query = select(Membership).where(
        Membership.organisation_id == organisation_id,
        Membership.ended_at.is_(None),
        any_(Membership.rights) == ADMINISTER,
    )
    query = query.order_by(Membership.id)
    if is_locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return list(reader.session.scalars(query))


def _membership(
    work: Work, organisation_id: int, *, membership_id: int | None = None, user_id: int | None = None
) -> Membership:
    query = select(Membership).where(Membership.organisation_id == organisation_id, Membership.ended_at.is_(None))
    query = query.where(Membership.id == membership_id if membership_id is not None else Membership.user_id == user_id)
    found = work.session.scalar(query)
    if found is None:
        raise NotFound
    return found
