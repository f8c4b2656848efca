"""What the public registry shows: projects by words, type and state, and where each tonne of a project is now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from market.registry import issuance, methodology, monitoring, projects
from market.trading import listings
from settlement import certificates
from tanyi.app.pages import labels, pieces, tabular, views_figures
from tanyi.app.pages.pieces import both, names, type_names
from tanyi.app.pages.tabular import Asked, Column, Filter, Source, Spec
from tanyi.app.pages.views_market import rows_of
from tanyi.kernel import parties
from tanyi.kernel.errors import N_
from tanyi.kernel.identity import REGIONS
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

SERIAL = re.compile(r"(?:HB-[\w-]+-)?([0-9]{1,18})-([0-9]{1,18})", re.ASCII)
STATES = (*projects.STATES.moves, projects.PENDING)
DECIMALS, MOST_PLACES = Decimal("0.0001"), 20
COURSE = (*projects.TO_REGISTRATION, "ISSUED")
AT_REST = ("FREE", "RESERVED", "PLEDGED", "LOCKED", "FROZEN", "BUFFER")


PROJECTS: Final = Spec(
    "projects",
    N_("Projects"),
    (
        Column("name", N_("Project"), "names", link="/projects/{code}"),
        Column("code", N_("Project code"), "serial", place="under"),
        Column("owner", N_("Owner"), "names", place="under"),
        Column("county", N_("Place"), "names", place="under"),
        Column("type", N_("Type"), "type"),
        Column("state", N_("State"), "state", words="project"),
        Column("issued_t", N_("Issued"), "tonnes"),
        Column("offered_t", N_("On sale"), "tonnes"),
        Column("retired_t", N_("Retired"), "tonnes"),
    ),
    empty_title=N_("Nothing found"),
    empty_text=N_("Try fewer words, or remove a filter."),
)
BLOCKS: Final = Spec(
    "serials",
    N_("Serial ranges"),
    (
        Column("serial", N_("Serial range"), "serial"),
        Column("vintage", N_("Vintage"), "year", place="file"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("state", N_("State"), "state", words="block"),
        Column("holder", N_("Holder"), "names"),
        Column("certificate", N_("Certificate"), "certificate"),
    ),
)


def registry(reader: Reader, asked: Asked) -> dict[str, Any]:
    """The public search of projects, and of one tonne by its serial."""
    types = projects.types_in_use(reader)
    chosen = {
        "q": pieces.typed(asked.query, "q"),
        "type": pieces.chosen(asked.query, "type", types),
        "state": pieces.chosen(asked.query, "state", STATES),
        "region": pieces.chosen(asked.query, "region", REGIONS),
    }
    found_block = block_of(reader, chosen["q"])
    filters = [
        Filter("q", N_("Project, owner, code or serial"), placeholder="HB-…"),
        Filter("type", N_("Product type"), pieces.type_options(types)),
        Filter("state", N_("State"), pieces.state_options(STATES, "project")),
        Filter("region", N_("Region"), pieces.region_options()),
    ]
    source = _found(reader, found_block["project_code"] if found_block else chosen["q"], chosen)
    known = views_figures.registered(reader)
    return {
        "projects": tabular.table(PROJECTS, source, asked, filters=filters, chosen=chosen),
        "found_block": found_block,
        "by_type": views_figures.by_type(asked, known),
        "by_vintage": views_figures.by_vintage(asked, known),
        "map": views_figures.by_city(asked, known, "issued_t", "/registry"),
    }


def _found(reader: Reader, words: str, chosen: Mapping[str, str]) -> Source:
    """The projects that fit, in the order of their codes; the database counts and cuts."""
    filters = {"words": words, "product_type": chosen["type"], "state": chosen["state"], "region": chosen["region"]}
    owner_ids = parties.named_like(reader, words) if words else set()
    _, total = projects.search(reader, **filters, owner_ids=owner_ids, most=0)

    def load(places: Sequence[int]) -> list[dict[str, Any]]:
        first = places[0] if places else 0
        rows, _ = projects.search(reader, **filters, owner_ids=owner_ids, first=first, most=len(places))
        return project_rows(reader, rows)

    return Source(range(total), load)


def block_of(reader: Reader, asked: str) -> dict[str, Any] | None:
    """The block that holds the first tonne of the serial asked for."""
    serial = SERIAL.fullmatch(asked)
    run = blocks.holding(reader, int(serial[1])) if serial else None
    if run is None:
        return None
    origin = issuance.provenance(reader, [run.issuance_id])[run.issuance_id]
    certified = certificates.numbers(reader, [run.retirement_id] if run.retirement_id else [])
    return {
        "serial": origin.serial(run.lo, run.end),
        "project_code": origin.project_code,
        "state": run.state,
        "holder": pieces.organisation_names(reader, [run.holder_id])[run.holder_id],
        "certificate": certified.get(run.retirement_id or 0),
    }


def project_rows(reader: Reader, rows: Sequence[projects.Project]) -> list[dict[str, Any]]:
    """Projects with their owners and what became of their tonnes."""
    owners = pieces.organisation_names(reader, {project.owner_id for project in rows})
    issued = issuance.of_projects(reader, [project.id for project in rows])
    states_t = blocks.states_t(reader, [issuance_id for ids in issued.values() for issuance_id in ids])
    nothing = dict.fromkeys(("issued_t", "offered_t", "retired_t"))  # without a methodology there are no tonnes, not 0
    return [
        _project_facts(project, owners[project.owner_id])
        | (_places(issued.get(project.id, []), states_t) if project.methodology else nothing)
        for project in rows
    ]


def _project_facts(project: projects.Project, owner: pieces.Names) -> dict[str, Any]:
    return names(project) | {
        "name": names(project),
        "code": project.code,
        "owner": owner,
        "county": {"name_zh": project.county_zh, "name_en": project.county_en},
        "type": type_names(project.product_type),
        "type_code": project.product_type,
        "state": project.state if project.methodology else projects.PENDING,
    }


def _places(issuance_ids: Sequence[int], states_t: Mapping[int, Mapping[str, int]]) -> dict[str, int]:
    """Tonnes of some issuances by what became of them."""
    sums: dict[str, int] = {}
    for issuance_id in issuance_ids:
        for state, total_t in states_t.get(issuance_id, {}).items():
            sums[state] = sums.get(state, 0) + int(total_t)
    return {
        "issued_t": sum(sums.values()),
        "offered_t": sums.get("LISTED", 0),
        "retired_t": sums.get("RETIRED", 0),
    }


def project(reader: Reader, code: str, asked: Asked) -> dict[str, Any]:
    """One project: its course, its reports, its tonnes, and what happened."""
    found = projects.by_code_or_refuse(reader, pieces.named(code))
    taken = projects.timeline(reader, found.id)
    issued = issuance.of_projects(reader, [found.id]).get(found.id, [])
    runs = blocks.runs(reader, issuance_ids=issued) if issued else []
    owner = pieces.organisation_names(reader, [found.owner_id])[found.owner_id]
    return {
        "project": _project_facts(found, owner) | _description(found),
        "steps": _steps(taken),
        "places": _where(runs, found.owner_id),
        "reports": _reports(reader, found),
        "blocks": tabular.table(BLOCKS, Source(runs, lambda part: _blocks(reader, part)), asked),
        "listings": rows_of(reader, listings.on_sale_ids(reader, issuance_ids=issued)) if issued else [],
        "events": [{"at": at, "title": both(labels.PROJECT[state]), "detail": None} for state, at in reversed(taken)],
    }


def _description(found: projects.Project) -> dict[str, Any]:
    is_pending = found.methodology is None
    latest = None if found.methodology is None else methodology.by_code(found.methodology).latest()
    return {
        "story_zh": found.story_zh,
        "story_en": found.story_en,
        "is_methodology_pending": is_pending,
        "pending_methodology": {"name_zh": found.methodology_name_zh, "name_en": found.methodology_name_en},
        "methodology": None if is_pending else pieces.method_names(f"{found.methodology}@{latest}"),
        "certified_yearly_t": None if is_pending else found.expected_t,
    }


def _steps(taken: Sequence[tuple[str, datetime]]) -> list[dict[str, Any]]:
    """The course to the first issuance; a step is done when it was taken, the first one missing is next."""
    first_at: dict[str, datetime] = {}
    for state, at in taken:
        first_at.setdefault(state, at)
    waiting = next((state for state in COURSE if state not in first_at), None)
    return [
        {"state": state, "at": first_at.get(state), "is_done": state in first_at, "is_now": state == waiting}
        for state in COURSE
    ]


def _where(runs: Sequence[blocks.Run], owner_id: int) -> dict[str, int]:
    """Where the tonnes are: with the seller, on sale, sold and not yet used, retired."""
    places = dict.fromkeys(("held_t", "listed_t", "sold_t", "retired_t"), 0)
    for run in runs:
        place = {"LISTED": "listed_t", "RETIRED": "retired_t"}.get(run.state)
        places[place or ("held_t" if run.holder_id == owner_id else "sold_t")] += int(run.quantity_t)
    return places | {"issued_t": sum(places.values())}


def _reports(reader: Reader, found: projects.Project) -> list[dict[str, Any]]:
    """The monitored periods, each with its figures worked out again from what was stated."""
    reports = monitoring.of_project(reader, found.id)
    stated = issuance.statements(reader, [report.id for report in reports])
    verifiers = parties.of_users(reader, {statement.verified_by_id for statement in stated.values()})
    issued = blocks.issuances_of(reader, [statement.id for statement in stated.values()])
    rows = []
    for report in reports:
        statement = stated.get(report.id)
        is_issued = statement is not None and statement.id in issued
        rows.append(
            {
                "number": f"{found.code}-{report.vintage}",
                "period_from_on": monitoring.DAY_ZERO + timedelta(days=report.first_day),
                "period_to_on": monitoring.DAY_ZERO + timedelta(days=report.end_day - 1),
                "vintage": report.vintage,
                "state": "ISSUED" if is_issued else "VERIFIED" if statement else "SUBMITTED",
                "verified_t": statement.verified_t if statement else None,
                "issued_t": statement.verified_t if statement and is_issued else None,
                "verifier": names(verifiers[statement.verified_by_id]) if statement else None,
                "quantification": [shown_step(step) for step in monitoring.replay(report).steps],
            }
        )
    return rows


def shown_step(step: methodology.Step) -> dict[str, Any]:
    """A step of a quantification: at most four decimals are shown, the exact figure stands beside; 1 is no unit."""
    exact = step.figure.normalize()
    short = exact.quantize(DECIMALS) if Decimal(exact).adjusted() < MOST_PLACES else exact
    return {
        "symbol": step.symbol,
        "unit": "" if step.unit == "1" else step.unit,
        "figure": format(short.normalize(), "f"),
        "exact": format(exact, "f"),
        "is_exact": short == exact,
    }


def _blocks(reader: Reader, runs: Sequence[blocks.Run]) -> list[dict[str, Any]]:
    origins = issuance.provenance(reader, {run.issuance_id for run in runs})
    holders = pieces.organisation_names(reader, {run.holder_id for run in runs})
    certified = certificates.numbers(reader, {run.retirement_id for run in runs if run.retirement_id})
    return [
        {
            "serial": origins[run.issuance_id].serial(run.lo, run.end),
            "quantity_t": int(run.quantity_t),
            "vintage": origins[run.issuance_id].vintage,
            "state": run.state,
            "holder": holders[run.holder_id],
            "certificate": certified.get(run.retirement_id or 0),
        }
        for run in runs
    ]
