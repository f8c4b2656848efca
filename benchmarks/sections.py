"""What is measured: one function per section of the results page, runs as figures out, progress told on the way.

The rounds come from `benchmarks.problems`; the seeds are fixed by whoever calls, and are not those that the solver was
tuned on. A section that compares runs the peers on the same rounds, one after the other.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import peers
from benchmarks.board import Board
from benchmarks.measuring import Bench
from benchmarks.problems import FAMILIES, drawn
from benchmarks.queues import ORDERS
from benchmarks.records import Runs
from matching.problem import Problem, write_problem

RATIOS = (0.7, 1.0, 1.5)
SMALL = ((25, 40), (60, 200))
GROWTH = (500, 1_000, 2_000, 5_000, 10_000, 20_000)  # bids; five lots for each
ONE_SEED_FROM = 10_000  # bids; larger rounds of the growth are measured once


@dataclass(frozen=True)
class Session:
    """How one run of the benchmarks is set: seeds, sizes divided by `shrink` (1 but for a trial), given files."""

    bench: Bench
    seeds: range
    small_seeds: range
    shrink: int
    peer_limit_s: float
    real: Path | None
    given: Path | None
    tell: Callable[[str], None]

    def size(self, bids: int, lots: int) -> tuple[int, int]:
        """The size to measure where this one is asked for."""
        return max(2, bids // self.shrink), max(2, lots // self.shrink)

    def measured(self, problem: Problem | Path, **labels: Any) -> dict[str, Any]:
        """One run, told."""
        run = self.bench.measured(problem, **labels)
        said = " ".join(f"{key} {value}" for key, value in labels.items())
        self.tell(f"{run['bids']} x {run['lots']} {said}: {in_short(run)}")
        return run


def in_short(run: dict[str, Any]) -> str:
    """A run in one line."""
    if "failed" in run:
        return f"FAILED, {run['failed']}"
    gaps = f"gaps {run['coverage_ppm']} and {run['surplus_ppm']} ppm"
    return f"{run['status']}, {gaps}, {run['seconds']:.2f} s, {run['peak_mb']:.0f} MB"


def small_rounds(session: Session) -> Runs:
    """A province's round: is it solved to a proven optimum?"""
    return [
        session.measured(drawn("base", bids, lots, seed=seed), seed=seed)
        for bids, lots in SMALL
        for seed in session.small_seeds
    ]


def against_peers(session: Session) -> Runs:
    """100 x 500 with every rule, and what the peers find in their time."""
    runs = []
    for seed in session.seeds:
        problem = drawn("base", 100, 500, seed=seed)
        run = session.measured(problem, seed=seed)
        if "failed" not in run:
            run["one_number_ppm"] = peers.our_gap_in_one_number(Board(problem), run["bound"], run["reached"])
            run["peers"] = list(_judged(session, problem, run, peers.peers_of_a_small_round(session.peer_limit_s)))
        runs.append(run)
    return runs


def _judged(
    session: Session, problem: Problem, run: dict[str, Any], asked: list[peers.Peer]
) -> Iterator[dict[str, Any]]:
    board = Board(problem)
    for peer in asked:
        figures = peers.judged(board, peer(board), run["bound"], run["reached"])
        short = f"{figures['one_number_ppm']} ppm below our bound" if figures["found"] else "nothing found"
        session.tell(f"  {figures['peer']}: {short}, {figures['seconds']:.2f} s, {figures['said']}")
        yield figures


def large_rounds(session: Session) -> Runs:
    """5,000 x 20,000 at three ratios of supply to demand, with the queues beside."""
    runs = []
    for ratio in RATIOS:
        for seed in session.seeds:
            problem = drawn("base", *session.size(5_000, 20_000), seed=seed, ratio=ratio)
            run = session.measured(problem, ratio=ratio, seed=seed)
            if "failed" not in run:
                queues: list[peers.Peer] = [lambda board, name=name: peers.by_queue(board, name) for name in ORDERS]
                run["peers"] = list(_judged(session, problem, run, queues))
            runs.append(run)
    return runs


def larger_rounds(session: Session) -> Runs:
    """10,000 x 50,000."""
    size = session.size(10_000, 50_000)
    return [session.measured(drawn("base", *size, seed=seed), seed=seed) for seed in session.seeds]


def real_round(session: Session) -> Runs:
    """A round of real tonnes, from a file that is not part of this repository."""
    if session.real is None:
        session.tell("no file was given (--real FILE): not measured")
        return []
    return [session.measured(session.real, file=session.real.name) for _ in session.seeds]


def against_milp(session: Session) -> Runs:
    """500 x 2,000 without minimum line and seller limit, against scipy's solver on the same file."""
    runs = []
    for seed in session.seeds:
        problem = easier(drawn("base", *session.size(500, 2_000), seed=seed))
        run = session.measured(problem, seed=seed)
        if "failed" not in run:

            def scipy(board: Board) -> peers.Answer:
                return peers.by_scipy(board, 10 * session.peer_limit_s, whole_tonnes=False)

            run["peers"] = list(_judged(session, problem, run, [scipy]))
        runs.append(run)
    return runs


def easier(problem: Problem) -> Problem:
    """The round without a minimum line and without a limit on the number of sellers."""
    bids = tuple(msgspec.structs.replace(bid, max_sellers=None) for bid in problem.bids)
    return msgspec.structs.replace(problem, id=f"{problem.id}-easier", min_line_t=1, bids=bids)


