"""`tanyi demo`: one complete cycle of the market on the demo province, stage by stage, and its summary.

Every stage is a transaction, or a handful that may be repeated, and what it has done stands in the books themselves: a
demo that was killed goes on where it stopped, and a second run finds nothing to do and prints the same figures.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from market.emitters import eia, obligations
from market.registry import projects
from market.trading import bids, listings, trades
from matching import rounds
from settlement import certificates, retirement
from tanyi.app import counter, demo_events
from tanyi.app import demo_province as province
from tanyi.app.demo_approvals import wait_for_second_person
from tanyi.app.installation import Installation
from tanyi.kernel import parties
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Actor, Work

FIRST_ROUND, SECOND_ROUND = "2026-1", "2026-2"
OPEN_FOR = timedelta(days=14)
VOLUNTARY_T: Mapping[str, int] = {"E01": 2_000, "E04": 1_500, "E14": 800}  # firms of the demo that can sign in
ACCOUNTS = "demo-accounts.json"


def run(house: Installation, say: Callable[[str], None]) -> dict[str, float]:
    """Runs every stage that has not run yet; gives the seconds each took."""
    seconds: dict[str, float] = {}
    for name, stage in STAGES.items():
        say(name)
        started = time.perf_counter()
        stage(house)
        seconds[name] = round(time.perf_counter() - started, 3)
    return seconds


def found_province(house: Installation) -> None:
    """People, benchmarks, the plan, verified emissions and duties, in one transaction with their sign-ins."""
    with house.open_reader() as reader:
        if parties.is_known(reader, "R01"):
            return
    with house.open_work() as work:
        accounts = province.enrol_everyone(work)
        province.publish_rules(work)
        province.state_emissions(work)
        province.assess_duties(work)
        province.register_projects(work)
        write_private(house.settings.data / ACCOUNTS, json.dumps(accounts, ensure_ascii=False, indent=1))


def issue_tonnes(house: Installation) -> None:
    """Monitoring, verification, acceptance and issuance of every registered project, then the listings."""
    with house.open_reader() as reader:
        waiting = [project.code for project in projects.registered(reader)]
    province.monitor_and_issue(house, waiting)
    with house.open_work() as work:
        if not listings.all_open(work):
            province.list_for_sale(work)


def neutral_event(house: Installation) -> None:
    """An organiser buys 119 t of a wetland, retires them for its forum and declares it neutral."""
    told = province.fixture("people")["events"][0]
    organiser = _office(house, told["organiser"])
    assert organiser.organisation_id is not None
    event = demo_events.plan_forum(house, organiser)
    with house.open_reader() as reader:
        is_retired = bool(retirement.newest(reader, holder_id=organiser.organisation_id))
    if not is_retired:
        bought = _buy_once(house, organiser, "wetland", told["retire_t"])
        counter.retire_for_event(house, actor=organiser, trade_ids=bought, event_id=event.id, beneficiary=None)
    demo_events.declare_forum(house, organiser, event)


def event_to_finish(house: Installation) -> None:
    """A race that is a draft with its estimate, for a visitor to finish."""
    told = province.fixture("people")["events"][0]
    demo_events.draft_race(house, _office(house, told["organiser"]))


def cancelled_project(house: Installation) -> None:
    """Fixture (e): 200 t are bought for an EIA duty of 300 t, then the project is dropped; the holding is kept."""
    row = next(row for row in province.fixture("eia_projects")["eia_projects"] if row["state"] == "CANCELLED")
    firm = _office(house, row["enterprise"])
    assert firm.organisation_id is not None
    with house.open_reader() as reader:
        if eia.is_cancelled(reader, row["id"]):
            return
    _buy_once(house, firm, "photovoltaic", row["purchased_before_cancellation_t"])
    with house.open_work(_office(house, "R01")) as work:
        eia.cancel(work, code=row["id"])


def run_round(house: Installation) -> None:
    """Bids are made from duties and confirmed; the round is closed, solved, checked and published."""
    operator = _office(house, "X01")
    open_work = house.work_opener(operator)
    with house.open_reader() as reader:
        state = {found.number: found.state for found in rounds.all_rounds(reader)}.get(FIRST_ROUND)
    if state is None:
        with open_work() as work:
            rounds.open_round(work, number=FIRST_ROUND, plan_year=province.PLAN_YEAR)
            _confirm_bids(work)
    if state in (None, "OPEN"):
        with open_work() as work:
            rounds.close(work, number=FIRST_ROUND)
    if state in (None, "OPEN", "CLOSED"):
        rounds.run(open_work, number=FIRST_ROUND)
    if state != "PUBLISHED":
        with open_work() as work:
            rounds.publish(work, number=FIRST_ROUND)


def settle_round(house: Installation) -> None:
    """Payments, settlement in one transaction, retirement for the duties, certificates, payouts."""
    counter.settle_round(house, FIRST_ROUND)


def write_certificates(house: Installation) -> None:
    """Writes every certificate and the public keys into the data folder, for anyone to verify offline."""
    folder = house.settings.data / "certificates"
    folder.mkdir(exist_ok=True)
    with house.open_reader() as reader:
        for number, document in certificates.all_documents(reader):
            (folder / f"{number}.json").write_bytes(document)
    (house.settings.data / "jwks.json").write_text(json.dumps(house.public_keys(), indent=1), encoding="utf8")


def second_round(house: Installation) -> None:
    """A second round stands open with voluntary bids to confirm, so that a visitor can try every form."""
    with house.open_reader() as reader:
        if any(found.number == SECOND_ROUND for found in rounds.all_rounds(reader)):
            return
    with house.open_work(_office(house, "X01")) as work:
        closes_on = work.today + OPEN_FOR
        round_id = rounds.open_round(work, number=SECOND_ROUND, plan_year=province.PLAN_YEAR, closes_on=closes_on)
        for code, quantity_t in VOLUNTARY_T.items():
            buyer_id = parties.organisation(work, code).id
            wanted = {"buyer_id": buyer_id, "quantity_t": Tonnes(quantity_t), "closes_on": closes_on}
            bids.draft_voluntary(work, round_id=round_id, **wanted)


STAGES: Mapping[str, Callable[[Installation], None]] = {
    "province": found_province,
    "issuance": issue_tonnes,
    "event": neutral_event,
    "cancelled_project": cancelled_project,
    "round": run_round,
    "settlement": settle_round,
    "certificates": write_certificates,
    "second_round": second_round,
    "second_person": wait_for_second_person,
    "event_to_finish": event_to_finish,
}


def accounts(house: Installation) -> dict[str, Any]:
    """Who may sign in, and the file of mode 600 with their passwords and API keys."""
    file = house.settings.data / ACCOUNTS
    known = json.loads(file.read_text(encoding="utf8"))
    users = [
        {"username": name, "organisation": said["organisation"], "roles": said["roles"]} for name, said in known.items()
    ]
    return {"file": str(file), "users": users}


def _confirm_bids(work: Work) -> None:
    """Every firm confirms its bid with the limit, floor and caps of the fixture."""
    facts = {(row["enterprise"], row["eia_project"]): row for row in province.fixture("bids")["bids"]}
    drafted = bids.of_round(work, rounds.by_number(work, FIRST_ROUND).id)
    firms = parties.organisations(work, {bid.buyer_id for bid in drafted})
    grounds = obligations.eia_codes(work, {bid.obligation_id for bid in drafted if bid.obligation_id})
    for bid in drafted:
        row = facts[firms[bid.buyer_id].code, grounds.get(bid.obligation_id or 0)]
        terms = bids.Terms(
            limit_fen=Money(row["limit_fen"]),
            floor_permille=row["floor_permille"],
            max_group_permille=row["max_group_permille"],
            product_types=row["product_types"],
        )
        bids.confirm(work, number=bid.number, buyer_id=bid.buyer_id, terms=terms)


def _buy_once(house: Installation, buyer: Actor, product_type: str, quantity_t: int) -> list[int]:
    """Buys from the cheapest listing of a type, unless it was bought before; gives the trades' ids."""
    assert buyer.organisation_id is not None
    with house.open_reader() as reader:
        bought = [trade.id for trade in trades.of_buyer(reader, buyer.organisation_id)]
        listing = None if bought else listings.cheapest(reader, product_type)
    if listing is not None:
        buyer_id, wanted = buyer.organisation_id, Tonnes(quantity_t)
        counter.purchase(house, actor=buyer, listing=listing.number, buyer_id=buyer_id, quantity_t=wanted)
    counter.collect(house, bought)
    with house.open_reader() as reader:
        return [trade.id for trade in trades.of_buyer(reader, buyer.organisation_id)]


def _office(house: Installation, code: str) -> Actor:
    with house.open_reader() as reader:
        return province.office(reader, code)


def write_private(path: Path, text: str) -> None:
    """Writes a file of mode 600 whole or not at all."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf8") as file:
        file.write(text)
    fresh.replace(path)
