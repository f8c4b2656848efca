"""The first step of the calculator: what an event is. Reads the form, fills it, and carries it along until it is saved.

Until something is saved the facts travel in the address, so that the page can be shared, loaded again and turned into
the other language without a trace on the server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from market.emitters import factors
from settlement.neutrality import events
from settlement.neutrality.events import Event, Facts
from tanyi.app.pages.forms import Form
from tanyi.app.pages.pieces import names
from tanyi.app.pages.sent import Sent
from tanyi.kernel.errors import N_, Refusal

TEXTS: Final = (
    "name",
    "kind",
    "starts_on",
    "ends_on",
    "place",
    "region",
    "participants",
    "organiser",
    "others",
    "content",
)
PHASES_CHOSEN: Final = ("PREPARATION", "CLOSE_OUT")
KINDS: Final = tuple(kind for kind in events.KINDS if kind != "OTHER")
MOST_PEOPLE = 10_000_000
COMMA = re.compile(r"[,;\uff0c\uff1b\u3001\n]+")  # the separators of both languages
PEOPLE = re.compile(r"[0-9]{1,8}", re.ASCII)
NOT_PEOPLE = N_("Write a whole number of people, from 1 to 10,000,000.")
FIELD_OF: Final[Mapping[type[Refusal], str]] = {
    events.EventUnnamed: "name",
    events.EventOutOfTime: "starts_on",
    events.EventEndsBeforeItStarts: "ends_on",
    events.FixedByCertificate: "name",
}
FIELD_OF_FACT = {"co_organisers": "others", "expected_participants": "participants"}


@dataclass(frozen=True)
class Asked:
    """The facts form as it was sent: `facts` once it can be read, `form` for showing it again."""

    form: Form
    phases: list[str]
    facts: Facts | None

    @property
    def carried(self) -> dict[str, Any]:
        """The facts as hidden fields of the next page, and as the query of the way back."""
        kept = {name: self.form.typed[name] for name in TEXTS if self.form.typed[name]}
        return kept | ({"phases": self.phases} if self.phases else {})

    @property
    def participants(self) -> int:
        return (self.facts.expected_participants if self.facts else None) or 0

    @property
    def days(self) -> int:
        return (self.facts.ends_on - self.facts.starts_on).days + 1 if self.facts else 0


def read(sent: Sent, locale: str, *, today: date, asks_organiser: bool) -> Asked:
    """Reads the form; what is wrong is said beside its field."""
    form = Form(sent.typed, TEXTS, locale)
    phases = sent.chosen("phases", PHASES_CHOSEN)
    starts_on, ends_on = form.day("starts_on"), form.day("ends_on")
    people = _people(form)
    if asks_organiser:
        form.text("organiser")
    texts = {name: form.text(name) for name in ("name", "place", "content")}
    if starts_on is None or ends_on is None:
        return Asked(form, phases, None)
    facts = Facts(
        kind=form.typed["kind"] if form.typed["kind"] in KINDS else KINDS[0],
        starts_on=starts_on,
        ends_on=ends_on,
        region=form.typed["region"] or "HEBEI",
        expected_participants=people,
        co_organisers=tuple(
            each.strip() for each in COMMA.split(form.text("others", is_required=False)) if each.strip()
        ),
        phases=tuple(phase for phase in events.PHASES if phase == events.EVENT_PHASE or phase in phases),
        **texts,
    )
    return _checked(form, phases, facts, today)


def _checked(form: Form, phases: list[str], facts: Facts, today: date) -> Asked:
    try:
        events.checked(facts, today)
    except events.EventUndescribed as refusal:
        field = str(refusal.facts["field"])
        form.say_refusal(FIELD_OF_FACT.get(field, field), refusal)
    except (events.EventUnnamed, events.EventOutOfTime, events.EventEndsBeforeItStarts) as refusal:
        form.say_refusal(FIELD_OF[type(refusal)], refusal)
    return Asked(form, phases, None if form.errors else facts)


def _people(form: Form) -> int | None:
    said = form.typed["participants"].replace(",", "")
    if not said:
        form.text("participants")
        return None
    people = int(said) if PEOPLE.fullmatch(said) else 0
    if not 1 <= people <= MOST_PEOPLE:
        form.say("participants", NOT_PEOPLE)
    return people or None


def typed_of(event: Event) -> dict[str, str]:
    """A saved event as somebody would type it."""
    return {
        "name": event.name,
        "kind": event.kind,
        "starts_on": event.starts_on.isoformat(),
        "ends_on": event.ends_on.isoformat(),
        "place": event.place,
        "region": event.region,
        "participants": str(event.expected_participants or ""),
        "organiser": "",
        "others": ", ".join(event.co_organisers),
        "content": event.content,
    }


def page_context(typed: Mapping[str, str], phases: list[str], errors: Mapping[str, str]) -> dict[str, Any]:
    """What the template of the form asks for."""
    return {
        "form": dict.fromkeys(TEXTS, "") | {"kind": "FORUM", "region": "HEBEI"} | {k: v for k, v in typed.items() if v},
        "phases": phases,
        "errors": errors,
        "kinds": list(KINDS),
        "regions": [{"code": region.code, **names(region)} for region in factors.event_regions()],
    }
