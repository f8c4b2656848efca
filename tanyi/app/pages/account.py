"""Signing in and out, the language, and the own page of whoever is signed in."""

from __future__ import annotations

import json
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app import security
from tanyi.app.demo import ACCOUNTS
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_firms, views_offices, views_organiser_home, views_sellers
from tanyi.app.pages.exports import answer, asked_of
from tanyi.app.pages.rendering import LANGUAGES, translate
from tanyi.app.pages.tabular import Asked
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.app.sign_in_brake import TooManyAttempts
from tanyi.kernel import parties
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
    return page(visitor, "pages/public/sign_in.html", **_sign_in_form(house, wanted, "", None))


@post("/sign-in", opt=access(scope="public"), sync_to_thread=True)
def sign_in(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Signs in and goes where the visitor wanted to go; a wrong password is said on the form."""
    username, wanted = form.get("username", "").strip(), form.get("next", "")
    try:
        cookie = security.sign_in(house, request, username=username, password=form.get("password", ""))
    except (parties.WrongCredentials, TooManyAttempts) as wrong:
        error = translate(wrong.message, locale=visitor.locale)
        status = 429 if isinstance(wrong, TooManyAttempts) else 401
        context = _sign_in_form(house, wanted, username, error)
        return page(visitor, "pages/public/sign_in.html", status=status, **context)
    return see_other(security.safe_next(wanted), cookies=[cookie])


@post("/sign-out", opt=access(scope="public"), sync_to_thread=True)
def sign_out(request: Request[Any, Any, Any], house: NamedDependency[Installation]) -> Redirect:
    """Ends the session and goes home."""
    return see_other("/", cookies=[security.sign_out(house, request)])


@get("/language/{locale:str}", opt=access(scope="public"), sync_to_thread=False)
def language(request: Request[Any, Any, Any], house: NamedDependency[Installation], locale: FromPath[str]) -> Redirect:
    """Remembers the language and goes back to the page, if it is one of this site."""
    wanted = request.query_params.get("next") or "/"
    back = wanted if security.safe_next(wanted) == wanted else "/"
    chosen = locale if locale in LANGUAGES else "zh"
    return see_other(back, cookies=[security.locale_cookie(house, chosen)])


def _sign_in_form(house: Installation, wanted: str, username: str, error: str | None) -> dict[str, Any]:
    return {"next": wanted, "username": username, "error": error, "accounts": demo_accounts(house)}


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
            "role": account["roles"][0],
            "username": username,
            "password": account["password"],
        }
        for username, account in json.loads(path.read_text(encoding="utf8")).items()
    ]


ROUTES = [my_page, sign_in_page, sign_in, sign_out, language]
