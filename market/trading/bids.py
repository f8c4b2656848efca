"""Bids (报价): what a firm wants in a round, made from its duty and confirmed by the firm.

A compliance bid asks for what the duty still lacks, and the plan's ecological share is copied to it as its floor: the
firm may raise it, never lower it. A draft that nobody confirms lapses when the round closes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import func, select, update

from market.emitters import obligations
from market.emitters.policy import Plan
from market.trading.listings import refuse_unless_price
from market.trading.tables import Bid
from tanyi.kernel import tasks
from tanyi.kernel.errors import N_, Invalid, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Reader, Work

STATES = Lifecycle(
    "bid",
    "DRAFT",
    {"DRAFT": ("CONFIRMED", "LAPSED"), "CONFIRMED": ("CONFIRMED", "ENTERED"), "ENTERED": (), "LAPSED": ()},
)


TASK: Final = "bid.confirm"


class FloorLowered(Invalid):
    """The ecological share is below what the annual plan asks for."""

    code = "trading.floor_lowered"
    message = N_("The ecological share may be raised above the plan's %(plan_permille)s permille, never lowered.")


class ShareOutOfRange(Invalid):
    """A share outside 0 to 1000 permille, or a limit on sellers below one."""

    code = "trading.share_out_of_range"
    message = N_("Shares lie between 0 and 1000 permille, and at least one seller must be allowed.")


class TypeNotEligible(Invalid):
    """A product type that the annual plan does not admit, or none at all."""

    code = "trading.type_not_eligible"
    message = N_("Choose at least one product type, out of those that the annual plan admits.")


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a firm decides about its bid: limit in fen a tonne, shares in permille of the bid's quantity."""

    limit_fen: Money
    floor_permille: int
    max_group_permille: int | None = None
    max_sellers: int | None = None
    product_types: Sequence[str] | None = None


def refuse_unless_terms(terms: Terms, plan_permille: int) -> None:
    """Terms within the plan: pure."""
    refuse_unless_price(terms.limit_fen)
    if terms.floor_permille < plan_permille:
        raise FloorLowered(plan_permille=plan_permille)
    cap = terms.max_group_permille
    if (
        terms.floor_permille > 1000
        or (cap is not None and not 1 <= cap <= 1000)
        or (terms.max_sellers is not None and terms.max_sellers < 1)
    ):
        raise ShareOutOfRange


def draft_from_duties(work: Work, *, round_id: int, plan: Plan, closes_on: date | None) -> list[int]:
    """Drafts a bid for every duty of the plan that still lacks tonnes; gives the bids' ids."""
    rows = [
        Bid(
            round_id=round_id,
            buyer_id=duty.organisation_id,
            purpose="compliance",
            obligation_id=duty.id,
            quantity_t=duty.required_t - duty.retired_t,
            plan_floor_permille=plan.ecological_permille,
            floor_permille=plan.ecological_permille,
            floor_types=list(plan.ecological_types),
            product_types=list(plan.eligible_types),
            vintage_from=plan.vintage_from,
            state=STATES.initial,
            submitted_at=work.now,
        )
        for duty in obligations.of_plan(work, plan.year)
        if duty.required_t > duty.retired_t
    ]
    work.session.add_all(rows)
    work.session.flush()
    _give_tasks(work, rows, closes_on)
    return [row.id for row in rows]


def _give_tasks(work: Work, drafted: Sequence[Bid], closes_on: date | None) -> None:
    """A draft that nobody confirms lapses, so its firm is given the task to confirm it."""
    orders = [
        tasks.Order(
            organisation_id=bid.buyer_id,
            kind=TASK,
            subject=bid.number,
            address=f"/bids/{bid.number}",
            due_on=closes_on,
            facts={"wanted_t": bid.quantity_t},
        )
        for bid in drafted
    ]
    tasks.give(work, orders=orders)


