"""Benchmarks (行业碳排放基准值, 一(三)): published intensities by sector and process, each from a date on.

No value of Hebei is published in what we found; every value entered says its source, and the demo's are marked as such.
In strict mode only sectors for which 一(三) names a publication year count.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import select

from market.emitters.tables import Benchmark
from tanyi.kernel.work import Reader, Work


def publish(
    work: Work,
    *,
    key: str,
    sector: str,
    intensity: Decimal,
    unit: str,
    valid_from_on: date,
    is_named_in_measures: bool,
    source: str,
) -> None:
    """Publishes a benchmark of `intensity` tCO2e a unit from a date on; an older one stays for older years."""
    row = Benchmark(
        key=key,
        sector=sector,
        intensity=intensity,
        unit=unit,
        valid_from_on=valid_from_on,
        is_named_in_measures=is_named_in_measures,
        source=source,
    )
    work.session.add(row)
    work.session.flush()
    work.record("benchmark.published", number=key, intensity=str(intensity), unit=unit, source=source)


def in_force(reader: Reader, *, on: date, is_strict: bool) -> dict[str, Benchmark]:
    """The benchmark of each key on a day; in strict mode without the sectors that 一(三) does not name."""
    query = select(Benchmark).where(Benchmark.valid_from_on <= on).order_by(Benchmark.valid_from_on)
    latest = {row.key: row for row in reader.session.scalars(query)}
    return {key: row for key, row in latest.items() if row.is_named_in_measures or not is_strict}
