"""The demo's events: the forum is declared with its 119 t, the race waits, and nothing is done twice."""

from __future__ import annotations

from datetime import date

import pytest

from settlement import retirement
from settlement.neutrality import events, plans, standing, statements
from tanyi.app import counter, demo_events
from tests.market_makers import Market, make_issued, make_listing


@pytest.fixture
def forum(market: Market) -> events.Event:
    """The forum of the demo, all the way."""
    event = plan_buy_and_declare(market)
    demo_events.draft_race(market.house, market.people["N01"])
    return event


def plan_buy_and_declare(market: Market) -> events.Event:
    organiser = market.people["N01"]
    event = demo_events.plan_forum(market.house, organiser)
    with market.house.open_reader() as reader:
        is_retired = bool(retirement.newest(reader, holder_id=market.party("N01")))
    if not is_retired:
        sale = make_listing(market, "S01", make_issued(market, "S01", 200), 200)
        bought = counter.purchase(
            market.house, actor=organiser, listing=sale, buyer_id=market.party("N01"), quantity_t=counter.Tonnes(119)
        )
        with market.house.open_reader() as reader:
            trade_ids = list(counter.payments.trades_of(reader, [bought.id]))
        counter.retire_for_event(
            market.house, actor=organiser, trade_ids=trade_ids, event_id=event.id, beneficiary=None
        )
    demo_events.declare_forum(market.house, organiser, event)
    return event


def test_the_forum_is_declared_by_its_organiser_with_119_t(market: Market, forum: events.Event) -> None:
    with market.house.open_reader() as reader:
        event = events.public(reader, forum.number)
        published = statements.of_event(reader, event.id)
        now, plan = standing.of(reader, event), plans.of_event(reader, event.id)
    assert (event.number, event.state, event.place) == ("N100001", "DECLARED", "石家庄市")
    assert (now.estimate_t, now.actual_t, now.retired_t, now.surplus_t) == (119, 119, 119, 0)
    assert published is not None and plan is not None and plan.is_late
    document = statements.document_of(published)
    assert document["emissions"]["emissions_kg"].startswith("118781.965") and document["confirmation"] == "SELF"
    assert document["offset"]["certificates"] == ["R100001"]


def test_the_race_is_a_draft_with_an_estimate_and_without_measures(market: Market, forum: events.Event) -> None:
    with market.house.open_reader() as reader:
        race = events.of_organiser(reader, market.party("N01"))[0]
        assert race.state == "DRAFT" and standing.of(reader, race).estimate_t
        assert plans.missing_items(reader, race) == ["measures", "offset_method", "neutral_by_on"]


def test_a_second_run_adds_nothing(market: Market, forum: events.Event) -> None:
    def told() -> list[tuple[int, str]]:
        with market.house.open_reader() as reader:
            entries = reader.session.connection().exec_driver_sql("SELECT seq, body FROM ledger_audit_entry")
            return [(row[0], row[1]) for row in entries]

    before = told()
    plan_buy_and_declare(market)
    demo_events.draft_race(market.house, market.people["N01"])
    assert told() == before


@pytest.mark.parametrize(
    ("today", "years"), [(date(2026, 11, 25), 0), (date(2027, 5, 15), 0), (date(2027, 5, 16), 1), (date(2031, 1, 1), 4)]
)
def test_the_forum_is_held_later_when_the_guides_year_is_over(today: date, years: int) -> None:
    assert demo_events._years_later(date(2026, 5, 15), today) == years
