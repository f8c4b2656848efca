"""Every verb that moves a tonne, by example: what it takes, what it leaves, what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from settlement import delivery
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks
from tests.ledger import makers
from tests.ledger.makers import reading, working


@pytest.fixture
def market(database):
    with working(database) as work:
        return makers.open_market(work)


@pytest.fixture
def stock(database, market):
    """An issuance of 100 t, the first of its database: tonnes 1 to 100."""
    with working(database) as work:
        return makers.issue(work, market, 100)


def runs_of(database, issuance_id):
    """(first, end, holder, state, id of the encumbrance) of every run of an issuance."""
    with reading(database) as reader:
        return [
            (run.lo, run.end, run.holder_id, run.state, run.listing_id or run.trade_id or run.retirement_id)
            for run in blocks.runs(reader, issuance_ids=[issuance_id])
        ]


# --- issue ------------------------------------------------------------------------------------------------------------


def test_issued_tonnes_are_free_and_their_holders(database, market, stock):
    assert runs_of(database, stock) == [(1, 101, market.seller, "FREE", None)]


def test_a_new_issuance_begins_where_the_last_one_ends(database, market, stock):
    with working(database) as work:
        second = makers.issue(work, market, 7)
    assert runs_of(database, second) == [(101, 108, market.seller, "FREE", None)]


def test_one_verification_issues_once(database, market):
    with working(database) as work:
        statement = makers.verification(work, market, 10)

    def issue(origin):
        with working(database) as work:
            blocks.issue(
                work,
                verification_id=statement,
                verified_t=Tonnes(10),
                quantity_t=Tonnes(5),
                holder_id=market.seller,
                origin_key=origin,
            )

    issue("one")
    with pytest.raises(IntegrityError, match="a_verification_is_issued_once"):
        issue("two")


def test_one_origin_issues_once(database, market):
    def issue():
        with working(database) as work:
            blocks.issue(
                work,
                verification_id=makers.verification(work, market, 10),
                verified_t=Tonnes(10),
                quantity_t=Tonnes(10),
                holder_id=market.seller,
                origin_key="the same",
            )

    issue()
    with pytest.raises(IntegrityError, match="an_origin_issues_once"):
        issue()


@pytest.mark.parametrize(
    ("stated_t", "quantity_t", "rule"),
    [
        (10, 11, "no_more_is_issued_than_was_verified"),
        (11, 11, "an_issuance_quotes_its_verification"),
        (10, 0, "an_issuance_is_not_empty"),
    ],
)
def test_no_more_is_issued_than_was_verified_and_not_nothing(database, market, stated_t, quantity_t, rule):
    with pytest.raises(IntegrityError, match=rule), working(database) as work:
        blocks.issue(
            work,
            verification_id=makers.verification(work, market, 10),
            verified_t=Tonnes(stated_t),
            quantity_t=Tonnes(quantity_t),
            holder_id=market.seller,
            origin_key="origin",
        )


def test_what_nobody_accepted_is_not_issued(database, market):
    with working(database) as work:
        statement = makers.verification(work, market, 10, is_accepted=False)
    with pytest.raises(IntegrityError, match="is not accepted"), working(database) as work:
        blocks.issue(
            work,
            verification_id=statement,
            verified_t=Tonnes(10),
            quantity_t=Tonnes(10),
            holder_id=market.seller,
            origin_key="origin",
        )


@pytest.mark.parametrize("kind", ["VERIFIER", "OPERATOR", "REGULATOR"])
def test_who_verifies_or_runs_the_platform_holds_nothing(database, kind):
    with working(database) as work:
        market, holder = makers.open_market(work), makers.enrol(work, kind)
    with pytest.raises(IntegrityError, match="a_holder_is_of_a_kind_that_may_hold"), working(database) as work:
        blocks.issue(
            work,
            verification_id=makers.verification(work, market, 10),
            verified_t=Tonnes(10),
            quantity_t=Tonnes(10),
            holder_id=holder,
            origin_key="origin",
        )


def test_issuers_at_once_queue_and_leave_no_gap(database, market):
    def issue(quantity_t):
        with working(database) as work:
            return makers.issue(work, market, quantity_t)

    with ThreadPoolExecutor(6) as threads:
        made = list(threads.map(issue, range(1, 13)))
    ranges = sorted(run[:2] for issuance_id in made for run in runs_of(database, issuance_id))
    assert [end for _, end in ranges[:-1]] == [lo for lo, _ in ranges[1:]]
    assert (ranges[0][0], ranges[-1][1]) == (1, 1 + sum(range(1, 13)))


# --- list and unlist --------------------------------------------------------------------------------------------------


def test_a_listing_takes_the_lowest_serials_first(database, market, stock):
    with working(database) as work:
        one = makers.offer(work, market.seller, stock, 30)
        two = makers.offer(work, market.seller, stock, 20)
    assert runs_of(database, stock) == [
        (1, 31, market.seller, "LISTED", one),
        (31, 51, market.seller, "LISTED", two),
        (51, 101, market.seller, "FREE", None),
    ]


def test_a_listing_takes_from_several_blocks(database, market, stock):
    with working(database) as work:
        first = makers.offer(work, market.seller, stock, 10)
        held = makers.offer(work, market.seller, stock, 10)
        blocks.unlist(work, listing_id=first)
        across = makers.offer(work, market.seller, stock, 25)
    assert runs_of(database, stock) == [
        (1, 11, market.seller, "LISTED", across),
        (11, 21, market.seller, "LISTED", held),
        (21, 36, market.seller, "LISTED", across),
        (36, 101, market.seller, "FREE", None),
    ]


def test_more_than_is_free_is_not_listed_and_nothing_is_left_changed(database, market, stock):
    with pytest.raises(blocks.InsufficientTonnes) as refused, working(database) as work:
        makers.offer(work, market.seller, stock, 101)
    assert refused.value.facts == {"asked_t": 101, "available_t": 100}
    assert runs_of(database, stock) == [(1, 101, market.seller, "FREE", None)]


def test_nobody_lists_the_tonnes_of_another(database, market, stock):
    with pytest.raises(blocks.InsufficientTonnes), working(database) as work:
        makers.offer(work, market.buyer, stock, 1)


def test_unlisting_frees_what_is_still_offered_and_no_more(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 30)
        trade = makers.bought(work, listing, market.buyer, 10)
        blocks.unlist(work, listing_id=listing)
    assert runs_of(database, stock) == [
        (1, 11, market.seller, "RESERVED", trade),
        (11, 31, market.seller, "FREE", None),
        (31, 101, market.seller, "FREE", None),
    ]


# --- reserve and release ----------------------------------------------------------------------------------------------


def test_takes_of_one_listing_are_served_in_the_order_given(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 50)
        late, early = (makers.trade(work, listing, market.buyer, tonnes) for tonnes in (20, 30))
        blocks.reserve(work, takes=[blocks.Take(listing, early, 30), blocks.Take(listing, late, 20)])
    assert runs_of(database, stock) == [
        (1, 31, market.seller, "RESERVED", early),
        (31, 51, market.seller, "RESERVED", late),
        (51, 101, market.seller, "FREE", None),
    ]


def test_takes_of_several_listings_are_all_or_nothing(database, market, stock):
    with working(database) as work:
        one, two = (makers.offer(work, market.seller, stock, tonnes) for tonnes in (10, 5))
        trades = [makers.trade(work, listing, market.buyer, 6) for listing in (one, two)]
    before = runs_of(database, stock)
    with pytest.raises(blocks.InsufficientTonnes), working(database) as work:
        blocks.reserve(work, takes=[blocks.Take(one, trades[0], 6), blocks.Take(two, trades[1], 6)])
    assert runs_of(database, stock) == before


def test_released_tonnes_are_on_sale_again_or_free(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 20)
        back, loose = (makers.bought(work, listing, market.buyer, 5) for _ in range(2))
        blocks.release(work, trade_id=back, listing_id=listing)
        blocks.release(work, trade_id=loose, listing_id=None)
    assert [run[:2] + run[3:] for run in runs_of(database, stock)] == [
        (1, 6, "LISTED", listing),
        (6, 11, "FREE", None),
        (11, 21, "LISTED", listing),
        (21, 101, "FREE", None),
    ]


# --- deliver and retire -----------------------------------------------------------------------------------------------


def test_delivered_tonnes_are_free_and_the_buyers(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 20)
        makers.settled(work, listing, market.buyer, 8)
    assert runs_of(database, stock) == [
        (1, 9, market.buyer, "FREE", None),
        (9, 21, market.seller, "LISTED", listing),
        (21, 101, market.seller, "FREE", None),
    ]


def test_many_trades_are_delivered_at_once(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 90)
        buyers = [makers.enrol(work) for _ in range(9)]
        made = [makers.bought(work, listing, buyer, 10) for buyer in buyers]
        for trade in made:
            makers.fund(work, trade)
        delivery.settle(work, trade_ids=made)
    expected = [(1 + 10 * place, 11 + 10 * place, buyer, "FREE", None) for place, buyer in enumerate(buyers)]
    assert runs_of(database, stock) == [*expected, (91, 101, market.seller, "FREE", None)]


def test_nothing_is_delivered_without_a_settlement(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 20)
        trade = makers.bought(work, listing, market.buyer, 8)
    with pytest.raises(IntegrityError, match="if and only if the trade is settled"), working(database) as work:
        blocks.deliver(work, trades=[(trade, market.buyer)])


def test_a_settled_trade_gives_its_tonnes_to_nobody_but_the_buyer(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 20)
        stranger = makers.enrol(work)
        trade = makers.settled(work, listing, market.buyer, 8)
        blocks.deliver(work, trades=[(trade, stranger)])
    assert runs_of(database, stock)[0] == (1, 9, market.buyer, "FREE", None)


def test_retired_tonnes_stay_with_their_holder_for_ever(database, market, stock):
    with working(database) as work:
        retirement = makers.retired(work, market.seller, stock, 40)
    assert runs_of(database, stock) == [
        (1, 41, market.seller, "RETIRED", retirement),
        (41, 101, market.seller, "FREE", None),
    ]


def test_a_retirement_takes_from_several_blocks_and_issuances(database, market, stock):
    with working(database) as work:
        other = makers.issue(work, market, 10)
        held = makers.offer(work, market.seller, stock, 10)
        loose = makers.offer(work, market.seller, stock, 10)
        blocks.unlist(work, listing_id=held)
        whole = makers.retirement_row(work, market.seller, 95)
        takes = [blocks.Retire(market.seller, issued, whole, tonnes) for issued, tonnes in ((stock, 90), (other, 5))]
        blocks.retire(work, takes=takes)
    assert runs_of(database, stock) == [
        (1, 11, market.seller, "RETIRED", whole),
        (11, 21, market.seller, "LISTED", loose),
        (21, 101, market.seller, "RETIRED", whole),
    ]
    assert runs_of(database, other)[0] == (101, 106, market.seller, "RETIRED", whole)


@pytest.mark.parametrize("state", ["listed", "reserved", "retired"])
def test_only_free_tonnes_are_retired(database, market, stock, state):
    with working(database) as work:
        if state == "retired":
            makers.retired(work, market.seller, stock, 100)
        else:
            listing = makers.offer(work, market.seller, stock, 100)
            if state == "reserved":
                makers.bought(work, listing, market.buyer, 100)
    with pytest.raises(blocks.InsufficientTonnes), working(database) as work:
        makers.retired(work, market.seller, stock, 1)


def test_a_retired_block_cannot_be_listed(database, market, stock):
    with working(database) as work:
        makers.retired(work, market.seller, stock, 100)
    with pytest.raises(blocks.InsufficientTonnes), working(database) as work:
        makers.offer(work, market.seller, stock, 1)


def test_two_who_retire_the_last_tonnes_at_once_do_not_both_succeed(database, market, stock):
    def retire(_):
        try:
            with working(database) as work:
                makers.retired(work, market.seller, stock, 60)
        except (blocks.InsufficientTonnes, DBAPIError) as refused:
            return type(refused)
        return None

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(retire, range(4)))
    assert sorted(map(str, answers)) == sorted(map(str, [None] + [blocks.InsufficientTonnes] * 3))


# --- reads ------------------------------------------------------------------------------------------------------------


def test_the_sums_say_what_the_blocks_say(database, market, stock):
    with working(database) as work:
        listing = makers.offer(work, market.seller, stock, 50)
        makers.settled(work, listing, market.buyer, 10)
        makers.bought(work, listing, market.buyer, 15)
        makers.retired(work, market.buyer, stock, 4)
    with reading(database) as reader:
        assert blocks.offered_t(reader, [listing]) == {listing: Tonnes(25)}
        assert blocks.free_t(reader, market.buyer) == {stock: Tonnes(6)}
        by_state = {"FREE": Tonnes(56), "LISTED": Tonnes(25), "RESERVED": Tonnes(15), "RETIRED": Tonnes(4)}
        assert blocks.by_state_t(reader) == by_state
        assert blocks.states_t(reader, [stock]) == {stock: by_state}
        assert sum(int(run.quantity_t) for run in blocks.runs(reader, holder_id=market.buyer)) == 10


def test_every_move_of_the_table_is_held_by_the_database_too(database):
    source = "SELECT prosrc FROM pg_proc WHERE proname = 'block_keeps_its_rules'"
    with database.owner_engine().connect() as owner:
        written = owner.exec_driver_sql(source).scalar_one()
    moves = {f"{state}>{to}" for state, following in blocks.STATES.moves.items() for to in following}
    assert moves == {word for word in written.split("'") if ">" in word.strip(">") and " " not in word}
