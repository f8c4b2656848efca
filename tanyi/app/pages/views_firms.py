"""What a firm sees: its duties with every step of the sum, how they were met, and its bids."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from market.emitters import benchmarks, obligations, policy
from market.trading import bids, trades
from matching import rounds
from tanyi.app.pages import pieces, tabular, views_figures, views_holdings, views_outcomes, views_todo
from tanyi.app.pages.pieces import both, names
from tanyi.app.pages.tabular import Asked, Column, Source, Spec
from tanyi.app.pages.views_rounds import contract_lines
from tanyi.kernel import parties
from tanyi.kernel.errors import N_, NotFound
from tanyi.kernel.work import Reader
from tanyi.ledger import blocks

DEMO_SOURCE = "demo"  # what a benchmark that the demo has made up says of its source
BENCHMARK, EIA = "BENCHMARK", "EIA"  # the two kinds of duties as the templates call them


BIDS: Final = Spec(
    "bids",
    N_("My bids"),
    (
        Column("number", N_("Bid"), "serial", link="/bids/{number}"),
        Column("round", N_("Round"), "serial", link="/rounds/{round}"),
        Column("state", N_("State"), "state", words="bid"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("limit_fen", N_("Limit"), "price"),
    ),
    prefix="bids-",
    size=10,
    empty_title=N_("No bid"),
    empty_text=N_("A bid is made from each duty when a round opens."),
)
DUTIES: Final = Spec(
    "duties",
    N_("My duties"),
    (
        Column("number", N_("Duty"), "serial", link="/duties/{number}"),
        Column("kind", N_("Ground"), "word", words="duty", place="under"),
        Column("state", N_("State"), "state", words="obligation"),
        Column("required_t", N_("Owed"), "tonnes"),
        Column("covered_t", N_("Covered"), "tonnes"),
        Column("open_t", N_("Still owed"), "tonnes"),
        Column("due_on", N_("Due on"), "date"),
    ),
    prefix="duties-",
    size=10,
    empty_title=N_("No duty"),
    empty_text=N_("Nothing has been assessed for your firm."),
)
LINES: Final = Spec(
    "deliveries",
    N_("How it was met"),
    (
        Column("project", N_("Project"), "names", link="/projects/{project.code}"),
        Column("seller", N_("Seller"), "names", place="under"),
        Column("type", N_("Type"), "type"),
        Column("quantity_t", N_("Tonnes"), "tonnes"),
        Column("price_fen", N_("Price"), "price"),
        Column("cost_fen", N_("Cost"), "yuan"),
        Column("certificate", N_("Certificate"), "certificate"),
    ),
    is_whole=True,
    sums=("quantity_t", "cost_fen"),
    empty_title=N_("Nothing retired yet"),
    empty_text=N_("Only tonnes that are retired for this duty count. Buying alone does not discharge it."),
)


def home(reader: Reader, organisation_id: int, asked: Asked) -> dict[str, Any]:
    """A firm's own page."""
    plan = policy.latest_plan(reader)
    firm = parties.organisations(reader, {organisation_id})[organisation_id]
    duties = obligations.of_plan(reader, plan.year, organisation_id) if plan else []
    assessments = obligations.assessments(reader, plan.base_year, organisation_id) if plan else []
    spent_fen = sum(int(trades.amount_fen(trade)) for trade in trades.of_buyer(reader, organisation_id) if _paid(trade))
    asked_for = _bids(reader, bids.of_buyer(reader, organisation_id))
    due = [duty_row(duty) for duty in duties] + [_no_duty_row(row) for row in assessments if not row.duty_t]
    return {
        "organisation": names(firm),
        "year": plan.base_year if plan else reader.today.year,
        "summary": {
            "due_t": sum(duty.required_t for duty in duties),
            "covered_t": sum(min(duty.retired_t, duty.required_t) for duty in duties),
            "spent_fen": spent_fen,
            "free_t": sum(int(free_t) for free_t in blocks.free_t(reader, organisation_id).values()),
        },
        "todo": views_todo.of_firm(duties, asked_for, views_todo.round_under_way(reader), reader.today),
        "emitter": _emitter(assessments, firm),
        "coverage": views_figures.duty_coverage(asked, duties),
        "duties": tabular.table(DUTIES, Source.of(due), asked),
        "bids": tabular.table(BIDS, Source.of(asked_for), asked),
        "tonnes": views_holdings.tonnes(reader, organisation_id, asked),
        "purchases": views_holdings.purchases(reader, organisation_id, asked),
        "certificates": views_holdings.own_certificates(reader, organisation_id, asked),
    }


