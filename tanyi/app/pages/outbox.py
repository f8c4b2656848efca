"""The operator's view of messages that could not be sent, and one more try for them."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from tanyi.app.pages import views_notices
from tanyi.app.security import Visitor, access, page, see_other
from tanyi.kernel import messages
from tanyi.kernel.work import Reader, Work


@get("/operator/messages", opt=access("operator", scope="public"), sync_to_thread=True)
def dead_messages(
    request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> Response[str]:
    """What was given up, and how many wait."""
    return page(visitor, "pages/operator/messages.html", **views_notices.dead_messages(reader, request.query_params))


@post("/operator/messages/{message:int}/again", opt=access("operator", scope="public"), sync_to_thread=True)
def send_again(work: NamedDependency[Work], message: FromPath[int]) -> Redirect:
    """Lets a message try from the beginning."""
    messages.send_again(work, message_id=message)
    return see_other("/operator/messages")


ROUTES = [dead_messages, send_again]
