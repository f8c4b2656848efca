"""The plots of the results page, as SVG that reads in black and white. Each is drawn only when its section was measured."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from benchmarks.table import SHORT_PPM, Record, Runs, done, exponent, gap

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tanyi",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "legend.frameon": False,
}
WIDTH_IN = 7.2
OURS = "this matcher"
GREYS = ("0.3", "0.65", "1.0")
LIMITS_S = {25: 2, 60: 20}  # what is asked of small rounds, by bids


def draw(found: dict[str, Record], folder: Path) -> list[str]:
    """Writes bench-….svg for every section that has a plot and figures; gives the names written."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    with mpl.rc_context(STYLE):
        for key, plot in PLOTS.items():
            runs = done(found[key]["runs"]) if key in found else []
            figure = plot(runs) if runs else None
            if figure is not None:
                names.append(f"bench-{key}.svg")
                figure.savefig(folder / names[-1], metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    return names


def of_small_rounds(runs: Runs) -> Figure:
    """Share of small rounds answered within a time."""
    figure = Figure(figsize=(WIDTH_IN, 2.4))
    axes = figure.subplots()
    sizes = sorted({(run["bids"], run["lots"]) for run in runs})
    for (bids, lots), line in zip(sizes, ("-", "--"), strict=False):
        seconds = sorted(run["seconds"] for run in runs if run["bids"] == bids)
        shares = [100 * (k + 1) / len(seconds) for k in range(len(seconds))]
        axes.step(seconds, shares, line, where="post", color="black", label=f"{bids} × {lots}")
        axes.axvline(LIMITS_S.get(bids, 1), color="0.5", ls=line, lw=0.7)
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    axes.set(
        xlabel="seconds, start of the program included; upright lines: the limits",
        ylabel="% of rounds answered",
        ylim=(0, 102),
    )
    axes.legend(loc="lower right")
    return figure


def of_peers(runs: Runs) -> Figure | None:
    """How far each peer stays below our bound, one mark a round."""
    rows = [(OURS, [run["one_number_ppm"] for run in runs if "one_number_ppm" in run])]
    rows += [(name, [peer["one_number_ppm"] for peer in answers]) for name, answers in answers_of(runs).items()]
    figure = Figure(figsize=(WIDTH_IN, 0.36 * len(rows) + 0.9))
    axes = figure.subplots()
    _dots(axes, rows)
    axes.set_xlabel("below the proven bound, parts per million (0 is drawn at 1)")
    return figure


def of_queues(runs: Runs) -> Figure | None:
    """Coverage and surplus of the queues at each ratio of supply to demand, ours being 100 %."""
    answers = answers_of(runs)
    ratios = sorted({run["ratio"] for run in runs})
    if not answers:
        return None
    figure = Figure(figsize=(WIDTH_IN, 2.6))
    both = figure.subplots(1, 2, sharey=True)
    titles = ("tonnes matched, % of the bound", "surplus, % of ours")
    values = (lambda peer: 100 - peer["coverage_ppm"] / 10_000, lambda peer: peer["surplus_of_ours_ppm"] / 10_000)
    for axes, title, value in zip(both, titles, values, strict=True):
        for k, (name, given) in enumerate(answers.items()):
            heights = [median(value(peer) for peer in given if peer["ratio"] == ratio) for ratio in ratios]
            at = [place + (k - 1) * 0.26 for place in range(len(ratios))]
            axes.bar(at, heights, 0.24, color=GREYS[k % 3], edgecolor="black", lw=0.6, label=name)
        axes.axhline(100, color="black", lw=0.8, ls=":")
        axes.set_xticks(range(len(ratios)), [f"{ratio:g}" for ratio in ratios])
        axes.set(title=title, xlabel="supply ÷ demand")
    figure.legend(*both[0].get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=3)
    return figure


def of_hard_families(runs: Runs) -> Figure:
    """The larger gap of every round of every family, beside the limit."""
    families = list(dict.fromkeys(run["family"] for run in runs))
    rows = [(name, [gap(run) for run in runs if run["family"] == name]) for name in families]
    figure = Figure(figsize=(WIDTH_IN, 0.28 * len(rows) + 0.9))
    axes = figure.subplots()
    _dots(axes, rows)
    axes.axvline(SHORT_PPM, color="black", lw=0.8, ls=":")
    axes.set_xlabel("larger of the two proven gaps, parts per million (0 is drawn at 1); dotted: 10,000")
    return figure


def of_growth(runs: Runs) -> Figure:
    """Time and memory over the number of lots, both on logarithmic scales."""
    figure = Figure(figsize=(WIDTH_IN, 2.6))
    both = figure.subplots(1, 2)
    for axes, key, label in zip(both, ("seconds", "peak_mb"), ("seconds", "MB"), strict=True):
        lots = sorted({run["lots"] for run in runs})
        middle = [median(run[key] for run in runs if run["lots"] == size) for size in lots]
        axes.plot(
            [run["lots"] / 1_000 for run in runs], [run[key] for run in runs], "o", ms=3.5, mfc="none", color="black"
        )
        axes.plot([size / 1_000 for size in lots], middle, "-", lw=0.9, color="black")
        slope = exponent(runs, key)
        axes.set_xscale("log")
        axes.set_yscale("log")
        _plain_numbers(axes.xaxis)
        _plain_numbers(axes.yaxis)
        axes.set(
            xlabel="thousand lots (a fifth as many bids)",
            title=label if slope is None else f"{label}, slope {slope:.2f}",
        )
    return figure


def answers_of(runs: Runs) -> dict[str, list[dict[str, Any]]]:
    """The answers of each peer that found something, with the ratio of their round."""
    answers: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for peer in run.get("peers", []):
            if peer["found"]:
                answers.setdefault(peer["peer"], []).append(peer | {"ratio": run.get("ratio")})
    return answers


def _dots(axes: Axes, rows: list[tuple[str, list[int]]]) -> None:
    """One row a name, one mark a round, on a logarithmic scale."""
    for place, (_, values) in enumerate(rows):
        axes.plot([max(1, value) for value in values], [place] * len(values), "o", ms=4.5, mfc="none", color="black")
    axes.set_xscale("log")
    axes.set_xlim(left=0.7)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color="0.85", lw=0.5)
    axes.set_axisbelow(True)
    _plain_numbers(axes.xaxis)


def _plain_numbers(axis: Any) -> None:
    """1,000 and 0.5 rather than powers of ten, with 2 and 5 between where the axis is short."""
    low, high = axis.get_view_interval()
    if high < 500 * low:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axis.set_minor_formatter(lambda *_: "")


PLOTS = {
    "small": of_small_rounds,
    "peers": of_peers,
    "large": of_queues,
    "hard": of_hard_families,
    "growth": of_growth,
}
