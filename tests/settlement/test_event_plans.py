"""Plans by the guide of 2019, clause by clause: boundary, estimate, measures, offset, publication (art. 6, 8, 9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import text

from market.emitters.footprint import Activity
from settlement.neutrality import calculations, events, plans, standing
from settlement.neutrality.plans import Step
from tanyi.kernel.errors import NotFound
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.work import Reader
from tests.market_makers import Market
from tests.settlement import neutral_events as made


def test_article_9_1_a_boundary_without_the_event_phase_is_refused() -> None:
    with pytest.raises(events.EventPhaseMissing):
        events.checked(replace(made.FACTS, phases=("PREPARATION",)), date(2026, 5, 1))


def test_article_9_1_preparation_and_close_out_may_be_inside() -> None:
    facts = replace(made.FACTS, phases=("CLOSE_OUT", "EVENT", "PREPARATION"))
    assert events.checked(facts, date(2026, 5, 1))["phases"] == ["PREPARATION", "EVENT", "CLOSE_OUT"]


def test_article_9_1_a_row_of_a_phase_outside_the_boundary_is_refused(market: Market) -> None:
    event = made.read(market, made.drafted(market))
    row = Activity(activity="hotel", quantity=Decimal(1), phase="PREPARATION")
    with pytest.raises(calculations.PhaseOutsideBoundary):
        calculations.calculated(event, [row], None)


def test_article_9_2_estimates_are_kept_version_by_version(market: Market) -> None:
    number = made.drafted(market)
    with made.at(market, made.BEFORE) as work:
        mine = {"number": number, "organiser_id": market.party("N01")}
        calculations.estimate(work, **mine, activities=made.ACTIVITIES[:1])
    with market.house.open_reader() as reader:
        event = events.own(reader, number, market.party("N01"))
        kept = calculations.versions(reader, event.id, calculations.ESTIMATE)
        assert [(each.version, each.retire_t) for each in kept] == [(2, 31), (1, 119)]
        assert calculations.activities_of(kept[1]) == made.ACTIVITIES
        assert standing.of(reader, event).estimate_t == 31


def test_article_9_3_a_measure_names_its_phase_and_says_something(market: Market) -> None:
    for wrong in (Step(phase="LATER", description="x"), Step(phase="EVENT", description="  ")):
        with pytest.raises(plans.MeasureUnfit):
            plans.refuse_unless_measured([wrong])


def test_article_9_4_the_way_of_offsetting_is_one_of_the_guides(market: Market) -> None:
    number = made.drafted(market)
    with pytest.raises(events.EventUndescribed), market.work("N01") as work:
        plans.set_out(
            work, number=number, organiser_id=market.party("N01"), measures=made.MEASURES, offset_method="HOPE"
        )


@pytest.mark.parametrize("item", ["content", "estimate", "measures", "offset_method", "neutral_by_on"])
def test_article_9_5_a_plan_that_lacks_an_item_is_refused_and_the_item_named(market: Market, item: str) -> None:
    organiser_id = market.party("N01")
    facts = replace(made.FACTS, content="") if item == "content" else made.FACTS
    with made.at(market, made.BEFORE) as work:
        event = events.draft(work, organiser_id=organiser_id, facts=facts)
        mine = {"number": event.number, "organiser_id": organiser_id}
        if item != "estimate":
            calculations.estimate(work, **mine, activities=made.ACTIVITIES, has_radiative_forcing=True)
        plans.set_out(
            work,
            **mine,
            measures=() if item == "measures" else made.MEASURES,
            offset_method=None if item == "offset_method" else "CREDITS",
            neutral_by_on=None if item == "neutral_by_on" else date(2026, 6, 30),
        )
        assert plans.missing_items(work, event) == [item]
        with pytest.raises(plans.PlanIncomplete) as refused:
            plans.publish(work, **mine)
    assert refused.value.facts == {"item": plans.ITEMS[item]}


def test_article_9_5_a_published_plan_has_all_eight_items_and_its_hash_is_in_the_log(market: Market) -> None:
    number = made.planned(market)
    with market.house.open_reader() as reader:
        plan = plans.of_event(reader, events.public(reader, number).id)
        assert plan is not None and not plan.is_late
        document = plans.document_of(plan)
        logged = counted(reader, plan.sha256)
    assert document["name"] == "演示论坛" and document["place"] == "石家庄" and document["content"]
    assert (document["starts_on"], document["ends_on"]) == ("2026-05-14", "2026-05-15")
    assert document["estimate"]["emissions_kg"].startswith("118781.965") and document["estimate"]["tonnes"] == "119"
    assert document["measures"][0]["saving_kg"] == "1200.5"
    assert (document["offset_method"], document["neutral_by_on"]) == ("CREDITS", "2026-06-14")
    assert logged == 1


def test_article_9_5_a_plan_published_when_the_event_has_begun_says_that_it_is_late(market: Market) -> None:
    number = made.planned(market, datetime(2026, 5, 14, 2, tzinfo=UTC))
    with market.house.open_reader() as reader:
        plan = plans.of_event(reader, events.public(reader, number).id)
        assert plan is not None and plan.is_late and plans.document_of(plan)["is_late"]


def test_the_expected_date_lies_between_the_end_and_the_deadline(market: Market) -> None:
    number = made.drafted(market)
    for day in (date(2026, 5, 14), date(2027, 5, 16)):
        with pytest.raises(plans.PlanDateUnfit), market.work("N01") as work:
            plans.set_out(
                work,
                number=number,
                organiser_id=market.party("N01"),
                measures=made.MEASURES,
                offset_method="CREDITS",
                neutral_by_on=day,
            )


def test_a_published_plan_and_its_measures_do_not_change(market: Market) -> None:
    number = made.planned(market)
    mine = {"number": number, "organiser_id": market.party("N01")}
    with pytest.raises(WrongState), market.work("N01") as work:
        plans.set_out(work, **mine, measures=())
    with pytest.raises(WrongState), market.work("N01") as work:
        calculations.estimate(work, **mine, activities=made.ACTIVITIES[:1])
    with pytest.raises(WrongState), market.work("N01") as work:
        events.describe(work, **mine, facts=made.FACTS)


def test_another_organisers_event_does_not_exist(market: Market) -> None:
    number = made.drafted(market)
    with pytest.raises(NotFound), market.work("E01") as work:
        plans.publish(work, number=number, organiser_id=market.party("E01"))
    with pytest.raises(NotFound), market.house.open_reader() as reader:
        events.public(reader, number)


def counted(reader: Reader, digest: str) -> int:
    """How many entries of the log hold a hash."""
    told = "SELECT count(*) FROM ledger_audit_entry WHERE body LIKE :hash"
    return reader.session.execute(text(told), {"hash": f"%{digest}%"}).scalar_one()
