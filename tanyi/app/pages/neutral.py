"""The way into neutrality for an event, open to everybody: what it is, the facts, the calculator, and the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect

from settlement.neutrality import calculations, events
from tanyi.app import event_sheets
from tanyi.app.installation import Installation
from tanyi.app.pages import calculator_page, event_facts, views_neutral
from tanyi.app.pages.event_facts import Asked
from tanyi.app.pages.exports import here
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.pages.pieces import typed
from tanyi.app.pages.sent import SENT, Sent, sent_of_query
from tanyi.app.pages.views_events import steps
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.app.signing_in import session_cookie
from tanyi.app.spreadsheets import XLSX_TYPE
from tanyi.kernel import guests, sessions
from tanyi.kernel.clock import civil_date, system_clock
from tanyi.kernel.errors import N_, Refusal
from tanyi.kernel.work import Reader, Work

LONGEST_ADDRESS: Final = 6000
MAY_ORGANISE: Final = ("firm", "organiser")  # whoever may enter an event of its own (clause 2(3))
NOT_AN_ORGANISER = N_(
    "Your role enters no events. Sign in as an organiser, or sign out and go on without an account: nothing typed is lost."
)
RETURN: Final = "pages/neutral/return.html"


@get("/neutral", opt=access(scope="public"), sync_to_thread=True)
def landing(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> Response[str]:
    """What it is, how it goes, and where the visitor stopped last time."""
    whose = visitor.user.organisation_id if visitor.user and _may_organise(visitor) else None
    return page(visitor, "pages/neutral/landing.html", **views_neutral.landing(reader, whose))


@get("/neutral/new", opt=access(scope="public"), sync_to_thread=True)
def new(request: Request[Any, Any, Any], visitor: NamedDependency[Visitor]) -> Response[str]:
    """The facts of a new event; what stands in the address is filled in."""
    sent = sent_of_query(request)
    filled = {name: typed(request.query_params, name) for name in event_facts.TEXTS}
    phases = sent.chosen("phases", event_facts.PHASES_CHOSEN) if len(sent.typed) > 1 else ["PREPARATION", "CLOSE_OUT"]
    context = event_facts.page_context(filled, phases, {})
    return _facts_page(visitor, context, path=long_address(request))


@get("/neutral/calculate", opt=access(scope="public"), sync_to_thread=True)
def calculate(request: Request[Any, Any, Any], visitor: NamedDependency[Visitor]) -> Response[str]:
    """The calculator for the event that the address describes; nothing is saved yet."""
    asked = _asked(sent_of_query(request), visitor)
    path = long_address(request)
    if asked.facts is None:
        context = event_facts.page_context(asked.form.typed, asked.phases, asked.form.errors)
        return _facts_page(visitor, context, path=path, status=422)
    counted = calculator_page.fresh(calculator_page.basis_asked(asked), visitor.locale)
    return _calculator(visitor, asked, counted, path=path)


@post("/neutral/calculate", opt=access(scope="public"), dependencies=SENT, sync_to_thread=True)
def keep(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    sent: NamedDependency[Sent],
) -> Response[Any]:
    """Reads a workbook in, calculates again, or saves: whoever has no account becomes a guest with the first save."""
    asked = _asked(sent, visitor)
    if asked.facts is None:
        return see_other("/neutral/calculate" + _query(asked))
    counted = calculator_page.received(sent, calculator_page.basis_asked(asked), visitor.locale)
    if not _may_organise(visitor):
        counted.sheet.say("activities", NOT_AN_ORGANISER)
    if sent.typed.get("action") == calculator_page.SAVE and counted.is_fit:
        try:
            return _save(request, house, visitor, asked, counted)
        except guests.ContactUnreadable as wrong:
            counted.sheet.say_refusal("contact", wrong)
        except Refusal as wrong:
            counted.sheet.say_refusal("activities", wrong)
    return _calculator(visitor, asked, counted, path="/neutral/calculate" + _query(asked))


def _may_organise(visitor: Visitor) -> bool:
    """Whoever is not signed in may, and becomes a guest; of those who are, firms and organisers."""
    return visitor.user is None or not visitor.user.roles.isdisjoint(MAY_ORGANISE)


def _save(
    request: Request[Any, Any, Any],
    house: Installation,
    visitor: Visitor,
    asked: Asked,
    counted: calculator_page.Counted,
) -> Redirect:
    assert asked.facts is not None, "only facts that can be read are saved"
    cookies = []
    with house.open_work(visitor.actor) as work:
        acting, organiser_id = work, visitor.user.organisation_id if visitor.user else None
        if organiser_id is None:
            peer = request.client.host if request.client else ""
            contact, name = counted.sheet.typed["contact"], asked.form.typed["organiser"]
            _, token = guests.welcome(work, contact=contact, name=name, peer=peer)
            cookies = [session_cookie(house, token)]
            acting, organiser_id = _acting(work, token)
        event = events.draft(acting, organiser_id=organiser_id, facts=asked.facts)
        calculations.estimate(
            acting,
            number=event.number,
            organiser_id=organiser_id,
            activities=counted.activities,
            has_radiative_forcing=counted.sheet.has_forcing,
        )
        number = event.number
    return see_other(f"/neutral/{number}/measures", cookies=cookies)


def _acting(work: Work, token: str) -> tuple[Work, int]:
    """The same transaction, in which the guest who has just come acts from here on."""
    guest = sessions.by_session(work, token)
    assert guest is not None, "the session was opened in this transaction"
    return replace(work, actor=guest.actor), guest.organisation_id


def _asked(sent: Sent, visitor: Visitor) -> Asked:
    today = civil_date(system_clock())
    return event_facts.read(sent, visitor.locale, today=today, asks_organiser=visitor.user is None)


def _facts_page(visitor: Visitor, context: dict[str, Any], *, path: str, status: int = 200) -> Response[str]:
    about: dict[str, Any] = {
        "event": None,
        "steps": steps("facts", None),
        "action": "/neutral/calculate",
        "method": "get",
    }
    about |= {"asks_organiser": visitor.user is None, "back": "/neutral"}
    return page(visitor, "pages/neutral/facts.html", status=status, path=path, **(context | about))


def _calculator(visitor: Visitor, asked: Asked, counted: calculator_page.Counted, *, path: str) -> Response[str]:
    context = counted.context(
        event=None,
        facts=asked.carried,
        steps=steps("activities", None, ["facts"]),
        action="/neutral/calculate",
        asks_contact=visitor.user is None,
        is_actual=False,
        compared=None,
        back="/neutral/new" + _query(asked),
    )
    status = 422 if counted.sheet.errors else 200
    return page(visitor, calculator_page.TEMPLATE, status=status, path=path, **context)


def _query(asked: Asked) -> str:
    """The facts as the query of an address."""
    return views_neutral.query_of(asked.carried)


def long_address(request: Request[Any, Any, Any]) -> str:
    """The address with its query, longer than elsewhere, since the facts of an event stand in it."""
    whole = f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path
    return whole if len(whole) <= LONGEST_ADDRESS and whole.isprintable() else here(request)


@get("/neutral/return", opt=access(scope="public"), sync_to_thread=True)
def way_back(visitor: NamedDependency[Visitor]) -> Response[str]:
    """The form that asks for the link."""
    return page(visitor, RETURN, form={"contact": ""}, errors={}, sent=None)


@post("/neutral/return", opt=access(scope="public"), sync_to_thread=True)
def send_link(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[str]:
    """Sends the links of a contact; whether there are any is not told, outside the demo."""
    asked = TypedForm(form, ("contact",), visitor.locale)
    contact = asked.text("contact")
    links: list[str] = []
    if not asked.errors:
        try:
            with house.open_work(visitor.actor) as work:
                links = [f"/neutral/link?token={each.token}" for each in guests.renew_link(work, contact=contact)]
        except guests.ContactUnreadable as wrong:
            asked.say_refusal("contact", wrong)
    sent = None if asked.errors else {"contact": contact, "links": links if visitor.is_demo else []}
    return page(visitor, RETURN, status=422 if asked.errors else 200, form=asked.typed, errors=asked.errors, sent=sent)


@get("/neutral/link", opt=access(scope="public"), sync_to_thread=True)
def come_back(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], house: NamedDependency[Installation]
) -> Response[Any]:
    """Opens the session of whoever holds the link; an old link leads to the form for a new one."""
    try:
        with house.open_work(visitor.actor) as work:
            _, token = guests.come_back(work, token=typed(request.query_params, "token"))
    except guests.LinkExpired as expired:
        asked = TypedForm({}, ("contact",), visitor.locale)
        asked.say_refusal("contact", expired)
        return page(visitor, RETURN, status=403, form=asked.typed, errors=asked.errors, sent=None)
    return see_other("/my", cookies=[session_cookie(house, token)])


@get("/neutral/template.xlsx", opt=access(scope="public"), sync_to_thread=True)
def workbook(visitor: NamedDependency[Visitor]) -> Response[bytes]:
    """The workbook to fill in instead of the form."""
    headers = {"Content-Disposition": f'attachment; filename="tanyi-activities-{visitor.locale}.xlsx"'}
    return Response(event_sheets.template(locale=visitor.locale), media_type=XLSX_TYPE, headers=headers)


ROUTES = [workbook, landing, new, calculate, keep, way_back, send_link, come_back]
