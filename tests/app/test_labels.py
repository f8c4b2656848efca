"""Every code that a page may show has a word in both languages, in the table that the page asks."""

from __future__ import annotations

import json

import pytest

from market.emitters import classes
from market.registry import methodology
from matching import apart, problem, progress, solving
from tanyi.app import demo_province
from tanyi.app.pages import labels
from tanyi.app.pages.rendering import translate
from tanyi.kernel import parties
from tests.house.test_lifecycles import lifecycles

# Things with states that no page shows, each with the reason.
NOT_SHOWN = {
    "EIA project": "only the duty that comes of it is shown, with the state of the duty",
    "annual plan": "pages name the plan in force and its terms; plans on their way are the department's own papers",
}
COVERAGE = {"NONE", "OPEN", "PARTIAL", "MET", "OVER"}  # of a duty, a generated column beside its state
TABLES = {**{f"state of {kind}": words for kind, words in labels.STATES.items()}, **labels.TABLES}


def test_every_state_of_every_lifecycle_has_a_word() -> None:
    missing = {
        table.thing: sorted(state for state in table.states if labels.state_word(table.thing, state) is None)
        for table in lifecycles().values()
        if table.thing in labels.STATES
    }
    assert {thing: states for thing, states in missing.items() if states} == {}


def test_everything_with_states_is_shown_or_has_a_reason_not_to_be() -> None:
    things = {table.thing for table in lifecycles().values()}
    assert things - set(labels.STATES) == set(NOT_SHOWN)


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        ("role", set(parties.ROLES)),
        ("reason", set(problem.LOT_REASONS)),
        ("stage", set(progress.STAGES)),
        ("failure", {apart.REFUSED, apart.OUT_OF_MEMORY, apart.TOO_LATE, apart.KILLED, apart.CRASHED}),
        ("failure", {solving.CHECK_FAILED, solving.WORKER_LOST, solving.OVERTAKEN}),
        ("class", {classes.KEY, classes.GENERAL, classes.OTHER, classes.UNCLASSIFIED}),
        ("type", {kind.code for kind in methodology.product_types()}),
    ],
)
def test_every_code_in_use_has_a_word(table: str, codes: set[str]) -> None:
    assert {code for code in codes if labels.word_for(table, code) is None} == set()


def test_every_way_a_solver_ends_and_every_coverage_of_a_duty_has_a_word() -> None:
    assert {status for status in problem.STATUSES if labels.state_word("result", status) is None} == set()
    assert {state for state in COVERAGE if labels.state_word("obligation", state) is None} == set()


def test_every_sector_of_the_demo_has_a_word() -> None:
    rows = [
        *demo_province.fixture("benchmarks")["benchmarks"],
        *demo_province.fixture("enterprises")["enterprises"],
        *demo_province.fixture("eia_projects")["eia_projects"],
    ]
    sectors = {row["sector"] for row in rows if "sector" in row}
    assert len(sectors) >= 5, json.dumps(rows[:1])
    assert {sector for sector in sectors if labels.word_for("sector", sector) is None} == set()


@pytest.mark.parametrize("table", TABLES)
def test_no_two_codes_of_a_table_share_a_word_and_each_word_is_said_in_chinese(table: str) -> None:
    words = TABLES[table]
    chinese = {code: translate(word, locale="zh") for code, word in words.items()}
    assert {code for code, word in words.items() if chinese[code] == word} == set(), "not translated"
    assert len(set(chinese.values())) == len(chinese)
    assert len(set(words.values())) == len(words)
