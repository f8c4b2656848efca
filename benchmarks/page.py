"""`docs/benchmarks.md`, written from the kept figures and nothing else: the same figures give the same page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers import ppm
from benchmarks.problems import FAMILIES
from benchmarks.sections import RATIOS
from benchmarks.table import FIT_FROM, Record, Runs, done, gap, parts_of, rows, short_families

OPENING = """# Benchmarks

What the matcher reaches and how fast, beside what others reach on the same rounds. `make bench` measures all of it and
writes this page; `make bench SECTIONS="3 7" SEEDS=5` measures some of it. The figures are kept under `benchmarks/results/`.

Seconds are wall time of the whole command `tanyi match FILE -o RESULT`, the start of Python and the writing of the result
included. Memory is the operating system's peak of that command, in MB of 10^6 bytes. A result counts only after
`tanyi check` has said OK. The gaps are those of the result file, in parts per million of a proven bound: *coverage* is
about tonnes, *surplus* about the sum of (limit − ask) × tonnes at the tonnes reached. The rounds are drawn by
`benchmarks/problems.py` from seeds that the solver was not tuned on.
"""

CLOSING = """## What these figures do not say

- The rounds are drawn. Their shapes (log-normal quotas and lots, prices by type, a few large sellers) are assumptions in
  plausible ranges and fitted to no market; nothing here says what the gap is on a real book of Hebei.
- The general solvers get the textbook model with a variable for every pair and their default settings. Somebody who knows
  them well would prune it or generate columns, and do better.
- The seconds of the peers are those of building the model and solving it, in a program that already runs; ours include
  the start of the program and the reading and writing of files.
- The order book and the greedy rules follow other aims than ours. An order book serves the highest limits first, so that
  it keeps surplus and leaves tonnes unmatched: a consequence of its rule and not a defect.
