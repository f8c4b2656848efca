"""The ledger against a model that is too simple to be wrong: one entry for each tonne, in a list (T1 in small).

Any sequence of verbs over the real database leaves exactly the tonnes that the model has, each with its holder, its
state and what it is tied to; what the model refuses the ledger refuses, and a refusal changes nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run
from sqlalchemy.exc import IntegrityError

from market.trading import trades
from settlement import delivery, payments
from tanyi.kernel.errors import Refusal
from tanyi.ledger import audit, blocks, transfers
from tests.ledger import makers
from tests.ledger.makers import reading, working

EXAMPLES = int(os.environ.get("TANYI_MODEL_EXAMPLES", "30"))
STEPS = int(os.environ.get("TANYI_MODEL_STEPS", "30"))

quantities = st.integers(1, 12)


@dataclass(frozen=True)
class Tonne:
    """What the model knows of one tonne."""

    issuance: int
    holder: int
    state: str = "FREE"
    tie: int | None = None


@dataclass
class Model:
    """All tonnes by their number; the lowest number is always taken first."""

    tonnes: dict[int, Tonne] = field(default_factory=dict)

    def standing(self, **wanted):
        """The numbers of the tonnes that have these figures, lowest first."""
        return [
            number
            for number, tonne in sorted(self.tonnes.items())
            if all(getattr(tonne, name) == figure for name, figure in wanted.items())
        ]

    def change(self, numbers, **to):
        """Gives these tonnes other figures."""
        for number in numbers:
            self.tonnes[number] = replace(self.tonnes[number], **to)


@dataclass
class Deal:
    """A trade as the model knows it."""

    id: int
    listing: int
    seller: int
    buyer: int
    quantity_t: int
    state: str = "RESERVED"


class Ledger(RuleBasedStateMachine):
    """Each rule does one thing to the ledger and the same to the model."""

    issuances = Bundle("issuances")
    listings = Bundle("listings")
    deals = Bundle("deals")

    def __init__(self, database):
        super().__init__()
        self.database = database
        self.model = Model()
        with reading(database) as reader:
            self.past = set(makers.tonnes_of(reader))

    @initialize()
    def open_market(self):
        with working(self.database) as work:
            self.market = makers.open_market(work)
        self.traders = [self.market.seller, self.market.buyer]

    def refused_or(self, is_possible, attempt, refusals=(Refusal,)):
        """Runs one transaction that must succeed exactly when the model says so."""
        if is_possible:
            with working(self.database) as work:
                return attempt(work)
        with pytest.raises(refusals), working(self.database) as work:
            attempt(work)
        return None

    @rule(target=issuances, quantity_t=quantities)
    def issue(self, quantity_t):
        with working(self.database) as work:
            issuance = makers.issue(work, self.market, quantity_t)
        start = max({*self.past, *self.model.tonnes}, default=0) + 1
        fresh = Tonne(issuance, self.market.seller)
        self.model.tonnes |= dict.fromkeys(range(start, start + quantity_t), fresh)
        return issuance

    @rule(target=listings, issuance=issuances, who=st.integers(0, 1), quantity_t=quantities)
    def list_for_sale(self, issuance, who, quantity_t):
        holder = self.traders[who]
        free = self.model.standing(issuance=issuance, holder=holder, state="FREE")
        listing = self.refused_or(
            len(free) >= quantity_t, lambda work: makers.offer(work, holder, issuance, quantity_t)
        )
        if listing is not None:
            self.model.change(free[:quantity_t], state="LISTED", tie=listing)
        return (listing, holder)

    @rule(listing=listings)
    def unlist(self, listing):
        if listing[0] is None:
            return
        with working(self.database) as work:
            blocks.unlist(work, listing_id=listing[0])
        self.model.change(self.model.standing(state="LISTED", tie=listing[0]), state="FREE", tie=None)

    @rule(target=deals, listing=listings, quantity_t=quantities, is_own=st.booleans())
    def buy(self, listing, quantity_t, is_own):
        offer, seller = listing
        if offer is None:
            return None
        buyer = seller if is_own else next(firm for firm in self.traders if firm != seller)
        offered = self.model.standing(state="LISTED", tie=offer)
        is_possible = len(offered) >= quantity_t and not is_own
        made = self.refused_or(is_possible, lambda work: makers.bought(work, offer, buyer, quantity_t))
        if made is None:
            return None
        self.model.change(offered[:quantity_t], state="RESERVED", tie=made)
        return Deal(made, offer, seller, buyer, quantity_t)

    @rule(deal=deals)
    def settle(self, deal):
        if deal is None:
            return

        def attempt(work):
            makers.fund(work, deal.id)
            delivery.settle(work, trade_ids=[deal.id])

        self.refused_or(deal.state == "RESERVED", attempt, refusals=(Refusal, IntegrityError))
        if deal.state == "RESERVED":
            kept = self.model.standing(state="RESERVED", tie=deal.id)
            self.model.change(kept, holder=deal.buyer, state="FREE", tie=None)
            deal.state = "SETTLED"

    @rule(deal=deals)
    def settle_without_money(self, deal):
        if deal is None or deal.state != "RESERVED":
            return

        def attempt(work):
            payments.ask(work, trade_ids=[deal.id])
            delivery.settle(work, trade_ids=[deal.id])

        self.refused_or(False, attempt, refusals=(transfers.Overdrawn,))

    @rule(deal=consumes(deals), is_relisted=st.booleans())
    def give_back(self, deal, is_relisted):
        if deal is None:
            return
        listing = deal.listing if is_relisted else None

        def attempt(work):
            trades.advance(work, trade_ids=[deal.id], was="RESERVED", to="EXPIRED")
            blocks.release(work, trade_id=deal.id, listing_id=listing)

        self.refused_or(deal.state == "RESERVED", attempt)
        if deal.state == "RESERVED":
            back = {"state": "LISTED", "tie": listing} if listing else {"state": "FREE", "tie": None}
            self.model.change(self.model.standing(state="RESERVED", tie=deal.id), **back)

    @rule(issuance=issuances, who=st.integers(0, 1), quantity_t=quantities)
    def retire(self, issuance, who, quantity_t):
        holder = self.traders[who]
        free = self.model.standing(issuance=issuance, holder=holder, state="FREE")
        is_possible = len(free) >= quantity_t
        made = self.refused_or(is_possible, lambda work: makers.retired(work, holder, issuance, quantity_t))
        if made is not None:
            self.model.change(free[:quantity_t], state="RETIRED", tie=made)

    @invariant()
    def the_ledger_has_the_tonnes_of_the_model(self):
        with reading(self.database) as reader:
            found = {number: Tonne(*row) for number, row in makers.tonnes_of(reader).items() if number not in self.past}
        assert found == self.model.tonnes

    def teardown(self):
        with reading(self.database) as reader:
            assert audit.run_checks(reader, audit.CHECKS | delivery.CHECKS) == []


def test_any_sequence_of_verbs_leaves_the_tonnes_that_a_list_would_have(database):
    run(
        lambda: Ledger(database),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
