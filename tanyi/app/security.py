"""Who may do what at the edge: every route declares its roles and its scope, and one gate asks before anything runs.

Deny is the default: a route that declares nothing fails the build (`refuse_undeclared`). A route under /api knows bearer
keys and nothing else, a page knows the session cookie and nothing else; so no cookie ever moves anything through the
API, and every form of a page carries `_csrf_token`. What belongs to another organisation does not exist (404).

How a handler of a page is written (modules of `tanyi/app/pages/`; each ends with `ROUTES = [handler, …]`, which the
factory finds by itself):

    @get("/my", opt=access("firm", "seller", scope="own"), sync_to_thread=True)
    def home(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> Response[str]:
        return page(visitor, "pages/firm/home.html", duties=…)            # from security: renders with visitor.frame()

    @post("/sell", opt=access("seller", scope="own"), sync_to_thread=True)
    def sell(visitor: NamedDependency[Visitor], work: NamedDependency[Work], form: NamedDependency[Form]) -> Redirect:
        …                                                                 # read the form, call verbs; a refusal undoes
        return see_other("/my")

`access(*roles, scope=)`: scope "public" without roles is everyone, "own" shows and changes only what belongs to the
signed-in user's organisation (`visitor.organisation_id`). Dependencies by name, only those a handler asks for: `house`
(Installation), `visitor` (Visitor), `reader` (Reader, for GET), `work` (Work of the signed-in user: committed after the
page is rendered and before it is sent, undone by any refusal), `form` (dict of single values, token checked and taken
out). Never ask for `reader` and `work` together: a `Work` is a `Reader`. A verb of several transactions (a purchase, a
round) takes `house` and `visitor.actor`. A refusal may simply be raised: the error page with its status comes by
itself. GET /certificates/{name:str} is a page's route: for a name that ends with ".json" it returns
`certificates.signed_file(reader, name)` of `tanyi.app.api.certificates`. `sign_in`, `sign_out`, `safe_next` and
`locale_cookie` below are for the sign-in page and the language switch.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit

from litestar import Litestar, Request, Response
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.enums import MediaType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.response import Redirect

from tanyi.app.installation import Installation
from tanyi.app.pages import rendering
from tanyi.app.sign_in_brake import Brake
from tanyi.kernel import parties
from tanyi.kernel.errors import N_, Forbidden, Invalid, NotFound
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Actor

Scope = Literal["public", "own"]
Form = dict[str, str]

ANONYMOUS: Final = "anonymous"
EVERYONE = frozenset({ANONYMOUS, *parties.ROLES})
SESSION_COOKIE, FORM_COOKIE, LOCALE_COOKIE = "tanyi_session", "tanyi_form", "tanyi_locale"
CSRF_FIELD: Final = "_csrf_token"
ACCESS: Final = "access"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
HOST = re.compile(r"(?P<name>[a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
HIGHEST_PORT: Final = 65_535
VISITOR_KEY: Final = "visitor"
brake = Brake()


class NotSignedIn(Forbidden):
    """The route is for signed-in people, or the bearer key is not known."""

    code = "security.not_signed_in"
    message = N_("Please sign in first.")


class WrongRole(Forbidden):
    """Signed in, but not in a role that this route is for."""

    code = "security.wrong_role"
    message = N_("Your role does not allow this.")


class FormNotOurs(Forbidden):
    """The form's token is missing or belongs to another session."""

    code = "security.form_not_ours"
    message = N_("This form has expired. Load the page again and send it once more. Nothing was changed.")


class UnknownHost(Invalid):
    """The Host header names a host that is not this installation's."""

    code = "security.unknown_host"
    message = N_("This address does not belong to this site.")


class UndeclaredRoute(RuntimeError):  # noqa: N818  named after what is wrong
    """A route without roles and scope: the application is not built."""


@dataclass(frozen=True)
class Access:
    """What a route declares. `asks_who` False: nobody is looked up (files, health, signed webhooks)."""

    roles: frozenset[str]
    scope: Scope
    asks_who: bool = True


def access(*roles: str, scope: Scope, asks_who: bool = True) -> dict[str, Any]:
    """The `opt` of a route: roles of `parties.ROLES` (none with scope "public": everyone) and the scope."""
    unknown = set(roles) - set(parties.ROLES)
    if unknown or (scope == "own" and not (roles and asks_who)):
        raise UndeclaredRoute(f"roles {sorted(roles)}, scope {scope}")
    return {ACCESS: Access(frozenset(roles) or EVERYONE, scope, asks_who)}


def declared(handler: BaseRouteHandler) -> Access | None:
    """What a handler declares, if it does."""
    found = handler.opt.get(ACCESS)
    return found if isinstance(found, Access) else None


