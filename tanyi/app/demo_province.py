"""The demo province: fictional firms, projects and rules read from `demo_data` and entered through the ordinary verbs.

Nothing here reaches into tables: the province comes into being as a real one would, by enrolment, publication,
statement, verification, acceptance and issuance, each by somebody whose office it is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from typing import Any

from market.emitters import benchmarks, eia, obligations, policy, reports
from market.registry import issuance, monitoring, projects
from market.registry.methodology import product_types
from market.trading import listings
from tanyi.app.installation import Installation
from tanyi.kernel import api_keys, parties
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Actor, Reader, Work
from tanyi.ledger import blocks

PLAN_YEAR = 2026
ROLE_OF_KIND = {"REGULATOR": "regulator", "OPERATOR": "operator", "VERIFIER": "verifier"}


def fixture(name: str) -> dict[str, Any]:
    """One of the demo's data files."""
    return json.loads((resources.files("tanyi.app") / "demo_data" / f"{name}.json").read_text(encoding="utf8"))


def office(reader: Reader, code: str, place: int = 0) -> Actor:
    """Somebody of an organisation, as an actor."""
    return parties.users_of(reader, parties.organisation(reader, code).id)[place].actor


def enrol_everyone(work: Work) -> dict[str, dict[str, Any]]:
    """Enters all organisations and users; gives the sign-ins, by user name, with their passwords and keys."""
    people, owners, firms = fixture("people"), fixture("projects")["owners"], fixture("enterprises")["enterprises"]
    roles = {row["id"]: "seller" for row in owners} | {row["id"]: "firm" for row in firms}
    for row in [*people["organisations"], *owners, *firms]:
        kind = row.get("kind", parties.PARTICIPANT)
        party = parties.enrol_organisation(
            work,
            code=row["id"],
            kind=kind,
            group_code=row["group"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            uscc=row["uscc"],
            region=row["region"],
            place_zh=row["place_zh"],
            place_en=row["place_en"],
        )
        role = ROLE_OF_KIND.get(kind) or roles.get(row["id"], "organiser")
        if not any(row["id"] in _acts_for(user) for user in people["users"]):
            _enrol(work, party.id, f"{row['id'].lower()}.office", None, [role], "办事员", "Office")
    return {user["username"]: _sign_in(work, user) for user in people["users"]}


def _acts_for(user: Mapping[str, Any]) -> list[str]:
    return [user["organisation"], *(also["organisation"] for also in user["also"])]


def _sign_in(work: Work, user: Mapping[str, Any]) -> dict[str, Any]:
    party = parties.organisation(work, user["organisation"])
    password = secrets.token_urlsafe(9)
    names = (user["display_name_zh"], user["display_name_en"])
    given = {"rights": user["rights"], "jurisdiction": user["jurisdiction"]}
    person_id = _enrol(work, party.id, user["username"], password, user["roles"], *names, **given)
    for also in user["also"]:
        other_id = parties.organisation(work, also["organisation"]).id
        granted = {"roles": also["roles"], "rights": also["rights"]}
        parties.add_member(work, user_id=person_id, organisation_id=other_id, **granted)
    return {
        "organisation": party.code,
        "organisation_name_zh": party.name_zh,
        "organisation_name_en": party.name_en,
        "also": [also["organisation"] for also in user["also"]],
        "name_zh": names[0],
        "name_en": names[1],
        "roles": user["roles"],
        "rights": user["rights"],
        "trial": user["trial"],
        "password": password,
        "api_key": api_keys.grant_api_key(work, user_id=person_id, name="demo"),
    }


def _enrol(
    work: Work,
    organisation_id: int,
    username: str,
    password: str | None,
    roles: list[str],
    zh: str,
    en: str,
    rights: Sequence[str] | None = None,
    jurisdiction: str | None = None,
) -> int:
    person = parties.enrol_user(
        work,
        username=username,
        password=password,
        organisation_id=organisation_id,
        roles=roles,
        name_zh=zh,
        name_en=en,
        rights=rights,
        jurisdiction=jurisdiction,
    )
    return person.id


def publish_rules(work: Work) -> None:
    """Publishes the demo's benchmarks and issues its annual plan, both marked as what they are."""
    for row in fixture("benchmarks")["benchmarks"]:
        benchmarks.publish(
            work,
            key=row["key"],
            sector=row["sector"],
            intensity=Decimal(row["benchmark_tco2e_per_unit"]),
            unit=row["activity_unit"],
            valid_from_on=date.fromisoformat(row["valid_from_on"]),
            is_named_in_measures=row["is_used_in_strict_mode"],
            source=row["source"],
        )
    terms = fixture("plan")["terms"]
    said = {name: term["value"] for name, term in terms.items()}
    rules = policy.Rules(
        year=PLAN_YEAR,
        base_year=said["base_year"],
        due_on=date.fromisoformat(said["due_on"]),
        ecological_permille=said["ecological_share_permille"],
        ecological_types=said["ecological_product_types"],
        eligible_types=said["product_types"],
        vintage_from=said["vintage_from"],
        netting=said["netting"],
        is_strict=said["benchmark_mode"] != "ALL_BENCHMARKS",
        assumptions=sorted(name for name, term in terms.items() if term["assumption"]),
    )
    policy.draft(work, rules=rules)
    policy.advance(work, year=PLAN_YEAR, to="CONSULTATION")
    policy.advance(work, year=PLAN_YEAR, to="ISSUED")


def state_emissions(work: Work) -> None:
    """Enters every firm's sites and their verified year."""
    for firm in fixture("enterprises")["enterprises"]:
        party = parties.organisation(work, firm["id"])
        for site in firm["facilities"]:
            facility_id = reports.open_facility(
                work,
                organisation_id=party.id,
                name_zh=site["name_zh"],
                name_en=site["name_en"],
                sector=firm["sector"],
                benchmark_key=site["benchmark_key"],
            )
            reports.state(
                work,
                facility_id=facility_id,
                year=firm["year"],
                emissions_tco2e=_decimal(site["emissions_tco2e"]),
                output=_decimal(site["output"]),
                output_unit=site["output_unit"],
            )


def _decimal(stated: str | None) -> Decimal | None:
    return None if stated is None else Decimal(stated)


def assess_duties(work: Work) -> None:
    """Assesses all firms under the plan and enters the approved EIA projects with their amendment."""
    obligations.assess(work, plan_year=PLAN_YEAR)
    for row in fixture("eia_projects")["eia_projects"]:
        first, *later = row["approvals"]
        approval = eia.Approval(
            code=row["id"],
            organisation_id=parties.organisation(work, row["enterprise"]).id,
            kind=row["kind"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            approval_number=first["approval_number"],
            approving_level=first["approving_level"],
            approved_on=date.fromisoformat(first["approved_on"]),
            approved_tco2e=Decimal(first["approved_tco2e_per_year"]),
        )
        eia.approve(work, plan_year=PLAN_YEAR, approval=approval)
        for amended in later:
            eia.amend(work, code=row["id"], approved_tco2e=Decimal(amended["approved_tco2e_per_year"]))


def register_projects(work: Work) -> None:
    """Drafts all projects and takes those with a methodology to registration."""
    pending_types = {row["code"]: row for row in fixture("projects")["product_types"]}
    known = {kind.code: kind for kind in product_types()}
    for row in fixture("projects")["projects"]:
        kind = known.get(row["product_type"])
        description = projects.Description(
            code=row["code"],
            owner_id=parties.organisation(work, row["owner"]).id,
            product_type=row["product_type"],
            methodology=row["methodology"] if row.get("monitoring") else None,
            methodology_name_zh=row["pending_zh"]
            or (kind.zh if kind else pending_types[row["product_type"]]["name_zh"]),
            methodology_name_en=row["pending_en"]
            or (kind.en if kind else pending_types[row["product_type"]]["name_en"]),
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            region=row["region"],
            county_zh=row["county_zh"],
            county_en=row["county_en"],
            story_zh=row["story_zh"],
            story_en=row["story_en"],
            expected_t=row["annual_t"],
            started_on=date.fromisoformat(row["start_on"]),
        )
        project = projects.draft(work, description=description)
        for step in projects.TO_REGISTRATION if description.methodology else ():
            projects.advance(work, project_id=project.id, to=step)


def monitor_and_issue(house: Installation, codes: Sequence[str]) -> None:
    """Each owner states its monitored year, the verifier verifies, the department accepts and issues.

    One transaction a project, so that a demo that was killed finds each project before or after all of it.
    """
    rows = {row["code"]: row for row in fixture("projects")["projects"]}
    with house.open_reader() as reader:
        ids = {project.code: project.id for project in projects.all_projects(reader)}
        verifier, accepting, issuing = office(reader, "C02"), office(reader, "R01", 1), office(reader, "R01")
        owners = {code: office(reader, rows[code]["owner"]) for code in codes}
    for code in codes:
        with house.open_work(owners[code]) as work:
            verification_id = _verified(work, ids[code], rows[code]["monitoring"], verifier)
            issuance.accept(acting(work, accepting), verification_id=verification_id)
            issuance.issue(acting(work, issuing), verification_id=verification_id)


def acting(work: Work, actor: Actor) -> Work:
    """The same transaction with somebody else acting in it."""
    return replace(work, actor=actor)


def _verified(work: Work, project_id: int, measured: Mapping[str, Any], verifier: Actor) -> int:
    report = monitoring.submit(
        work,
        project_id=project_id,
        first_on=date.fromisoformat(measured["from_on"]),
        end_on=date.fromisoformat(measured["to_on"]),
        parameters=measured["parameters"],
    )
    return issuance.verify(acting(work, verifier), monitoring_id=report.id, verified_t=Tonnes(report.reduction_t))


def list_for_sale(work: Work) -> None:
    """Lists the demo's share of every issued project at its owner's price, for a year less a day."""
    rows = {row["code"]: row for row in fixture("projects")["projects"]}
    everything = {project.code: project for project in projects.all_projects(work)}
    issued = issuance.of_projects(work, [project.id for project in everything.values()])
    for code, project in everything.items():
        for issuance_id in issued.get(project.id, []):
            free_t = blocks.free_t(work, project.owner_id)[issuance_id]
            listings.open_listing(
                work,
                seller_id=project.owner_id,
                issuance_id=issuance_id,
                quantity_t=Tonnes(int(free_t) * rows[code]["on_sale_permille"] // 1000),
                ask_fen=Money(rows[code]["ask_fen"]),
                expires_at=work.now + timedelta(days=364),
            )
