"""Rule 7: states are a table. Every Lifecycle of the tree is found by importing all modules, and walked."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from tanyi.kernel.lifecycle import Lifecycle
from tests.house.tree import PACKAGES, ROOT

CYCLIC: frozenset[str] = frozenset()  # things that never end, by name; none so far


def module_names() -> Iterator[str]:
    """Every module of the four packages but the ones that run when imported."""
    for package in PACKAGES:
        for found in pkgutil.walk_packages([str(ROOT / package)], prefix=f"{package}."):
            if not found.name.endswith("__main__") and "._bundle" not in found.name:
                yield found.name


def lifecycles() -> dict[str, Lifecycle]:
    """module.NAME -> the table, each table once, under the first name it is met by."""
    found: dict[int, tuple[str, Lifecycle]] = {}
    for name in module_names():
        for label, thing in sorted(vars(importlib.import_module(name)).items()):
            if isinstance(thing, Lifecycle):
                found.setdefault(id(thing), (f"{name}.{label}", thing))
    return dict(found.values())


@pytest.fixture(scope="module")
def tables() -> dict[str, Lifecycle]:
    return lifecycles()


def unreachable(table: Lifecycle) -> list[str]:
    """States that no chain of moves leads to."""
    return sorted(table.states - table.reachable())


def unknown(table: Lifecycle) -> list[str]:
    """States that a move leads to, or the table begins with, and that have no row of their own."""
    followed = {state for following in table.moves.values() for state in following}
    return sorted((followed | {table.initial}) - table.states)


def without_an_end(table: Lifecycle) -> list[str]:
    """States from which no final state can be reached any more."""
    ends = {
        state
        for state in table.states
        if table.terminal & Lifecycle(thing=table.thing, initial=state, moves=table.moves).reachable()
    }
    return sorted(table.states - ends)


def test_every_move_leads_to_a_known_state(tables: dict[str, Lifecycle]) -> None:
    assert {name: wrong for name, table in tables.items() if (wrong := unknown(table))} == {}


def test_every_state_can_be_reached_from_the_first(tables: dict[str, Lifecycle]) -> None:
    assert {name: wrong for name, table in tables.items() if (wrong := unreachable(table))} == {}


def test_every_thing_can_come_to_an_end_or_is_named_cyclic(tables: dict[str, Lifecycle]) -> None:
    endless = {name: wrong for name, table in tables.items() if (wrong := without_an_end(table))}
    assert {name for name in endless if tables[name].thing not in CYCLIC} == set(), endless
    assert {table.thing for table in tables.values()} >= CYCLIC


def test_no_two_tables_speak_of_the_same_thing(tables: dict[str, Lifecycle]) -> None:
    things = [table.thing for table in tables.values()]
    assert sorted(things) == sorted(set(things))


def test_no_move_is_listed_twice(tables: dict[str, Lifecycle]) -> None:
    wrong = {
        name: state
        for name, table in tables.items()
        for state, following in table.moves.items()
        if len(set(following)) != len(following)
    }
    assert wrong == {}


GOOD = Lifecycle("lamp", "NEW", {"NEW": ("LIT",), "LIT": ("DARK",), "DARK": ("LIT", "BROKEN"), "BROKEN": ()})


def test_a_good_table_passes_every_check() -> None:
    assert (unknown(GOOD), unreachable(GOOD), without_an_end(GOOD)) == ([], [], [])
    assert GOOD.terminal == {"BROKEN"}


def test_a_state_that_nothing_leads_to_is_caught() -> None:
    assert unreachable(Lifecycle("lamp", "NEW", {**GOOD.moves, "BORROWED": ("LIT",)})) == ["BORROWED"]


def test_a_move_to_a_state_without_a_row_is_caught() -> None:
    assert unknown(Lifecycle("lamp", "NEW", {**GOOD.moves, "BROKEN": ("GLUED",)})) == ["GLUED"]


def test_a_table_that_never_ends_is_caught() -> None:
    endless = {**GOOD.moves, "BROKEN": ("NEW",)}
    assert without_an_end(Lifecycle("lamp", "NEW", endless)) == ["BROKEN", "DARK", "LIT", "NEW"]
