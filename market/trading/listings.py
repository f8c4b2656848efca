"""Listings (挂牌): tonnes of one project and vintage at a fixed price, whole or in part, until a day.

How many tonnes a listing offers is never written down: it is the sum of the blocks tied to it. A listing that a round
has frozen cannot be bought from; what the round leaves over is on sale again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from market.registry import issuance
from market.trading.tables import Listing
from tanyi.kernel.errors import N_, Conflict, Invalid, NotFound
from tanyi.kernel.lifecycle import Lifecycle
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks

STATES = Lifecycle(
    "listing",
    "OPEN",
    {
        "OPEN": ("IN_ROUND", "SOLD", "WITHDRAWN"),
        "IN_ROUND": ("OPEN", "SOLD"),
        "SOLD": ("OPEN",),  # a trade that was cancelled gives its tonnes back
        "WITHDRAWN": (),
    },
)
LONGEST = timedelta(days=366)
HIGHEST_FEN = 10_000_000


class PriceOutOfRange(Invalid):
    """A price below one fen or above 100,000 yuan a tonne."""

    code = "trading.price_out_of_range"
    message = N_("A price lies between 0.01 and 100,000 yuan a tonne.")


class ExpiryWrong(Invalid):
    """A listing that has expired already, or one that would lock tonnes for more than a year."""

    code = "trading.expiry_wrong"
    message = N_("A listing ends in the future and within a year.")


class NothingOffered(Invalid):
    """A listing or an order of no tonnes."""

    code = "trading.nothing_offered"
    message = N_("At least one tonne is needed.")


class NotOnSale(Conflict):
    """The listing is not open: sold, withdrawn, expired or frozen in a round."""

    code = "trading.not_on_sale"
    message = N_("Listing %(number)s is not on sale now.")


def refuse_unless_price(price_fen: Money) -> None:
    """A price of 0.01 to 100,000 yuan a tonne, in fen."""
    if not 1 <= price_fen <= HIGHEST_FEN:
        raise PriceOutOfRange


def open_listing(
    work: Work, *, seller_id: int, issuance_id: int, quantity_t: Tonnes, ask_fen: Money, expires_at: datetime
) -> Listing:
    """Puts so many of the seller's free tonnes of one issuance on sale."""
    refuse_unless_price(ask_fen)
    if quantity_t < 1:
        raise NothingOffered
    if not work.now < expires_at <= work.now + LONGEST:
        raise ExpiryWrong
    listing = Listing(
        seller_id=seller_id,
        issuance_id=issuance_id,
        ask_fen=int(ask_fen),
        minimum_t=1,
        state=STATES.initial,
        offered_at=work.now,
        expires_at=expires_at,
    )
    work.session.add(listing)
    work.session.flush()
    blocks.list_for_sale(
        work, issuance_id=issuance_id, holder_id=seller_id, listing_id=listing.id, quantity_t=quantity_t
    )
    work.record("listing.opened", number=listing.number, tonnes=str(int(quantity_t)), ask_fen=str(int(ask_fen)))
    return listing


def withdraw(work: Work, *, number: str, seller_id: int) -> None:
    """Takes a listing off the market; its tonnes are free again."""
    query = select(Listing).where(Listing.number == number, Listing.seller_id == seller_id).with_for_update()
    listing = work.session.scalar(query.execution_options(populate_existing=True))
    if listing is None:
        raise NotFound
    _advance(work, [listing], "WITHDRAWN")
    blocks.unlist(work, listing_id=listing.id)
    work.record("listing.withdrawn", number=number)


def on_sale_or_refuse(work: Work, *, number: str) -> Listing:
    """The listing, locked against other buyers, if it can be bought from now."""
    query = select(Listing).where(Listing.number == number).with_for_update()
    listing = work.session.scalar(query.execution_options(populate_existing=True))
    if listing is None:
        raise NotFound
    if not STATES.may(listing.state, "IN_ROUND") or listing.expires_at <= work.now:
        raise NotOnSale(number=number)
    return listing


def freeze(work: Work, *, round_id: int, product_types: Iterable[str], vintage_from: int) -> list[Listing]:
    """Takes every open listing of these types and vintages into a round; nobody buys from them meanwhile."""
    query = select(Listing).where(Listing.state == "OPEN", Listing.expires_at > work.now).order_by(Listing.id)
    open_now = work.session.scalars(query.with_for_update()).all()
    origins = issuance.provenance(work, {listing.issuance_id for listing in open_now})
    wanted = set(product_types)
    taken = [
        listing
        for listing in open_now
        if origins[listing.issuance_id].product_type in wanted and origins[listing.issuance_id].vintage >= vintage_from
    ]
    _advance(work, taken, "IN_ROUND", round_id=round_id)
    return taken