def handlers_of(app: Litestar) -> list[tuple[str, str, BaseRouteHandler]]:
    """(path, method, handler) of every route but the OPTIONS answers that the framework gives by itself."""
    found: list[tuple[str, str, BaseRouteHandler]] = []
    for route in app.routes:
        handlers = getattr(route, "route_handlers", None) or [route.route_handler]  # pyrefly: ignore
        for handler in handlers:
            methods = handler.http_methods if isinstance(handler, HTTPRouteHandler) else {"ANY"}
            found += [(route.path_format, str(method), handler) for method in sorted(methods) if method != "OPTIONS"]
    return sorted(found, key=lambda row: row[:2])


def refuse_undeclared(app: Litestar) -> None:
    """Fails the build for a route that declares nothing."""
    silent = [f"{method} {path}" for path, method, handler in handlers_of(app) if declared(handler) is None]
    if silent:
        raise UndeclaredRoute(f"routes without access(…): {', '.join(silent)}")


@dataclass
class Visitor:
    """Who asks, in which language; `user` is None for the public."""

    locale: str
    path: str
    is_demo: bool
    user: SignedIn | None = None
    session_token: str | None = None
    form_secret: str | None = None
    is_new: bool = field(default=False)

    @property
    def actor(self) -> Actor:
        return self.user.actor if self.user else Actor(label="public")

    @property
    def organisation_id(self) -> int:
        """The own organisation; asked for only on routes with scope "own"."""
        assert self.user is not None, "only a route of scope own asks this"
        return self.user.organisation_id

    @property
    def csrf_token(self) -> str:
        """For the field `_csrf_token` of every form; bound to the session, or to the form cookie of the public."""
        if self.form_secret is None:
            self.form_secret, self.is_new = secrets.token_urlsafe(32), True
        return _form_token(self.form_secret)

    def frame(self, flash: list[dict[str, str]] | None = None) -> dict[str, Any]:
        """What `layout/base.html` asks of every page."""
        return {
            "locale": self.locale,
            "demo": self.is_demo,
            "user": self._shown() if self.user else None,
            "path": self.path,
            "csrf_token": self.csrf_token,
            "flash": flash or [],
        }

    def _shown(self) -> dict[str, Any]:
        assert self.user is not None
        return {
            "display_name": {"name_zh": self.user.name_zh, "name_en": self.user.name_en},
            "organisation": {
                "name_zh": self.user.organisation_name_zh,
                "name_en": self.user.organisation_name_en,
            },
            "roles": sorted(self.user.roles),
        }


def page(
    visitor: Visitor, template: str, *, status: int = 200, flash: list[dict[str, str]] | None = None, **context: Any
) -> Response[str]:
    """A rendered page in the visitor's language; rendered at once, so that a mistake in it undoes the work."""
    html = rendering.render(template, **(visitor.frame(flash) | context))
    return Response(html, media_type=MediaType.HTML, status_code=status, headers={"Cache-Control": "no-store"})


def see_other(path: str, cookies: list[Cookie] | None = None) -> Redirect:
    """After a form was taken in: go and look at the result (303)."""
    return Redirect(path, status_code=303, cookies=cookies)


