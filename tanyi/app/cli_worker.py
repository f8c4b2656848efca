"""The command `worker`: solves the rounds of the queue and runs the errands until it is told to stop."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import rich_click as click

from tanyi.app.cli import cli, data_option, house_at, say


@cli.command()
@data_option
@click.option(
    "--memory-cap",
    type=click.IntRange(min=64),
    envvar="TANYI_SOLVER_MEMORY_MB",
    default=4096,
    show_default=True,
    help="Megabytes that a solver may use.",
)
@click.option("--parent", type=int, hidden=True, help="The process without which there is no reason to work.")
def worker(data: Path | None, memory_cap: int, parent: int | None) -> None:
    """Solve the rounds that wait for it, one after the other, and run the errands of the site meanwhile."""
    from tanyi.app import errands
    from tanyi.app.worker import MOST_PROCESSORS, Worker

    with house_at(data) as house:
        processors = min(MOST_PROCESSORS, os.cpu_count() or 1)
        working = Worker(house, memory_cap, processors, say, parent)
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, lambda *_: working.stop())
        with errands.beside(house, say):
            working.run()
