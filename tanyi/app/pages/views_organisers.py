"""What an organiser bought for its events: which trades brought which tonnes, what they cost, and each receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from market.registry import issuance
from market.trading import listings, trades
from settlement import certificates, payments, retirement
from settlement.neutrality import events as neutral_events
from tanyi.app.pages import pieces
from tanyi.kernel.errors import NotFound
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks


@dataclass(frozen=True)
class Paid:
    """Tonnes of a retirement that came with one trade."""

    trade: trades.Trade
    quantity_t: int


def paid_for(
    parts_of: Mapping[int, Mapping[int, int]], bought: Sequence[tuple[int, trades.Trade]]
) -> dict[int, list[Paid]]:
    """Which trades brought the tonnes of which retirement: first bought, first retired, issuance by issuance.

    `parts_of` is tonnes by issuance of each retirement in the order of retiring; `bought` is (issuance, trade) in the
    order of buying. Pure. A holder's tonnes are not marked by trade, so this order is the books' convention.
    """
    stock: dict[int, list[list[Any]]] = {}
    for issuance_id, trade in bought:
        stock.setdefault(issuance_id, []).append([trade, trade.quantity_t])
    found: dict[int, list[Paid]] = {}
    for retirement_id, parts in parts_of.items():
        for issuance_id, wanted_t in parts.items():
            open_t, queue = wanted_t, stock.get(issuance_id, [])
            while open_t and queue:
                trade, left_t = queue[0]
                taken_t = min(left_t, open_t)
                found.setdefault(retirement_id, []).append(Paid(trade, taken_t))
                open_t, queue[0][1] = open_t - taken_t, left_t - taken_t
                if not queue[0][1]:
                    queue.pop(0)
    return found


def receipt(reader: Reader, number: str, organisation_id: int) -> dict[str, Any]:
    """The receipt of one purchase; another organisation's is not admitted to exist."""
    wanted = pieces.named(number)
    for purchase in purchases(reader, organisation_id):
        if purchase["number"] == wanted:
            return {"purchase": purchase}
    raise NotFound


def purchases(reader: Reader, organisation_id: int) -> list[dict[str, Any]]:
    """Retirements for events, newest first, with what was bought for them."""
    retired = [row for row in retirement.newest(reader, holder_id=organisation_id) if row.event_id]
    runs: dict[int, list[blocks.Run]] = {row.id: [] for row in reversed(retired)}
    for run in blocks.runs(reader, retirement_ids=runs) if runs else []:
        runs[run.retirement_id or 0].append(run)
    settled = [trade for trade in reversed(trades.of_buyer(reader, organisation_id)) if trade.settlement_id]
    offers = listings.by_ids(reader, {trade.listing_id for trade in settled})
    bought = [(offers[trade.listing_id].issuance_id, trade) for trade in settled]
    paid = paid_for({key: _parts(each) for key, each in runs.items()}, bought)
    facts = _Facts(reader, organisation_id, retired, runs, settled, offers)
    return [facts.purchase(row, runs[row.id], paid.get(row.id, [])) for row in retired]


def _parts(runs: Sequence[blocks.Run]) -> dict[int, int]:
    parts: dict[int, int] = {}
    for run in runs:
        parts[run.issuance_id] = parts.get(run.issuance_id, 0) + int(run.quantity_t)
    return parts


class _Facts:
    """Everything that the purchases of one organiser refer to, read once."""

    def __init__(
        self,
        reader: Reader,
        organisation_id: int,
        retired: Sequence[retirement.Retirement],
        runs: Mapping[int, Sequence[blocks.Run]],
        settled: Sequence[trades.Trade],
        offers: Mapping[int, listings.Listing],
    ) -> None:
        self.offers = offers
        self.origins = issuance.provenance(reader, {run.issuance_id for each in runs.values() for run in each})
        self.events = neutral_events.by_ids(reader, {row.event_id for row in retired if row.event_id})
        self.certified = certificates.numbers(reader, [row.id for row in retired])
        self.paid_by = payments.payments_of(reader, [trade.id for trade in settled])
        people = {trade.seller_id for trade in settled} | {organisation_id}
        self.people = pieces.organisation_names(reader, people)

    def purchase(self, row: retirement.Retirement, runs: Sequence[blocks.Run], paid: Sequence[Paid]) -> dict[str, Any]:
        """One purchase: origin and price are those of its first trade, the amount is that of all."""
        event = self.events[row.event_id or 0]
        origin = self.origins[runs[0].issuance_id]
        first = paid[0].trade if paid else None
        payment = self.paid_by.get(first.id) if first else None
        return pieces.origin_facts(origin) | {
            "number": row.number,
            "event": {"number": event.number, "name": event.name, "held_on": event.held_on, "place": event.place},
            "beneficiary": row.beneficiary or self.people[row.holder_id],
            "seller": self.people[first.seller_id] if first else pieces.nobody(),
            "serial": origin.serial(runs[0].lo, runs[0].end),
            "quantity_t": row.quantity_t,
            "price_fen": first.price_fen if first else 0,
            "amount_fen": sum(each.quantity_t * each.trade.price_fen for each in paid),
            "payment_reference": (payment.intent or payment.number) if payment else "—",
            "bought_at": row.retired_at,
            "certificate": self.certified.get(row.id),
            "lines": [self._line(each) for each in paid],
            "serials": [self.origins[run.issuance_id].serial(run.lo, run.end) for run in runs],
        }

    def _line(self, paid: Paid) -> dict[str, Any]:
        """What one trade brought, with its price."""
        offer = self.offers[paid.trade.listing_id]
        return pieces.origin_facts(self.origins[offer.issuance_id]) | {
            "seller": self.people[paid.trade.seller_id],
            "quantity_t": paid.quantity_t,
            "price_fen": paid.trade.price_fen,
            "cost_fen": paid.quantity_t * paid.trade.price_fen,
        }
