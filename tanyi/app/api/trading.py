"""Intentions in the API: listings (public), purchases for an event, own duties and own bids.

What moves tonnes or money asks for an `Idempotency-Key`: the same call again gives the same answer and moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, RawBody
from msgspec import Meta

from market.emitters import obligations, policy
from market.registry import issuance
from market.trading import bids, listings
from matching import rounds
from settlement import retirement
from tanyi.app import event_purchase, second_person
from tanyi.app.api.answers import REPLAYED, Listed, Origin, key_of, listed, once, origin, takes
from tanyi.app.installation import Installation
from tanyi.app.intake import Permille, PriceFen, QuantityT, Shape, Text, Word, page_of, read_json
from tanyi.app.security import Visitor, access, own_or_refuse
from tanyi.kernel import idempotency, parties
from tanyi.kernel.errors import NotFound
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import blocks


class ListingOrder(Shape, frozen=True, kw_only=True):
    """What a seller puts on sale: tonnes of one of its issuances at a price in fen a tonne."""

    issuance: Annotated[int, Meta(ge=1, lt=2**53)]
    quantity_t: QuantityT
    ask_fen: PriceFen
    expires_at: Annotated[datetime, Meta(tz=True)]


class EventNamed(Shape, frozen=True, kw_only=True):
    """The event that tonnes are retired for."""

    name: Text
    held_on: date
    place: Text


class PurchaseOrder(Shape, frozen=True, kw_only=True):
    """So many tonnes of a listing, bought and retired for an event; `beneficiary` None: in the buyer's own name."""

    quantity_t: QuantityT
    event: EventNamed
    beneficiary: Text | None = None


class BidTerms(Shape, frozen=True, kw_only=True):
    """What a firm decides about its bid; `product_types` None: all that the plan admits."""

    limit_fen: PriceFen
    floor_permille: Permille
    max_group_permille: Permille | None = None
    max_sellers: Annotated[int, Meta(ge=1, le=1000)] | None = None
    product_types: Annotated[list[Word], Meta(min_length=1, max_length=50)] | None = None


class ListingShown(msgspec.Struct, frozen=True, kw_only=True):
    """A listing; `offered_t` is what is left of it."""

    number: str
    seller: str
    origin: Origin
    offered_t: int
    ask_fen: int
    state: str
    offered_at: datetime
    expires_at: datetime


