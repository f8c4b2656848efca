"""Answers made smaller on their way out, but only where nobody could learn a secret from how small they became.

When a page repeats what its address says and also holds a secret, whoever can make a browser ask for it and can see the
size of the encrypted answers may guess the secret letter by letter (BREACH). So a page is compressed only if it holds
none: nobody is signed in and no form's token stands on it. Answers to programs are always compressed: they ask with a
key that no browser sends by itself. Static files are compressed by `static_files`.
"""

from __future__ import annotations

import gzip
from typing import Final

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

from tanyi.app.security import VISITOR_KEY, Visitor, is_api
from tanyi.app.static_files import accepts_gzip

SMALLEST_BYTES: Final = 1_000
LEVEL: Final = 5  # a page in about a millisecond
TEXT_TYPES: Final = (
    "text/",
    "application/json",
    "application/problem+json",
    "application/vnd.oai.openapi",
    "image/svg",
)


class Compression(ASGIMiddleware):
    """Compresses answers that are sent in one piece."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Lets the application answer, and holds the head of the answer back until its body is there."""
        if not accepts_gzip(Headers.from_scope(scope).get("accept-encoding", "")):
            await next_app(scope, receive, send)
            return
        held: HTTPResponseStartEvent | None = None

        async def send_smaller(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                held = message
                return
            if held is not None:
                start, held = held, None
                if message["type"] == "http.response.body" and not message.get("more_body"):
                    message["body"] = smaller(scope, MutableScopeHeaders.from_message(start), message["body"])
                await send(start)
            await send(message)

        await next_app(scope, receive, send_smaller)


def smaller(scope: Scope, headers: MutableScopeHeaders, body: bytes) -> bytes:
    """The body as it is to be sent, its headers changed with it."""
    is_text = headers.get("content-type", "").startswith(TEXT_TYPES)
    if not is_text or len(body) < SMALLEST_BYTES or "content-encoding" in headers or holds_secret(scope, body):
        return body
    packed = gzip.compress(body, LEVEL, mtime=0)
    headers["content-encoding"], headers["content-length"] = "gzip", str(len(packed))
    headers.extend_header_value("vary", "Accept-Encoding")
    return packed


def holds_secret(scope: Scope, body: bytes) -> bool:
    """Whether an answer to a browser may hold what only its reader should know; where nobody was asked, it may."""
    if is_api(scope["path"]):
        return False
    visitor = scope["state"].get(VISITOR_KEY)
    if not isinstance(visitor, Visitor) or visitor.user is not None:
        return True
    return visitor.form_secret is not None and visitor.csrf_token.encode() in body
