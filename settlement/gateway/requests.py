"""What a request must look like before the bank looks at its books; anything else is refused with nothing changed.

The bounds on metadata and keys are Stripe's, so that what passes here would pass there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from settlement.gateway.sdk import InvalidRequest

LARGEST_AMOUNT_FEN = 10**15  # ten million million yuan; sums of many still fit a BIGINT
LONGEST_TEXT = 255
MOST_METADATA = 50
LONGEST_METADATA_KEY = 40
LONGEST_METADATA_TEXT = 500


def whole_amount(amount_fen: object) -> int:
    """A positive whole number of fen as a plain integer."""
    if isinstance(amount_fen, bool) or not isinstance(amount_fen, int):
        raise InvalidRequest("parameter_invalid_integer", "the amount must be a whole number of fen")
    if not 0 < amount_fen <= LARGEST_AMOUNT_FEN:
        raise InvalidRequest("parameter_out_of_range", f"the amount must be 1 to {LARGEST_AMOUNT_FEN} fen")
    return int(amount_fen)


def plain_text(name: str, text: object, longest: int = LONGEST_TEXT) -> str:
    """A text that is not empty, not too long and that a database can hold."""
    if not isinstance(text, str) or not text or len(text) > longest:
        raise InvalidRequest("parameter_invalid", f"{name} must be a text of 1 to {longest} characters")
    if "\x00" in text or not _is_unicode(text):
        raise InvalidRequest("parameter_invalid", f"{name} holds characters that are not text")
    return text


def plain_metadata(metadata: object) -> dict[str, str]:
    """At most 50 pairs of texts."""
    if not isinstance(metadata, Mapping) or len(metadata) > MOST_METADATA:
        raise InvalidRequest("parameter_invalid", f"metadata must be at most {MOST_METADATA} pairs of texts")
    return {
        plain_text("a metadata key", key, LONGEST_METADATA_KEY): plain_text(
            "a metadata text", text, LONGEST_METADATA_TEXT
        )
        for key, text in metadata.items()
    }


def searched_metadata(metadata: object) -> dict[str, str]:
    """Pairs to look for; none at all would mean everything, which nobody wants by accident."""
    searched = plain_metadata(metadata)
    if not searched:
        raise InvalidRequest("parameter_missing", "say which metadata to look for")
    return searched


def amount_or_all(amount_fen: object) -> int | None:
    """As `whole_amount`; None stands for all there is."""
    return None if amount_fen is None else whole_amount(amount_fen)


def payment_method_id(payment_method: object) -> str | None:
    """`pm_…`: a bank account or card that the payer has saved at the gateway. None stays None: not said yet."""
    if payment_method is None:
        return None
    method = plain_text("payment_method", payment_method)
    if not method.startswith("pm_"):
        raise InvalidRequest("resource_missing", f"no such payment method: {method}")
    return method


def capture_method(word: object) -> str:
    """`manual`: authorise now, take the money later; `automatic`: take it at confirmation."""
    if not isinstance(word, str) or word not in ("manual", "automatic"):
        raise InvalidRequest("parameter_unknown", "capture_method is manual or automatic")
    return word


def fingerprint(operation: str, parameters: Mapping[str, Any]) -> str:
    """Hex SHA-256 of what is asked: two requests are the same when this is the same."""
    return hashlib.sha256(msgspec.json.encode([operation, parameters], order="sorted")).hexdigest()


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
