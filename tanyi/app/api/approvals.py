"""The second pair of eyes in the API: what waits, the exact document, and yes or no, each once for every key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, RawBody
from msgspec import Meta

from tanyi.app import approved_acts
from tanyi.app.api.answers import REPLAYED, Listed, fingerprint, key_of, listed, takes
from tanyi.app.installation import Installation
from tanyi.app.intake import Shape, page_of, read_json
from tanyi.app.security import Visitor, access
from tanyi.kernel import api_keys, approval_book, approvals, idempotency, parties
from tanyi.kernel.approval_book import Approval
from tanyi.kernel.errors import Unavailable
from tanyi.kernel.work import Reader, Work

MEMBERS: Final = access(*parties.ROLES, scope="own")
DECIDERS: Final = access(
    *parties.ROLES, scope="own", key_scope=api_keys.TRADE
)  # what is decided moves money and tonnes
MOST: Final = 10_000


class Agreement(Shape, frozen=True, kw_only=True):
    """Yes to the document with this fingerprint, as the approval showed it."""

    payload_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class Rejection(Shape, frozen=True, kw_only=True):
    """No, and why."""

    reason: Annotated[str, Meta(min_length=1, max_length=500, pattern=r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f]*$(?!\n)")]


class ApprovalShown(msgspec.Struct, frozen=True, kw_only=True):
    """An approval of the own organisation. `act` is what is carried out, exactly; persons are numbers."""

    number: str
    kind: str
    subject: str
    state: str
    act: dict[str, Any]
    payload_sha256: str
    prepared_by: str
    prepared_at: datetime
    deadline_on: date
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    outcome: str | None


@get("/api/v1/approvals", opt=MEMBERS, sync_to_thread=True, tags=["account"])
def own_approvals(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    cursor: FromQuery[int | None] = None,
    limit: FromQuery[int | None] = None,
) -> Listed[ApprovalShown]:
    """What the own organisation prepared or decides."""
    found, _ = approval_book.newest(reader, organisation_id=visitor.organisation_id, most=MOST)
    page = page_of(found, key=lambda row: row.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: [_shown(row) for row in rows])


@get("/api/v1/approvals/{number:str}", opt=MEMBERS, sync_to_thread=True, tags=["account"])
def own_approval(
    number: FromPath[str], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]
) -> ApprovalShown:
    """One approval; another organisation's does not exist."""
    return _shown(approval_book.own(reader, number=number, organisation_id=visitor.organisation_id))


@post(
    "/api/v1/approvals/{number:str}/approve",
    opt=DECIDERS | takes(Agreement, is_keyed=True),
    status_code=200,
    sync_to_thread=True,
    tags=["account"],
)
def approve(
    number: FromPath[str],
    body: RawBody,
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
) -> Response[ApprovalShown]:
    """Approves what has this fingerprint and carries it out. APPROVED in the answer: it is still being carried out."""
    agreed = read_json(body, Agreement)
    answer = _once(
        house,
        visitor,
        request,
        agreed,
        lambda work: approved_acts.begin(work, number=number, seen_sha256=agreed.payload_sha256),
    )
    _complete(house, number)
    return answer(number)


@post(
    "/api/v1/approvals/{number:str}/reject",
    opt=DECIDERS | takes(Rejection, is_keyed=True),
    status_code=200,
    sync_to_thread=True,
    tags=["account"],
)
def reject(
    number: FromPath[str],
    body: RawBody,
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
) -> Response[ApprovalShown]:
    """Says no, and why."""
    said = read_json(body, Rejection)
    effect = lambda work: approvals.reject(work, number=number, reason=said.reason)  # noqa: E731
    return _once(house, visitor, request, said, effect)(number)


def _once(
    house: Installation,
    visitor: Visitor,
    request: Request[Any, Any, Any],
    body: object,
    effect: Callable[[Work], object],
) -> Callable[[str], Response[ApprovalShown]]:
    """The decision in one transaction with its key, or nothing if the key brought it before; gives what answers."""
    key, fingerprinted = key_of(request), fingerprint(request, body)
    with house.open_work(visitor.actor) as work:
        is_known = idempotency.known_answer(work, key=key, request=fingerprinted) is not None
        if not is_known:
            effect(work)
            idempotency.keep_answer(work, key=key, request=fingerprinted, answer={}, status=200)

    def answer(number: str) -> Response[ApprovalShown]:
        with house.open_reader() as reader:
            shown = _shown(approval_book.own(reader, number=number, organisation_id=visitor.organisation_id))
        return Response(shown, status_code=200, headers={REPLAYED: "true"} if is_known else None)

    return answer


def _complete(house: Installation, number: str) -> None:
    """What the bank has not confirmed yet is completed beside the worker; the answer says APPROVED until then."""
    try:
        approved_acts.complete(house, number)
    except Unavailable:
        return


def _shown(row: Approval) -> ApprovalShown:
    own = [name for name in ApprovalShown.__struct_fields__ if name not in ("act", "prepared_by", "decided_by")]
    return ApprovalShown(
        act=approval_book.document_of(row)["act"],
        prepared_by=f"user-{row.prepared_by}",
        decided_by=f"user-{row.decided_by}" if row.decided_by else None,
        **{name: getattr(row, name) for name in own},
    )


ROUTES = [own_approvals, own_approval, approve, reject]
