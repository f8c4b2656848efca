"""Ed25519 signatures that a stranger can check with public keys alone: JWS for documents, signed notes for checkpoints.

Keys are named by their RFC 7638 thumbprint and published as a JWK set (RFC 8037). A document is signed as a compact
JWS (RFC 7515, EdDSA) whose header holds exactly alg, kid and typ; typ says which kind of document the signature is
for, so that it cannot be moved to another kind. The head of the log is signed as a C2SP signed note (checkpoint:
origin, size, root). Base64 has spare bits and JSON has spare spaces: all that is decoded is encoded again and must come
out byte for byte, otherwise two files would carry one signature.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tanyi.kernel.canonical import NotCanonical, canonical, read_canonical
from tanyi.kernel.errors import N_, Invalid

_NOTE_ED25519 = b"\x01"  # the signature type byte of C2SP signed notes
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class BadSignature(Invalid):
    """What was signed, who signed it, or the form of the signature is not what it claims to be."""

    code = "bad_signature"
    message = N_("The signature does not hold: %(reason)s")


class NotAKeySet(Invalid):
    """Not a JWK set of Ed25519 public keys."""

    code = "not_a_key_set"
    message = N_("This is not a set of Ed25519 public keys: %(reason)s")


class NotASigningKey(Invalid):
    """The file holds no Ed25519 private key."""

    code = "not_a_signing_key"
    message = N_("%(path)s holds no Ed25519 private key.")


def base64url(raw: bytes) -> str:
    """Without padding, as JOSE writes it (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def read_base64url(text: str) -> bytes:
    """Refuses padding, foreign characters and spare bits that are not zero: `ValueError`."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError("not base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(raw) != text:
        raise ValueError("not the canonical base64url")
    return raw


@dataclass(frozen=True)
class VerifyingKey:
    """An Ed25519 public key, 32 bytes."""

    raw: bytes

    @property
    def kid(self) -> str:
        """RFC 7638 thumbprint: base64url SHA-256 of the required JWK members."""
        return base64url(hashlib.sha256(canonical(self._required_members())).digest())

    def jwk(self) -> dict[str, str]:
        return self._required_members() | {"alg": "EdDSA", "kid": self.kid, "use": "sig"}

    def holds(self, signature: bytes, signed: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, signed)
        except (InvalidSignature, ValueError):
            return False
        return True

    def _required_members(self) -> dict[str, str]:
        return {"crv": "Ed25519", "kty": "OKP", "x": base64url(self.raw)}


class SigningKey:
    """An Ed25519 private key. It never shows itself in text and leaves memory only through `save`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = VerifyingKey(key.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Self:
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """The key of this 32-byte seed (RFC 8032 §5.1.5)."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def load(cls, path: Path) -> Self:
        """From a PEM file (PKCS #8, no password). Refuses `NotASigningKey`; `OSError` when it cannot be read."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as wrong:
            raise NotASigningKey(path=path) from wrong
        if not isinstance(key, Ed25519PrivateKey):
            raise NotASigningKey(path=path)
        return cls(key)

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """The key of this file, made at the first call; of two processes that make it at once one wins, both use it."""
        try:
            return cls.load(path)
        except FileNotFoundError:
            made = cls.generate()
        try:
            made.save(path)
        except FileExistsError:
            return cls.load(path)
        return made

    def save(self, path: Path) -> None:
        """Writes the PEM file, mode 600. It appears whole or not at all; `FileExistsError`, never a replaced key."""
        pem = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp makes it mode 600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # unlike a rename, a link never replaces what is there
        finally:
            Path(draft).unlink()
        _sync_folder(path.parent)

    @property
    def kid(self) -> str:
        return self.public.kid

    def sign(self, signed: bytes) -> bytes:
        """64 bytes; the same for the same input (RFC 8032 is deterministic)."""
        return self._key.sign(signed)


def jwks(keys: Iterable[VerifyingKey]) -> dict[str, list[dict[str, str]]]:
    """The public key set for `/.well-known/jwks.json`. Every key in it may sign certificates and checkpoints."""
    return {"keys": [key.jwk() for key in keys]}


def read_jwks(document: Any) -> dict[str, VerifyingKey]:
    """Public keys by kid from a decoded JWK set. Refuses `NotAKeySet`, also when a private key lies in it."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list) or not listed:
        raise NotAKeySet(reason=N_("it has no list of keys"))
    found = [_read_jwk(member) for member in listed]
    return {key.kid: key for key in found}


def sign_compact(payload: bytes, *, key: SigningKey, typ: str) -> str:
    """Compact JWS over these bytes: `protected.payload.signature`."""
    signed = f"{_protected(key.kid, typ)}.{base64url(payload)}"
    return f"{signed}.{base64url(key.sign(signed.encode('ascii')))}"


def verify_compact(token: str, *, keys: Mapping[str, VerifyingKey], typ: str) -> bytes:
    """The payload of a compact JWS that one of these keys signed for this typ. Refuses `BadSignature`."""
    parts = token.split(".")
    if len(parts) != 3:
        raise BadSignature(reason=N_("it does not have three parts"))
    try:
        header, payload, signature = (read_base64url(part) for part in parts)
        named = read_canonical(header)
    except (ValueError, RecursionError, NotCanonical) as wrong:
        raise BadSignature(reason=N_("it is not in canonical form")) from wrong
    kid = named.get("kid") if isinstance(named, dict) else None
    if not isinstance(kid, str) or named != {"alg": "EdDSA", "kid": kid, "typ": typ}:
        raise BadSignature(reason=N_("its header must hold alg EdDSA, kid and the right typ, and nothing else"))
    if kid not in keys:
        raise BadSignature(reason=N_("it names a key that is not in the key set"))
    if not keys[kid].holds(signature, token.rpartition(".")[0].encode("ascii")):
        raise BadSignature(reason=N_("the key did not sign this"))
    return payload


@dataclass(frozen=True)
class NoteVerifier:
    """A key under the name that it signs notes with; for a log that name is its origin."""

    name: str
    key: VerifyingKey

    @property
    def key_id(self) -> bytes:
        """First 4 bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key), as the C2SP signed note has it."""
        return hashlib.sha256(self.name.encode() + b"\n" + _NOTE_ED25519 + self.key.raw).digest()[:4]


@dataclass(frozen=True)
class Checkpoint:
    """The head of a log: `size` entries under this 32-byte `root`, in the log named `origin`."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True)
class _NoteSignature:
    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + self.signature).decode('ascii')}\n"


