"""A site where two people of one organiser buy: the large listing, the order, and what came of it."""

from __future__ import annotations

import re
from typing import Any

from tanyi.kernel import parties
from tests.app.desks import HTML, Desk
from tests.app.web import EVENT, PASSWORD, Site, cheap_hashes
from tests.market_makers import Market, make_issued, make_listing

LARGE_T, SMALL_T, PRICE_FEN = 2000, 1000, 5600  # 112,000.00 yuan and 56,000.00 yuan
ORDER = {"event_name": EVENT["name"], "event_on": EVENT["held_on"], "event_place": EVENT["place"], "understood": "yes"}


def enrol(site: Site, username: str, rights: list[str], organisation_id: int, role: str = "organiser") -> str:
    """One more person who can sign in; gives a bearer key."""
    from tanyi.kernel import api_keys

    with cheap_hashes(), site.market.house.open_work() as work:
        person = parties.enrol_user(
            work,
            username=username,
            password=PASSWORD,
            organisation_id=organisation_id,
            roles=[role],
            rights=rights,
            name_zh="复核员",
            name_en="Reviewer",
        )
        return api_keys.grant_api_key(work, user_id=person.id)


def make_large_listing(market: Market, quantity_t: int = 5000) -> str:
    """More on sale than one person may buy alone."""
    return make_listing(market, "S01", make_issued(market, "S01", quantity_t), quantity_t, PRICE_FEN)


def order(desk: Desk, listing: str, quantity_t: int = LARGE_T, key: str = "key-of-the-order", **changed: str) -> Any:
    """Sends the form of a purchase."""
    form = ORDER | {"quantity_t": str(quantity_t), "beneficiary": "", "purchase_key": key} | changed
    return desk.post(f"/listings/{listing}/purchases", **form)


def number_in(answer: Any) -> str:
    """The approval that an order leads to."""
    found = re.fullmatch(r"/approvals/(A\d+)\?said=asked", answer.headers.get("location", ""))
    assert found is not None, (answer.status_code, answer.headers.get("location"), answer.text[:500])
    return found.group(1)


def sha_on(page: str) -> str:
    """The fingerprint that the page of an approval sends along."""
    found = re.search(r'name="payload_sha256" value="([0-9a-f]{64})"', page)
    assert found is not None, "the page has nothing to approve"
    return found.group(1)


def approve(desk: Desk, number: str) -> Any:
    """Reads the approval and agrees."""
    return desk.post(f"/approvals/{number}/approve", payload_sha256=sha_on(desk.get(f"/approvals/{number}").text))


def in_english(desk: Desk, path: str) -> str:
    """A page in English."""
    cookies = {"Cookie": f"{desk.headers['Cookie']}; tanyi_locale=en"}
    return desk.site.client.get(path, headers=HTML | cookies).text
