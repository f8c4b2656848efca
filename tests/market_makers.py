"""A small market for the tests: offices, one plan, duties, issued tonnes and a bank, all through the ordinary verbs.

Everything is made as a real one would be; nothing here writes a row by hand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from market.emitters import benchmarks, obligations, policy, reports
from market.registry import issuance, methodology, monitoring, projects
from market.trading import bids, listings
from matching import rounds
from settlement.gateway.faults import Faults
from settlement.gateway.signing import WebhookKey
from settlement.gateway.simulator import SimulatedGateway
from tanyi.app.installation import Installation
from tanyi.kernel import parties
from tanyi.kernel.config import Settings
from tanyi.kernel.db import Database
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.sealing import SealingKey
from tanyi.kernel.signatures import SigningKey
from tanyi.kernel.work import Actor, Work

KEY = WebhookKey("whsec_of_the_tests")
PLAN_YEAR, BASE_YEAR = 2026, 2025
ROUND = "2026-1"
PARTICIPANTS = {"S01": "seller", "S02": "seller", "E01": "firm", "E02": "firm", "N01": "organiser"}
SALT = "5a" * 16


def make_house(database: Database, folder: Path, **faults: int | bool) -> Installation:
    """An installation on a test database, with a bank of its own that fails as told."""
    settings = Settings(
        data=folder,
        database_url=None,
        owner_database_url=None,
        app_role="tanyi_app",
        mode="demo",
        public_url="http://127.0.0.1:8000",
        second_factor="offered",
    )
    engine = database.app_engine()
    gateway = SimulatedGateway(engine, webhook_key=KEY, faults=Faults(**faults))  # type: ignore[arg-type]
    return Installation(settings, database, SigningKey.generate(), KEY, gateway, SealingKey("secret of the tests"))


def with_faults(house: Installation, **faults: int | bool) -> Installation:
    """The same house at the same bank, which from now on fails as told."""
    gateway = SimulatedGateway(house.database.app_engine(), webhook_key=KEY, faults=Faults(**faults))  # type: ignore[arg-type]
    return replace(house, gateway=gateway)


def make_actor(work: Work, code: str, kind: str = parties.PARTICIPANT, role: str = "seller", **given: str) -> Actor:
    """Somebody of a new organisation. Its control group is its own unless `group` names one."""
    party = parties.enrol_organisation(
        work,
        code=code,
        kind=kind,
        group_code=given.get("group", f"G-{code}"),
        name_zh=given.get("name_zh", f"演示{code}"),
        name_en=f"Demo {code}",
        region="130800",
    )
    return make_colleague(work, party.id, f"{code.lower()}.office", role)


def make_colleague(
    work: Work, organisation_id: int, username: str, role: str, rights: Collection[str] = parties.RIGHTS
) -> Actor:
    """One more person of an organisation, with all rights unless others are given."""
    person = parties.enrol_user(
        work,
        username=username,
        password=None,
        organisation_id=organisation_id,
        roles=[role],
        rights=rights,
        name_zh="办事员",
        name_en="Office",
    )
    label = f"{username}/user-{person.id}"
    return Actor(label, person.id, organisation_id, frozenset([role]), frozenset(rights))


def acting(work: Work, actor: Actor) -> Work:
    """The same transaction with somebody else acting in it."""
    return replace(work, actor=actor)


def description(owner_id: int, code: str, method: str | None = "afforestation", **changed: Any) -> projects.Description:
    """What an owner states about a project."""
    kind = methodology.by_code(method).product_type.code if method else "grassland"
    stated = {
        "code": code,
        "owner_id": owner_id,
        "product_type": kind,
        "methodology": method,
        "methodology_name_zh": "方法学",
        "methodology_name_en": "Methodology",
        "name_zh": f"演示林场{code}",
        "name_en": f"Demo project {code}",
        "region": "130800",
        "county_zh": "围场县",
        "county_en": "Weichang",
        "story_zh": "",
        "story_en": "",
        "expected_t": 5000,
        "started_on": date(2021, 1, 1),
    }
    return projects.Description(**(stated | changed))


def make_project(work: Work, owner_id: int, code: str = "P01", method: str = "afforestation") -> int:
    """A registered project; gives its id."""
    project = projects.draft(work, description=description(owner_id, code, method))
    for step in projects.TO_REGISTRATION:
        projects.advance(work, project_id=project.id, to=step)
    return project.id


def example_parameters(method: str) -> dict[str, Any]:
    """What the first worked example of a methodology states."""
    return methodology.as_document(methodology.by_code(method).examples[0].parameters)


def year_of(vintage: int) -> dict[str, date]:
    """A whole calendar year as a monitored period."""
    return {"first_on": date(vintage, 1, 1), "end_on": date(vintage + 1, 1, 1)}


@dataclass
class Market:
    """A house with its offices. `people` holds one actor an office; `R01b` is a colleague of `R01`."""

    house: Installation
    people: dict[str, Actor] = field(default_factory=dict)

    def party(self, code: str) -> int:
        """The id of an organisation."""
        found = self.people[code].organisation_id
        assert found is not None
        return found

    @contextmanager
    def work(self, code: str = "X01") -> Iterator[Work]:
        """A transaction of somebody of this office."""
        with self.house.open_work(self.people[code]) as work:
            yield work


def make_market(house: Installation) -> Market:
    """Department, operator, verifier and participants, and an annual plan in force."""
    market = Market(house)
    with house.open_work() as work:
        market.people["R01"] = make_actor(work, "R01", parties.REGULATOR, "regulator")
        market.people["R01b"] = make_colleague(work, market.party("R01"), "r01.second", "regulator")
        market.people["X01"] = make_actor(work, "X01", parties.OPERATOR, "operator")
        market.people["C01"] = make_actor(work, "C01", parties.VERIFIER, "verifier")
        for code, role in PARTICIPANTS.items():
            market.people[code] = make_actor(work, code, role=role)
        make_plan(work)
    return market


def make_plan(work: Work, **changed: Any) -> None:
    """The plan of 2026 over the year 2025, in force, and one benchmark: 1 tCO2e a tonne of steel."""
    stated = {
        "year": PLAN_YEAR,
        "base_year": BASE_YEAR,
        "due_on": date(2026, 12, 31),
        "ecological_permille": 500,
        "ecological_types": ["forestry", "wetland"],
        "eligible_types": ["forestry", "wetland", "photovoltaic", "wind"],
        "vintage_from": 2021,
        "netting": policy.ENTERPRISE_SECTOR,
        "is_strict": False,
        "assumptions": ["due_on"],
    }
    rules = policy.Rules(**(stated | changed))
    policy.draft(work, rules=rules)
    for step in ("CONSULTATION", "ISSUED"):
        policy.advance(work, year=rules.year, to=step)
    make_benchmark(work, "steel")


def make_benchmark(work: Work, key: str, is_named: bool = True, from_on: date = date(2022, 1, 1)) -> None:
    """A benchmark of 1 tCO2e a tonne."""
    benchmarks.publish(
        work,
        key=key,
        sector=key,
        intensity=Decimal(1),
        unit="t",
        valid_from_on=from_on,
        is_named_in_measures=is_named,
        source="test",
    )


def make_site(work: Work, organisation_id: int, emissions: str | None, output: str | None, key: str = "steel") -> int:
    """A site with its verified year 2025; gives the site's id."""
    facility_id = reports.open_facility(
        work, organisation_id=organisation_id, name_zh="厂", name_en="Works", sector=key, benchmark_key=key
    )
    state_year(work, facility_id, emissions, output)
    return facility_id


