"""States as a table: what may follow what, what is final, and that nothing is declared which cannot be reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanyi.kernel.errors import Conflict
from tanyi.kernel.lifecycle import Lifecycle, WrongState

DOOR = Lifecycle("door", "OPEN", {"OPEN": ("SHUT",), "SHUT": ("OPEN", "LOCKED"), "LOCKED": ("SHUT",), "GONE": ()})


def test_a_move_of_the_table_is_allowed_and_no_other():
    moves = {(state, to) for state in DOOR.states for to in DOOR.states if DOOR.may(state, to)}
    assert moves == {("OPEN", "SHUT"), ("SHUT", "OPEN"), ("SHUT", "LOCKED"), ("LOCKED", "SHUT")}


def test_a_move_that_is_not_in_the_table_is_a_conflict_that_names_both_states():
    with pytest.raises(WrongState) as refused:
        DOOR.refuse_unless_may("OPEN", "LOCKED")
    assert isinstance(refused.value, Conflict)
    assert refused.value.facts == {"thing": "door", "state": "OPEN", "wanted": "LOCKED"}
    assert str(refused.value) == "This is not possible in the present state (door: OPEN, not to LOCKED)."
    DOOR.refuse_unless_may("OPEN", "SHUT")


def test_a_state_without_moves_is_final():
    assert DOOR.terminal == {"GONE"}


def test_what_cannot_be_reached_is_told():
    assert DOOR.reachable() == {"OPEN", "SHUT", "LOCKED"}


def test_a_thing_may_not_be_in_a_state_that_nobody_knows():
    with pytest.raises(KeyError):
        DOOR.may("AJAR", "OPEN")


def test_the_table_is_drawn_with_its_beginning_and_its_ends():
    assert DOOR.as_mermaid().splitlines() == [
        "stateDiagram-v2",
        "    [*] --> OPEN",
        "    OPEN --> SHUT",
        "    SHUT --> OPEN",
        "    SHUT --> LOCKED",
        "    LOCKED --> SHUT",
        "    GONE --> [*]",
    ]


states = st.sampled_from("ABCDEF")
tables = st.dictionaries(states, st.lists(states, max_size=4, unique=True), min_size=1).map(
    lambda drawn: {
        state: tuple(drawn.get(state, ())) for state in {*drawn, *(to for moves in drawn.values() for to in moves)}
    }
)


@given(table=tables, data=st.data())
def test_reachable_is_what_a_walk_can_find(table, data):
    initial = data.draw(st.sampled_from(sorted(table)))
    lifecycle = Lifecycle("thing", initial, table)
    place, walked = initial, {initial}
    for _ in range(20):
        following = table[place]
        if not following:
            assert place in lifecycle.terminal
            break
        place = data.draw(st.sampled_from(following))
        walked.add(place)
    found = lifecycle.reachable()
    assert walked <= found
    assert all(set(table[state]) <= found for state in found)
