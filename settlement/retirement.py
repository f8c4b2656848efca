"""Retirement (注销): the end of tonnes, once, for one named claim, for ever (domain §1.6 cases 22 and 23).

Buying is not offsetting: only tonnes retired for a named duty discharge it. The claim is complete when it is made: it
is kept and its hash goes to the log in the same transaction, and the certificate issued later says the same, whatever
is renamed meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, insert, or_, select

from market.emitters import obligations
from market.emitters.obligations import Obligation as Duty
from market.registry import issuance
from settlement import certificate_claim as claims
from settlement.neutrality import events
from settlement.tables import Event, Retirement, StoredClaim
from tanyi.kernel import parties
from tanyi.kernel.canonical import canonical
from tanyi.kernel.errors import N_, Conflict, Invalid, NotFound
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks


class MoreThanOwed(Conflict):
    """More tonnes than the duty still lacks: retired tonnes cannot be revived, so this is refused."""

    code = "settlement.more_than_owed"
    message = N_("Duty %(number)s lacks %(lacking_t)s t; %(asked_t)s t would be too many.")


class NothingToRetire(Invalid):
    """A retirement of no tonnes, or for nobody."""

    code = "settlement.nothing_to_retire"
    message = N_("At least one tonne is needed, and the beneficiary's name has at most 200 characters.")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to retire: tonnes by issuance, for which purpose, for whom. `beneficiary` None: the holder itself.

    `bid_id` names the bid of a round that brought the tonnes: what a bid bought is retired once.
    `salt` is at least 16 random bytes in hex; it keeps the hash in the public log from being guessed.
    """

    holder_id: int
    purpose: str
    parts: Mapping[int, int]
    salt: str
    obligation_id: int | None = None
    event_id: int | None = None
    bid_id: int | None = None
    beneficiary: str | None = None

    @property
    def quantity_t(self) -> int:
        return sum(self.parts.values())


def retire(work: Work, *, orders: Sequence[Order], legal_effect: str | None) -> list[int]:
    """Retires for any number of orders, all or none, set-based; gives the retirements' ids in order."""
    if not orders:
        return []
    _refuse_unless_owed(work, orders)
    made = insert(Retirement).returning(Retirement.id, sort_by_parameter_order=True)
    ids = list(work.session.scalars(made, [_row(work, order) for order in orders]))
    takes = [
        blocks.Retire(order.holder_id, issuance_id, retirement_id, quantity_t)
        for order, retirement_id in zip(orders, ids, strict=True)
        for issuance_id, quantity_t in sorted(order.parts.items())
    ]
    blocks.retire(work, takes=takes)
    obligations.close_tasks_of_covered(work, ids={order.obligation_id for order in orders if order.obligation_id})
    _keep_claims(work, ids, legal_effect)
    return ids


def _row(work: Work, order: Order) -> dict[str, object]:
    columns = {name: given for name, given in vars(order).items() if name != "parts"}
    return columns | {"quantity_t": order.quantity_t, "retired_at": work.now}


def _refuse_unless_owed(work: Work, orders: Sequence[Order]) -> None:
    asked: dict[int, int] = {}
    for order in orders:
        if order.quantity_t < 1 or len(order.beneficiary or "") > events.LONGEST_TEXT:
            raise NothingToRetire
        if order.obligation_id is not None:
            asked[order.obligation_id] = asked.get(order.obligation_id, 0) + order.quantity_t
    for duty in obligations.held(work, ids=asked):
        lacking_t = 0 if duty.state in obligations.STATES.terminal else duty.required_t - duty.retired_t
        if asked[duty.id] > lacking_t:
            raise MoreThanOwed(number=duty.number, lacking_t=lacking_t, asked_t=asked[duty.id])


def _keep_claims(work: Work, ids: Sequence[int], legal_effect: str | None) -> None:
    made = _claims(work, ids, legal_effect)
    rows = [
        {"retirement_id": retirement_id, "document": canonical(claims.claim_document(claim)).decode()}
        for retirement_id, claim in made.items()
    ]
    work.session.execute(insert(StoredClaim), rows)
    for claim in made.values():
        work.record("retirement.recorded", **claims.retirement_facts(claim))


def claims_of(reader: Reader, ids: Iterable[int]) -> dict[int, claims.Claim]:
    """What retirements claim, as it was kept when they were made."""
    query = select(StoredClaim.retirement_id, StoredClaim.document).where(StoredClaim.retirement_id.in_(set(ids)))
    rows = reader.session.execute(query.order_by(StoredClaim.retirement_id))
    return {retirement_id: claims.read_claim(json.loads(document)) for retirement_id, document in rows}


def _claims(reader: Reader, ids: Iterable[int], legal_effect: str | None) -> dict[int, claims.Claim]:
    query = select(Retirement).where(Retirement.id.in_(set(ids))).order_by(Retirement.id)
    rows = reader.session.scalars(query).all()
    taken: dict[int, list[blocks.Run]] = {}
    for run in blocks.runs(reader, retirement_ids=[row.id for row in rows]):
        assert run.retirement_id is not None, "these runs were asked for by their retirement"
        taken.setdefault(run.retirement_id, []).append(run)
    origins = issuance.provenance(reader, {run.issuance_id for runs in taken.values() for run in runs})
    holders = parties.organisations(reader, {row.holder_id for row in rows})
    duties = obligations.by_ids(reader, {row.obligation_id for row in rows if row.obligation_id})
    named = events.by_ids(reader, {row.event_id for row in rows if row.event_id})
    return {
        row.id: claims.Claim(
            number=row.number,
            legal_effect=legal_effect,
            retirement=str(row.id),
            retired_at=row.retired_at,
            retired_by=claims.Party(name=holders[row.holder_id].name_zh, uscc=holders[row.holder_id].uscc),
            beneficiary=claims.Party(name=row.beneficiary, uscc=None) if row.beneficiary else None,
            purpose=row.purpose,
            obligation=_duty(duties.get(row.obligation_id or 0)),
            event=_event(named.get(row.event_id or 0)),
            tonnes=Tonnes(row.quantity_t),
            lines=tuple(_line(run, origins[run.issuance_id]) for run in taken[row.id]),
            salt=row.salt,
        )
        for row in rows
    }


