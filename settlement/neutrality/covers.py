"""Purchases that cover an event: which payment is for which event, and which retirement ended it.

Between paying and retiring an order may stop (a crash, a bank that is silent). Until its tonnes are retired they are
counted as under way, so that two orders at once do not buy for the same gap twice.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from market.trading import trades
from settlement import payments
from settlement.neutrality.tables import Cover
from settlement.tables import Retirement
from tanyi.kernel.work import Reader, Work


def begin(work: Work, *, event_id: int, payment_id: int, beneficiary: str | None) -> Cover:
    """Notes that a payment is made for an event, in the transaction that reserves its tonnes."""
    cover = Cover(payment_id=payment_id, event_id=event_id, beneficiary=beneficiary, begun_at=work.now)
    work.session.add(cover)
    work.session.flush()
    return cover


def end(work: Work, *, payment_id: int, retirement_number: str) -> None:
    """Notes which retirement took what a payment bought, in its transaction."""
    cover = work.session.get_one(Cover, payment_id, with_for_update=True)
    taken = select(Retirement.id).where(Retirement.number == retirement_number)
    cover.retirement_id = work.session.scalars(taken).one()
    work.session.flush()


def of_event(reader: Reader, event_id: int) -> Sequence[Cover]:
    """All purchases for an event, newest first."""
    query = select(Cover).where(Cover.event_id == event_id).order_by(Cover.payment_id.desc())
    return reader.session.scalars(query).all()


def under_way(reader: Reader, event_id: int) -> dict[int, int]:
    """Tonnes by payment that are reserved or paid for an event and not retired yet."""
    found: dict[int, int] = {}
    for cover in of_event(reader, event_id):
        if cover.retirement_id is None and (live_t := _live_t(reader, cover.payment_id)):
            found[cover.payment_id] = live_t
    return found


def under_way_t(reader: Reader, event_id: int) -> int:
    """Tonnes that are reserved or paid for an event and not retired yet."""
    return sum(under_way(reader, event_id).values())


def _live_t(reader: Reader, payment_id: int) -> int:
    """Tonnes of the trades of a payment that were not given back."""
    bought = trades.by_ids(reader, payments.trades_of(reader, [payment_id]))
    live = [each for each in bought if each.settlement_id is not None or trades.STATES.moves[each.state]]
    return sum(each.quantity_t for each in live)
