"""A site over a small market for the tests of the edge: a client, one person with password and key for each role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from argon2 import PasswordHasher
from litestar import Litestar
from litestar.testing import TestClient

from market.trading import trades
from matching import rounds
from settlement import retirement
from tanyi.app import counter
from tanyi.app.factory import application_of
from tanyi.app.visitors import SESSION_COOKIE
from tanyi.kernel import api_keys, credentials, parties, passwords, sessions
from tests import market_makers
from tests.market_makers import Market

OFFICES = {
    "seller": "S01",
    "firm": "E01",
    "organiser": "N01",
    "verifier": "C01",
    "operator": "X01",
    "regulator": "R01",
}
BASE = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery"
EVENT = {"name": "演示论坛", "held_on": "2026-12-01", "place": "石家庄"}


@dataclass
class Site:
    """A running application with its market; `keys` holds a bearer key for each role."""

    app: Litestar
    client: TestClient[Litestar]
    market: Market
    keys: dict[str, str] = field(default_factory=dict)

    def bearer(self, role: str, key: str | None = None) -> dict[str, str]:
        """The headers of an API call in this role, with an idempotency key if one is given."""
        return {"Authorization": f"Bearer {self.keys[role]}"} | ({"Idempotency-Key": key} if key else {})

    def session(self, role: str) -> str:
        """A new session of this role, without the sign-in page."""
        with self.market.house.open_work() as work:
            user_id = credentials.check(work, username=role, password=PASSWORD)
            return sessions.begin(work, user_id=user_id)

    def cookie(self, session: str) -> dict[str, str]:
        """The header of a page's request in a session."""
        return {"Cookie": f"{SESSION_COOKIE}={session}"}

    def form_token(self, headers: dict[str, str] | None = None) -> str:
        """The token of a form as the page gives it."""
        return token_in(self.client.get("/sign-in", headers=headers).text)

    def sign_in(self, role: str, password: str = PASSWORD) -> Any:
        """Signs in as a browser does: the page, then its form; gives the answer to the form."""
        form = {"username": role, "password": password, "next": "", "_csrf_token": self.form_token()}
        return self.client.post("/sign-in", data=form, follow_redirects=False)


def token_in(html: str) -> str:
    """The form token in a page."""
    found = re.search(r'name="_csrf_token" value="([0-9a-f]{64})"', html)
    assert found is not None, "the page has no form token"
    return found.group(1)


@contextmanager
def site_of(market: Market) -> Iterator[Site]:
    """The application over this market, with one person of each role who can sign in."""
    app = application_of(market.house)
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client, cheap_hashes():
        site = Site(app, client, market)
        with market.house.open_work() as work:
            for role, code in OFFICES.items():
                person = parties.enrol_user(
                    work,
                    username=role,
                    password=PASSWORD,
                    organisation_id=market.party(code),
                    roles=[role],
                    rights=parties.RIGHTS,
                    name_zh="周明",
                    name_en="Zhou Ming",
                )
                site.keys[role] = api_keys.grant_api_key(work, user_id=person.id)
        yield site


@contextmanager
def cheap_hashes() -> Iterator[None]:
    """Password hashes with the smallest cost, since each test enrols six people."""
    real = passwords._hasher
    passwords._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    try:
        yield
    finally:
        passwords._hasher = real


def run_everything(market: Market) -> dict[str, str]:
    """A round from duties to certificates and one purchase of N01; gives numbers of what came into being."""
    number = market_makers.make_published_round(market)
    counter.settle_round(market.house, number)
    with market.house.open_reader() as reader:
        round_id = rounds.by_number(reader, number).id
        retired = {row.holder_id: row.number for row in retirement.newest(reader)}
        assert trades.of_round(reader, round_id), "the round has trades"
    return {"round": number, "E01": retired[market.party("E01")], "E02": retired[market.party("E02")]}
