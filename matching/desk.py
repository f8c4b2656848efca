"""The desk (精准对接, 二(二)): what one buyer could have from what is on sale now. Reads, reserves nothing.

A listing that a round has frozen is left out, since nobody can buy from it. Prices and tonnes are those of the moment
of asking. The minimum line is that of a round, so that a portfolio is also what a round could give.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from market.registry import issuance
from market.trading import listings
from market.trading.listings import Listing
from matching import portfolio
from matching.portfolio import Answer
from matching.problem import Lot
from matching.rounds import MINIMUM_LINE_T
from matching.wish import Wish, shelf_of
from tanyi.kernel import parties
from tanyi.kernel.clock import rfc3339
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

MOST_WISHED_T = 100_000_000  # far above all that is emitted in the province, and no sum leaves 64 bits


@dataclass(frozen=True)
class Told:
    """The answer, whose lots are numbers of listings, with the listings of its portfolios by number."""

    answer: Answer
    offers: Mapping[str, Listing]

    def sellers_of(self, groups: Collection[str]) -> list[int]:
        """The sellers of these groups that the answer names."""
        told = [self.answer.best, *(each.portfolio for each in self.answer.alternatives)]
        lots = [line.lot for each in told for line in each.lines if line.group in groups]
        return list(dict.fromkeys(self.offers[lot].seller_id for lot in lots))


def ask(reader: Reader, wish: Wish, *, buyer_id: int | None = None, among: Collection[str] | None = None) -> Told:
    """The cheapest portfolio for a wish from what is on sale; a known buyer is never offered its own group's tonnes.

    `among` narrows it to listings of these numbers, for a preference that a wish has no word for.
    """
    offers = [offer for offer in listings.all_open(reader) if listings.STATES.may(offer.state, "IN_ROUND")]
    if among is not None:
        offers = [offer for offer in offers if offer.number in among]
    if buyer_id is not None:
        wish = replace(wish, group=parties.organisations(reader, {buyer_id})[buyer_id].group_code)
    answer = portfolio.answer(shelf_of(_lots(reader, offers)), wish, min_line_t=MINIMUM_LINE_T)
    told = [answer.best, *(each.portfolio for each in answer.alternatives)]
    named = {line.lot for each in told for line in each.lines}
    return Told(answer, {offer.number: offer for offer in offers if offer.number in named})


def _lots(reader: Reader, offers: Sequence[Listing]) -> list[Lot]:
    """Listings with something left, as lots: four queries, however many there are."""
    sellers = parties.organisations(reader, {offer.seller_id for offer in offers})
    origins = issuance.provenance(reader, {offer.issuance_id for offer in offers})
    tonnes = blocks.offered_t(reader, [offer.id for offer in offers])
    return [
        Lot(
            id=offer.number,
            seller=sellers[offer.seller_id].code,
            group=sellers[offer.seller_id].group_code,
            product_type=origins[offer.issuance_id].product_type,
            vintage=origins[offer.issuance_id].vintage,
            region=origins[offer.issuance_id].region,
            quantity_t=int(tonnes[offer.id]),
            ask_fen=offer.ask_fen,
            all_or_none=False,
            offered_at=rfc3339(offer.offered_at),
        )
        for offer in offers
        if offer.id in tonnes
    ]