def hard_families(session: Session) -> Runs:
    """Every family of rounds that is hard for a known reason, at 2,000 x 10,000."""
    size = session.size(2_000, 10_000)
    return [
        session.measured(drawn(family, *size, seed=seed), family=family, seed=seed)
        for family in FAMILIES
        for seed in session.seeds
    ]


def certificates(session: Session) -> Runs:
    """The certificate of the bounds at 5,000 x 20,000: its size, and what it costs to verify."""
    runs, bench = [], session.bench
    for seed in session.seeds:
        problem = drawn("base", *session.size(5_000, 20_000), seed=seed)
        bench.problem_path.write_bytes(write_problem(problem))
        path = bench.scratch / "certificate.json"
        took = bench.match(bench.problem_path, "--certificate", path)
        run: dict[str, Any] = {"bids": len(problem.bids), "lots": len(problem.lots), "seed": seed}
        run |= {"seconds": took.seconds, "peak_mb": took.peak_mb}
        run |= {"failed": took.problem} if took.problem else _verified(bench, problem, path)
        session.tell(", ".join(f"{key} {value}" for key, value in run.items()))
        runs.append(run)
    return runs


def _verified(bench: Bench, problem: Problem, path: Path) -> dict[str, Any]:
    """A certificate's size; seconds of `tanyi check` with it, and of the check alone once the files are read."""
    from matching.certificate import read_certificate
    from matching.checker import check

    command = bench.run("check", bench.problem_path, bench.result_path, "--certificate", path)
    result, certificate = bench.result(), read_certificate(path.read_bytes())
    without_s, _ = _timed(lambda: check(problem, result))
    with_s, found = _timed(lambda: check(problem, result, certificate))
    figures = {"size_mb": round(path.stat().st_size / 1_000_000, 2), "command_seconds": command.seconds}
    figures |= {"check_seconds": round(with_s, 3), "certificate_seconds": round(max(0.0, with_s - without_s), 3)}
    wrong = str(found[0]) if found else command.problem
    return figures | ({"failed": wrong} if wrong else {})


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    done = work()
    return time.perf_counter() - began, done


def determinism(session: Session) -> Runs:
    """The same round with its lists shuffled, with one worker and two, twice each: are the results the same bytes?"""
    runs = []
    for bids, lots in ((25, 40), session.size(1_000, 5_000)):
        for seed in session.seeds:
            problem = drawn("base", bids, lots, seed=seed)
            answers = [answer for _ in range(2) for answer in _answers(session, problem, seed)]
            failed = [answer for answer in answers if isinstance(answer, str)]
            run: dict[str, Any] = {"bids": bids, "lots": lots, "seed": seed, "results": len(answers)}
            run |= {"different": len(set(answers))} | ({"failed": failed[0]} if failed else {})
            session.tell(f"{bids} x {lots} seed {seed}: {run['results']} results, {run['different']} different")
            runs.append(run)
    return runs


def _answers(session: Session, problem: Problem, seed: int) -> Iterator[bytes | str]:
    """Results of the problem as it is and shuffled, with one worker and two; seconds and megabytes put to 0.

    Of a command that fails, what it says.
    """
    shuffled = json.loads(write_problem(problem))
    draw, path = random.Random(seed), session.bench.problem_path
    for is_shuffled in (False, True):
        if is_shuffled:
            draw.shuffle(shuffled["lots"])
            draw.shuffle(shuffled["bids"])
        path.write_bytes(json.dumps(shuffled).encode())
        for workers in ("1", "2"):
            took = session.bench.match(path, "--workers", workers)
            if took.problem is not None:
                yield took.problem
                continue
            document = json.loads(session.bench.result_path.read_bytes())
            document["solver"] |= {"seconds": 0, "peak_mb": 0}
            yield json.dumps(document).encode()


def growth(session: Session) -> Runs:
    """Five lots for each bid, up to 20,000 x 100,000: how do time and memory grow?"""
    return [
        session.measured(drawn("base", *session.size(bids, 5 * bids), seed=seed), seed=seed)
        for bids in GROWTH
        for seed in (session.seeds if bids < ONE_SEED_FROM else session.seeds[:1])
    ]


def given_files(session: Session) -> Runs:
    """Every problem file of a folder."""
    if session.given is None:
        session.tell("no folder was given (--problems DIR): not measured")
        return []
    return [session.measured(path, file=path.name) for path in sorted(session.given.glob("*.json"))]


@dataclass(frozen=True)
class Section:
    """A section: its number on the command line, the name of its record, what it measures, minutes it may take."""

    number: int
    key: str
    title: str
    minutes: float
    runs: Callable[[Session], Runs]


SECTIONS = (
    Section(1, "small", "small rounds to a proven optimum", 14, small_rounds),
    Section(2, "peers", "100 x 500 against the peers", 6.5, against_peers),
    Section(3, "large", "5,000 x 20,000", 4, large_rounds),
    Section(4, "larger", "10,000 x 50,000", 2, larger_rounds),
    Section(5, "real", "real tonnes", 0.6, real_round),
    Section(6, "milp", "500 x 2,000 on the easier model against scipy", 3, against_milp),
    Section(7, "hard", "hard families at 2,000 x 10,000", 4, hard_families),
    Section(8, "certificate", "the certificate at 5,000 x 20,000", 0.7, certificates),
    Section(9, "determinism", "shuffled, workers, repeated", 1.5, determinism),
    Section(10, "growth", "growth to 20,000 x 100,000", 3, growth),
    Section(11, "given", "given files", 1, given_files),
)
