"""Rows that the ledger's tests stand on: firms, an accepted verification, listings, trades, and what pays for them.

Where an upper floor has a verb, the verb makes the row; a monitored period and its verification are entered as they
stand in the tables, because a methodology's figures are no matter of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from market.trading import listings, trades
from settlement import delivery, payments
from tanyi.kernel import parties
from tanyi.kernel.clock import system_clock
from tanyi.kernel.db import Database
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Reader, Work
from tanyi.ledger import audit_log, blocks, transfers

PRICE_FEN = 5_000
LEGAL_EFFECT = "DEMO 演示，无法律效力"
BROKEN_RULE, PERMISSION_DENIED = "23000", "42501"

_numbers = count(1)


@dataclass(frozen=True)
class Market:
    """Two firms of two control groups and the people who verify and accept; ids only."""

    seller: int
    buyer: int
    verifier: int
    official: int


def enrol(work: Work, kind: str = "PARTICIPANT") -> int:
    """A new organisation of its own control group; gives its id."""
    code = f"firm-{next(_numbers)}"
    return parties.enrol_organisation(
        work, code=code, kind=kind, group_code=code, name_zh="河北某单位", name_en=f"Firm {code}"
    ).id


def person(work: Work, organisation_id: int) -> int:
    """Somebody without a password; gives the user's id."""
    made = parties.enrol_user(
        work,
        username=f"user-{next(_numbers)}",
        password=None,
        organisation_id=organisation_id,
        roles=[],
        name_zh="某人",
        name_en="Somebody",
    )
    return made.id


def open_market(work: Work) -> Market:
    """A seller, a buyer, a verifier and an official, all new."""
    verifier, official = enrol(work, "VERIFIER"), enrol(work, "REGULATOR")
    return Market(enrol(work), enrol(work), person(work, verifier), person(work, official))


def verification(work: Work, market: Market, quantity_t: int, *, is_accepted: bool = True) -> int:
    """A project with one monitored year and a statement on it, accepted by another; gives the statement's id."""
    code = f"P{next(_numbers)}"
    project = _insert(
        work,
        "INSERT INTO registry_project (code, owner_id, product_type, methodology, methodology_name_zh,"
        " methodology_name_en, name_zh, name_en, region, county_zh, county_en, story_zh, story_en, expected_t,"
        " started_on, state) VALUES (:code, :owner, 'forest', 'afforestation', '造林', 'Afforestation', '林', 'Forest',"
        " '130800', '围场', 'Weichang', '', '', :tonnes, '2021-01-01', 'ISSUED') RETURNING id",
        code=code,
        owner=market.seller,
        tonnes=quantity_t,
    )
    period = _insert(
        work,
        "INSERT INTO registry_monitoring (project_id, first_day, end_day, vintage, methodology_version, parameters,"
        " reduction_t, submitted_by_id, submitted_at) VALUES (:project, 0, 365, 2023, 'afforestation@1', '{}', :tonnes,"
        " :verifier, now()) RETURNING id",
        project=project,
        tonnes=quantity_t,
        verifier=market.verifier,
    )
    return _insert(
        work,
        "INSERT INTO registry_verification (monitoring_id, verified_t, verified_by_id, verified_at, accepted_by_id,"
        " accepted_at) VALUES (:period, :tonnes, :verifier, now(), :official,"
        " CASE WHEN CAST(:official AS bigint) IS NOT NULL THEN now() END) RETURNING id",
        period=period,
        tonnes=quantity_t,
        verifier=market.verifier,
        official=market.official if is_accepted else None,
    )


def issue(work: Work, market: Market, quantity_t: int) -> int:
    """New tonnes of a new project for the seller; gives the issuance's id."""
    statement = verification(work, market, quantity_t)
    return blocks.issue(
        work,
        verification_id=statement,
        verified_t=Tonnes(quantity_t),
        quantity_t=Tonnes(quantity_t),
        holder_id=market.seller,
        origin_key=f"origin-{next(_numbers)}",
    )


def offer(work: Work, seller_id: int, issuance_id: int, quantity_t: int) -> int:
    """A listing with its tonnes; gives its id."""
    return listings.open_listing(
        work,
        seller_id=seller_id,
        issuance_id=issuance_id,
        quantity_t=Tonnes(quantity_t),
        ask_fen=Money(PRICE_FEN),
        expires_at=work.now + timedelta(days=30),
    ).id


def empty_listing(work: Work, seller_id: int, issuance_id: int) -> int:
    """A listing without tonnes yet; gives its id."""
    return _insert(
        work,
        "INSERT INTO trading_listing (seller_id, issuance_id, ask_fen, minimum_t, state, offered_at, expires_at)"
        " VALUES (:seller, :issuance, :ask, 1, 'OPEN', now(), now() + interval '30 days') RETURNING id",
        seller=seller_id,
        issuance=issuance_id,
        ask=PRICE_FEN,
    )


def trade(work: Work, listing_id: int, buyer_id: int, quantity_t: int) -> int:
    """A matched trade that reserves nothing yet; gives its id."""
    return _insert(
        work,
        "INSERT INTO trading_trade (listing_id, seller_id, seller_group, buyer_id, buyer_group, quantity_t, price_fen,"
        " state, matched_at) SELECT l.id, s.id, s.group_code, b.id, b.group_code, :tonnes, l.ask_fen, 'MATCHED', now()"
        " FROM trading_listing l JOIN kernel_organisation s ON s.id = l.seller_id, kernel_organisation b"
        " WHERE l.id = :listing AND b.id = :buyer RETURNING id",
        tonnes=quantity_t,
        listing=listing_id,
        buyer=buyer_id,
    )


