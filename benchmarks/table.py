"""The figures asked for and those measured, row by row: what `make bench` prints and the results page opens with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from benchmarks.sections import RATIOS, SMALL

Record = dict[str, Any]
Runs = list[dict[str, Any]]
NOT_MEASURED = "not measured"
UNLIMITED_FAMILY = "all_or_none_everywhere"
SHORT_PPM = 10_000
FIT_FROM = 2_000  # bids: below, the start of the program is most of the time


@dataclass(frozen=True)
class Row:
    """One line. `is_met` is None where nothing was measured at the size asked for, or where no limit is set."""

    what: str
    asked: str
    measured: str
    is_met: bool | None

    @property
    def verdict(self) -> str:
        return {True: "met", False: "MISSED", None: "–"}[self.is_met]


def rows(records: dict[str, Record]) -> list[Row]:
    """Every row of the issue, in its order."""
    made: list[Row] = []
    for key, what, asked, judge in _rows():
        record = records.get(key)
        if record is None or not record["runs"]:
            made.append(Row(what, asked, NOT_MEASURED, None))
            continue
        measured, is_met = judge(record["runs"])
        shrink = record.get("shrink", 1)
        if shrink != 1:
            measured, is_met = f"{measured} (a trial)", None
        made.append(Row(what, asked, measured, is_met))
    return made


Judge = Callable[[Runs], tuple[str, bool | None]]


def _rows() -> Iterable[tuple[str, str, str, Judge]]:
    """Record, what, what is asked, judge."""
    for (bids, lots), limit_s in zip(SMALL, (2, 20), strict=True):
        yield "small", f"{bids} × {lots}", f"optimal, ≤ {limit_s} s", _small(bids, limit_s)
    yield "peers", "100 × 500", "gaps ≤ 500 ppm, ≤ 2 s", _within(500, 2)
    for ratio in RATIOS:
        what, asked = f"5,000 × 20,000, ratio {ratio}", "gaps ≤ 1,000 ppm, median ≤ 6 s, worst ≤ 10 s, ≤ 512 MB"
        yield "large", what, asked, _of_ratio(ratio, _within(1_000, 6, worst_s=10, most_mb=512))
    yield "larger", "10,000 × 50,000", "gaps ≤ 1,000 ppm, ≤ 30 s, ≤ 1 GB", _within(1_000, 30, most_mb=1_000)
    yield "real", "real tonnes: 6,203 × 5,812", "gaps ≤ 1,000 ppm, ≤ 10 s", _within(1_000, 10)
    yield "milp", "scipy.milp, 500 × 2,000, easier model", "≥ 50 times faster at ≤ 100 ppm", _faster
    yield "hard", "hard families, 2,000 × 10,000", f"≤ 10,000 ppm in all but {UNLIMITED_FAMILY}", _hard
    yield "large", "greedy and order book, 5,000 × 20,000", "coverage and surplus beside ours", _queues
    yield "certificate", "certificate, 5,000 × 20,000", "checked in ≤ 1 s, ≤ 5 MB", _certificate
    yield "long", "brute force on tiny rounds", "≥ 2,000, goals equal", _long(["tiny"], 2_000, "differ")
    yield (
        "long",
        "random rounds, solved and checked",
        "≥ 5,000, 0 violations",
        _long(["wild", "market", "auction"], 5_000, "wrong"),
    )
    yield "determinism", "shuffled, 1 and 2 workers, repeated", "the same bytes", _determinism
    yield "growth", "growth to 20,000 × 100,000", "exponents of time and memory", _growth


def gap(run: dict[str, Any]) -> int:
    """The larger of a run's two gaps, ppm."""
    return max(run["coverage_ppm"], run["surplus_ppm"])


def done(runs: Runs) -> Runs:
    """The runs that came to a checked result."""
    return [run for run in runs if "failed" not in run]


def figures(runs: Runs) -> str:
    """Worst gaps, seconds and memory of some runs, in words."""
    sound = done(runs)
    if not sound:
        return f"all {len(runs)} runs failed: {runs[0]['failed']}"
    coverage, surplus = (max(run[key] for run in sound) for key in ("coverage_ppm", "surplus_ppm"))
    seconds, memory = [run["seconds"] for run in sound], max(run["peak_mb"] for run in sound)
    failed = f"; {len(runs) - len(sound)} runs failed" if len(sound) < len(runs) else ""
    return (
        f"coverage ≤ {coverage:,} ppm, surplus ≤ {surplus:,} ppm; median {median(seconds):.2f} s,"
        f" worst {max(seconds):.2f} s; {memory:.0f} MB{failed}"
    )


def _within(most_ppm: int, median_s: float, *, worst_s: float | None = None, most_mb: float | None = None) -> Judge:
    def judge(runs: Runs) -> tuple[str, bool]:
        sound = done(runs)
        is_met = len(sound) == len(runs) and (
            max(map(gap, runs)) <= most_ppm
            and median(run["seconds"] for run in runs) <= median_s
            and (worst_s is None or max(run["seconds"] for run in runs) <= worst_s)
            and (most_mb is None or max(run["peak_mb"] for run in runs) <= most_mb)
        )
        return figures(runs), is_met

    return judge


