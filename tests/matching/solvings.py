"""Rounds that wait to be solved, and the solver's processes as the system sees them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import psutil

from matching import rounds, solving
from matching.tables import Solving
from tests.market_makers import ROUND, Market, make_duties, make_offers, make_round

PATIENCE_S = 20.0


def make_closed_round(market: Market) -> str:
    """Two duties of 1,000 t and 500 t and two offers of 3,000 t, frozen; gives the round's number."""
    make_duties(market, E01="10000", E02="5000")
    make_offers(market)
    make_round(market)
    with market.work() as work:
        rounds.close(work, number=ROUND)
    return ROUND


def request(market: Market, **limits: int) -> int:
    """Puts the round into the queue, as the operator does; gives the solving's id."""
    with market.work() as work:
        return solving.request(work, number=ROUND, **limits)


def cancel(market: Market) -> None:
    """Cancels the round's solving, as the operator does."""
    with market.work() as work:
        solving.cancel(work, number=ROUND)


def the_round(market: Market) -> rounds.Round:
    """The round as it stands now."""
    with market.house.open_reader() as reader:
        return rounds.by_number(reader, ROUND)


def newest(market: Market) -> Solving:
    """The round's newest solving as it stands now."""
    with market.house.open_reader() as reader:
        found = solving.newest(reader, rounds.by_number(reader, ROUND).id)
    assert found is not None
    return found


def until(is_so: Callable[[], object], patience_s: float = PATIENCE_S) -> float:
    """Waits until something is so; gives the seconds it took."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < patience_s, "it did not come to pass"
        time.sleep(0.01)
    return time.monotonic() - started


def solvers(under: int | None = None) -> list[psutil.Process]:
    """The solver's processes below a process, ours unless another is named."""
    return [
        each for each in psutil.Process(under or os.getpid()).children(recursive=True) if runs(each, "matching.apart")
    ]


def runs(process: psutil.Process, word: str) -> bool:
    """Whether a process lives and was started with this word."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and word in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def frozen_solver(under: int | None = None) -> psutil.Process:
    """The solver's process as soon as it is there, stopped: it now thinks for as long as a test wants it to."""
    until(lambda: solvers(under))
    (found,) = solvers(under)
    found.suspend()
    return found


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
