"""Two workers at once: what one settles while the other looks is neither settled twice nor given back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from market.trading import trades
from settlement import clearing, payments
from settlement.tables import Payment
from tanyi.app import counter
from tanyi.kernel.clock import system_clock
from tanyi.kernel.db import DatabaseBusy
from tanyi.kernel.quantities import Tonnes
from tests.market_makers import Market, make_issued, make_listing


@pytest.fixture
def funded(market: Market) -> Payment:
    """30 t that E01 has paid for; nobody has settled them yet."""
    house = market.house
    number = make_listing(market, "S01", make_issued(market, "S01", 100), 100)
    with market.work("E01") as work:
        payment = clearing.buy(work, listing_number=number, buyer_id=market.party("E01"), quantity_t=Tonnes(30))
    payments.collect(house.gateway, payment)
    house.gateway.deliver(lambda body, header: counter.hear(house, body, header), now=system_clock(), limit=100)
    clearing.handle_events(house.work_opener(), house.gateway)
    return payment


def look_for_a_moment(market: Market) -> None:
    with market.work() as work:
        work.session.execute(text("SET LOCAL lock_timeout = '100ms'"))
        trades.funded(work)


@pytest.mark.usefixtures("funded")
def test_a_payment_that_is_settled_while_somebody_looks_for_late_ones_is_not_late(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, settled = trades.by_ids, []

    def settled_meanwhile(reader: Any, ids: Any) -> list[trades.Trade]:
        if not settled:
            settled.append(True)
            assert clearing.settle_funded(market.house.work_opener()) == 1
        return real(reader, ids)

    monkeypatch.setattr(trades, "by_ids", settled_meanwhile)
    with market.work() as work:
        assert payments.too_late(work) == []
    assert settled


@pytest.mark.usefixtures("funded")
def test_what_one_worker_is_settling_the_other_waits_for_and_finds_done(market: Market) -> None:
    with market.work() as first:
        assert [trade.state for trade in trades.funded(first)] == ["FUNDED"]
        with pytest.raises(DatabaseBusy):
            look_for_a_moment(market)
    assert clearing.settle_funded(market.house.work_opener()) == 1
    assert clearing.settle_funded(market.house.work_opener()) == 0
