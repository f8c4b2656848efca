"""The forms of the pages: they forgive, they count once, and they change only what is one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from market.trading import bids, listings, trades
from matching import rounds
from tanyi.app.worker import Worker
from tanyi.kernel.clock import civil_date, system_clock
from tanyi.kernel.quantities import Tonnes
from tanyi.ledger import blocks
from tests.app.desks import HTML, Desk, field
from tests.app.web import Site, run_everything, site_of
from tests.market_makers import (
    ROUND,
    Market,
    make_duties,
    make_issued,
    make_listing,
    make_offers,
    make_round,
    with_faults,
)

REFRESH = '<meta http-equiv="refresh"'


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site over a small market."""
    with site_of(market) as opened:
        yield opened


class TestSelling:
    @pytest.fixture
    def seller(self, site: Site) -> Desk:
        make_issued(site.market, "S01", 3000)
        return Desk(site, "seller")

    def form(self, seller: Desk, **changed: str) -> dict[str, str]:
        page = seller.get("/sell").text
        until = (civil_date(system_clock()) + timedelta(days=90)).isoformat()
        sent = {"holding": field(page, "holding"), "quantity_t": "1000", "price_yuan": "56.50", "expires_on": until}
        return sent | {"listing_key": field(page, "listing_key")} | changed

    def test_a_listing_is_opened_at_the_exact_price(self, seller: Desk) -> None:
        assert seller.post("/sell", **self.form(seller)).headers["location"] == "/my?said=listed"
        with seller.site.market.work("S01") as work:
            (offer,) = listings.all_open(work)
            assert offer.ask_fen == 5650
            assert blocks.offered_t(work, [offer.id]) == {offer.id: Tonnes(1000)}
        assert 'class="notice notice-success"' in seller.get("/my?said=listed").text

    def test_a_form_sent_twice_opens_one_listing(self, seller: Desk) -> None:
        sent = self.form(seller)
        assert [seller.post("/sell", **sent).status_code for _ in range(2)] == [303, 303]
        with seller.site.market.work("S01") as work:
            assert len(listings.all_open(work)) == 1

    def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(self, seller: Desk) -> None:
        wrong = {
            "quantity_t": ["3001", "0", "-5", "1e3", "12.5", "9" * 30],
            "price_yuan": ["56.505", "0", "abc", "100000.01"],
            "expires_on": ["2020-01-01", "9999-12-31", "tomorrow"],
            "holding": ["999"],
        }
        for name, typed in [(name, typed) for name, all_typed in wrong.items() for typed in all_typed]:
            sent = self.form(seller, **{name: typed})
            answer = seller.post("/sell", **sent)
            assert (answer.status_code, answer.text.count('class="field-error"')) == (422, 1), (name, typed)
            kept = {each: field(answer.text, each) for each in ("quantity_t", "price_yuan", "expires_on")}
            assert kept == {each: sent[each] for each in kept}
        with seller.site.market.work("S01") as work:
            assert not listings.all_open(work)


class TestBids:
    @pytest.fixture
    def firm(self, site: Site) -> Desk:
        make_duties(site.market, E01="10000", E02="5000")
        make_offers(site.market)
        make_round(site.market)
        return Desk(site, "firm")

    def test_a_firm_raises_its_ecological_share_and_never_lowers_it(self, firm: Desk) -> None:
        lowered = firm.post("/bids/B100001", limit_yuan="61", ecological_percent="49.9", max_group_percent="")
        assert lowered.status_code == 422
        assert field(lowered.text, "ecological_percent") == "49.9"
        assert 'id="error-ecological_percent"' in lowered.text
        raised = firm.post("/bids/B100001", limit_yuan="61.05", ecological_percent="60", max_group_percent="40.5")
        assert raised.headers["location"] == "/bids/B100001?said=confirmed"
        with firm.site.market.work("E01") as work:
            bid = bids.of_buyer_by_number(work, number="B100001", buyer_id=firm.site.market.party("E01"))
            assert (bid.limit_fen, bid.floor_permille, bid.max_group_permille) == (6105, 600, 405)

    def test_terms_that_cannot_be_are_refused_beside_their_field(self, firm: Desk) -> None:
        wrong = [
            ("limit_yuan", ""),
            ("limit_yuan", "1.005"),
            ("max_group_percent", "0"),
            ("ecological_percent", "100.1"),
        ]
        for name, typed in wrong:
            sent = {"limit_yuan": "61", "ecological_percent": "50", "max_group_percent": ""} | {name: typed}
            answer = firm.post("/bids/B100001", **sent)
            assert answer.status_code == 422
            assert f'id="error-{name}"' in answer.text
            assert field(answer.text, name) == typed

    def test_another_firms_bid_and_duty_do_not_exist(self, firm: Desk) -> None:
        paths = ["/bids/B100002", "/duties/D2026-B002", "/bids/B999", "/duties/none"]
        assert {firm.get(path).status_code for path in paths} == {404}
        answer = firm.post("/bids/B100002", limit_yuan="61", ecological_percent="50", max_group_percent="")
        assert answer.status_code == 404

    def test_the_department_reads_every_duty(self, firm: Desk) -> None:
        department = Desk(firm.site, "regulator")
        assert "1,000" in department.get("/duties/D2026-B001").text
        assert "500" in department.get("/duties/D2026-B002").text

    def test_a_bid_cannot_be_changed_after_the_round_was_closed(self, firm: Desk) -> None:
        assert Desk(firm.site, "operator").post(f"/rounds/{ROUND}/close").status_code == 303
        assert firm.post("/bids/B100001", limit_yuan="61", ecological_percent="50").status_code == 409
        assert "<form" not in firm.get("/bids/B100001").text.partition("<main")[2].partition("</main")[0]


