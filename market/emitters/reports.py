"""Verified reports (年度碳排放核算报告, 一(一)): what each site of a firm emitted and made in a year, as stated.

Figures are kept as the verification conclusion states them, not rounded and not in other units. A correction is a new
version; a site whose year is not verified has a report without figures, which is not zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select

from market.emitters.tables import Facility, Report
from tanyi.kernel.errors import N_, Invalid
from tanyi.kernel.work import Reader, Work


class NegativeFigure(Invalid):
    """Emissions or output below zero, or not a number."""

    code = "emitters.negative_figure"
    message = N_("Emissions and output must be numbers of zero or more.")


@dataclass(frozen=True)
class SiteYear:
    """One site's newest verified year. Emissions in tCO2e, output in the benchmark's unit, both as stated."""

    organisation_id: int
    facility_id: int
    name_zh: str
    name_en: str
    sector: str
    benchmark_key: str | None
    emissions_tco2e: Decimal | None
    output: Decimal | None
    output_unit: str | None
    version: int


def open_facility(
    work: Work, *, organisation_id: int, name_zh: str, name_en: str, sector: str, benchmark_key: str | None
) -> int:
    """Enters a production site; gives its id."""
    site = Facility(
        organisation_id=organisation_id, name_zh=name_zh, name_en=name_en, sector=sector, benchmark_key=benchmark_key
    )
    work.session.add(site)
    work.session.flush()
    return site.id


def state(
    work: Work,
    *,
    facility_id: int,
    year: int,
    emissions_tco2e: Decimal | None,
    output: Decimal | None,
    output_unit: str | None,
) -> int:
    """Enters the verified figures of a site's year as the next version; gives the version's number."""
    if any(figure is not None and (not figure.is_finite() or figure < 0) for figure in (emissions_tco2e, output)):
        raise NegativeFigure
    newest = select(func.coalesce(func.max(Report.version), 0))
    version = work.session.scalars(newest.where(Report.facility_id == facility_id, Report.year == year)).one() + 1
    row = Report(
        facility_id=facility_id,
        year=year,
        version=version,
        emissions_tco2e=emissions_tco2e,
        output=output,
        output_unit=output_unit,
        stated_at=work.now,
    )
    work.session.add(row)
    work.session.flush()
    work.record("report.stated", facility=str(facility_id), year=str(year), version=str(version))
    return version


def site_years(reader: Reader, *, year: int, organisation_id: int | None = None) -> Sequence[SiteYear]:
    """The newest version of every site's year, of one firm or of all."""
    newest = select(Report.facility_id, func.max(Report.version).label("version")).where(Report.year == year)
    newest = newest.group_by(Report.facility_id).subquery()
    query = (
        select(Facility, Report)
        .join(newest, newest.c.facility_id == Facility.id)
        .join(Report, (Report.facility_id == newest.c.facility_id) & (Report.version == newest.c.version))
        .where(Report.year == year)
        .order_by(Facility.id)
    )
    if organisation_id is not None:
        query = query.where(Facility.organisation_id == organisation_id)
    return [
        SiteYear(
            site.organisation_id,
            site.id,
            site.name_zh,
            site.name_en,
            site.sector,
            site.benchmark_key,
            report.emissions_tco2e,
            report.output,
            report.output_unit,
            report.version,
        )
        for site, report in reader.session.execute(query)
    ]
