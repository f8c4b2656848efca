"""A purchase above the threshold needs both eyes: prepared, seen, approved, and carried out once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from market.trading import listings
from settlement import payments
from tanyi.app import approved_acts, counter, errands, second_person
from tanyi.app.summary import breaches
from tanyi.kernel import approval_book, approvals, idempotency, parties, thresholds
from tanyi.kernel.quantities import Money
from tests.app import approving
from tests.app.approving import (
    LARGE_T,
    PRICE_FEN,
    SMALL_T,
    approve,
    enrol,
    make_large_listing,
    number_in,
    order,
    sha_on,
)
from tests.app.desks import Desk
from tests.app.web import EVENT, Site, site_of
from tests.market_makers import Market, with_faults


@pytest.fixture
def site(market: Market) -> Iterator[Site]:
    """A site where N01's `organiser` prepares and `second` approves."""
    with site_of(market) as opened:
        for username, rights in (("second", [parties.APPROVE]), ("third", [parties.APPROVE]), ("looks", [])):
            opened.keys[username] = enrol(opened, username, rights, market.party("N01"))
        yield opened


@pytest.fixture
def listing(market: Market) -> str:
    return make_large_listing(market)


def standing(site: Site, number: str) -> Any:
    with site.market.house.open_reader() as reader:
        return approval_book.own(reader, number=number, organisation_id=site.market.party("N01"))


def retired(site: Site) -> list[int]:
    return [row["quantity_t"] for row in site.client.get("/api/v1/retirements").json()["items"]]


def left_t(site: Site, listing: str) -> int:
    return site.client.get(f"/api/v1/listings/{listing}").json()["offered_t"]


class TestTheThreshold:
    def test_up_to_it_one_person_buys_alone(self, site: Site, listing: str) -> None:
        assert order(Desk(site, "second"), listing, SMALL_T).headers["location"].startswith("/purchases/R")
        assert retired(site) == [SMALL_T]

    def test_exactly_at_it_one_person_still_suffices(self, site: Site) -> None:
        with site.market.house.open_reader() as reader:
            mine = site.market.party("N01")
            assert not second_person.needs_second_person(reader, mine, 10_000_000)
            assert second_person.needs_second_person(reader, mine, 10_000_001)

    def test_above_it_the_order_waits_and_nothing_is_held_back(self, site: Site, listing: str) -> None:
        number = number_in(order(Desk(site, "organiser"), listing))
        assert standing(site, number).state == "PENDING"
        assert (retired(site), left_t(site, listing)) == ([], 5000)
        with site.market.house.open_reader() as reader:
            assert breaches(reader) == []

    def test_the_same_form_sent_again_prepares_nothing_more(self, site: Site, listing: str) -> None:
        desk = Desk(site, "organiser")
        assert number_in(order(desk, listing)) == number_in(order(desk, listing))
        with site.market.house.open_reader() as reader:
            assert approval_book.newest(reader, organisation_id=site.market.party("N01"))[1] == 1

    def test_the_page_says_the_amount_and_that_it_is_no_rule_of_the_province(self, site: Site, listing: str) -> None:
        shown = approving.in_english(Desk(site, "organiser"), f"/listings/{listing}")
        assert "Above ¥100,000.00 a second person" in shown
        assert "a setting of the platform, not a rule of the province" in shown

    def test_who_may_only_look_buys_nothing(self, site: Site, listing: str) -> None:
        looks = Desk(site, "looks")
        assert 'name="quantity_t"' not in looks.get(f"/listings/{listing}").text
        assert order(looks, listing, 1).status_code == 422
        answer = buy_by_api(site, listing, 1, role="looks")
        assert (answer.status_code, answer.json()["code"]) == (403, "purchase.may_not_buy")
        assert left_t(site, listing) == 5000

    def test_a_firm_of_one_person_is_told_to_invite_a_second(self, market: Market) -> None:
        with site_of(market) as site:
            listing = make_large_listing(market)
            with market.house.open_work() as work:
                work.session.execute(
                    text("UPDATE kernel_membership SET ended_at = now() WHERE user_id = :n AND organisation_id = :o"),
                    {"n": market.people["N01"].user_id, "o": market.party("N01")},
                )
            answer = order(Desk(site, "organiser"), listing)
            assert answer.status_code == 422
            assert "请先邀请一名复核人员" in answer.text
            assert order(Desk(site, "organiser"), listing, SMALL_T).status_code == 303

    def test_what_cannot_be_bought_now_is_refused_when_it_is_prepared(self, site: Site, listing: str) -> None:
        for changed in ({"quantity_t": 5001}, {"event_on": "2099-01-01"}, {"event_name": "x" * 201}):
            quantity_t = int(changed.pop("quantity_t", LARGE_T))  # type: ignore[call-overload]
            answer = order(Desk(site, "organiser"), listing, quantity_t, **changed)
            assert answer.status_code == 422, changed
        with site.market.house.open_reader() as reader:
            assert approval_book.newest(reader, organisation_id=site.market.party("N01"))[1] == 0


