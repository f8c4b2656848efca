"""Rounds (撮合场次): open, frozen, solved and checked, published.

A round is the one verb with two transactions. Closing freezes it: listings and bids are snapshot to a problem file that
is kept for ever. The solver then thinks in another process, with no transaction and no lock held, and nothing is kept
that the independent checker has not passed: neither the result nor the certificate that proves its bounds. Publishing
records the trades with their tonnes reserved. What waits for a worker, and how far it is, stands in `matching/solving.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

from sqlalchemy import func, select, update

from market.emitters import policy
from market.registry import issuance
from market.trading import bids, listings, trades
from market.trading.bids import Bid as BidRow
from market.trading.listings import Listing
from matching import apart
from matching.certificate import read_certificate
from matching.checker import check
from matching.problem import Bid, Floor, Lot, Problem, Result, read_problem, read_result, write_problem
from matching.tables import Round
from tanyi.kernel import parties
from tanyi.kernel.clock import rfc3339
from tanyi.kernel.errors import N_, Conflict, NotFound, Unavailable
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks

STATES = Lifecycle(
    "round",
    "OPEN",
    {"OPEN": ("CLOSED",), "CLOSED": ("SOLVED",), "SOLVED": ("PUBLISHED",), "PUBLISHED": ()},
)
MINIMUM_LINE_T = 100


class CheckFailed(Conflict):
    """The checker found the result wanting: nothing of it is kept."""

    code = "matching.check_failed"
    message = N_("The result did not pass the independent check (%(violation)s). Nothing was recorded.")


class SolverDown(Unavailable):
    """The solver's process gave no result; the round stays closed and can be solved again."""

    code = "matching.solver_down"
    message = N_("The solver gave no result (%(reason)s). The round is still closed and can be solved again.")


def open_round(work: Work, *, number: str, plan_year: int) -> int:
    """Opens a round under a plan and drafts a bid for every duty that lacks tonnes; gives the round's id."""
    plan = policy.plan_in_force(work, plan_year)
    fresh = Round(
        number=number,
        plan_year=plan_year,
        price_rule="pay_as_ask",
        minimum_line_t=MINIMUM_LINE_T,
        seed=hashlib.sha256(f"tanyi/{number}".encode()).hexdigest()[:16],  # announced with the round, before any bid
        state=STATES.initial,
        opened_at=work.now,
    )
    work.session.add(fresh)
    work.session.flush()
    bids.draft_from_duties(work, round_id=fresh.id, plan=plan)
    work.record("round.opened", number=number, seed=fresh.seed)
    return fresh.id


def close(work: Work, *, number: str) -> None:
    """Ends the bidding and freezes the round: what counts from here on is the problem file."""
    found = _locked(work, number, "CLOSED")
    plan = policy.plan_in_force(work, found.plan_year)
    entered = bids.freeze(work, round_id=found.id)
    offered = listings.freeze(
        work, round_id=found.id, product_types=plan.eligible_types, vintage_from=plan.vintage_from
    )
    problem = write_problem(_problem(work, found, entered, offered))
    _keep(work, found, state="CLOSED", closed_at=work.now, problem=problem)
    work.record("round.closed", number=number, problem_sha256=hashlib.sha256(problem).hexdigest())


def run(
    open_work: Callable[[], AbstractContextManager[Work]], *, number: str, limits: apart.Limits = apart.USUAL
) -> Result:
    """Solves a closed round in another process, waits for it, and keeps the result if the checker passes it.

    For commands, where somebody waits anyway. A page asks a worker instead (`solving.request`).
    """
    with open_work() as work:
        problem = frozen(work, number=number).problem
    assert problem is not None, "a closed round has its problem"
    try:
        answer = apart.solve_apart(problem, limits)
    except apart.SolverFailed as failed:
        raise SolverDown(reason=str(failed)) from failed
    with open_work() as work:
        return keep_result(work, number=number, answer=answer)


def frozen(work: Work, *, number: str) -> Round:
    """A round that can be solved now, locked, or `WrongState`."""
    return _locked(work, number, "SOLVED")


def keep_result(work: Work, *, number: str, answer: apart.Answer) -> Result:
    """Checks a result and its bounds against the frozen problem, without the solver, and keeps it with its certificate.

    The round is then SOLVED. Raises `CheckFailed`, `BadResult` or `BadCertificate`, and keeps nothing.
    """
    found = _locked(work, number, "SOLVED")
    assert found.problem is not None, "a closed round has its problem"
    result = read_result(answer.result)
    violations = check(read_problem(found.problem), result, read_certificate(answer.certificate))
    if violations:
        raise CheckFailed(violation=str(violations[0]))
    _keep(work, found, state="SOLVED", result=answer.result, certificate=answer.certificate)
    prints = {f"{name}_sha256": hashlib.sha256(raw).hexdigest() for name, raw in vars(answer).items()}
    work.record("round.solved", number=number, status=result.status, **prints)
    return result


