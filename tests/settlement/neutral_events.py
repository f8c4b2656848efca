"""The event fixture of the domain (400 people, two days, Shijiazhuang: 118.782 t), and an event on its whole way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from market.emitters.footprint import Activity
from settlement.neutrality import calculations, confirmations, events, plans
from settlement.neutrality.evaluations import Report
from settlement.neutrality.plans import Step
from settlement.tables import Event
from tanyi.app import counter
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Work
from tests.market_makers import Market, make_issued, make_listing

FIXTURE: tuple[tuple[Activity, str, str], ...] = (
    (Activity(activity="grid_electricity", quantity=Decimal(42000)), "EL-HB-2022", "30458.40"),
    (Activity(activity="natural_gas", quantity=Decimal(900)), "NG-CN", "1945.97"),
    (Activity(activity="rail", persons=200, distance_km=Decimal(960)), "RAIL", "6808.32"),
    (Activity(activity="flight_domestic", persons=60, distance_km=Decimal(2700)), "AIR-DOM", "37143.36"),
    (Activity(activity="car_petrol", vehicles=110, distance_km=Decimal(180)), "CAR-PET", "3874.27"),
    (Activity(activity="bus", persons=400, distance_km=Decimal(54)), "BUS", "1144.80"),
    (Activity(activity="hotel", quantity=Decimal(620)), "HOTEL-CN", "33170.00"),
    (Activity(activity="meal", quantity=Decimal(2000)), "MEAL", "3000.00"),
    (Activity(activity="paper", quantity=Decimal(180)), "PAPER", "242.11"),
    (Activity(activity="pvc", quantity=Decimal(240)), "PVC", "706.74"),
    (Activity(activity="incineration", quantity=Decimal(900)), "INCIN", "244.53"),
    (Activity(activity="water", quantity=Decimal(120)), "WATER", "43.46"),
)
ACTIVITIES = [row for row, _, _ in FIXTURE]
FIRST_ON, LAST_ON = date(2026, 5, 14), date(2026, 5, 15)
BEFORE, AFTER = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 20, tzinfo=UTC)
FACTS = events.Facts(
    kind="FORUM",
    name="演示论坛",
    starts_on=FIRST_ON,
    ends_on=LAST_ON,
    place="石家庄",
    content="四百人开会两天",
    expected_participants=400,
)
MEASURES = (Step(phase="EVENT", description="会场使用绿色电力", saving_kg=Decimal("1200.5")),)
REPORT = Report(
    team=("李一", "王二"),
    plan="五月二十日查阅文件，二十一日访谈",
    purpose="确认碳中和",
    scope="举办阶段",
    criteria="大型活动碳中和实施指南（试行）",
    document_review="查阅了电费单、票据与注销凭证",
    facts="四百人两天的论坛",
    conformity="符合指南要求",
    results="排放119吨，注销119吨",
    references="排放因子公告",
    conclusion="实现碳中和",
    is_neutral=True,
)


@contextmanager
def at(market: Market, moment: datetime, code: str = "N01") -> Iterator[Work]:
    """A transaction of somebody at another time."""
    with market.work(code) as work:
        yield replace(work, now=moment, happenings=work.happenings)


def drafted(market: Market, facts: events.Facts = FACTS) -> str:
    """An event with an estimate, a measure, a way of offsetting and a date; gives its number."""
    organiser_id = market.party("N01")
    with at(market, BEFORE) as work:
        event = events.draft(work, organiser_id=organiser_id, facts=facts)
        mine = {"number": event.number, "organiser_id": organiser_id}
        calculations.estimate(work, **mine, activities=ACTIVITIES, has_radiative_forcing=True)
        plans.set_out(
            work, **mine, measures=MEASURES, offset_method="CREDITS", neutral_by_on=facts.ends_on + timedelta(days=30)
        )
        return event.number


def planned(market: Market, moment: datetime = BEFORE) -> str:
    """An event whose plan is published; gives its number."""
    number = drafted(market)
    with at(market, moment) as work:
        plans.publish(work, number=number, organiser_id=market.party("N01"))
    return number


def accounted(market: Market, activities: Sequence[Activity] = ACTIVITIES) -> str:
    """An event whose actuals are stated; gives its number."""
    number = planned(market)
    account(market, number, activities)
    return number


def account(market: Market, number: str, activities: Sequence[Activity], moment: datetime = AFTER) -> None:
    """States actuals of an event."""
    with at(market, moment) as work:
        mine = {"number": number, "organiser_id": market.party("N01")}
        calculations.account(work, **mine, activities=activities, has_radiative_forcing=True)


def bought(market: Market, quantity_t: int) -> list[int]:
    """Tonnes that N01 bought, paid and holds; gives the trades' ids."""
    sale = make_listing(market, "S01", make_issued(market, "S01", 3000, f"PE{quantity_t}"), 3000)
    payment = counter.purchase(
        market.house,
        actor=market.people["N01"],
        listing=sale,
        buyer_id=market.party("N01"),
        quantity_t=Tonnes(quantity_t),
    )
    with market.house.open_reader() as reader:
        return list(counter.payments.trades_of(reader, [payment.id]))


def retire(market: Market, number: str, trade_ids: list[int], moment: datetime = AFTER) -> str:
    """Retires what was bought for an event at some moment; gives the retirement's number."""
    with at(market, moment) as work:
        event = events.own(work, number, market.party("N01"))
        return counter.retire_bought(
            work, trade_ids=trade_ids, event_id=event.id, beneficiary=None, legal_effect=market.house.legal_effect
        )


def neutral(market: Market) -> str:
    """An event that is neutral; gives its number."""
    number = accounted(market)
    retire(market, number, bought(market, 119))
    return number


def confirmed(market: Market) -> str:
    """A neutral event that its organiser has confirmed; gives its number."""
    number = neutral(market)
    with at(market, AFTER) as work:
        confirmations.declare_self(
            work, number=number, organiser_id=market.party("N01"), responsible="会务处", evidence=("电费单", "车票")
        )
    return number


def read(market: Market, number: str) -> Event:
    """The event as it stands."""
    with market.house.open_reader() as reader:
        return events.own(reader, number, market.party("N01"))
