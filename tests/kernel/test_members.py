"""Members and invitations: granted by an organisation's own administrators, used once, and never without the last one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tanyi.kernel import invitations, members, parties
from tanyi.kernel.errors import NotFound
from tanyi.kernel.members import Grant
from tanyi.kernel.parties import ADMINISTER, APPROVE, PREPARE, REGULATOR
from tanyi.ledger import audit_log

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
FIRM = Grant(roles=["firm"], rights=[PREPARE])


class House:
    """A firm F1 with an administrator and a preparer, another firm F2, and a department with a province and a city office."""

    def __init__(self, database):
        self.database = database
        with self.at() as work:
            self.ids = {}
            for code, kind in (("F1", "PARTICIPANT"), ("F2", "PARTICIPANT"), ("R1", REGULATOR)):
                party = parties.enrol_organisation(
                    work, code=code, kind=kind, group_code=code, name_zh=code, name_en=code
                )
                self.ids[code] = party.id
            self.boss = self.enrol(work, "boss", "F1", ["firm"])
            self.clerk = self.enrol(work, "clerk", "F1", ["firm"])
            self.rival = self.enrol(work, "rival", "F2", ["seller"])
            self.city = self.enrol(work, "city", "R1", ["regulator"], jurisdiction="130200")

    def at(self, moment=NOON, person=None):
        actor = {"actor": person.actor} if person else {}
        return audit_log.open_work(self.database.app_engine(), clock=lambda: moment, **actor)

    def enrol(self, work, name, code, roles, **also):
        named = {"username": name, "password": PASSWORD, "name_zh": name, "name_en": name}
        made = parties.enrol_user(work, organisation_id=self.ids[code], roles=roles, **named, **also)
        return parties.in_membership(work, parties.first_membership(work, made.id))

    def invite(self, grant=FIRM, person=None, code="F1", email="new@example.com", moment=NOON):
        with self.at(moment, person or self.boss) as work:
            return invitations.invite(work, organisation_id=self.ids[code], email=email, grant=grant)

    def accept(self, token, name="new-person", moment=NOON):
        with self.at(moment) as work:
            return invitations.accept_as_new(work, token=token, username=name, password=PASSWORD, name="新人")


@pytest.fixture
def house(database):
    return House(database)


# --- rights of members ------------------------------------------------------------------------------------------------


def test_only_an_administrator_of_this_organisation_changes_or_removes(house):
    for person in (house.clerk, house.rival, house.city):
        with house.at(person=person) as work:
            given = {"organisation_id": house.ids["F1"], "membership_id": house.clerk.membership_id}
            with pytest.raises(members.NotAnAdministrator):
                members.change(work, grant=FIRM, **given)
            with pytest.raises(members.NotAnAdministrator):
                members.remove(work, **given)


def test_a_claimed_right_is_asked_of_the_row(house):
    claiming = replace(house.clerk, rights=frozenset([ADMINISTER]))
    with pytest.raises(members.NotAnAdministrator), house.at(person=claiming) as work:
        members.remove(work, organisation_id=house.ids["F1"], membership_id=house.boss.membership_id)


def test_a_member_of_another_organisation_does_not_exist(house):
    with house.at(person=house.boss) as work:
        given = {"organisation_id": house.ids["F1"], "membership_id": house.rival.membership_id}
        with pytest.raises(NotFound):
            members.change(work, grant=FIRM, **given)
        with pytest.raises(NotFound):
            members.remove(work, **given)


@pytest.mark.parametrize(
    "grant",
    [
        Grant(roles=["regulator"], rights=[PREPARE]),
        Grant(roles=[], rights=[PREPARE]),
        Grant(roles=["firm"], rights=[]),
        Grant(roles=["firm"], rights=["EVERYTHING"]),
    ],
)
def test_no_more_is_granted_than_the_organisations_kind_can_have(house, grant):
    with pytest.raises(members.RolesDoNotFit):
        house.invite(grant)
    with pytest.raises(members.RolesDoNotFit), house.at(person=house.boss) as work:
        members.change(work, organisation_id=house.ids["F1"], membership_id=house.clerk.membership_id, grant=grant)


def test_a_city_office_grants_its_city_and_its_counties_and_nothing_beyond(house):
    def wish(area):
        return Grant(roles=["regulator"], rights=[PREPARE], jurisdiction=area)

    for area in ("130200", "130203"):
        house.invite(wish(area), house.city, "R1")
    for area in ("130000", "130100", "130104"):
        with pytest.raises(members.OutsideJurisdiction):
            house.invite(wish(area), house.city, "R1")
    with pytest.raises(members.OutsideJurisdiction):
        house.invite(Grant(roles=["firm"], rights=[PREPARE], jurisdiction="130200"))


def test_the_last_administrator_can_neither_go_nor_lose_the_right(house):
    given = {"organisation_id": house.ids["F1"], "membership_id": house.boss.membership_id}
    with house.at(person=house.boss) as work:
        with pytest.raises(members.LastAdministrator):
            members.remove(work, **given)
        with pytest.raises(members.LastAdministrator):
            members.change(work, grant=FIRM, **given)
        both = Grant(roles=["firm"], rights=[APPROVE, ADMINISTER])
        members.change(work, organisation_id=house.ids["F1"], membership_id=house.clerk.membership_id, grant=both)
        members.remove(work, **given)
    with house.at() as work:
        assert parties.in_membership(work, house.boss.membership_id) is None


def test_two_administrators_who_remove_each_other_at_once_leave_one(house):
    both = Grant(roles=["firm"], rights=[ADMINISTER])
    with house.at(person=house.boss) as work:
        members.change(work, organisation_id=house.ids["F1"], membership_id=house.clerk.membership_id, grant=both)
    clerk = replace(house.clerk, rights=frozenset([ADMINISTER]))
    start = threading.Barrier(2)

    def remove(pair):
        by, whom = pair
        with house.at(person=by) as work:
            start.wait()
            members.remove(work, organisation_id=house.ids["F1"], membership_id=whom.membership_id)

    with ThreadPoolExecutor(2) as threads:
        ends = [threads.submit(remove, pair) for pair in ((house.boss, clerk), (clerk, house.boss))]
        failures = [end.exception() for end in ends]
    (failure,) = [failure for failure in failures if failure]
    assert isinstance(failure, members.LastAdministrator | members.NotAnAdministrator)
    with house.at() as work:
        left = [each for each in parties.users_of(work, house.ids["F1"]) if ADMINISTER in each.rights]
    assert len(left) == 1


# --- invitations ------------------------------------------------------------------------------------------------------


def test_a_new_person_accepts_and_has_exactly_what_was_offered(house):
    user_id = house.accept(house.invite(Grant(roles=["firm", "seller"], rights=[APPROVE])))
    with house.at() as work:
        person = parties.in_membership(work, parties.first_membership(work, user_id))
    assert (person.organisation_code, person.roles, person.rights) == ("F1", {"firm", "seller"}, {APPROVE})


def test_an_existing_person_joins_beside_the_own_organisation(house):
    token = house.invite()
    with house.at() as work:
        membership = invitations.accept_as_member(work, token=token, user_id=house.rival.user_id)
        joined = parties.in_membership(work, membership)
    assert [each.organisation_code for each in joined.memberships] == ["F2", "F1"]


def test_an_invitation_counts_once(house):
    token = house.invite()
    house.accept(token)
    with pytest.raises(invitations.InvitationOver):
        house.accept(token, "another")
    with pytest.raises(invitations.InvitationOver), house.at() as work:
        invitations.accept_as_member(work, token=token, user_id=house.rival.user_id)


def test_one_link_used_twice_at_once_makes_one_member(house):
    token, start = house.invite(), threading.Barrier(3)

    def accept(number):
        start.wait()
        return house.accept(token, f"person-{number}")

    with ThreadPoolExecutor(3) as threads:
        ends = [threads.submit(accept, number) for number in range(3)]
        failures = [type(end.exception()) for end in ends if end.exception()]
    assert failures == [invitations.InvitationOver] * 2


def test_an_invitation_lasts_seven_days(house):
    token = house.invite()
    last = NOON + invitations.INVITATION_LENGTH
    with pytest.raises(invitations.InvitationOver):
        house.accept(token, moment=last)
    house.accept(token, moment=last - timedelta(seconds=1))


def test_a_withdrawn_invitation_leads_nowhere_and_only_ours_can_be_withdrawn(house):
    token = house.invite()
    with house.at() as work:
        (waiting,) = invitations.waiting(work, house.ids["F1"])
    with pytest.raises(NotFound), house.at(person=house.rival) as work:
        invitations.withdraw(work, organisation_id=house.ids["F2"], invitation_id=waiting.id)
    with house.at(person=house.boss) as work:
        invitations.withdraw(work, organisation_id=house.ids["F1"], invitation_id=waiting.id)
    with pytest.raises(invitations.InvitationOver):
        house.accept(token)
    with house.at() as work:
        assert invitations.waiting(work, house.ids["F1"]) == []


def test_an_invitation_ends_with_the_right_of_whoever_gave_it(house):
    both = Grant(roles=["firm"], rights=[ADMINISTER])
    with house.at(person=house.boss) as work:
        members.change(work, organisation_id=house.ids["F1"], membership_id=house.clerk.membership_id, grant=both)
    token = house.invite(person=replace(house.clerk, rights=frozenset([ADMINISTER])))
    with house.at(person=house.boss) as work:
        members.change(work, organisation_id=house.ids["F1"], membership_id=house.clerk.membership_id, grant=FIRM)
    with pytest.raises(invitations.InvitationOver):
        house.accept(token)


def test_who_is_no_administrator_invites_nobody(house):
    for person in (house.clerk, house.rival, house.city):
        with pytest.raises(members.NotAnAdministrator):
            house.invite(person=person)


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@b.c\nBcc: x@y.z", "a@b.c,d@e.f", "A <a@b.c>"])
def test_one_address_is_asked_for_and_nothing_else(house, email):
    with pytest.raises(invitations.NotAnAddress):
        house.invite(email=email)


def test_a_name_that_is_taken_or_no_name_is_refused_and_the_link_stays_good(house):
    token = house.invite()
    with pytest.raises(invitations.UserNameTaken):
        house.accept(token, "rival")
    for name in ("", "ab", "Big", "a b", "-ab", "名字", "x" * 41):
        with pytest.raises(invitations.BadUserName):
            house.accept(token, name)
    house.accept(token)


def test_who_is_a_member_already_does_not_join_again(house):
    token = house.invite()
    with pytest.raises(invitations.AlreadyMember), house.at() as work:
        invitations.accept_as_member(work, token=token, user_id=house.clerk.user_id)


def test_who_left_may_come_back(house):
    with house.at(person=house.boss) as work:
        members.remove(work, organisation_id=house.ids["F1"], membership_id=house.clerk.membership_id)
    token = house.invite(Grant(roles=["seller"], rights=[APPROVE]))
    with house.at() as work:
        membership = invitations.accept_as_member(work, token=token, user_id=house.clerk.user_id)
        back = parties.in_membership(work, membership)
    assert (membership, back.roles, back.rights) == (house.clerk.membership_id, {"seller"}, {APPROVE})


def test_the_link_and_the_address_lie_in_no_log(house):
    token = house.invite()
    with house.database.owner_engine().connect() as owner:
        log = str(owner.execute(text("SELECT body FROM ledger_audit_entry")).all())
        kept = str(owner.execute(text("SELECT token_sha256 FROM kernel_invitation")).all())
    assert "new@example.com" not in log
    assert token not in log + kept


def test_the_database_refuses_an_invitation_to_a_role_that_does_not_fit(house):
    with house.database.app_engine().connect() as app, pytest.raises(IntegrityError, match="invited_roles"):
        app.execute(
            text(
                "INSERT INTO kernel_invitation (organisation_id, organisation_kind, email, roles, rights, token_sha256,"
                " invited_by_id, invited_at, expires_at) SELECT id, kind, 'a@b.cn', '{regulator}', '{APPROVE}', 'x', :by,"
                " now(), now() FROM kernel_organisation WHERE code = 'F1'"
            ),
            {"by": house.boss.user_id},
        )
