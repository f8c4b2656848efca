"""A key and its request are handled once: the answer is kept with the effect and given again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tanyi.kernel import parties
from tanyi.kernel.idempotency import KeyMissing, KeyUsedOtherwise, fingerprint, keep_answer, known_answer
from tanyi.kernel.work import Actor
from tanyi.ledger import audit_log

KEY = "order-0001"
REQUEST = fingerprint("POST", "/api/purchases", {"listing": "L100001", "quantity_t": 5})
OTHER = fingerprint("POST", "/api/purchases", {"listing": "L100001", "quantity_t": 6})


@pytest.fixture
def users(database):
    """The ids of two users of one firm."""
    with audit_log.open_work(database.app_engine()) as work:
        firm = parties.enrol_organisation(
            work, code="F1", kind=parties.PARTICIPANT, group_code="F1", name_zh="甲", name_en="A"
        )
        return [
            parties.enrol_user(
                work,
                username=name,
                password=None,
                organisation_id=firm.id,
                roles=["firm"],
                name_zh="某人",
                name_en="Somebody",
            ).id
            for name in ("one", "two")
        ]


def handle(database, user_id, *, key=KEY, request=REQUEST, effect=lambda: {"trade": "T1"}):
    """One request as the edge handles it; gives the answer and whether it was new."""
    with audit_log.open_work(database.app_engine(), actor=Actor("F1", user_id)) as work:
        known = known_answer(work, key=key, request=request)
        if known is not None:
            return known, False
        answer = effect()
        work.record("thing.happened", number="1")
        keep_answer(work, key=key, request=request, answer=answer, status=201)
        return answer, True


def effects(database):
    """How often something happened."""
    with audit_log.open_reader(database.app_engine()) as reader:
        return reader.session.scalar(
            text("SELECT count(*) FROM ledger_audit_entry WHERE document ->> 'event' = 'thing.happened'")
        )


def test_a_repeated_request_gets_the_same_answer_and_has_no_effect(database, users):
    assert handle(database, users[0]) == ({"trade": "T1"}, True)
    assert handle(database, users[0], effect=lambda: {"trade": "T2"}) == ({"trade": "T1"}, False)
    assert effects(database) == 1


def test_the_same_key_with_another_request_is_refused(database, users):
    handle(database, users[0])
    with pytest.raises(KeyUsedOtherwise):
        handle(database, users[0], request=OTHER)
    assert effects(database) == 1


def test_the_keys_of_two_users_are_two_keys(database, users):
    assert handle(database, users[0])[1]
    assert handle(database, users[1], request=OTHER, effect=lambda: {"trade": "T2"}) == ({"trade": "T2"}, True)


def test_what_failed_is_not_remembered(database, users):
    def fail():
        raise LookupError

    with pytest.raises(LookupError):
        handle(database, users[0], effect=fail)
    assert handle(database, users[0])[1]


@pytest.mark.parametrize("key", [None, "", "short", "x" * 7, "x" * 101])
def test_a_call_without_a_proper_key_is_refused(database, users, key):
    with pytest.raises(KeyMissing):
        handle(database, users[0], key=key)
    assert effects(database) == 0


def test_twins_in_flight_have_one_effect_and_one_answer(database, users):
    numbers = iter(range(100))
    start = threading.Barrier(8)

    def ask(_):
        start.wait()
        return handle(database, users[0], effect=lambda: {"trade": f"T{next(numbers)}"})

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(8)))
    assert [is_new for _, is_new in answers].count(True) == 1
    assert {answer["trade"] for answer, _ in answers} == {"T0"}
    assert effects(database) == 1


def test_an_answer_is_kept_once_whoever_asks(database, users):
    handle(database, users[0])
    with (
        pytest.raises(IntegrityError),
        audit_log.open_work(database.app_engine(), actor=Actor("F1", users[0])) as work,
    ):
        keep_answer(work, key=KEY, request=REQUEST, answer={}, status=200)


bodies = st.dictionaries(st.text("abc", min_size=1), st.integers(0, 99) | st.text("xy"), max_size=4)


@given(one=bodies, other=bodies)
def test_a_fingerprint_is_the_same_exactly_for_the_same_request(one, other):
    assert (fingerprint("POST", "/a", one) == fingerprint("POST", "/a", other)) == (one == other)
    reordered = dict(reversed(one.items()))
    assert fingerprint("POST", "/a", reordered) == fingerprint("POST", "/a", one)
    assert len({fingerprint(method, route, one) for method in ("POST", "PUT") for route in ("/a", "/b")}) == 4
