"""A bank that misbehaves by a script: the same seed, the same trouble, and never more than was ordered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, ExceptionContext, create_engine, text
from sqlalchemy.event import listen, remove

from settlement.gateway.faults import Faults
from settlement.gateway.sdk import CardDeclined, GatewayError, GatewayTimeout, GatewayUnavailable
from settlement.gateway.simulator import SimulatedGateway
from tests.settlement.gateway.makers import KEY, NOW, Inbox, count, event_types, intent_in, open_gateway


def test_a_timeout_with_the_effect_applied_is_found_again_by_key_and_by_metadata(gateway, bank) -> None:
    silent = open_gateway(bank, timeout_permille=1000, timeout_applies_permille=1000)
    asked = {"amount_fen": 5, "metadata": {"trade": "T7"}, "idempotency_key": "a"}
    for _ in range(2):
        with pytest.raises(GatewayTimeout):
            silent.create_payment_intent(**asked)
    (found,) = gateway.list_payment_intents(metadata={"trade": "T7"})
    assert gateway.create_payment_intent(**asked) == found
    assert count(bank, "payment_intent") == count(bank, "event") == 1


def test_a_captured_payment_whose_answer_was_lost_is_captured_once(gateway, bank) -> None:
    silent = open_gateway(bank, timeout_permille=1000, timeout_applies_permille=1000)
    intent_id = intent_in(gateway, "requires_capture", amount_fen=1000)
    with pytest.raises(GatewayTimeout):
        silent.capture(intent_id, idempotency_key="c")
    assert gateway.capture(intent_id, idempotency_key="c").amount_captured_fen == 1000
    assert gateway.balance_report().captured_fen == 1000


@pytest.mark.parametrize(
    ("faults", "refusal"),
    [
        ({"timeout_permille": 1000, "timeout_applies_permille": 0}, GatewayTimeout),
        ({"unavailable_permille": 1000}, GatewayUnavailable),
    ],
)
def test_a_call_that_never_arrived_changes_nothing_and_leaves_its_key_free(bank, gateway, faults, refusal) -> None:
    asked = {"amount_fen": 5, "metadata": {}, "idempotency_key": "a"}
    with pytest.raises(refusal):
        open_gateway(bank, **faults).create_payment_intent(**asked)
    assert count(bank, "payment_intent") == count(bank, "idempotency") == count(bank, "event") == 0
    gateway.create_payment_intent(**asked)


def test_a_read_may_time_out_too(bank) -> None:
    with pytest.raises(GatewayTimeout):
        open_gateway(bank, timeout_permille=1000, timeout_applies_permille=1000).balance_report()


def test_a_decline_by_fate_is_an_ordinary_decline(bank) -> None:
    unlucky = open_gateway(bank, decline_permille=1000)
    with pytest.raises(CardDeclined):
        intent_in(unlucky, "requires_capture")


def test_a_delayed_payment_and_payout_end_by_themselves(bank, gateway) -> None:
    slow = open_gateway(bank, delay_permille=1000, delay_s=30)
    intent = slow.create_payment_intent(
        amount_fen=9, metadata={}, idempotency_key="a", payment_method="pm_E01", capture_method="automatic"
    )
    assert slow.confirm(intent.id, idempotency_key="b").status == "processing"
    slow.deliver(Inbox(), now=NOW + timedelta(seconds=30))
    assert slow.retrieve(intent.id).status == "succeeded"
    payout = slow.create_payout(amount_fen=9, destination="ba_P01", metadata={"t": "1"}, idempotency_key="c")
    assert (payout.status, slow.balance_report().available_fen) == ("pending", 0)
    slow.advance(now=NOW + timedelta(seconds=30))
    assert gateway.list_payouts(metadata={"t": "1"})[0].status == "paid"
    assert event_types(bank, payout.id) == ["payout.created", "payout.paid"]


def test_the_same_seed_has_the_same_fates_and_another_seed_has_others() -> None:
    shares = {"decline_permille": 300, "timeout_permille": 200, "unavailable_permille": 100, "late_permille": 500}
    shares |= {"duplicate_permille": 300, "lost_acknowledgement_permille": 300, "delay_permille": 100}

    def script(seed: int) -> list:
        faults = Faults(seed=seed, is_shuffled=True, **shares)
        lost = [faults.loses_acknowledgement(no, 0) for no in range(50)]
        return [[faults.fate(no) for no in range(50)], [faults.delivery_order(no, 8) for no in range(20)], lost]

    assert script(7) == script(7)
    assert all(one != other for one, other in zip(script(7), script(8), strict=True))


def test_the_same_seed_and_the_same_calls_end_the_same(bank) -> None:
    def story() -> list[str]:
        faulty = open_gateway(bank, seed=3, decline_permille=300, timeout_permille=200, unavailable_permille=100)
        told = []
        for _ in range(30):
            try:
                told.append(intent_in(faulty, "succeeded")[:2])
            except GatewayError as error:
                told.append(type(error).__name__)
        return told

    first = story()
    assert first == story()
    assert {"pi", "CardDeclined", "GatewayTimeout", "GatewayUnavailable"} == set(first)


@given(st.integers(), st.integers(0, 1000), st.integers(0, 2**40))
def test_faults_happen_about_as_often_as_said_and_never_when_not_said(seed: int, permille: int, call_no: int) -> None:
    fate = Faults(seed=seed, timeout_permille=permille, unavailable_permille=1000 - permille).fate(call_no)
    assert not (fate.is_timeout and fate.is_unavailable)
    assert not (fate.is_unavailable and fate.is_applied)
    assert permille or not fate.is_timeout
    assert not Faults(seed=seed).fate(call_no).is_timeout


@given(st.integers(), st.sampled_from([0, 300, 1000]), st.integers(0, 40), st.booleans())
def test_every_event_is_in_the_order_one_to_five_times(seed: int, permille: int, events: int, shuffled: bool) -> None:
    faults = Faults(seed=seed, duplicate_permille=permille, is_shuffled=shuffled)
    order = faults.delivery_order(1, events)
    copies = Counter(order)
    assert set(copies) == set(range(events))
    fewest = {0: 1, 1000: 2}.get(permille, 1)
    most = 1 if permille == 0 else 5
    assert all(fewest <= number <= most for number in copies.values())
    assert shuffled or order == sorted(order)


@pytest.mark.parametrize("wrong", [{"decline_permille": 1001}, {"timeout_permille": -1}, {"delay_s": -1}])
def test_a_share_beyond_a_thousand_permille_is_refused(wrong) -> None:
    with pytest.raises(ValueError):
        Faults(**wrong)


@pytest.mark.parametrize("is_rewritten", [False, True])
def test_a_bank_that_cannot_be_reached_is_unavailable(tmp_path, is_rewritten) -> None:
    nowhere = create_engine(f"postgresql+psycopg://postgres@/postgres?host={tmp_path}")
    if is_rewritten:
        listen(nowhere, "handle_error", lambda _: LookupError("the words of another house"), retval=True)
    with pytest.raises(GatewayUnavailable):
        open_gateway(nowhere).balance_report()


BREAK = text(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture(params=[False, True], ids=["plain", "rewritten"])
def engine_with_its_own_words(bank, request) -> Iterator[Engine]:
    """The bank's engine; rewritten, it says of any trouble something that the gateway cannot know."""

    def rewrite(_: ExceptionContext) -> LookupError:
        return LookupError("the words of another house")

    if request.param:
        listen(bank, "handle_error", rewrite, retval=True)
    yield bank
    if request.param:
        remove(bank, "handle_error", rewrite)


def test_a_connection_that_breaks_half_way_is_a_timeout(engine_with_its_own_words, gateway, bank) -> None:
    def mint_while_the_line_breaks(prefix: str) -> str:
        with bank.connect() as other:
            other.execute(BREAK)
        return f"{prefix}_broken"

    broken = SimulatedGateway(engine_with_its_own_words, webhook_key=KEY, mint_id=mint_while_the_line_breaks)
    with pytest.raises(GatewayTimeout):
        broken.create_payment_intent(amount_fen=1, metadata={}, idempotency_key="a")
    assert count(bank, "payment_intent") == count(bank, "idempotency") == 0
    gateway.create_payment_intent(amount_fen=1, metadata={}, idempotency_key="a")
