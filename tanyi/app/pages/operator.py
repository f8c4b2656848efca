"""The operator's desk: open a round, close it, solve it, publish and settle it, one step at a time."""

from __future__ import annotations

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from matching import rounds
from tanyi.app import counter
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_rounds
from tanyi.app.security import Visitor, access, page, see_other
from tanyi.kernel.work import Reader, Work


@get("/operator/rounds/{number:str}", opt=access("operator", scope="public"), sync_to_thread=True)
def desk(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """Where a round stands and what can be done next."""
    return page(visitor, "pages/operator/round.html", **views_rounds.desk(reader, number))


@post("/rounds", opt=access("operator", scope="public"), sync_to_thread=True)
def open_next(work: NamedDependency[Work]) -> Redirect:
    """Opens the next round under the plan in force; a bid is drafted for every duty that lacks tonnes."""
    number, plan_year = views_rounds.next_round(work)
    rounds.open_round(work, number=number, plan_year=plan_year)
    return see_other(f"/operator/rounds/{number}")


@post("/rounds/{number:str}/close", opt=access("operator", scope="public"), sync_to_thread=True)
def close(work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Ends the bidding and freezes the round."""
    rounds.close(work, number=pieces.named(number))
    return see_other(f"/operator/rounds/{number}")


@post("/rounds/{number:str}/solve", opt=access("operator", scope="public"), sync_to_thread=True)
def solve(visitor: NamedDependency[Visitor], house: NamedDependency[Installation], number: FromPath[str]) -> Redirect:
    """Solves the round in another process and keeps the result if the checker passes it."""
    rounds.run(house.work_opener(visitor.actor), number=pieces.named(number))
    return see_other(f"/operator/rounds/{number}")


@post("/rounds/{number:str}/publish", opt=access("operator", scope="public"), sync_to_thread=True)
def publish(visitor: NamedDependency[Visitor], house: NamedDependency[Installation], number: FromPath[str]) -> Redirect:
    """Publishes the result, then pays, delivers, retires and certifies; what was interrupted is finished."""
    with house.open_work(visitor.actor) as work:
        if rounds.by_number(work, pieces.named(number)).published_at is None:
            rounds.publish(work, number=number)
    counter.settle_round(house, number)
    return see_other(f"/operator/rounds/{number}")


ROUTES = [desk, open_next, close, solve, publish]
