"""What a retirement certificate (降碳产品注销凭证) claims: who retired which tonnes, for whom and for what.

The measures prescribe no form; the fields are domain §2.4 and invariants §5. The claim is complete when the tonnes are
retired: its hash goes into the audit log in the same transaction, and the certificate that is issued later must say
the same. The log holds the hash alone, so that no personal data stays there, and the claim's salt makes the hash say
nothing to those who do not hold the certificate. In JSON all numbers are strings, since readers differ on large ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from itertools import pairwise
from typing import Annotated, Any

import msgspec

from tanyi.kernel.canonical import sha256_hex
from tanyi.kernel.clock import rfc3339
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.identity import serial
from tanyi.kernel.quantities import Tonnes

DEMO_LEGAL_EFFECT = "DEMO 演示，无法律效力"  # what every certificate says that was not issued in production

NEEDS_OF_PURPOSE: Mapping[str, str | None] = {  # domain §1.6 case 23: what a retirement for this purpose must name
    "COMPLIANCE_BENCHMARK": "obligation",
    "COMPLIANCE_EIA": "obligation",
    "VOLUNTARY_EVENT": "event",
    "VOLUNTARY_ORG": None,
    "VOLUNTARY_PERSON": None,
}

_SALT = re.compile(r"[0-9a-f]{32,128}")
_DIGITS_ZH = "零壹贰叁肆伍陆柒捌玖"
_PLACES_ZH = ((1000, "仟"), (100, "佰"), (10, "拾"), (1, ""))


class NotAValidCertificate(Invalid):
    """The file is not a certificate, not one of ours, or not the one that was signed."""

    code = "not_a_valid_certificate"
    message = N_("This is not a valid certificate: %(reason)s")


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value with Python types here, and with decimal strings, RFC 3339 instants and civil dates in JSON."""


class Party(Shape, frozen=True, kw_only=True):
    """`uscc` is the unified social credit code (统一社会信用代码), null for a person."""

    name: str
    uscc: str | None


class Obligation(Shape, frozen=True, kw_only=True):
    """The duty that the tonnes discharge (抵销)."""

    number: str
    year: int


class Event(Shape, frozen=True, kw_only=True):
    """The large event (大型活动) that the tonnes neutralise."""

    name: str
    held_on: date
    place: str


class Project(Shape, frozen=True, kw_only=True):
    """Where the tonnes come from."""

    code: str
    name: str
    county: str


class Methodology(Shape, frozen=True, kw_only=True):
    """How they were quantified (方法学), in the version that was used."""

    code: str
    version: str


class Line(Shape, frozen=True, kw_only=True):
    """One range of tonnes, both ends inclusive, as in the public serial `HB-<type>-<project>-<vintage>-<from>-<to>`."""

    serial: str
    first: int = msgspec.field(name="from")
    last: int = msgspec.field(name="to")
    tonnes: Tonnes
    project: Project
    product_type: str
    methodology: Methodology
    vintage: int


class Claim(Shape, frozen=True, kw_only=True):
    """`beneficiary` is null when it is the one who retired; `legal_effect` is null in production only.

    `lines` are in the order of their ranges. `salt` is at least 16 random bytes in hex, kept with the retirement.
    """

    number: str
    legal_effect: str | None
    retirement: str
    retired_at: Annotated[datetime, msgspec.Meta(tz=True)]
    retired_by: Party
    beneficiary: Party | None
    purpose: str
    obligation: Obligation | None
    event: Event | None
    tonnes: Tonnes
    lines: tuple[Line, ...]
    salt: str


def claim_document(claim: Claim) -> dict[str, Any]:
    """The claim as JSON, with its tonnes in capitals. Refuses `NotAValidCertificate` when it does not add up."""
    refuse_unless_consistent(claim)
    document = {field.encode_name: as_json(getattr(claim, field.name)) for field in msgspec.structs.fields(Claim)}
    return document | {"tonnes_in_chinese_capitals": tonnes_in_chinese_capitals(claim.tonnes)}