class TestTheDecision:
    def test_the_approver_sees_exactly_what_and_it_is_bought_and_retired(self, site: Site, listing: str) -> None:
        number = number_in(order(Desk(site, "organiser"), listing))
        second = Desk(site, "second")
        shown = approving.in_english(second, f"/approvals/{number}").replace("\u00a0", " ").replace("<wbr>", "")
        for fact in ("2,000 t", "¥56.00", "¥112,000.00", "Demo S01", EVENT["name"], listing, "5,000 t"):
            assert fact in shown, fact
        assert approve(second, number).headers["location"] == f"/approvals/{number}?said=done"
        assert (retired(site), left_t(site, listing)) == ([LARGE_T], 3000)
        done = standing(site, number)
        assert (done.state, done.outcome) == (
            "DONE",
            site.client.get("/api/v1/retirements").json()["items"][0]["number"],
        )
        assert f"/certificates/{done.outcome}" in second.get(f"/approvals/{number}").text

    def test_approving_it_twice_buys_once(self, site: Site, listing: str) -> None:
        number = number_in(order(Desk(site, "organiser"), listing))
        second = Desk(site, "second")
        seen = sha_on(second.get(f"/approvals/{number}").text)
        answers = [second.post(f"/approvals/{number}/approve", payload_sha256=seen) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 409]
        assert retired(site) == [LARGE_T]

    def test_of_two_approvers_at_once_one_has_the_effect(self, site: Site, listing: str) -> None:
        number = number_in(order(Desk(site, "organiser"), listing))
        desks = [Desk(site, "second"), Desk(site, "third")]
        seen = sha_on(desks[0].get(f"/approvals/{number}").text)
        with ThreadPoolExecutor(2) as threads:
            send = lambda desk: desk.post(f"/approvals/{number}/approve", payload_sha256=seen)  # noqa: E731
            statuses = sorted(answer.status_code for answer in threads.map(send, desks))
        assert statuses == [303, 409]
        assert retired(site) == [LARGE_T]

    def test_whoever_prepared_it_cannot_approve_it(self, site: Site, listing: str) -> None:
        desk = Desk(site, "organiser")
        number = number_in(order(desk, listing))
        assert "payload_sha256" not in desk.get(f"/approvals/{number}").text
        seen = standing(site, number).payload_sha256
        assert desk.post(f"/approvals/{number}/approve", payload_sha256=seen).status_code == 409
        assert (standing(site, number).state, retired(site)) == ("PENDING", [])

    def test_an_act_that_is_refused_leaves_the_approval_pending_and_says_why(self, site: Site, listing: str) -> None:
        number = number_in(order(Desk(site, "organiser"), listing))
        with site.market.work("S01") as work:
            listings.withdraw(work, number=listing, seller_id=site.market.party("S01"))
        second = Desk(site, "second")
        answer = approve(second, number)
        assert answer.status_code == 409
        assert f"挂牌 {listing}" in answer.text or listing in answer.text
        assert standing(site, number).state == "PENDING"
        assert second.post(f"/approvals/{number}/reject", reason="Gone.").status_code == 303
        assert standing(site, number).reason == "Gone."

    def test_one_that_was_rejected_or_lapsed_is_never_carried_out(self, site: Site, listing: str) -> None:
        desk, second = Desk(site, "organiser"), Desk(site, "second")
        rejected = number_in(order(desk, listing))
        seen = sha_on(second.get(f"/approvals/{rejected}").text)
        assert second.post(f"/approvals/{rejected}/reject", reason="").status_code == 422
        assert second.post(f"/approvals/{rejected}/reject", reason="Too dear.").status_code == 303
        lapsed = number_in(order(desk, listing, key="another-key-of-it"))
        with site.market.house.open_work() as work:
            late = replace(work, now=work.now + timedelta(days=4))
            assert approvals.lapse_overdue(late) == [lapsed]
        for number in (rejected, lapsed):
            assert second.post(f"/approvals/{number}/approve", payload_sha256=seen).status_code == 409
        errands.complete_acts(site.market.house)
        assert retired(site) == []

    def test_what_the_preparer_wrote_is_escaped_for_the_approver(self, site: Site, listing: str) -> None:
        evil = "<script>alert(1)</script><img src=x onerror=alert(2)>"
        number = number_in(order(Desk(site, "organiser"), listing, event_name=evil, event_place='"><svg onload=x>'))
        second = Desk(site, "second")
        shown = second.get(f"/approvals/{number}").text
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert "<svg onload" not in shown
        assert second.post(f"/approvals/{number}/reject", reason=evil).status_code == 303
        assert "<script>alert" not in Desk(site, "organiser").get(f"/approvals/{number}").text

    def test_it_can_be_taken_back_by_whoever_prepared_it(self, site: Site, listing: str) -> None:
        desk = Desk(site, "organiser")
        number = number_in(order(desk, listing))
        assert Desk(site, "second").post(f"/approvals/{number}/withdrawal").status_code == 403
        assert desk.post(f"/approvals/{number}/withdrawal").status_code == 303
        assert standing(site, number).state == "WITHDRAWN"


