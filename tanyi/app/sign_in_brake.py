"""The brake on guessing passwords: ten failures in ten minutes for one user name from one address, then a pause.

The address is the peer of the connection, never a header that the guesser writes. The counts live in the memory of one
server process: with N processes a guesser has N times as many tries, which is still far too few against passwords of
72 random bits; a shared count belongs to the issue that brings more than one process.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from tanyi.kernel.errors import N_, Unavailable

MOST_FAILURES = 10
WINDOW_S = 600
MOST_KEYS = 10_000


class TooManyAttempts(Unavailable):
    """Too many wrong passwords for this name from this address."""

    code = "security.too_many_attempts"
    message = N_("Too many failed attempts to sign in. Please wait ten minutes and try again.")


class Brake:
    """Counts attempts by (user name, peer address); `seconds` is a monotonic clock."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._attempts: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def count(self, username: str, peer: str) -> None:
        """Counts an attempt before it is tried, so that parallel guesses count too; refuses `TooManyAttempts`."""
        now, key = self._seconds(), (username.casefold()[:200], peer)
        with self._lock:
            recent = [at for at in self._attempts.pop(key, []) if at > now - WINDOW_S]
            is_spent = len(recent) >= MOST_FAILURES
            self._attempts[key] = recent if is_spent else [*recent, now]
            while len(self._attempts) > MOST_KEYS:
                self._attempts.popitem(last=False)
        if is_spent:
            raise TooManyAttempts

    def release(self, username: str, peer: str) -> None:
        """Forgets the failures after a success."""
        with self._lock:
            self._attempts.pop((username.casefold()[:200], peer), None)
