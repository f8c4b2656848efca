"""Tasks: one for each thing, by civil days in Hebei, seen by those who may do them, and reminded of once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text

from market.emitters import obligations
from market.trading import bids
from matching import rounds
from tanyi.app import counter, errands
from tanyi.kernel import notices, parties, tasks
from tanyi.kernel.clock import civil_date
from tanyi.kernel.quantities import Money, Tonnes
from tanyi.kernel.work import Work
from tests import market_makers
from tests.market_makers import PLAN_YEAR, ROUND, Market


@pytest.fixture
def work(market: Market) -> Iterator[Work]:
    with market.work("E01") as opened:
        yield opened


def order(market: Market, subject: str = "D1", due_on: date | None = None, **changed: object) -> tasks.Order:
    given = {"organisation_id": market.party("E01"), "kind": "duty.cover", "subject": subject, "address": "/my"}
    return tasks.Order(**(given | {"due_on": due_on, "facts": {}} | changed))  # type: ignore[arg-type]


def open_now(work: Work, market: Market, rights: tuple[str, ...] = parties.RIGHTS) -> list[str]:
    return [task.subject for task in tasks.open_of(work, organisation_id=market.party("E01"), rights=rights)]


def test_a_task_that_is_given_again_is_the_same_one_with_its_new_day(market: Market, work: Work) -> None:
    for day in (1, 2):
        tasks.give(work, orders=[order(market, due_on=date(2026, 12, day))])
    (task,) = tasks.open_of(work, organisation_id=market.party("E01"), rights=[])
    assert task.due_on == date(2026, 12, 2)


def test_a_task_that_was_closed_too_early_is_opened_again(market: Market, work: Work) -> None:
    tasks.give(work, orders=[order(market)])
    tasks.close(work, kind="duty.cover", subjects=["D1"])
    assert open_now(work, market) == []
    tasks.give(work, orders=[order(market)])
    assert open_now(work, market) == ["D1"]


def test_the_nearest_day_comes_first_and_no_day_last(market: Market, work: Work) -> None:
    days = {"late": date(2027, 1, 1), "none": None, "near": date(2026, 12, 1)}
    tasks.give(work, orders=[order(market, subject, day) for subject, day in days.items()])
    assert open_now(work, market) == ["near", "late", "none"]


def test_a_task_that_needs_a_right_is_shown_to_those_who_have_it(market: Market, work: Work) -> None:
    tasks.give(work, orders=[order(market, needs=parties.APPROVE), order(market, "D2")])
    assert open_now(work, market, (parties.PREPARE,)) == ["D2"]
    assert open_now(work, market, (parties.APPROVE,)) == ["D1", "D2"]
    assert tasks.count_open(work, organisation_id=market.party("E01"), rights=[]) == 1
    assert tasks.open_of(work, organisation_id=market.party("E02"), rights=parties.RIGHTS) == []


def test_the_last_day_is_over_when_it_is_over_in_hebei() -> None:
    last = date(2026, 12, 31)
    for hour, is_overdue in ((15, False), (16, True)):  # 16:00 UTC is midnight in Shanghai
        assert tasks.is_overdue(last, civil_date(datetime(2026, 12, 31, hour, tzinfo=UTC))) is is_overdue
    assert not tasks.is_overdue(None, date(2100, 1, 1))


def test_a_day_that_is_near_is_reminded_of_once(market: Market) -> None:
    with market.work("E01") as work:
        soon, later = work.today + tasks.SOON, work.today + tasks.SOON + timedelta(days=1)
        tasks.give(work, orders=[order(market, "near", soon), order(market, "far", later)])
    errands.remind(market.house)
    assert kinds(market, "E01") == [], "it was given a moment ago"
    with market.house.database.owner_engine().begin() as owner:
        owner.execute(text("UPDATE kernel_task SET given_at = given_at - interval '1 day'"))
    for _ in range(2):
        errands.remind(market.house)
    with market.house.open_reader() as reader:
        told, total = notices.newest(
            reader, user_id=market.people["E01"].user_id or 0, organisation_id=market.party("E01")
        )
    assert (total, told[0].kind, told[0].facts["subject"]) == (1, "task.due_soon", "near")


class TestWhoKnows:
    def test_a_duty_is_a_task_until_it_is_covered(self, market: Market) -> None:
        number = market_makers.make_published_round(market)
        with market.house.open_reader() as reader:
            duties = {duty.number: duty.due_on for duty in obligations.of_plan(reader, PLAN_YEAR)}
            found = tasks.open_of(reader, organisation_id=market.party("E01"), rights=[])
            assert [(task.kind, task.due_on) for task in found] == [("duty.cover", duties[found[0].subject])]
        counter.settle_round(market.house, number)
        with market.house.open_reader() as reader:
            assert tasks.count_open(reader, organisation_id=market.party("E01"), rights=[]) == 0

    def test_a_duty_that_grows_after_it_was_covered_is_a_task_again(self, market: Market) -> None:
        number = market_makers.make_published_round(market)
        counter.settle_round(market.house, number)
        with market.work("R01") as work:
            duty = obligations.of_plan(work, PLAN_YEAR, market.party("E01"))[0]
            owed_t = duty.required_t
            obligations.correct(work, obligation_id=duty.id, required_t=Tonnes(owed_t + 5))
            assert open_now(work, market) == [duty.number]
            obligations.correct(work, obligation_id=duty.id, required_t=Tonnes(owed_t))
            assert open_now(work, market) == []
            obligations.correct(work, obligation_id=duty.id, required_t=Tonnes(owed_t + 5))
            obligations.cancel(work, obligation_id=duty.id)
            assert open_now(work, market) == []

    def test_a_draft_is_a_task_until_it_is_confirmed_or_lapses(self, market: Market) -> None:
        market_makers.make_duties(market, E01="10000", E02="5000")
        closes_on = date(2026, 12, 24)
        with market.work() as work:
            round_id = rounds.open_round(work, number=ROUND, plan_year=PLAN_YEAR, closes_on=closes_on)
            first, second = bids.of_round(work, round_id)
            for bid in (first, second):
                found = tasks.open_of(work, organisation_id=bid.buyer_id, rights=[])
                assert (found[0].kind, found[0].subject, found[0].due_on) == ("bid.confirm", bid.number, closes_on)
            terms = bids.Terms(limit_fen=Money(6000), floor_permille=500)
            bids.confirm(work, number=first.number, buyer_id=first.buyer_id, terms=terms)
            rounds.close(work, number=ROUND)
            for bid in (first, second):
                left = tasks.open_of(work, organisation_id=bid.buyer_id, rights=[])
                assert [task.kind for task in left] == ["duty.cover"]


class TestWhatIsTold:
    def test_a_round_tells_each_bidder_what_came_of_the_bid(self, market: Market) -> None:
        number = market_makers.make_published_round(market)
        told = kinds(market, "E01")
        assert [(kind, facts["round"], facts["wanted_t"], facts["matched_t"]) for kind, facts in told] == [
            ("round.outcome", number, 1000, 1000)
        ]

    def test_settlement_and_certificates_are_told_to_whom_they_concern(self, market: Market) -> None:
        counter.settle_round(market.house, market_makers.make_published_round(market))
        told = dict(kinds(market, "E02"))
        assert set(told) == {"round.outcome", "purchase.settled", "certificate.issued"}
        assert (told["purchase.settled"]["bought_t"], told["certificate.issued"]["retired_t"]) == (500, 500)

    def test_what_is_undone_tells_nobody(self, market: Market) -> None:
        with pytest.raises(ZeroDivisionError):
            tell_and_fail(market)
        assert kinds(market, "E01") == []


def tell_and_fail(market: Market) -> None:
    note = notices.Note(organisation_id=market.party("E01"), kind="x", address="/my", facts={})
    with market.work("E01") as work:
        notices.tell(work, notes=[note])
        raise ZeroDivisionError


def kinds(market: Market, code: str) -> list[tuple[str, dict[str, int | str]]]:
    with market.house.open_reader() as reader:
        user_id = market.people[code].user_id or 0
        told, _ = notices.newest(reader, user_id=user_id, organisation_id=market.party(code))
    return [(notice.kind, notice.facts) for notice in told]
