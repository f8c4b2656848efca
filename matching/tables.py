"""The table of rounds: the frozen problem and its checked result are kept, so anyone can check a round again."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel.db import Base


class Round(Base):
    """One round in `quota` mode. A closed round has its problem, a solved round its checked result."""

    __tablename__ = "matching_round"
    __table_args__ = (
        CheckConstraint("(state = 'OPEN') = (problem IS NULL)", name="a_closed_round_is_frozen"),
        CheckConstraint(
            "(state IN ('SOLVED', 'PUBLISHED')) = (result IS NOT NULL)", name="a_solved_round_has_a_result"
        ),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    number: Mapped[str] = mapped_column(Text, unique=True)
    plan_year: Mapped[int] = mapped_column(Integer)
    price_rule: Mapped[str] = mapped_column(Text)
    minimum_line_t: Mapped[int] = mapped_column(Integer)
    seed: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True))
    closed_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    published_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))
    problem: Mapped[bytes | None] = mapped_column(LargeBinary)
    result: Mapped[bytes | None] = mapped_column(LargeBinary)
