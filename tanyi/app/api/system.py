"""What belongs to the installation rather than to one resource: health, keys, the log's checkpoint, the bank's webhook.

And the description of the API as OpenAPI, with a page to try it that is served by us and calls nobody else.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.di import NamedDependency
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.params import RawBody
from sqlalchemy import text

from settlement import payments
from tanyi.app import counter
from tanyi.app.api.answers import IS_KEYED, KEY_HEADER, TAKES, Problem
from tanyi.app.installation import Installation
from tanyi.app.security import ANONYMOUS, access, declared, handlers_of
from tanyi.kernel.errors import Refusal
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import audit_log

log = logging.getLogger(__name__)

FILE = access(scope="public", asks_who=False)
SHAPES = "#/components/schemas/{name}"
PROBLEM_JSON = "application/problem+json"
KEY = {
    "name": KEY_HEADER,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "minLength": 8, "maxLength": 100},
}


class Health(msgspec.Struct, frozen=True):
    """`status` is "ok" when the database answers."""

    status: str


@get("/health", opt=FILE, sync_to_thread=True)
def health(reader: NamedDependency[Reader]) -> Health:
    """200 when the database answers, else 503."""
    reader.session.execute(text("SELECT 1"))
    return Health(status="ok")


@get("/.well-known/jwks.json", opt=FILE, sync_to_thread=False)
def public_keys(house: NamedDependency[Installation]) -> dict[str, Any]:
    """The public keys of certificates and checkpoints, as a JSON Web Key Set."""
    return house.public_keys()


@get("/log/checkpoint", opt=FILE, sync_to_thread=True, media_type="text/plain")
def checkpoint(work: NamedDependency[Work], house: NamedDependency[Installation]) -> str:
    """The newest signed statement of the log's size and root: a C2SP signed note over all that is committed."""
    return audit_log.checkpoint(work, key=house.signing_key).note


@post("/gateway/webhooks", opt=FILE, status_code=200, sync_to_thread=True)
def webhook(
    body: RawBody, request: Request[Any, Any, Any], work: NamedDependency[Work], house: NamedDependency[Installation]
) -> Response[None]:
    """Takes in one signed event of the bank and answers at once; the event is handled after the answer."""
    header = request.headers.get("stripe-signature", "")
    payments.receive(work, body=body, header=header, key=house.webhook_key)
    return Response(None, status_code=200, background=BackgroundTask(_handle_news, house))


def _handle_news(house: Installation) -> None:
    """After the answer: what fails now is in the inbox and is handled with the next event."""
    try:
        counter.clear(house)
    except Refusal as refusal:
        log.warning("the bank's news wait: %s", refusal)


class OpenApiFile(JsonRenderPlugin):
    """/schema/openapi.json, completed by what the framework cannot see: strictly read bodies, keys, problems."""

    def __init__(self) -> None:
        super().__init__(path="/openapi.json")

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The document as JSON; the framework keeps the dictionary, so it is completed once."""
        schemas = openapi_schema["components"].setdefault("schemas", {})
        if "Problem" not in schemas:
            _complete(request, openapi_schema["paths"], schemas)
        return msgspec.json.encode(openapi_schema)


def _complete(request: Request[Any, Any, Any], paths: dict[str, Any], schemas: dict[str, Any]) -> None:
    routes = [row for row in handlers_of(request.app) if row[0] in paths and row[1].lower() in paths[row[0]]]
    shapes = [Problem, *(handler.opt[TAKES] for _, _, handler in routes if TAKES in handler.opt)]
    (problem, *bodies), components = msgspec.json.schema_components(shapes, ref_template=SHAPES)
    schemas.update(components)
    waiting = iter(bodies)
    for path, method, handler in routes:
        operation = paths[path][method.lower()]
        operation["responses"] = {status: found for status, found in operation["responses"].items() if status < "300"}
        operation["responses"]["default"] = {"description": "Refused", "content": {PROBLEM_JSON: {"schema": problem}}}
        if TAKES in handler.opt:
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": next(waiting)}}}
        if handler.opt.get(IS_KEYED):
            operation["parameters"] = [*operation.get("parameters", []), KEY]
        allowed = declared(handler)
        if allowed is not None and ANONYMOUS not in allowed.roles:
            operation["security"] = [{"bearer": []}]


ROUTES = [health, public_keys, checkpoint, webhook]
