"""All house rules together: importing this fills the list."""

from __future__ import annotations

from tests.house.rules import languages, leftovers, names, purity, quantities, sizes, states, tables, tests
from tests.house.rules.registry import RULES, Rule

THEMES = (sizes, purity, quantities, states, names, tables, languages, leftovers, tests)

__all__ = ["RULES", "THEMES", "Rule"]
