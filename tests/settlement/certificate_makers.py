"""Claims of retirement certificates for the tests: one that is in order, and any change of it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec

from settlement.certificate_claim import DEMO_LEGAL_EFFECT, Claim, Event, Line, Methodology, Obligation, Party, Project
from tanyi.kernel.quantities import Tonnes


def line(low: int, high: int, **changes: object) -> Line:
    made = Line(
        serial=f"HB-forestry-P04-2024-{low}-{high}",
        first=low,
        last=high,
        tonnes=Tonnes(high - low + 1),
        project=Project(code="P04", name="隆化国有林场森林经营碳汇项目", county="承德市隆化县"),
        product_type="forestry",
        methodology=Methodology(code="HB-AR-01", version="1"),
        vintage=2024,
    )
    return msgspec.structs.replace(made, **changes)


def claim(**changes: object) -> Claim:
    made = Claim(
        number="HB-2026-000017",
        legal_effect=DEMO_LEGAL_EFFECT,
        retirement="R-17",
        retired_at=datetime(2026, 11, 23, 3, tzinfo=UTC),
        retired_by=Party(name="鹿泉岩和水泥有限公司", uscc="91130100MA0000000X"),
        beneficiary=None,
        purpose="COMPLIANCE_BENCHMARK",
        obligation=Obligation(number="D-2025-E17", year=2025),
        event=None,
        tonnes=Tonnes(119),
        lines=(line(1001, 1100), line(2000, 2018)),
        salt="5f" * 16,
    )
    return msgspec.structs.replace(made, **changes)


MEETING = Event(name="测试会议", held_on=date(2026, 10, 1), place="石家庄")
