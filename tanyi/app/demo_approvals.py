"""The demo's second pair of eyes: one purchase that waits, so that a visitor can approve it, and messages in the outbox.

The steel firm's compliance officer prepares a purchase above the threshold for an open day; the reviewer is told on the
site, by e-mail and by a simulated text message, which are written to files. Nothing is bought until somebody approves it,
so the demo's figures stay what they were.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from market.trading import listings
from tanyi.app import errands, event_purchase, second_person, wording
from tanyi.app.event_purchase import EventOrder
from tanyi.app.installation import Installation
from tanyi.kernel import approval_book, messages, parties
from tanyi.kernel.messages import Wish
from tanyi.kernel.parties import SignedIn
from tanyi.kernel.quantities import Tonnes
from tanyi.kernel.work import Reader

FIRM: Final = "E01"
QUANTITY_T: Final = Tonnes(2_000)
HELD_AFTER: Final = timedelta(days=30)
EVENT_ZH, PLACE_ZH = "钢铁企业公众开放日（演示）", "唐山市"
ADDRESS: Final = "steel.review@demo.invalid"  # a domain that never receives anything
MOBILE: Final = "13800000000"
KEY: Final = "demo-waits-for-second-person"


def wait_for_second_person(house: Installation) -> None:
    """Prepares the purchase once and lets the messages that tell of it leave."""
    with house.open_reader() as reader:
        firm_id = parties.organisation(reader, FIRM).id
        if approval_book.newest(reader, organisation_id=firm_id, most=0)[1]:
            return
        preparer, reviewer = _pair(reader, firm_id)
        order = _order(reader)
    _reach(house, reviewer)
    try:
        event_purchase.buy_and_retire(house, actor=preparer.actor, order=order, key=KEY)
    except second_person.WaitsForSecondPerson:  # which is what this is about
        errands.send_messages(house)


def _pair(reader: Reader, firm_id: int) -> tuple[SignedIn, SignedIn]:
    """Who prepares and who approves: two persons, each with the one right."""
    people = parties.users_of(reader, firm_id)
    preparer = next(person for person in people if parties.APPROVE not in person.rights)
    return preparer, next(person for person in people if parties.APPROVE in person.rights)


def _order(reader: Reader) -> EventOrder:
    return EventOrder(
        listing=listings.cheapest(reader, "wetland").number,
        quantity_t=QUANTITY_T,
        event_name=EVENT_ZH,
        held_on=reader.today + HELD_AFTER,
        place=PLACE_ZH,
        beneficiary=None,
    )


def _reach(house: Installation, reviewer: SignedIn) -> None:
    """The reviewer wants to hear of everything by e-mail, and of what waits by text message, too."""
    wish = Wish(
        email=ADDRESS,
        mobile=MOBILE,
        language="zh",
        email_kinds=wording.CHOSEN_KINDS,
        sms_kinds=["approval.asked", "task.due_soon"],
    )
    with house.open_work(reviewer.actor) as work:
        messages.keep_contact(work, user_id=reviewer.user_id, wish=wish)
