"""Webhook signatures: proof that a message came from the gateway, unchanged and not long ago.

Header `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, as Stripe writes it. The raw bytes are signed, so verify
before parsing. While a secret is being replaced a header may carry several `v1`; each is tried. Unknown schemes are
ignored. An empty secret is refused when the key is made, since it would let anyone in (invariants §8 case 7).
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

TOLERANCE_S = 300
LONGEST_HEADER = 4096


class EmptySecret(ValueError):  # noqa: N818  named after what is wrong
    """A signing secret that is empty or blank."""


class BadSignature(Exception):  # noqa: N818
    """The message is not to be believed; `reason` says why, for the log and never for the sender."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class WebhookKey:
    """One shared secret. The sender signs with it, the receiver verifies with it."""

    def __init__(self, secret: str) -> None:
        if not secret.strip():
            raise EmptySecret("a webhook secret must not be empty")
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "WebhookKey(…)"

    def sign(self, body: bytes, *, at: datetime) -> str:
        """The header for these bytes at this instant."""
        t = str(int(at.timestamp()))
        return f"t={t},v1={self._digest(t, body)}"

    def verify(self, body: bytes, header: str, *, now: datetime) -> None:
        """Raises `BadSignature` unless some `v1` fits the raw bytes and `t` is within 300 s of `now` either way."""
        t, candidates = _parts(header)
        expected = self._digest(t, body).encode()
        fits = [hmac.compare_digest(expected, candidate.encode()) for candidate in candidates]
        if not any(fits):
            raise BadSignature("no signature fits")
        if abs(now.timestamp() - int(t)) > TOLERANCE_S:
            raise BadSignature("signed too long ago, or in the future")

    def _digest(self, t: str, body: bytes) -> str:
        return hmac.new(self._secret, t.encode() + b"." + body, hashlib.sha256).hexdigest()


def _parts(header: str) -> tuple[str, list[str]]:
    """The time as written and every `v1`; a header that could be read in two ways is refused."""
    if len(header) > LONGEST_HEADER or not header.isascii():
        raise BadSignature("unreadable header")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    times = [text for name, _, text in pairs if name == "t"]
    candidates = [text for name, _, text in pairs if name == "v1"]
    if len(times) != 1 or not times[0].isdigit() or len(times[0]) > 12:
        raise BadSignature("no single time in the header")
    if not candidates:
        raise BadSignature("no v1 signature in the header")
    return times[0], candidates
