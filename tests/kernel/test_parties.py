"""Who signs in: passwords as argon2, sessions that end, keys of which only the hash is kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tanyi.kernel import api_keys, credentials, parties, passwords, sessions
from tanyi.kernel.errors import NotFound
from tanyi.kernel.identity import BadCreditCode
from tanyi.ledger import audit_log

PASSWORD = "correct horse battery staple"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(database, moment=NOON):
    """A transaction at this moment."""
    return audit_log.open_work(database.app_engine(), clock=lambda: moment)


def enrol(work, code="F1", kind=parties.PARTICIPANT, **also):
    """An organisation in a group of its own."""
    return parties.enrol_organisation(
        work, code=code, kind=kind, group_code=code, name_zh="钢铁有限公司", name_en="Steel", **also
    )


def person(work, organisation_id, username="firm-1", password=PASSWORD):
    """Somebody who signs in for a firm."""
    return parties.enrol_user(
        work,
        username=username,
        password=password,
        organisation_id=organisation_id,
        roles=["seller", "firm"],
        name_zh="某人",
        name_en="Somebody",
    )


@pytest.fixture
def user(database):
    """The id of a user with the password above, of the organisation F1."""
    with at(database) as work:
        return person(work, enrol(work).id).id


def sign_in(database, username="firm-1", password=PASSWORD, moment=NOON):
    """Signs in; gives the token."""
    with at(database, moment) as work:
        user_id = credentials.check(work, username=username, password=password)
        return sessions.begin(work, user_id=user_id)


def holder(database, token, moment=NOON):
    """Who holds this session at this moment."""
    with audit_log.open_reader(database.app_engine(), clock=lambda: moment) as reader:
        return sessions.by_session(reader, token)


def rows(database, query):
    """What the owner reads."""
    with database.owner_engine().connect() as owner:
        return [tuple(row) for row in owner.execute(text(query))]


# --- organisations ----------------------------------------------------------------------------------------------------


def test_an_organisation_is_found_by_its_code(database):
    with at(database) as work:
        made = enrol(work, uscc="91110000600037341l", region="130200")
        assert made.uscc == "91110000600037341L"
        assert parties.organisation(work, "F1") is made
        assert parties.is_known(work, "F1")
        assert not parties.is_known(work, "F2")
        with pytest.raises(NotFound):
            parties.organisation(work, "F2")
        assert parties.organisations(work, {made.id, 999}) == {made.id: made}
        assert parties.named_like(work, "钢铁") == {made.id}
        assert parties.named_like(work, "%") == set()


def test_a_wrong_credit_code_is_refused(database):
    with pytest.raises(BadCreditCode), at(database) as work:
        enrol(work, uscc="911100006000373410")


def test_a_kind_that_nobody_knows_is_refused(database):
    with pytest.raises(IntegrityError, match="kind_of_organisation_is_known"), at(database) as work:
        enrol(work, kind="BROKER")


def test_a_code_and_a_user_name_belong_to_one(database, user):
    with pytest.raises(IntegrityError), at(database) as work:
        enrol(work)
    with pytest.raises(IntegrityError), at(database) as work:
        person(work, parties.organisation(work, "F1").id)


# --- passwords --------------------------------------------------------------------------------------------------------


def test_a_password_is_kept_as_argon2id_and_nowhere_else(database, user):
    ((kept,),) = rows(database, "SELECT password_hash FROM kernel_user WHERE username = 'firm-1'")
    assert kept.startswith("$argon2id$")
    assert PASSWORD not in kept
    assert PasswordHasher().verify(kept, PASSWORD)
    assert not PasswordHasher().check_needs_rehash(kept)


def test_the_right_password_opens_a_session(database, user):
    found = holder(database, sign_in(database))
    assert found is not None
    assert (found.user_id, found.username, found.organisation_code) == (user, "firm-1", "F1")
    assert found.roles == {"firm", "seller"}
    assert found.actor.label == f"F1/user-{user}"
    assert (found.actor.user_id, found.actor.organisation_id) == (user, found.organisation_id)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("firm-1", "wrong"),
        ("firm-1", ""),
        ("nobody", PASSWORD),
        ("FIRM-1", PASSWORD),
        ("nameless", ""),
        ("nameless", "x"),
    ],
)
def test_a_wrong_name_and_a_wrong_password_are_the_same_refusal(database, user, username, password):
    with at(database) as work:
        person(work, parties.organisation(work, "F1").id, username="nameless", password=None)
    with pytest.raises(passwords.WrongCredentials) as refused:
        sign_in(database, username, password)
    assert str(refused.value) == passwords.WrongCredentials.message
    assert rows(database, "SELECT count(*) FROM kernel_sign_in") == [(0,)]


def test_an_unknown_name_takes_as_long_as_a_wrong_password(database, user):
    with at(database) as work:
        person(work, parties.organisation(work, "F1").id, username="nameless", password=None)

    def seconds(username):
        spent = []
        for _ in range(5):
            begin = perf_counter()
            with pytest.raises(passwords.WrongCredentials):
                sign_in(database, username, "wrong")
            spent.append(perf_counter() - begin)
        return min(spent)

    known = seconds("firm-1")
    for username in ("nobody", "nameless"):
        assert 0.3 < seconds(username) / known < 3  # without the work it would be a fiftieth


# --- sessions ---------------------------------------------------------------------------------------------------------


def test_a_session_lasts_twelve_hours_and_not_longer(database, user):
    token = sign_in(database)
    end = NOON + sessions.SESSION_LENGTH
    assert timedelta(hours=12) == sessions.SESSION_LENGTH
    used_at = NOON
    while used_at + sessions.IDLE_LENGTH <= end:  # in use all the time
        used_at += timedelta(hours=1)
        with at(database, used_at) as work:
            found = sessions.find(work, token)
            assert found is not None
            sessions.note_use(work, session_id=found[0].id)
    assert holder(database, token, end - timedelta(seconds=1)) is not None
    assert holder(database, token, end) is None


def test_a_session_that_nobody_uses_for_two_hours_ends(database, user):
    token = sign_in(database)
    assert holder(database, token, NOON + sessions.IDLE_LENGTH - timedelta(seconds=1)) is not None
    assert holder(database, token, NOON + sessions.IDLE_LENGTH) is None


def test_signing_out_ends_this_session_at_once_and_no_other(database, user):
    here, there = sign_in(database), sign_in(database)
    assert here != there
    with at(database) as work:
        sessions.sign_out(work, token=here)
    assert holder(database, here) is None
    assert holder(database, there) is not None


def test_signing_out_twice_or_with_nonsense_does_no_harm(database, user):
    token = sign_in(database)
    for given in (token, token, "nonsense", ""):
        with at(database) as work:
            sessions.sign_out(work, token=given)
    assert holder(database, token) is None


def test_the_token_of_a_session_is_kept_as_its_hash(database, user):
    token = sign_in(database)
    ((kept,),) = rows(database, "SELECT token_sha256 FROM kernel_sign_in")
    assert kept == hashlib.sha256(token.encode()).hexdigest()
    assert holder(database, kept) is None
    assert len(token) >= 43  # 32 random bytes


# --- keys -------------------------------------------------------------------------------------------------------------


def test_an_api_key_is_told_once_and_kept_as_its_hash(database, user):
    with at(database) as work:
        key = api_keys.grant_api_key(work, user_id=user)
    assert rows(database, "SELECT key_sha256, user_id FROM kernel_api_key") == [
        (hashlib.sha256(key.encode()).hexdigest(), user)
    ]
    with audit_log.open_reader(database.app_engine()) as reader:
        found = api_keys.find(reader, key)
        assert found is not None
        assert (found.person.user_id, found.scopes) == (user, set(api_keys.SCOPES))
        assert api_keys.find(reader, key[:-1]) is None
        assert api_keys.find(reader, hashlib.sha256(key.encode()).hexdigest()) is None
    assert rows(database, f"SELECT count(*) FROM ledger_audit_entry WHERE body LIKE '%{key}%'") == [(0,)]


def test_a_session_is_no_key_and_a_key_is_no_session(database, user):
    token = sign_in(database)
    with at(database) as work:
        key = api_keys.grant_api_key(work, user_id=user)
        assert api_keys.find(work, token) is None
        assert sessions.by_session(work, key) is None


def test_the_users_of_an_organisation_are_told(database, user):
    with at(database) as work:
        firm = parties.organisation(work, "F1")
        other = enrol(work, "F2")
        second = person(work, firm.id, username="firm-2")
        person(work, other.id, username="firm-3")
        assert [found.user_id for found in parties.users_of(work, firm.id)] == [user, second.id]
        assert parties.of_users(work, {user}) == {user: firm}


# --- memberships ------------------------------------------------------------------------------------------------------


def test_the_first_member_has_all_rights_and_a_later_one_prepares(database, user):
    with at(database) as work:
        firm = parties.organisation(work, "F1")
        person(work, firm.id, username="firm-2")
        first, second = parties.users_of(work, firm.id)
    assert first.rights == first.actor.rights == set(parties.RIGHTS)
    assert second.rights == {parties.PREPARE}


def test_one_person_acts_for_several_organisations_in_one_at_a_time(database, user):
    with at(database) as work:
        second = enrol(work, "F2")
        membership = parties.add_member(
            work, user_id=user, organisation_id=second.id, roles=["seller"], rights=[parties.APPROVE]
        )
        there = parties.in_membership(work, membership)
    assert there is not None
    assert (there.organisation_code, there.roles, there.rights) == ("F2", {"seller"}, {parties.APPROVE})
    here = holder(database, sign_in(database))
    assert here is not None
    assert (here.organisation_code, here.roles) == ("F1", {"firm", "seller"})
    assert [acting.organisation_code for acting in here.memberships] == ["F1", "F2"]


@pytest.mark.parametrize(
    ("given", "constraint"),
    [
        ({"roles": ["regulator"]}, "roles_are_those_of_the_organisations_kind"),
        ({"roles": ["firm"], "rights": ["EVERYTHING"]}, "rights_are_to_prepare"),
        ({"roles": ["firm"], "jurisdiction": "130200"}, "a_jurisdiction_is_a_region_of_hebei"),
    ],
)
def test_the_database_refuses_what_the_kind_of_organisation_may_not_have(database, user, given, constraint):
    with pytest.raises(IntegrityError, match=constraint), at(database) as work:
        parties.add_member(work, user_id=user, organisation_id=enrol(work, "F2").id, **given)
