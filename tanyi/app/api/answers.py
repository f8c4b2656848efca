"""What the API's routes share: shapes of lists, what a route takes, and answers that are given once to each key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec
from litestar import Request, Response

from market.registry.issuance import Provenance
from tanyi.app.intake import Page
from tanyi.kernel import idempotency
from tanyi.kernel.work import Work

Row = TypeVar("Row")
Shown = TypeVar("Shown")

TAKES: Final = "takes"
IS_KEYED: Final = "is_keyed"
KEY_HEADER: Final = "idempotency-key"
REPLAYED: Final = "Idempotent-Replayed"


class Listed(msgspec.Struct, Generic[Shown], frozen=True, kw_only=True):
    """One page of a list; `next_cursor` is None at its end."""

    items: list[Shown]
    next_cursor: int | None


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where tonnes come from."""

    issuance: int
    project: str
    product_type: str
    methodology: str
    vintage: int
    region: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal (RFC 9457). `code` is stable, `detail` is in the reader's language."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    facts: dict[str, str | int | bool | None]


def takes(shape: type[msgspec.Struct], *, is_keyed: bool = False) -> dict[str, Any]:
    """A part of a route's `opt`: its body, read strictly, and whether an `Idempotency-Key` is required."""
    return {TAKES: shape, IS_KEYED: is_keyed}


def origin(found: Provenance) -> Origin:
    """An issuance's provenance as the API shows it."""
    return Origin(
        issuance=found.issuance_id,
        project=found.project_code,
        product_type=found.product_type,
        methodology=found.methodology,
        vintage=found.vintage,
        region=found.region,
    )


def listed(page: Page[Row], show: Callable[[Sequence[Row]], list[Shown]]) -> Listed[Shown]:
    """A page of rows as a page of what is shown of them."""
    return Listed(items=show(page.rows), next_cursor=page.next_cursor)


def key_of(request: Request[Any, Any, Any]) -> str:
    """The `Idempotency-Key` header, or `KeyMissing`."""
    key = request.headers.get(KEY_HEADER)
    if key is None or not idempotency.is_key(key):
        raise idempotency.KeyMissing
    return key


def fingerprint(request: Request[Any, Any, Any], body: object) -> str:
    """What makes a request the same as one that came before under its key."""
    return idempotency.fingerprint(request.method, request.url.path, msgspec.to_builtins(body))


def once(
    work: Work, request: Request[Any, Any, Any], body: object, effect: Callable[[], msgspec.Struct]
) -> Response[Any]:
    """The effect and its answer in one transaction, or the answer that was given to this key before."""
    key, fingerprinted = key_of(request), fingerprint(request, body)
    known = idempotency.known_answer(work, key=key, request=fingerprinted)
    if known is not None:
        return Response(known, status_code=201, headers={REPLAYED: "true"})
    answer: dict[str, Any] = msgspec.to_builtins(effect())
    idempotency.keep_answer(work, key=key, request=fingerprinted, answer=answer, status=201)
    return Response(answer, status_code=201)
