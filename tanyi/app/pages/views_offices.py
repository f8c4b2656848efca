"""The homes of the offices: the operator's rounds, the department's province, the verifier's reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from market.emitters import obligations, policy
from market.registry import issuance, monitoring
from tanyi.app.pages import pieces, tabular, tiles, views_issuances, views_rounds, views_todo
from tanyi.app.pages.charts import Chart, chart
from tanyi.app.pages.pieces import names
from tanyi.app.pages.tabular import Asked, Column, Filter, Source, Spec, Table
from tanyi.app.pages.views_firms import duty_row
from tanyi.kernel import parties
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Reader

ALL_DUTIES: Final = Spec(
    "duties",
    N_("Duties of the province"),
    (
        Column("number", N_("Duty"), "serial", link="/duties/{number}"),
        Column("firm", N_("Firm"), "names", place="under"),
        Column("sector", N_("Sector"), "word", words="sector"),
        Column("city", N_("City"), "names"),
        Column("state", N_("State"), "state", words="obligation"),
        Column("required_t", N_("Owed"), "tonnes"),
        Column("covered_t", N_("Covered"), "tonnes"),
        Column("open_t", N_("Still owed"), "tonnes"),
        Column("due_on", N_("Due on"), "date"),
    ),
    prefix="duties-",
    empty_title=N_("No duty"),
    empty_text=N_("Duties are shown here as soon as they are assessed."),
)
WAITING: Final = Spec(
    "waiting",
    N_("Waiting for a verifier"),
    (
        Column("project", N_("Project"), "names", link="/projects/{code}"),
        Column("code", N_("Project code"), "serial", place="under"),
        Column("type", N_("Type"), "type"),
        Column("vintage", N_("Vintage"), "year"),
        Column("quantity_t", N_("Quantified"), "tonnes"),
        Column("submitted_at", N_("Handed in"), "date"),
    ),
    prefix="waiting-",
    size=10,
    empty_title=N_("Nothing waits"),
    empty_text=N_("Every monitored year has been verified."),
)
STATED: Final = Spec(
    "verifications",
    N_("Verifications"),
    (
        Column("project", N_("Project"), "names", link="/projects/{code}"),
        Column("code", N_("Project code"), "serial", place="under"),
        Column("type", N_("Type"), "type"),
        Column("vintage", N_("Vintage"), "year"),
        Column("quantity_t", N_("Verified"), "tonnes"),
        Column("verified_at", N_("Verified on"), "date"),
        Column("accepted_at", N_("Accepted on"), "date"),
    ),
    prefix="verifications-",
    size=10,
    empty_title=N_("No verification yet"),
    empty_text=N_("What your office states on a monitored year is shown here."),
)


def operator(reader: Reader, asked: Asked) -> dict[str, Any]:
    """The operator's home: the step that each round waits for, and all rounds."""
    all_rounds = views_rounds.all_rounds(reader, asked, may_operate=True)
    return {"todo": views_todo.of_operator(reader), "rounds": all_rounds["rounds"], "may_open": all_rounds["may_open"]}


def regulator(reader: Reader, asked: Asked) -> dict[str, Any]:
    """The department's home: the province by sector and city, what is owed and covered, issuances and rounds."""
    plan = policy.latest_plan(reader)
    duties = obligations.of_plan(reader, plan.year) if plan else []
    sectors = _sectors(reader, plan.base_year) if plan else {}
    firms = parties.organisations(reader, {duty.organisation_id for duty in duties})
    rows = [_row(duty, firms[duty.organisation_id], sectors.get(duty.assessment_id or 0)) for duty in duties]
    issuances = views_issuances.issuances(reader, asked, prefix="issuances-")
    return {
        "year": plan.year if plan else reader.today.year,
        "rests_on_assumptions": bool(plan and plan.assumptions),
        "summary": {
            "due_t": sum(row["required_t"] for row in rows),
            "covered_t": sum(min(row["covered_t"], row["required_t"]) for row in rows),
            "firms": len(firms),
            "issued_t": views_issuances.issued_t(reader),
        },
        "todo": views_todo.of_regulator(reader, duties),
        "duties": _duties(rows, asked),
        "by_sector": _by_sector(asked, rows),
        "map": _owed_by_city(asked, rows),
        "issuances": issuances,
        "rounds": views_rounds.all_rounds(reader, asked, may_operate=False)["rounds"],
    }