class TestBuyingForAnEvent:
    @pytest.fixture
    def number(self, market: Market) -> str:
        return make_listing(market, "S01", make_issued(market, "S01", 3000), 3000)

    def form(self, organiser: Desk, number: str, **changed: str) -> dict[str, str]:
        key = field(organiser.get(f"/listings/{number}").text, "purchase_key")
        sent = {"quantity_t": "25", "event_name": "演示论坛", "event_on": "2026-12-01", "event_place": "石家庄"}
        return sent | {"beneficiary": "", "understood": "yes", "purchase_key": key} | changed

    def bought_t(self, site: Site) -> int:
        with site.market.work() as work:
            return sum(trade.quantity_t for trade in trades.purchases(work))

    def test_a_purchase_ends_with_a_receipt_and_a_certificate(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        sent = organiser.post(f"/listings/{number}/purchases", **self.form(organiser, number))
        receipt = organiser.get(sent.headers["location"])
        assert "1,400.00" in receipt.text
        assert "演示论坛" in receipt.text
        certificate = re.search(r"/certificates/(R\d+)", receipt.text)
        assert certificate is not None
        assert "演示论坛" in site.client.get(certificate.group(0), headers=HTML).text
        assert "1,400.00" in organiser.get("/my").text

    def test_a_form_sent_twice_buys_once(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        sent = self.form(organiser, number)
        first, second = (organiser.post(f"/listings/{number}/purchases", **sent) for _ in range(2))
        assert first.headers["location"] == second.headers["location"]
        assert self.bought_t(site) == 25

    def test_a_form_sent_again_with_other_entries_buys_nothing_more(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        sent = self.form(organiser, number)
        organiser.post(f"/listings/{number}/purchases", **sent)
        answer = organiser.post(f"/listings/{number}/purchases", **sent | {"quantity_t": "30"})
        assert answer.status_code == 422
        assert field(answer.text, "quantity_t") == "30"
        assert self.bought_t(site) == 25

    def test_a_listing_in_a_round_cannot_be_bought_from(self, site: Site, number: str) -> None:
        organiser, operator = Desk(site, "organiser"), Desk(site, "operator")
        sent = self.form(organiser, number)
        in_round = operator.post("/rounds").headers["location"].rpartition("/")[2]
        operator.post(f"/rounds/{in_round}/close")
        assert organiser.post(f"/listings/{number}/purchases", **sent).status_code == 422
        assert "purchase_key" not in organiser.get(f"/listings/{number}").text
        assert self.bought_t(site) == 0

    def test_a_wrong_order_costs_nothing_and_keeps_what_was_typed(self, site: Site, number: str) -> None:
        organiser = Desk(site, "organiser")
        wrong = {
            "quantity_t": ["3001", "0", "many"],
            "event_name": ["", "长" * 201],
            "event_on": ["2026-13-01", ""],
            "event_place": [""],
            "understood": [""],
        }
        for name, typed in [(name, typed) for name, all_typed in wrong.items() for typed in all_typed]:
            sent = self.form(organiser, number, **{name: typed})
            answer = organiser.post(f"/listings/{number}/purchases", **sent)
            assert (answer.status_code, 'class="field-error"' in answer.text) == (422, True), (name, typed)
            kept = {each: field(answer.text, each) for each in ("quantity_t", "event_place")}
            assert kept == {each: sent[each] for each in kept}
        assert self.bought_t(site) == 0

    def test_a_declined_payment_loses_nothing(self, market: Market, number: str) -> None:
        market.house = with_faults(market.house, decline_permille=1000)
        with site_of(market) as site:
            organiser = Desk(site, "organiser")
            sent = self.form(organiser, number)
            answer = organiser.post(f"/listings/{number}/purchases", **sent)
            assert answer.status_code == 422
            assert 'class="notice notice-danger"' in answer.text
            assert field(answer.text, "event_name") == "演示论坛"
            assert field(answer.text, "purchase_key") != sent["purchase_key"]
            assert "3,000" in organiser.get(f"/listings/{number}").text

    def test_a_silent_bank_is_asked_again_with_the_same_order(self, market: Market, number: str) -> None:
        real = market.house
        market.house = with_faults(real, unavailable_permille=1000)
        with site_of(market) as site:
            organiser = Desk(site, "organiser")
            sent = self.form(organiser, number)
            answer = organiser.post(f"/listings/{number}/purchases", **sent)
            assert field(answer.text, "purchase_key") == sent["purchase_key"]
            site.app.state.house = real
            again = organiser.post(f"/listings/{number}/purchases", **sent)
            assert again.headers["location"].startswith("/purchases/R")
            assert self.bought_t(site) == 25

    def test_somebody_elses_receipt_does_not_exist(self, site: Site) -> None:
        numbers = run_everything(site.market)
        assert Desk(site, "organiser").get(f"/purchases/{numbers['E01']}").status_code == 404


class TestTheOperatorsDesk:
    def take(self, operator: Desk, number: str, *steps: str) -> None:
        """Takes these steps from the desk; what is to be solved is solved by a worker."""
        for step in steps:
            assert operator.post(f"/rounds/{number}/{step}").status_code == 303
            if step == "solve":
                assert Worker(operator.site.market.house).solve_next()

    def test_a_voluntary_round_goes_from_the_desk_to_the_firms_account(self, site: Site) -> None:
        market = site.market
        make_offers(market)
        operator, firm = Desk(site, "operator"), Desk(site, "firm")
        address = operator.post("/rounds").headers["location"]
        number = address.rpartition("/")[2]
        with market.work() as work:
            round_id = rounds.by_number(work, number).id
            bid = bids.draft_voluntary(work, round_id=round_id, buyer_id=market.party("E01"), quantity_t=Tonnes(200))
            bid_number = bid.number
        assert firm.post(f"/bids/{bid_number}", limit_yuan="60", max_group_percent="").status_code == 303
        self.take(operator, number, "close", "solve", "publish", "publish")  # a repeated publication changes nothing
        assert operator.get(address).status_code == 200
        assert "200" in site.client.get(f"/rounds/{number}", headers=HTML).text
        with market.work() as work:
            assert sum(blocks.free_t(work, market.party("E01")).values(), Tonnes(0)) == 200

    def test_a_round_without_bids_is_published_empty(self, site: Site) -> None:
        operator = Desk(site, "operator")
        number = operator.post("/rounds").headers["location"].rpartition("/")[2]
        self.take(operator, number, "close", "solve", "publish")
        assert site.client.get(f"/rounds/{number}", headers=HTML).status_code == 200
        assert site.client.get("/", headers=HTML).status_code == 200

    def test_a_step_out_of_turn_is_refused(self, site: Site) -> None:
        operator = Desk(site, "operator")
        number = operator.post("/rounds").headers["location"].rpartition("/")[2]
        for step in ("solve", "solve/cancel", "publish"):
            assert operator.post(f"/rounds/{number}/{step}").status_code == 409
        assert operator.post("/rounds/none/close").status_code == 404

    def test_a_round_in_the_queue_says_so_to_everybody_until_it_is_cancelled(self, site: Site) -> None:
        operator = Desk(site, "operator")
        address = operator.post("/rounds").headers["location"]
        number = address.rpartition("/")[2]
        self.take(operator, number, "close")
        assert operator.post(f"/rounds/{number}/solve", time_limit_s="60").status_code == 303
        assert operator.post(f"/rounds/{number}/solve").status_code == 409
        public = site.client.get(f"/rounds/{number}", headers=HTML | {"Cookie": "tanyi_locale=en"}).text
        assert "This round is being solved" in public
        shown = operator.get(address).text
        assert REFRESH in shown
        assert "60 秒" in shown
        self.take(operator, number, "solve/cancel")
        assert REFRESH not in operator.get(address).text
        self.take(operator, number, "solve", "publish")

    def test_a_time_limit_that_cannot_be_is_said_beside_its_field(self, site: Site) -> None:
        operator = Desk(site, "operator")
        number = operator.post("/rounds").headers["location"].rpartition("/")[2]
        self.take(operator, number, "close")
        for typed in ("soon", "0", "1.5", "-3", "86401"):
            answer = operator.post(f"/rounds/{number}/solve", time_limit_s=typed)
            assert answer.status_code == 422
            assert 'id="error-time_limit_s"' in answer.text
            assert field(answer.text, "time_limit_s") == typed
