"""What comes in from outside becomes a typed value here, or is refused with the place where it is wrong.

JSON is decoded strictly: "12", 12.0 and 1e3 are not whole numbers, an unknown or repeated field is refused. Lists are
given page by page with a cursor, the id of the last row seen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import Meta

from tanyi.kernel.errors import N_, Invalid

T = TypeVar("T", bound=msgspec.Struct)
Row = TypeVar("Row")

DEFAULT_LIMIT, HIGHEST_LIMIT, HIGHEST_CURSOR = 50, 200, 2**53
MOST_TONNES = 1_000_000_000
QuantityT = Annotated[int, Meta(ge=1, le=MOST_TONNES)]
PriceFen = Annotated[int, Meta(ge=1, le=10_000_000)]
Permille = Annotated[int, Meta(ge=0, le=1000)]
Word = Annotated[str, Meta(pattern="^[a-z_]{1,40}$")]
Text = Annotated[  # something to read, without control characters and without what reorders or hides the text around it
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^(?=.*\S)[^\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
        r"\ufeff\ufff9-\ufffb]*$(?!\n)",
    ),
]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every body: unknown fields are refused."""


class NotInShape(Invalid):
    """The body lacks a field, has one too many, or one of the wrong kind; `path` says where."""

    code = "request.not_in_shape"
    message = N_("The request is not valid at %(path)s: %(detail)s")


class CursorUnreadable(Invalid):
    """The cursor or the limit of a list is not a number that we gave."""

    code = "request.cursor_unreadable"
    message = N_("The cursor must be one that an earlier page gave, and the limit between 1 and 200.")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursor of the next page, None at the end."""

    rows: Sequence[Row]
    next_cursor: int | None


def read_json(raw: bytes, shape: type[T]) -> T:
    """A body as its Struct, strictly; a name that stands twice in one object is refused too."""
    try:
        json.loads(raw, object_pairs_hook=_no_name_twice)
        return msgspec.json.decode(raw, type=shape, strict=True)
    except msgspec.ValidationError as wrong:
        raise _not_in_shape(str(wrong)) from wrong
    except (msgspec.DecodeError, ValueError, RecursionError) as wrong:
        raise NotInShape(path="$", detail=str(wrong)[:200]) from wrong


def _no_name_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice in one object")
    return dict(pairs)


def _not_in_shape(said: str) -> NotInShape:
    detail, _, path = said.partition(" - at `")
    return NotInShape(path=path.rstrip("`") or "$", detail=detail)


def page_of(rows: Sequence[Row], *, key: Callable[[Row], int], cursor: int | None, limit: int | None) -> Page[Row]:
    """The page after the row whose key is `cursor`, in ascending order of the key."""
    most = refuse_unless_paged(cursor, limit)
    following = sorted((row for row in rows if cursor is None or key(row) > cursor), key=key)
    shown = following[:most]
    return Page(shown, key(shown[-1]) if len(following) > most else None)


def refuse_unless_paged(cursor: int | None, limit: int | None) -> int:
    """How many rows a page has, or `CursorUnreadable`."""
    most = DEFAULT_LIMIT if limit is None else limit
    if not 1 <= most <= HIGHEST_LIMIT or not 0 <= (cursor or 0) < HIGHEST_CURSOR:
        raise CursorUnreadable
    return most
