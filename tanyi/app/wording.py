"""The words of notices, messages and tasks: from a kind and its facts to sentences in the reader's language.

Nothing that is stored is prose. Each kind has one row in `KINDS`: its name in the preferences, a line that can stand
alone (a subject, a text message) and a sentence or two. The ending of a fact's name says how it is written: `_fen` as
yuan, `_t` as tonnes, `_on` as a date, `_kind` and `_state` as the word of a code; names in two languages are shown in
the reader's. The result is plain text: whoever puts it into HTML escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from babel.dates import format_date

from tanyi.app.pages import labels
from tanyi.app.pages.formats import BABEL, DATES, NBSP, TONNE, whole, yuan
from tanyi.app.pages.rendering import catalog
from tanyi.kernel.errors import N_

INVITATION: Final = "invitation"


@dataclass(frozen=True)
class Wording:
    """`name` in the preferences; `line` alone; `text` below it. Msgids with the kind's facts as places."""

    name: str
    line: str
    text: str


KINDS: Mapping[str, Wording] = {
    "approval.asked": Wording(
        N_("Something waits for your approval"),
        N_("For your decision: %(act_kind)s, %(subject)s"),
        N_(
            "A colleague prepared this as %(approval)s. It waits for your decision until the end of %(until_on)s and "
            "lapses afterwards. Nothing has been done yet."
        ),
    ),
    "approval.decided": Wording(
        N_("What you prepared was decided"),
        N_("%(act_kind)s, %(subject)s: %(approval_state)s"),
        N_("What you prepared as %(approval)s has a new state: %(approval_state)s."),
    ),
    "approval.lapsed": Wording(
        N_("What you prepared has lapsed"),
        N_("Not decided in time: %(act_kind)s, %(subject)s"),
        N_("Nobody decided %(approval)s by its last day. Nothing was done. Prepare it again if it is still wanted."),
    ),
    "purchase.settled": Wording(
        N_("A purchase was delivered and paid"),
        N_("Delivered and paid: %(bought_t)s"),
        N_("Payment %(payment)s of %(amount_fen)s was settled and %(bought_t)s were delivered, in one step."),
    ),
    "certificate.issued": Wording(
        N_("A retirement certificate was issued"),
        N_("Certificate %(certificate)s was issued"),
        N_("It certifies that %(retired_t)s were retired for good. Anyone can verify it offline."),
    ),
    "round.outcome": Wording(
        N_("A round with your bid was published"),
        N_("Round %(round)s was published: %(matched_t)s for your bid"),
        N_(
            "Your bid %(bid)s asked for %(wanted_t)s and was matched with %(matched_t)s. Its page says why it was not "
            "more, where it was not."
        ),
    ),
    "task.due_soon": Wording(
        N_("A deadline is near"),
        N_("Due by %(due_on)s: %(task_kind)s, %(subject)s"),
        N_("This is still open. The last day is %(due_on)s."),
    ),
    INVITATION: Wording(
        N_("An invitation"),
        N_("Invitation to act for %(organisation)s"),
        N_(
            "Somebody who administers %(organisation)s invites you to act for it on Tanyi. The address below works once, "
            "until the end of %(until_on)s. If you did not expect this, do nothing."
        ),
    ),
}
CHOSEN_KINDS: Final = tuple(kind for kind in KINDS if kind != INVITATION)  # what a person may choose to get

ACTS: Mapping[str, str] = {
    "purchase.event": N_("Purchase for an event"),
    "purchase.cover": N_("Offset of an event"),
    "threshold.set": N_("Other threshold for the second person"),
}
TASKS: Mapping[str, str] = {
    "approval.decide": N_("Decide an approval"),
    "bid.confirm": N_("Confirm a bid"),
    "duty.cover": N_("Cover a duty"),
}
WORDS: Mapping[str, Callable[[str], str | None]] = {
    "act_kind": ACTS.get,
    "task_kind": TASKS.get,
    "approval_state": lambda code: labels.state_word("approval", code),
}


def line(kind: str, facts: Mapping[str, Any], locale: str) -> str:
    """One line that says it all; a kind that has no words any more is shown by its code."""
    return _filled(KINDS[kind].line, facts, locale) if kind in KINDS else kind


def text(kind: str, facts: Mapping[str, Any], locale: str) -> str:
    """The sentences below the line."""
    return _filled(KINDS[kind].text, facts, locale) if kind in KINDS else ""


def in_both_languages(kind: str, facts: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """`line` and `text` as things that have names, for pages."""
    said = {"line": line, "text": text}
    return {
        name: {f"name_{locale}": words(kind, facts, locale) for locale in ("zh", "en")} for name, words in said.items()
    }


def word_of(message: str | None, locale: str, code: str = "") -> str:
    """A word of one of the tables in the reader's language, or the bare code."""
    return catalog(locale).gettext(message) if message else code


def _filled(message: str, facts: Mapping[str, Any], locale: str) -> str:
    return catalog(locale).gettext(message) % {name: _said(name, fact, locale) for name, fact in facts.items()}


def _said(name: str, fact: Any, locale: str) -> str:
    if isinstance(fact, Mapping):
        return str(fact.get(f"name_{locale}") or fact.get("name_zh") or "")
    if name in WORDS:
        return word_of(WORDS[name](str(fact)), locale, str(fact))
    if name.endswith("_fen"):
        return yuan(fact)
    if name.endswith("_t"):
        return f"{whole(fact)}{NBSP}{TONNE[locale]}"
    if name.endswith("_on"):
        return format_date(date.fromisoformat(fact), DATES[locale], locale=BABEL[locale])
    return str(fact)
