"""Guests: a mobile number or an e-mail address makes a buyer, a link leads back, and the log knows nothing of either."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from tanyi.kernel import guests, parties
from tests.market_makers import Market


@pytest.mark.parametrize(
    ("written", "kind", "plain"),
    [
        ("13812345678", "MOBILE", "13812345678"),
        ("+86 138-1234-5678", "MOBILE", "13812345678"),
        (" Zhou.Ming@Example.COM ", "EMAIL", "Zhou.Ming@example.com"),
    ],
)
def test_a_contact_is_a_mobile_number_or_an_address(written: str, kind: str, plain: str) -> None:
    assert guests.contact_of(written) == (kind, plain)


@pytest.mark.parametrize(
    "written", ["", "1381234567", "23812345678", "a@b", "a b@c.cn", "a@c.cn\nBcc: x@y.z", "x" * 300]
)
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(guests.ContactUnreadable):
        guests.contact_of(written)


def test_a_guest_is_an_organiser_with_a_group_of_its_own_and_is_signed_in(market: Market) -> None:
    with market.house.open_work() as work:
        user_id, token = guests.welcome(work, contact="13812345678", name="周明工作室", peer="198.51.100.7")
    with market.house.open_reader() as reader:
        person = parties.by_session(reader, token)
        assert person is not None and person.user_id == user_id and person.roles == {"organiser"}
        party = parties.organisations(reader, {person.organisation_id})[person.organisation_id]
        assert (party.kind, party.group_code, party.name_zh) == ("PARTICIPANT", party.code, "周明工作室")
        assert guests.is_guest(reader, user_id) and guests.contact_told(reader, user_id) == "13812345678"


def test_nobody_signs_in_as_a_guest_with_a_password(market: Market) -> None:
    with market.house.open_work() as work:
        guests.welcome(work, contact="13812345678")
        name = work.session.execute(text("SELECT username FROM kernel_user ORDER BY id DESC LIMIT 1")).scalar_one()
        with pytest.raises(parties.WrongCredentials):
            parties.sign_in(work, username=name, password="")


def test_the_log_knows_neither_contact_nor_name_nor_peer(market: Market) -> None:
    with market.house.open_work() as work:
        guests.welcome(work, contact="zhou@example.cn", name="周明", peer="198.51.100.7")
    with market.house.open_reader() as reader:
        told = " ".join(reader.session.execute(text("SELECT body FROM ledger_audit_entry")).scalars())
    assert not any(word in told for word in ("zhou", "周明", "198.51"))


def test_a_link_leads_back_for_thirty_days_and_a_newer_one_ends_it(market: Market) -> None:
    with market.house.open_work() as work:
        user_id, _ = guests.welcome(work, contact="zhou@example.cn")
        first = guests.link_for(work, user_id=user_id)
        assert guests.come_back(work, token=first.token)[0] == user_id
        (second,) = guests.renew_link(work, contact="zhou@EXAMPLE.cn")
        with pytest.raises(guests.LinkExpired):
            guests.come_back(work, token=first.token)
        later = replace(work, now=work.now + timedelta(days=31))
        with pytest.raises(guests.LinkExpired):
            guests.come_back(later, token=second.token)


def test_a_link_is_kept_as_its_hash_alone(market: Market) -> None:
    with market.house.open_work() as work:
        user_id, _ = guests.welcome(work, contact="zhou@example.cn")
        token = guests.link_for(work, user_id=user_id).token
        kept = work.session.execute(text("SELECT link_sha256 FROM kernel_guest")).scalar_one()
    assert token not in kept and len(kept) == 64


def test_an_unknown_contact_gets_no_link_and_no_answer_that_tells(market: Market) -> None:
    with market.house.open_work() as work:
        assert guests.renew_link(work, contact="nobody@example.cn") == []


def test_one_peer_brings_so_many_guests_an_hour_and_others_are_not_held_up(market: Market) -> None:
    with market.house.open_work() as work:
        for _ in range(guests.MOST_IN_WINDOW):
            guests.welcome(work, contact="13812345678", peer="198.51.100.7")
        with pytest.raises(guests.TooManyGuests):
            guests.welcome(work, contact="13812345678", peer="198.51.100.7")
        guests.welcome(work, contact="13812345678", peer="198.51.100.8")
        later = replace(work, now=work.now + guests.WINDOW + timedelta(seconds=1))
        guests.welcome(later, contact="13812345678", peer="198.51.100.7")
