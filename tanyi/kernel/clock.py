"""Time as an argument: an aware UTC instant, and the civil date in Asia/Shanghai that deadlines are counted in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The real time, as an aware UTC instant."""
    return datetime.now(UTC)


def civil_date(instant: datetime) -> date:
    """The date in Hebei at this instant (domain §1.6 case 30)."""
    return instant.astimezone(SHANGHAI).date()


def rfc3339(instant: datetime) -> str:
    """An instant as text with Z and microseconds only when there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
