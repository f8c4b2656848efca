"""From a command that runs to a row of the table: what is measured, kept, judged and written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import long_run, page, records, table
from benchmarks.measuring import Bench
from benchmarks.problems import drawn
from matching.problem import write_problem

TANYI = Path(sys.executable).with_name("tanyi")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(TANYI, tmp_path)


class TestACommand:
    def test_is_measured_and_its_result_checked(self, bench: Bench) -> None:
        held = bytearray(b"x") * 300_000_000  # what the benchmark itself holds is not the command's memory
        run = bench.measured(drawn("base", 6, 20, seed=1), seed=1)
        assert len(held) / 1_000_000 > run["peak_mb"] > 20
        assert run["seed"] == 1 and (run["bids"], run["lots"]) == (6, 20)
        assert 0 < run["solver_seconds"] < run["seconds"]
        assert run["bound"][0] >= run["reached"][0] > 0
        assert run["status"] in {"optimal", "bounded"}

    def test_that_fails_says_why(self, bench: Bench, tmp_path: Path) -> None:
        told = bench.run("match", tmp_path / "nothing.json")
        assert told.problem is not None and "cannot be read" in told.problem

    def test_reads_a_given_file_as_it_is(self, bench: Bench, tmp_path: Path) -> None:
        path = tmp_path / "given.json"
        path.write_bytes(write_problem(drawn("base", 3, 8, seed=2)))
        assert bench.measured(path, file=path.name)["file"] == "given.json"


class TestARecord:
    def test_keeps_runs_and_circumstances(self, tmp_path: Path) -> None:
        records.store(tmp_path, "small", [run_of(25, 0.5)], seeds=[1, 1], shrink=1)
        found = records.load(tmp_path)["small"]
        assert found["runs"] == [run_of(25, 0.5)]
        assert found["machine"]["cores"] >= 1 and found["machine"]["ortools"].startswith("9.")


def run_of(bids: int, seconds: float, **others: Any) -> dict[str, Any]:
    usual = {"bids": bids, "lots": 4 * bids, "seed": 1, "seconds": seconds, "peak_mb": 90.0, "status": "optimal"}
    usual |= {"coverage_ppm": 0, "surplus_ppm": 0, "lines": 5, "solver_seconds": 0.1}
    return usual | {"reached": [5, 0, 9], "bound": [5, 0, 9]} | others


def row(records_: dict[str, Any], what: str) -> table.Row:
    return next(one for one in table.rows(records_) if one.what.startswith(what))


class TestAVerdict:
    def test_is_none_where_nothing_was_measured(self) -> None:
        assert {(one.measured, one.verdict) for one in table.rows({})} == {(table.NOT_MEASURED, "–")}

    def test_is_met_when_every_figure_is_within_its_limit(self) -> None:
        assert row({"larger": {"runs": [run_of(10_000, 29.0)]}}, "10,000").verdict == "met"

    @pytest.mark.parametrize(
        "worse",
        [
            {"seconds": 31.0},
            {"peak_mb": 1_001.0},
            {"coverage_ppm": 1_001},
            {"surplus_ppm": 1_001},
            {"failed": "killed"},
        ],
    )
    def test_is_missed_when_one_figure_is_not(self, worse: dict[str, Any]) -> None:
        runs = [run_of(10_000, 29.0) | worse]
        assert row({"larger": {"runs": runs}}, "10,000").verdict == "MISSED"

    def test_of_small_rounds_asks_every_one_to_be_optimal(self) -> None:
        runs = [run_of(25, 1.0), run_of(25, 1.0, status="bounded"), run_of(60, 5.0)]
        found = {"small": {"runs": runs}}
        assert (row(found, "25 × 40").verdict, row(found, "60 × 200").verdict) == ("MISSED", "met")

    def test_of_the_hard_families_leaves_out_the_one_without_a_limit(self) -> None:
        hopeless = run_of(9, 1.0, family="all_or_none_everywhere", surplus_ppm=90_000)
        found = {"hard": {"runs": [hopeless, run_of(9, 1.0, family="ties")]}}
        assert row(found, "hard").verdict == "met"
        found["hard"]["runs"].append(run_of(9, 1.0, family="few_sellers", coverage_ppm=20_000))
        assert row(found, "hard").verdict == "MISSED"
        assert "few_sellers 20,000 ppm" in row(found, "hard").measured

    def test_is_not_given_for_a_trial_at_another_size(self) -> None:
        assert row({"larger": {"runs": [run_of(1_000, 2.0)], "shrink": 10}}, "10,000").verdict == "–"

    def test_of_equal_bytes_counts_no_round_that_failed_in_the_same_way_every_time(self) -> None:
        runs = [{"bids": 9, "lots": 9, "seed": 1, "results": 8, "different": 1}]
        assert row({"determinism": {"runs": runs}}, "shuffled").verdict == "met"
        assert row({"determinism": {"runs": [runs[0] | {"failed": "killed"}]}}, "shuffled").verdict == "MISSED"

    def test_of_growth_is_the_slope_of_the_logarithms(self) -> None:
        runs = [run_of(10, lots / 1_000, lots=lots) | {"peak_mb": 50.0} for lots in (10_000, 20_000, 80_000)]
        assert table.exponent(runs, "seconds") == pytest.approx(1)
        assert table.exponent(runs, "peak_mb") == pytest.approx(0, abs=1e-9)


class TestThePage:
    def test_states_figures_limits_verdicts_and_circumstances(self, tmp_path: Path) -> None:
        records.store(tmp_path / "results", "larger", [run_of(10_000, 29.0)], seeds=[101, 103], shrink=1)
        page.write(records.load(tmp_path / "results"), tmp_path / "benchmarks.md")
        written = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
        assert "| 10,000 × 50,000 | gaps ≤ 1,000 ppm, ≤ 30 s, ≤ 1 GB |" in written
        assert "(seeds 101 to 103)" in written and "ortools 9." in written
        assert "| not measured | – |" in written


class TestTheLongRun:
    def test_finds_nothing_wrong_in_a_slice_of_it(self, tmp_path: Path) -> None:
        asked = ["--count", "6", "--jobs", "1", "--results", str(tmp_path)]
        assert long_run.main(asked) == 0
        runs = records.load(tmp_path)["long"]["runs"]
        assert {table.parts_of(runs, kind) for kind in long_run.KINDS} == {(6, 0)}

    def test_adds_parts_up_and_counts_no_round_twice(self, tmp_path: Path) -> None:
        for first in (0, 10, 15):
            long_run.keep({"kind": "wild", "seed": 1, "first": first, "count": 10, "wrong": []}, tmp_path)
        assert table.parts_of(records.load(tmp_path)["long"]["runs"], "wild") == (25, 0)

    def test_names_a_round_that_went_wrong(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setitem(long_run.KINDS, "tiny", lambda number, _: "too few tonnes" if number == 3 else None)
        asked = ["--kind", "tiny", "--count", "5", "--jobs", "1", "--results", str(tmp_path)]
        assert long_run.main(asked) == 1
        assert records.load(tmp_path)["long"]["runs"][0]["wrong"] == [[3, "too few tonnes"]]
