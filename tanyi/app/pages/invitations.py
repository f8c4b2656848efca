"""The page behind the link of an invitation: a new person takes a name and a password, a known one joins."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from tanyi.app import signing_in
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces
from tanyi.app.pages.account_security import DIFFERENT
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.rendering import translate
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.app.sign_in_brake import TooManyAttempts
from tanyi.kernel import invitations, passwords
from tanyi.kernel.errors import Refusal
from tanyi.kernel.work import Reader, Work

INVITED: Final = "pages/public/invitation.html"
FIELDS = ("username", "name")
FIELD_OF: dict[type[Refusal], str] = {
    invitations.BadUserName: "username",
    invitations.UserNameTaken: "username",
    passwords.PasswordTooShort: "password",
    passwords.PasswordTooObvious: "password",
}


def told(reader: Reader, token: str, sent: TypedForm | None = None, **more: Any) -> dict[str, Any]:
    """What the page says of an invitation that may still be accepted."""
    row, party = invitations.open_by_token(reader, pieces.named(token))
    offer = {"roles": row.roles, "rights": row.rights, "jurisdiction": row.jurisdiction, "expires_at": row.expires_at}
    typed = sent.typed if sent else dict.fromkeys(FIELDS, "")
    errors = sent.errors if sent else {}
    said = {"token": token, "organisation": pieces.names(party), "offer": offer, "form": typed, "errors": errors}
    return said | {"join_error": None} | more


@get("/invitations/{token:str}", opt=access(scope="public"), sync_to_thread=True)
def invitation(
    visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], token: FromPath[str]
) -> Response[str]:
    """Who invites, to what, until when."""
    return page(visitor, INVITED, **told(reader, token))


@post("/invitations/{token:str}", opt=access(scope="public"), sync_to_thread=True)
def accept(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    token: FromPath[str],
) -> Response[Any]:
    """A new person accepts and may sign in from now on."""
    sent, password = TypedForm(form, FIELDS, visitor.locale), form.get("password", "")
    username, name = sent.text("username"), sent.text("name")
    if password != form.get("again", ""):
        sent.say("again", DIFFERENT)
    try:
        if not sent.errors:
            with house.open_work() as work:
                invitations.accept_as_new(work, token=token, username=username, password=password, name=name)
            return see_other("/sign-in?said=joined-sign-in")
    except tuple(FIELD_OF) as refusal:
        sent.say_refusal(FIELD_OF[type(refusal)], refusal)
    with house.open_reader() as reader:
        return page(visitor, INVITED, status=422, **told(reader, token, sent))


@post("/invitations/{token:str}/join", opt=access(scope="public"), sync_to_thread=True)
def join(visitor: NamedDependency[Visitor], work: NamedDependency[Work], token: FromPath[str]) -> Response[Any]:
    """Whoever is signed in joins the inviting organisation, beside the others."""
    if visitor.user is None:
        return see_other(f"/invitations/{token}")
    invitations.accept_as_member(work, token=token, user_id=visitor.user.user_id)
    return see_other("/account?said=joined")


@post("/invitations/{token:str}/join-with-password", opt=access(scope="public"), sync_to_thread=True)
def join_with_password(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    token: FromPath[str],
) -> Response[Any]:
    """Somebody who has a sign-in joins without a session: that works for who acts for no organisation any more, too."""
    username, password = form.get("username", "").strip(), form.get("password", "")
    try:
        user_id = signing_in.checked(house, request, username=username, password=password)
    except (passwords.WrongCredentials, TooManyAttempts) as wrong:
        error = translate(wrong.message, locale=visitor.locale)
        with house.open_reader() as reader:
            return page(visitor, INVITED, status=401, **told(reader, token, join_error=error))
    with house.open_work() as work:
        invitations.accept_as_member(work, token=token, user_id=user_id)
    return see_other("/sign-in?said=joined-sign-in")


ROUTES = [invitation, accept, join, join_with_password]