def state_year(work: Work, facility_id: int, emissions: str | None, output: str | None) -> None:
    """The next version of a site's verified year 2025."""
    reports.state(
        work,
        facility_id=facility_id,
        year=BASE_YEAR,
        emissions_tco2e=None if emissions is None else Decimal(emissions),
        output=None if output is None else Decimal(output),
        output_unit="t",
    )


def make_duties(market: Market, **excess_t: str) -> dict[str, int]:
    """Assesses firms that emitted so much above their benchmark; gives their obligations' ids."""
    with market.work("R01") as work:
        for code, excess in excess_t.items():
            make_site(work, market.party(code), str(1_000_000 + Decimal(excess)), "1000000")
        obligations.assess(work, plan_year=PLAN_YEAR)
        return {code: obligations.of_plan(work, PLAN_YEAR, market.party(code))[0].id for code in excess_t}


def make_issued(
    market: Market, owner: str, quantity_t: int, code: str = "P01", method: str = "afforestation", vintage: int = 2025
) -> int:
    """So many fresh tonnes of an owner's new project; gives the issuance's id."""
    with market.work(owner) as work:
        project_id = make_project(work, market.party(owner), code, method)
        parameters = example_parameters(method)
        report = monitoring.submit(work, project_id=project_id, **year_of(vintage), parameters=parameters)
        verifier, accepting = acting(work, market.people["C01"]), acting(work, market.people["R01"])
        statement = issuance.verify(verifier, monitoring_id=report.id, verified_t=Tonnes(quantity_t))
        issuance.accept(accepting, verification_id=statement)
        return issuance.issue(accepting, verification_id=statement)


def make_listing(market: Market, seller: str, issuance_id: int, quantity_t: int, ask_fen: int = 5600) -> str:
    """Tonnes on sale; gives the listing's number."""
    with market.work(seller) as work:
        return listings.open_listing(
            work,
            seller_id=market.party(seller),
            issuance_id=issuance_id,
            quantity_t=Tonnes(quantity_t),
            ask_fen=Money(ask_fen),
            expires_at=work.now + timedelta(days=30),
        ).number


def make_offers(market: Market) -> dict[str, str]:
    """Forest tonnes of S01 (3,000 at 56.00) and wind tonnes of S02 (3,000 at 50.00); gives listing numbers by seller."""
    forest = make_issued(market, "S01", 3000)
    wind = make_issued(market, "S02", 3000, "P02", "wind")
    return {"S01": make_listing(market, "S01", forest, 3000), "S02": make_listing(market, "S02", wind, 3000, 5000)}


def make_round(market: Market, limit_fen: int = 6500, number: str = ROUND) -> str:
    """An open round in which every firm with a duty has confirmed its bid."""
    with market.work() as work:
        round_id = rounds.open_round(work, number=number, plan_year=PLAN_YEAR)
        for bid in bids.of_round(work, round_id):
            terms = bids.Terms(limit_fen=Money(limit_fen), floor_permille=bid.plan_floor_permille)
            bids.confirm(work, number=bid.number, buyer_id=bid.buyer_id, terms=terms)
    return number


def make_published_round(market: Market) -> str:
    """Two firms with duties of 1,000 t and 500 t, served in a published round; gives its number."""
    make_duties(market, E01="10000", E02="5000")
    make_offers(market)
    return publish_round(market, make_round(market))


def publish_round(market: Market, number: str) -> str:
    """Closes, solves and publishes an open round."""
    with market.work() as work:
        rounds.close(work, number=number)
    rounds.run(market.house.work_opener(market.people["X01"]), number=number)
    with market.work() as work:
        rounds.publish(work, number=number)
    return number
