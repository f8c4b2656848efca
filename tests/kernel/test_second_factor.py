"""The second factor: a code counts once, a recovery code counts once, and the secret lies sealed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
from sqlalchemy import text

from tanyi.kernel import credentials, parties, second_factor
from tanyi.kernel.sealing import SealBroken, SealingKey
from tanyi.ledger import audit_log

KEY = SealingKey("of this test")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEP = timedelta(seconds=30)


def at(database, moment=NOON):
    """A transaction at this moment."""
    return audit_log.open_work(database.app_engine(), clock=lambda: moment)


@pytest.fixture
def user(database):
    """The id of somebody without a second factor."""
    with at(database) as work:
        firm = parties.enrol_organisation(
            work, code="F1", kind=parties.PARTICIPANT, group_code="F1", name_zh="甲", name_en="A"
        )
        named = {"username": "one", "password": None, "name_zh": "某人", "name_en": "Somebody"}
        return parties.enrol_user(work, organisation_id=firm.id, roles=["firm"], **named).id


@pytest.fixture
def enrolled(database, user):
    """The user's app, whose second factor is in force since the step before noon, and the recovery codes."""
    with at(database) as work:
        second_factor.offer(work, user_id=user, key=KEY)
        secret = second_factor.offered_secret(work, user, KEY)
        app = pyotp.TOTP(secret)
        codes = second_factor.confirm(work, user_id=user, key=KEY, code=app.at(NOON - STEP))
    return app, codes


def use(database, user, code, moment=NOON):
    """Uses a code; whether it was a recovery code."""
    with at(database, moment) as work:
        return second_factor.use_code(work, user_id=user, key=KEY, code=code)


def test_a_code_is_taken_once_and_never_again(database, user, enrolled):
    app, _ = enrolled
    assert use(database, user, app.at(NOON)) is False
    for moment in (NOON, NOON + timedelta(seconds=20), NOON + STEP):
        with pytest.raises(second_factor.WrongCode):
            use(database, user, app.at(NOON), moment)
    assert use(database, user, app.at(NOON + STEP), NOON + STEP) is False


def test_the_code_that_confirmed_does_not_sign_in(database, user, enrolled):
    app, _ = enrolled
    with pytest.raises(second_factor.WrongCode):
        use(database, user, app.at(NOON - STEP))


def test_an_older_step_is_refused_after_a_newer_one(database, user, enrolled):
    app, _ = enrolled
    use(database, user, app.at(NOON + STEP))
    with pytest.raises(second_factor.WrongCode):
        use(database, user, app.at(NOON))


@pytest.mark.parametrize("steps", [-2, 2, 10])
def test_a_clock_may_be_one_step_off_and_no_more(database, user, enrolled, steps):
    app, _ = enrolled
    with pytest.raises(second_factor.WrongCode):
        use(database, user, app.at(NOON + steps * STEP))


def test_one_code_brought_twice_at_once_is_taken_once(database, user, enrolled):
    app, _ = enrolled
    start, taken = threading.Barrier(4), []

    def bring(_number):
        start.wait()
        try:
            use(database, user, app.at(NOON))
        except second_factor.WrongCode:
            return
        taken.append(True)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(bring, range(4)))
    assert taken == [True]


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "0" * 40, "１２３４５６"])
def test_what_is_no_code_is_refused(database, user, enrolled, code):
    with pytest.raises(second_factor.WrongCode):
        use(database, user, code)


def test_each_of_ten_recovery_codes_counts_once(database, user, enrolled):
    _, codes = enrolled
    assert len(set(codes)) == second_factor.RECOVERY_CODES == 10
    assert use(database, user, codes[0]) is True
    assert use(database, user, codes[1].upper().replace("-", " ")) is True
    for used in codes[:2]:
        with pytest.raises(second_factor.WrongCode):
            use(database, user, used)
    with at(database) as work:
        assert second_factor.recovery_codes_left(work, user) == 8


def test_fresh_recovery_codes_void_the_old_ones(database, user, enrolled):
    _, old = enrolled
    with at(database) as work:
        fresh = second_factor.renew_recovery_codes(work, user_id=user)
    with pytest.raises(second_factor.WrongCode):
        use(database, user, old[0])
    assert use(database, user, fresh[0]) is True


def test_the_old_phone_counts_until_the_new_one_is_confirmed(database, user, enrolled):
    app, _ = enrolled
    with at(database) as work:
        second_factor.offer(work, user_id=user, key=KEY)
        renewed = pyotp.TOTP(second_factor.offered_secret(work, user, KEY))
    assert use(database, user, app.at(NOON)) is False
    with at(database, NOON + 2 * STEP) as work:
        second_factor.confirm(work, user_id=user, key=KEY, code=renewed.at(NOON + 2 * STEP))
    with pytest.raises(second_factor.WrongCode):
        use(database, user, app.at(NOON + 3 * STEP), NOON + 3 * STEP)
    assert use(database, user, renewed.at(NOON + 3 * STEP), NOON + 3 * STEP) is False


def test_an_offer_lapses_after_half_an_hour(database, user):
    with at(database) as work:
        second_factor.offer(work, user_id=user, key=KEY)
    late = NOON + second_factor.OFFER_LENGTH
    with pytest.raises(second_factor.NothingOffered), at(database, late) as work:
        second_factor.confirm(work, user_id=user, key=KEY, code="123456")


def test_the_secret_and_the_codes_lie_nowhere_in_clear(database, user, enrolled):
    app, codes = enrolled
    with database.owner_engine().connect() as owner:
        kept = str(owner.execute(text("SELECT sealed, offered FROM kernel_second_factor")).all())
        kept += str([bytes(row[0]) for row in owner.execute(text("SELECT sealed FROM kernel_second_factor"))])
        kept += str(owner.execute(text("SELECT code_sha256 FROM kernel_recovery_code")).all())
        kept += str(owner.execute(text("SELECT body FROM ledger_audit_entry")).all())
    assert app.secret not in kept
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]
    other = SealingKey("of another installation")
    with pytest.raises(SealBroken), at(database) as work:
        second_factor.use_code(work, user_id=user, key=other, code=app.at(NOON))


def test_a_sealed_secret_of_another_user_opens_nothing():
    sealed = KEY.seal("SECRET", purpose="second factor of user 1")
    assert KEY.unseal(sealed, purpose="second factor of user 1") == "SECRET"
    for changed, purpose in ((sealed, "second factor of user 2"), (sealed[:-1] + b"x", "second factor of user 1")):
        with pytest.raises(SealBroken):
            KEY.unseal(changed, purpose=purpose)


def test_marks_do_not_run_into_each_other():
    assert KEY.mark("ab", "c") == KEY.mark("ab", "c") != KEY.mark("a", "bc")


def test_every_change_of_credentials_is_dated(database, user, enrolled):
    with at(database, NOON + timedelta(days=1)) as work:
        assert credentials.changed_at(work, user) == NOON
        second_factor.end(work, user_id=user)
        assert credentials.changed_at(work, user) == NOON + timedelta(days=1)
        assert not second_factor.is_enrolled(work, user)
        assert second_factor.recovery_codes_left(work, user) == 0
