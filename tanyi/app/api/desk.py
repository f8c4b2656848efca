"""The desk in the API: the cheapest portfolio for a wish, two alternatives, and what each preference costs.

Public to ask, as the market is to read. Nothing is reserved and nothing moves; a bearer key only keeps the tonnes of
one's own control group out of the answer.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import RawBody
from msgspec import Meta

from market.registry import issuance
from market.trading import listings
from matching import desk
from matching.portfolio import Portfolio, Taken, premium_fen
from matching.wish import Wish
from tanyi.app.api.answers import Origin, origin, takes
from tanyi.app.intake import Permille, PriceFen, Shape, Word, read_json
from tanyi.app.security import Visitor, access
from tanyi.kernel import parties
from tanyi.kernel.work import Reader

WishedT = Annotated[int, Meta(ge=1, le=desk.MOST_WISHED_T)]
Words = Annotated[list[Word], Meta(min_length=1, max_length=50)]
Regions = Annotated[list[Annotated[str, Meta(pattern="^[0-9]{6}$")]], Meta(min_length=1, max_length=50)]
Year = Annotated[int, Meta(ge=1900, le=2200)]


class FloorWished(Shape, frozen=True, kw_only=True):
    """At least `min_permille` of the quantity from these types and these regions; None: any."""

    min_permille: Permille
    product_types: Words | None = None
    regions: Regions | None = None


class WishStated(Shape, frozen=True, kw_only=True):
    """What one buyer wants, as a bid states it; what is left out is no restriction."""

    quantity_t: WishedT
    limit_fen: PriceFen | None = None
    product_types: Words | None = None
    vintage_from: Year | None = None
    vintage_to: Year | None = None
    regions: Regions | None = None
    floor: FloorWished | None = None
    max_group_permille: Annotated[int, Meta(ge=1, le=1000)] | None = None
    max_sellers: Annotated[int, Meta(ge=1, le=1000)] | None = None


class LineShown(msgspec.Struct, frozen=True, kw_only=True):
    """Tonnes of one listing at its price."""

    listing: str
    seller: str
    origin: Origin
    quantity_t: int
    ask_fen: int
    cost_fen: int


class PortfolioShown(msgspec.Struct, frozen=True, kw_only=True):
    """`is_proven`: no portfolio covers more, and none that covers as much costs less."""

    lines: list[LineShown]
    covered_t: int
    cost_fen: int
    is_proven: bool


class AlternativeShown(msgspec.Struct, frozen=True, kw_only=True):
    """The best portfolio without these sellers of the best one (and of all that are in one control group with them)."""

    without_sellers: list[str]
    portfolio: PortfolioShown


class PreferenceShown(msgspec.Struct, frozen=True, kw_only=True):
    """What could be had without one preference, or without `all` of them.

    `premium_fen` is what it costs in all, None where more tonnes would be covered and the costs do not compare.
    """

    code: str
    covered_t: int
    cost_fen: int
    premium_fen: int | None
    is_proven: bool


class AnswerShown(msgspec.Struct, frozen=True, kw_only=True):
    """The best portfolio; `short_t` of the wish cannot be covered by what is on sale."""

    best: PortfolioShown
    short_t: int
    alternatives: list[AlternativeShown]
    preferences: list[PreferenceShown]


@post(
    "/api/v1/desk",
    opt=access(scope="public") | takes(WishStated),
    status_code=200,
    sync_to_thread=True,
    tags=["trading"],
)
def ask(body: RawBody, visitor: NamedDependency[Visitor], reader: NamedDependency[Reader]) -> AnswerShown:
    """The cheapest way to cover a quantity, the two next best, and what each preference costs. Nothing is reserved."""
    stated = read_json(body, WishStated)
    wish = msgspec.convert(msgspec.to_builtins(stated), Wish)
    told = desk.ask(reader, wish, buyer_id=visitor.actor.organisation_id)
    return shown(reader, told, stated.quantity_t)


def shown(reader: Reader, told: desk.Told, quantity_t: int) -> AnswerShown:
    """An answer of the desk for so many tonnes."""
    answer = told.answer
    lots = _Lots(reader, told)
    return AnswerShown(
        best=lots.shown(answer.best),
        short_t=quantity_t - answer.best.covered_t,
        alternatives=[
            AlternativeShown(without_sellers=lots.sellers(each.without), portfolio=lots.shown(each.portfolio))
            for each in answer.alternatives
        ],
        preferences=[
            PreferenceShown(premium_fen=premium_fen(answer.best, each), **msgspec.structs.asdict(each))
            for each in answer.preferences
        ],
    )


class _Lots:
    """The listings of an answer with their sellers and origins: two queries."""

    def __init__(self, reader: Reader, told: desk.Told) -> None:
        self.told = told
        self.parties = parties.organisations(reader, {offer.seller_id for offer in told.offers.values()})
        self.origins = issuance.provenance(reader, {offer.issuance_id for offer in told.offers.values()})

    def sellers(self, groups: tuple[str, ...]) -> list[str]:
        return [self.parties[seller_id].code for seller_id in self.told.sellers_of(groups)]

    def shown(self, portfolio: Portfolio) -> PortfolioShown:
        lines = [self._line(line, self.told.offers[line.lot]) for line in portfolio.lines]
        return PortfolioShown(
            lines=lines,
            covered_t=portfolio.covered_t,
            cost_fen=portfolio.cost_fen,
            is_proven=portfolio.is_proven,
        )

    def _line(self, line: Taken, offer: listings.Listing) -> LineShown:
        return LineShown(
            listing=line.lot,
            seller=self.parties[offer.seller_id].code,
            origin=origin(self.origins[offer.issuance_id]),
            quantity_t=line.quantity_t,
            ask_fen=line.ask_fen,
            cost_fen=line.quantity_t * line.ask_fen,
        )


ROUTES = [ask]
