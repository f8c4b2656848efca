"""From which amount a purchase needs a second person: a setting of the platform, or of the organisation itself.

No rule of the province says such a figure. The platform starts with 100,000 yuan from the first day of 2026; an
organisation may set its own from a day on, by two persons, since a limit that one may lift alone limits nobody. Older
settings stay, so that it can be said what held on which day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, Identity, Index, insert, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.quantities import Money
from tanyi.kernel.work import Reader, Work

PLATFORM_FEN: Final = Money(10_000_000)
PLATFORM_SINCE: Final = date(2026, 1, 1)
HIGHEST_FEN: Final = 100_000_000_000


class ThresholdOutOfRange(Invalid):
    """A threshold below nothing or above a thousand million yuan."""

    code = "thresholds.out_of_range"
    message = N_("The amount lies between 0 and 1,000,000,000 yuan.")


class Threshold(Base):
    """An organisation's own setting from a day on."""

    __tablename__ = "kernel_threshold"
    __table_args__ = (
        CheckConstraint(f"above_fen BETWEEN 0 AND {HIGHEST_FEN}", name="a_threshold_is_an_amount"),
        Index("thresholds_by_organisation", "organisation_id", "valid_from_on", "id"),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("kernel_organisation.id"))
    above_fen: Mapped[int] = mapped_column(BigInteger)
    valid_from_on: Mapped[date] = mapped_column(Date)
    set_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))


@dataclass(frozen=True)
class InForce:
    """What holds: above this amount a second person is needed, since this day, by whose setting."""

    above_fen: Money
    since_on: date
    is_own: bool


def in_force(reader: Reader, organisation_id: int) -> InForce:
    """The setting that holds today for an organisation: its own newest, else the platform's."""
    mine = (Threshold.organisation_id == organisation_id, Threshold.valid_from_on <= reader.today)
    newest = select(Threshold).where(*mine).order_by(Threshold.valid_from_on.desc(), Threshold.id.desc()).limit(1)
    found = reader.session.scalar(newest)
    if found is None:
        return InForce(PLATFORM_FEN, PLATFORM_SINCE, is_own=False)
    return InForce(Money(found.above_fen), found.valid_from_on, is_own=True)


def refuse_unless_in_range(above_fen: int) -> None:
    """An amount that a threshold can be."""
    if not 0 <= above_fen <= HIGHEST_FEN:
        raise ThresholdOutOfRange


def set_own(work: Work, *, organisation_id: int, above_fen: Money) -> None:
    """Sets an organisation's own threshold from today on."""
    refuse_unless_in_range(int(above_fen))
    row = {"organisation_id": organisation_id, "above_fen": int(above_fen)}
    work.session.execute(insert(Threshold), row | {"valid_from_on": work.today, "set_at": work.now})
    work.record("threshold.set", organisation=str(organisation_id), above_fen=str(int(above_fen)))