def _duty(duty: Duty | None) -> claims.Obligation | None:
    return claims.Obligation(number=duty.number, year=duty.plan_year) if duty else None


def _event(event: Event | None) -> claims.Event | None:
    return claims.Event(name=event.name, held_on=event.held_on, place=event.place) if event else None


def _line(run: blocks.Run, origin: issuance.Provenance) -> claims.Line:
    code, _, version = origin.methodology.partition("@")
    return claims.Line(
        serial=origin.serial(run.lo, run.end),
        first=run.lo,
        last=run.end - 1,
        tonnes=run.quantity_t,
        project=claims.Project(code=origin.project_code, name=origin.project_name_zh, county=origin.county_zh),
        product_type=origin.product_type,
        methodology=claims.Methodology(code=code, version=version),
        vintage=origin.vintage,
    )


def by_number(reader: Reader, number: str) -> Retirement:
    """A retirement by its number, or `NotFound`: retirements are public."""
    row = reader.session.scalar(select(Retirement).where(Retirement.number == number))
    if row is None:
        raise NotFound
    return row


def by_id(reader: Reader, retirement_id: int) -> Retirement:
    """A retirement by its id."""
    return reader.session.get_one(Retirement, retirement_id)


def newest(reader: Reader, most: int = 1000, before_id: int | None = None, **equal: int) -> Sequence[Retirement]:
    """Retirements, newest first; `equal` narrows by columns such as holder_id, `before_id` goes on with a list."""
    query = select(Retirement).filter_by(**equal).order_by(Retirement.id.desc()).limit(most)
    if before_id is not None:
        query = query.where(Retirement.id < before_id)
    return reader.session.scalars(query).all()


def ids(reader: Reader, *, purpose: str = "") -> Sequence[int]:
    """The ids of all retirements, newest first, or of those for one purpose."""
    query = select(Retirement.id).order_by(Retirement.id.desc())
    return reader.session.scalars(query.where(Retirement.purpose == purpose) if purpose else query).all()


def by_ids(reader: Reader, ids: Iterable[int]) -> dict[int, Retirement]:
    """Retirements by their ids, in their order."""
    rows = reader.session.scalars(select(Retirement).where(Retirement.id.in_(set(ids))).order_by(Retirement.id))
    return {row.id: row for row in rows}


def like(reader: Reader, words: str, most: int) -> Sequence[Retirement]:
    """The newest retirements whose number or beneficiary has these words."""
    said = or_(*(text.icontains(words, autoescape=True) for text in (Retirement.number, Retirement.beneficiary)))
    return reader.session.scalars(select(Retirement).where(said).order_by(Retirement.id.desc()).limit(most)).all()


def monthly_t(reader: Reader) -> list[tuple[date, Tonnes]]:
    """Tonnes retired in each month of Hebei's calendar, by the month's first day, oldest first."""
    month = func.date_trunc("month", func.timezone("Asia/Shanghai", Retirement.retired_at))
    rows = reader.session.execute(select(month, func.sum(Retirement.quantity_t)).group_by(month).order_by(month))
    return [(row[0].date(), Tonnes(int(row[1]))) for row in rows]


def of_obligations(reader: Reader, obligation_ids: Iterable[int | None]) -> Sequence[Retirement]:
    """Retirements for these duties."""
    return reader.session.scalars(select(Retirement).where(Retirement.obligation_id.in_(set(obligation_ids)))).all()


def of_bids(reader: Reader, bid_ids: Iterable[int]) -> Sequence[Retirement]:
    """Retirements of what these bids bought."""
    return reader.session.scalars(select(Retirement).where(Retirement.bid_id.in_(set(bid_ids)))).all()


def purpose_of(reader: Reader, obligation_id: int) -> str:
    """The purpose that a retirement for this duty has."""
    duty = obligations.by_ids(reader, [obligation_id])[obligation_id]
    return "COMPLIANCE_EIA" if duty.kind == obligations.EIA_PROJECT else "COMPLIANCE_BENCHMARK"


def total_t(reader: Reader) -> Tonnes:
    """All tonnes ever retired."""
    return Tonnes(int(reader.session.scalars(select(func.coalesce(func.sum(Retirement.quantity_t), 0))).one()))


CHECKS = {
    "a_retirement_retires_what_it_says": """
        SELECT r.number FROM settlement_retirement r LEFT JOIN (
            SELECT retirement_id, sum(end_ - lo) AS tonnes FROM ledger_block WHERE state = 'RETIRED'
            GROUP BY retirement_id) b ON b.retirement_id = r.id
        WHERE r.quantity_t IS DISTINCT FROM b.tonnes""",
    "a_retirement_has_its_claim": """
        SELECT r.number FROM settlement_retirement r LEFT JOIN settlement_claim c ON c.retirement_id = r.id
        WHERE c.retirement_id IS NULL""",
}
