"""An organiser without an account, over HTTP: from nothing to a covered, confirmed and declared forum of 119 t.

The forum is the fixture of the domain: 400 people, two days, Shijiazhuang, 118.782 t. It was held in May and is entered
afterwards, so that its whole way can be gone at once: plan, offsets, real figures, confirmation, statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from settlement.certificate_format import verify
from tanyi.kernel.clock import civil_date, system_clock
from tests.app.walks import FIGURES, Walker, facts_of
from tests.app.web import Site, site_of
from tests.market_makers import Market, make_issued, make_listing


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site with forest tonnes of S01 and wind tonnes of S02 on sale, neither enough alone for the cheapest way."""
    make_listing(market, "S01", make_issued(market, "S01", 3000), 3000, 5600)
    make_listing(market, "S02", make_issued(market, "S02", 3000, "P02", "wind"), 60, 5000)
    with site_of(market) as opened:
        yield opened


def test_an_organiser_makes_a_forum_neutral(site: Site) -> None:
    guest = Walker(site)
    yesterday = civil_date(system_clock()) - timedelta(days=1)
    facts = facts_of(yesterday - timedelta(days=1), yesterday)
    number = guest.calculates(facts, FIGURES)
    guest.reduces_first(number)
    guest.publishes(number)
    assert "118.782" in guest.reads(f"/events/{number}")
    retired = guest.covers_the_cheapest_way(number)
    receipt = guest.reads(f"/neutral/{number}/purchases/{retired}")
    assert "¥6,304.00" in receipt  # 60 t at 50 yuan and 59 t at 56 yuan
    _the_certificate_holds(site, retired, facts["name"])
    guest.states_what_was_real(number, FIGURES)
    guest.confirms_itself(number)
    page = guest.reads(f"/events/{number}")
    assert re.search(r"119.*119", page, re.DOTALL)
    assert retired in page
    assert "自我承诺" in page


def _the_certificate_holds(site: Site, number: str, event: str) -> None:
    """The signed file says what was retired for which event, to anyone who has the keys."""
    keys = site.client.get("/.well-known/jwks.json").json()
    verified = verify(site.client.get(f"/certificates/{number}.json").content, keys)
    assert (verified.payload.number, int(verified.payload.tonnes)) == (number, 119)
    assert verified.payload.event is not None
    assert verified.payload.event.name == event
    assert len(verified.payload.lines) == 2
    assert json.loads(site.client.get(f"/certificates/{number}.json").content)["payload"]["legal_effect"] is not None
