"""What may go wrong at an outside bank, as a script that a seed decides: the same seed and the same calls, the same
faults. The default is a bank where nothing goes wrong.

Shares are in permille of calls (or of events, for deliveries). Three kinds of silence differ on purpose: *unavailable*
means that nothing happened, a *timeout* means that something may have, and a *lost acknowledgement* means that the
receiver of a webhook said yes but the gateway never heard it and will send the event again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields

MOST_COPIES = 5  # an event that is duplicated arrives 2 to 5 times


@dataclass(frozen=True)
class Fate:
    """What befalls one call. A call that times out with `is_applied` has had its effect."""

    is_unavailable: bool = False
    is_timeout: bool = False
    is_applied: bool = True
    is_declined: bool = False
    delay_s: int = 0
    late_s: int = 0


@dataclass(frozen=True)
class Faults:
    """`delay`: success comes only after `delay_s` (the intent is `processing`, the payout `pending` until then).
    `late`: the events of a call are delivered `late_s` after it. `is_shuffled`: deliveries come in any order."""

    seed: int = 0
    decline_permille: int = 0
    timeout_permille: int = 0
    timeout_applies_permille: int = 500
    unavailable_permille: int = 0
    delay_permille: int = 0
    delay_s: int = 60
    late_permille: int = 0
    late_s: int = 60
    duplicate_permille: int = 0
    lost_acknowledgement_permille: int = 0
    is_shuffled: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            figure = getattr(self, field.name)
            if field.name.endswith("_permille") and not 0 <= figure <= 1000:
                raise ValueError(f"{field.name} must be 0 to 1000, not {figure}")
            if field.name.endswith("_s") and figure < 0:
                raise ValueError(f"{field.name} must not be negative")

    def fate(self, call_no: int) -> Fate:
        """What befalls the call with this running number."""
        is_unavailable = self._happens(self.unavailable_permille, "unavailable", call_no)
        is_timeout = not is_unavailable and self._happens(self.timeout_permille, "timeout", call_no)
        is_lost = is_timeout and not self._happens(self.timeout_applies_permille, "applies", call_no)
        return Fate(
            is_unavailable=is_unavailable,
            is_timeout=is_timeout,
            is_applied=not (is_unavailable or is_lost),
            is_declined=self._happens(self.decline_permille, "decline", call_no),
            delay_s=self.delay_s if self._happens(self.delay_permille, "delay", call_no) else 0,
            late_s=self.late_s if self._happens(self.late_permille, "late", call_no) else 0,
        )

    def delivery_order(self, delivery_no: int, event_count: int) -> list[int]:
        """Which of `event_count` events to send one after another in this delivery; a duplicated one comes again."""
        order = [position for position in range(event_count) for _ in range(self._copies(delivery_no, position))]
        if self.is_shuffled:
            ranked = sorted(range(len(order)), key=lambda sending: self._roll("order", delivery_no, sending))
            order = [order[sending] for sending in ranked]
        return order

    def loses_acknowledgement(self, delivery_no: int, position: int) -> bool:
        """True when the receiver's yes does not reach the gateway, so that the event will come again later."""
        return self._happens(self.lost_acknowledgement_permille, "acknowledgement", delivery_no, position)

    def _copies(self, delivery_no: int, position: int) -> int:
        if not self._happens(self.duplicate_permille, "duplicate", delivery_no, position):
            return 1
        return 2 + self._roll("copies", delivery_no, position) % (MOST_COPIES - 1)

    def _happens(self, permille: int, what: str, *numbers: int) -> bool:
        return self._roll(what, *numbers) % 1000 < permille

    def _roll(self, what: str, *numbers: int) -> int:
        """A number of 64 bits that depends on nothing but the seed and what is asked."""
        asked = ":".join([str(self.seed), what, *map(str, numbers)])
        return int.from_bytes(hashlib.sha256(asked.encode()).digest()[:8])


NO_FAULTS = Faults()