- Times vary from run to run, and more between machines.
"""

WHY = {
    "all_or_none": "The bound lets a lot or a bid of all or none trade in part, which no outcome may.",
    "all_or_none_everywhere": "Every lot is a knapsack: whole lots must add up to whole bids. The bound cuts them freely.",
    "dominant_seller": "The bound sees the share of the largest sellers only; the caps on the others are left to the lines.",
    "tiny_quotas": "Lots and bids of about the minimum line must be packed; the bound cuts them freely.",
    "few_sellers": "Three sellers for each bid: large lots are contended for, and the bound lets every bid have the same ones.",
    "one_region": "Each prefecture is a small market of its own, so that all-or-none and shares weigh more.",
    "scarce_ecological": "The few ecological lots decide who can be served; each that is cut differently shows.",
}


def write(found: dict[str, Record], path: Path) -> None:
    """The page at `path`; its images stand in `images` beside it."""
    parts = [OPENING, circumstances(found), table(found)]
    for key, section in SECTIONS.items():
        if found.get(key, {}).get("runs"):
            parts.append(section(found[key]["runs"]))
            if (path.parent / "images" / f"bench-{key}.svg").exists() and key in IMAGES:
                parts.append(f"![{IMAGES[key]}](images/bench-{key}.svg)\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, CLOSING]), encoding="utf-8")


def circumstances(found: dict[str, Record]) -> str:
    """Machine, versions, days and seeds; more than one sentence when the sections were measured apart."""
    said: dict[str, list[str]] = {}
    for record in found.values():
        box = record["machine"]
        words = (
            f"Measured on {record['on']} on {box['cores']} cores ({box['model']}) with {box['memory_gb']} GB of memory,"
            f" Python {box['python']}, ortools {box['ortools']}, numpy {box['numpy']}, scipy {box['scipy']}"
        )
        seeds = record.get("seeds")
        said.setdefault(words, []).append(record["section"] + (f" (seeds {seeds[0]} to {seeds[1]})" if seeds else ""))
    return "\n".join(f"{words}: {', '.join(names)}." for words, names in said.items()) + "\n"


def table(found: dict[str, Record]) -> str:
    """What is asked, what is measured, and whether that is enough."""
    lines = [f"| {row.what} | {row.asked} | {row.measured} | {row.verdict} |" for row in rows(found)]
    return _table("## Asked and measured", "what", "asked", "measured", "", lines=lines)


def small(runs: Runs) -> str:
    """Small rounds."""
    lines = []
    for bids, lots in dict.fromkeys((run["bids"], run["lots"]) for run in runs):
        mine = [run for run in runs if run["bids"] == bids]
        seconds, optimal = sorted(run["seconds"] for run in mine), sum(run.get("status") == "optimal" for run in mine)
        late = seconds[min(len(seconds) - 1, len(seconds) * 95 // 100)]
        figures = f"{median(seconds):.2f} | {late:.2f} | {seconds[-1]:.2f}"
        lines.append(f"| {bids} × {lots} | {len(mine)} | {optimal} | {figures} |")
    words = (
        "## Small rounds\n\nA province's round has some 25 to 60 bids. They are searched to the end: branch and bound closes"
        " what the flow leaves open, so that the status is `optimal`. The plot shows the share answered within a time."
    )
    heads = ("size", "rounds", "optimal", "median, s", "95 of 100 within, s", "worst, s")
    return _table(words, *heads, lines=lines)


def peers(runs: Runs) -> str:
    """The peers at 100 x 500."""
    sound = [run for run in done(runs) if "peers" in run]
    ours = [
        {"violations": 0, "seconds": run["seconds"], "found": True, "one_number_ppm": run["one_number_ppm"]}
        | {"compliance_ppm": ppm(run["bound"][0] - run["reached"][0], run["bound"][0])}
        | {"coverage_ppm": run["coverage_ppm"], "surplus_of_ours_ppm": 1_000_000}
        for run in sound
    ]
    lines = [_peer_row(name, answers) for name, answers in {"this matcher": ours, **_answers(sound)}.items()]
    words = (
        "## 100 × 500 against the peers\n\nEvery rule of the round, the same file for all. The first gap is in one number, as"
        " the general solvers maximise it: a weight for each tonne (twice for duties) that just outweighs any difference of"
        " prices, plus the surplus. All gaps are against our bound; surplus is compared with ours, since whoever matches"
        " fewer tonnes may have more of it. Medians over the rounds, the worst in brackets."
    )
    heads = ("", "gap in one number, ppm", "duties, ppm", "all tonnes, ppm", "surplus, % of ours", "seconds", "")
    return _table(words, *heads, lines=lines)


def _peer_row(name: str, answers: Runs) -> str:
    found = [answer for answer in answers if answer["found"]]
    seconds = f"{median(answer['seconds'] for answer in answers):.2f}"
    if not found:
        return f"| {name} | – | – | – | – | {seconds} | no outcome in its time |"
    cells = [
        f"{median(values):,.0f} ({max(values):,.0f})"
        for key in ("one_number_ppm", "compliance_ppm", "coverage_ppm")
        if (values := [answer[key] for answer in found])
    ]
    surplus = median(answer["surplus_of_ours_ppm"] / 10_000 for answer in found)
    wrong = sum(answer["violations"] > 0 for answer in found)
    rest = [f"no outcome in {len(answers) - len(found)} of {len(answers)}"] if len(found) < len(answers) else []
    rest += [f"{wrong} break a rule"] if wrong else []
    return f"| {name} | {' | '.join(cells)} | {surplus:.1f} | {seconds} | {'; '.join(rest)} |"


def large(runs: Runs) -> str:
    """The large rounds and the queues beside."""
    lines = [_large_row(f"{ratio:g}", [run for run in runs if run["ratio"] == ratio]) for ratio in RATIOS]
    heads = ("supply ÷ demand", "coverage gap, ppm", "surplus gap, ppm", "seconds", "MB")
    first = _table(
        "## 5,000 × 20,000\n\nAll rules, three ratios of supply to demand; every round's figure, in the order of the seeds.",
        *heads,
        lines=lines,
    )
    lines = []
    for name, answers in _answers(runs).items():
        for ratio in RATIOS:
            mine = [answer for answer in answers if answer["ratio"] == ratio]
            if mine:
                lines.append(_queue_row(name, ratio, mine))
    heads = ("rule", "supply ÷ demand", "tonnes, % of the bound", "surplus, % of ours", "seconds", "break a rule")
    return first + "\n" + _table("Without an optimiser, on the same rounds (medians):", *heads, lines=lines)


def _large_row(name: str, runs: Runs) -> str:
    sound = done(runs)
    keys = (("coverage_ppm", ",.0f"), ("surplus_ppm", ",.0f"), ("seconds", ".2f"), ("peak_mb", ".0f"))
    cells = [" · ".join(format(run[key], form) for run in sound) or "failed" for key, form in keys]
    return f"| {name} | {' | '.join(cells)} |"


def _queue_row(name: str, ratio: float, answers: Runs) -> str:
    coverage = median(100 - answer["coverage_ppm"] / 10_000 for answer in answers)
    surplus = median(answer["surplus_of_ours_ppm"] / 10_000 for answer in answers)
    seconds, wrong = (
        median(answer["seconds"] for answer in answers),
        sum(answer["violations"] > 0 for answer in answers),
    )
    return f"| {name} | {ratio:g} | {coverage:.2f} | {surplus:.1f} | {seconds:.1f} | {wrong} |"


def larger(runs: Runs) -> str:
    """The larger rounds."""
    heads = ("", "coverage gap, ppm", "surplus gap, ppm", "seconds", "MB")
    return _table("## 10,000 × 50,000", *heads, lines=[_large_row("each seed", runs)])


def real(runs: Runs) -> str:
    """The round of real tonnes."""
    size = f"{runs[0]['bids']:,} duties × {runs[0]['lots']:,} lots" if runs else ""
    words = (
        f"## Real tonnes\n\n{size}, a file that is not part of this repository: duties of 10 % of the verified emissions above"
        " the benchmark for the installations of the EU Transaction Log in 2021, lots of what remains in the Voluntary"
        " Registry Offsets Database v2025-12. Prices and wishes are drawn, since nobody publishes them. Repeated runs."
    )
    heads = ("", "coverage gap, ppm", "surplus gap, ppm", "seconds", "MB")
    return _table(words, *heads, lines=[_large_row("each run", runs)])


def milp(runs: Runs) -> str:
    """The easier model against scipy."""
    lines = []
    for run in done(runs):
        peer = run["peers"][0]
        lines.append(
            f"| {run['seed']} | {run['seconds']:.2f} ({run['solver_seconds']:.2f}) | {gap(run):,} | {peer['seconds']:.1f} |"
            f" {peer['one_number_ppm'] if peer['found'] else '–'} | {peer['said']} |"
            f" {peer['seconds'] / run['seconds']:.0f} |"
        )
    words = (
        "## 500 × 2,000 on the easier model\n\nNo minimum line and no limit on sellers; both solve the same file. For"
        " scipy's solver tonnes may be fractions, which is easier still, and it stops at its default tolerance of 100 ppm."
        " Its seconds are building the model and solving it; ours are the whole command, in brackets the solver alone."
    )
    heads = (
        "seed",
        "our seconds",
        "our larger gap, ppm",
        "its seconds",
        "its gap in one number, ppm",
        "it says",
        "ratio",
    )
    return _table(words, *heads, lines=lines)


def hard(runs: Runs) -> str:
    """The hard families."""
    lines = [
        _large_row(f"`{family}`: {FAMILIES[family]}", mine)
        for family in FAMILIES
        if (mine := [run for run in runs if run["family"] == family])
    ]
    heads = ("family", "coverage gap, ppm", "surplus gap, ppm", "seconds", "MB")
    text = _table("## Hard families at 2,000 × 10,000", *heads, lines=lines)
    short = short_families(done(runs))
    if not short:
        return text + "\nNo family is above 10,000 ppm.\n"
    reasons = "\n".join(f"- `{family}`, {ppm:,} ppm. {WHY.get(family, '')}".rstrip() for family, ppm in short.items())
    return f"{text}\nAbove 10,000 ppm, and why (a gap is the distance to the bound, not to the best outcome):\n\n{reasons}\n"


def certificate(runs: Runs) -> str:
    """The certificate."""
    lines = [
        f"| {run['seed']} | {run['size_mb']:.2f} | {run['certificate_seconds']:.2f} | {run['check_seconds']:.2f} |"
        f" {run['command_seconds']:.2f} | {run['seconds']:.2f} |"
        if "failed" not in run
        else f"| {run['seed']} | failed: {run['failed']} | | | | |"
        for run in runs
    ]
    words = "## The certificate at 5,000 × 20,000\n\nSeconds to verify the bounds alone, with the whole result, and as a command."
    heads = (
        "seed",
        "MB",
        "bounds, s",
        "bounds and result, s",
        "`tanyi check --certificate`, s",
        "`tanyi match --certificate`, s",
    )
    return _table(words, *heads, lines=lines)


def determinism(runs: Runs) -> str:
    """The same bytes."""
    sizes = ", ".join(dict.fromkeys(f"{run['bids']:,} × {run['lots']:,}" for run in runs))
    count, same = sum(run["results"] for run in runs), sum(run["different"] == 1 for run in done(runs))
    return (
        f"## The same bytes\n\n{count} results of {len(runs)} rounds ({sizes}): lists as they are and shuffled, one worker and"
        f" two, each twice. But for `seconds` and `peak_mb`, {same} of {len(runs)} rounds gave one and the same document.\n"
    )


def growth(runs: Runs) -> str:
    """Growth."""
    sizes = dict.fromkeys((run["bids"], run["lots"]) for run in runs)
    lines = [_large_row(f"{bids:,} × {lots:,}", [run for run in runs if run["lots"] == lots]) for bids, lots in sizes]
    words = (
        "## Growth\n\nFive lots for each bid, supply equal to demand. The slopes in the plot are fitted to the rounds of"
        f" {FIT_FROM:,} bids and more: below, the start of the program is most of the time."
    )
    heads = ("size", "coverage gap, ppm", "surplus gap, ppm", "seconds", "MB")
    return _table(words, *heads, lines=lines)


def long(runs: Runs) -> str:
    """The long run."""
    kinds = {
        "tiny": "tiny rounds (up to 4 bids and 5 lots), goals 1 to 3 held against trying everything",
        "wild": "rounds with every field drawn without sense, solved and checked",
        "market": "small rounds of the hard families, solved and checked",
        "auction": "auctions, solved and checked",
    }
    counted = {kind: parts_of(runs, kind) for kind in kinds}
    lines = [f"| {words} | {counted[kind][0]:,} | {counted[kind][1]} |" for kind, words in kinds.items()]
    return _table("## The long run\n\n`make long`.", "what", "rounds", "wrong", lines=lines)


def given(runs: Runs) -> str:
    """Given files."""
    lines = [_large_row(f"{run['file']} ({run['bids']:,} × {run['lots']:,})", [run]) for run in runs]
    return _table("## Given files", "file", "coverage gap, ppm", "surplus gap, ppm", "seconds", "MB", lines=lines)


def _answers(runs: Runs) -> dict[str, list[dict[str, Any]]]:
    answers: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for peer in run.get("peers", []):
            answers.setdefault(peer["peer"], []).append(peer | {"ratio": run.get("ratio")})
    return answers


def _table(before: str, *heads: str, lines: list[str]) -> str:
    """Words, a heading row and rows."""
    rule = "|".join("---" for _ in heads)
    return "\n".join([f"{before}\n", f"| {' | '.join(heads)} |", f"|{rule}|", *lines]) + "\n"


SECTIONS: dict[str, Callable[[Runs], str]] = {
    "small": small,
    "peers": peers,
    "large": large,
    "larger": larger,
    "real": real,
    "milp": milp,
    "hard": hard,
    "certificate": certificate,
    "determinism": determinism,
    "growth": growth,
    "long": long,
    "given": given,
}
IMAGES = {
    "small": "Share of small rounds answered within a time",
    "peers": "Gap of each peer to the proven bound at 100 × 500",
    "large": "Coverage and surplus of greedy rules and an order book at 5,000 × 20,000",
    "hard": "Proven gap of the hard families",
    "growth": "Time and memory over the number of lots",
}
