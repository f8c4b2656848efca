"""Signing in, step by step: password, second factor, session cookie; and everything that gives a session a new token.

Between the steps the browser holds a cookie that opens nothing but the second step. Every function gives the cookies to
set; a token that somebody brought along is never the one that is signed in afterwards (no fixation).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request
from litestar.datastructures import Cookie

from tanyi.app import sign_in_brake
from tanyi.app.installation import Installation
from tanyi.app.security import Visitor, visitor_of
from tanyi.app.visitors import PENDING_COOKIE, SESSION_COOKIE, cookie
from tanyi.kernel import credentials, second_factor, sessions
from tanyi.kernel.errors import N_, Forbidden

# in this order: most browsers claim to be the ones before them, too
BROWSERS: Final = (
    ("WeChat", r"MicroMessenger/"),
    ("Edge", r"Edge?/|EdgA/|EdgiOS/"),
    ("Opera", r"OPR/"),
    ("Huawei Browser", r"HuaweiBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|Chromium/|CriOS/"),
    ("Safari", r"Version/.*Safari/"),
)
SYSTEMS: Final = (
    ("HarmonyOS", r"HarmonyOS|OpenHarmony"),
    ("Android", r"Android"),
    ("iOS", r"iPhone|iPad"),
    ("Windows", r"Windows"),
    ("macOS", r"Macintosh"),
    ("Linux", r"Linux|X11"),
)


class SignInLapsed(Forbidden):
    """The second step came too late, or without the first."""

    code = "security.sign_in_lapsed"
    message = N_("Signing in took too long. Please begin again.")


@dataclass(frozen=True)
class Step:
    """What a step of signing in led to: cookies, and whether a code is still to come."""

    cookies: list[Cookie]
    is_code_awaited: bool = False
    was_recovery_code: bool = False


def peer(house: Installation, request: Request[Any, Any, Any]) -> str:
    """The address that wrong tries count for."""
    socket_peer = request.client.host if request.client else ""
    forwarded = request.headers.getall("x-forwarded-for", [])
    return sign_in_brake.peer_of(socket_peer, forwarded, house.settings.trusted_proxies)


def checked(house: Installation, request: Request[Any, Any, Any], *, username: str, password: str) -> int:
    """The id of the user whose password this is; refuses with `WrongCredentials` or `TooManyAttempts`."""
    whence = peer(house, request)
    sign_in_brake.count(house, username, whence)
    with house.open_reader() as reader:
        user_id = credentials.check(reader, username=username, password=password)
    sign_in_brake.release(house, username, whence)
    return user_id


def first_step(house: Installation, request: Request[Any, Any, Any], *, username: str, password: str) -> Step:
    """Checks the password; opens a session, or awaits the code of whoever has a second factor."""
    user_id = checked(house, request, username=username, password=password)
    with house.open_work() as work:
        is_enrolled = second_factor.is_enrolled(work, user_id)
        awaited = sessions.await_second_step(work, user_id=user_id) if is_enrolled else ""
    if is_enrolled:
        ten_minutes = int(sessions.PENDING_LENGTH.total_seconds())
        return Step([cookie(house, PENDING_COOKIE, awaited, ten_minutes)], is_code_awaited=True)
    return Step([session_cookie(house, _begin(house, request, user_id))])


def is_code_awaited(house: Installation, request: Request[Any, Any, Any]) -> bool:
    """Whether this browser has taken the first step and not the second."""
    with house.open_reader() as reader:
        return sessions.awaited(reader, request.cookies.get(PENDING_COOKIE, "")) is not None


def second_step(house: Installation, request: Request[Any, Any, Any], *, code: str) -> Step:
    """Takes the code, or a recovery code, and opens the session; refuses with `WrongCode` or `TooManyCodes`."""
    pending = request.cookies.get(PENDING_COOKIE, "")
    with house.open_reader() as reader:
        user_id = sessions.awaited(reader, pending)
    if user_id is None:
        raise SignInLapsed
    was_recovery_code = use_code(house, user_id, code)
    with house.open_work() as work:
        sessions.end_waiting(work, token=pending)
    token = _begin(house, request, user_id)
    return Step([session_cookie(house, token), cookie(house, PENDING_COOKIE, "", 0)], False, was_recovery_code)


def use_code(house: Installation, user_id: int, code: str) -> bool:
    """Takes a code under the brake, in a transaction of its own: used is used, whatever comes after."""
    sign_in_brake.count_code(house, user_id)
    with house.open_work() as work:
        was_recovery_code = second_factor.use_code(work, user_id=user_id, key=house.sealing_key, code=code)
    sign_in_brake.release_code(house, user_id)
    return was_recovery_code


def renewed(house: Installation, visitor: Visitor, *, membership_id: int | None = None, ends_others: bool) -> Cookie:
    """Gives the visitor's session a new token, in another membership if one is named; the old token is worth nothing."""
    assert visitor.user is not None
    assert visitor.session_token is not None, "asked for on pages of signed-in people only"
    with house.open_work(visitor.actor) as work:
        token = sessions.renew(work, token=visitor.session_token, membership_id=membership_id)
        if ends_others:
            sessions.revoke_others(work, user_id=visitor.user.user_id, token=token)
    visitor.session_token = visitor.form_secret = token
    return session_cookie(house, token)


def sign_out(house: Installation, request: Request[Any, Any, Any]) -> list[Cookie]:
    """Ends the session on the server's side and gives the cookies that end it in the browser."""
    token, pending = visitor_of(request).session_token, request.cookies.get(PENDING_COOKIE)
    with house.open_work() as work:
        if token is not None:
            sessions.sign_out(work, token=token)
        if pending is not None:
            sessions.end_waiting(work, token=pending)
    return [cookie(house, name, "", 0) for name in (SESSION_COOKIE, PENDING_COOKIE)]


def session_cookie(house: Installation, token: str) -> Cookie:
    """The cookie of a session, for as long as it can last."""
    return cookie(house, SESSION_COOKIE, token, int(sessions.SESSION_LENGTH.total_seconds()))


def browser_of(user_agent: str) -> str:
    """A short description of a browser from what it says of itself, such as 'Firefox, Windows'; '' when it says nothing."""
    said = [
        next((name for name, pattern in known if re.search(pattern, user_agent)), None) for known in (BROWSERS, SYSTEMS)
    ]
    return ", ".join(part for part in said if part)


def _begin(house: Installation, request: Request[Any, Any, Any], user_id: int) -> str:
    """A new session; an older one of this browser ends."""
    older = visitor_of(request).session_token
    with house.open_work() as work:
        token = sessions.begin(work, user_id=user_id, browser=browser_of(request.headers.get("user-agent", "")[:500]))
        if older is not None:
            sessions.sign_out(work, token=older)
    return token
