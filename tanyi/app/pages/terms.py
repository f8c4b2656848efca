"""The words of this trade, as readers of the site need them: term and meaning in both languages, told in the catalogs.

`docs/glossary.md` is for readers of the code; this is its public part. A page marks a word with `ui.term("vintage")`, and
/glossary lists them all. Meanings are ours and explain; the text of the law prevails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tanyi.kernel.errors import N_


@dataclass(frozen=True)
class Term:
    """A word and what it means; both are msgids."""

    term: str
    meaning: str


GOODS: Final[dict[str, Term]] = {
    "reduction_product": Term(
        N_("Carbon-reduction product"),
        N_(
            "The good that is traded here: a tonne of CO2 equivalent that a project in Hebei verifiably kept out of the air "
            "or took out of it. It is neither a CCER nor an allowance."
        ),
    ),
    "reduction_asset": Term(
        N_("Carbon-reduction asset"),
        N_(
            "What an industrial firm earns by emitting less than before. A class of its own: it covers no duty by default."
        ),
    ),
    "tonne": Term(N_("Tonne"), N_("One whole tonne of CO2 equivalent: the unit of issuance, trade and retirement.")),
    "serial": Term(
        N_("Serial number"),
        N_("The name of certain tonnes: product type, project, vintage, first and last tonne. No tonne has two."),
    ),
    "vintage": Term(N_("Vintage"), N_("The calendar year in which the reduction took place.")),
    "sequestration": Term(
        N_("Sequestration"), N_("Taking carbon out of the air and keeping it, as forests and wetlands do.")
    ),
    "ccer": Term(N_("CCER"), N_("The voluntary unit of the national market. It is not traded here.")),
    "allowance": Term(N_("Allowance"), N_("The right to emit a tonne in the national market. It is not traded here.")),
    "gec": Term(
        N_("Green electricity certificate"),
        N_("Proof of green power. The same output must not be claimed once as a certificate and once as a tonne."),
    ),
}
ORIGIN: Final[dict[str, Term]] = {
    "methodology": Term(
        N_("Methodology"),
        N_("The formulas and conditions by which a kind of project is quantified, in dated versions."),
    ),
    "baseline": Term(
        N_("Baseline"), N_("What would be emitted without the project. Not to be confused with a benchmark.")
    ),
    "additionality": Term(N_("Additionality"), N_("The project would not happen without this income.")),
    "leakage": Term(N_("Leakage"), N_("Emissions that a project causes elsewhere; they are taken off.")),
    "non_permanence": Term(
        N_("Risk of reversal"), N_("The risk that stored carbon comes back out, by fire for example.")
    ),
    "validation": Term(N_("Validation"), N_("An outside body's judgement of a project before it is registered.")),
    "verification": Term(N_("Verification"), N_("An outside body's check of what really happened in a year.")),
    "public_notice": Term(N_("Public notice"), N_("Made public for comments before a decision.")),
    "registration": Term(N_("Registration"), N_("The entry of a project in the public registry.")),
    "issuance": Term(
        N_("Issuance"), N_("Verified tonnes come into being, each with its place in the line of serial numbers.")
    ),
    "retirement": Term(
        N_("Retirement"), N_("A tonne is used once, for one purpose and in one name, and is then used up for ever.")
    ),
    "cancellation": Term(N_("Cancellation"), N_("A tonne is made void without having been used.")),
    "certificate": Term(
        N_("Retirement certificate"), N_("The signed statement that certain tonnes were retired for one purpose.")
    ),
}
DUTIES: Final[dict[str, Term]] = {
    "duty": Term(N_("Duty"), N_("The whole tonnes that a firm must cover by retiring carbon-reduction products.")),
    "benchmark": Term(
        N_("Benchmark"), N_("The permitted emissions of a sector for each unit of its output, with a date.")
    ),
    "benchmark_excess": Term(
        N_("Emissions above the benchmark"), N_("Verified emissions less benchmark times output; one tenth is offset.")
    ),
    "emitter_class": Term(
        N_("Class of an emitter"), N_("Key from 26,000 t a year, general from 13,000 t, other below that.")
    ),
    "annual_plan": Term(
        N_("Annual offset plan"), N_("The plan of the department that settles each year what the measures leave open.")
    ),
    "eia": Term(
        N_("Environmental impact document"),
        N_("The approved assessment of a building project; one hundredth of the emissions it states is covered."),
    ),
    "offset": Term(N_("Offset"), N_("Covering emissions with retired tonnes. Buying alone covers nothing.")),
    "coverage": Term(N_("Coverage"), N_("How much of a duty retired tonnes have covered.")),
    "compliance": Term(N_("Compliance"), N_("Doing what a duty asks, by its date.")),
}
MARKET: Final[dict[str, Term]] = {
    "listing": Term(N_("Listing"), N_("A seller's offer of certain tonnes at a fixed price until a day.")),
    "lot": Term(
        N_("Lot"), N_("One seller's offer in a round: tonnes of one type, vintage and region at a price asked.")
    ),
    "bid": Term(N_("Bid"), N_("One buyer's demand in a round: tonnes, the most that is paid, and what is accepted.")),
    "round": Term(
        N_("Round"), N_("All bids meet all lots at once: closed, frozen, solved, checked, published and settled.")
    ),
    "gap": Term(
        N_("Gap"),
        N_("How far a result can be from the best possible one, in parts per million (ppm). 0 is the proven best."),
    ),
    "ecological_share": Term(
        N_("Ecological share"),
        N_("The least part of a bid that must come from the ecological types that the plan names."),
    ),
    "control_group": Term(N_("Control group"), N_("Organisations under one control. Nothing is traded inside one.")),
    "dvp": Term(N_("Delivery versus payment"), N_("Tonnes and money change hands in one step, or neither does.")),
    "pledge": Term(N_("Pledge"), N_("Tonnes secure a loan and cannot be sold meanwhile.")),
}
PUBLIC_LIFE: Final[dict[str, Term]] = {
    "neutrality": Term(
        N_("Carbon neutrality of an event"),
        N_("Its remaining emissions are counted and offset with retired tonnes, and a statement says so."),
    ),
    "beneficiary": Term(N_("Beneficiary"), N_("In whose name tonnes were retired. It cannot be changed afterwards.")),
    "checkpoint": Term(
        N_("Checkpoint"), N_("A signed mark of the public log. Whoever keeps one notices if history is changed.")
    ),
}
CHAPTERS: Final = (
    (N_("Goods and quantities"), GOODS),
    (N_("From methodology to retirement"), ORIGIN),
    (N_("Emitters and duties"), DUTIES),
    (N_("Market and settlement"), MARKET),
    (N_("Events and public proof"), PUBLIC_LIFE),
)
TERMS: Final[dict[str, Term]] = GOODS | ORIGIN | DUTIES | MARKET | PUBLIC_LIFE


def term_of(key: str) -> Term:
    """A term by its key; a page that names an unknown one is a bug."""
    return TERMS[key]
