"""From the margins of a flow to lines: the rules hold, few tonnes are lost, and effort mends what was."""

from __future__ import annotations

import numpy as np
import pytest

from matching.constraints import (
    bids_over_a_group_cap,
    bids_over_their_outside_share,
    bids_with_too_many_sellers,
    is_feasible,
    may_trade,
    most_alone_t,
)
from matching.duals import Bounds
from matching.flow import Arcs, cheapest_greatest_flow, cheapest_in_time
from matching.goals import Relaxation, score_of, weights_of
from matching.regret import mended
from matching.repair import repaired
from matching.routing import routed
from matching.variables import Book, book_of
from tests.matching.markets import market


def flowed(book: Book) -> Relaxation:
    return Relaxation(book, most_alone_t(book))


class TestRouting:
    @pytest.mark.parametrize("seed", range(3))
    def test_lines_keep_what_concerns_pairs_floors_caps_and_sellers(self, seed: int):
        book = book_of(market(60, 240, seed))
        held = routed(book, *flowed(book).best)
        assert may_trade(book, held.bid, held.lot).all()
        assert (held.filled_t(book) <= book.quota_t).all()
        assert (held.sold_t(book) <= book.supply_t).all()
        for rule in (bids_over_their_outside_share, bids_over_a_group_cap, bids_with_too_many_sellers):
            assert not rule(book, held).any()

    def test_nobody_gets_more_than_the_margins_grant(self):
        book = book_of(market(60, 240, 1))
        network, margins = flowed(book).best
        held = routed(book, network, margins)
        assert (held.filled_t(book) <= margins.filled_t(book)).all()
        assert (held.sold_t(book) <= margins.sold_t(book)).all()

    def test_without_caps_and_limits_every_tonne_is_routed(self):
        free = {"bid_max_group_permille": None, "bid_max_sellers": None, "bid_group": "a group that sells nothing"}
        book = book_of(market(60, 240, 2, **free))
        network, margins = flowed(book).best
        assert routed(book, network, margins).tonnes.sum() == sum(margins.score[:2])

    def test_bids_of_few_sellers_find_most_of_what_they_are_granted(self):
        book = book_of(market(60, 600, 4, bid_max_sellers=6, bid_max_group_permille=None))
        network, margins = flowed(book).best
        assert routed(book, network, margins).tonnes.sum() >= 0.8 * sum(margins.score[:2])


class TestEffort:
    @pytest.mark.parametrize("seed", range(3))
    def test_mending_never_loses_anything_and_keeps_every_rule(self, seed: int):
        book = book_of(market(50, 200, seed))
        relaxation, weights = flowed(book), weights_of(book)
        held = repaired(book, weights, relaxation.best[1], routed(book, *relaxation.best), is_late=lambda: False)
        bounds = Bounds(book, relaxation.relaxed, relaxation.most_t)
        better = mended(book, weights, bounds, held, fair_ppm=0, is_late=lambda: False)
        assert is_feasible(book, held)
        assert is_feasible(book, better)
        assert score_of(book, better) >= score_of(book, held)

    def test_effort_that_is_late_before_it_began_still_gives_a_feasible_outcome(self):
        book = book_of(market(50, 200, 7))
        relaxation = flowed(book)
        held = repaired(
            book, weights_of(book), relaxation.best[1], routed(book, *relaxation.best), is_late=lambda: True
        )
        assert is_feasible(book, held)
        assert held.tonnes.sum() > 0


class TestFlow:
    arcs = Arcs(*(np.array(row) for row in ([0, 0, 1, 2], [1, 2, 3, 3], [4, 9, 5, 6], [1, 0, 7, -2])), 0, 3)

    def test_a_flow_in_time_is_the_same_flow(self):
        flows = cheapest_in_time(self.arcs, 60)
        assert flows is not None
        assert flows.tolist() == cheapest_greatest_flow(self.arcs).tolist() == [4, 6, 4, 6]

    def test_a_flow_without_time_is_none(self):
        assert cheapest_in_time(self.arcs, 0) is None

    def test_arcs_without_room_carry_nothing(self):
        closed = Arcs(*(np.array(row) for row in ([0, 0, 1], [1, 1, 2], [0, 3, 2], [0, 5, 0])), 0, 2)
        assert cheapest_greatest_flow(closed).tolist() == [0, 2, 2]
