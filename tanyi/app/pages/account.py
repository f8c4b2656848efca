"""Signing in and out, the language, and the own page of whoever is signed in."""

from __future__ import annotations

import json
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app import signing_in
from tanyi.app.demo import ACCOUNTS
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_firms, views_offices, views_organiser_home, views_sellers
from tanyi.app.pages.exports import answer, asked_of
from tanyi.app.pages.labels import TRIALS
from tanyi.app.pages.rendering import LANGUAGES, translate, with_query
from tanyi.app.pages.tabular import Asked
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.app.sign_in_brake import TooManyAttempts
from tanyi.app.visitors import locale_cookie, safe_next
from tanyi.kernel import parties, passwords, second_factor, sessions
from tanyi.kernel.errors import N_
from tanyi.kernel.work import Reader

SAID: Final = {  # what a page says after a form was taken in, by the word in its address
    "listed": N_("Your tonnes are on sale."),
    "withdrawn": N_("The listing is withdrawn; its tonnes are free again."),
    "confirmed": N_("Your bid is confirmed. You may change it until the round closes."),
    "welcome": N_("You are signed in."),
    "event-withdrawn": N_("The event is withdrawn. Nothing was retired for it."),
    "accounted": N_("The real figures are kept. Here is what follows from them."),
    "declared": N_("The statement is public. Nothing is left to do."),
    "commissioned": N_("The verification body has been asked. You see here when its report is approved."),
    "switched": N_("You now act for another organisation."),
    "recovered": N_(
        "You signed in with a recovery code, which is used up now. If your phone is lost, renew the second factor."
    ),
    "password": N_("Your password is changed. All your other sessions have ended."),
    "factor-ended": N_("The second factor is switched off."),
    "session-ended": N_("The session has ended."),
    "others-ended": N_("All your other sessions have ended."),
    "key-revoked": N_("The key is revoked. It stopped at once."),
    "member-changed": N_("The change is in force from the next click of this person."),
    "member-removed": N_("The person does not act for your organisation any more; sessions and keys stopped at once."),
    "invitation-withdrawn": N_("The invitation is withdrawn; its link leads nowhere."),
    "joined": N_("You act for one more organisation. You can switch to it in the menu."),
    "joined-sign-in": N_("Done. Sign in now."),
}


def flash_of(request: Request[Any, Any, Any], visitor: Visitor) -> list[dict[str, str]]:
    """The message that the address asks for, in the reader's language."""
    message = SAID.get(pieces.typed(request.query_params, "said"))
    return [{"kind": "success", "text": translate(message, locale=visitor.locale)}] if message else []


@get("/my", opt=access(*parties.ROLES, scope="own"), sync_to_thread=True)
def my_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[Any]:
    """The own page by role: what needs attention, what is owned or owed, what can be done next."""
    asked = asked_of(request, visitor)
    template, told = home_of(reader, visitor, asked)
    return answer(visitor, asked, template, told, flash=flash_of(request, visitor))


def home_of(reader: Reader, visitor: Visitor, asked: Asked) -> tuple[str, dict[str, Any]]:
    """The template and the facts of a home; somebody of several roles sees that of the first."""
    own_id, roles = visitor.organisation_id, visitor.actor.roles
    if "seller" in roles:
        return "pages/seller/home.html", views_sellers.home(reader, own_id, asked)
    if "firm" in roles:
        return "pages/firm/home.html", views_firms.home(reader, own_id, asked)
    if "organiser" in roles:
        return "pages/organiser/home.html", views_organiser_home.home(reader, own_id, asked)
    if "operator" in roles:
        return "pages/operator/home.html", views_offices.operator(reader, asked)
    if "regulator" in roles:
        return "pages/regulator/home.html", views_offices.regulator(reader, asked)
    return "pages/verifier/home.html", views_offices.verifier(reader, own_id, asked)


@get("/sign-in", opt=access(scope="public"), sync_to_thread=True)
def sign_in_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], house: NamedDependency[Installation]
) -> Response[str]:
    """The sign-in form, with the accounts of the demo."""
    wanted = pieces.typed(request.query_params, "next")
    context = _sign_in_form(house, wanted, "", None)
    return page(visitor, "pages/public/sign_in.html", flash=flash_of(request, visitor), **context)