def signature_line(body: str, *, name: str, key: SigningKey) -> str:
    """One signature under a note: `— name base64(key id ‖ signature)`. A witness adds its own after the log's."""
    if not _is_note_name(name):
        raise BadSignature(reason=N_("a note is signed under a name without spaces and plus signs"))
    return _NoteSignature(name, NoteVerifier(name, key.public).key_id, key.sign(body.encode())).line()


def checkpoint_note(origin: str, size: int, root: bytes, key: SigningKey) -> str:
    """The signed head of a log, as C2SP tlog-checkpoint has it."""
    body = Checkpoint(origin, size, root).body()
    return f"{body}\n{signature_line(body, name=origin, key=key)}"


def read_checkpoint(text: str) -> Checkpoint:
    """What a note says, **before** anyone has checked who signed it. Refuses `BadSignature`."""
    return _split_note(text)[0]


def verify_checkpoint(
    text: str, log: Sequence[NoteVerifier], *, witnesses: Sequence[NoteVerifier] = (), has_one_signature: bool = False
) -> Checkpoint:
    """The checkpoint in a signed note, when one of the log's keys signed it. Refuses `BadSignature`.

    Each line of a key that is known here must hold; lines of unknown keys are passed over, as C2SP asks. Where a note
    is part of a document of which no byte may change, `has_one_signature` refuses every line but the log's own.
    """
    checkpoint, lines = _split_note(text)
    if has_one_signature and len(lines) != 1:
        raise BadSignature(reason=N_("the checkpoint must have exactly one signature"))
    if len({(line.name, line.key_id) for line in lines}) != len(lines):
        raise BadSignature(reason=N_("a key signed the checkpoint twice"))
    body, is_signed_by_log = checkpoint.body().encode(), False
    for line in lines:
        known = [each for each in (*log, *witnesses) if (each.name, each.key_id) == (line.name, line.key_id)]
        signers = [each for each in known if each.key.holds(line.signature, body)]
        if known and not signers:
            raise BadSignature(reason=N_("a known key did not sign the checkpoint"))
        is_signed_by_log |= any(each in log and each.name == checkpoint.origin for each in signers)
    if not is_signed_by_log:
        raise BadSignature(reason=N_("no known key of the log signed the checkpoint"))
    return checkpoint


def _split_note(text: str) -> tuple[Checkpoint, list[_NoteSignature]]:
    try:
        origin, size, root, blank, *lines = text.removesuffix("\n").split("\n")
        if not _DECIMAL.fullmatch(size):
            raise ValueError("not a size")
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root))
        signatures = [_read_line(line) for line in lines]
    except ValueError as wrong:
        raise BadSignature(reason=N_("the checkpoint is not a signed note")) from wrong
    written = checkpoint.body() + "\n" + "".join(signature.line() for signature in signatures)
    if blank or written != text or not signatures or not _is_note_name(origin) or len(checkpoint.root) != 32:
        raise BadSignature(reason=N_("the checkpoint is not a signed note"))
    return checkpoint, signatures


def _read_line(line: str) -> _NoteSignature:
    _dash, name, text = line.split(" ")
    if not _is_note_name(name):
        raise ValueError("not a name")
    raw = base64.b64decode(text)
    return _NoteSignature(name, raw[:4], raw[4:])


def _is_note_name(name: str) -> bool:
    return bool(name) and name.isprintable() and not any(char.isspace() or char == "+" for char in name)


def _protected(kid: str, typ: str) -> str:
    return base64url(canonical({"alg": "EdDSA", "kid": kid, "typ": typ}))


def _read_jwk(member: Any) -> VerifyingKey:
    if not isinstance(member, dict) or any(
        not isinstance(member.get(name), str) for name in ("kty", "crv", "x", "kid")
    ):
        raise NotAKeySet(reason=N_("a key lacks kty, crv, x or kid"))
    if "d" in member:
        raise NotAKeySet(reason=N_("it holds a private key"))
    if (member["kty"], member["crv"], member.get("alg", "EdDSA")) != ("OKP", "Ed25519", "EdDSA"):
        raise NotAKeySet(reason=N_("a key is not an Ed25519 key"))
    try:
        key = VerifyingKey(read_base64url(member["x"]))
    except ValueError as wrong:
        raise NotAKeySet(reason=N_("a key is not in canonical base64url")) from wrong
    if len(key.raw) != 32 or key.kid != member["kid"]:
        raise NotAKeySet(reason=N_("a key has the wrong length or its kid is not its thumbprint"))
    return key


def _sync_folder(folder: Path) -> None:
    """Makes the new name survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