def draft_voluntary(
    work: Work, *, round_id: int, buyer_id: int, quantity_t: Tonnes, closes_on: date | None = None
) -> Bid:
    """Drafts a voluntary bid: no duty behind it and no floor under it."""
    bid = Bid(
        round_id=round_id,
        buyer_id=buyer_id,
        purpose="voluntary",
        quantity_t=int(quantity_t),
        plan_floor_permille=0,
        floor_permille=0,
        floor_types=[],
        state=STATES.initial,
        submitted_at=work.now,
    )
    work.session.add(bid)
    work.session.flush()
    _give_tasks(work, [bid], closes_on)
    return bid


def confirm(work: Work, *, number: str, buyer_id: int, terms: Terms) -> None:
    """The firm confirms its bid, or changes a confirmed one while the round is open."""
    query = select(Bid).where(Bid.number == number, Bid.buyer_id == buyer_id).with_for_update()
    bid = work.session.scalar(query)
    if bid is None:
        raise NotFound
    STATES.refuse_unless_may(bid.state, "CONFIRMED")
    refuse_unless_terms(terms, bid.plan_floor_permille)
    columns = vars(terms) | {"limit_fen": int(terms.limit_fen), "state": "CONFIRMED", "submitted_at": work.now}
    if terms.product_types is None:
        del columns["product_types"]  # the plan's eligible types stay
    else:
        _refuse_unless_narrower(bid.product_types, terms.product_types)
        columns["product_types"] = list(terms.product_types)
    work.session.execute(update(Bid).where(Bid.id == bid.id).values(**columns))
    work.record("bid.confirmed", number=number)
    tasks.close(work, kind=TASK, subjects=[number])


def _refuse_unless_narrower(eligible: Sequence[str] | None, wanted: Sequence[str]) -> None:
    if not wanted or (eligible is not None and not set(wanted) <= set(eligible)):
        raise TypeNotEligible


def freeze(work: Work, *, round_id: int) -> list[Bid]:
    """Enters every confirmed bid into the closing round; drafts lapse."""
    lapsing = update(Bid).where(Bid.round_id == round_id, Bid.state == "DRAFT").values(state="LAPSED")
    lapsed = work.session.scalars(lapsing.returning(Bid.number).execution_options(synchronize_session=False)).all()
    tasks.close(work, kind=TASK, subjects=lapsed)
    entering = update(Bid).where(Bid.round_id == round_id, Bid.state == "CONFIRMED").values(state="ENTERED")
    work.session.execute(entering)
    query = select(Bid).where(Bid.round_id == round_id, Bid.state == "ENTERED").order_by(Bid.id)
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def of_round(reader: Reader, round_id: int) -> Sequence[Bid]:
    """The bids of a round in the order of their numbers."""
    return reader.session.scalars(select(Bid).where(Bid.round_id == round_id).order_by(Bid.id)).all()


def of_buyer(reader: Reader, buyer_id: int) -> Sequence[Bid]:
    """A firm's bids, newest first."""
    return reader.session.scalars(select(Bid).where(Bid.buyer_id == buyer_id).order_by(Bid.id.desc())).all()


def of_buyer_by_number(reader: Reader, *, number: str, buyer_id: int) -> Bid:
    """A firm's own bid, or `NotFound`: nobody else's is admitted to exist."""
    bid = reader.session.scalar(select(Bid).where(Bid.number == number, Bid.buyer_id == buyer_id))
    if bid is None:
        raise NotFound
    return bid


def by_ids(reader: Reader, ids: Iterable[int]) -> dict[int, Bid]:
    """Bids by their ids."""
    return {row.id: row for row in reader.session.scalars(select(Bid).where(Bid.id.in_(set(ids))))}


def of_obligation(reader: Reader, obligation_id: int) -> Sequence[Bid]:
    """The bids made for one duty, newest first."""
    return reader.session.scalars(select(Bid).where(Bid.obligation_id == obligation_id).order_by(Bid.id.desc())).all()


def counts(reader: Reader, round_ids: Iterable[int]) -> dict[int, int]:
    """How many bids each round has, without those that lapsed."""
    query = select(Bid.round_id, func.count()).where(Bid.round_id.in_(set(round_ids)), Bid.state != "LAPSED")
    return {row[0]: row[1] for row in reader.session.execute(query.group_by(Bid.round_id))}