def _paid(trade: trades.Trade) -> bool:
    return trade.settlement_id is not None


def _bids(reader: Reader, asked: Sequence[bids.Bid]) -> list[dict[str, Any]]:
    numbers = rounds.numbers(reader, {bid.round_id for bid in asked})
    return [
        {
            "number": bid.number,
            "round": numbers[bid.round_id],
            "state": bid.state,
            "quantity_t": bid.quantity_t,
            "limit_fen": bid.limit_fen,
            "may_be_confirmed": bid.limit_fen is None and bids.STATES.may(bid.state, "CONFIRMED"),
        }
        for bid in asked
    ]


def _emitter(assessments: Sequence[obligations.Assessment], firm: parties.Organisation) -> dict[str, Any] | None:
    known = [row for row in assessments if row.emissions_tco2e is not None]
    if not known:
        return None
    return {
        "class": known[0].emitter_class,
        "emission_tco2e": sum((row.emissions_tco2e or Decimal(0) for row in known), Decimal(0)),
        "sector": known[0].sector,
        "place": {"name_zh": firm.place_zh or "—", "name_en": firm.place_en or "—"},
    }


def duty_row(duty: obligations.Obligation) -> dict[str, Any]:
    """A duty as a row of a table."""
    return {
        "number": duty.number,
        "kind": BENCHMARK if duty.assessment_id is not None else EIA,
        "year": duty.plan_year,
        "state": _standing(duty),
        "required_t": duty.required_t,
        "covered_t": duty.retired_t,
        "open_t": max(0, duty.required_t - duty.retired_t),
        "due_on": duty.due_on,
    }


def _standing(duty: obligations.Obligation) -> str:
    """How far a duty is met; a duty that was ended says so instead."""
    return duty.state if duty.state in obligations.STATES.terminal else duty.coverage


def _no_duty_row(assessment: obligations.Assessment) -> dict[str, Any]:
    """An assessment without a duty: nothing is owed, or nobody can say (which is not zero)."""
    is_known = assessment.duty_t is not None
    return {
        "number": None,
        "kind": BENCHMARK,
        "year": assessment.year,
        "state": "NONE" if is_known else assessment.status,
        "required_t": 0 if is_known else None,
        "covered_t": 0,
        "open_t": 0 if is_known else None,
        "due_on": None,
    }


def duty(reader: Reader, number: str, asked: Asked, *, organisation_id: int, may_read_all: bool) -> dict[str, Any]:
    """One duty, computed step by step, and how it was met; another firm's is not admitted to exist."""
    found = obligations.by_number(reader, pieces.named(number))
    if not may_read_all and found.organisation_id != organisation_id:
        raise NotFound
    ground = obligations.ground_of(reader, found)
    made = bids.of_obligation(reader, found.id)
    bought = [trade for trade in trades.of_bids(reader, [bid.id for bid in made]) if _paid(trade)]
    told = duty_row(found) | {
        "firm": pieces.organisation_names(reader, [found.organisation_id])[found.organisation_id],
        "is_illustrative": False,
        "due_is_assumption": "due_on" in policy.plan_in_force(reader, found.plan_year).assumptions,
    }
    if found.assessment_id is not None:
        told, sum_steps = _benchmark_duty(reader, found, ground, told)
    else:
        told, sum_steps = _eia_duty(ground, told)
    numbers = rounds.numbers(reader, [made[0].round_id]) if made else {}
    newest = made[0] if made else None
    lines = tabular.table(LINES, Source(bought, lambda part: contract_lines(reader, part)), asked)
    bid = {"number": newest.number, "state": newest.state, "round": numbers[newest.round_id]} if newest else None
    return {"duty": told, "assessment": sum_steps, "bid": bid, "lines": lines}


