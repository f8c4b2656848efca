"""The last tonnes of a listing and eight who want them at once (T2 in small): sold once, to exactly one."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from settlement import clearing
from tanyi.kernel.errors import Conflict
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import audit, blocks
from tests.ledger import makers
from tests.ledger.makers import reading, working

RACERS = 8
ROUNDS = int(os.environ.get("TANYI_RACE_ROUNDS", "20"))


@pytest.fixture
def field(database):
    """A seller with tonnes for every round, and eight buyers."""
    with working(database) as work:
        market = makers.open_market(work)
        stock = makers.issue(work, market, ROUNDS * 5)
        return market.seller, stock, [makers.enrol(work) for _ in range(RACERS)]


def race(database, number, listing, quantity_t):
    """All buyers ask at the same moment; gives what each was answered."""
    start = threading.Barrier(RACERS)

    def ask(buyer):
        start.wait()
        try:
            with working(database) as work:
                clearing.buy(work, listing_number=listing, buyer_id=buyer, quantity_t=Tonnes(quantity_t))
        except Conflict as refused:
            return refused.code
        return "bought"

    with ThreadPoolExecutor(RACERS) as threads:
        return list(threads.map(ask, number))


def test_of_eight_who_buy_the_last_tonnes_one_wins_and_seven_are_told_why(database, field):
    seller, stock, buyers = field
    for _ in range(ROUNDS):
        with working(database) as work:
            offered = makers.offer(work, seller, stock, 5)
            number = work.session.scalar(text("SELECT number FROM trading_listing WHERE id = :id"), {"id": offered})
        answers = race(database, buyers, number, 5)
        assert answers.count("bought") == 1, answers
        assert set(answers) == {"bought", "trading.not_on_sale"}
        with reading(database) as reader:
            assert blocks.offered_t(reader, [offered]) == {}
    with reading(database) as reader:
        assert blocks.by_state_t(reader) == {"RESERVED": Tonnes(ROUNDS * 5)}
        assert audit.run_checks(reader, audit.CHECKS) == []


def test_of_eight_who_want_half_two_win(database, field):
    seller, stock, buyers = field
    with working(database) as work:
        offered = makers.offer(work, seller, stock, 5)
        number = work.session.scalar(text("SELECT number FROM trading_listing WHERE id = :id"), {"id": offered})
    answers = race(database, buyers, number, 2)
    assert answers.count("bought") == 2
    assert set(answers) == {"bought", "ledger.insufficient_tonnes"}
    with reading(database) as reader:
        assert blocks.offered_t(reader, [offered]) == {offered: Tonnes(1)}
