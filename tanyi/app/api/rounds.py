"""Rounds in the API: public to read, with the addresses of its problem, result and certificate; run by the operator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from matching import rounds
from tanyi.app import counter
from tanyi.app.api.answers import IS_KEYED, REPLAYED, Listed, fingerprint, key_of, listed
from tanyi.app.installation import Installation
from tanyi.app.intake import page_of
from tanyi.app.security import Visitor, access
from tanyi.kernel import idempotency
from tanyi.kernel.work import Reader, Work

RUN_BY_OPERATOR = access("operator", scope="public")


class RoundShown(msgspec.Struct, frozen=True, kw_only=True):
    """A round. `problem`, `result` and `certificate` (of the bounds) are the addresses of its files.

    They are None until it is published; a round solved before there were certificates never has one.
    """

    number: str
    plan_year: int
    state: str
    price_rule: str
    seed: str
    opened_at: datetime
    closed_at: datetime | None
    published_at: datetime | None
    problem: str | None
    result: str | None
    certificate: str | None


@get("/api/v1/rounds", opt=access(scope="public"), sync_to_thread=True, tags=["rounds"])
def all_rounds(
    reader: NamedDependency[Reader], cursor: FromQuery[int | None] = None, limit: FromQuery[int | None] = None
) -> Listed[RoundShown]:
    """Every round, oldest first."""
    page = page_of(rounds.all_rounds(reader), key=lambda found: found.id, cursor=cursor, limit=limit)
    return listed(page, _shown)


@get("/api/v1/rounds/{number:str}", opt=access(scope="public"), sync_to_thread=True, tags=["rounds"])
def one_round(number: FromPath[str], reader: NamedDependency[Reader]) -> RoundShown:
    """One round with the addresses of its files."""
    return _shown([rounds.by_number(reader, number)])[0]


@post("/api/v1/rounds/{number:str}/close", opt=RUN_BY_OPERATOR, status_code=200, sync_to_thread=True, tags=["rounds"])
def close_round(number: FromPath[str], work: NamedDependency[Work]) -> RoundShown:
    """Ends the bidding and freezes the problem."""
    rounds.close(work, number=number)
    work.session.expire_all()
    return _shown([rounds.by_number(work, number)])[0]


@post("/api/v1/rounds/{number:str}/solve", opt=RUN_BY_OPERATOR, status_code=200, sync_to_thread=True, tags=["rounds"])
def solve_round(
    number: FromPath[str], visitor: NamedDependency[Visitor], house: NamedDependency[Installation]
) -> RoundShown:
    """Solves the frozen problem in another process and keeps the result if the checker passes it."""
    rounds.run(house.work_opener(visitor.actor), number=number)
    return _now(house, number)


@post(
    "/api/v1/rounds/{number:str}/publish",
    opt=access("operator", scope="public", key_scope="trade") | {IS_KEYED: True},
    status_code=200,
    sync_to_thread=True,
    tags=["rounds"],
)
def publish_round(
    number: FromPath[str],
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
) -> Response[RoundShown]:
    """Publishes the result and settles the round: payments, delivery, retirement, certificates, payouts."""
    key, asked = key_of(request), fingerprint(request, None)
    with house.open_work(visitor.actor) as turn:  # held to the end, so that a twin in flight waits and then replays
        is_known = idempotency.known_answer(turn, key=key, request=asked) is not None
        if not is_known:
            with house.open_work(visitor.actor) as work:
                rounds.publish(work, number=number)
                idempotency.keep_answer(work, key=key, request=asked, answer={"number": number}, status=200)
        counter.settle_round(house, number)
    return Response(_now(house, number), status_code=200, headers={REPLAYED: "true"} if is_known else None)


def _now(house: Installation, number: str) -> RoundShown:
    with house.open_reader() as reader:
        return _shown([rounds.by_number(reader, number)])[0]


def _shown(rows: Sequence[rounds.Round]) -> list[RoundShown]:
    return [
        RoundShown(
            number=row.number,
            plan_year=row.plan_year,
            state=row.state,
            price_rule=row.price_rule,
            seed=row.seed,
            opened_at=row.opened_at,
            closed_at=row.closed_at,
            published_at=row.published_at,
            problem=_file(row, "problem"),
            result=_file(row, "result"),
            certificate=_file(row, "certificate") if row.certificate else None,
        )
        for row in rows
    ]


def _file(row: rounds.Round, name: str) -> str | None:
    return f"/rounds/{row.number}/{name}.json" if row.published_at else None


ROUTES = [all_rounds, one_round, close_round, solve_round, publish_round]
