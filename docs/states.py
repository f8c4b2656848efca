# ruff: noqa: INP001  a script of the documentation, no package
"""Draws docs/states.md from the tables of states in the code; `make docs` runs it and a test compares the page with it."""

from __future__ import annotations

import importlib
from pathlib import Path

from tanyi.kernel.lifecycle import Lifecycle
from tests.house.test_lifecycles import lifecycles

PAGE = Path(__file__).with_suffix(".md")
PREFACE = """\
# States

Every thing with a procedure declares one table of states (`Lifecycle`) at the top of its file, and verbs ask that table;
nothing compares states by hand. This page is drawn from those tables: change the table, then run `make docs`. That every
state can be reached and that everything can come to an end are tests (`tests/house/test_lifecycles.py`).

A diagram shows the moves that the rules allow. It does not promise that somebody can ask for each of them already: a
block, for one, has states for pledges, locks, freezes and the buffer that no verb enters yet.

Two kinds of state are not drawn. The coverage of an obligation (open, partial, met, over) is no step that somebody takes:
the database computes it from the tonnes retired. The states of a payment intent are the bank's, and are mirrored.
"""


def document() -> str:
    """The whole page, from every table of the four packages in the order of their modules."""
    return PREFACE + "".join(_section(place, table) for place, table in sorted(lifecycles().items()))


def _section(place: str, table: Lifecycle) -> str:
    module = place.rpartition(".")[0]
    concept = (importlib.import_module(module).__doc__ or "").strip().splitlines()[0]
    path = module.replace(".", "/") + ".py"
    return f"\n## {table.thing[0].upper() + table.thing[1:]}\n\n`{path}`: {concept}\n\n```mermaid\n{table.as_mermaid()}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(document(), encoding="utf-8")