def _sectors(reader: Reader, year: int) -> dict[int, str]:
    return {row.id: row.sector for row in obligations.assessments(reader, year)}


def _row(duty: obligations.Obligation, firm: parties.Organisation, sector: str | None) -> dict[str, Any]:
    city = REGIONS.get(firm.region or "")
    return duty_row(duty) | {
        "firm": names(firm),
        "sector": sector or "eia",
        "region": firm.region,
        "city": pieces.both(city) if city else None,
    }


def _duties(rows: Sequence[dict[str, Any]], asked: Asked) -> Table:
    """The duties of the city that the tile map or the filter chose, or all."""
    chosen = {"region": pieces.chosen(asked.query, "region", REGIONS)}
    kept = [row for row in rows if not chosen["region"] or row["region"] == chosen["region"]]
    filters = [Filter("region", N_("City"), pieces.region_options())]
    return tabular.table(ALL_DUTIES, Source.of(kept), asked, filters=filters, chosen=chosen)


def _by_sector(asked: Asked, rows: Sequence[Mapping[str, Any]]) -> Chart | None:
    sums: dict[str, dict[str, int]] = {}
    for row in rows:
        total = sums.setdefault(row["sector"], {"covered_t": 0, "open_t": 0})
        total["covered_t"] += min(row["covered_t"], row["required_t"])
        total["open_t"] += row["open_t"]
    largest_first = sorted(sums, key=lambda sector: (-sum(sums[sector].values()), sector))
    told = [{"sector": sector, **sums[sector]} for sector in largest_first]
    columns = [Column("sector", N_("Sector"), "word", words="sector"), Column("covered_t", N_("Covered"), "tonnes")]
    columns.append(Column("open_t", N_("Still owed"), "tonnes"))
    return chart(asked, "rows", "by-sector", N_("Duties by sector"), columns, told, ["retired", "lacking"])


def _owed_by_city(asked: Asked, rows: Sequence[Mapping[str, Any]]) -> tiles.TileMap:
    figures = dict.fromkeys(REGIONS, 0)
    for row in rows:
        if row["region"] in figures:
            figures[row["region"]] += row["required_t"]
    return tiles.tile_map(asked, "owed", N_("Owed, by city"), figures, "/my")


def verifier(reader: Reader, organisation_id: int, asked: Asked) -> dict[str, Any]:
    """A verifier's home: the monitored years that wait, and what the own office has stated."""
    office = parties.organisations(reader, {organisation_id})[organisation_id]
    waiting = [
        _report(project, report, report.reduction_t) | {"submitted_at": report.submitted_at}
        for report, project in monitoring.waiting(reader)
    ]
    colleagues = [user.user_id for user in parties.users_of(reader, organisation_id)]
    stated = [
        _report(project, report, statement.verified_t)
        | {"verified_at": statement.verified_at, "accepted_at": statement.accepted_at}
        for statement, report, project in issuance.stated(reader, colleagues)
    ]
    return {
        "organisation": names(office),
        "summary": {
            "waiting": len(waiting),
            "stated": len(stated),
            "stated_t": sum(row["quantity_t"] for row in stated),
            "accepted_t": sum(row["quantity_t"] for row in stated if row["accepted_at"] is not None),
        },
        "todo": views_todo.of_verifier(reader),
        "waiting": tabular.table(WAITING, Source.of(waiting), asked),
        "verifications": tabular.table(STATED, Source.of(stated), asked),
    }


def _report(project: Any, report: Any, quantity_t: int) -> dict[str, Any]:
    return {
        "project": names(project),
        "code": project.code,
        "type": pieces.type_names(project.product_type),
        "vintage": report.vintage,
        "quantity_t": quantity_t,
    }
