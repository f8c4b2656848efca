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
`certificates.signed_file(reader, name)` of `tanyi.app.api.certificates`. Signing in and out stand in `signing_in.py`.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from litestar import Litestar, Request
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from tanyi.app.installation import Installation
from tanyi.app.visitors import FORM_COOKIE, SESSION_COOKIE, Visitor, locale_of
from tanyi.app.visitors import page as page  # page handlers find all they need in this module
from tanyi.app.visitors import see_other as see_other
from tanyi.kernel import api_keys, notices, parties, second_factor, sessions
from tanyi.kernel.errors import N_, Forbidden, Invalid, NotFound

Scope = Literal["public", "own"]
Form = dict[str, str]

ANONYMOUS: Final = "anonymous"
EVERYONE = frozenset({ANONYMOUS, *parties.ROLES})
TRADING_ROLES = frozenset({"seller", "firm", "operator", "regulator", "verifier"})  # a second factor may be required
CSRF_FIELD: Final = "_csrf_token"
ACCESS: Final = "access"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
HOST = re.compile(r"(?P<name>[a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>[0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
HIGHEST_PORT: Final = 65_535
VISITOR_KEY: Final = "visitor"


class NotSignedIn(Forbidden):
    """The route is for signed-in people, or the bearer key is not known."""

    code = "security.not_signed_in"
    message = N_("Please sign in first.")


class WrongRole(Forbidden):
    """Signed in, but not in a role that this route is for."""

    code = "security.wrong_role"
    message = N_("Your role does not allow this.")


class WrongScope(Forbidden):
    """The bearer key is good, but not for this kind of call."""

    code = "security.wrong_scope"
    message = N_("This key does not have the scope %(scope)s, which this call needs.")


class SecondFactorMissing(Forbidden):
    """Signed in to a trading or privileged role without a second factor, where the installation requires one."""

    code = "security.second_factor_missing"
    message = N_("Set up the second factor first; until then nothing else can be opened.")


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
    key_scope: str | None = None
    is_open_early: bool = False

    def key_scope_of(self, method: str) -> str:
        """What a bearer key must be allowed for a call."""
        return self.key_scope or (api_keys.READ if method in SAFE_METHODS else api_keys.WRITE)


def access(
    *roles: str, scope: Scope, asks_who: bool = True, key_scope: str | None = None, is_open_early: bool = False
) -> dict[str, Any]:
    """The `opt` of a route: roles of `parties.ROLES` (none with scope "public": everyone) and the scope.

    `key_scope`: what a bearer key needs, unless it is read for GET and write for the rest; a route that moves money or
    tonnes, or decides that they move, says trade. `is_open_early`: reachable before a required second factor is set up.
    """
    unknown = set(roles) - set(parties.ROLES)
    if unknown or (scope == "own" and not (roles and asks_who)) or key_scope not in (None, *api_keys.SCOPES):
        raise UndeclaredRoute(f"roles {sorted(roles)}, scope {scope}, keys {key_scope}")
    return {ACCESS: Access(frozenset(roles) or EVERYONE, scope, asks_who, key_scope, is_open_early)}


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
    _refuse_unless_allowed_how(visitor, allowed, str(connection.scope.get("method")))
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
    state = connection.scope["state"]
    return state.get(VISITOR_KEY) or state.setdefault(VISITOR_KEY, stranger(connection))


def _recognise(connection: ASGIConnection[Any, Any, Any, Any], house: Installation, visitor: Visitor) -> None:
    """Looks up the bearer key of an API call or the session of a page; a wrong key is told, an old session is not."""
    if is_api(visitor.path):
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme:
            bearer = _by_key(house, key.strip()) if scheme.lower() == "bearer" else None
            if bearer is None:
                raise NotSignedIn
            visitor.user, visitor.key_scopes = bearer.person, bearer.scopes
    elif token := connection.cookies.get(SESSION_COOKIE):
        _by_session(house, visitor, token)


def _by_key(house: Installation, key: str) -> api_keys.Bearer | None:
    with house.open_reader() as reader:
        bearer = api_keys.find(reader, key)
        since = reader.now - api_keys.NOTED_EVERY
    if bearer is not None and (bearer.used_at is None or bearer.used_at < since):
        with house.open_work() as work:
            api_keys.note_use(work, key_id=bearer.key_id)
    return bearer


def _by_session(house: Installation, visitor: Visitor, token: str) -> None:
    with house.open_reader() as reader:
        found = sessions.find(reader, token)
        if found is None:
            return
        session, person = found
        visitor.user = person
        visitor.unread = notices.unread(reader, user_id=person.user_id, organisation_id=person.organisation_id)
        is_required = house.settings.second_factor == "required" and bool(person.roles & TRADING_ROLES)
        visitor.lacks_second_factor = is_required and not second_factor.is_enrolled(reader, person.user_id)
        since = reader.now - sessions.NOTED_EVERY
    visitor.session_id = session.id
    visitor.session_token = visitor.form_secret = token
    if session.seen_at < since:
        with house.open_work() as work:
            sessions.note_use(work, session_id=session.id)


def _refuse_unless_allowed_how(visitor: Visitor, allowed: Access, method: str) -> None:
    """A bearer key needs the scope of the call, a session the second factor where it is required."""
    needed = allowed.key_scope_of(method)
    if visitor.key_scopes is not None and needed not in visitor.key_scopes:
        raise WrongScope(scope=needed)
    if visitor.lacks_second_factor and not allowed.is_open_early:
        raise SecondFactorMissing


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


def provide_visitor(request: Request[Any, Any, Any]) -> Visitor:
    """Dependency `visitor`."""
    return visitor_of(request)


def own_or_refuse(visitor: Visitor, organisation_id: int) -> None:
    """What belongs to another organisation does not exist for this visitor: `NotFound`, never `Forbidden`."""
    if visitor.user is None or visitor.user.organisation_id != organisation_id:
        raise NotFound
