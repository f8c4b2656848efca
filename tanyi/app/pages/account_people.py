"""The people of an organisation, for its administrators: whom to invite, who may do what, who goes."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_people
from tanyi.app.pages.account import flash_of
from tanyi.app.pages.account_overview import SIGNED_IN
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.security import Form, Visitor, page, see_other
from tanyi.kernel import invitations, members, parties
from tanyi.kernel.errors import Refusal
from tanyi.kernel.work import Reader, Work

PEOPLE: Final = "pages/account/people.html"
MEMBER: Final = "pages/account/member.html"
GRANTED = ("jurisdiction", *(f"role_{role}" for role in parties.ROLES), *(f"right_{right}" for right in parties.RIGHTS))
FIELD_OF: dict[type[Refusal], str] = {
    invitations.NotAnAddress: "email",
    invitations.TooManyInvitations: "email",
    members.RolesDoNotFit: "grant",
    members.OutsideJurisdiction: "jurisdiction",
    members.LastAdministrator: "grant",
}


@get("/account/people", opt=SIGNED_IN, sync_to_thread=True)
def people_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """Who acts for the organisation; its administrators see the form for an invitation, too."""
    return page(visitor, PEOPLE, flash=flash_of(request, visitor), **views_people.people(reader, visitor))


@post("/account/people", opt=SIGNED_IN, sync_to_thread=True)
def invite(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[str]:
    """Invites somebody by e-mail and shows the link, this once, to be passed on."""
    sent = TypedForm(form, ("email", *GRANTED), visitor.locale)
    link = None
    try:
        with house.open_work(visitor.actor) as work:
            own_id, email, grant = visitor.organisation_id, sent.text("email"), _grant(sent)
            given = {"email": email, "grant": grant, "language": visitor.locale}
            token = invitations.invite(work, organisation_id=own_id, **given)
            link = f"{house.settings.public_url}/invitations/{token}"
    except tuple(FIELD_OF) as refusal:
        sent.say_refusal(FIELD_OF[type(refusal)], refusal)
    with house.open_reader() as reader:
        told = views_people.people(reader, visitor, sent=None if link else sent, link=link)
    return page(visitor, PEOPLE, status=200 if link else 422, path="/account/people", **told)


def _grant(sent: TypedForm) -> members.Grant:
    return members.Grant(
        roles=[role for role in parties.ROLES if sent.typed[f"role_{role}"]],
        rights=[right for right in parties.RIGHTS if sent.typed[f"right_{right}"]],
        jurisdiction=sent.typed["jurisdiction"] or None,
    )


@post("/account/invitations/{number:str}/withdraw", opt=SIGNED_IN, sync_to_thread=True)
def withdraw(visitor: NamedDependency[Visitor], work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Takes an invitation of the own organisation back."""
    invitations.withdraw(work, organisation_id=visitor.organisation_id, invitation_id=pieces.id_of(number))
    return see_other("/account/people?said=invitation-withdrawn")


@get("/account/people/{number:str}", opt=SIGNED_IN, sync_to_thread=True)
def member_page(
    visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]
) -> Response[str]:
    """What one member may do, to be changed by an administrator."""
    return page(visitor, MEMBER, **views_people.member(reader, visitor, pieces.id_of(number)))


@post("/account/people/{number:str}", opt=SIGNED_IN, sync_to_thread=True)
def change(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Gives a member other roles, rights or another area."""
    sent, membership_id = TypedForm(form, GRANTED, visitor.locale), pieces.id_of(number)
    try:
        with house.open_work(visitor.actor) as work:
            own_id, grant = visitor.organisation_id, _grant(sent)
            members.change(work, organisation_id=own_id, membership_id=membership_id, grant=grant)
    except tuple(FIELD_OF) as refusal:
        sent.say_refusal(FIELD_OF[type(refusal)], refusal)
        with house.open_reader() as reader:
            return page(visitor, MEMBER, status=422, **views_people.member(reader, visitor, membership_id, sent))
    return see_other("/account/people?said=member-changed")


@post("/account/people/{number:str}/remove", opt=SIGNED_IN, sync_to_thread=True)
def remove(visitor: NamedDependency[Visitor], work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Ends a membership at once."""
    members.remove(work, organisation_id=visitor.organisation_id, membership_id=pieces.id_of(number))
    return see_other("/account/people?said=member-removed")


ROUTES = [people_page, invite, withdraw, member_page, change, remove]
