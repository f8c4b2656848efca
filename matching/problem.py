"""A matching round as data: the problem that goes in (`tanyi.match/1`), the result out (`tanyi.match.result/1`).

Lots are what sellers offer, bids what buyers want; a line gives some tonnes of one lot to one bid at a price. Both
documents are JSON whose every number is a whole number (seconds and megabytes of the solver apart), read strictly: a
key that is missing, unknown or repeated, a float, an exponent, a boolean or a string in place of a number is refused
with its JSON path. Nothing here says which lines are feasible: the constraints of the solver and the rules of the
checker are written separately, so that one mistake cannot hide in both. The values do not check themselves: a problem
made in memory is as sound as `read_problem(write_problem(problem))` finds it.

Source: contracts §2 and §3; canonical form: RFC 8785; times: RFC 3339.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

PROBLEM_FORMAT = "tanyi.match/1"
RESULT_FORMAT = "tanyi.match.result/1"
MOST_ENTRIES = 10**6  # of any list
LARGEST = 2**53 - 1  # what every JSON reader keeps exactly
LARGEST_QUANTITY_T = 10**9
LARGEST_PRICE_FEN = 10**7

QUOTA, AUCTION = "quota", "auction"
PAY_AS_ASK, MIDPOINT, UNIFORM = "pay_as_ask", "midpoint", "uniform"
PRICE_RULES = {QUOTA: (PAY_AS_ASK, MIDPOINT), AUCTION: (UNIFORM,)}
COMPLIANCE, VOLUNTARY = "compliance", "voluntary"
GOALS = {QUOTA: ("compliance_t", "voluntary_t", "surplus_fen"), AUCTION: ("surplus_fen", "filled_t")}
OPTIMAL, BOUNDED, TIME_LIMIT = "optimal", "bounded", "time_limit"
STATUSES = (OPTIMAL, BOUNDED, TIME_LIMIT)
REASONS = (
    *("price", "type", "vintage", "region", "floor", "group_cap", "max_sellers", "min_line", "all_or_none"),
    *("own_group", "supply_short", "priority"),
)
LOT_REASONS = (*REASONS, "demand_short")

_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:[Zz]|[+-]00:00)", re.ASCII)
_ESCAPED_COLON = re.compile(rb"\\u003[aA]")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


class BadProblem(ValueError):  # noqa: N818  a refusal says what is wrong
    """The document is not a problem: `path` is the JSON path of the first thing wrong, `reason` says what it is."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class BadResult(BadProblem):
    """The document is not a result. Whether a well-formed result is right is for the checker to say."""


Whole = Annotated[int, Meta(ge=-LARGEST, le=LARGEST)]
Positive = Annotated[int, Meta(ge=1, le=LARGEST)]
Quantity = Annotated[int, Meta(ge=1, le=LARGEST_QUANTITY_T)]
Price = Annotated[int, Meta(ge=0, le=LARGEST_PRICE_FEN)]
Permille = Annotated[int, Meta(ge=0, le=1000)]
Measured = Annotated[int, Meta(ge=0)] | Annotated[float, Meta(ge=0)]
Names = Annotated[tuple[str, ...], Meta(max_length=MOST_ENTRIES)]


class Lot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An offer of `quantity_t` tonnes of one type, vintage and region at `ask_fen` a tonne or more."""

    id: str
    seller: str
    group: str
    product_type: str
    vintage: Whole
    region: str
    quantity_t: Quantity
    ask_fen: Price
    all_or_none: bool
    offered_at: str


class Floor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At least `min_permille` of the bid's quantity is kept for lots of these types and these regions (null: any)."""

    product_types: Names | None
    regions: Names | None
    min_permille: Permille


