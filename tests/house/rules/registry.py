"""The list of house rules: each a sentence, the files it holds for, and a checker from sources to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.house.tree import Finding, Source

FileChecker = Callable[[Source], Iterable[Finding]]
TreeChecker = Callable[[list[Source]], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """`name` is the checker's own name; `law` its docstring's first line."""

    name: str
    law: str
    where: Callable[[Source], bool]
    check: TreeChecker

    def findings(self, sources: Iterable[Source]) -> list[Finding]:
        """Every breach of this rule in the files it holds for."""
        return list(self.check([source for source in sources if self.where(source)]))


RULES: dict[str, Rule] = {}


def is_ours(source: Source) -> bool:
    """The default reach of a rule: a module of the four packages."""
    return source.is_ours


def anywhere(source: Source) -> bool:
    """The reach of a rule that holds for every committed text file."""
    return bool(source.path)


def rule(where: Callable[[Source], bool] = is_ours) -> Callable[[FileChecker], FileChecker]:
    """Registers a checker that looks at one file at a time."""

    def register(checker: FileChecker) -> FileChecker:
        def check(sources: list[Source]) -> Iterator[Finding]:
            for source in sources:
                yield from checker(source)

        _register(checker, where, check)
        return checker

    return register


def tree_rule(where: Callable[[Source], bool] = is_ours) -> Callable[[TreeChecker], TreeChecker]:
    """Registers a checker that needs the whole tree at once, such as one that wants a code to be unique."""

    def register(checker: TreeChecker) -> TreeChecker:
        _register(checker, where, checker)
        return checker

    return register


def _register(checker: Callable[..., object], where: Callable[[Source], bool], check: TreeChecker) -> None:
    name = getattr(checker, "__name__", "")
    assert name not in RULES, f"two house rules are called {name}"
    RULES[name] = Rule(name, (checker.__doc__ or "").strip().splitlines()[0], where, check)


def outside(*prefixes: str) -> Callable[[Source], bool]:
    """Our modules but those whose path begins with one of the prefixes."""
    return lambda source: source.is_ours and not source.path.startswith(prefixes)


def inside(*prefixes: str) -> Callable[[Source], bool]:
    """Our modules whose path begins with one of the prefixes."""
    return lambda source: source.is_ours and source.path.startswith(prefixes)
