"""`python -m benchmarks`: measures the sections asked for (all without a number), draws the page, prints the table.

`--draw` draws the page again from what is kept; `--quick` tries everything at a tenth of the size and leaves the kept
figures alone (it writes under artifacts/).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import records
from benchmarks.measuring import Bench
from benchmarks.problems import drawn
from benchmarks.sections import SECTIONS, Section, Session
from benchmarks.table import rows

ROOT = Path(__file__).resolve().parents[1]
FIRST_SEED = 101  # the solver was tuned on other seeds


def tell(words: str) -> None:
    """Progress, on stderr."""
    print(words, file=sys.stderr, flush=True)


def arguments(given: list[str] | None) -> argparse.Namespace:
    """The command line."""
    numbers = "; ".join(f"{section.number} {section.title}" for section in SECTIONS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, epilog=f"Sections: {numbers}.")
    parser.add_argument("sections", nargs="*", type=int, metavar="SECTION")
    parser.add_argument("--seeds", type=int, default=3, help="rounds of each size (default: 3)")
    parser.add_argument("--small-seeds", type=int, default=200, help="small rounds of each size (default: 200)")
    parser.add_argument("--first-seed", type=int, default=FIRST_SEED)
    parser.add_argument("--peer-seconds", type=float, default=60, help="time of a general solver (default: 60)")
    parser.add_argument("--real", type=Path, help="a problem file of real tonnes, for section 5")
    parser.add_argument("--problems", type=Path, help="a folder of problem files, for section 11")
    parser.add_argument("--tanyi", type=Path, default=Path(sys.executable).with_name("tanyi"), help="the command")
    parser.add_argument("--quick", action="store_true", help="a trial: a tenth of the size, one seed, short limits")
    parser.add_argument("--draw", action="store_true", help="measure nothing, only draw the page")
    asked = parser.parse_args(given)
    if unknown := set(asked.sections) - {section.number for section in SECTIONS}:
        parser.error(f"there is no section {min(unknown)}")
    return asked


def session_of(asked: argparse.Namespace, scratch: Path) -> Session:
    """The settings of a run."""
    seeds, small, limit_s = (1, 10, 5.0) if asked.quick else (asked.seeds, asked.small_seeds, asked.peer_seconds)
    first = asked.first_seed
    return Session(
        bench=Bench(asked.tanyi, scratch),
        seeds=range(first, first + seeds),
        small_seeds=range(first, first + small),
        shrink=10 if asked.quick else 1,
        peer_limit_s=limit_s,
        real=asked.real,
        given=asked.problems,
        tell=tell,
    )


def chosen(asked: argparse.Namespace) -> list[Section]:
    """The sections to measure: those named, or all that have what they need."""
    if asked.draw:
        return []
    if asked.sections:
        return [section for section in SECTIONS if section.number in asked.sections]
    return [section for section in SECTIONS if section.key != "given" or asked.problems]


def measure(session: Session, sections: list[Section], results: Path) -> None:
    """Measures and keeps one section after the other."""
    if not sections:
        return
    left = sum(section.minutes for section in sections)
    tell(f"{len(sections)} sections, about {left:.0f} minutes on an idle machine with two cores")
    warm = session.bench.measured(drawn("base", 5, 5, seed=0))  # so that no section pays for cold files
    if "failed" in warm:
        raise SystemExit(f"{session.bench.tanyi} does not solve a round of five bids: {warm['failed']}")
    for section in sections:
        tell(f"[{section.number}] {section.title} (about {section.minutes:g} min)")
        began = time.perf_counter()
        runs = section.runs(session)
        took_s = round(time.perf_counter() - began)
        left -= section.minutes
        tell(f"[{section.number}] took {took_s} s; about {max(0, left):.0f} minutes to go")
        if runs:
            seeds = sorted({run["seed"] for run in runs if "seed" in run})
            facts = {"shrink": session.shrink, "took_s": took_s, "peer_limit_s": session.peer_limit_s}
            records.store(results, section.key, runs, seeds=[seeds[0], seeds[-1]] if seeds else None, **facts)


def main(given: list[str] | None = None) -> int:
    """Measures, draws, prints; 0 whether or not every figure is met."""
    asked = arguments(given)
    folder = ROOT / "artifacts" / "bench" if asked.quick else ROOT / "docs"
    results = folder / "results" if asked.quick else ROOT / "benchmarks" / "results"
    with tempfile.TemporaryDirectory(prefix="tanyi-bench-") as scratch:
        measure(session_of(asked, Path(scratch)), chosen(asked), results)
    found = records.load(results)
    from benchmarks import page, plots  # matplotlib is slow to load and holds memory

    plots.draw(found, folder / "images")
    page.write(found, folder / "benchmarks.md")
    for row in rows(found):
        print(f"{row.verdict:<7} {row.what:<40} {row.measured}\n{'':<7} {'':<40} asked: {row.asked}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
