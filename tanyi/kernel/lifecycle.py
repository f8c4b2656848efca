"""States as a table: which states a thing has, which moves are allowed, which states are final.

A capability declares one `Lifecycle` at its top; verbs ask it, nothing compares states by hand, and the docs draw it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tanyi.kernel.errors import N_, Conflict


class WrongState(Conflict):
    """The thing is in a state from which this move is not allowed."""

    code = "wrong_state"
    message = N_("This is not possible in the present state (%(thing)s: %(state)s, not to %(wanted)s).")


@dataclass(frozen=True)
class Lifecycle:
    """`moves` maps each state to the states that may follow it; an empty tuple makes it final."""

    thing: str
    initial: str
    moves: Mapping[str, tuple[str, ...]]

    @property
    def states(self) -> frozenset[str]:
        return frozenset(self.moves)

    @property
    def terminal(self) -> frozenset[str]:
        return frozenset(state for state, following in self.moves.items() if not following)

    def may(self, state: str, wanted: str) -> bool:
        return wanted in self.moves[state]

    def refuse_unless_may(self, state: str, wanted: str) -> None:
        if not self.may(state, wanted):
            raise WrongState(thing=self.thing, state=state, wanted=wanted)

    def reachable(self) -> frozenset[str]:
        """Every state that can be reached from the initial one (the tests want: all of them)."""
        seen, frontier = {self.initial}, [self.initial]
        while frontier:
            for following in self.moves[frontier.pop()]:
                if following not in seen:
                    seen.add(following)
                    frontier.append(following)
        return frozenset(seen)

    def as_mermaid(self) -> str:
        """The table as a state diagram for the documentation."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        lines += [f"    {state} --> {to}" for state, following in self.moves.items() for to in following]
        lines += [f"    {state} --> [*]" for state in sorted(self.terminal)]
        return "\n".join(lines)