def _benchmark_duty(
    reader: Reader, found: obligations.Obligation, ground: Any, told: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    plan = policy.plan_in_force(reader, found.plan_year)
    end_of_year = date(plan.base_year, 12, 31)
    in_force = benchmarks.in_force(reader, on=end_of_year, is_strict=plan.is_strict)
    used = [in_force[step["benchmark_key"]] for step in ground.steps if step["benchmark_key"] in in_force]
    rate = policy.on(end_of_year).benchmark_rate
    excess = None if ground.benchmark_tco2e is None else plain(ground.emissions_tco2e - ground.benchmark_tco2e)
    is_illustrative = any(row.source == DEMO_SOURCE for row in used)
    told |= {"class": ground.emitter_class, "rate_permille": int(rate * 1000), "is_illustrative": is_illustrative}
    return told, {
        "emission_tco2e": ground.emissions_tco2e,
        "products": [_product(step) for step in ground.steps],
        "benchmark_tco2e": ground.benchmark_tco2e,
        "excess_tco2e": excess,
        "raw_t": None if excess is None else plain(max(Decimal(0), excess) * rate),
        "benchmark_source": both(N_("demonstration value")) if is_illustrative else used[0].source if used else None,
    }


def _product(step: dict[str, Any]) -> dict[str, Any]:
    return {
        "name_zh": step["name_zh"],
        "name_en": step["name_en"],
        "output": _figure(step["output"]),
        "output_unit": measure(step["output_unit"]),
        "benchmark": _figure(step["benchmark"]),
        "benchmark_unit": f"tCO2e/{measure(step['benchmark_unit'])}",
        "benchmark_emission_tco2e": _figure(step["allowed_tco2e"]),
    }


def measure(unit: str | None) -> str:
    """The measure alone, t of `t crude steel`: what is measured is said by the product's name beside it."""
    return (unit or "").partition(" ")[0]


def _figure(stated: str | None) -> Decimal | None:
    return None if stated is None else Decimal(stated)


def plain(figure: Decimal) -> Decimal:
    """A figure without zeros at its end, never in powers of ten."""
    return Decimal(format(figure.normalize(), "f"))


def _eia_duty(ground: Any, told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    rate = policy.on(ground.approved_on).eia_rate
    told |= {"class": None, "rate_permille": int(rate * 1000)}
    return told, {
        "project": names(ground),
        "approval_number": ground.approval_number,
        "approved_on": ground.approved_on,
        "total_tco2e": ground.approved_tco2e,
        "raw_t": plain(ground.approved_tco2e * rate),
    }


def bid(reader: Reader, number: str, organisation_id: int, asked: Asked) -> dict[str, Any]:
    """A firm's own bid with the terms that it may choose, and what came of it."""
    found = bids.of_buyer_by_number(reader, number=pieces.named(number), buyer_id=organisation_id)
    in_round = rounds.by_ids(reader, [found.round_id])[found.round_id]
    duties = obligations.by_ids(reader, [found.obligation_id] if found.obligation_id else [])
    plan = policy.plan_in_force(reader, in_round.plan_year)
    may_be_changed = bids.STATES.may(found.state, "CONFIRMED")
    told = {
        "number": found.number,
        "state": found.state,
        "round": in_round.number,
        "quantity_t": found.quantity_t,
        "duty": duties[found.obligation_id].number if found.obligation_id else None,
        "limit_fen": found.limit_fen,
        "ecological_permille": found.floor_permille,
        "max_group_permille": found.max_group_permille,
        "confirmed_at": None if found.limit_fen is None else found.submitted_at,
        "may_be_changed": may_be_changed,
    }
    terms = {"year": plan.year, "ecological_permille": found.plan_floor_permille, "closes_at": None}
    return {
        "bid": told,
        "plan": terms | {"is_assumption": "ecological_share_permille" in plan.assumptions},
        "outcome": views_outcomes.of_bid(reader, found, asked),
        "form": _typed_terms(found),
        "errors": {},
    } | pieces.prices_on_sale(reader)


def _typed_terms(found: bids.Bid) -> dict[str, str]:
    """The terms as somebody would type them."""
    return {
        "limit_yuan": "" if found.limit_fen is None else str(Decimal(found.limit_fen).scaleb(-2)),
        "ecological_percent": percent_text(found.floor_permille),
        "max_group_percent": "" if found.max_group_permille is None else percent_text(found.max_group_permille),
    }


def percent_text(permille: int) -> str:
    """405 as 40.5, 500 as 50."""
    return format(plain(Decimal(permille) / 10), "f")
