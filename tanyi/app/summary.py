"""What `tanyi demo` and the home page say about the market: tonnes, duties, the last round, money, certificates."""

from __future__ import annotations

from typing import Any

from market.emitters import obligations
from market.registry import issuance, projects
from market.trading import trades
from matching import rounds
from settlement import delivery, payments, retirement
from settlement.certificates import all_documents
from tanyi.app.demo import FIRST_ROUND
from tanyi.app.demo_province import PLAN_YEAR, fixture
from tanyi.kernel import approval_book, parties
from tanyi.kernel.work import Reader
from tanyi.ledger import audit, blocks, transfers


def summary(reader: Reader) -> dict[str, Any]:
    """The demo's figures as integers: the same on every run over the same books."""
    by_state = {state: int(total_t) for state, total_t in blocks.by_state_t(reader).items()}
    everything = projects.all_projects(reader)
    duties = obligations.of_plan(reader, PLAN_YEAR)
    first = rounds.by_number(reader, FIRST_ROUND)
    result = rounds.result_of(first)
    lines = trades.of_round(reader, first.id)
    found = breaches(reader)
    firms = [row["id"] for row in fixture("enterprises")["enterprises"][:23]]
    counted = {party.id for code in firms for party in [parties.organisation(reader, code)]}
    duty = {
        name: int(obligations.total_duty(reader, base_year=PLAN_YEAR - 1, is_strict=strict, organisation_ids=counted))
        for name, strict in (("duty_all_benchmarks_t", False), ("duty_strict_t", True))
    }
    return {
        "projects": len(everything),
        "projects_issued": len(issuance.of_projects(reader, [project.id for project in everything])),
        **duty,
        "duty_netted_e25_t": _duty_of(reader, "E25"),
        "duty_eia_t": sum(duty.required_t for duty in duties if duty.eia_project_id is not None),
        "issued_t": sum(by_state.values()),
        "offered_t": sum(lot.quantity_t for lot in rounds.problem_of(first).lots) + _bought_before(reader),
        "obligations": len(duties),
        "due_t": sum(duty.required_t for duty in duties),
        "covered_t": sum(min(duty.retired_t, duty.required_t) for duty in duties),
        "retired_for_duties_t": sum(duty.retired_t for duty in duties),
        "retired_t": by_state.get("RETIRED", 0),
        "obligations_met": sum(duty.coverage in ("MET", "OVER") for duty in duties),
        "round": {
            "number": first.number,
            "status": result.status,
            "lines": len(lines),
            "compliance_t": result.totals.compliance_t,
            "gap_ppm": {"coverage": result.gap_ppm.coverage, "surplus": result.gap_ppm.surplus},
        },
        "trades": len(lines) + len(trades.purchases(reader)),
        "money_moved_fen": int(transfers.moved_fen(reader, "delivery")),
        "lines_sum_fen": sum(int(trades.amount_fen(trade)) for trade in _settled(reader)),
        "certificates": len(all_documents(reader)),
        "audit": {"ok": not found, "breaches": [vars(breach) for breach in found]},
    }


def breaches(reader: Reader) -> list[audit.Breach]:
    """Every broken invariant on every floor, derived again from the rows."""
    checks = obligations.CHECKS | payments.CHECKS | delivery.CHECKS | retirement.CHECKS | approval_book.CHECKS
    return audit.breaches(reader) + audit.run_checks(reader, checks)


def _settled(reader: Reader) -> list[trades.Trade]:
    in_rounds = [trade for found in rounds.all_rounds(reader) for trade in trades.of_round(reader, found.id)]
    return [trade for trade in [*in_rounds, *trades.purchases(reader)] if trade.settlement_id is not None]


def _duty_of(reader: Reader, code: str) -> int:
    party = parties.organisation(reader, code)
    return sum(duty.required_t for duty in obligations.of_plan(reader, PLAN_YEAR, party.id))


def _bought_before(reader: Reader) -> int:
    return sum(trade.quantity_t for trade in trades.purchases(reader))
