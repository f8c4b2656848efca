"""What members hear and have to do: notices, tasks with their days, and how they want to be reached."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app import wording
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_notices
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.rendering import LANGUAGES, translate
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel import messages, notices, parties
from tanyi.kernel.errors import N_
from tanyi.kernel.messages import EMAIL, SMS, Wish
from tanyi.kernel.work import Reader, Work

MEMBERS: Final = access(*parties.ROLES, scope="own")
WAYS: Final = {"email": EMAIL, "sms": SMS}
BOXES: Final = {(way, kind): f"{way}:{kind}" for way in WAYS for kind in wording.CHOSEN_KINDS}
FIELDS: Final = ("email", "mobile", "language", *BOXES.values())
NOT_AN_EMAIL = N_("Write one e-mail address, such as name@example.org.")
NOT_A_MOBILE = N_("Write one mobile number in figures, with + and the country's code if it is not Chinese.")
NO_ADDRESS = N_("Fill in the address, or choose nothing that is sent to it.")
KEPT = N_("Kept. What happens from now on reaches you as you chose.")


@get("/notices", opt=MEMBERS, sync_to_thread=True)
def all_notices(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """The own notices, newest first."""
    told = views_notices.notice_list(reader, request.query_params, **_own(visitor))
    return page(visitor, "pages/member/notices.html", **told)


@post("/notices/read", opt=MEMBERS, sync_to_thread=True)
def read_all(visitor: NamedDependency[Visitor], work: NamedDependency[Work]) -> Redirect:
    """Marks everything as read."""
    notices.mark_all_read(work, **_own(visitor))
    return see_other("/notices")


@post("/notices/{notice:int}/read", opt=MEMBERS, sync_to_thread=True)
def open_notice(visitor: NamedDependency[Visitor], work: NamedDependency[Work], notice: FromPath[int]) -> Redirect:
    """Marks one as read and goes where it leads."""
    return see_other(notices.mark_read(work, notice_id=notice, **_own(visitor)).address)


@get("/tasks", opt=MEMBERS, sync_to_thread=True)
def all_tasks(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """What the organisation has to do, the nearest day first."""
    whose = {"organisation_id": visitor.organisation_id, "rights": reach_of(visitor)}
    return page(visitor, "pages/member/tasks.html", **views_notices.task_list(reader, request.query_params, **whose))


@get("/account/notices", opt=MEMBERS, sync_to_thread=True)
def contact(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """Where the reader is reached, and for what."""
    told = views_notices.contact(reader, _own(visitor)["user_id"], visitor.locale)
    is_kept = pieces.typed(request.query_params, "said") == "kept"
    flash = [{"kind": "success", "text": translate(KEPT, locale=visitor.locale)}] if is_kept else []
    return page(visitor, "pages/member/contact.html", flash=flash, **told)


@post("/account/notices", opt=MEMBERS, sync_to_thread=True)
def keep_contact(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[Any]:
    """Keeps it; what is wrong is said beside its field."""
    sent = TypedForm(form, FIELDS, visitor.locale)
    chosen = {by: [kind for kind in wording.CHOSEN_KINDS if sent.typed[BOXES[way, kind]]] for way, by in WAYS.items()}
    wish = _wish(sent, chosen)
    if sent.errors:
        told = {"form": sent.typed, "errors": sent.errors, "kinds": views_notices.kinds_of(chosen)}
        return page(visitor, "pages/member/contact.html", status=422, path="/account/notices", **told)
    with house.open_work(visitor.actor) as work:
        messages.keep_contact(work, user_id=_own(visitor)["user_id"], wish=wish)
    return see_other("/account/notices?said=kept")


def reach_of(visitor: Visitor) -> frozenset[str]:
    """The rights and roles that a task can need: what the reader sees of the organisation's tasks."""
    return visitor.actor.rights | visitor.actor.roles


def _own(visitor: Visitor) -> dict[str, int]:
    assert visitor.user is not None, "only a route for members asks this"
    return {"user_id": visitor.user.user_id, "organisation_id": visitor.organisation_id}


def _wish(sent: TypedForm, chosen: dict[str, list[str]]) -> Wish:
    for field, by, wrong in (("email", EMAIL, NOT_AN_EMAIL), ("mobile", SMS, NOT_A_MOBILE)):
        address = sent.typed[field]
        if not address and chosen[by]:
            sent.say(field, NO_ADDRESS)
        elif address and not messages.is_address(by, address):
            sent.say(field, wrong)
    language = sent.typed["language"] if sent.typed["language"] in LANGUAGES else sent.locale
    return Wish(
        email=sent.typed["email"] or None,
        mobile=sent.typed["mobile"] or None,
        language=language,
        email_kinds=chosen[EMAIL],
        sms_kinds=chosen[SMS],
    )


ROUTES = [all_notices, read_all, open_notice, all_tasks, contact, keep_contact]
