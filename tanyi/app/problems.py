"""Refusals on the wire: the one table from kinds of refusal to status codes, as problem documents or as a page.

Programs get RFC 9457 `application/problem+json` with our stable `code` and the `facts` of the refusal, people get the
error page; both in the reader's language. What is not a refusal is a bug: it is logged under an id, and nothing but
that id is told.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from tanyi.app.pages import rendering
from tanyi.app.security import NotSignedIn, SecondFactorMissing, Visitor, is_api, visitor_of
from tanyi.app.sign_in_brake import WINDOW_S, TooManyAttempts
from tanyi.app.visitors import sign_in_address
from tanyi.kernel.db import RETRIED_STATES, DatabaseBusy
from tanyi.kernel.errors import N_, Conflict, Forbidden, Invalid, NotFound, Refusal, Unavailable
from tanyi.kernel.idempotency import KeyUsedOtherwise
from tanyi.kernel.passwords import WrongCredentials
from tanyi.kernel.quantities import NotAQuantity

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 2
STATUSES: Mapping[type[Refusal], int] = {
    NotSignedIn: 401,
    WrongCredentials: 401,
    TooManyAttempts: 429,
    KeyUsedOtherwise: 422,
    NotFound: 404,
    Forbidden: 403,
    Invalid: 400,
    Conflict: 409,
    Unavailable: 503,
    Refusal: 409,
}
MESSAGES_OF_STATUS = {
    404: NotFound.message,
    405: N_("This address cannot be called in this way."),
    413: N_("The request is too large."),
    415: N_("The body is not in a form that is understood here."),
    500: N_("Something went wrong on our side. Nothing was changed. Please tell us this number: %(request)s"),
}


def status_of(refusal: Refusal) -> int:
    """The status of the nearest class in the table."""
    return next(STATUSES[kind] for kind in type(refusal).__mro__ if kind in STATUSES)


def refused(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    """A refusal as it stands; who is not signed in is led to the sign-in page, where there are pages."""
    visitor, status = visitor_of(request), status_of(refusal)
    if isinstance(refusal, NotSignedIn) and not is_api(visitor.path):
        address = visitor.path if request.method == "GET" else "/my"
        return Redirect(sign_in_address(address), status_code=303)
    if isinstance(refusal, SecondFactorMissing):
        return Redirect("/account/second-factor", status_code=303)
    message = rendering.translate(refusal.message, locale=visitor.locale, **refusal.facts)
    return _answer(request, visitor, status, refusal.code, message, refusal.facts)


def refused_by_database(request: Request[Any, Any, Any], error: DBAPIError) -> Response[Any]:
    """A broken constraint is a conflict by its name, data that no column takes is invalid, the rest is our bug."""
    diagnosis = getattr(error.orig, "diag", None)
    if isinstance(error, IntegrityError):
        name = getattr(diagnosis, "constraint_name", None)
        code = f"{Conflict.code}.{name}" if name else Conflict.code
        visitor = visitor_of(request)
        message = rendering.translate(Conflict.message, locale=visitor.locale)
        return _answer(request, visitor, 409, code, message, {})
    if isinstance(error, DataError):
        return refused(request, Invalid(detail="a text or number that cannot be stored"))
    if getattr(error.orig, "sqlstate", None) in RETRIED_STATES:
        return refused(request, DatabaseBusy())
    return failed(request, error)


def refused_by_framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework itself refuses: no such address, wrong method, a parameter or body that it cannot read."""
    if error.status_code >= 500:
        return failed(request, error)
    visitor, status = visitor_of(request), error.status_code
    if status == 400:
        return refused(request, Invalid(detail=_said(error)))
    message = rendering.translate(MESSAGES_OF_STATUS.get(status, Refusal.message), locale=visitor.locale)
    code = NotFound.code if status == 404 else f"http.{status}"
    answer = _answer(request, visitor, status, code, message, {})
    answer.headers.update({name: text for name, text in (error.headers or {}).items() if name.lower() == "allow"})
    return answer


def _said(error: HTTPException) -> str:
    extra = error.extra if isinstance(error.extra, list) else []
    parts = [f"{row.get('key')}: {row.get('message')}" for row in extra if isinstance(row, dict)]
    return "; ".join(parts)[:300] or error.detail.partition(" for ")[0][:300]


def not_a_quantity(request: Request[Any, Any, Any], error: NotAQuantity) -> Response[Any]:
    """A figure that no quantity can hold."""
    return refused(request, Invalid(detail=str(error)))


def no_connection_free(request: Request[Any, Any, Any], _: PoolTimeout) -> Response[Any]:
    """All connections are in use for too long."""
    return refused(request, DatabaseBusy())


def failed(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A bug: logged with all we know under an id, answered with the id alone."""
    number = secrets.token_hex(8)
    log.error("request %s failed: %s %s", number, request.method, request.scope["path"], exc_info=error)
    visitor = visitor_of(request)
    message = rendering.translate(MESSAGES_OF_STATUS[500], locale=visitor.locale, request=number)
    return _answer(request, visitor, 500, "internal", message, {"request": number})


def _answer(
    request: Request[Any, Any, Any], visitor: Visitor, status: int, code: str, message: str, facts: Mapping[str, object]
) -> Response[Any]:
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503):
        headers["Retry-After"] = str(WINDOW_S if status == 429 else RETRY_AFTER_S)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if not is_api(visitor.path) and "text/html" in request.headers.get("accept", ""):
        context = visitor.frame() | {"status": status, "message": message, "code": code}
        html = rendering.render("pages/public/error.html", **context)
        return Response(html, status_code=status, media_type="text/html", headers=headers)
    problem = {
        "type": f"urn:tanyi:refusal:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "code": code,
        "facts": {name: _plain(fact) for name, fact in facts.items()},
    }
    return Response(problem, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def _plain(fact: object) -> str | int | bool | None:
    return fact if isinstance(fact, str | int | bool | None) else str(fact)


HANDLERS: ExceptionHandlersMap = {
    Refusal: refused,
    DBAPIError: refused_by_database,
    PoolTimeout: no_connection_free,
    NotAQuantity: not_a_quantity,
    HTTPException: refused_by_framework,
    Exception: failed,
}
