"""Sealing: what must be read again but never lie open in the database, and marks by which things are counted.

The key lives in the data folder, not in the database: a copy of the database alone gives away neither the secrets of
second factors nor which names and addresses somebody tried to sign in with.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tanyi.kernel.errors import N_, Unavailable

NONCE_BYTES = 12


class SealBroken(Unavailable):
    """What was sealed was sealed with another key, for another purpose, or was changed since."""

    code = "sealing.seal_broken"
    message = N_("A sealed secret cannot be read. The key of this installation may have been lost.")


class SealingKey:
    """Seals short secrets (ChaCha20-Poly1305) and makes marks (HMAC-SHA256), each with a key of its own from one secret."""

    def __init__(self, secret: str) -> None:
        self._cipher = ChaCha20Poly1305(hmac.new(secret.encode(), b"seal", hashlib.sha256).digest())
        self._mark = hmac.new(secret.encode(), b"mark", hashlib.sha256).digest()

    def seal(self, plain: str, *, purpose: str) -> bytes:
        """Nonce and ciphertext; `purpose` must be said again to open it, so that rows cannot be exchanged."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain.encode(), purpose.encode())

    def unseal(self, sealed: bytes, *, purpose: str) -> str:
        """What was sealed, or `SealBroken`."""
        nonce, encrypted = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, encrypted, purpose.encode()).decode()
        except (InvalidTag, ValueError) as broken:
            raise SealBroken from broken

    def mark(self, *parts: str) -> str:
        """A mark for these texts, in this order, that tells nobody without the key what they were."""
        whole = b"".join(len(part.encode()).to_bytes(8, "big") + part.encode() for part in parts)
        return hmac.new(self._mark, whole, hashlib.sha256).hexdigest()