async def gate(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every route: host, who, role, form token, in this order, before any dependency is opened."""
    house: Installation = connection.app.state.house
    _refuse_unless_our_host(connection, house)
    allowed = declared(handler)
    if allowed is None:
        if connection.scope.get("method") == "OPTIONS":
            return
        raise WrongRole
    visitor = connection.scope["state"][VISITOR_KEY] = stranger(connection)
    if not allowed.asks_who:
        return
    await sync_to_thread(_recognise, connection, house, visitor)
    _refuse_unless_role(visitor, allowed)
    if connection.scope.get("method") not in SAFE_METHODS and not is_api(visitor.path):
        assert isinstance(connection, Request)
        await _refuse_unless_our_form(connection, visitor)


def is_api(path: str) -> bool:
    """Whether the address is for programs: refusals are problem documents and nobody is sent to a sign-in page."""
    return path.startswith(("/api/", "/gateway/", "/schema/", "/log/", "/.well-known/", "/health"))


def stranger(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor:
    """The visitor before anyone was looked up."""
    house: Installation = connection.app.state.house
    return Visitor(
        locale=locale_of(connection.cookies, connection.headers.get("accept-language", "")),
        path=connection.scope["path"],  # not of `url`, which cannot be read when the Host header is not one
        is_demo=house.settings.mode != "production",
        form_secret=connection.cookies.get(FORM_COOKIE) or None,
    )


def visitor_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Visitor:
    """The visitor that the gate found, or a stranger where it was never asked (no such page)."""
    return connection.scope["state"].get(VISITOR_KEY) or stranger(connection)


def locale_of(cookies: Mapping[str, str], accepted: str) -> str:
    """'zh' or 'en': the cookie, else the first of the two that the browser names, else Chinese."""
    chosen = cookies.get(LOCALE_COOKIE)
    if chosen in rendering.LANGUAGES:
        return chosen
    for part in accepted.lower().split(","):
        language = part.partition(";")[0].strip().partition("-")[0]
        if language in rendering.LANGUAGES:
            return language
    return "zh"


def _recognise(connection: ASGIConnection[Any, Any, Any, Any], house: Installation, visitor: Visitor) -> None:
    """Looks up the bearer key of an API call or the session of a page; a wrong key is told, an old session is not."""
    if is_api(visitor.path):
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme:
            visitor.user = _by_key(house, key.strip()) if scheme.lower() == "bearer" else None
            if visitor.user is None:
                raise NotSignedIn
    elif token := connection.cookies.get(SESSION_COOKIE):
        with house.open_reader() as reader:
            visitor.user = parties.by_session(reader, token)
        if visitor.user is not None:
            visitor.session_token = visitor.form_secret = token


def _by_key(house: Installation, key: str) -> SignedIn | None:
    with house.open_reader() as reader:
        return parties.by_api_key(reader, key)


def _refuse_unless_role(visitor: Visitor, allowed: Access) -> None:
    if ANONYMOUS in allowed.roles:
        return
    if visitor.user is None:
        raise NotSignedIn
    if not visitor.user.roles & allowed.roles:
        raise WrongRole


def _refuse_unless_our_host(connection: ASGIConnection[Any, Any, Any, Any], house: Installation) -> None:
    public = urlsplit(house.settings.public_url).hostname
    asked = HOST.fullmatch(connection.headers.get("host", ""))
    if asked is None or int(asked["port"] or 0) > HIGHEST_PORT:
        raise UnknownHost
    name = asked["name"].strip("[]").lower()
    if name != public and name not in LOCAL_HOSTS:
        raise UnknownHost


async def _refuse_unless_our_form(request: Request[Any, Any, Any], visitor: Visitor) -> None:
    sent = (await request.form()).get(CSRF_FIELD)
    known = visitor.form_secret is not None and isinstance(sent, str)
    if not known or not hmac.compare_digest(str(sent).encode(), visitor.csrf_token.encode()):
        raise FormNotOurs


def _form_token(secret: str) -> str:
    return hmac.new(secret.encode(), b"tanyi form", hashlib.sha256).hexdigest()


def sign_in(house: Installation, request: Request[Any, Any, Any], *, username: str, password: str) -> Cookie:
    """Signs somebody in and gives the cookie to set; always a new token, and an older session ends (no fixation).

    Refuses with `WrongCredentials`, or with `TooManyAttempts` after ten failures in ten minutes.
    """
    peer = request.client.host if request.client else ""
    brake.count(username, peer)
    older = visitor_of(request).session_token
    with house.open_work() as work:
        token = parties.sign_in(work, username=username, password=password)
        if older is not None:
            parties.sign_out(work, token=older)
    brake.release(username, peer)
    return _cookie(house, SESSION_COOKIE, token, int(parties.SESSION_LENGTH.total_seconds()))


def sign_out(house: Installation, request: Request[Any, Any, Any]) -> Cookie:
    """Ends the session on the server's side and gives the cookie that ends it in the browser."""
    token = visitor_of(request).session_token
    if token is not None:
        with house.open_work() as work:
            parties.sign_out(work, token=token)
    return _cookie(house, SESSION_COOKIE, "", 0)


def safe_next(wanted: str) -> str:
    """Where to go after signing in: a path of this site, or the own page."""
    inside = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if inside and "\\" not in wanted else "/my"


def sign_in_address(path: str) -> str:
    """The sign-in page, which leads back to `path` afterwards."""
    return f"/sign-in?next={quote(path)}"


def locale_cookie(house: Installation, locale: str) -> Cookie:
    """Remembers the language for a year."""
    return _cookie(house, LOCALE_COOKIE, locale if locale in rendering.LANGUAGES else "zh", 365 * 86_400)


def form_cookie(house: Installation, secret: str) -> Cookie:
    """Ties the forms of somebody who is not signed in to this browser."""
    return _cookie(house, FORM_COOKIE, secret, None)


def _cookie(house: Installation, key: str, content: str, max_age: int | None) -> Cookie:
    is_secure = house.settings.public_url.startswith("https:")
    return Cookie(key, value=content, max_age=max_age, path="/", httponly=True, samesite="lax", secure=is_secure)


def provide_visitor(request: Request[Any, Any, Any]) -> Visitor:
    """Dependency `visitor`."""
    return visitor_of(request)


def own_or_refuse(visitor: Visitor, organisation_id: int) -> None:
    """What belongs to another organisation does not exist for this visitor: `NotFound`, never `Forbidden`."""
    if visitor.user is None or visitor.user.organisation_id != organisation_id:
        raise NotFound
