"""The retirement certificate as a file, `tanyi.certificate/1` (contracts §3b): issued, and verified offline.

One line of RFC 8785 JSON that holds the payload, its signature (the outer parts of a compact JWS over the canonical
payload), the audit log entry of the retirement with its inclusion proof, and the signed checkpoint that the proof leads
to. So a stranger sees that we said it, that it was logged when the tonnes were retired, and that the log stands by it.
`verify` encodes again all that it decoded and refuses a file that differs in one byte. Nothing here reads a database or
a clock, or trusts anything but the public keys that it is given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from settlement.certificate_claim import (
    Claim,
    NotAValidCertificate,
    Shape,
    as_json,
    claim_document,
    decode,
    retirement_facts,
)
from tanyi.kernel import chain, signatures
from tanyi.kernel.canonical import NotCanonical, canonical, read_canonical
from tanyi.kernel.errors import N_

FORMAT = "tanyi.certificate/1"
EVENT = "retirement.recorded"
LARGEST_BYTES = 4 * 2**20  # some ten thousand lines; a larger file is refused before it is decoded

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Payload(Claim, frozen=True, kw_only=True):
    """What is signed: the claim, its tonnes in capitals, and where the log holds it. Leaves count from 0."""

    tonnes_in_chinese_capitals: str
    log_index: int
    log_origin: str


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that was verified, the log entry of its retirement, and the checkpoint that both are under."""

    payload: Payload
    entry: Mapping[str, Any]
    checkpoint: signatures.Checkpoint


class _Entry(Shape, frozen=True, kw_only=True):
    seq: int
    at: str
    actor: str
    event: str
    facts: dict[str, Any]
    prev_hash: str


class _Signature(Shape, frozen=True, kw_only=True):
    protected: str
    signature: str


class _Inclusion(Shape, frozen=True, kw_only=True):
    entry: _Entry
    index: int
    tree_size: int
    hashes: tuple[str, ...]


class _File(Shape, frozen=True, kw_only=True):
    format: Literal["tanyi.certificate/1"]
    payload: Payload
    signature: _Signature
    inclusion: _Inclusion
    checkpoint: str


def build_payload(claim: Claim, *, log_index: int, log_origin: str) -> dict[str, Any]:
    """The payload to sign. `log_index` is the leaf of the log entry, its seq - 1. Refuses `NotAValidCertificate`."""
    return claim_document(claim) | {"log_index": str(log_index), "log_origin": log_origin}


def issue(
    payload: dict[str, Any],
    *,
    signing_key: signatures.SigningKey,
    entry: Mapping[str, Any],
    proof: Sequence[bytes],
    checkpoint: str,
) -> bytes:
    """The certificate: one line of canonical JSON without a line feed at its end.

    `entry` is the log entry of the retirement; `proof` leads from it to the root of `checkpoint`. What `verify` would
    refuse is refused here too (`NotAValidCertificate`, `BadSignature`), but for who signed the checkpoint.
    """
    head = signatures.read_checkpoint(checkpoint)
    protected, _, signature = signatures.sign_compact(canonical(payload), key=signing_key, typ=FORMAT).split(".")
    raw = canonical(
        {
            "format": FORMAT,
            "payload": payload,
            "signature": {"protected": protected, "signature": signature},
            "inclusion": {
                "entry": dict(entry),
                "index": payload.get("log_index"),
                "tree_size": str(head.size),
                "hashes": [step.hex() for step in proof],
            },
            "checkpoint": checkpoint,
        }
    )
    _refuse_unless_logged(_read(raw), head)
    return raw


def verify(raw: bytes, jwks: Any) -> Certificate:
    """The certificate in these bytes, checked with the public key set alone.

    Refuses `NotAValidCertificate` whatever the bytes are, and `NotAKeySet` when the key set itself is not one. A null
    `legal_effect` means that the file claims production; whose keys these are is for the caller to know.
    """
    keys = signatures.read_jwks(jwks)
    file = _read(raw)
    payload = file.payload
    signed = signatures.base64url(canonical(as_json(payload)))
    log = [signatures.NoteVerifier(payload.log_origin, key) for key in keys.values()]
    try:
        token = f"{file.signature.protected}.{signed}.{file.signature.signature}"
        signatures.verify_compact(token, keys=keys, typ=FORMAT)
        checkpoint = signatures.verify_checkpoint(file.checkpoint, log, has_one_signature=True)
    except signatures.BadSignature as wrong:
        raise NotAValidCertificate(reason=wrong.facts["reason"]) from wrong
    _refuse_unless_logged(file, checkpoint)
    return Certificate(payload=payload, entry=as_json(file.inclusion.entry), checkpoint=checkpoint)


def _read(raw: bytes) -> _File:
    """Decodes, and refuses what does not come out again byte for byte or contradicts itself."""
    if len(raw) > LARGEST_BYTES:
        raise NotAValidCertificate(reason=N_("the file is too large"))
    try:
        document = read_canonical(raw)
    except (NotCanonical, RecursionError) as wrong:  # newer Pythons decode deeper than they encode
        raise NotAValidCertificate(reason=N_("it is not one line of canonical JSON")) from wrong
    try:
        file = msgspec.convert(document, _File, strict=False, dec_hook=decode)
        written = canonical(as_json(file))
    except (msgspec.ValidationError, NotCanonical, OverflowError, RecursionError) as wrong:
        reason = N_("a field is missing, unknown or of the wrong type")
        raise NotAValidCertificate(reason=reason, detail=str(wrong)) from wrong
    if written != raw:
        raise NotAValidCertificate(reason=N_("a figure, a date or a time is not in its canonical form"))
    if claim_document(file.payload)["tonnes_in_chinese_capitals"] != file.payload.tonnes_in_chinese_capitals:
        raise NotAValidCertificate(reason=N_("its tonnes in figures and in capitals differ"))
    return file


def _refuse_unless_logged(file: _File, checkpoint: signatures.Checkpoint) -> None:
    """The entry records this very claim, stands where the payload says, and is in the tree of the checkpoint."""
    payload, inclusion, entry = file.payload, file.inclusion, file.inclusion.entry
    facts = retirement_facts(payload)
    checks = {
        N_("its log entry does not record a retirement"): entry.event == EVENT,
        N_("its log entry records another claim"): all(entry.facts.get(name) == fact for name, fact in facts.items()),
        N_("its place in the log differs between its parts"): payload.log_index == inclusion.index == entry.seq - 1,
        N_("its checkpoint is of another log or size"): (payload.log_origin, inclusion.tree_size)
        == (checkpoint.origin, checkpoint.size),
        N_("a hash is not written as one"): all(map(_SHA256.fullmatch, (entry.prev_hash, *inclusion.hashes))),
    }
    for reason, is_so in checks.items():
        if not is_so:
            raise NotAValidCertificate(reason=reason)
    is_included = chain.verify_inclusion(
        chain.leaf_hash(canonical(as_json(entry))),
        index=inclusion.index,
        size=inclusion.tree_size,
        proof=[bytes.fromhex(step) for step in inclusion.hashes],
        root=checkpoint.root,
    )
    if not is_included:
        raise NotAValidCertificate(reason=N_("its log entry is not in the log that the checkpoint signs"))
