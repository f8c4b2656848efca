"""Forms: what somebody typed, read field by field; what cannot be read is said beside its field.

What was typed is kept as it was, so that nobody types twice. Figures are read exactly: no float, no rounding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from tanyi.app.pages.pieces import MOST_DIGITS, UNPRINTABLE, price_fen
from tanyi.app.pages.rendering import translate
from tanyi.kernel.errors import N_, Refusal
from tanyi.kernel.idempotency import KeyMissing, KeyUsedOtherwise
from tanyi.kernel.quantities import Money, Tonnes

LONGEST_TEXT: Final = 200
WHOLE = re.compile(rf"[0-9]{{1,{MOST_DIGITS}}}", re.ASCII)
SHARE = re.compile(r"[0-9]{1,3}(\.[0-9])?", re.ASCII)

MISSING = N_("Please fill this in.")
NOT_WHOLE = N_("Write whole tonnes in figures, such as 120.")
NOT_A_PRICE = N_("Write the price in yuan with at most two decimals, such as 56.50.")
NOT_A_SHARE = N_("Write a share between 0 and 100 with at most one decimal, such as 50.")
NOT_A_DATE = N_("Write the date as year, month and day, such as 2026-11-08.")
SENT_BEFORE = N_("This form was sent before, with other entries. Look at your page first; send it again for one more.")
TOO_LONG = N_("At most %(longest)s characters.")


class Form:
    """One form as it was sent: `typed` for showing it again, `errors` by field in the reader's language."""

    def __init__(self, sent: Mapping[str, Any], fields: tuple[str, ...], locale: str) -> None:
        self.typed = {name: UNPRINTABLE.sub("", str(sent.get(name) or "")).strip()[:1000] for name in fields}
        self.errors: dict[str, str] = {}
        self.locale = locale

    def say(self, field: str, message: str, **facts: object) -> None:
        """Notes what is wrong with a field; the first word stands."""
        self.errors.setdefault(field, translate(message, locale=self.locale, **facts))

    def say_refusal(self, field: str, refusal: Refusal) -> None:
        """Notes a refusal beside the field that it is about; what is said of keys to programs means a form here."""
        is_about_key = isinstance(refusal, KeyMissing | KeyUsedOtherwise)
        self.say(field, SENT_BEFORE if is_about_key else refusal.message, **({} if is_about_key else refusal.facts))

    def tonnes(self, field: str) -> Tonnes:
        """Whole tonnes; 0 when they cannot be read."""
        said = self._said(field).replace(",", "")
        if said and not WHOLE.fullmatch(said):
            self.say(field, NOT_WHOLE)
        return Tonnes(int(said)) if WHOLE.fullmatch(said) else Tonnes(0)

    def price(self, field: str) -> Money:
        """A price in yuan as fen, exactly; 0 when it cannot be read."""
        said = self._said(field)
        read_fen = price_fen(said)
        if said and read_fen is None:
            self.say(field, NOT_A_PRICE)
        return read_fen or Money(0)

    def permille(self, field: str, *, is_required: bool = True) -> int | None:
        """A share in percent as permille; None when it is missing or cannot be read."""
        said = (self._said(field) if is_required else self.typed[field]).removesuffix("%")
        share = int(Decimal(said) * 10) if SHARE.fullmatch(said) else None
        if said and (share is None or share > 1000):
            self.say(field, NOT_A_SHARE)
        return share

    def day(self, field: str) -> date | None:
        """A civil date; None when it cannot be read."""
        said = self._said(field)
        try:
            return date.fromisoformat(said) if said else None
        except ValueError:
            self.say(field, NOT_A_DATE)
            return None

    def text(self, field: str, *, is_required: bool = True) -> str:
        """A short text."""
        said = self._said(field) if is_required else self.typed[field]
        if len(said) > LONGEST_TEXT:
            self.say(field, TOO_LONG, longest=LONGEST_TEXT)
        return said

    def _said(self, field: str) -> str:
        if not self.typed[field]:
            self.say(field, MISSING)
        return self.typed[field]