class TestWhatIsInterrupted:
    def test_a_silent_bank_leaves_it_begun_and_an_errand_completes_it(
        self, site: Site, listing: str, market: Market
    ) -> None:
        number = number_in(order(Desk(site, "organiser"), listing))
        second = actor_of(site, "second")
        with pytest.raises(payments.GatewaySilent):
            approved_acts.approve(
                with_faults(market.house, timeout_permille=1000, unavailable_permille=0),
                actor=second,
                number=number,
                seen_sha256=standing(site, number).payload_sha256,
            )
        assert (standing(site, number).state, left_t(site, listing)) == ("APPROVED", 3000)
        for _ in range(2):
            errands.complete_acts(market.house)
        assert (standing(site, number).state, retired(site)) == ("DONE", [LARGE_T])
        assert market.house.gateway.balance_report().captured_fen == LARGE_T * PRICE_FEN

    def test_a_bank_that_says_no_ends_it_and_gives_the_tonnes_back(
        self, site: Site, listing: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        number = number_in(order(Desk(site, "organiser"), listing))
        monkeypatch.setattr("settlement.payments.collect", declined)
        answer = approve(Desk(site, "second"), number)
        assert answer.status_code == 409
        ended = standing(site, number)
        assert (ended.state, ended.outcome) == ("FAILED", "settlement.payment_declined")
        assert (left_t(site, listing), retired(site)) == (5000, [])


def declined(*_given: object, **_more: object) -> None:
    raise payments.PaymentDeclined(reason="insufficient_funds")


def actor_of(site: Site, username: str) -> Any:
    with site.market.house.open_reader() as reader:
        people = parties.users_of(reader, site.market.party("N01"))
    return next(person.actor for person in people if person.username == username)


def buy_by_api(site: Site, listing: str, quantity_t: int, key: str = "key-of-the-test", role: str = "organiser") -> Any:
    body = {"quantity_t": quantity_t, "event": EVENT}
    return site.client.post(f"/api/v1/listings/{listing}/purchases", json=body, headers=site.bearer(role, key))


class TestInTheApi:
    def test_a_purchase_above_the_threshold_is_accepted_and_waits(self, site: Site, listing: str) -> None:
        first, again = buy_by_api(site, listing, LARGE_T), buy_by_api(site, listing, LARGE_T)
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json() == again.json()
        assert again.headers["idempotent-replayed"] == "true"
        shown = site.client.get(first.json()["address"], headers=site.bearer("second")).json()
        assert (shown["state"], shown["act"]["total_fen"]) == ("PENDING", LARGE_T * PRICE_FEN)

    def test_one_key_approves_once_and_the_fingerprint_is_asked_for(self, site: Site, listing: str) -> None:
        address = buy_by_api(site, listing, LARGE_T).json()["address"]
        sha = site.client.get(address, headers=site.bearer("second")).json()["payload_sha256"]
        agreed = {"payload_sha256": sha}

        def send(body: Any, key: str | None = "approve-it-now") -> Any:
            return site.client.post(f"{address}/approve", json=body, headers=site.bearer("second", key))

        assert (send(agreed, None).status_code, send({}).status_code) == (400, 400)
        assert send({"payload_sha256": "0" * 64}).json()["code"] == "approvals.not_what_was_shown"
        first, again, other = send(agreed), send(agreed), send(agreed, "another-key-of-it")
        assert [answer.status_code for answer in (first, again, other)] == [200, 200, 409]
        assert first.json()["state"] == again.json()["state"] == "DONE"
        assert again.headers["idempotent-replayed"] == "true"
        assert retired(site) == [LARGE_T]

    def test_a_rejection_and_the_lists_of_what_waits(self, site: Site, listing: str) -> None:
        address = buy_by_api(site, listing, LARGE_T).json()["address"]
        number = address.rpartition("/")[2]
        (task,) = site.client.get("/api/v1/tasks", headers=site.bearer("second")).json()["items"]
        assert (task["kind"], task["subject"], task["is_overdue"]) == ("approval.decide", number, False)
        (notice,) = site.client.get("/api/v1/notices", headers=site.bearer("second")).json()["items"]
        assert (notice["kind"], notice["facts"]["approval"]) == ("approval.asked", number)
        said = {"reason": "Not this year."}
        answer = site.client.post(f"{address}/reject", json=said, headers=site.bearer("second", "reject-it-now"))
        assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (
            200,
            "REJECTED",
            said["reason"],
        )
        assert site.client.get("/api/v1/tasks", headers=site.bearer("second")).json()["items"] == []
        assert (
            site.client.get("/api/v1/notices", headers=site.bearer("organiser")).json()["items"][-1]["facts"][
                "approval_state"
            ]
            == "REJECTED"
        )


class TestTheOrganisationsOwnThreshold:
    def test_it_is_changed_by_two_persons_and_holds_from_then_on(self, site: Site, listing: str) -> None:
        desk = Desk(site, "organiser")
        asked = desk.post("/approvals/threshold", above_yuan="500")
        number = number_in(asked)
        assert order(desk, listing, SMALL_T, key="before-it-holds").headers["location"].startswith("/purchases/")
        assert approve(Desk(site, "second"), number).status_code == 303
        assert standing(site, number).state == "DONE"
        number_in(order(desk, listing, SMALL_T, key="after-it-holds"))
        with site.market.house.open_reader() as reader:
            found = thresholds.in_force(reader, site.market.party("N01"))
            other = thresholds.in_force(reader, site.market.party("E01"))
        assert (found.above_fen, found.is_own) == (Money(50_000), True)
        assert (other.above_fen, other.is_own) == (thresholds.PLATFORM_FEN, False)
        assert "本单位自行设定" in desk.get("/approvals").text

    def test_an_amount_that_cannot_be_is_said_beside_its_field(self, site: Site) -> None:
        for typed in ("", "-1", "1e9", "many"):
            answer = Desk(site, "organiser").post("/approvals/threshold", above_yuan=typed)
            assert answer.status_code == 422, typed
            assert 'id="error-above_yuan"' in answer.text

    def test_what_held_before_is_never_changed(self, site: Site) -> None:
        with site.market.house.open_work() as work:
            thresholds.set_own(work, organisation_id=site.market.party("N01"), above_fen=Money(5))
        with pytest.raises(Exception, match="append-only"), site.market.house.database.owner_engine().begin() as owner:
            owner.execute(text("UPDATE kernel_threshold SET above_fen = 9"))


def test_an_order_below_the_threshold_is_bought_once_under_its_key(site: Site, listing: str) -> None:
    desk = Desk(site, "organiser")
    first, again = (order(desk, listing, SMALL_T).headers["location"] for _ in range(2))
    assert first == again
    assert retired(site) == [SMALL_T]


def test_a_key_that_bought_cannot_prepare_another_order(site: Site, listing: str) -> None:
    desk = Desk(site, "organiser")
    order(desk, listing, SMALL_T)
    assert order(desk, listing, LARGE_T).status_code == 422
    assert idempotency.is_key("key-of-the-order")
    assert counter.clear(site.market.house) == 0
