"""What a result says of itself: its problem, sums, outcomes, bounds, gaps, what is proven, what was passed over.

A result is believed on none of these. Sums are added up again, the gaps follow from the bounds by exact division, and
a goal is proven only when the outcome reaches its bound. Whether a bound is a true bound is for the certificate.

Source: contracts §3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from matching.books import Books, Violation
from matching.problem import (
    AUCTION,
    BOUNDED,
    GOALS,
    LOT_REASONS,
    OPTIMAL,
    REASONS,
    STATUSES,
    Bid,
    Bound,
    Reason,
    Rejection,
    Totals,
)


def the_result_is_of_this_problem(books: Books) -> Iterator[Violation]:
    problem, result = books.problem, books.result
    if result.problem_sha256 != books.problem_sha256:
        message = f"the problem's hash is {books.problem_sha256}, the result is of {result.problem_sha256}"
        yield Violation("problem_sha256", "problem_sha256", message)
    if result.mechanism != problem.mechanism:
        message = f"the problem's mechanism is {problem.mechanism}, the result says {result.mechanism}"
        yield Violation("mechanism", "mechanism", message)


def the_totals_are_the_sums_of_the_lines(books: Books) -> Iterator[Violation]:
    for name in Totals.__struct_fields__:
        stated, summed = getattr(books.result.totals, name), getattr(books.totals, name)
        if stated != summed:
            yield Violation("totals", f"totals.{name}", f"states {stated}, the lines add up to {summed}")


def everything_is_in_order(books: Books) -> Iterator[Violation]:
    result = books.result
    orders: tuple[tuple[str, Sequence[tuple[str, ...]]], ...] = (
        ("lines", [(line.bid, line.lot) for line in result.lines]),
        ("bids", [(outcome.bid,) for outcome in result.bids]),
        ("lots", [(outcome.lot,) for outcome in result.lots]),
    )
    for name, keys in orders:
        for number in range(1, len(keys)):
            if keys[number - 1] > keys[number]:
                message = f"{' '.join(keys[number])} comes after {' '.join(keys[number - 1])}, it sorts before"
                yield Violation("order", f"{name}[{number}]", message)


def every_order_has_one_outcome_that_adds_up(books: Books) -> Iterator[Violation]:
    bids = [(each.bid, each.filled_t, each.reasons) for each in books.result.bids]
    wanted_t = {bid.id: bid.quantity_t for bid in books.problem.bids}
    yield from _outcomes("bid", "filled", bids, wanted_t, books.filled_t, REASONS)
    lots = [(each.lot, each.sold_t, each.reasons) for each in books.result.lots]
    offered_t = {lot.id: lot.quantity_t for lot in books.problem.lots}
    yield from _outcomes("lot", "sold", lots, offered_t, books.sold_t, LOT_REASONS)


Outcome = tuple[str, int, tuple[Reason, ...]]


def _outcomes(
    kind: str,
    done: str,
    outcomes: Sequence[Outcome],
    quantity_t: dict[str, int],
    traded_t: dict[str, int],
    codes: Collection[str],
) -> Iterator[Violation]:
    """`kind` is bid or lot, `quantity_t` what each order wants or offers, `traded_t` what the lines gave it."""
    seen: set[str] = set()
    for number, (order_id, stated_t, reasons) in enumerate(outcomes):
        where = f"{kind}s[{number}]"
        if order_id not in quantity_t or order_id in seen:
            wrong = "is listed twice" if order_id in seen else "does not exist"
            yield Violation("outcomes", where, f"{kind} {order_id} {wrong}")
            continue
        seen.add(order_id)
        really_t = traded_t.get(order_id, 0)
        if stated_t != really_t:
            message = f"{kind} {order_id}: states {stated_t} t {done}, the lines add up to {really_t} t"
            yield Violation(f"{done}_t", where, message)
        yield from _reasons(where, reasons, codes)
        explained_t, open_t = sum(reason.tonnes for reason in reasons), quantity_t[order_id] - really_t
        if explained_t > open_t or (kind == "bid" and explained_t != open_t):
            message = f"{kind} {order_id}: the reasons explain {explained_t} t of {open_t} t not {done}"
            yield Violation("reasons", where, message)
    for order_id in sorted(quantity_t.keys() - seen):
        yield Violation("outcomes", f"{kind}s", f"{kind} {order_id} is missing")


def _reasons(where: str, reasons: Iterable[Reason], codes: Collection[str]) -> Iterator[Violation]:
    for reason in reasons:
        if reason.code not in codes:
            yield Violation("reason_code", where, f"there is no reason {reason.code}")
        if reason.tonnes < 0:
            yield Violation("reasons", where, f"the reason {reason.code} explains {reason.tonnes} t")


def the_bounds_are_stated_and_not_passed(books: Books) -> Iterator[Violation]:
    tonnes_bounded = books.problem.mechanism != AUCTION
    for name, bound in (("bound", books.result.bound), ("search_bound", books.result.search_bound)):
        for goal in Bound.__struct_fields__ if bound else ():
            where, at = f"{name}.{goal}", getattr(bound, goal)
            if goal != "surplus_fen" and not tonnes_bounded:
                if at is not None:
                    yield Violation("bound", where, f"the tonnes of an auction have no bound, this states {at}")
            elif at is None:
                if name == "bound":
                    yield Violation("bound", where, "there is no bound")
            elif at < (reached := books.reached(goal)):
                yield Violation("above_bound", where, f"the outcome reaches {reached}, above the bound {at}")


def the_gaps_follow_from_the_bounds(books: Books) -> Iterator[Violation]:
    tonnes = [] if books.problem.mechanism == AUCTION else ["compliance_t", "voluntary_t"]
    for name, goals in (("coverage", tonnes), ("surplus", ["surplus_fen"])):
        bounds = [books.tightest(goal) for goal in goals]
        if None in bounds:
            continue  # a missing bound is named by its own rule
        bound, reached = sum(at for at in bounds if at is not None), sum(books.reached(goal) for goal in goals)
        right = gap_ppm(bound, reached)
        if (stated := getattr(books.result.gap_ppm, name)) != right:
            message = f"states {stated}, {reached} of at most {bound} is {right} parts per million"
            yield Violation("gap_ppm", f"gap_ppm.{name}", message)


def gap_ppm(bound: int, reached: int) -> int:
    """How far `reached` stays below `bound`, in parts per million of the bound, rounded up; a zero bound gives 0."""
    return -((reached - bound) * 1_000_000 // bound) if bound else 0


def the_status_says_what_is_proven(books: Books) -> Iterator[Violation]:
    result, goals = books.result, GOALS[books.problem.mechanism]
    if result.status not in STATUSES:
        yield Violation("status", "status", f"there is no status {result.status}")
    if result.proven != goals[: len(result.proven)]:
        message = (
            f"states {', '.join(result.proven)}; a goal stands on those before it, in this order: {', '.join(goals)}"
        )
        yield Violation("proven", "proven", message)
    for goal in result.proven:
        bound = books.tightest(goal) if goal in Bound.__struct_fields__ else None
        if bound is not None and bound != (reached := books.reached(goal)):
            yield Violation("proven", "proven", f"{goal} is not proven: {reached} of at most {bound}")
    all_proven, gaps = set(goals) <= set(result.proven), result.gap_ppm
    if result.status == OPTIMAL and not all_proven:
        missing = ", ".join(goal for goal in goals if goal not in result.proven)
        yield Violation("status", "status", f"optimal, but not proven: {missing}")
    if result.status == OPTIMAL and (gaps.coverage or gaps.surplus):
        message = f"optimal, but the gaps are {gaps.coverage} and {gaps.surplus} parts per million"
        yield Violation("status", "status", message)
    bounds_reached = goals == Bound.__struct_fields__ and all(
        books.tightest(goal) == books.reached(goal) for goal in goals
    )
    if result.status == BOUNDED and (all_proven or bounds_reached):
        yield Violation("status", "status", "bounded, but every goal is proven: that is optimal")


def an_auction_publishes_prices_on_its_tick(books: Books) -> Iterator[Violation]:
    prices_fen, tick_fen = books.result.prices_fen, books.problem.tick_fen
    if books.problem.mechanism != AUCTION:
        if prices_fen is not None:
            yield Violation("prices_fen", "prices_fen", "only an auction has one price per product type")
        return
    if prices_fen is None:
        yield Violation("prices_fen", "prices_fen", "an auction states the price of each product type")
        return
    offered = {lot.product_type for lot in books.problem.lots}
    for product_type, price_fen in prices_fen.items():
        where = f"prices_fen {product_type}"
        if product_type not in offered:
            yield Violation("prices_fen", where, "no lot is of this type")
        if price_fen < 0 or price_fen % tick_fen:
            yield Violation("tick", where, f"{price_fen} fen is not a multiple of the tick of {tick_fen} fen")


def every_order_rejected_in_the_money_is_published(books: Books) -> Iterator[Violation]:
    """Rejected: nothing traded (what stayed open of an order in part filled may be listed as well)."""
    rejected = books.result.paradoxically_rejected
    if books.problem.mechanism != AUCTION:
        if rejected:
            yield Violation("rejected", "paradoxically_rejected", "only an auction rejects orders in the money")
        return
    prices_fen = books.result.prices_fen or {}
    listed: set[tuple[str, str]] = set()
    for number, rejection in enumerate(rejected):
        order = _order(rejection)
        if order in listed:
            message = f"{order[0]} {order[1]} is listed twice"
            yield Violation("rejected", f"paradoxically_rejected[{number}]", message)
        listed.add(order)
        yield from _rejection(books, f"paradoxically_rejected[{number}]", rejection, prices_fen)
    for (kind, order_id), message in _passed_over(books, prices_fen):
        if (kind, order_id) not in listed:
            yield Violation("rejected", "paradoxically_rejected", f"{kind} {order_id} is not listed: {message}")


def _order(rejection: Rejection) -> tuple[str, str]:
    """The kind of the rejected order and its id."""
    if isinstance(rejection.bid, str):
        return "bid", rejection.bid
    return "lot", str(rejection.lot)


def _passed_over(books: Books, prices_fen: dict[str, int]) -> Iterator[tuple[tuple[str, str], str]]:
    """Each order that traded nothing though strictly in the money at the published prices."""
    for lot in books.problem.lots:
        price_fen = prices_fen.get(lot.product_type, 0)
        if not books.sold_t.get(lot.id) and lot.ask_fen < price_fen:
            yield ("lot", lot.id), f"sold nothing, its ask {lot.ask_fen} is below the price {price_fen} fen"
    least_fen = min(prices_fen.values(), default=None)
    for bid in books.problem.bids:
        price_fen = least_fen if bid.product_types is None else min(_prices_fen(bid, prices_fen), default=None)
        if not books.filled_t.get(bid.id) and price_fen is not None and price_fen < bid.limit_fen:
            yield ("bid", bid.id), f"got nothing, its limit {bid.limit_fen} is above the price {price_fen} fen"


def _prices_fen(bid: Bid, prices_fen: dict[str, int]) -> Iterable[int]:
    """The published prices of the types that the bid takes."""
    if bid.product_types is None:
        return prices_fen.values()
    return [prices_fen[product_type] for product_type in bid.product_types if product_type in prices_fen]


def _rejection(books: Books, where: str, rejection: Rejection, prices_fen: dict[str, int]) -> Iterator[Violation]:
    kind, order_id = _order(rejection)
    if kind == "lot" and (lot := books.lots.get(order_id)):
        open_t = lot.quantity_t - books.sold_t.get(lot.id, 0)
        is_so = prices_fen.get(lot.product_type) == lot.ask_fen + rejection.by_fen
    elif kind == "bid" and (bid := books.bids.get(order_id)):
        open_t = bid.quantity_t - books.filled_t.get(bid.id, 0)
        is_so = bid.limit_fen - rejection.by_fen in _prices_fen(bid, prices_fen)
    else:
        yield Violation("rejected", where, f"there is no {kind} {order_id}")
        return
    if rejection.tonnes != open_t or open_t < 1:
        yield Violation("rejected", where, f"{kind} {order_id}: states {rejection.tonnes} t, {open_t} t stayed open")
    if rejection.by_fen < 1 or not is_so:
        message = f"{kind} {order_id}: is not in the money by {rejection.by_fen} fen at the published prices"
        yield Violation("rejected", where, message)


RULES = (
    the_totals_are_the_sums_of_the_lines,
    everything_is_in_order,
    every_order_has_one_outcome_that_adds_up,
    the_bounds_are_stated_and_not_passed,
    the_gaps_follow_from_the_bounds,
    the_status_says_what_is_proven,
    an_auction_publishes_prices_on_its_tick,
    every_order_rejected_in_the_money_is_published,
)
