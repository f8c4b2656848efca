"""Trades (成交): so many tonnes of one listing for one buyer at one price, from the match to the settlement.

A trade is recorded with its tonnes reserved, in one transaction, or not at all. Nothing about it changes afterwards
but its state; a reversal is a new trade the other way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from market.trading import listings
from market.trading.tables import Listing, Trade
from tanyi.kernel import parties
from tanyi.kernel.errors import N_, Conflict
from tanyi.kernel.lifecycle import Lifecycle, WrongState
from tanyi.kernel.quantities import Money, Tonnes, cost_fen
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks

STATES = Lifecycle(
    "trade",
    "MATCHED",
    {
        "MATCHED": ("RESERVED",),
        "RESERVED": ("FUNDED", "EXPIRED"),
        "FUNDED": ("SETTLED", "CANCELLED"),
        "SETTLED": (),
        "EXPIRED": (),
        "CANCELLED": (),
    },
)


class OwnTonnes(Conflict):
    """Buyer and seller belong to one control group."""

    code = "trading.own_tonnes"
    message = N_("Tonnes are not traded inside one control group.")


@dataclass(frozen=True)
class Deal:
    """One trade to record. `bid_id` and `round_id` are those of the round, None for a purchase from a listing."""

    listing_id: int
    buyer_id: int
    quantity_t: int
    price_fen: int
    bid_id: int | None = None
    round_id: int | None = None


def record(work: Work, *, deals: Sequence[Deal]) -> list[int]:
    """Records trades with their tonnes reserved, all or none, set-based; gives their ids in order."""
    if not deals:
        return []
    offers = listings.by_ids(work, {deal.listing_id for deal in deals})
    people = parties.organisations(work, {deal.buyer_id for deal in deals} | {row.seller_id for row in offers.values()})
    groups = {party_id: party.group_code for party_id, party in people.items()}
    rows = [_row(work, deal, offers[deal.listing_id], groups) for deal in deals]
    made = insert(Trade).returning(Trade.id, sort_by_parameter_order=True)
    ids = list(work.session.scalars(made, rows))
    takes = [blocks.Take(deal.listing_id, trade, deal.quantity_t) for deal, trade in zip(deals, ids, strict=True)]
    blocks.reserve(work, takes=takes)
    advance(work, trade_ids=ids, was="MATCHED", to="RESERVED")
    return ids


def _row(work: Work, deal: Deal, offer: Listing, groups: dict[int, str]) -> dict[str, object]:
    if groups[deal.buyer_id] == groups[offer.seller_id]:
        raise OwnTonnes
    return vars(deal) | {
        "seller_id": offer.seller_id,
        "seller_group": groups[offer.seller_id],
        "buyer_group": groups[deal.buyer_id],
        "state": STATES.initial,
        "matched_at": work.now,
    }


def advance(work: Work, *, trade_ids: Sequence[int], was: str, to: str) -> None:
    """Takes trades from one state to the next; one that is not in `was` stops them all."""
    STATES.refuse_unless_may(was, to)
    settled = {"settlement_id": Trade.id} if to == "SETTLED" else {}
    move = update(Trade).where(Trade.id.in_(trade_ids), Trade.state == was).values(state=to, **settled)
    moved = work.session.scalars(move.returning(Trade.id).execution_options(synchronize_session=False)).all()
    if len(moved) != len(set(trade_ids)):
        raise WrongState(thing=STATES.thing, state=f"not {was}", wanted=to)


def amount_fen(trade: Trade) -> Money:
    """What the trade costs: exact."""
    return cost_fen(Money(trade.price_fen), Tonnes(trade.quantity_t))


def by_ids(reader: Reader, ids: Iterable[int]) -> list[Trade]:
    """Trades by their ids, in order."""
    return list(reader.session.scalars(select(Trade).where(Trade.id.in_(set(ids))).order_by(Trade.id)))


def of_round(reader: Reader, round_id: int) -> list[Trade]:
    """The trades of a round, in order."""
    return list(reader.session.scalars(select(Trade).where(Trade.round_id == round_id).order_by(Trade.id)))


def of_buyer(reader: Reader, buyer_id: int) -> list[Trade]:
    """A buyer's trades, newest first."""
    return list(reader.session.scalars(select(Trade).where(Trade.buyer_id == buyer_id).order_by(Trade.id.desc())))


def of_seller(reader: Reader, seller_id: int) -> list[Trade]:
    """A seller's trades, newest first."""
    return list(reader.session.scalars(select(Trade).where(Trade.seller_id == seller_id).order_by(Trade.id.desc())))


def funded(work: Work) -> list[Trade]:
    """Trades that are paid and not delivered, in order, locked: what the settlement has to do.

    Two who settle at once meet here; the second waits, and then sees only what the first has left.
    """
    query = select(Trade).where(Trade.state == "FUNDED").order_by(Trade.id).with_for_update(key_share=True)
    return list(work.session.scalars(query.execution_options(populate_existing=True)))


def unpaid_of_round(reader: Reader, round_id: int) -> list[Trade]:
    """The trades of a round that still wait for their money."""
    query = select(Trade).where(Trade.round_id == round_id, Trade.state == "RESERVED")
    return list(reader.session.scalars(query.order_by(Trade.id)))


def purchases(reader: Reader) -> list[Trade]:
    """Settled purchases from listings, outside any round."""
    query = select(Trade).where(Trade.round_id.is_(None), Trade.state == "SETTLED")
    return list(reader.session.scalars(query.order_by(Trade.id)))


def of_bids(reader: Reader, bid_ids: Iterable[int]) -> list[Trade]:
    """The trades that these bids led to, in order."""
    return list(reader.session.scalars(select(Trade).where(Trade.bid_id.in_(set(bid_ids))).order_by(Trade.id)))
