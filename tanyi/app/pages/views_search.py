"""The search over everything that the reader may see: serials, projects, organisations, certificates, listings, rounds, duties.

What is searched here is public, but for duties: a firm finds its own, the department all, anyone else none; the reads
take that scope, so that nothing has to be taken out afterwards. Patterns are escaped by the database's own rules. A
number that names one thing leads straight to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from market.emitters import obligations
from market.registry import projects
from market.trading import listings
from matching import rounds
from settlement import certificates, retirement
from tanyi.app.pages import pieces
from tanyi.app.pages.pieces import Names, names
from tanyi.app.pages.views_certificates import beneficiary_of
from tanyi.app.pages.views_market import rows_of
from tanyi.app.pages.views_registry import SERIAL, block_of
from tanyi.kernel import parties
from tanyi.kernel.errors import N_
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.work import Reader

MOST: Final = 10  # of one group; the group leads on to where there is more
SHORTEST: Final = 2


@dataclass(frozen=True)
class Hit:
    """One thing found: its name, where it is, and what tells it from others. `state` is a state of `kind`, if it has one."""

    title: Names | str
    address: str
    note: Names | str | None = None
    quantity_t: int | None = None
    state: str | None = None
    kind: str = ""


@dataclass(frozen=True)
class Group:
    """What was found of one kind. `title` is a msgid; `more` is where the rest stands, if there may be more."""

    title: str
    hits: Sequence[Hit]
    more: str | None = None

    @property
    def count(self) -> int:
        return len(self.hits)


def straight_to(reader: Reader, asked: str, who: SignedIn | None) -> str | None:
    """The address of the one thing that a number names exactly, None when it names none or not exactly one."""
    number = asked.upper()
    if certificates.is_issued(reader, number):
        return f"/certificates/{number}"
    found = [
        *(
            f"/projects/{row.code}"
            for row in projects.search(reader, words=asked, most=MOST)[0]
            if row.code.upper() == number
        ),
        *(f"/listings/{row.number}" for row in listings.numbered_like(reader, asked, MOST) if row.number == number),
        *(f"/rounds/{row.number}" for row in rounds.numbered_like(reader, asked, MOST) if row.number.upper() == number),
        *(f"/duties/{row.number}" for row in _duties(reader, asked, who) if row.number == number),
    ]
    return found[0] if len(found) == 1 else None


def search(reader: Reader, asked: str, who: SignedIn | None) -> list[Group]:
    """What fits, kind by kind; kinds in which the words are exactly somebody's name or number come first."""
    if len(asked) < SHORTEST:
        return []
    groups = [
        _blocks(reader, asked),
        _projects(reader, asked),
        _organisations(reader, asked),
        _retirements(reader, asked),
        _listings(reader, asked),
        _rounds(reader, asked),
        Group(N_("Duties"), [_duty(duty) for duty in _duties(reader, asked, who)]),
    ]
    found = [group for group in groups if group.hits]
    return sorted(found, key=lambda group: -max(_fit(hit, asked) for hit in group.hits))


def _fit(hit: Hit, asked: str) -> int:
    """2: the words are its name; 1: its name begins with them; 0: they stand somewhere."""
    said = asked.casefold()
    texts = [hit.title] if isinstance(hit.title, str) else [hit.title["name_zh"], hit.title["name_en"]]
    texts = [text.casefold() for text in [*texts, hit.address.rpartition("/")[2]] if text]
    return 2 if said in texts else 1 if any(text.startswith(said) for text in texts) else 0


def _blocks(reader: Reader, asked: str) -> Group:
    """The block that a serial lies in; one number alone is looked for too, as the first tonne of a serial."""
    block = block_of(reader, asked if SERIAL.fullmatch(asked) else f"{asked}-{asked}")
    if block is None:
        return Group(N_("Serial numbers"), [])
    address = f"/certificates/{block['certificate']}" if block["certificate"] else f"/projects/{block['project_code']}"
    return Group(N_("Serial numbers"), [Hit(block["serial"], address, block["holder"], None, block["state"], "block")])


def _projects(reader: Reader, asked: str) -> Group:
    rows, total = projects.search(reader, words=asked, owner_ids=parties.named_like(reader, asked), most=MOST)
    hits = [
        Hit(names(row), f"/projects/{row.code}", {"name_zh": row.county_zh, "name_en": row.county_en})
        for row in sorted(rows, key=lambda row: (row.code.casefold() != asked.casefold(), row.code))
    ]
    return Group(N_("Projects"), hits, pieces.address_with("/registry", q=asked) if total > MOST else None)


def _organisations(reader: Reader, asked: str) -> Group:
    """Participants by name, with what the public registry says of them: the projects they own."""
    found = parties.organisations(reader, parties.named_like(reader, asked))
    shown = [party for party in found.values() if party.kind == parties.PARTICIPANT or party.kind == parties.VERIFIER]
    hits = [
        Hit(
            names(party),
            pieces.address_with("/registry", q=party.name_zh),
            {"name_zh": party.place_zh or "", "name_en": party.place_en or ""},
        )
        for party in sorted(shown, key=lambda party: party.code)[:MOST]
    ]
    return Group(N_("Organisations"), hits)


def _retirements(reader: Reader, asked: str) -> Group:
    found = retirement.like(reader, asked, MOST)
    certified, whose = certificates.numbers(reader, [row.id for row in found]), beneficiary_of(reader, found)
    hits = [
        Hit(certified[row.id], f"/certificates/{certified[row.id]}", whose[row.id], row.quantity_t)
        for row in found
        if row.id in certified
    ]
    return Group(N_("Certificates"), hits, "/registry/retirements" if len(found) == MOST else None)


def _listings(reader: Reader, asked: str) -> Group:
    rows = rows_of(reader, [row.id for row in listings.numbered_like(reader, asked, MOST)])
    hits = [
        Hit(row["number"], f"/listings/{row['number']}", row["project"], row["quantity_t"], row["state"], "listing")
        for row in rows
    ]
    return Group(N_("Listings"), hits, "/market" if len(rows) == MOST else None)


def _rounds(reader: Reader, asked: str) -> Group:
    found = rounds.numbered_like(reader, asked, MOST)
    hits = [Hit(row.number, f"/rounds/{row.number}", None, None, row.state, "round") for row in found]
    return Group(N_("Rounds"), hits, "/rounds" if len(found) == MOST else None)


def _duties(reader: Reader, asked: str, who: SignedIn | None) -> Sequence[obligations.Obligation]:
    """The duties that this reader may see: the department all, a firm its own, anyone else none."""
    if who is not None and "regulator" in who.roles:
        return obligations.numbered_like(reader, asked, MOST)
    if who is not None and "firm" in who.roles:
        return obligations.numbered_like(reader, asked, MOST, organisation_id=who.organisation_id)
    return []


def _duty(duty: obligations.Obligation) -> Hit:
    return Hit(duty.number, f"/duties/{duty.number}", None, duty.required_t, duty.coverage, "obligation")


def examples(reader: Reader) -> dict[str, Any]:
    """Something that a search finds, for a reader whose words found nothing."""
    found, _ = projects.search(reader, most=1)
    last = rounds.last_published(reader)
    newest = retirement.newest(reader, 1)
    told = [row.code for row in found] + ([last.number] if last else []) + [row.number for row in newest]
    return {"examples": told}
