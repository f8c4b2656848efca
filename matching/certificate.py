"""A certificate of the bounds (`tanyi.match.certificate/1`): prices from which anybody derives the bounds of a result.

For each bound there is one price for every lot and every bid. Any whole numbers give a valid bound and good ones a
tight one, so that nobody has to trust whoever made them. This module reads and writes the document; what the prices
prove is derived in `matching.bounds`, and `docs/matching-certificate.md` says how a stranger derives it.

The reader is as strict as that of a problem. Whether a well-formed certificate is a proof (its format, its problem,
the lengths of its lists, the signs of its prices) is for the checker to say.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from matching.problem import MOST_ENTRIES, BadProblem, Whole, read_document

CERTIFICATE_FORMAT = "tanyi.match.certificate/1"

Figures = Annotated[tuple[Whole, ...], Meta(max_length=MOST_ENTRIES)]


class BadCertificate(BadProblem):
    """The document is not a certificate: `path` is the JSON path of the first thing wrong, `reason` says what it is."""


class Prices(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proof of one bound. Prices are for one tonne, in parts of the goal's unit: `scale` of them make one.

    `compliance_worth` and `voluntary_worth` are what a tonne of that purpose counts besides, where the bound is over
    results with given tonnes of it. `lot_price` has one entry for each lot, `bid_price` and `outside_price` one for
    each bid, in order of id (code points).
    """

    scale: Whole
    compliance_worth: Whole
    voluntary_worth: Whole
    lot_price: Figures
    bid_price: Figures
    outside_price: Figures


class Proofs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The prices of each bound that the certificate proves: all three of a quota round, the surplus of an auction."""

    compliance_t: Prices | UnsetType = UNSET
    voluntary_t: Prices | UnsetType = UNSET
    surplus_fen: Prices | UnsetType = UNSET


class Certificate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bounds of one problem proven, `problem_sha256` as in its result."""

    format: str
    problem_sha256: str
    bounds: Proofs


class _Heading(Struct):
    format: str


_HEADING = msgspec.json.Decoder(_Heading, strict=True)
_CERTIFICATE = msgspec.json.Decoder(Certificate, strict=True)


def read_certificate(raw: bytes) -> Certificate:
    """The certificate in a document. Raises `BadCertificate` naming the path of what is wrong.

    A document that says it has another format is read no further than that: it has no bounds, and the checker names
    its format.
    """
    try:
        stated = _HEADING.decode(raw).format
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        stated = CERTIFICATE_FORMAT  # the strict reader below says what is wrong, and where
    if stated != CERTIFICATE_FORMAT:
        return Certificate(format=stated, problem_sha256="", bounds=Proofs())
    return read_document(raw, _CERTIFICATE, BadCertificate)


def write_certificate(certificate: Certificate) -> bytes:
    """One JSON document on one line, keys in the order of the format."""
    return msgspec.json.encode(certificate) + b"\n"
