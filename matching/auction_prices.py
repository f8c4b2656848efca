"""One price per product type: which prices an outcome admits, which of them is published, who was passed over.

The lines of an auction stand when every product type has a price, a multiple of the tick, between the asks and the
limits of all its lines. As a rule many prices do. Published is the one at which supply and demand meet: of the prices
that the lines admit, those at which the fewest tonnes stay open in the money, and of these the midpoint, rounded down
to the tick. A type of which nothing was traded has no price. `docs/auction.md` states the rule in words.

Source: contracts §2 (goals of `auction`, `tick_fen`) and §3 (`prices_fen`, `paradoxically_rejected`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from matching.constraints import Allocation
from matching.problem import LARGEST_PRICE_FEN, Rejection
from matching.variables import Book, Mask, Whole

NO_PRICE = -1


@dataclass(frozen=True)
class Hall:
    """A round by product types, numbered in the order of their names. In `book` every class of lots has one type.

    `least_fen` is a lot's ask rounded up to the tick and `most_fen` a bid's limit rounded down to it: the prices on the
    tick at which each would trade.
    """

    book: Book
    types: tuple[str, ...]
    type_of_lot: Whole
    type_of_class: Whole
    least_fen: Whole
    most_fen: Whole

    @property
    def tick_fen(self) -> int:
        """The step of the prices."""
        return self.book.problem.tick_fen

    def names(self, prices_fen: Whole) -> dict[str, int]:
        """The prices as the result states them; types without a price are left out."""
        priced = zip(self.types, prices_fen.tolist(), strict=True)
        return {name: price_fen for name, price_fen in priced if price_fen != NO_PRICE}


def hall_of(book: Book) -> Hall:
    """The round by types. Classes that only differ in type, which no bid may tell apart, are taken apart here."""
    types = tuple(sorted({lot.product_type for lot in book.lots}))
    number = {name: k for k, name in enumerate(types)}
    type_of_lot = np.array([number[lot.product_type] for lot in book.lots], dtype=np.int64)
    keys, class_of_lot = np.unique(book.class_of_lot * len(types) + type_of_lot, return_inverse=True)
    former, type_of_class = keys // max(len(types), 1), keys % max(len(types), 1)
    parted = replace(
        book,
        class_of_lot=class_of_lot.astype(np.int64),
        class_owner=book.class_owner[former],
        wish_accepts=book.wish_accepts[:, former],
        floor_excludes=book.floor_excludes[:, former],
    )
    tick_fen = book.problem.tick_fen
    return Hall(
        book=parted,
        types=types,
        type_of_lot=type_of_lot,
        type_of_class=type_of_class,
        least_fen=-(-book.ask_fen // tick_fen) * tick_fen,
        most_fen=book.limit_fen // tick_fen * tick_fen,
    )


def within(hall: Hall, lowest_fen: Whole, highest_fen: Whole) -> Book:
    """The book with those lots and bids only that trade at some price of each type's range (arrays over the types).

    With one price in every range, the pairs that may trade are those that trade at these prices.
    """
    book = hall.book
    is_dear = hall.least_fen > highest_fen[hall.type_of_lot]
    kinds = len(hall.type_of_class)
    reached = np.searchsorted(np.sort(lowest_fen), hall.most_fen, side="right")
    looks, first, wish_of_bid = np.unique(
        book.wish_of_bid * (len(lowest_fen) + 1) + reached, return_index=True, return_inverse=True
    )
    accepts = book.wish_accepts[book.wish_of_bid[first]]
    accepts = accepts & (hall.most_fen[first][:, None] >= lowest_fen[hall.type_of_class][None, :])
    return replace(
        book,
        limit_fen=hall.most_fen,
        ask_fen=hall.least_fen,
        class_of_lot=np.where(is_dear, kinds, book.class_of_lot),  # a class of its own that nobody takes
        class_owner=np.append(book.class_owner, -1),
        wish_accepts=np.hstack([accepts, np.zeros((len(looks), 1), dtype=bool)]),
        wish_of_bid=wish_of_bid.reshape(-1).astype(np.int64),
        floor_excludes=np.hstack([book.floor_excludes, np.zeros((len(book.floor_excludes), 1), dtype=bool)]),
    )


def admitted(hall: Hall, held: Allocation) -> tuple[Whole, Whole]:
    """The lowest and the highest price of each type that its lines admit; the whole range where it has none."""
    lowest_fen = np.zeros(len(hall.types), dtype=np.int64)
    highest_fen = np.full(len(hall.types), LARGEST_PRICE_FEN // hall.tick_fen * hall.tick_fen)
    kind = hall.type_of_lot[held.lot]
    np.maximum.at(lowest_fen, kind, hall.least_fen[held.lot])
    np.minimum.at(highest_fen, kind, hall.most_fen[held.bid])
    return lowest_fen, highest_fen


def has_prices(hall: Hall, held: Allocation) -> bool:
    """Whether every type has a price that all its lines admit."""
    lowest_fen, highest_fen = admitted(hall, held)
    return bool((lowest_fen <= highest_fen).all())


def published(hall: Hall, most_t: Whole, held: Allocation) -> Whole:
    """The price of each type, `NO_PRICE` where nothing of it was traded.

    `most_t` is what each bid could get at most: a bid that could never be served has no say. Requires `has_prices`.
    """
    book = hall.book
    wanted, may_sell = _suited(hall)
    unsold_t = np.where(may_sell, book.supply_t - held.sold_t(book), 0)
    unfilled_t = np.where(most_t > 0, book.quota_t - held.filled_t(book), 0)
    lowest_fen, highest_fen = admitted(hall, held)
    prices_fen = np.full(len(hall.types), NO_PRICE)
    for kind in np.unique(hall.type_of_lot[held.lot]).tolist():
        lots, bids = (hall.type_of_lot == kind) & (unsold_t > 0), wanted[:, kind] & (unfilled_t > 0)
        prices_fen[kind] = _meeting_fen(
            (int(lowest_fen[kind]), int(highest_fen[kind])),
            (book.ask_fen[lots], unsold_t[lots]),
            (book.limit_fen[bids], unfilled_t[bids]),
            hall.tick_fen,
        )
    return prices_fen


def rejected(hall: Hall, prices_fen: Whole, held: Allocation) -> tuple[Rejection, ...]:
    """The orders that traded nothing though strictly in the money, bids before lots, each by id."""
    book = hall.book
    cheapest: dict[tuple[str, ...] | None, int] = {}
    named = hall.names(prices_fen)
    found = []
    for i in np.flatnonzero(held.filled_t(book) == 0).tolist():
        bid = book.bids[i]
        if bid.product_types not in cheapest:
            chosen = named if bid.product_types is None else named.keys() & set(bid.product_types)
            cheapest[bid.product_types] = min((named[name] for name in chosen), default=LARGEST_PRICE_FEN)
        by_fen = bid.limit_fen - cheapest[bid.product_types]
        if by_fen > 0:
            found.append(Rejection(bid=bid.id, tonnes=bid.quantity_t, by_fen=by_fen))
    by_fen_of_lot = prices_fen[hall.type_of_lot] - book.ask_fen
    for j in np.flatnonzero((held.sold_t(book) == 0) & (by_fen_of_lot > 0)).tolist():
        lot = book.lots[j]
        found.append(Rejection(lot=lot.id, tonnes=lot.quantity_t, by_fen=int(by_fen_of_lot[j])))
    return tuple(found)


def _meeting_fen(ends: tuple[int, int], offers: tuple[Whole, Whole], wishes: tuple[Whole, Whole], tick_fen: int) -> int:
    """Of the prices from end to end the midpoint of the first run at which the fewest tonnes are open in the money.

    `offers` are asks and unsold tonnes, `wishes` limits and unfilled tonnes. Tonnes of an ask count above it, tonnes of
    a limit below it, so the sum changes only one tick above an ask and at a limit.
    """
    lowest_fen, highest_fen = ends
    above_asks, limits = (offers[0] // tick_fen + 1) * tick_fen, -(-wishes[0] // tick_fen) * tick_fen
    turns = np.unique(np.concatenate([[lowest_fen], above_asks, limits]))
    turns = turns[(turns >= lowest_fen) & (turns <= highest_fen)]
    open_t = sums_up_to(above_asks, offers[1], turns) + int(wishes[1].sum()) - sums_up_to(limits, wishes[1], turns)
    first = int(np.argmin(open_t))
    following = np.flatnonzero(open_t[first:] != open_t[first])
    last_fen = int(turns[first + following[0]]) - tick_fen if len(following) else highest_fen
    return (int(turns[first]) + last_fen) // 2 // tick_fen * tick_fen


def _suited(hall: Hall) -> tuple[Mask, Mask]:
    """Which types each bid could get by type, region and vintage (bids x types), and which lots somebody could take."""
    book = hall.book
    of_type = hall.type_of_class[:, None] == np.arange(len(hall.types))[None, :]
    wanted = np.zeros((len(book.bids), len(hall.types)), dtype=bool)
    may_sell = np.zeros(len(book.lots), dtype=bool)
    for number, (first, last) in enumerate(book.windows):
        inside = (book.vintage >= first) & (book.vintage <= last)
        is_there = np.bincount(book.class_of_lot[inside], minlength=len(of_type)) > 0
        bids = np.flatnonzero(book.window_of_bid == number)
        accepts = book.wish_accepts[book.wish_of_bid[bids]]
        wanted[bids] = (accepts & is_there[None, :]) @ of_type
        is_taken: Mask = np.logical_or.reduce(accepts, axis=0)
        may_sell |= inside & is_taken[book.class_of_lot]
    return wanted, may_sell


def sums_up_to(at_fen: Whole, tonnes: Whole, most_fen: Whole) -> Whole:
    """The tonnes at or below each of some prices."""
    order = np.argsort(at_fen, kind="stable")
    return np.concatenate([[0], np.cumsum(tonnes[order])])[np.searchsorted(at_fen[order], most_fen, side="right")]
