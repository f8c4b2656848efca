"""How far a solver is: the stage it works on, the bound it knows and the best it holds.

A solver calls `tell` with one of these whenever something changed; what becomes of it (a line on standard error, a row
that a page shows) is for the caller. Progress is told, never asked for, and has no influence on the outcome.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

READING, BOUNDING, LINES, REPAIR, PROOF, EXPLAINING = "reading", "bounding", "lines", "repair", "proof", "explaining"
STAGES = (READING, BOUNDING, LINES, REPAIR, PROOF, EXPLAINING)
Goals = tuple[int, int, int]  # compliance tonnes, voluntary tonnes, surplus in fen


@dataclass(frozen=True)
class Progress:
    """One report. `bound` and `best` are None until known; `best` always keeps every rule of the round."""

    stage: str
    bound: Goals | None
    best: Goals | None


Tell = Callable[[Progress], None]


def untold(progress: Progress) -> None:
    """Tells nobody."""
