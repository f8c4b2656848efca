"""Who may buy, and when a second person of the organisation has to agree: asked here by every way of buying.

Somebody who may only look buys nothing. Up to the threshold, whoever may prepare or approve buys alone. Above it the order
is prepared and waits (`tanyi/kernel/approvals.py`). No tonne is held meanwhile: a price on sale is firm until it is sold
out, and a hold without money behind it would let one firm take tonnes off the market for nothing. The approver sees what
is left.
"""

from __future__ import annotations

from tanyi.kernel import parties, thresholds
from tanyi.kernel.errors import N_, Conflict, Forbidden
from tanyi.kernel.work import Actor, Reader


class MayNotBuy(Forbidden):
    """The actor may look at the organisation's affairs and nothing more."""

    code = "purchase.may_not_buy"
    message = N_("You may look at this organisation's affairs, but not buy for it.")


class WaitsForSecondPerson(Conflict):
    """The order is above the threshold: it was prepared as this approval and waits for another person."""

    code = "purchase.waits_for_second_person"
    message = N_("This purchase needs a second person. It waits as approval %(approval)s; nothing was bought yet.")


def may_buy(actor: Actor) -> bool:
    """Whether somebody may buy or prepare a purchase for the organisation that he or she acts for."""
    return bool(actor.rights & {parties.PREPARE, parties.APPROVE})


def refuse_unless_may_buy(actor: Actor) -> None:
    """Whoever may prepare or approve may buy."""
    if not may_buy(actor):
        raise MayNotBuy


def needs_second_person(reader: Reader, organisation_id: int, total_fen: int) -> bool:
    """Whether a purchase of this amount needs both eyes in this organisation today."""
    return total_fen > int(thresholds.in_force(reader, organisation_id).above_fen)
