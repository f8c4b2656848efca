"""Rule 7, its last part: the page about states is drawn from the tables in the code, never written by hand."""

from __future__ import annotations

from docs import states
from tests.house.test_lifecycles import lifecycles


def test_the_page_shows_the_tables_as_they_are_in_the_code() -> None:
    shown = states.PAGE.read_text(encoding="utf-8")
    assert shown == states.document(), "docs/states.md is not what the code says: run `make docs`"


def test_every_table_of_states_has_its_diagram() -> None:
    drawn = states.document()
    assert all(table.as_mermaid() in drawn for table in lifecycles().values())
