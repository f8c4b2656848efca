"""The application: routes found in `api/` and `pages/`, one gate before all of them, one transaction a request.

A refusal anywhere rolls the transaction back; a page is rendered, then the work is committed, then the response is
sent, and a commit that fails becomes an error response. Handlers run in threads; transactions end in threads of their
own, so that one which holds a lock can always finish, however many requests wait for that lock.
"""

from __future__ import annotations

import asyncio
import os
import pkgutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from litestar import Litestar, Request, Router
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.static_files import create_static_files_router
from litestar.types import Message, Scope

from tanyi import __version__
from tanyi.app import api, pages, problems, security, visitors
from tanyi.app.api.system import OpenApiFile
from tanyi.app.installation import Installation, open_installation
from tanyi.app.pages.rendering import templates_folder
from tanyi.app.security import CSRF_FIELD, Form, Visitor, access, visitor_of
from tanyi.kernel.config import settings
from tanyi.kernel.errors import Invalid
from tanyi.kernel.work import Reader, Work

T = TypeVar("T")

LARGEST_BODY = 1_000_000
HANDLING_THREADS, ENDING_THREADS = 16, 4  # together no more than the database has connections for us
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def application() -> Litestar:
    """The application of this environment's installation, which it opens when the server starts; migrates nothing."""
    return build(lambda: open_installation(settings(os.environ)))


def application_of(house: Installation) -> Litestar:
    """The application of an installation that is open already and is closed by whoever opened it."""
    return build(lambda: nullcontext(house))


def build(open_house: Callable[[], AbstractContextManager[Installation]]) -> Litestar:
    """Puts the application together; a route that declares no roles and scope fails here."""
    app = Litestar(
        # one router: methods of one path that are registered one by one would be wrapped for threads twice
        route_handlers=[_routes_of(api), _routes_of(pages, include_in_schema=False), _static_files()],
        lifespan=[partial(_living_in, open_house)],
        dependencies=_dependencies(),
        guards=[security.gate],
        exception_handlers=problems.HANDLERS,
        before_send=[_add_headers],
        openapi_config=_openapi(),
        request_max_body_size=LARGEST_BODY,
        logging_config=None,
        debug=False,
    )
    security.refuse_undeclared(app)
    return app


def _routes_of(package: ModuleType, *, include_in_schema: bool = True) -> Router:
    """The `ROUTES` of every module of a package."""
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    handlers = [handler for name in names for handler in getattr(import_module(name), "ROUTES", [])]
    return Router("/", route_handlers=handlers, include_in_schema=include_in_schema)


def _static_files() -> Router:
    opt = access(scope="public", asks_who=False)
    return create_static_files_router(path="/static", directories=[templates_folder() / "static"], opt=opt)


def _openapi() -> OpenAPIConfig:
    opt = access(scope="public", asks_who=False)
    return OpenAPIConfig(
        title="Tanyi",
        version=__version__,
        openapi_router=Router("/schema", route_handlers=[], opt=opt, include_in_schema=False),
        render_plugins=[OpenApiFile()],
        components=Components(security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer")}),
    )


@asynccontextmanager
async def _living_in(
    open_house: Callable[[], AbstractContextManager[Installation]], app: Litestar
) -> AsyncIterator[None]:
    with open_house() as house, ThreadPoolExecutor(ENDING_THREADS, "ending") as ending:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(HANDLING_THREADS, "handling"))
        app.state.house, app.state.ending = house, ending
        yield


def _dependencies() -> dict[str, Provide]:
    return {
        "house": Provide(provide_house, sync_to_thread=False),
        "visitor": Provide(security.provide_visitor, sync_to_thread=False),
        "reader": Provide(provide_reader),
        "work": Provide(provide_work),
        "form": Provide(provide_form),
    }


def provide_house(request: Request[Any, Any, Any]) -> Installation:
    """Dependency `house`."""
    return request.app.state.house


async def provide_work(request: Request[Any, Any, Any]) -> AsyncGenerator[Work, None]:
    """Dependency `work`: the one transaction of this request, in the name of who is signed in."""
    visitor: Visitor = visitor_of(request)
    async with _in_threads(request, request.app.state.house.open_work(visitor.actor)) as work:
        yield work


async def provide_reader(request: Request[Any, Any, Any]) -> AsyncGenerator[Reader, None]:
    """Dependency `reader`: one read-only view of one state of things."""
    async with _in_threads(request, request.app.state.house.open_reader()) as reader:
        yield reader


async def provide_form(request: Request[Any, Any, Any]) -> Form:
    """Dependency `form`: the fields of a form, each once and as text, without the token that the gate has checked."""
    entered: Form = {}
    for name, text in (await request.form()).multi_items():
        if name in entered or not isinstance(text, str):
            raise Invalid(detail=f"field {name} stands twice or is a file")
        entered[name] = text
    entered.pop(CSRF_FIELD, None)
    return entered


@asynccontextmanager
async def _in_threads(request: Request[Any, Any, Any], opened: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A transaction whose beginning and end happen in threads; the end in those that are kept for it."""
    inside = await security.sync_to_thread(opened.__enter__)
    end = partial(asyncio.get_running_loop().run_in_executor, request.app.state.ending, opened.__exit__)
    try:
        yield inside
    except BaseException as wrong:
        await end(type(wrong), wrong, wrong.__traceback__)
        raise
    else:
        await end(None, None, None)


async def _add_headers(message: Message, scope: Scope) -> None:
    """Every answer carries the security headers, and the form cookie when a page has just made one."""
    if message["type"] != "http.response.start":
        return
    headers = MutableScopeHeaders.from_message(message)
    for name, text in SECURITY_HEADERS.items():
        headers[name] = text
    visitor = scope.get("state", {}).get(security.VISITOR_KEY)
    if isinstance(visitor, Visitor) and visitor.is_new and visitor.form_secret is not None:
        cookie = visitors.form_cookie(scope["litestar_app"].state.house, visitor.form_secret)
        headers.add("set-cookie", cookie.to_header(header=""))
