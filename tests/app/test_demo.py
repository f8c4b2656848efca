"""`tanyi demo`: the figures of the province, the same on every run, also after it was killed half-way."""

from __future__ import annotations

import json
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from settlement.certificate_claim import DEMO_LEGAL_EFFECT
from settlement.certificate_format import verify
from tanyi.app.demo import STAGES
from tanyi.kernel import cluster, embedded
from tests.app.demo_runs import Said, demo, start_demo, tanyi

FIGURES = {
    "projects": 40,
    "projects_issued": 25,
    "duty_all_benchmarks_t": 191_909,
    "duty_strict_t": 160_215,
    "duty_netted_e25_t": 450,
    "duty_eia_t": 61_785,
    "obligations": 20,
    "obligations_met": 20,
    "due_t": 254_144,
    "covered_t": 254_144,
    "retired_for_duties_t": 254_144,
    "retired_t": 254_263,
    "certificates": 21,
}


def without_times(summary: dict[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in summary.items() if name != "seconds"}


@pytest.fixture(scope="module")
def first(demo_folder: Path) -> dict[str, Any]:
    """The summary of the run that every test here shares."""
    return json.loads((demo_folder.parent / "summary.json").read_text(encoding="utf-8"))


def documents(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted((folder / "certificates").iterdir()))


# What it shows


@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_the_demo_shows_the_figures_of_the_design(first: dict[str, Any], figure: str) -> None:
    assert first[figure] == FIGURES[figure]


def test_every_duty_is_covered_by_what_was_retired_for_it(first: dict[str, Any]) -> None:
    assert first["due_t"] == first["covered_t"] == first["retired_for_duties_t"]
    assert first["due_t"] == first["duty_all_benchmarks_t"] + first["duty_netted_e25_t"] + first["duty_eia_t"]
    assert first["round"]["compliance_t"] == first["due_t"]


def test_money_moved_is_the_sum_of_the_lines_and_the_audit_is_clean(first: dict[str, Any]) -> None:
    assert first["money_moved_fen"] == first["lines_sum_fen"] > 0
    assert first["audit"] == {"ok": True, "breaches": []}


def test_the_round_is_proven_best(first: dict[str, Any]) -> None:
    assert (first["round"]["status"], first["round"]["gap_ppm"]) == ("optimal", {"coverage": 0, "surplus": 0})


def test_times_stand_under_seconds_only_one_for_each_stage(first: dict[str, Any]) -> None:
    assert list(first["seconds"]) == list(STAGES)
    assert not any(isinstance(said, float) for said in without_times(first).values())


# What it leaves in the data folder


def test_certificates_and_keys_are_written_for_anyone_to_verify(demo_folder: Path) -> None:
    keys = json.loads((demo_folder / "jwks.json").read_bytes())
    found = [verify(raw, keys).payload for raw in documents(demo_folder)]
    names = sorted(path.name for path in (demo_folder / "certificates").iterdir())
    assert names == sorted(f"{payload.number}.json" for payload in found)
    assert sum(int(payload.tonnes) for payload in found) == FIGURES["retired_t"]


def test_every_certificate_says_that_it_is_a_demo(demo_folder: Path) -> None:
    keys = json.loads((demo_folder / "jwks.json").read_bytes())
    assert DEMO_LEGAL_EFFECT == "DEMO 演示，无法律效力"
    assert {verify(raw, keys).payload.legal_effect for raw in documents(demo_folder)} == {DEMO_LEGAL_EFFECT}


def test_nothing_else_looks_like_a_certificate(demo_folder: Path) -> None:
    found = [path.relative_to(demo_folder) for path in demo_folder.rglob("*.json") if "certificate" in str(path)]
    assert {path.parts[0] for path in found} == {"certificates"}
    assert len(found) == FIGURES["certificates"]


def test_sign_ins_are_for_this_user_alone(demo_folder: Path) -> None:
    path = demo_folder / "demo-accounts.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    accounts = json.loads(path.read_bytes())
    assert {role for account in accounts.values() for role in account["roles"]} >= {"seller", "firm", "organiser"}
    assert all(account["password"] and account["api_key"].startswith("tanyi_") for account in accounts.values())
    assert list(demo_folder.glob("*.new")) == []


# Again, and after a kill


def test_a_second_run_prints_the_same_and_keeps_every_file(first: dict[str, Any], demo_folder: Path) -> None:
    before = [*documents(demo_folder), (demo_folder / "demo-accounts.json").read_bytes()]
    assert without_times(demo(demo_folder)) == without_times(first)
    assert [*documents(demo_folder), (demo_folder / "demo-accounts.json").read_bytes()] == before


def audit(folder: Path) -> Said:
    return tanyi("audit", "--json", "--data", folder, cwd=folder.parent)


def test_a_demo_that_is_killed_goes_on_where_it_stopped(first: dict[str, Any], servers_folder: Path) -> None:
    folder = servers_folder / "killed"
    try:
        for stage, wait_s in (("issuance", 0.15), ("event", 0.05), ("round", 0.15), ("settlement", 0.3)):
            _kill_in(folder, stage, wait_s)
        finished = demo(folder)
        own = {"demo_accounts"}
        assert {name: finished[name] for name in without_times(first) if name not in own} == {
            name: said for name, said in without_times(first).items() if name not in own
        }
        assert json.loads(audit(folder).out)["ok"] is True
    finally:
        embedded.stop_abandoned(folder)
    assert cluster.postmaster(folder) is None


def _kill_in(folder: Path, stage: str, wait_s: float) -> None:
    """Starts the demo and kills it so long after it says that it has come to a stage."""
    running = start_demo(folder)
    assert running.stderr is not None
    for line in running.stderr:
        if stage in line:
            time.sleep(wait_s)
            break
    running.send_signal(signal.SIGKILL)
    ended, said = running.wait(timeout=30), running.stderr.read()
    running.stderr.close()
    assert ended == -signal.SIGKILL, f"the demo ended by itself in {stage}: {said}"
