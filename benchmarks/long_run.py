"""`make long`: thousands of random rounds solved and checked, thousands of tiny ones held against trying everything.

Each round is a function of kind, seed and number, so that a run can be done in parts (`--kind wild --first 2000 --count
500`) and a round that went wrong can be made again. A part that begins at 0 begins the record of its kind anew.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import records, wild
from matching.certificate import read_certificate, write_certificate
from matching.checker import check
from matching.problem import Problem, read_problem, read_result, write_problem, write_result
from matching.solver import solve_certified
from tests.matching.brute_force import best_outcome

RESULTS = Path(__file__).resolve().parent / "results"
COUNTS = {"tiny": 2_000, "wild": 4_000, "market": 1_500, "auction": 1_000}
TOLD_EVERY, ENOUGH_WRONG = 100, 20


def wrong_with_tiny(number: int, seed: int) -> str | None:
    """What is wrong with the solver's answer to a tiny round; None when the three goals equal the best there is."""
    problem = wild.tiny(number, seed)
    result, wrong = _solved(problem)
    totals = result.totals
    reached, best = (totals.compliance_t, totals.voluntary_t, totals.surplus_fen), best_outcome(problem)
    return wrong if reached == best else f"reaches {reached}, the best is {best}"


def wrong_with(make: Callable[[int, int], Problem], number: int, seed: int) -> str | None:
    """What the checker finds wrong with the answer to a random round; None when nothing is."""
    return _solved(make(number, seed))[1]


KINDS: dict[str, Callable[[int, int], str | None]] = {
    "tiny": wrong_with_tiny,
    "wild": partial(wrong_with, wild.small_or_middling),
    "market": partial(wrong_with, wild.market),
    "auction": partial(wrong_with, wild.auction),
}


def _solved(problem: Problem) -> tuple[Any, str | None]:
    """The result as it reads from its file, and its first violation; the certificate must prove its bounds."""
    read = read_problem(write_problem(problem))
    proposed, proof = solve_certified(read)
    result = read_result(write_result(proposed))
    found = check(read, result, read_certificate(write_certificate(proof)))
    return result, str(found[0]) if found else None


def tried(kind: str, seed: int, number: int) -> tuple[int, str | None]:
    """A round's number and what went wrong with it, an exception included."""
    try:
        return number, KINDS[kind](number, seed)
    except Exception as broken:  # noqa: BLE001  one broken round must not end the run
        return number, f"{type(broken).__name__}: {broken}"


def part(kind: str, seed: int, first: int, count: int, jobs: int) -> dict[str, Any]:
    """Solves `count` rounds from number `first` on, on `jobs` processors; the figures of this part.

    Stops where `ENOUGH_WRONG` rounds went wrong: whatever it is, it will not get clearer.
    """
    began, wrong, done = time.perf_counter(), [], 0
    for number, complaint in _each(partial(tried, kind, seed), range(first, first + count), jobs):
        done += 1
        if complaint:
            wrong.append([number, complaint])
            tell(f"{kind} {number}, seed {seed}: {complaint}")
        if done % TOLD_EVERY == 0 or done == count:
            seconds = time.perf_counter() - began
            tell(
                f"{kind}: {done} of {count}, {len(wrong)} wrong, {seconds:.0f} of about {seconds / done * count:.0f} s"
            )
        if len(wrong) == ENOUGH_WRONG:
            break
    seconds = round(time.perf_counter() - began)
    return {"kind": kind, "seed": seed, "first": first, "count": done, "wrong": wrong, "seconds": seconds}


def _each(work: Any, numbers: range, jobs: int) -> Iterator[tuple[int, str | None]]:
    if jobs == 1:
        yield from map(work, numbers)
        return
    with ProcessPoolExecutor(jobs) as pool:
        try:
            yield from pool.map(work, numbers, chunksize=10)
        finally:
            pool.shutdown(cancel_futures=True)


def tell(words: str) -> None:
    """Progress, on stderr."""
    print(words, file=sys.stderr, flush=True)


def keep(figures: dict[str, Any], folder: Path) -> None:
    """Adds a part to the record; one that begins at 0 replaces all parts of its kind."""
    old = records.load(folder).get("long", {"runs": []})["runs"] if folder.is_dir() else []
    begins_anew = figures["first"] == 0
    kept = [run for run in old if not (run["kind"] == figures["kind"] and begins_anew)]
    records.store(folder, "long", [*kept, figures])


def main(given: list[str] | None = None) -> int:
    """Exit status 1 when a round went wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_run", description=__doc__)
    parser.add_argument("--kind", choices=list(KINDS), action="append", help="default: all")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, help=f"default: {COUNTS}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args(given)
    is_wrong = False
    for kind in asked.kind or KINDS:
        figures = part(kind, asked.seed, asked.first, asked.count or COUNTS[kind], asked.jobs)
        keep(figures, asked.results)
        is_wrong |= bool(figures["wrong"])
        print(f"{kind}: {figures['count']:,} rounds, {len(figures['wrong'])} wrong, {figures['seconds']} s")
    return int(is_wrong)


if __name__ == "__main__":
    raise SystemExit(main())