def publish(work: Work, *, number: str) -> list[int]:
    """Publishes a checked result: trades with their tonnes reserved, the rest on sale again; gives the trades' ids."""
    found = _locked(work, number, "PUBLISHED")
    result = result_of(found)
    bid_of = {bid.number: bid for bid in bids.of_round(work, found.id)}
    lot_of = {lot.number: lot for lot in listings.of_round(work, found.id)}
    deals = [
        trades.Deal(
            listing_id=lot_of[line.lot].id,
            buyer_id=bid_of[line.bid].buyer_id,
            quantity_t=line.quantity_t,
            price_fen=line.price_fen,
            bid_id=bid_of[line.bid].id,
            round_id=found.id,
        )
        for line in result.lines
    ]
    made = trades.record(work, deals=deals)
    listings.thaw(work, round_id=found.id)
    _keep(work, found, state="PUBLISHED", published_at=work.now)
    work.record("round.published", number=number, lines=str(len(made)), tonnes=str(sum(d.quantity_t for d in deals)))
    return made


def _problem(work: Work, found: Round, entered: Sequence[BidRow], offered: Sequence[Listing]) -> Problem:
    people = parties.organisations(work, {bid.buyer_id for bid in entered} | {lot.seller_id for lot in offered})
    origins = issuance.provenance(work, {lot.issuance_id for lot in offered})
    tonnes = blocks.offered_t(work, [lot.id for lot in offered])
    lots = [_lot(lot, people[lot.seller_id], origins[lot.issuance_id], int(tonnes[lot.id])) for lot in offered]
    return Problem(
        format="tanyi.match/1",
        id=found.number,
        mechanism="quota",
        price_rule="pay_as_ask",
        min_line_t=found.minimum_line_t,
        seed=found.seed,
        lots=tuple(lots),
        bids=tuple(_bid(bid, people[bid.buyer_id]) for bid in entered),
    )


def _lot(lot: Listing, seller: parties.Organisation, origin: issuance.Provenance, quantity_t: int) -> Lot:
    return Lot(
        id=lot.number,
        seller=seller.code,
        group=seller.group_code,
        product_type=origin.product_type,
        vintage=origin.vintage,
        region=origin.region,
        quantity_t=quantity_t,
        ask_fen=lot.ask_fen,
        all_or_none=False,
        offered_at=rfc3339(lot.offered_at),
    )


def _bid(bid: BidRow, buyer: parties.Organisation) -> Bid:
    assert bid.limit_fen is not None, "a confirmed bid has a limit"
    floor = Floor(product_types=tuple(bid.floor_types), regions=None, min_permille=bid.floor_permille)
    return Bid(
        id=bid.number,
        buyer=buyer.code,
        group=buyer.group_code,
        purpose="compliance" if bid.obligation_id else "voluntary",
        quantity_t=bid.quantity_t,
        limit_fen=bid.limit_fen,
        product_types=None if bid.product_types is None else tuple(bid.product_types),
        vintage_from=bid.vintage_from,
        vintage_to=None,
        regions=None,
        floor=floor if bid.floor_permille else None,
        max_group_permille=bid.max_group_permille,
        max_sellers=bid.max_sellers,
        all_or_none=False,
        submitted_at=rfc3339(bid.submitted_at),
    )


def _locked(work: Work, number: str, to: str) -> Round:
    query = select(Round).where(Round.number == number).with_for_update()
    found = work.session.scalar(query.execution_options(populate_existing=True))
    if found is None:
        raise NotFound
    STATES.refuse_unless_may(found.state, to)
    return found


def _keep(work: Work, found: Round, **columns: object) -> None:
    work.session.execute(update(Round).where(Round.id == found.id).values(**columns))


def by_number(reader: Reader, number: str) -> Round:
    """A round by its number, or `NotFound`."""
    found = reader.session.scalar(select(Round).where(Round.number == number))
    if found is None:
        raise NotFound
    return found


def all_rounds(reader: Reader) -> Sequence[Round]:
    """Every round, newest first."""
    return reader.session.scalars(select(Round).order_by(Round.id.desc())).all()


def by_ids(reader: Reader, ids: Sequence[int]) -> dict[int, Round]:
    """Rounds by their ids."""
    return {row.id: row for row in reader.session.scalars(select(Round).where(Round.id.in_(ids)))}


def result_of(found: Round) -> Result:
    """The checked result of a solved round."""
    assert found.result is not None, "a solved round has its result"
    return read_result(found.result)


def problem_of(found: Round) -> Problem:
    """The frozen problem of a closed round."""
    assert found.problem is not None, "a closed round has its problem"
    return read_problem(found.problem)


def page_of(reader: Reader, *, first: int, most: int) -> tuple[Sequence[Round], int]:
    """One page of the rounds, newest first, and how many there are."""
    total = reader.session.scalars(select(func.count()).select_from(Round)).one()
    return reader.session.scalars(select(Round).order_by(Round.id.desc()).offset(first).limit(most)).all(), total


def numbered_like(reader: Reader, words: str, most: int) -> Sequence[Round]:
    """The newest rounds whose number has these words."""
    said = Round.number.icontains(words, autoescape=True)
    return reader.session.scalars(select(Round).where(said).order_by(Round.id.desc()).limit(most)).all()


def last_published(reader: Reader) -> Round | None:
    """The newest published round."""
    query = select(Round).where(Round.published_at.is_not(None)).order_by(Round.id.desc()).limit(1)
    return reader.session.scalar(query)


def numbers(reader: Reader, ids: Iterable[int]) -> dict[int, str]:
    """The numbers of rounds by their ids."""
    query = select(Round.id, Round.number).where(Round.id.in_(set(ids)))
    return {row[0]: row[1] for row in reader.session.execute(query)}