def _of_ratio(ratio: float, judge: Judge) -> Judge:
    return lambda runs: judge([run for run in runs if run["ratio"] == ratio])


def _small(bids: int, limit_s: float) -> Judge:
    def judge(runs: Runs) -> tuple[str, bool]:
        mine = [run for run in runs if run["bids"] == bids]
        optimal = sum(run.get("status") == "optimal" for run in mine)
        seconds = [run["seconds"] for run in mine]
        said = f"{optimal} of {len(mine)} optimal; median {median(seconds):.2f} s, worst {max(seconds):.2f} s"
        return said, optimal == len(mine) and max(seconds) <= limit_s

    return judge


def _faster(runs: Runs) -> tuple[str, bool]:
    sound = done(runs)
    if len(sound) < len(runs):
        return figures(runs), False
    times = [run["peers"][0]["seconds"] / run["seconds"] for run in sound]
    worst = max(map(gap, sound))
    said = f"{median(times):.0f} times faster ({min(times):.0f} to {max(times):.0f}) at ≤ {worst:,} ppm"
    return said, median(times) >= 50 and worst <= 100


def short_families(runs: Runs) -> dict[str, int]:
    """Families above 10,000 ppm, with their worst gap."""
    worst = {
        family: max(gap(run) for run in runs if run["family"] == family) for family in {run["family"] for run in runs}
    }
    return {family: ppm for family, ppm in sorted(worst.items()) if ppm > SHORT_PPM}


def _hard(runs: Runs) -> tuple[str, bool]:
    sound = done(runs)
    short = short_families(sound)
    said = f"{len(sound)} of {len(runs)} runs feasible, with a bound"
    names = ", ".join(f"{family} {ppm:,} ppm" for family, ppm in short.items())
    is_met = len(sound) == len(runs) and set(short) <= {UNLIMITED_FAMILY}
    return f"{said}; above 10,000 ppm: {names or 'none'}", is_met


def _queues(runs: Runs) -> tuple[str, bool]:
    said = []
    sound = [run for run in runs if run.get("peers")]
    for name in dict.fromkeys(peer["peer"] for run in sound for peer in run["peers"]):
        mine = [peer for run in sound for peer in run["peers"] if peer["peer"] == name]
        coverage = [100 - peer["coverage_ppm"] / 10_000 for peer in mine]
        surplus = [peer["surplus_of_ours_ppm"] / 10_000 for peer in mine]
        said.append(
            f"{name}: {min(coverage):.1f} to {max(coverage):.1f} % of the tonnes,"
            f" {min(surplus):.0f} to {max(surplus):.0f} % of our surplus"
        )
    return "; ".join(said), len(sound) == len(runs)


def _certificate(runs: Runs) -> tuple[str, bool]:
    sound = done(runs)
    if len(sound) < len(runs):
        return f"failed: {next(run['failed'] for run in runs if 'failed' in run)}", False
    seconds, size = max(run["check_seconds"] for run in runs), max(run["size_mb"] for run in runs)
    return f"checked in ≤ {seconds:.2f} s with the result, {size:.2f} MB", seconds <= 1 and size <= 5


def parts_of(runs: Runs, kind: str) -> tuple[int, int]:
    """How many different rounds of a kind the long run has done, and how many were wrong."""
    mine = [run for run in runs if run["kind"] == kind]
    numbers = {(run["seed"], number) for run in mine for number in range(run["first"], run["first"] + run["count"])}
    return len(numbers), sum(len(run["wrong"]) for run in mine)


def _long(kinds: Sequence[str], least: int, wrong_word: str) -> Judge:
    def judge(runs: Runs) -> tuple[str, bool]:
        count, wrong = (sum(figures) for figures in zip(*(parts_of(runs, kind) for kind in kinds), strict=True))
        return f"{count:,} rounds, {wrong} {wrong_word}", count >= least and not wrong

    return judge


def _determinism(runs: Runs) -> tuple[str, bool]:
    same = sum(run["different"] == 1 for run in done(runs))
    return f"{same} of {len(runs)} rounds gave the same bytes in all {runs[0]['results']} runs", same == len(runs)


def exponent(runs: Runs, key: str) -> float | None:
    """The slope of log(key) over log(lots) for the rounds of `FIT_FROM` bids and more; None for fewer than two."""
    points = [(run["lots"], run[key]) for run in done(runs)]
    kept = [point for point in points if point[0] >= 5 * FIT_FROM] or points
    if len({lots for lots, _ in kept}) < 2:
        return None
    lots, values = np.log(np.array(kept, dtype=float)).T
    return float(np.polyfit(lots, values, 1)[0])


def _growth(runs: Runs) -> tuple[str, bool | None]:
    sound = done(runs)
    if not sound:
        return figures(runs), False
    slopes = [f"{exponent(runs, key) or 0:.2f}" for key in ("seconds", "peak_mb")]
    largest = max(sound, key=lambda run: run["lots"])
    said = f"time grows with the lots to the power {slopes[0]}, memory {slopes[1]}; "
    size = f"{largest['bids']:,} × {largest['lots']:,}"
    return f"{said}{largest['seconds']:.0f} s and {largest['peak_mb']:.0f} MB at {size}", len(sound) == len(runs)
