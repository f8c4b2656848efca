"""The API: shapes, bad input, what is done once however often it is asked, and the bank's webhook."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from settlement import certificate_format
from tanyi.app import counter
from tanyi.kernel.clock import rfc3339, system_clock
from tanyi.ledger import audit
from tests import market_makers
from tests.app.web import EVENT, Site, run_everything, site_of
from tests.market_makers import Market

KEY = "key-of-the-test"
PURCHASE = {"quantity_t": 5, "event": EVENT}


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


@pytest.fixture
def offered(site: Site) -> str:
    """The number of a listing of 3,000 t at 56.00 yuan."""
    return market_makers.make_offers(site.market)["S01"]


def listing_order(issuance: int, **changed: Any) -> dict[str, Any]:
    expires_at = rfc3339(system_clock() + timedelta(days=30))
    return {"issuance": issuance, "quantity_t": 5, "ask_fen": 5600, "expires_at": expires_at} | changed


def buy(site: Site, listing: str, body: Any = None, key: str | None = KEY, role: str = "organiser") -> Any:
    path = f"/api/v1/listings/{listing}/purchases"
    return site.client.post(path, json=PURCHASE if body is None else body, headers=site.bearer(role, key))


def left_t(site: Site, listing: str) -> int:
    return site.client.get(f"/api/v1/listings/{listing}").json()["offered_t"]


class TestReading:
    @pytest.mark.usefixtures("offered")
    def test_lists_are_paged_by_a_cursor_to_their_end(self, site: Site) -> None:
        first = site.client.get("/api/v1/listings?limit=1").json()
        second = site.client.get(f"/api/v1/listings?limit=1&cursor={first['next_cursor']}").json()
        numbers = [row["number"] for page in (first, second) for row in page["items"]]
        assert len(set(numbers)) == 2
        assert second["next_cursor"] is None

    def test_a_cursor_or_limit_that_we_never_gave_is_refused(self, site: Site) -> None:
        for query in ("limit=0", "limit=201", "cursor=-1", f"cursor={2**64}"):
            for path in ("projects", "listings", "rounds", "retirements"):
                answer = site.client.get(f"/api/v1/{path}?{query}")
                assert (answer.status_code, answer.json()["code"]) == (400, "request.cursor_unreadable")

    @pytest.mark.usefixtures("offered")
    def test_projects_are_found_by_words_and_type(self, site: Site) -> None:
        found = site.client.get("/api/v1/projects?product_type=wind").json()["items"]
        assert [row["code"] for row in found] == ["P02"]
        assert site.client.get("/api/v1/projects?search=P01").json()["items"][0]["code"] == "P01"
        assert site.client.get("/api/v1/projects?search=%25").json()["items"] == []
        whole = site.client.get("/api/v1/projects/P01").json()
        assert whole["issued"][0]["tonnes"] == {"LISTED": 3000}

    def test_a_round_leads_to_certificates_that_verify_offline(self, site: Site) -> None:
        numbers = run_everything(site.market)
        found = site.client.get("/api/v1/retirements?limit=1").json()
        assert found["next_cursor"] is not None
        shown = site.client.get(f"/api/v1/rounds/{numbers['round']}").json()
        assert site.client.get(shown["problem"]).json()["format"] == "tanyi.match/1"
        assert site.client.get(shown["result"]).json()["format"] == "tanyi.match.result/1"
        keys = site.client.get("/.well-known/jwks.json").json()
        for path in (f"/api/v1/certificates/{numbers['E01']}", found["items"][0]["certificate"]):
            certificate_format.verify(site.client.get(path).content, keys)
        duty = site.client.get("/api/v1/duties", headers=site.bearer("firm")).json()["items"][0]
        assert (duty["coverage"], duty["required_t"]) == ("MET", 1000)

    def test_the_checkpoint_is_made_once_for_one_size_of_the_log(self, site: Site) -> None:
        first, second = site.client.get("/log/checkpoint").text, site.client.get("/log/checkpoint").text
        assert first == second
        assert first.startswith("tanyi/hebei\n")

    def test_the_description_knows_bodies_keys_and_problems(self, site: Site) -> None:
        document = site.client.get("/schema/openapi.json").json()
        operation = document["paths"]["/api/v1/listings"]["post"]
        assert operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/ListingOrder")
        assert "idempotency-key" in [parameter["name"] for parameter in operation["parameters"]]
        assert operation["security"] == [{"bearer": []}]
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        assert not document["components"]["schemas"]["ListingOrder"]["additionalProperties"]

    def test_the_page_that_tries_the_api_calls_no_outside_host(self, site: Site) -> None:
        page = site.client.get("/docs").text
        assert "http://" not in page.replace("http://127.0.0.1", "")
        assert "https://" not in page
        for path in ("/static/docs.js", "/schema/openapi.json"):
            assert site.client.get(path).status_code == 200


WRONG_FIELDS = [
    ({"quantity_t": "5"}, "$.quantity_t"),
    ({"quantity_t": 5.0}, "$.quantity_t"),
    ({"quantity_t": True}, "$.quantity_t"),
    ({"quantity_t": None}, "$.quantity_t"),
    ({"quantity_t": 0}, "$.quantity_t"),
    ({"quantity_t": -5}, "$.quantity_t"),
    ({"quantity_t": 10**30}, "$.quantity_t"),
    ({"ask_fen": 0}, "$.ask_fen"),
    ({"ask_fen": 10_000_001}, "$.ask_fen"),
    ({"ask_fen": "56.00"}, "$.ask_fen"),
    ({"expires_at": "2027-01-01T00:00:00"}, "$.expires_at"),
    ({"expires_at": "soon"}, "$.expires_at"),
    ({"seller_id": 1}, "$"),
]
NOT_AN_ORDER = [
    b"",
    b"null",
    b"[]",
    b'{"quantity_t": 1e1}',
    b'{"quantity_t": NaN}',
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"quantity_t": 5, "quantity_t": 500, "event": {}}',
    json.dumps(PURCHASE).replace(json.dumps(EVENT["place"]), '"\\ud800"').encode(),
]
WRONG_TERMS: list[tuple[dict[str, Any], str]] = [
    ({"floor_permille": 499}, "trading.floor_lowered"),
    ({"floor_permille": 1001}, "request.not_in_shape"),
    ({"limit_fen": 61.5}, "request.not_in_shape"),
    ({"quantity_t": 1}, "request.not_in_shape"),
    ({"product_types": []}, "request.not_in_shape"),
    ({"product_types": ["gold"]}, "trading.type_not_eligible"),
]
NO_NAMES = ["", " ", "a" * 201, "nul\0", "line\nbreak", "end\n", "\u0085", 5]


class TestBadInput:
    def test_a_wrong_field_is_named_and_nothing_is_listed(self, site: Site) -> None:
        issuance = market_makers.make_issued(site.market, "S01", 3000)
        for changed, path in WRONG_FIELDS:
            order = listing_order(issuance, **changed)
            answer = site.client.post("/api/v1/listings", json=order, headers=site.bearer("seller", KEY))
            told = (answer.status_code, answer.json()["code"], answer.json()["facts"].get("path"))
            assert told == (400, "request.not_in_shape", path), changed
        assert site.client.get("/api/v1/listings").json()["items"] == []

    def test_what_is_not_the_json_of_an_order_is_refused(self, site: Site, offered: str) -> None:
        path = f"/api/v1/listings/{offered}/purchases"
        for raw in NOT_AN_ORDER:
            answer = site.client.post(path, content=raw, headers=site.bearer("organiser", KEY))
            assert (answer.status_code, answer.json()["code"]) == (400, "request.not_in_shape"), raw[:60]

    def test_a_name_that_cannot_stand_on_a_certificate_costs_nothing(self, site: Site, offered: str) -> None:
        for name in NO_NAMES:
            for body in (PURCHASE | {"event": EVENT | {"name": name}}, PURCHASE | {"beneficiary": name}):
                assert buy(site, offered, body).status_code == 400, body
        assert left_t(site, offered) == 3000

    def test_more_than_there_is_or_of_what_is_not_there_is_refused(self, site: Site, offered: str) -> None:
        too_much = buy(site, offered, PURCHASE | {"quantity_t": 3001})
        assert (too_much.status_code, too_much.json()["code"]) == (409, "ledger.insufficient_tonnes")
        assert buy(site, "L999999").status_code == 404
        assert left_t(site, offered) == 3000

    def test_somebody_elses_tonnes_cannot_be_listed(self, site: Site) -> None:
        foreign = market_makers.make_issued(site.market, "S02", 3000)
        answer = site.client.post("/api/v1/listings", json=listing_order(foreign), headers=site.bearer("seller", KEY))
        assert answer.status_code == 404

    def test_a_step_out_of_turn_is_a_conflict(self, site: Site) -> None:
        market_makers.make_duties(site.market, E01="10000")
        number = market_makers.make_round(site.market)
        path = f"/api/v1/rounds/{number}"
        for step in ("solve", "publish"):
            answer = site.client.post(f"{path}/{step}", headers=site.bearer("operator", KEY))
            assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
        assert site.client.post(f"{path}/close", headers=site.bearer("operator")).json()["state"] == "CLOSED"
        assert site.client.post(f"{path}/close", headers=site.bearer("operator")).status_code == 409

    def test_a_name_in_the_address_that_names_nothing_is_not_found(self, site: Site) -> None:
        for number in ("%00", "%ED%A0%80", "a%2Fb", "x" * 5000):
            for path in ("projects", "listings", "rounds", "certificates"):
                assert site.client.get(f"/api/v1/{path}/{number}").status_code in (400, 404)


class TestBids:
    @pytest.fixture
    def bid(self, site: Site) -> str:
        market_makers.make_duties(site.market, E01="10000", E02="5000")
        market_makers.make_round(site.market)
        return site.client.get("/api/v1/bids", headers=site.bearer("firm")).json()["items"][0]["number"]

    def test_a_firm_confirms_its_bid(self, site: Site, bid: str) -> None:
        terms = {"limit_fen": 6100, "floor_permille": 600, "product_types": ["forestry"]}
        path = f"/api/v1/bids/{bid}/confirmation"
        shown = site.client.post(path, json=terms, headers=site.bearer("firm")).json()
        assert (shown["limit_fen"], shown["floor_permille"], shown["product_types"]) == (6100, 600, ["forestry"])
        assert shown["state"] == "CONFIRMED"

    def test_terms_outside_the_plan_change_nothing(self, site: Site, bid: str) -> None:
        path = f"/api/v1/bids/{bid}/confirmation"
        for changed, code in WRONG_TERMS:
            terms = {"limit_fen": 6100, "floor_permille": 500} | changed
            answer = site.client.post(path, json=terms, headers=site.bearer("firm"))
            assert (answer.status_code, answer.json()["code"]) == (400, code), changed
        assert site.client.get("/api/v1/bids", headers=site.bearer("firm")).json()["items"][0]["limit_fen"] == 6500


class TestOnce:
    def test_without_a_key_nothing_moves(self, site: Site, offered: str) -> None:
        for key in (None, "short", "x" * 101):
            answer = buy(site, offered, key=key)
            assert (answer.status_code, answer.json()["code"]) == (400, "idempotency.key_missing")
        assert left_t(site, offered) == 3000

    def test_the_same_call_again_gives_the_same_answer_and_buys_nothing(self, site: Site, offered: str) -> None:
        first, again = buy(site, offered, key="x" * 100), buy(site, offered, key="x" * 100)
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
        assert left_t(site, offered) == 2995

    def test_the_same_key_with_another_body_is_refused(self, site: Site, offered: str) -> None:
        buy(site, offered)
        answer = buy(site, offered, PURCHASE | {"quantity_t": 6})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency.key_used_otherwise")
        assert left_t(site, offered) == 2995

    def test_the_same_key_of_somebody_else_is_another_key(self, site: Site, offered: str) -> None:
        assert buy(site, offered).status_code == 201
        assert buy(site, offered, role="firm").status_code == 201
        assert left_t(site, offered) == 2990

    def test_a_refused_call_keeps_no_answer(self, site: Site, offered: str) -> None:
        assert buy(site, offered, PURCHASE | {"quantity_t": 3001}).status_code == 409
        assert buy(site, offered).status_code == 201

    def test_a_listing_is_opened_once(self, site: Site) -> None:
        order = listing_order(market_makers.make_issued(site.market, "S01", 3000))
        send = [site.client.post("/api/v1/listings", json=order, headers=site.bearer("seller", KEY)) for _ in range(2)]
        assert [answer.status_code for answer in send] == [201, 201]
        assert send[0].json() == send[1].json()
        assert len(site.client.get("/api/v1/listings").json()["items"]) == 1

    def test_twins_in_flight_buy_once(self, site: Site, offered: str) -> None:
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda _: buy(site, offered), range(6)))
        assert [answer.status_code for answer in answers] == [201] * 6, [answer.text for answer in answers]
        assert len({answer.json()["retirement"] for answer in answers}) == 1
        assert left_t(site, offered) == 2995

    def test_strangers_in_flight_each_buy_and_nobody_is_turned_away(self, site: Site, offered: str) -> None:
        keys = [f"stranger-{number}" for number in range(6)]
        with ThreadPoolExecutor(6) as threads:
            answers = list(threads.map(lambda key: buy(site, offered, key=key), keys))
        assert [answer.status_code for answer in answers] == [201] * 6, [answer.text for answer in answers]
        assert left_t(site, offered) == 2970
        with site.market.house.open_reader() as reader:
            assert audit.breaches(reader) == []

    def test_the_last_tonnes_have_one_buyer(self, site: Site) -> None:
        issuance = market_makers.make_issued(site.market, "S01", 5)
        listing = market_makers.make_listing(site.market, "S01", issuance, 5)
        keys = [f"racer-number-{number}" for number in range(8)]
        with ThreadPoolExecutor(8) as threads:
            statuses = sorted(threads.map(lambda key: buy(site, listing, key=key).status_code, keys))
        assert statuses == [201] + [409] * 7

    def test_a_round_is_published_and_settled_once(self, site: Site) -> None:
        market_makers.make_duties(site.market, E01="10000")
        market_makers.make_offers(site.market)
        path = f"/api/v1/rounds/{market_makers.make_round(site.market)}"
        for step in ("close", "solve"):
            assert site.client.post(f"{path}/{step}", headers=site.bearer("operator")).status_code == 200
        assert site.client.post(f"{path}/publish", headers=site.bearer("operator")).status_code == 400
        with ThreadPoolExecutor(3) as threads:
            publish = lambda _: site.client.post(f"{path}/publish", headers=site.bearer("operator", KEY))  # noqa: E731
            answers = list(threads.map(publish, range(3)))
        assert [answer.status_code for answer in answers] == [200] * 3, [answer.text for answer in answers]
        assert sorted("idempotent-replayed" in answer.headers for answer in answers) == [False, True, True]
        retired = site.client.get("/api/v1/retirements").json()["items"]
        assert [(row["retired_by"], row["quantity_t"]) for row in retired] == [("E01", 1000)]


class TestTheBanksWebhook:
    EVENT = json.dumps(
        {"id": "evt_1", "type": "charge.noted", "data": {"object": {"id": "ch_1", "object": "charge"}}}
    ).encode()

    def test_a_signed_event_is_taken_in_and_again_without_harm(self, site: Site) -> None:
        header = {"Stripe-Signature": site.market.house.webhook_key.sign(self.EVENT, at=system_clock())}
        for _ in range(2):
            assert site.client.post("/gateway/webhooks", content=self.EVENT, headers=header).status_code == 200

    def test_an_event_without_a_good_signature_is_refused(self, site: Site) -> None:
        for header in ({}, {"Stripe-Signature": "t=1,v1=00"}, {"Stripe-Signature": "rubbish"}):
            answer = site.client.post("/gateway/webhooks", content=self.EVENT, headers=header)
            assert (answer.status_code, answer.json()["code"]) == (403, "settlement.webhook_refused")

    def test_a_changed_byte_or_an_old_signature_is_refused(self, site: Site) -> None:
        key = site.market.house.webhook_key
        changed = {"Stripe-Signature": key.sign(self.EVENT + b" ", at=system_clock())}
        old = {"Stripe-Signature": key.sign(self.EVENT, at=system_clock() - timedelta(seconds=301))}
        for header in (changed, old):
            assert site.client.post("/gateway/webhooks", content=self.EVENT, headers=header).status_code == 403

    def test_a_signed_event_that_is_not_json_is_invalid(self, site: Site) -> None:
        header = {"Stripe-Signature": site.market.house.webhook_key.sign(b"{", at=system_clock())}
        answer = site.client.post("/gateway/webhooks", content=b"{", headers=header)
        assert (answer.status_code, answer.json()["code"]) == (400, "settlement.webhook_unreadable")

    def test_the_event_is_handled_after_the_answer(self, site: Site) -> None:
        header = {"Stripe-Signature": site.market.house.webhook_key.sign(self.EVENT, at=system_clock())}
        site.client.post("/gateway/webhooks", content=self.EVENT, headers=header)
        assert counter.clear(site.market.house) == 0
