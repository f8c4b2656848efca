"""Is this result right? Every rule of a round verified from first principles, without the solver and without trust.

Each rule below is one sentence of the contract, written from its text by another hand than the solver's constraints,
in whole numbers only. `check` names every violation with its place and figures; an empty list means that the result
is a feasible outcome of exactly this problem, priced by its rule, and that what it says of itself (`matching.claims`:
totals, fills, reasons, bounds, gaps) is so. Whether the bounds themselves hold is what a certificate proves: with one,
every bound must be exactly the figure that `matching.bounds` derives from its prices.

Source: contracts §2 (feasible) and §3 (result, certificate).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import UNSET

from matching import bounds, claims
from matching.books import Books, Violation
from matching.certificate import CERTIFICATE_FORMAT, Certificate, Prices, Proofs
from matching.problem import AUCTION, MIDPOINT, UNIFORM, Bid, Problem, Result

__all__ = ["Books", "Violation", "check"]

# What a tonne may be worth besides: only where the bound is over results with given tonnes of that purpose.
FREE_WORTHS = {
    "compliance_t": (),
    "voluntary_t": ("compliance_worth",),
    "surplus_fen": ("compliance_worth", "voluntary_worth"),
}


def check(problem: Problem, result: Result, certificate: Certificate | None = None) -> list[Violation]:
    """Every violation of the contract in `result`, in the order of the rules; empty when there is none.

    Without a certificate the bounds are only held against the lines, with one they are proven (`search_bound` is not).
    """
    books = Books(problem, result)
    found = [violation for rule in RULES for violation in rule(books)]
    if certificate is not None:
        found.extend(the_certificate_proves_the_bounds(books, certificate))
    return found


def every_line_gives_tonnes_of_a_lot_to_a_bid_once(books: Books) -> Iterator[Violation]:
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(books.result.lines):
        where = f"lines[{number}]"
        if line.bid not in books.bids:
            yield Violation("unknown_bid", where, f"there is no bid {line.bid}")
        if line.lot not in books.lots:
            yield Violation("unknown_lot", where, f"there is no lot {line.lot}")
        if (line.bid, line.lot) in seen:
            yield Violation("repeated_pair", where, f"bid {line.bid} and lot {line.lot} already have a line")
        seen.add((line.bid, line.lot))
        if line.quantity_t < 1:
            yield Violation("quantity", where, f"a line has at least 1 t, this one {line.quantity_t} t")


def every_lot_suits_its_bid(books: Books) -> Iterator[Violation]:
    for bid, deliveries in books.received():
        types, regions = _names(bid.product_types), _names(bid.regions)
        for each in deliveries:
            lot, pair = each.lot, f"bid {bid.id} and lot {each.lot.id}"
            if types is not None and lot.product_type not in types:
                yield Violation("type", each.where, f"{pair}: the bid does not take the type {lot.product_type}")
            if regions is not None and lot.region not in regions:
                yield Violation("region", each.where, f"{pair}: the bid does not take the region {lot.region}")
            if bid.vintage_from is not None and lot.vintage < bid.vintage_from:
                message = f"{pair}: vintage {lot.vintage} is before {bid.vintage_from}"
                yield Violation("vintage", each.where, message)
            if bid.vintage_to is not None and lot.vintage > bid.vintage_to:
                message = f"{pair}: vintage {lot.vintage} is after {bid.vintage_to}"
                yield Violation("vintage", each.where, message)
            if lot.ask_fen > bid.limit_fen:
                message = f"{pair}: the ask {lot.ask_fen} fen is above the limit {bid.limit_fen} fen"
                yield Violation("ask_above_limit", each.where, message)
            if lot.group == bid.group:
                yield Violation("own_group", each.where, f"{pair}: both belong to the group {lot.group}")


def no_bid_is_overfilled(books: Books) -> Iterator[Violation]:
    for bid, _ in books.received():
        if (filled_t := books.filled_t[bid.id]) > bid.quantity_t:
            yield Violation("overfilled", f"bid {bid.id}", f"got {filled_t} t and wants {bid.quantity_t} t")


def no_lot_is_oversold(books: Books) -> Iterator[Violation]:
    for lot_id, sold_t in books.sold_t.items():
        if sold_t > (offered_t := books.lots[lot_id].quantity_t):
            yield Violation("oversold", f"lot {lot_id}", f"sold {sold_t} t and offers {offered_t} t")


def all_or_none_means_the_whole_quantity_or_nothing(books: Books) -> Iterator[Violation]:
    for bid, _ in books.received():
        if bid.all_or_none and (filled_t := books.filled_t[bid.id]) not in (0, bid.quantity_t):
            message = f"got {filled_t} t of {bid.quantity_t} t, all or none"
            yield Violation("all_or_none", f"bid {bid.id}", message)
    for lot_id, sold_t in books.sold_t.items():
        lot = books.lots[lot_id]
        if lot.all_or_none and sold_t not in (0, lot.quantity_t):
            message = f"sold {sold_t} t of {lot.quantity_t} t, all or none"
            yield Violation("all_or_none", f"lot {lot_id}", message)


def the_floor_of_every_bid_is_kept(books: Books) -> Iterator[Violation]:
    for bid, deliveries in books.received():
        if bid.floor is None:
            continue
        types, regions = _names(bid.floor.product_types), _names(bid.floor.regions)
        outside_t = sum(
            each.line.quantity_t
            for each in deliveries
            if (types is not None and each.lot.product_type not in types)
            or (regions is not None and each.lot.region not in regions)
        )
        most_t = bid.quantity_t * (1000 - bid.floor.min_permille) // 1000
        if outside_t > most_t:
            message = f"got {outside_t} t from outside its floor's set, {most_t} t at most may be"
            yield Violation("floor", f"bid {bid.id}", message)


def no_seller_group_exceeds_its_share(books: Books) -> Iterator[Violation]:
    for bid, deliveries in books.received():
        if bid.max_group_permille is None:
            continue
        most_t = bid.quantity_t * bid.max_group_permille // 1000
        from_group_t: dict[str, int] = defaultdict(int)
        for each in deliveries:
            from_group_t[each.lot.group] += each.line.quantity_t
        for group, quantity_t in from_group_t.items():
            if quantity_t > most_t:
                message = f"got {quantity_t} t from group {group}, {most_t} t at most may be"
                yield Violation("group_cap", f"bid {bid.id}", message)


def no_bid_has_too_many_seller_groups(books: Books) -> Iterator[Violation]:
    for bid, deliveries in books.received():
        groups = {each.lot.group for each in deliveries}
        if bid.max_sellers is not None and len(groups) > bid.max_sellers:
            message = f"buys from {len(groups)} seller groups, {bid.max_sellers} at most may be"
            yield Violation("max_sellers", f"bid {bid.id}", message)


def a_line_below_the_minimum_completes_its_bid_or_its_lot(books: Books) -> Iterator[Violation]:
    for each in books.deliveries:
        if each.line.quantity_t >= books.problem.min_line_t:
            continue
        bid_is_full = books.filled_t[each.bid.id] == each.bid.quantity_t
        lot_is_sold_out = books.sold_t[each.lot.id] == each.lot.quantity_t
        if not bid_is_full and not lot_is_sold_out:
            message = (
                f"{each.line.quantity_t} t is below the minimum of {books.problem.min_line_t} t, bid {each.bid.id} is"
                f" not full and lot {each.lot.id} not sold out"
            )
            yield Violation("min_line", each.where, message)


def every_price_follows_the_rule(books: Books) -> Iterator[Violation]:
    prices_fen = books.result.prices_fen or {}
    for each in books.deliveries:
        ask_fen, limit_fen, price_fen = each.lot.ask_fen, each.bid.limit_fen, each.line.price_fen
        if books.problem.price_rule == UNIFORM:
            right_fen = prices_fen.get(each.lot.product_type)
        elif books.problem.price_rule == MIDPOINT:
            right_fen = (ask_fen + limit_fen) // 2
        else:
            right_fen = ask_fen
        if price_fen != right_fen:
            right = "no price of its type is published" if right_fen is None else f"the rule gives {right_fen} fen"
            yield Violation("price", each.where, f"the price is {price_fen} fen, {right}")
        if not ask_fen <= price_fen <= limit_fen:
            message = f"the price {price_fen} fen is not between the ask {ask_fen} and the limit {limit_fen} fen"
            yield Violation("price_outside", each.where, message)


def the_certificate_proves_the_bounds(books: Books, certificate: Certificate) -> Iterator[Violation]:
    if certificate.format != CERTIFICATE_FORMAT:
        message = f"the format is {certificate.format}, this checker verifies {CERTIFICATE_FORMAT}"
        yield Violation("certificate", "certificate.format", message)
        return
    if certificate.problem_sha256 != books.problem_sha256:
        message = f"the problem's hash is {books.problem_sha256}, the certificate is of {certificate.problem_sha256}"
        yield Violation("certificate", "certificate.problem_sha256", message)
        return
    sound: dict[str, Prices] = {}
    for goal in Proofs.__struct_fields__:
        where, prices = f"certificate.bounds.{goal}", getattr(certificate.bounds, goal)
        is_due = goal == "surplus_fen" or books.problem.mechanism != AUCTION
        if prices is UNSET and is_due:
            yield Violation("certificate", where, "this bound has no proof")
        elif prices is not UNSET and not is_due:
            yield Violation("certificate", where, "the tonnes of an auction have no bound")
        elif prices is not UNSET:
            flaws = list(_flaws(books, goal, prices))
            yield from (Violation("certificate", f"{where}.{place}", message) for place, message in flaws)
            if not flaws:
                sound[goal] = prices
    yield from _bounds_not_proven(books, sound)


def _bounds_not_proven(books: Books, sound: dict[str, Prices]) -> Iterator[Violation]:
    for goal, proven in bounds.derived(books.problem, books.totals, sound).items():
        stated, reached = getattr(books.result.bound, goal), books.reached(goal)
        if stated != proven:
            yield Violation("not_proven", f"bound.{goal}", f"states {stated}, the certificate proves {proven}")
        if proven < reached:
            message = f"the certificate proves {proven} at most, the lines reach {reached}"
            yield Violation("above_proven_bound", f"bound.{goal}", message)


def _flaws(books: Books, goal: str, prices: Prices) -> Iterator[tuple[str, str]]:
    """Where and why these prices cannot prove anything in this round."""
    if prices.scale < 1:
        yield "scale", f"is at least 1, here {prices.scale}"
    for name in ("compliance_worth", "voluntary_worth"):
        is_free = books.problem.mechanism != AUCTION and name in FREE_WORTHS[goal]
        if (worth := getattr(prices, name)) and not is_free:
            yield name, f"is 0 in this bound, here {worth}"
    lots, bids = sorted(books.lots), [books.bids[bid_id] for bid_id in sorted(books.bids)]
    lengths = {"lot_price": len(lots), "bid_price": len(bids), "outside_price": len(bids)}
    wrong = {name: given for name, due in lengths.items() if (given := len(getattr(prices, name))) != due}
    for name, given in wrong.items():
        yield name, f"has {given} entries, {lengths[name]} are due"
    if not wrong:
        yield from _wrong_signs(lots, bids, prices)


def _wrong_signs(lots: Sequence[str], bids: Sequence[Bid], prices: Prices) -> Iterator[tuple[str, str]]:
    """A price is never negative, but for a bid that takes all or none; and only a floor has an outside."""
    for number, price in enumerate(prices.lot_price):
        if price < 0:
            yield f"lot_price[{number}]", f"lot {lots[number]}: the price {price} is negative"
    for number, (bid, price, outside_price) in enumerate(
        zip(bids, prices.bid_price, prices.outside_price, strict=True)
    ):
        if price < 0 and not bid.all_or_none:
            yield f"bid_price[{number}]", f"bid {bid.id}: the price {price} is negative, and the bid not all or none"
        if outside_price < 0:
            yield f"outside_price[{number}]", f"bid {bid.id}: the price {outside_price} is negative"
        if outside_price and bid.floor is None:
            message = f"bid {bid.id}: without a floor nothing is outside, here {outside_price}"
            yield f"outside_price[{number}]", message


def _names(stated: tuple[str, ...] | None) -> frozenset[str] | None:
    """The names as a set; None means any."""
    return None if stated is None else frozenset(stated)


RULES = (
    claims.the_result_is_of_this_problem,
    every_line_gives_tonnes_of_a_lot_to_a_bid_once,
    every_lot_suits_its_bid,
    no_bid_is_overfilled,
    no_lot_is_oversold,
    all_or_none_means_the_whole_quantity_or_nothing,
    the_floor_of_every_bid_is_kept,
    no_seller_group_exceeds_its_share,
    no_bid_has_too_many_seller_groups,
    a_line_below_the_minimum_completes_its_bid_or_its_lot,
    every_price_follows_the_rule,
    *claims.RULES,
)
