"""Canonical JSON (RFC 8785): one sequence of bytes for one document, so that a hash or a signature means something."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import rfc8785

from tanyi.kernel.errors import N_, Invalid


class NotCanonical(Invalid):
    """The document has no canonical form, or the bytes are not in it."""

    code = "not_canonical"
    message = N_("This is not canonical JSON: %(detail)s")


def canonical(document: Any) -> bytes:
    """RFC 8785 bytes. Integers of 2^53 and more, NaN and non-JSON values are refused: write big figures as strings."""
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, ValueError, TypeError, RecursionError) as wrong:
        raise NotCanonical(detail=str(wrong)) from wrong


def read_canonical(raw: bytes) -> Any:
    """Decodes bytes that must already be canonical; anything that re-encodes otherwise is refused."""
    try:
        document = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as wrong:
        raise NotCanonical(detail=str(wrong)) from wrong
    if canonical(document) != raw:
        raise NotCanonical(detail="the bytes differ from the canonical form")
    return document


def sha256_hex(document: Any) -> str:
    """Hex SHA-256 of the canonical form."""
    return hashlib.sha256(canonical(document)).hexdigest()
