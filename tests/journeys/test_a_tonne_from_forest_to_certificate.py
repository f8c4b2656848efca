"""One tonne, from a forest to a certificate: the whole system in the order in which the regulation tells it.

Read this first. Every step is the ordinary verb that the site and the command line use; the clause it serves stands
above it. `market` is a small province: a department (R01, with a second official R01b), an operator (X01), a verifier
(C01), sellers (S01), an emitter (E01), and an annual offset plan in force. `market.work("S01")` is one transaction in
which somebody of that office acts; leaving it writes the log and commits.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from market.emitters import obligations, reports
from market.registry import issuance, monitoring, projects
from market.trading import bids, listings, trades
from matching import rounds
from settlement import certificates, clearing, delivery, payments, retirement
from settlement.certificate_format import verify
from tanyi.app import counter
from tanyi.app.summary import breaches
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.ledger import blocks
from tests.market_makers import Market, description, example_parameters


def test_a_tonne_from_forest_to_certificate(market: Market) -> None:
    house, forest_farm, steelworks = market.house, market.party("S01"), market.party("E01")

    # 二(一) A forest farm drafts an afforestation project (造林碳汇项目) and it is taken to registration (登记).
    with market.work("S01") as work:
        project = projects.draft(work, description=description(forest_farm, "P01", "afforestation"))
    with market.work("R01") as work:
        for step in projects.TO_REGISTRATION:  # submitted, accepted 受理, publicised 公示, validated 审定, registered
            projects.advance(work, project_id=project.id, to=step)

    # The farm measures a year of growth. The methodology (方法学) in force turns it into tonnes, rounded down.
    with market.work("S01") as work:
        report = monitoring.submit(
            work,
            project_id=project.id,
            first_on=date(2025, 1, 1),
            end_on=date(2026, 1, 1),
            parameters=example_parameters("afforestation"),
        )
    assert monitoring.replay(report).quantity_t == report.reduction_t  # anyone can work the figure out again

    # Verification (核查): a third party states no more than was quantified, and somebody else accepts it.
    with market.work("C01") as work:
        verification = issuance.verify(work, monitoring_id=report.id, verified_t=Tonnes(5000))
    with market.work("R01b") as work:
        issuance.accept(work, verification_id=verification)

    # Issuance (签发): 5,000 tonnes come into being, once, each with a serial of its own.
    with market.work("R01") as work:
        batch = issuance.issue(work, verification_id=verification)
        assert blocks.free_t(work, forest_farm) == {batch: 5000}

    # Listing (挂牌): the farm offers 3,000 of them at 56.00 yuan; they are tied to the listing and nothing else.
    with market.work("S01") as work:
        listings.open_listing(
            work,
            seller_id=forest_farm,
            issuance_id=batch,
            quantity_t=Tonnes(3000),
            ask_fen=Money(5600),
            expires_at=work.now + timedelta(days=90),
        )

    # 一(一) The steelworks reports a verified year; 二(三) 10 % of what lies above its benchmark is to be offset.
    with market.work("E01") as work:
        works = reports.open_facility(
            work, organisation_id=steelworks, name_zh="炼钢厂", name_en="Works", sector="steel", benchmark_key="steel"
        )
        figures = {"emissions_tco2e": Decimal("1010000.5"), "output": Decimal(1_000_000), "output_unit": "t"}
        reports.state(work, facility_id=works, year=2025, **figures)
    with market.work("R01") as work:
        (duty_id,) = obligations.assess(work, plan_year=2026)
        duty = obligations.by_ids(work, [duty_id])[duty_id]
    assert (duty.required_t, duty.coverage) == (1001, "OPEN")  # 1,000.05 rounded up, once, against the debtor

    # 二(二) Precise matching (精准对接): a round drafts a bid from the duty, with the plan's ecological share as floor.
    with market.work("X01") as work:
        round_id = rounds.open_round(work, number="2026-1", plan_year=2026)
    with market.work("E01") as work:  # the firm decides what it would pay; the floor it may raise, never lower
        (bid,) = bids.of_round(work, round_id)
        terms = bids.Terms(limit_fen=Money(6000), floor_permille=600)
        bids.confirm(work, number=bid.number, buyer_id=steelworks, terms=terms)
    with market.work("X01") as work:
        rounds.close(work, number="2026-1")  # frozen: from here on the problem file is what counts
    rounds.run(house.work_opener(market.people["X01"]), number="2026-1")  # solved apart, checked before it is kept
    with market.work("X01") as work:
        (trade_id,) = rounds.publish(work, number="2026-1")  # a trade, its tonnes reserved

    # Delivery versus payment (银货对付): the bank's signed word funds the trade, then both legs move in one transaction.
    with market.work("X01") as work:
        (payment,) = clearing.ask_for_round(work, round_id=round_id)
    payments.collect(house.gateway, payment)
    counter.clear(house)  # the bank delivers its events; what is funded settles
    with house.open_reader() as reader:
        (trade,) = trades.by_ids(reader, [trade_id])
        assert (trade.state, trades.amount_fen(trade)) == ("SETTLED", Money(1001 * 5600))
        assert blocks.free_t(reader, steelworks) == {batch: 1001}
        assert obligations.by_number(reader, duty.number).coverage == "OPEN"  # buying is not offsetting

    # 二(三) Offset (抵销): the tonnes are retired (注销) for this duty, for ever, and the duty is met by that alone.
    order = retirement.Order(
        holder_id=steelworks,
        purpose="COMPLIANCE_BENCHMARK",
        parts={batch: 1001},
        salt="5a" * 16,
        obligation_id=duty_id,
    )
    with market.work("E01") as work:
        retirement.retire(work, orders=[order], legal_effect=house.legal_effect)
    with house.open_reader() as reader:
        assert obligations.by_number(reader, duty.number).coverage == "MET"

    # The certificate (注销凭证): signed, and anyone can verify it with the public keys alone, without us.
    with market.work("X01") as work:
        (number,) = certificates.issue_pending(work, key=house.signing_key)
    with house.open_reader() as reader:
        proof = verify(certificates.document(reader, number), house.public_keys()).payload
    (line,) = proof.lines
    assert (proof.tonnes, proof.obligation and proof.obligation.number) == (1001, duty.number)
    assert (line.project.code, line.methodology.code, line.vintage) == ("P01", "afforestation", 2025)
    assert line.serial == f"HB-forestry-P01-2025-{line.first}-{line.last}"

    # The farm has its money, and every invariant holds when it is derived again from the rows.
    delivery.send_payouts(house.work_opener(), house.gateway)
    with house.open_reader() as reader:
        assert delivery.received_fen(reader, forest_farm) == Money(1001 * 5600)
        assert blocks.by_state_t(reader) == {"RETIRED": 1001, "LISTED": 1999, "FREE": 2000}
        assert breaches(reader) == []
