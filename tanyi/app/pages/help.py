"""Help in context: what a page is, what can be done on it, and which clause it rests on; opened by its question mark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tanyi.kernel.errors import N_


@dataclass(frozen=True)
class Help:
    """What a page says of itself; all are msgids."""

    what: str
    can: str = ""
    clause: str = ""


CLAUSE_SUPPLY = N_("Measures, clause 2(1): carbon-reduction products from methodology to registry")
CLAUSE_TRADE = N_("Measures, clause 2(2): trade of carbon-reduction products")
CLAUSE_DUTY = N_("Measures, clause 2(3): who covers emissions, and how much")
CLAUSE_EVENTS = N_("Guide on the carbon neutrality of large events (trial), 2019; measures, clause 2(3)")
CLAUSE_OVERSIGHT = N_("Measures, clause 5: oversight and public proof")

PAGES: Final[Mapping[str, Help]] = {
    "market": Help(
        N_("Everything that sellers offer now at a fixed price, cheapest first."),
        N_("Narrow it by type, region or price, sort it by any column, open an offer, or save it all as a file."),
        CLAUSE_TRADE,
    ),
    "registry": Help(
        N_("The public book of projects: what was issued, what is on sale, what is retired."),
        N_("Look for a project, an owner or a serial number; choose a city on the tile map; save the table as a file."),
        CLAUSE_SUPPLY,
    ),
    "project": Help(
        N_("One project from its application to its last tonne."),
        N_("Redo the sum of each year, and see where every tonne is now and who holds it."),
        CLAUSE_SUPPLY,
    ),
    "retirements": Help(
        N_("Every tonne that was used up: how many, when, for whom and for what."),
        N_("Open the certificate and check it offline with the published keys."),
        CLAUSE_OVERSIGHT,
    ),
    "rounds": Help(
        N_("In a round all bids made from duties meet all lots at once; the result covers as many tonnes as possible."),
        N_("Open a published round, see its curves and its proof, and check its files yourself."),
        CLAUSE_TRADE,
    ),
    "round": Help(
        N_("The result of one round, with what proves it."),
        N_("See who received how much and why not more; download problem, result and proof and check them yourself."),
        CLAUSE_TRADE,
    ),
    "firm": Help(
        N_("What your firm owes, how far it is covered, and what it holds."),
        N_("Confirm a bid before the round closes, open a duty to see its sum, and keep the certificates."),
        CLAUSE_DUTY,
    ),
    "seller": Help(
        N_("Your projects, what you still hold of each, what is on sale and what you were paid."),
        N_("Put free tonnes on sale, withdraw what is not sold, and save each table as a file."),
        CLAUSE_SUPPLY,
    ),
    "operator": Help(
        N_("The rounds that wait for you: to be opened, closed, solved, published or settled."),
        N_("Take the next step of a round; every step can be taken up again and nothing is done twice."),
        CLAUSE_TRADE,
    ),
    "regulator": Help(
        N_("The province at a glance: duties and how far they are covered, issuances, rounds."),
        N_("Open any duty, sort by what is still owed, and save the tables as files."),
        CLAUSE_DUTY,
    ),
    "verifier": Help(
        N_("The monitored years that wait for a verifier, and what your office has stated."),
        N_("Open a project to redo its sum from the stated parameters."),
        CLAUSE_SUPPLY,
    ),
    "organiser": Help(
        N_("Your events from the first estimate to the public statement."),
        N_(
            "Take the next step of an event, come back to a draft, buy what is missing, and keep receipts and certificates."
        ),
        CLAUSE_EVENTS,
    ),
    "events": Help(
        N_("Every event whose plan was published here."),
        N_("Compare estimate and reality, open certificates and statements, or make an event of your own neutral."),
        CLAUSE_EVENTS,
    ),
    "calculator": Help(
        N_("The sum of what an event emits: quantity times factor, added up, rounded up once to whole tonnes."),
        N_("Fill in what you know, open a row to see where its factor comes from, or put in your own with evidence."),
        CLAUSE_EVENTS,
    ),
    "offsets": Help(
        N_("What is on sale and fits your event, with its price and its story."),
        N_("Take the cheapest way as it is, prefer a type, a place or a year, or choose tonne by tonne."),
        CLAUSE_EVENTS,
    ),
    "style": Help(
        N_("How this site looks, works and speaks, shown by its own parts."),
        N_("See what a part looks like before you use it; a part that changes, changes here too."),
    ),
    "search": Help(
        N_("One search over serial numbers, projects, organisations, certificates, listings, rounds and your duties."),
        N_("Write a number to go straight there, or words to see what fits. Only what you may see is found."),
    ),
}


def help_of(page: str) -> Help:
    """The help of a page; a page that names an unknown one is a bug."""
    return PAGES[page]
