"""The second pair of eyes: what waits for a decision, one act exactly as it was prepared, and yes or no."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app import approved_acts
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_approvals
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.rendering import translate
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel import approvals, parties
from tanyi.kernel.errors import N_, Conflict, Forbidden, Invalid, Refusal, Unavailable
from tanyi.kernel.thresholds import ThresholdOutOfRange
from tanyi.kernel.work import Reader, Work

MEMBERS: Final = access(*parties.ROLES, scope="own")
SAID: Final = {
    "asked": N_("Prepared. A second person of your organisation has to approve it; nothing has been done yet."),
    "begun": N_("Approved. The bank has not confirmed everything yet; it is completed by itself."),
    "done": N_("Approved and done."),
    "rejected": N_("Rejected. Whoever prepared it is told why."),
    "withdrawn": N_("Taken back. Nothing was done."),
}


@get("/approvals", opt=MEMBERS, sync_to_thread=True)
def all_approvals(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """What the organisation prepared or decides, and its threshold."""
    told = views_approvals.all_of(reader, request.query_params, visitor.actor)
    return page(visitor, "pages/member/approvals.html", **told)


@get("/approvals/{number:str}", opt=MEMBERS, sync_to_thread=True)
def one_approval(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    number: FromPath[str],
) -> Response[str]:
    """One act, exactly as it was prepared."""
    said = SAID.get(pieces.typed(request.query_params, "said"))
    flash = [{"kind": "success", "text": translate(said, locale=visitor.locale)}] if said else []
    told = views_approvals.one(reader, number, visitor.actor)
    return page(visitor, "pages/member/approval.html", flash=flash, **told)


@post("/approvals/threshold", opt=MEMBERS, sync_to_thread=True)
def ask_for_threshold(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Prepares another threshold of the own organisation; a second person lets it hold."""
    sent = TypedForm(form, ("above_yuan",), visitor.locale)
    above_fen, number = sent.price("above_yuan"), ""
    try:
        if not sent.errors:
            with house.open_work(visitor.actor) as work:
                whose = visitor.organisation_id
                number = approved_acts.ask_for_threshold(work, organisation_id=whose, above_fen=above_fen)
    except (ThresholdOutOfRange, approvals.NobodyElse) as refusal:
        sent.say_refusal("above_yuan", refusal)
    return see_other(f"/approvals/{number}?said=asked") if number else _list_again(request, house, visitor, sent)


@post("/approvals/{number:str}/approve", opt=MEMBERS, sync_to_thread=True)
def approve(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Approves what was shown and carries it out; what is refused is said, and the approval stays as it was."""
    try:
        seen = form.get("payload_sha256", "")
        approved_acts.approve(house, actor=visitor.actor, number=pieces.named(number), seen_sha256=seen)
    except Unavailable:
        return see_other(f"/approvals/{number}?said=begun")
    except (Conflict, Forbidden, Invalid) as refusal:
        return _again(house, visitor, number, refusal)
    return see_other(f"/approvals/{number}?said=done")


@post("/approvals/{number:str}/reject", opt=MEMBERS, sync_to_thread=True)
def reject(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Says no, and why."""
    sent = TypedForm(form, ("reason",), visitor.locale)
    try:
        with house.open_work(visitor.actor) as work:
            approvals.reject(work, number=pieces.named(number), reason=sent.typed["reason"])
    except (Conflict, Forbidden, Invalid) as refusal:
        return _again(house, visitor, number, refusal)
    return see_other(f"/approvals/{number}?said=rejected")


@post("/approvals/{number:str}/withdrawal", opt=MEMBERS, sync_to_thread=True)
def withdraw(work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """The preparer takes it back."""
    approvals.withdraw(work, number=pieces.named(number))
    return see_other(f"/approvals/{number}?said=withdrawn")


def _again(house: Installation, visitor: Visitor, number: str, refusal: Refusal) -> Response[str]:
    """The approval as it stands now, with what was refused beside the field it is about."""
    message = translate(refusal.message, locale=visitor.locale, **refusal.facts)
    field, status = ("reason", 422) if isinstance(refusal, Invalid) else ("decision", 409)
    with house.open_reader() as reader:
        told = views_approvals.one(reader, number, visitor.actor) | {"errors": {field: message}}
    return page(visitor, "pages/member/approval.html", status=status, path=f"/approvals/{number}", **told)


def _list_again(
    request: Request[Any, Any, Any], house: Installation, visitor: Visitor, sent: TypedForm
) -> Response[str]:
    with house.open_reader() as reader:
        told = views_approvals.all_of(reader, request.query_params, visitor.actor)
    again = told | {"form": sent.typed, "errors": sent.errors}
    return page(visitor, "pages/member/approvals.html", status=422, path="/approvals", **again)


ROUTES = [all_approvals, one_approval, ask_for_threshold, approve, reject, withdraw]
