"""The operator's desk: open a round, close it, solve it, publish and settle it, one step at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from matching import rounds, solving
from tanyi.app import counter
from tanyi.app.installation import Installation
from tanyi.app.pages import pieces, views_rounds
from tanyi.app.pages.forms import WHOLE
from tanyi.app.pages.forms import Form as TypedForm
from tanyi.app.security import Form, Visitor, access, page, see_other
from tanyi.kernel.work import Reader, Work

FIELDS: Final = ("time_limit_s",)
CLOSES_AFTER: Final = timedelta(days=14)  # announced when a round is opened; the operator closes it by hand


@get("/operator/rounds/{number:str}", opt=access("operator", scope="public"), sync_to_thread=True)
def desk(visitor: NamedDependency[Visitor], reader: NamedDependency[Reader], number: FromPath[str]) -> Response[str]:
    """Where a round stands and what can be done next."""
    return page(visitor, "pages/operator/round.html", **views_rounds.desk(reader, number))


@post("/rounds", opt=access("operator", scope="public"), sync_to_thread=True)
def open_next(work: NamedDependency[Work]) -> Redirect:
    """Opens the next round under the plan in force; a bid is drafted for every duty that lacks tonnes."""
    number, plan_year = views_rounds.next_round(work)
    rounds.open_round(work, number=number, plan_year=plan_year, closes_on=work.today + CLOSES_AFTER)
    return see_other(f"/operator/rounds/{number}")


@post("/rounds/{number:str}/close", opt=access("operator", scope="public"), sync_to_thread=True)
def close(work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Ends the bidding and freezes the round."""
    rounds.close(work, number=pieces.named(number))
    return see_other(f"/operator/rounds/{number}")


@post("/rounds/{number:str}/solve", opt=access("operator", scope="public"), sync_to_thread=True)
def solve(
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
    form: NamedDependency[Form],
    number: FromPath[str],
) -> Response[Any]:
    """Puts the round into the queue of the workers; a time limit that cannot be is said beside its field."""
    sent = TypedForm(form, FIELDS, visitor.locale)
    try:
        with house.open_work(visitor.actor) as work:
            solving.request(work, number=pieces.named(number), time_limit_s=_limit_s(sent))
    except solving.TimeLimitOutOfRange as refusal:
        sent.say_refusal("time_limit_s", refusal)
        with house.open_reader() as reader:
            told = views_rounds.desk(reader, number) | {"form": sent.typed, "errors": sent.errors}
        return page(visitor, "pages/operator/round.html", status=422, **told)
    return see_other(f"/operator/rounds/{number}")


def _limit_s(sent: TypedForm) -> int | None:
    """The time limit in seconds, None without one, 0 for what is no number: the rule refuses that."""
    said = sent.typed["time_limit_s"]
    return None if not said else int(said) if WHOLE.fullmatch(said) else 0


@post("/rounds/{number:str}/solve/cancel", opt=access("operator", scope="public"), sync_to_thread=True)
def cancel(work: NamedDependency[Work], number: FromPath[str]) -> Redirect:
    """Takes the round out of the queue, or stops its solver; the round stays closed."""
    solving.cancel(work, number=pieces.named(number))
    return see_other(f"/operator/rounds/{number}")


@post("/rounds/{number:str}/publish", opt=access("operator", scope="public"), sync_to_thread=True)
def publish(visitor: NamedDependency[Visitor], house: NamedDependency[Installation], number: FromPath[str]) -> Redirect:
    """Publishes the result, then pays, delivers, retires and certifies; what was interrupted is finished."""
    with house.open_work(visitor.actor) as work:
        if rounds.by_number(work, pieces.named(number)).published_at is None:
            rounds.publish(work, number=number)
    counter.settle_round(house, number)
    return see_other(f"/operator/rounds/{number}")


ROUTES = [desk, open_next, close, solve, cancel, publish]