def read_claim(document: Mapping[str, Any]) -> Claim:
    """The claim that `claim_document` wrote, from JSON that was kept."""
    written = {name: given for name, given in document.items() if name != "tonnes_in_chinese_capitals"}
    return msgspec.convert(written, Claim, strict=False, dec_hook=decode)


def decode(shape: type, text: Any) -> Any:
    """Tonnes are written as a string of digits, and as nothing else."""
    if shape is Tonnes and isinstance(text, str):
        return Tonnes(int(text))
    raise TypeError(f"{shape.__name__} is written as a string")


def retirement_facts(claim: Claim) -> dict[str, str]:
    """What the facts of the log entry `retirement.recorded` must hold; they may hold more, but nothing personal."""
    return {
        "claim_sha256": sha256_hex(claim_document(claim)),
        "number": claim.number,
        "retirement": claim.retirement,
        "tonnes": str(claim.tonnes),
    }


def tonnes_in_chinese_capitals(quantity_t: Tonnes) -> str:
    """As amounts are written on Chinese instruments (大写), so that no digit can be slipped in: 119 is 壹佰壹拾玖吨."""
    return (_chinese_capitals(int(quantity_t)) or _DIGITS_ZH[0]) + "吨"


def refuse_unless_consistent(claim: Claim) -> None:
    """A certificate contradicts itself nowhere: purpose and subject, ranges and tonnes, lines and total."""
    needed = NEEDS_OF_PURPOSE.get(claim.purpose, "")
    named = {"obligation": claim.obligation, "event": claim.event}
    checks = {
        N_("its legal effect is neither that of production nor the demo's"): claim.legal_effect
        in (None, DEMO_LEGAL_EFFECT),
        N_("its time of retirement has no time zone"): claim.retired_at.tzinfo is not None,
        N_("its purpose is not one of the known ones"): needed != "",
        N_("its purpose does not fit the obligation or event that it names"): all(
            (subject is not None) == (name == needed) for name, subject in named.items()
        ),
        N_("its salt is not 16 bytes or more in hex"): bool(_SALT.fullmatch(claim.salt)),
        N_("it has no lines"): bool(claim.lines),
        N_("a line has a range that is not its tonnes or not its serial"): all(map(_is_whole, claim.lines)),
        N_("its ranges overlap or are out of order"): all(one.last < two.first for one, two in pairwise(claim.lines)),
        N_("its lines do not add up to its tonnes"): sum(int(line.tonnes) for line in claim.lines) == claim.tonnes,
    }
    for reason, is_so in checks.items():
        if not is_so:
            raise NotAValidCertificate(reason=reason)


def as_json(value: Any) -> Any:
    """The one way to write these values; what was decoded must come out of here as it went in."""
    match value:
        case msgspec.Struct():
            fields = msgspec.structs.fields(value)
            return {field.encode_name: as_json(getattr(value, field.name)) for field in fields}
        case tuple():
            return [as_json(each) for each in value]
        case int():
            return str(value)
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case _:
            return value


def _is_whole(line: Line) -> bool:
    public = serial(line.product_type, line.project.code, line.vintage, line.first, line.last + 1)
    return 1 <= line.first <= line.last and line.last - line.first + 1 == line.tonnes and line.serial == public


def _chinese_capitals(number: int) -> str:
    """Empty for zero. Above 亿 the number of 亿 is itself written so, hence any size; one 零 stands for any gap."""
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if number >= unit:
            above, below = divmod(number, unit)
            gap = _DIGITS_ZH[0] if 0 < below < unit // 10 else ""
            return _chinese_capitals(above) + name + gap + _chinese_capitals(below)
    written = ""
    for unit, name in _PLACES_ZH:
        digit = number // unit % 10
        if digit:
            written += _DIGITS_ZH[digit] + name
        elif written and number % unit and not written.endswith(_DIGITS_ZH[0]):
            written += _DIGITS_ZH[0]
    return written
