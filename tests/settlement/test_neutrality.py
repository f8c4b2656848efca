"""Events that somebody wants to offset: they have a name, a day and a place."""

from __future__ import annotations

from datetime import date

import pytest

from settlement.neutrality import events
from tests.market_makers import Market


def name_event(market: Market, name: str, place: str) -> int:
    with market.work("N01") as work:
        return events.name_event(
            work, organiser_id=market.party("N01"), name=name, held_on=date(2026, 9, 1), place=place
        )


def test_an_event_keeps_its_name_without_the_spaces_around_it(market: Market) -> None:
    event_id = name_event(market, "  低碳论坛 ", " 石家庄 ")
    with market.house.open_reader() as reader:
        event = events.by_ids(reader, [event_id])[event_id]
    assert (event.name, event.place, event.held_on) == ("低碳论坛", "石家庄", date(2026, 9, 1))


@pytest.mark.parametrize(
    ("name", "place"),
    [("", "石家庄"), ("  ", "石家庄"), ("低碳论坛", ""), ("x" * 201, "石家庄"), ("低碳论坛", "x" * 201)],
)
def test_an_event_without_a_name_or_a_place_is_refused(market: Market, name: str, place: str) -> None:
    with pytest.raises(events.EventUnnamed):
        name_event(market, name, place)


@pytest.mark.parametrize("held_on", [date(1900, 1, 1), date(9999, 12, 31)])
def test_a_date_that_must_be_a_slip_of_the_pen_is_refused(market: Market, held_on: date) -> None:
    with pytest.raises(events.EventOutOfTime), market.work("N01") as work:
        events.name_event(work, organiser_id=market.party("N01"), name="论坛", held_on=held_on, place="石家庄")