def thaw(work: Work, *, round_id: int) -> None:
    """Ends a round for its listings: what is left is on sale again, an empty one is sold."""
    taken = work.session.scalars(select(Listing).where(Listing.round_id == round_id, Listing.state == "IN_ROUND")).all()
    left = blocks.offered_t(work, [listing.id for listing in taken])
    _advance(work, [listing for listing in taken if listing.id in left], "OPEN")
    _advance(work, [listing for listing in taken if listing.id not in left], "SOLD")


def close_if_empty(work: Work, *, listing_id: int) -> None:
    """A listing without tonnes is sold."""
    if not blocks.offered_t(work, [listing_id]):
        _advance(work, [work.session.get_one(Listing, listing_id)], "SOLD")


def reopen(work: Work, *, listing_id: int) -> None:
    """Tonnes come back to a listing: if it was sold it is on sale again."""
    listing = work.session.get_one(Listing, listing_id, with_for_update=True)
    if STATES.may(listing.state, "OPEN"):
        _advance(work, [listing], "OPEN")


def _advance(work: Work, listings: Sequence[Listing], to: str, **also: int) -> None:
    for listing in listings:
        STATES.refuse_unless_may(listing.state, to)
    ids = [listing.id for listing in listings]
    work.session.execute(update(Listing).where(Listing.id.in_(ids)).values(state=to, **also))


def by_number(reader: Reader, number: str) -> Listing:
    """A listing by its number, or `NotFound`."""
    listing = reader.session.scalar(select(Listing).where(Listing.number == number))
    if listing is None:
        raise NotFound
    return listing


def by_ids(reader: Reader, ids: Iterable[int]) -> dict[int, Listing]:
    """Listings by their ids."""
    rows = reader.session.scalars(select(Listing).where(Listing.id.in_(set(ids))))
    return {row.id: row for row in rows}


def of_round(reader: Reader, round_id: int) -> Sequence[Listing]:
    """The listings that a round took in."""
    return reader.session.scalars(select(Listing).where(Listing.round_id == round_id).order_by(Listing.id)).all()


def numbered_like(reader: Reader, words: str, most: int) -> Sequence[Listing]:
    """The newest listings whose number has these words."""
    said = Listing.number.icontains(words, autoescape=True)
    return reader.session.scalars(select(Listing).where(said).order_by(Listing.id.desc()).limit(most)).all()


def all_open(reader: Reader) -> Sequence[Listing]:
    """Everything on sale now or frozen in a round, cheapest first."""
    states = Listing.state.in_(("OPEN", "IN_ROUND"))
    query = select(Listing).where(states, Listing.expires_at > reader.now)
    return reader.session.scalars(query.order_by(Listing.ask_fen, Listing.id)).all()


def cheapest(reader: Reader, product_type: str) -> Listing:
    """The cheapest open listing of a product type, or `NotFound`."""
    offers = [offer for offer in all_open(reader) if STATES.may(offer.state, "IN_ROUND")]
    origins = issuance.provenance(reader, {offer.issuance_id for offer in offers})
    for offer in offers:
        if origins[offer.issuance_id].product_type == product_type:
            return offer
    raise NotFound


def of_seller(reader: Reader, seller_id: int) -> Sequence[Listing]:
    """A seller's listings, newest first."""
    return reader.session.scalars(
        select(Listing).where(Listing.seller_id == seller_id).order_by(Listing.id.desc())
    ).all()


ORDERS = {"price": (Listing.ask_fen, Listing.id), "newest": (Listing.id.desc(),)}


def on_sale_ids(
    reader: Reader,
    *,
    issuance_ids: Collection[int] | None = None,
    highest_fen: int | None = None,
    order: str = "price",
) -> list[int]:
    """The listings on sale or in a round, of some issuances and up to a price, in one of `ORDERS` or by 'quantity'."""
    query = select(Listing.id).where(Listing.state.in_(("OPEN", "IN_ROUND")), Listing.expires_at > reader.now)
    if issuance_ids is not None:
        query = query.where(Listing.issuance_id.in_(issuance_ids))
    if highest_fen is not None:
        query = query.where(Listing.ask_fen <= highest_fen)
    ids = list(reader.session.scalars(query.order_by(*ORDERS.get(order, ORDERS["price"]))))
    if order == "quantity":
        offered = blocks.offered_t(reader, ids)
        ids.sort(key=lambda listing_id: -int(offered.get(listing_id, 0)))
    return ids


def price_range(reader: Reader) -> tuple[int | None, int | None]:
    """The lowest and the highest price asked now in fen a tonne; None and None when nothing is on sale."""
    on_sale = (Listing.state.in_(("OPEN", "IN_ROUND")), Listing.expires_at > reader.now)
    row = reader.session.execute(select(func.min(Listing.ask_fen), func.max(Listing.ask_fen)).where(*on_sale)).one()
    return row[0], row[1]
