"""What explanations say: one English sentence for each kind of fact, for the catalogs of the app.

A sentence holds places for the figures of its fact. A place that ends in `_yuan` is filled from the figure that ends in
`_fen`. Where a fact comes with other figures in other cases, there are several sentences; the first one whose places
are all known is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def N_(message: str) -> str:  # noqa: N802  the name that gettext tools look for
    """Marks a sentence for the catalogs; the kernel's marker is out of reach of the pure modules."""
    return message


PLACE = re.compile(r"%\((\w+)\)s")
Sentences = Mapping[str, tuple[str, ...]]

BID_SENTENCES: Sentences = {
    "price": (
        N_("At a limit of %(needed_limit_yuan)s yuan instead of %(limit_yuan)s, %(unsold_t)s t more were unsold."),
    ),
    "type": (N_("Of other product types, such as %(product_type)s, %(unsold_t)s t more were unsold."),),
    "vintage": (N_("Of other vintages, such as %(vintage)s, %(unsold_t)s t more were unsold."),),
    "region": (N_("From other regions, such as %(region)s, %(unsold_t)s t more were unsold."),),
    "own_group": (N_("%(unsold_t)s t more were unsold, but belong to the bidder's own group %(group)s."),),
    "floor": (
        N_(
            "The least share of certain products leaves %(most_outside_t)s t for others, and %(outside_t)s t of them are used;"
            " without it, %(unsold_t)s t more were unsold."
        ),
    ),
    "group_cap": (
        N_(
            "No more than %(most_from_group_t)s t may come from one seller group; without this limit,"
            " %(unsold_t)s t more were unsold."
        ),
    ),
    "max_sellers": (
        N_(
            "The bid deals with %(sellers)s of at most %(max_sellers)s seller groups; with more of them,"
            " %(unsold_t)s t more were unsold."
        ),
    ),
    "min_line": (
        N_(
            "%(unsold_t)s t that suit the bid were unsold, but not in lines of at least %(min_line_t)s t within its rules."
        ),
    ),
    "all_or_none": (
        N_("The bid takes all of its %(quantity_t)s t or none; %(unsold_t)s t that suit it were unsold."),
        N_("%(unsold_t)s t more were unsold in lots that are sold as a whole only."),
    ),
    "supply_short": (N_("Only %(eligible_t)s t on offer suit the bid, which asks for %(quantity_t)s t."),),
    "priority": (
        N_(
            "Of the %(eligible_t)s t that suit the bid, %(sold_to_others_t)s t went to other bids; at least"
            " %(missed_t)s t stayed unsold that the search did not place."
        ),
        N_("Of the %(eligible_t)s t that suit the bid, %(sold_to_others_t)s t went to other bids."),
    ),
}
LOT_SENTENCES: Sentences = {
    "price": (
        N_(
            "At an ask of %(needed_ask_yuan)s yuan instead of %(ask_yuan)s, unfilled bids could have taken %(demand_t)s t."
        ),
        N_(
            "Bids for %(unfilled_t)s t had limits below the price of %(price_yuan)s yuan, up to %(highest_limit_yuan)s."
        ),
    ),
    "type": (N_("Unfilled bids for %(unfilled_t)s t do not take this product type."),),
    "vintage": (N_("Unfilled bids for %(unfilled_t)s t do not take this vintage."),),
    "region": (N_("Unfilled bids for %(unfilled_t)s t do not take this region."),),
    "own_group": (N_("Unfilled bids for %(unfilled_t)s t belong to the seller's own group."),),
    "floor": (
        N_(
            "Unfilled bids for %(unfilled_t)s t have used up what their least share of other products leaves for this one."
        ),
    ),
    "group_cap": (N_("Unfilled bids for %(unfilled_t)s t may take no more from this seller group."),),
    "max_sellers": (N_("Unfilled bids for %(unfilled_t)s t may deal with no further seller group."),),
    "min_line": (
        N_(
            "Within their rules unfilled bids could take %(unfilled_t)s t, but not in lines of at least %(min_line_t)s t."
        ),
    ),
    "all_or_none": (
        N_("The lot is sold as a whole only, %(quantity_t)s t; unfilled bids could have taken %(unfilled_t)s t."),
        N_("Unfilled bids for %(unfilled_t)s t take all or none and could not be met as a whole."),
    ),
    "demand_short": (N_("Bids that suit the lot ask for %(wanted_t)s t in all; it offers %(quantity_t)s t."),),
    "priority": (
        N_(
            "Bids that suit the lot, for %(wanted_t)s t, were served by other lots; at least %(missed_t)s t could have"
            " been sold that the search did not place."
        ),
        N_("Bids that suit the lot, for %(wanted_t)s t, were served by other lots."),
    ),
}
WORTH_SENTENCES: Sentences = {
    "more_unsold": (
        N_("One tonne more could have come from lot %(lot)s, which had it unsold at %(price_yuan)s yuan."),
    ),
    "more_from_bid": (
        N_(
            "One tonne more could have come from lot %(lot)s, where this bid comes before bid %(from_bid)s (limit"
            " %(other_limit_yuan)s yuan)."
        ),
    ),
    "limit_unsold": (
        N_("At a limit of %(needed_limit_yuan)s yuan, %(tonnes)s t of lot %(lot)s were unsold and within reach."),
    ),
    "limit_from_bid": (
        N_(
            "At a limit of %(needed_limit_yuan)s yuan, a tonne of lot %(lot)s would be worth more here than with bid"
            " %(from_bid)s (limit %(other_limit_yuan)s yuan)."
        ),
    ),
    "without_type": (
        N_(
            "The dearest tonne it could give up costs %(dearest_price_yuan)s yuan (lot %(instead_of)s)."
            " With any product type allowed, lot %(lot)s had one unsold at %(price_yuan)s yuan."
        ),
    ),
    "without_vintage": (
        N_(
            "The dearest tonne it could give up costs %(dearest_price_yuan)s yuan (lot %(instead_of)s)."
            " With any vintage allowed, lot %(lot)s had one unsold at %(price_yuan)s yuan."
        ),
    ),
    "without_region": (
        N_(
            "The dearest tonne it could give up costs %(dearest_price_yuan)s yuan (lot %(instead_of)s)."
            " With any region allowed, lot %(lot)s had one unsold at %(price_yuan)s yuan."
        ),
    ),
    "without_floor": (
        N_(
            "The dearest tonne it could give up costs %(dearest_price_yuan)s yuan (lot %(instead_of)s)."
            " Without the least share of certain products, lot %(lot)s had one unsold at %(price_yuan)s yuan."
        ),
    ),
    "without_group_cap": (
        N_(
            "The dearest tonne it could give up costs %(dearest_price_yuan)s yuan (lot %(instead_of)s)."
            " Without the largest share of one seller group, lot %(lot)s had one unsold at %(price_yuan)s yuan."
        ),
    ),
    "without_max_sellers": (
        N_(
            "The dearest tonne it could give up costs %(dearest_price_yuan)s yuan (lot %(instead_of)s)."
            " With one more seller group, lot %(lot)s had one unsold at %(price_yuan)s yuan."
        ),
    ),
    "more_to_bid": (
        N_("One tonne more offered would have gone to bid %(bid)s, which lacks tonnes (limit %(limit_yuan)s yuan)."),
    ),
    "more_instead": (
        N_(
            "One tonne more offered could have taken the place of one of lot %(instead_of)s (ask %(other_ask_yuan)s yuan)"
            " with bid %(bid)s."
        ),
    ),
    "ask_to_bid": (N_("At an ask of %(needed_ask_yuan)s yuan, bid %(bid)s could have taken %(tonnes)s t."),),
    "ask_instead": (
        N_(
            "At an ask of %(needed_ask_yuan)s yuan, a tonne could have taken the place of one of lot %(instead_of)s (ask"
            " %(other_ask_yuan)s yuan) with bid %(bid)s."
        ),
    ),
    "more_nothing": (N_("With one tonne more, no single exchange would have gained anything for the round."),),
    "missed": (
        N_(
            "The search stopped short of an exchange that would have gained for the round: %(tonnes)s t of lot %(lot)s"
            " for bid %(bid)s."
        ),
    ),
}


def sentence_of(sentences: Sentences, kind: str, figures: Mapping[str, object]) -> str:
    """The sentence of a kind of fact that these figures fill."""
    known = {*figures, *(f"{name.removesuffix('_fen')}_yuan" for name in figures if name.endswith("_fen"))}
    return next(each for each in sentences[kind] if set(PLACE.findall(each)) <= known)
