"""Password, second factor and sessions of whoever is signed in: each only one's own."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app import sign_in_brake, signing_in
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_accounts
from tanyi.app.pages.account import flash_of
from tanyi.app.pages.account_overview import SIGNED_IN
from tanyi.app.pages.rendering import translate
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.app.sign_in_brake import TooManyAttempts
from tanyi.kernel import credentials, parties, passwords, second_factor, sessions
from tanyi.kernel.errors import N_, Forbidden, Refusal
from tanyi.kernel.work import Reader

OPEN_EARLY = access(*parties.ROLES, scope="own", is_open_early=True)
CHANGE: Final = "pages/account/password.html"
FACTOR: Final = "pages/account/second_factor.html"
CODES: Final = "pages/account/recovery_codes.html"
DIFFERENT = N_("The two entries are not the same.")
WRONG_PASSWORD = N_("This is not your present password.")


class SecondFactorRequired(Forbidden):
    """Who must have a second factor may renew it, not switch it off."""

    code = "account.second_factor_required"
    message = N_("Your role requires the second factor. You can renew it, but not switch it off.")


@get("/account/security", opt=SIGNED_IN, sync_to_thread=True)
def security_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """How well this account is protected."""
    told = views_accounts.security(reader, visitor)
    return page(visitor, "pages/account/security.html", flash=flash_of(request, visitor), **told)


@get("/account/password", opt=SIGNED_IN, sync_to_thread=True)
def password_page(visitor: NamedDependency[Visitor]) -> Response[str]:
    """The form for another password."""
    return page(visitor, CHANGE, errors={})


@post("/account/password", opt=SIGNED_IN, sync_to_thread=True)
def change_password(
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
) -> Response[Any]:
    """Changes the password by the present one; other sessions end and this one gets a new token."""
    try:
        errors = _changed(house, visitor, form, signing_in.peer(house, request))
    except TooManyAttempts as wait:
        errors = {"current": translate(wait.message, locale=visitor.locale)}
        return page(visitor, CHANGE, status=429, errors=errors)
    if errors:
        return page(visitor, CHANGE, status=422, errors=errors)
    cookie = signing_in.renewed(house, visitor, ends_others=True)
    return see_other("/account/security?said=password", cookies=[cookie])


def _changed(house: Installation, visitor: Visitor, form: Form, peer: str) -> dict[str, str]:
    """Changes the password, under the brake; gives what is wrong, by field."""
    assert visitor.user is not None
    if form.get("new", "") != form.get("again", ""):
        return {"again": translate(DIFFERENT, locale=visitor.locale)}
    sign_in_brake.count(house, visitor.user.username, peer)
    try:
        with house.open_work(visitor.actor) as work:
            current, new = form.get("current", ""), form.get("new", "")
            credentials.change_password(work, person=visitor.user, current=current, new=new)
    except passwords.WrongCredentials:
        return {"current": translate(WRONG_PASSWORD, locale=visitor.locale)}
    except (passwords.PasswordTooShort, passwords.PasswordTooObvious) as weak:
        sign_in_brake.release(house, visitor.user.username, peer)
        return {"new": translate(weak.message, locale=visitor.locale, **weak.facts)}
    sign_in_brake.release(house, visitor.user.username, peer)
    return {}


@get("/account/second-factor", opt=OPEN_EARLY, sync_to_thread=True)
def second_factor_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], house: NamedDependency[Installation]
) -> Response[str]:
    """Where the second factor stands: to begin, to confirm, or in force."""
    return _factor_page(house, visitor, flash=flash_of(request, visitor))


@post("/account/second-factor/begin", opt=OPEN_EARLY, sync_to_thread=True)
def begin(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[Any]:
    """Offers a fresh secret; who has a second factor already brings a code of it."""
    assert visitor.user is not None
    try:
        _use_code_if_enrolled(house, visitor, form.get("code", ""))
    except (second_factor.WrongCode, TooManyAttempts) as wrong:
        return _factor_page(house, visitor, wrong, "renew-code")
    with house.open_work(visitor.actor) as work:
        second_factor.offer(work, user_id=visitor.user.user_id, key=house.sealing_key)
    return see_other("/account/second-factor")


@post("/account/second-factor/confirm", opt=OPEN_EARLY, sync_to_thread=True)
def confirm(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[Any]:
    """Puts the offered secret in force; shows the recovery codes once, ends all other sessions."""
    assert visitor.user is not None
    user_id, code = visitor.user.user_id, form.get("code", "")
    try:
        sign_in_brake.count_code(house, user_id)
        with house.open_work(visitor.actor) as work:
            codes = second_factor.confirm(work, user_id=user_id, key=house.sealing_key, code=code)
    except (second_factor.WrongCode, second_factor.NothingOffered, TooManyAttempts) as wrong:
        return _factor_page(house, visitor, wrong, "code")
    sign_in_brake.release_code(house, user_id)
    return _codes_page(house, visitor, codes)


@post("/account/second-factor/recovery-codes", opt=SIGNED_IN, sync_to_thread=True)
def renew_codes(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[Any]:
    """Ten fresh recovery codes by a present code; the old ones are void."""
    assert visitor.user is not None
    try:
        signing_in.use_code(house, visitor.user.user_id, form.get("code", ""))
    except (second_factor.WrongCode, TooManyAttempts) as wrong:
        return _factor_page(house, visitor, wrong, "recovery-code")
    with house.open_work(visitor.actor) as work:
        codes = second_factor.renew_recovery_codes(work, user_id=visitor.user.user_id)
    return _codes_page(house, visitor, codes)


@post("/account/second-factor/end", opt=SIGNED_IN, sync_to_thread=True)
def end(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], form: NamedDependency[Form]
) -> Response[Any]:
    """Switches the second factor off by a present code, where no role requires it."""
    assert visitor.user is not None
    if views_accounts.must_have_factor(house.settings, visitor):
        raise SecondFactorRequired
    try:
        signing_in.use_code(house, visitor.user.user_id, form.get("code", ""))
    except (second_factor.WrongCode, TooManyAttempts) as wrong:
        return _factor_page(house, visitor, wrong, "end-code")
    with house.open_work(visitor.actor) as work:
        second_factor.end(work, user_id=visitor.user.user_id)
    cookie = signing_in.renewed(house, visitor, ends_others=True)
    return see_other("/account/second-factor?said=factor-ended", cookies=[cookie])


def _use_code_if_enrolled(house: Installation, visitor: Visitor, code: str) -> None:
    assert visitor.user is not None
    with house.open_reader() as reader:
        is_enrolled = second_factor.is_enrolled(reader, visitor.user.user_id)
    if is_enrolled:
        signing_in.use_code(house, visitor.user.user_id, code)


def _factor_page(
    house: Installation,
    visitor: Visitor,
    wrong: Refusal | None = None,
    field: str = "",
    flash: list[dict[str, str]] | None = None,
) -> Response[str]:
    """The page of the second factor, with what is wrong beside its field."""
    errors = {field: translate(wrong.message, locale=visitor.locale)} if wrong else {}
    status = 200 if wrong is None else 429 if isinstance(wrong, TooManyAttempts) else 422
    with house.open_reader() as reader:
        told = views_accounts.factor(reader, visitor, house)
    return page(visitor, FACTOR, status=status, flash=flash, path="/account/second-factor", errors=errors, **told)


def _codes_page(house: Installation, visitor: Visitor, codes: list[str]) -> Response[str]:
    """The recovery codes, shown once, in a session with a new token."""
    cookie = signing_in.renewed(house, visitor, ends_others=True)
    return page(visitor, CODES, cookies=[cookie], path="/account/second-factor", codes=codes)


@get("/account/sessions", opt=SIGNED_IN, sync_to_thread=True)
def sessions_page(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """Where this person is signed in."""
    told = views_accounts.sessions_of(reader, visitor)
    return page(visitor, "pages/account/sessions.html", flash=flash_of(request, visitor), **told)


@post("/account/sessions/{number:str}/end", opt=SIGNED_IN, sync_to_thread=True)
def end_session(
    visitor: NamedDependency[Visitor], house: NamedDependency[Installation], number: FromPath[str]
) -> Redirect:
    """Ends one session; whoever ends the present one is signed out."""
    assert visitor.user is not None
    with house.open_work(visitor.actor) as work:
        sessions.revoke(work, user_id=visitor.user.user_id, session_id=pieces.id_of(number))
    return see_other("/" if number == str(visitor.session_id) else "/account/sessions?said=session-ended")


@post("/account/sessions/end-others", opt=SIGNED_IN, sync_to_thread=True)
def end_other_sessions(visitor: NamedDependency[Visitor], house: NamedDependency[Installation]) -> Redirect:
    """Ends all sessions but the present one."""
    assert visitor.user is not None
    assert visitor.session_token is not None
    with house.open_work(visitor.actor) as work:
        sessions.revoke_others(work, user_id=visitor.user.user_id, token=visitor.session_token)
    return see_other("/account/sessions?said=others-ended")


ROUTES = [
    security_page,
    password_page,
    change_password,
    second_factor_page,
    begin,
    confirm,
    renew_codes,
    end,
    sessions_page,
    end_session,
    end_other_sessions,
]