class Bid(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish for up to `quantity_t` tonnes at `limit_fen` a tonne or less, and what the buyer may be given."""

    id: str
    buyer: str
    group: str
    purpose: Literal["compliance", "voluntary"]
    quantity_t: Quantity
    limit_fen: Price
    product_types: Names | None
    vintage_from: Whole | None
    vintage_to: Whole | None
    regions: Names | None
    floor: Floor | None
    max_group_permille: Permille | None
    max_sellers: Positive | None
    all_or_none: bool
    submitted_at: str


class Problem(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One round. `stated_tick_fen` is the document's optional key `tick_fen`; read the step from `tick_fen`."""

    format: Literal["tanyi.match/1"]
    id: str
    mechanism: Literal["quota", "auction"]
    price_rule: Literal["pay_as_ask", "midpoint", "uniform"]
    stated_tick_fen: Positive | UnsetType = field(default=UNSET, name="tick_fen")
    min_line_t: Positive
    seed: str
    lots: Annotated[tuple[Lot, ...], Meta(max_length=MOST_ENTRIES)]
    bids: Annotated[tuple[Bid, ...], Meta(max_length=MOST_ENTRIES)]

    @property
    def tick_fen(self) -> int:
        """The step of an auction's prices, 1 fen when the document does not state one."""
        return 1 if isinstance(self.stated_tick_fen, UnsetType) else self.stated_tick_fen


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`quantity_t` tonnes of the lot go to the bid at `price_fen` a tonne."""

    bid: str
    lot: str
    quantity_t: Whole
    price_fen: Whole


class Totals(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sums over the lines: tonnes by purpose, Σ (limit - ask) × tonnes, Σ price × tonnes, the number of lines."""

    compliance_t: Whole
    voluntary_t: Whole
    surplus_fen: Whole
    cost_fen: Whole
    lines: Whole


class Bound(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Upper bounds of the goals; null where there is none (the tonnes of an auction)."""

    compliance_t: Whole | None
    voluntary_t: Whole | None
    surplus_fen: Whole | None


class Gap(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the result may be from the best one, in parts per million rounded up."""

    coverage: Whole
    surplus: Whole


class Reason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why `tonnes` of an order stayed open; `figures` (may be absent) are what supports the code."""

    code: str
    tonnes: Whole
    figures: dict[str, Whole | str] | UnsetType = UNSET


class BidOutcome(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one bid got, and why not more: the reasons add up to its unfilled tonnes."""

    bid: str
    filled_t: Whole
    reasons: tuple[Reason, ...]


class LotOutcome(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of one lot was sold, and why not more."""

    lot: str
    sold_t: Whole
    reasons: tuple[Reason, ...]


class Rejection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An order of an auction that was rejected though in the money: exactly one of `bid` and `lot` is given."""

    bid: str | UnsetType = UNSET
    lot: str | UnsetType = UNSET
    tonnes: Whole
    by_fen: Whole


class Solver(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who made the result; two runs of one problem differ in `seconds` and `peak_mb` alone."""

    name: str
    version: str
    seconds: Measured
    peak_mb: Measured


class Result(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proposed outcome of one problem. Unknown words and wrong figures are the checker's to name."""

    format: Literal["tanyi.match.result/1"]
    problem_sha256: str
    mechanism: str
    status: str
    lines: tuple[Line, ...]
    totals: Totals
    bound: Bound
    search_bound: Bound | None
    gap_ppm: Gap
    proven: tuple[str, ...]
    prices_fen: dict[str, Whole] | None
    paradoxically_rejected: tuple[Rejection, ...]
    bids: tuple[BidOutcome, ...]
    lots: tuple[LotOutcome, ...]
    solver: Solver


def read_problem(raw: bytes) -> Problem:
    """The problem in a `tanyi.match/1` document. Raises `BadProblem` naming the path of what is wrong."""
    problem = read_document(raw, _PROBLEM, BadProblem)
    if problem.price_rule not in PRICE_RULES[problem.mechanism]:
        allowed = " or ".join(PRICE_RULES[problem.mechanism])
        raise BadProblem("$.price_rule", f"{problem.mechanism} goes with {allowed}, got {problem.price_rule}")
    if problem.mechanism != AUCTION and problem.stated_tick_fen is not UNSET:
        raise BadProblem("$.tick_fen", "only an auction has a tick")
    _refuse_unless_ids_and_times("lots", "offered_at", problem.lots)
    _refuse_unless_ids_and_times("bids", "submitted_at", problem.bids)
    worth_fen = sum(bid.limit_fen * bid.quantity_t for bid in problem.bids)
    if worth_fen > LARGEST:
        raise BadProblem("$.bids", f"the sum of limit_fen times quantity_t must be below 2^53, got {worth_fen}")
    return problem


def read_result(raw: bytes) -> Result:
    """The result in a `tanyi.match.result/1` document. Raises `BadResult` naming the path of what is wrong."""
    result = read_document(raw, _RESULT, BadResult)
    for number, rejection in enumerate(result.paradoxically_rejected):
        if (rejection.bid is UNSET) is (rejection.lot is UNSET):
            raise BadResult(f"$.paradoxically_rejected[{number}]", "expected either bid or lot")
    return result


def write_problem(problem: Problem) -> bytes:
    """One JSON document, keys in the order of the format, lots and bids by id."""
    return msgspec.json.encode(_sorted(problem)) + b"\n"


def write_result(result: Result) -> bytes:
    """One JSON document, keys in the order of the format, lines by (bid, lot), bids and lots by id."""
    ordered = msgspec.structs.replace(
        result,
        lines=tuple(sorted(result.lines, key=lambda line: (line.bid, line.lot))),
        bids=tuple(sorted(result.bids, key=lambda outcome: outcome.bid)),
        lots=tuple(sorted(result.lots, key=lambda outcome: outcome.lot)),
        prices_fen=None if result.prices_fen is None else dict(sorted(result.prices_fen.items())),
    )
    return msgspec.json.encode(ordered) + b"\n"


def problem_sha256(problem: Problem) -> str:
    """Hex SHA-256 of the RFC 8785 form with lots and bids sorted by id (by code point, which is also UTF-8 order).

    A stated `tick_fen` is part of the form and an absent one is not. The keys are ASCII and the numbers whole, so that
    the compact form with sorted keys is the canonical one; a test holds it against the reference.
    """
    return hashlib.sha256(_CANONICAL.encode(_sorted(problem))).hexdigest()


def instant(text: str) -> tuple[str, str, str]:
    """A sortable form of an RFC 3339 time in UTC, exact for any number of decimals: (date, time, fraction).

    Raises ValueError for anything else; another offset than zero is not UTC.
    """
    if not (found := _INSTANT.fullmatch(text)):
        raise ValueError(text)
    date, time, fraction = found.groups(default="")
    datetime.fromisoformat(f"{date}T{time.replace('23:59:60', '23:59:59')}")  # RFC 3339 allows the leap second
    return date, time, fraction.rstrip("0")


_CANONICAL = msgspec.json.Encoder(order="sorted")
_PROBLEM = msgspec.json.Decoder(Problem, strict=True)
_RESULT = msgspec.json.Decoder(Result, strict=True)
Document = TypeVar("Document", bound=Struct)


def _sorted(problem: Problem) -> Problem:
    lots = tuple(sorted(problem.lots, key=lambda lot: lot.id))
    bids = tuple(sorted(problem.bids, key=lambda bid: bid.id))
    return msgspec.structs.replace(problem, lots=lots, bids=bids)


def read_document(raw: bytes, decoder: msgspec.json.Decoder[Document], refusal: type[BadProblem]) -> Document:
    """What the decoder reads, every key once. Raises `refusal` naming the path of what is wrong."""
    try:
        document = decoder.decode(raw)
    except msgspec.ValidationError as wrong:
        raise refusal(*_in_words(raw, str(wrong))) from None
    except UnicodeDecodeError as wrong:
        raise refusal("$", f"the text is not UTF-8: {wrong.reason}") from None
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise refusal("$", f"not one JSON document: {wrong}") from None
    # Unknown and missing keys are refused by now: a text has more colons than its document, written out again, only
    # when a key is repeated. A colon written in another way could make up for one; such a text is looked at in full.
    in_full = raw.count(b":") != msgspec.json.encode(document).count(b":") or _ESCAPED_COLON.search(raw)
    if in_full and (repeated := next(_repeated("$", json.loads(raw, object_pairs_hook=_Pairs)), None)):
        raise refusal(*repeated)
    return document


class _Pairs(list[tuple[str, Any]]):
    """An object of a document as its pairs, so that a repeated key stays visible."""


def _repeated(path: str, node: Any) -> Iterator[tuple[str, str]]:
    """Path and reason of every repeated key."""
    if isinstance(node, _Pairs):
        seen: set[str] = set()
        for key, child in node:
            if key in seen:
                yield f"{path}.{key}", "this key is repeated"
            seen.add(key)
            yield from _repeated(f"{path}.{key}", child)
    elif isinstance(node, list):
        for number, child in enumerate(node):
            yield from _repeated(f"{path}[{number}]", child)


def _in_words(raw: bytes, complaint: str) -> tuple[str, str]:
    """Path and reason from the decoder's complaint, with the value found there."""
    said, _, place = complaint.partition(" - at `")
    path = place.rstrip("`") or "$"
    if named := re.fullmatch(r"Object (missing required|contains unknown) field `(.*)`", said, re.DOTALL):
        reason = "this key is missing" if named[1] == "missing required" else "no such key in this format"
        return f"{path}.{named[2]}", reason
    if said.startswith("Invalid enum value"):
        return path, f"expected a word that this format allows here, got {_shown(raw, path)}"
    expected = said.partition(", got")[0].replace("Expected ", "expected ").replace("`", "")
    for technical, plain in _PLAIN.items():
        expected = expected.replace(technical, plain)
    return path, f"{expected}, got {_shown(raw, path)}"


_PLAIN = {
    "int | null": "a whole number or null",
    "int": "a whole number",
    "str": "a string",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "float": "a number",
    ">=": "of at least",
    "<=": "of at most",
    "of length of at most": "of length at most",
}


def _shown(raw: bytes, path: str) -> str:
    try:
        value = json.loads(raw)
        for key, number in _STEP.findall(path):
            value = value[key] if key else value[int(number)]
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError, LookupError, TypeError):
        return "something else"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse_unless_ids_and_times(key: str, time_key: str, entries: Sequence[Lot] | Sequence[Bid]) -> None:
    first: dict[str, int] = {}
    for number, entry in enumerate(entries):
        if first.setdefault(entry.id, number) != number:
            raise BadProblem(f"$.{key}[{number}].id", f"{entry.id} is already the id of {key}[{first[entry.id]}]")
        text = entry.offered_at if isinstance(entry, Lot) else entry.submitted_at
        try:
            instant(text)
        except ValueError:
            reason = f"expected an RFC 3339 time in UTC, got {json.dumps(text, ensure_ascii=False)}"
            raise BadProblem(f"$.{key}[{number}].{time_key}", reason) from None