def bought(work: Work, listing_id: int, buyer_id: int, quantity_t: int) -> int:
    """A trade with its tonnes reserved; gives its id."""
    (made,) = trades.record(work, deals=[trades.Deal(listing_id, buyer_id, quantity_t, PRICE_FEN)])
    return made


def fund(work: Work, trade_id: int) -> int:
    """Pays for a reserved trade as if the bank had said so; gives the payment's id."""
    payment = payments.ask(work, trade_ids=[trade_id])
    paid = transfers.Movement(
        transfers.BANK, payments.escrow_of(payment), Money(payment.amount_fen), "payment", f"{payment.number}:capture"
    )
    transfers.move(work, movements=[paid])
    captured = "UPDATE settlement_payment SET captured_fen = amount_fen, status = 'succeeded' WHERE id = :id"
    work.session.execute(text(captured), {"id": payment.id})
    trades.advance(work, trade_ids=[trade_id], was="RESERVED", to="FUNDED")
    return payment.id


def settled(work: Work, listing_id: int, buyer_id: int, quantity_t: int) -> int:
    """A trade from match to delivery; gives its id."""
    made = bought(work, listing_id, buyer_id, quantity_t)
    fund(work, made)
    delivery.settle(work, trade_ids=[made])
    return made


def retirement_row(work: Work, holder_id: int, quantity_t: int, obligation_id: int | None = None) -> int:
    """A retirement that has no tonnes yet; gives its id."""
    return _insert(
        work,
        "INSERT INTO settlement_retirement (holder_id, purpose, obligation_id, quantity_t, salt, retired_at)"
        " VALUES (:holder, :purpose, :duty, :tonnes, repeat('0', 32), now()) RETURNING id",
        holder=holder_id,
        purpose="COMPLIANCE_EIA" if obligation_id else "VOLUNTARY_ORG",
        duty=obligation_id,
        tonnes=quantity_t,
    )


def retired(work: Work, holder_id: int, issuance_id: int, quantity_t: int, obligation_id: int | None = None) -> int:
    """Tonnes of a holder retired; gives the retirement's id."""
    made = retirement_row(work, holder_id, quantity_t, obligation_id)
    blocks.retire(work, takes=[blocks.Retire(holder_id, issuance_id, made, quantity_t)])
    return made


def duty(work: Work, organisation_id: int, required_t: int) -> int:
    """A firm's duty for a new EIA project under the plan of 2026; gives its id."""
    number = f"E{next(_numbers)}"
    plan = (
        "INSERT INTO emitters_plan (year, base_year, state, due_on, ecological_permille, ecological_types,"
        " eligible_types, vintage_from, netting, is_strict, assumptions) VALUES (2026, 2025, 'ISSUED', '2026-12-31', 0,"
        " '{}', '{}', 2020, 'ENTERPRISE_SECTOR', true, '{}') ON CONFLICT DO NOTHING"
    )
    work.session.execute(text(plan))
    project = _insert(
        work,
        "INSERT INTO emitters_eia_project (code, organisation_id, kind, name_zh, name_en, approval_number,"
        " approving_level, approved_on, approved_tco2e, state) VALUES (:code, :firm, 'NEW', '新', 'New', '1', 'PROVINCE',"
        " '2026-01-01', :tonnes, 'APPROVED') RETURNING id",
        code=number,
        firm=organisation_id,
        tonnes=required_t,
    )
    return _insert(
        work,
        "INSERT INTO emitters_obligation (number, organisation_id, kind, plan_year, eia_project_id, required_t, due_on,"
        " state) VALUES (:number, :firm, 'EIA_PROJECT', 2026, :project, :tonnes, '2026-12-31', 'NOTIFIED') RETURNING id",
        number=number,
        firm=organisation_id,
        project=project,
        tonnes=required_t,
    )


def _insert(work: Work, statement: str, **columns: Any) -> int:
    return work.session.execute(text(statement), columns).scalar_one()


@contextmanager
def working(database: Database) -> Iterator[Work]:
    """A transaction of the application."""
    with audit_log.open_work(database.app_engine()) as work:
        yield work


def reader_on(connection: Connection) -> Reader:
    """A view through a connection that is open already, of whatever role."""
    return Reader(session=Session(connection), now=system_clock())


@contextmanager
def reading(database: Database) -> Iterator[Reader]:
    """A read-only view as the application."""
    with audit_log.open_reader(database.app_engine()) as reader:
        yield reader


def tonnes_of(reader: Reader) -> dict[int, tuple[int, int, str, int | None]]:
    """Every tonne ever issued: (issuance, holder, state, the id that it is tied to)."""
    return {
        tonne: (run.issuance_id, run.holder_id, run.state, run.listing_id or run.trade_id or run.retirement_id)
        for run in blocks.runs(reader)
        for tonne in range(run.lo, run.end)
    }


def refusal(database: Database, *statements: str, is_owner: bool = False, **facts: Any) -> str:
    """The SQL state with which one of these statements, or their commit, is refused; empty when all go through."""
    engine = database.owner_engine() if is_owner else database.app_engine()
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement), facts)
    except DBAPIError as refused:
        return getattr(refused.orig, "sqlstate", None) or "without a state"
    return ""