@post("/sign-in", opt=access(scope="public", is_open_early=True), sync_to_thread=True)
def sign_in(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Takes the password and goes where the visitor wanted to go, or on to the second step; what is wrong is said."""
    username, wanted = form.get("username", "").strip(), form.get("next", "")
    try:
        step = signing_in.first_step(house, request, username=username, password=form.get("password", ""))
    except (passwords.WrongCredentials, sessions.NoMembership, TooManyAttempts) as wrong:
        error = translate(wrong.message, locale=visitor.locale)
        status = 429 if isinstance(wrong, TooManyAttempts) else 401
        context = _sign_in_form(house, wanted, username, error)
        return page(visitor, "pages/public/sign_in.html", status=status, **context)
    further = _second_step_address(wanted) if step.is_code_awaited else safe_next(wanted)
    return see_other(further, cookies=step.cookies)


@get("/sign-in/code", opt=access(scope="public", is_open_early=True), sync_to_thread=True)
def second_step_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], house: NamedDependency[Installation]
) -> Response[Any]:
    """The form for the code; without a first step back to the beginning."""
    if not signing_in.is_code_awaited(house, request):
        return see_other("/sign-in")
    wanted = pieces.typed(request.query_params, "next")
    return page(visitor, "pages/public/sign_in_code.html", next=wanted, error=None)


@post("/sign-in/code", opt=access(scope="public", is_open_early=True), sync_to_thread=True)
def second_step(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Takes the code and signs in; whoever used a recovery code is told what to do next."""
    wanted = form.get("next", "")
    try:
        step = signing_in.second_step(house, request, code=form.get("code", ""))
    except signing_in.SignInLapsed:
        return see_other("/sign-in")
    except (second_factor.WrongCode, TooManyAttempts) as wrong:
        error = translate(wrong.message, locale=visitor.locale)
        status = 429 if isinstance(wrong, TooManyAttempts) else 401
        return page(visitor, "pages/public/sign_in_code.html", status=status, next=wanted, error=error)
    further = "/account/second-factor?said=recovered" if step.was_recovery_code else safe_next(wanted)
    return see_other(further, cookies=step.cookies)


@post("/sign-out", opt=access(scope="public", is_open_early=True), sync_to_thread=True)
def sign_out(request: Request[Any, Any, Any], house: NamedDependency[Installation]) -> Redirect:
    """Ends the session and goes home."""
    return see_other("/", cookies=signing_in.sign_out(house, request))


@get("/language/{locale:str}", opt=access(scope="public", is_open_early=True), sync_to_thread=False)
def language(request: Request[Any, Any, Any], house: NamedDependency[Installation], locale: FromPath[str]) -> Redirect:
    """Remembers the language and goes back to the page, if it is one of this site."""
    wanted = request.query_params.get("next") or "/"
    back = wanted if safe_next(wanted) == wanted else "/"
    chosen = locale if locale in LANGUAGES else "zh"
    return see_other(back, cookies=[locale_cookie(house, chosen)])


def _second_step_address(wanted: str) -> str:
    return with_query("/sign-in/code", {"next": wanted})


def _sign_in_form(house: Installation, wanted: str, username: str, error: str | None) -> dict[str, Any]:
    return {"next": wanted, "username": username, "error": error, "trials": demo_trials(house)}


def demo_trials(house: Installation) -> list[dict[str, Any]]:
    """The accounts of the demo with their passwords, grouped by what one can try with them, in the order of `TRIALS`."""
    accounts = demo_accounts(house)
    groups = [{"code": code, "accounts": [row for row in accounts if row["trial"] == code]} for code in TRIALS]
    return [group for group in groups if group["accounts"]]


def demo_accounts(house: Installation) -> list[dict[str, Any]]:
    """The sign-ins of the demo with their passwords; none in production, none before the demo has run."""
    path = house.settings.data / ACCOUNTS
    if house.settings.mode == "production" or not path.is_file():
        return []
    return [
        {
            "display_name": {"name_zh": account["name_zh"], "name_en": account["name_en"]},
            "organisation": {
                "name_zh": account["organisation_name_zh"],
                "name_en": account["organisation_name_en"],
            },
            "rights": account.get("rights", []),
            "trial": account.get("trial", account["roles"][0]),
            "username": username,
            "password": account["password"],
        }
        for username, account in json.loads(path.read_text(encoding="utf8")).items()
    ]


ROUTES = [my_page, sign_in_page, sign_in, second_step_page, second_step, sign_out, language]
