"""From actuals to the public statement, clause by clause of the guide of 2019: art. 10 to 17."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from market.emitters.footprint import Activity
from settlement.neutrality import (
    calculations,
    confirmations,
    evaluations,
    events,
    forests,
    offsets,
    plans,
    standing,
    statements,
)
from settlement.neutrality.forests import Disclosure
from tanyi.kernel import parties
from tanyi.kernel.lifecycle import WrongState
from tests.market_makers import Market, make_actor
from tests.settlement import neutral_events as made

MORE = [*made.ACTIVITIES, Activity(activity="hotel", quantity=Decimal(20))]
FOREST = Disclosure(
    location="河北省张家口市",
    coordinates="41.1N 114.7E",
    species="油松",
    area_ha=Decimal("12.5"),
    planting_plan="2026年春季栽植",
    monitoring_plan="每五年监测",
    sink_t=119,
    from_on=date(2026, 3, 1),
    until_on=date(2026, 9, 1),
    certifier="演示审定机构",
    certificate="演示-2026-1",
    certified_on=date(2026, 10, 1),
    is_exclusive=True,
)


def test_article_11_actuals_are_stated_after_the_end_and_no_earlier(market: Market) -> None:
    number = made.planned(market)
    with pytest.raises(calculations.EventNotOver):
        made.account(market, number, made.ACTIVITIES, datetime(2026, 5, 15, 8, tzinfo=UTC))
    made.account(market, number, made.ACTIVITIES, datetime(2026, 5, 15, 17, tzinfo=UTC))  # the 16th in Hebei
    assert made.read(market, number).state == "ACCOUNTED"


def test_article_8_nothing_is_accounted_without_a_published_plan(market: Market) -> None:
    number = made.drafted(market)
    with pytest.raises(WrongState):
        made.account(market, number, made.ACTIVITIES)


def test_article_11_corrected_actuals_are_a_new_version(market: Market) -> None:
    number = made.accounted(market)
    made.account(market, number, MORE)
    with market.house.open_reader() as reader:
        event = events.own(reader, number, market.party("N01"))
        kept = calculations.versions(reader, event.id, calculations.ACTUAL)
        assert [(each.version, each.retire_t) for each in kept] == [(2, 120), (1, 119)]
        assert calculations.footprint_of(kept[1]).total_kg == Decimal("118781.9654")


def test_article_6_offsets_wait_for_a_measure(market: Market) -> None:
    with market.work("N01") as work:
        event = events.draft(work, organiser_id=market.party("N01"), facts=made.FACTS)
        with pytest.raises(plans.MeasuresFirst):
            offsets.may_offset(work, event)


def test_article_12_the_order_of_preference_is_that_of_the_guide() -> None:
    assert list(offsets.PREFERENCE) == ["ALLOWANCE", "CCER", "RECOGNISED", "MECHANISM"]


def test_article_12_1_products_of_hebei_have_the_third_place_only_when_recognised() -> None:
    today = date(2026, 6, 1)
    assert offsets.place_on(today) is None and offsets.recognised_by(today) is None
    known = (offsets.Recognition(date(2026, 1, 1), "省厅", "Department", "某号文", "No. 1"),)
    assert offsets.recognition_on(date(2025, 12, 31), known) is None
    assert offsets.recognition_on(today, known) == known[0]


@pytest.mark.parametrize(
    ("county_zh", "is_poor"),
    [
        ("承德市围场满族蒙古族自治县", True),
        ("张家口市崇礼区", True),
        ("承德市平泉市", True),
        ("石家庄市正定县", False),
        ("承德市宽城满族自治县", False),
        ("唐山市乐亭县", False),
    ],
)
def test_article_12_credits_from_poor_counties_are_known_by_their_county(county_zh: str, is_poor: bool) -> None:
    assert offsets.is_from_poor_area(county_zh) is is_poor


@pytest.mark.parametrize(
    ("ends_on", "method", "last_on"),
    [
        (date(2026, 5, 15), "CREDITS", date(2027, 5, 15)),
        (date(2026, 5, 15), "NEW_FOREST", date(2032, 5, 15)),
        (date(2028, 2, 29), "CREDITS", date(2029, 2, 28)),
        (date(2026, 5, 15), None, date(2027, 5, 15)),
    ],
)
def test_article_12_the_clock_is_one_year_and_six_for_a_new_forest(
    ends_on: date, method: str | None, last_on: date
) -> None:
    assert standing.deadline(ends_on, method) == last_on


def test_article_12_1_what_is_retired_after_a_year_does_not_make_neutral(market: Market) -> None:
    number, bought = made.accounted(market), made.bought(market, 119)
    made.retire(market, number, bought, datetime(2027, 5, 16, tzinfo=UTC))
    with made.at(market, datetime(2027, 5, 17, tzinfo=UTC)) as work:
        event = events.own(work, number, market.party("N01"))
        now = standing.of(work, event)
        assert (event.state, now.covered_t, now.neutral_on, now.is_overdue) == ("ACCOUNTED", 119, None, True)
        with pytest.raises(offsets.TooLate):
            offsets.may_offset(work, event)
        with pytest.raises(statements.NotNeutral):
            statements.draft(work, event)


def test_article_12_1_the_last_day_of_the_year_still_counts(market: Market) -> None:
    number, bought = made.accounted(market), made.bought(market, 119)
    made.retire(market, number, bought, datetime(2027, 5, 15, 15, 59, tzinfo=UTC))
    assert made.read(market, number).state == "NEUTRAL"


def test_article_12_2_a_new_forest_makes_neutral_within_six_years(market: Market) -> None:
    number = made.accounted(market)
    with made.at(market, datetime(2030, 1, 1, tzinfo=UTC)) as work:
        forests.record(work, number=number, organiser_id=market.party("N01"), disclosure=FOREST)
    assert made.read(market, number).state == "NEUTRAL"


def test_article_12_2_a_new_forest_is_disclosed_certified_and_used_for_nothing_else(market: Market) -> None:
    today = date(2026, 11, 1)
    for wrong in ({"species": " "}, {"area_ha": Decimal(0)}, {"certified_on": date(2026, 12, 1)}, {"sink_t": 0}):
        with pytest.raises(forests.ForestUndisclosed):
            forests.refuse_unless_disclosed(replace(FOREST, **wrong), today)
    with pytest.raises(forests.ForestUsedElsewhere):
        forests.refuse_unless_disclosed(replace(FOREST, is_exclusive=False), today)
    one, two = made.accounted(market), made.planned(market)
    with made.at(market, datetime(2026, 11, 1, tzinfo=UTC)) as work:
        forests.record(work, number=one, organiser_id=market.party("N01"), disclosure=FOREST)
        with pytest.raises(forests.ForestCounted):
            forests.record(work, number=two, organiser_id=market.party("N01"), disclosure=FOREST)


def test_article_13_neutral_is_at_least_the_actual_and_not_the_estimate(market: Market) -> None:
    number, bought = made.accounted(market, MORE), made.bought(market, 119)
    made.retire(market, number, bought)
    with market.house.open_reader() as reader:
        event = events.own(reader, number, market.party("N01"))
        now = standing.of(reader, event)
        assert (event.state, now.needed_t, now.missing_t, now.surplus_t) == ("ACCOUNTED", 120, 1, 0)
    made.retire(market, number, made.bought(market, 1))
    assert made.read(market, number).state == "NEUTRAL"


def test_article_13_what_was_retired_beyond_the_actual_is_told_as_a_surplus(market: Market) -> None:
    number, bought = made.planned(market), made.bought(market, 119)
    made.retire(market, number, bought, made.BEFORE)
    made.account(market, number, made.ACTIVITIES[:4])
    with market.house.open_reader() as reader:
        event = events.own(reader, number, market.party("N01"))
        now = standing.of(reader, event)
        assert (event.state, now.actual_t, now.surplus_t, now.missing_t) == ("NEUTRAL", 77, 42, 0)


def test_corrected_actuals_that_need_more_take_a_neutral_event_back(market: Market) -> None:
    number = made.neutral(market)
    made.account(market, number, MORE)
    assert made.read(market, number).state == "ACCOUNTED"
    with market.house.open_reader() as reader:
        assert standing.of(reader, events.own(reader, number, market.party("N01"))).missing_t == 1


def test_no_more_is_bought_for_an_event_than_is_missing(market: Market) -> None:
    number = made.accounted(market)
    with made.at(market, made.AFTER) as work:
        event = events.own(work, number, market.party("N01"))
        offsets.refuse_unless_fitting(work, event, 119)
        for asked_t in (120, 0):
            with pytest.raises(offsets.MoreThanMissing):
                offsets.refuse_unless_fitting(work, event, asked_t)


def test_article_14_a_statement_needs_a_confirmation(market: Market) -> None:
    number = made.neutral(market)
    with pytest.raises(statements.NotConfirmed), made.at(market, made.AFTER) as work:
        statements.publish(work, number=number, organiser_id=market.party("N01"))


def test_article_15_a_self_declaration_keeps_evidence_and_names_who_answers(market: Market) -> None:
    number = made.neutral(market)
    mine = {"number": number, "organiser_id": market.party("N01")}
    for wrong in ({"responsible": " ", "evidence": ["x"]}, {"responsible": "会务处", "evidence": [" "]}):
        with pytest.raises(confirmations.EvidenceMissing), market.work("N01") as work:
            confirmations.declare_self(work, **mine, **wrong)
    with market.work("N01") as work:
        kept = confirmations.declare_self(work, **mine, responsible="会务处", evidence=["电费单"])
        assert (kept.kind, kept.evidence) == ("SELF", ["电费单"])
        with pytest.raises(confirmations.ConfirmedAlready):
            confirmations.declare_self(work, **mine, responsible="会务处", evidence=["电费单"])


def test_article_15_an_event_that_is_not_neutral_is_not_confirmed(market: Market) -> None:
    number = made.accounted(market)
    with pytest.raises(WrongState), market.work("N01") as work:
        confirmations.declare_self(
            work, number=number, organiser_id=market.party("N01"), responsible="会务处", evidence=["电费单"]
        )


def test_article_16_1_a_team_has_at_least_two_members() -> None:
    for team in (("李一",), ("李一", "李一"), ("李一", " "), ()):
        with pytest.raises(evaluations.TeamTooSmall):
            evaluations.refuse_unless_reported(_report(team=team))


@pytest.mark.parametrize("field", evaluations.FIELDS)
def test_article_16_2_a_report_has_every_part_of_annex_2(field: str) -> None:
    with pytest.raises(evaluations.ReportIncomplete) as refused:
        evaluations.refuse_unless_reported(_report(**{field: "  "}))
    assert refused.value.facts == {"field": field}


def test_article_16_2_the_site_visit_is_made_as_needed() -> None:
    evaluations.refuse_unless_reported(_report(site_visit=""))


def test_article_16_the_evaluator_is_an_independent_verification_body(market: Market) -> None:
    number = made.neutral(market)
    with market.house.open_work() as work:
        group = parties.organisations(work, {market.party("N01")})[market.party("N01")].group_code
        make_actor(work, "C03", parties.VERIFIER, "verifier", group=group)
        evaluations.suspend(work, evaluator_code="C01", reason="演示")
    for code in ("E01", "C01", "C03"):
        with pytest.raises(evaluations.NotAnEvaluator), market.work("N01") as work:
            evaluations.commission(work, number=number, organiser_id=market.party("N01"), evaluator_code=code)
    with market.house.open_work() as work:
        evaluations.lift(work, evaluator_code="C01")
    assert commissioned(market, number).startswith("V")


def test_article_16_2_the_reviewer_stands_outside_the_team(market: Market) -> None:
    evaluation = commissioned(market, made.neutral(market))
    with market.work("C01") as work:
        mine = {"number": evaluation, "evaluator_id": market.party("C01")}
        evaluations.report(work, **mine, report=made.REPORT)
        for reviewer in ("李一", " 王二 ", ""):
            with pytest.raises(evaluations.ReviewerOfTheTeam):
                evaluations.approve(work, **mine, reviewer=reviewer)


def test_article_16_3_an_approved_report_confirms_and_its_conclusion_is_stated(market: Market) -> None:
    number = made.neutral(market)
    evaluated(market, number, made.REPORT)
    with made.at(market, made.AFTER) as work:
        published = statements.publish(work, number=number, organiser_id=market.party("N01"))
    document = statements.document_of(published)
    assert document["confirmation"] == "INDEPENDENT" and document["evaluator"]["conclusion"] == "实现碳中和"


def test_article_16_3_a_bad_verdict_confirms_nothing(market: Market) -> None:
    number = made.neutral(market)
    evaluated(market, number, _report(is_neutral=False))
    with pytest.raises(statements.NotConfirmed), made.at(market, made.AFTER) as work:
        statements.publish(work, number=number, organiser_id=market.party("N01"))


def test_a_report_on_actuals_that_have_changed_confirms_nothing_and_is_written_anew(market: Market) -> None:
    number = made.neutral(market)
    mine = {"number": commissioned(market, number), "evaluator_id": market.party("C01")}
    with market.work("C01") as work:
        evaluations.report(work, **mine, report=made.REPORT)
    made.account(market, number, [*made.ACTIVITIES, Activity(activity="hotel", quantity=Decimal(1))])
    with pytest.raises(confirmations.ActualsChanged), market.work("C01") as work:
        evaluations.approve(work, **mine, reviewer="赵三")
    with market.work("C01") as work:
        evaluations.return_report(work, **mine)
        evaluations.report(work, **mine, report=made.REPORT)
        evaluations.approve(work, **mine, reviewer="赵三")
        assert confirmations.of_event(work, events.own(work, number, market.party("N01")).id) is not None


def test_one_evaluation_is_under_way_at_a_time_and_the_organiser_may_end_it(market: Market) -> None:
    number = made.neutral(market)
    evaluation = commissioned(market, number)
    with pytest.raises(evaluations.EvaluationRunning):
        commissioned(market, number)
    with market.work("N01") as work:
        evaluations.end(work, number=evaluation, organiser_id=market.party("N01"))
    assert commissioned(market, number) != evaluation


def test_article_17_the_statement_has_its_eight_items_and_its_hash_is_in_the_log(market: Market) -> None:
    number = made.confirmed(market)
    with made.at(market, made.AFTER) as work:
        published = statements.publish(work, number=number, organiser_id=market.party("N01"))
    document = statements.document_of(published)
    assert document["name"] == "演示论坛"
    assert document["organisers"] == ["演示N01"]
    assert (document["starts_on"], document["ends_on"]) == ("2026-05-14", "2026-05-15")
    assert document["boundary"]["phases"] == ["EVENT"] and document["emissions"]["tonnes"] == "119"
    assert document["offset"]["methods"] == ["CREDITS"] and document["offset"]["neutral_on"] == "2026-05-20"
    assert document["confirmation"] == "SELF" and document["evaluator"] is None
    assert document["declared_by"]["name_zh"] == "演示N01" and document["declared_on"] == "2026-05-20"
    assert document["offset"]["recognised_by"] is None
    with market.house.open_reader() as reader:
        told = "SELECT count(*) FROM ledger_audit_entry WHERE body LIKE :hash"
        assert reader.session.execute(text(told), {"hash": f"%{published.sha256}%"}).scalar_one() == 1


def test_article_17_a_statement_is_published_once_and_never_changes(market: Market) -> None:
    number = made.confirmed(market)
    mine = {"number": number, "organiser_id": market.party("N01")}
    with made.at(market, made.AFTER) as work:
        statements.publish(work, **mine)
    with pytest.raises(WrongState), made.at(market, made.AFTER) as work:
        statements.publish(work, **mine)
    with pytest.raises(WrongState):
        made.account(market, number, MORE)
    for change in (
        "UPDATE neutrality_statement SET document = '{}'",
        "UPDATE neutrality_calculation SET retire_t = 500",
        "UPDATE settlement_event SET name = 'x'",
        "DELETE FROM neutrality_plan",
    ):
        with pytest.raises(IntegrityError), market.house.database.owner_engine().begin() as owner:
            owner.execute(text(change))


def test_an_event_with_retired_tonnes_is_not_withdrawn_and_keeps_its_name(market: Market) -> None:
    number, bought = made.drafted(market), made.bought(market, 10)
    made.retire(market, number, bought, made.BEFORE)
    mine = {"number": number, "organiser_id": market.party("N01")}
    with pytest.raises(events.TonnesRetired), market.work("N01") as work:
        events.withdraw(work, **mine)
    with pytest.raises(events.FixedByCertificate), market.work("N01") as work:
        events.describe(work, **mine, facts=replace(made.FACTS, name="另一个论坛"))
    with market.work("N01") as work:
        assert events.describe(work, **mine, facts=replace(made.FACTS, content="新内容")).content == "新内容"


def test_every_state_of_an_event_is_reached_by_its_verbs(market: Market) -> None:
    seen = {made.read(market, number).state for number in (made.drafted(market), made.planned(market))}
    seen |= {made.read(market, made.accounted(market)).state}
    declared, ended = made.confirmed(market), made.planned(market)
    seen |= {made.read(market, declared).state}
    with made.at(market, made.AFTER) as work:
        statements.publish(work, number=declared, organiser_id=market.party("N01"))
        events.withdraw(work, number=ended, organiser_id=market.party("N01"))
    seen |= {made.read(market, number).state for number in (declared, ended)}
    assert seen == events.STATES.states


def commissioned(market: Market, number: str) -> str:
    """C01 is asked to evaluate; gives the evaluation's number."""
    with market.work("N01") as work:
        return evaluations.commission(
            work, number=number, organiser_id=market.party("N01"), evaluator_code="C01"
        ).number


def evaluated(market: Market, number: str, report: evaluations.Report) -> None:
    """C01 evaluates an event to the end."""
    mine = {"number": commissioned(market, number), "evaluator_id": market.party("C01")}
    with market.work("C01") as work:
        evaluations.report(work, **mine, report=report)
        evaluations.approve(work, **mine, reviewer="赵三")


def _report(**changed: object) -> evaluations.Report:
    return msgspec.structs.replace(made.REPORT, **changed)