class PurchaseShown(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase that was paid, delivered, retired and certified."""

    retirement: str
    certificate: str
    quantity_t: int
    purpose: str
    retired_at: datetime


class WaitingShown(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase above the threshold of its organisation: nothing was bought, it waits for a second person."""

    approval: str
    address: str


class DutyShown(msgspec.Struct, frozen=True, kw_only=True):
    """An own duty; `coverage` is OPEN, PARTIAL, MET or OVER by the tonnes retired for it."""

    number: str
    kind: str
    plan_year: int
    required_t: int
    retired_t: int
    coverage: str
    due_on: date
    state: str


class BidShown(msgspec.Struct, frozen=True, kw_only=True):
    """An own bid. Shares are permille of its quantity."""

    number: str
    round: str
    purpose: str
    quantity_t: int
    limit_fen: int | None
    plan_floor_permille: int
    floor_permille: int
    max_group_permille: int | None
    max_sellers: int | None
    product_types: list[str] | None
    state: str


@get("/api/v1/listings", opt=access(scope="public"), sync_to_thread=True, tags=["trading"])
def all_listings(
    reader: NamedDependency[Reader], cursor: FromQuery[int | None] = None, limit: FromQuery[int | None] = None
) -> Listed[ListingShown]:
    """Everything on sale now or frozen in a round."""
    page = page_of(listings.all_open(reader), key=lambda listing: listing.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: _listings(reader, rows))


@get("/api/v1/listings/{number:str}", opt=access(scope="public"), sync_to_thread=True, tags=["trading"])
def one_listing(number: FromPath[str], reader: NamedDependency[Reader]) -> ListingShown:
    """One listing in whatever state."""
    return _listings(reader, [listings.by_number(reader, number)])[0]


@post(
    "/api/v1/listings",
    opt=access("seller", scope="own", key_scope="trade") | takes(ListingOrder, is_keyed=True),
    status_code=201,
    sync_to_thread=True,
    tags=["trading"],
)
def open_listing(
    body: RawBody, request: Request[Any, Any, Any], visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> Response[ListingShown]:
    """Puts own free tonnes on sale."""
    order = read_json(body, ListingOrder)
    return once(work, request, order, lambda: _offered(work, visitor, order))


@post(
    "/api/v1/listings/{number:str}/purchases",
    opt=access("organiser", "firm", scope="own", key_scope="trade") | takes(PurchaseOrder, is_keyed=True),
    status_code=201,
    responses={202: ResponseSpec(WaitingShown, description="It waits for a second person")},
    sync_to_thread=True,
    tags=["trading"],
)
def purchase(
    number: FromPath[str],
    body: RawBody,
    request: Request[Any, Any, Any],
    visitor: NamedDependency[Visitor],
    house: NamedDependency[Installation],
) -> Response[PurchaseShown]:
    """Buys from a listing and retires for an event. The same call again finishes what was begun and buys nothing more.

    Above the threshold of the organisation it is prepared instead, and waits for a second person (202).
    """
    order, key = _event_order(number, read_json(body, PurchaseOrder)), key_of(request)
    with house.open_work(visitor.actor) as work:
        is_known = idempotency.known_answer(work, key=key, request=order.fingerprint) is not None
    headers = {REPLAYED: "true"} if is_known else None
    try:
        retired = event_purchase.buy_and_retire(house, actor=visitor.actor, order=order, key=key)
    except second_person.WaitsForSecondPerson as waits:
        return _waiting(str(waits.facts["approval"]), headers)
    with house.open_reader() as reader:
        return Response(_purchased(reader, retired), status_code=201, headers=headers)


@get("/api/v1/duties", opt=access("firm", scope="own"), sync_to_thread=True, tags=["trading"])
def own_duties(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    cursor: FromQuery[int | None] = None,
    limit: FromQuery[int | None] = None,
) -> Listed[DutyShown]:
    """The own duties under the annual plan in force."""
    plan = policy.latest_plan(reader)
    duties = obligations.of_plan(reader, plan.year, visitor.organisation_id) if plan else []
    page = page_of(duties, key=lambda duty: duty.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: [_duty(row) for row in rows])


@get("/api/v1/duties/{number:str}", opt=access("firm", scope="own"), sync_to_thread=True, tags=["trading"])
def own_duty(number: FromPath[str], visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> DutyShown:
    """One own duty; another firm's does not exist."""
    duty = obligations.by_number(reader, number)
    own_or_refuse(visitor, duty.organisation_id)
    return _duty(duty)


@get("/api/v1/bids", opt=access("firm", scope="own"), sync_to_thread=True, tags=["trading"])
def own_bids(
    visitor: NamedDependency[Visitor],
    reader: NamedDependency[Reader],
    cursor: FromQuery[int | None] = None,
    limit: FromQuery[int | None] = None,
) -> Listed[BidShown]:
    """The own bids of all rounds."""
    found = bids.of_buyer(reader, visitor.organisation_id)
    page = page_of(found, key=lambda bid: bid.id, cursor=cursor, limit=limit)
    return listed(page, lambda rows: _bids(reader, rows))


@post(
    "/api/v1/bids/{number:str}/confirmation",
    opt=access("firm", scope="own", key_scope="trade") | takes(BidTerms),
    status_code=200,
    sync_to_thread=True,
    tags=["trading"],
)
def confirm_bid(
    number: FromPath[str], body: RawBody, visitor: NamedDependency[Visitor], work: NamedDependency[Work]
) -> BidShown:
    """Confirms the own bid, or changes it while the round is open."""
    terms = read_json(body, BidTerms)
    given = msgspec.structs.asdict(terms) | {"limit_fen": Money(terms.limit_fen)}
    bids.confirm(work, number=number, buyer_id=visitor.organisation_id, terms=bids.Terms(**given))
    work.session.expire_all()
    found = bids.of_buyer_by_number(work, number=number, buyer_id=visitor.organisation_id)
    return _bids(work, [found])[0]


def _offered(work: Work, visitor: Visitor, order: ListingOrder) -> ListingShown:
    if not blocks.runs(work, holder_id=visitor.organisation_id, issuance_ids=[order.issuance]):
        raise NotFound
    listing = listings.open_listing(
        work,
        seller_id=visitor.organisation_id,
        issuance_id=order.issuance,
        quantity_t=Tonnes(order.quantity_t),
        ask_fen=Money(order.ask_fen),
        expires_at=order.expires_at,
    )
    return _listings(work, [listing])[0]


def _event_order(number: str, order: PurchaseOrder) -> event_purchase.EventOrder:
    return event_purchase.EventOrder(
        listing=number,
        quantity_t=Tonnes(order.quantity_t),
        event_name=order.event.name.strip(),
        held_on=order.event.held_on,
        place=order.event.place.strip(),
        beneficiary=order.beneficiary.strip() if order.beneficiary else None,
    )


def _waiting(approval: str, headers: dict[str, str] | None) -> Response[Any]:
    shown = WaitingShown(approval=approval, address=f"/api/v1/approvals/{approval}")
    return Response(shown, status_code=202, headers=headers)


def _purchased(reader: Reader, number: str) -> PurchaseShown:
    row = retirement.by_number(reader, number)
    return PurchaseShown(
        retirement=number,
        certificate=number,
        quantity_t=row.quantity_t,
        purpose=row.purpose,
        retired_at=row.retired_at,
    )


def _listings(reader: Reader, rows: Sequence[listings.Listing]) -> list[ListingShown]:
    sellers = parties.organisations(reader, {row.seller_id for row in rows})
    origins = issuance.provenance(reader, {row.issuance_id for row in rows})
    offered = blocks.offered_t(reader, [row.id for row in rows])
    return [
        ListingShown(
            number=row.number,
            seller=sellers[row.seller_id].code,
            origin=origin(origins[row.issuance_id]),
            offered_t=int(offered.get(row.id, 0)),
            ask_fen=row.ask_fen,
            state=row.state,
            offered_at=row.offered_at,
            expires_at=row.expires_at,
        )
        for row in rows
    ]


def _duty(row: obligations.Obligation) -> DutyShown:
    return DutyShown(**{name: getattr(row, name) for name in DutyShown.__struct_fields__})


def _bids(reader: Reader, rows: Sequence[bids.Bid]) -> list[BidShown]:
    numbers = rounds.numbers(reader, {row.round_id for row in rows})
    own = [name for name in BidShown.__struct_fields__ if name != "round"]
    return [BidShown(round=numbers[row.round_id], **{name: getattr(row, name) for name in own}) for row in rows]


ROUTES = [
    all_listings,
    one_listing,
    open_listing,
    purchase,
    own_duties,
    own_duty,
    own_bids,
    confirm_bid,
]
