"""Projects from draft to registration: one table of states, every step dated."""

from __future__ import annotations

from itertools import pairwise

import pytest

from market.registry import projects
from market.registry.methodology import UnknownMethodology
from tanyi.kernel.errors import NotFound
from tanyi.kernel.lifecycle import WrongState
from tests.market_makers import Market, description

STATES = projects.STATES


def test_the_way_to_registration_is_a_way_through_the_table() -> None:
    steps = (STATES.initial, *projects.TO_REGISTRATION)
    assert all(STATES.may(one, two) for one, two in pairwise(steps))
    assert STATES.reachable() == STATES.states
    assert STATES.terminal == {"CLOSED", "REJECTED"}


@pytest.mark.parametrize("skipped", ["ACCEPTED", "PUBLICISED", "VALIDATED", "REGISTERED", "ISSUED"])
def test_no_step_is_skipped(skipped: str) -> None:
    assert not STATES.may("DRAFT", skipped)


def test_a_returned_project_is_submitted_again_and_a_rejected_one_is_not() -> None:
    assert STATES.may("RETURNED", "SUBMITTED")
    assert not STATES.may("REJECTED", "SUBMITTED")


def test_a_draft_becomes_a_registered_project_step_by_step(market: Market) -> None:
    with market.work("S01") as work:
        project = projects.draft(work, description=description(market.party("S01"), "P01"))
        for step in projects.TO_REGISTRATION:
            projects.advance(work, project_id=project.id, to=step)
        steps = [state for state, _ in projects.timeline(work, project.id)]
    assert steps == ["DRAFT", *projects.TO_REGISTRATION]
    with market.house.open_reader() as reader:
        assert projects.by_code_or_refuse(reader, "P01").state == "REGISTERED"
        assert [each.code for each in projects.of_owner(reader, market.party("S01"))] == ["P01"]


def test_a_step_that_the_table_does_not_know_is_refused_and_leaves_no_trace(market: Market) -> None:
    with market.work("S01") as work:
        project = projects.draft(work, description=description(market.party("S01"), "P01"))
    with pytest.raises(WrongState), market.work("S01") as work:
        projects.advance(work, project_id=project.id, to="REGISTERED")
    with market.house.open_reader() as reader:
        assert [state for state, _ in projects.timeline(reader, project.id)] == ["DRAFT"]


def test_a_project_whose_methodology_is_pending_waits_as_a_draft(market: Market) -> None:
    with market.work("S01") as work:
        project = projects.draft(work, description=description(market.party("S01"), "P26", None))
    with pytest.raises(projects.MethodologyPending), market.work("S01") as work:
        projects.advance(work, project_id=project.id, to="SUBMITTED")


def test_a_methodology_that_does_not_exist_cannot_be_named(market: Market) -> None:
    stated = description(market.party("S01"), "P01", methodology="alchemy")
    with pytest.raises(UnknownMethodology), market.work("S01") as work:
        projects.draft(work, description=stated)


def test_an_unknown_code_is_not_found(market: Market) -> None:
    with market.house.open_reader() as reader, pytest.raises(NotFound):
        projects.by_code_or_refuse(reader, "P99")
