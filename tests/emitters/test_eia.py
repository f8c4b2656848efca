"""EIA duties (二(三)): 1 % of the approved total, once; a re-approval leaves a delta, a dropped project no duty."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from market.emitters import eia, obligations, policy
from tanyi.kernel.lifecycle import WrongState
from tests.market_makers import PLAN_YEAR, Market

LAW = policy.on(date(2026, 1, 1))


def approve(market: Market, total: str, code: str = "EIA-C") -> int:
    approval = eia.Approval(
        code=code,
        organisation_id=market.party("E01"),
        kind="RECONSTRUCTION",
        name_zh="改建项目",
        name_en="Reconstruction",
        approval_number="demo-1",
        approving_level="CITY",
        approved_on=date(2025, 11, 6),
        approved_tco2e=Decimal(total),
    )
    with market.work("R01") as work:
        return eia.approve(work, plan_year=PLAN_YEAR, approval=approval)


def duty(market: Market, obligation_id: int) -> obligations.Obligation:
    with market.house.open_reader() as reader:
        return obligations.by_ids(reader, [obligation_id])[obligation_id]


@pytest.mark.parametrize(
    ("total", "due_t"),
    [("4860000", 48_600), ("1238450", 12_385), ("86505", 866), ("80000", 800), ("30000", 300), ("0.01", 1), ("0", 0)],
)
def test_one_percent_of_the_approved_total_is_due_rounded_up(total: str, due_t: int) -> None:
    assert eia.eia_duty(Decimal(total), LAW) == due_t


def test_an_approval_notifies_its_duty(market: Market) -> None:
    found = duty(market, approve(market, "86505"))
    assert (found.kind, found.required_t, found.coverage) == (obligations.EIA_PROJECT, 866, "OPEN")
    assert found.number.startswith(f"D{PLAN_YEAR}-E")


def test_a_reapproval_replaces_the_figure_and_gives_the_delta(market: Market) -> None:
    obligation_id = approve(market, "86505")
    with market.work("R01") as work:
        assert eia.amend(work, code="EIA-C", approved_tco2e=Decimal(80000)) == -66
    assert duty(market, obligation_id).required_t == 800


def test_a_dropped_project_owes_nothing_more(market: Market) -> None:
    obligation_id = approve(market, "30000")
    with market.work("R01") as work:
        eia.cancel(work, code="EIA-C")
        assert [each.id for each in obligations.of_plan(work, PLAN_YEAR)] == []
    assert duty(market, obligation_id).state == "CANCELLED"


def test_nothing_happens_to_a_dropped_project(market: Market) -> None:
    approve(market, "30000")
    with market.work("R01") as work:
        eia.cancel(work, code="EIA-C")
    with pytest.raises(WrongState), market.work("R01") as work:
        eia.amend(work, code="EIA-C", approved_tco2e=Decimal(1))
    with pytest.raises(WrongState), market.work("R01") as work:
        eia.cancel(work, code="EIA-C")
