"""What the public page of a certificate shows: the signed claim, where it comes from, and how to check it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import segno

from market.registry import issuance
from settlement import certificates, retirement
from tanyi.app.pages import pieces
from tanyi.app.pages.pieces import Names, names, type_names
from tanyi.kernel import parties
from tanyi.kernel.canonical import sha256_hex
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks


def beneficiary_of(reader: Reader, retired: Sequence[retirement.Retirement]) -> dict[int, Names | str]:
    """In whose name each retirement stands: the beneficiary it names, else its holder."""
    holders = pieces.organisation_names(reader, {row.holder_id for row in retired})
    return {row.id: row.beneficiary or holders[row.holder_id] for row in retired}


def certificate(reader: Reader, number: str, public_url: str) -> dict[str, Any]:
    """A certificate as it was signed; names in the other language come from the registry."""
    file = json.loads(certificates.document(reader, pieces.named(number)))
    payload = file["payload"]
    row = retirement.by_number(reader, number)
    holder = parties.organisations(reader, {row.holder_id})[row.holder_id]
    address = f"{public_url}/certificates/{number}"
    beneficiary = payload["beneficiary"]
    told = {
        "number": number,
        "quantity_t": int(payload["tonnes"]),
        "tonnes_in_chinese_capitals": payload["tonnes_in_chinese_capitals"],
        "beneficiary": beneficiary["name"] if beneficiary else names(holder),
        "beneficiary_uscc": beneficiary["uscc"] if beneficiary else holder.uscc,
        "retiree": names(holder),
        "purpose": payload["purpose"],
        "obligation": payload["obligation"],
        "event": _event(payload["event"]),
        "retired_at": datetime.fromisoformat(payload["retired_at"]),
        "is_demo": payload["legal_effect"] is not None,
        "origins": _origins(reader, row.id, payload["lines"]),
        "log_index": int(payload["log_index"]),
        "signature_key": _key_of(file["signature"]["protected"]),
        "payload_sha256": sha256_hex(payload),
    }
    return {"certificate": told, "public_url": address, "qr_svg": qr_svg(address)}


def _event(event: Mapping[str, str] | None) -> dict[str, Any] | None:
    return {**event, "held_on": date.fromisoformat(event["held_on"])} if event else None


def _origins(reader: Reader, retirement_id: int, lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    runs = blocks.runs(reader, retirement_ids=[retirement_id])
    known = issuance.provenance(reader, {run.issuance_id for run in runs}).values()
    english = {origin.project_code: (origin.project_name_en, origin.county_en) for origin in known}
    return [
        {
            "project": {
                "code": line["project"]["code"],
                "name_zh": line["project"]["name"],
                "name_en": english[line["project"]["code"]][0],
            },
            "county": {"name_zh": line["project"]["county"], "name_en": english[line["project"]["code"]][1]},
            "type": type_names(line["product_type"]),
            "type_code": line["product_type"],
            "methodology": f"{line['methodology']['code']}@{line['methodology']['version']}",
            "vintage": int(line["vintage"]),
            "serial": line["serial"],
            "quantity_t": int(line["tonnes"]),
        }
        for line in lines
    ]


def _key_of(protected: str) -> str:
    """The id of the signing key, out of the protected header of the signature."""
    return json.loads(urlsafe_b64decode(protected + "=" * (-len(protected) % 4)))["kid"]


def qr_svg(address: str) -> str:
    """An address as a QR code, one svg element for the page itself."""
    return segno.make(address, error="m").svg_inline(border=0, omitsize=True)
