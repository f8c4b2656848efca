"""Four eyes: two persons for every act, in code and in the database; decided once, and never other than it was prepared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tanyi.kernel import approval_book, approvals, notices, parties, tasks
from tanyi.kernel.approval_book import Approval, NotWhatWasShown
from tanyi.kernel.errors import NotFound
from tanyi.kernel.lifecycle import WrongState
from tanyi.kernel.work import Actor, Work
from tanyi.ledger.audit import run_checks
from tests.market_makers import Market, make_colleague

KIND = approvals.Kind("test.act")
BY_DEPARTMENT = approvals.Kind("test.office", needs=approvals.REGULATOR)


@pytest.fixture
def pair(market: Market) -> tuple[Actor, Actor]:
    """Two people of E01 who may do everything."""
    with market.house.open_work() as work:
        second = make_colleague(work, market.party("E01"), "e01.second", "firm")
    return market.people["E01"], second


def prepare(market: Market, actor: Actor, kind: approvals.Kind = KIND, office: str = "E01") -> Approval:
    with market.house.open_work(actor) as work:
        return approvals.ask(work, kind=kind, organisation_id=market.party(office), subject="L1", act={"tonnes": 5})


def state(market: Market, number: str) -> str:
    with market.house.open_reader() as reader:
        return reader.session.scalars(
            text("SELECT state FROM kernel_approval WHERE number = :n").bindparams(n=number)
        ).one()


def approve(market: Market, actor: Actor, asked: Approval) -> approvals.Approved:
    with market.house.open_work(actor) as work:
        return approvals.approve(work, number=asked.number, seen_sha256=asked.payload_sha256)


def tampered(market: Market, statement: str) -> None:
    """What an owner of the schema could write with the triggers off."""
    with market.house.database.owner_engine().begin() as owner:
        owner.execute(text("SET LOCAL session_replication_role = replica"))
        owner.exec_driver_sql(statement)


class TestTwoPersons:
    def test_a_second_person_lets_exactly_the_prepared_act_happen(
        self, market: Market, pair: tuple[Actor, Actor]
    ) -> None:
        asked = prepare(market, pair[0])
        approved = approve(market, pair[1], asked)
        assert (approved.number, approved.act, approved.prepared_by) == (asked.number, {"tonnes": 5}, pair[0].user_id)
        assert state(market, asked.number) == "APPROVED"

    def test_whoever_prepared_it_cannot_approve_it(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        with pytest.raises(approvals.SamePerson):
            approve(market, pair[0], asked)
        assert state(market, asked.number) == "PENDING"

    def test_somebody_who_acts_for_several_companies_is_still_one_person(
        self, market: Market, pair: tuple[Actor, Actor]
    ) -> None:
        """The act of E02 is decided by E01's department of the group; the same user in the other membership is refused."""
        maker = pair[0]
        assert maker.user_id is not None
        with market.house.open_work() as work:
            parties.add_member(
                work, user_id=maker.user_id, organisation_id=market.party("E02"), roles=["firm"], rights=parties.RIGHTS
            )
        elsewhere = replace(maker, organisation_id=market.party("E02"))
        asked = prepare(market, maker, office="E02")
        with pytest.raises(approvals.SamePerson):
            approve(market, elsewhere, asked)

    def test_the_database_refuses_one_person_as_both(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        same = "UPDATE kernel_approval SET state = 'APPROVED', decided_by = prepared_by, decided_at = now()"
        with pytest.raises(IntegrityError, match="nobody_approves_what_they_prepared"), market.work("E01") as work:
            work.session.execute(text(same))
        assert state(market, asked.number) == "PENDING"

    def test_somebody_without_the_right_may_neither_prepare_nor_decide(
        self, market: Market, pair: tuple[Actor, Actor]
    ) -> None:
        with market.house.open_work() as work:
            looks = make_colleague(work, market.party("E01"), "e01.looks", "firm", rights=[])
            prepares = make_colleague(work, market.party("E01"), "e01.prepares", "firm", rights=[parties.PREPARE])
        with pytest.raises(approvals.MayNotPrepare):
            prepare(market, looks)
        asked = prepare(market, pair[0])
        for actor in (looks, prepares):
            with pytest.raises(approvals.MayNotDecide):
                approve(market, actor, asked)

    def test_an_organisation_of_one_person_is_told_to_invite_a_second(self, market: Market) -> None:
        with pytest.raises(approvals.NobodyElse):
            prepare(market, market.people["E01"])

    def test_another_organisation_finds_nothing(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        with pytest.raises(NotFound):
            approve(market, market.people["E02"], asked)
        with market.house.open_reader() as reader, pytest.raises(NotFound):
            approval_book.own(reader, number=asked.number, organisation_id=market.party("E02"))

    def test_where_the_kind_says_so_the_department_decides(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0], BY_DEPARTMENT, "R01")
        with pytest.raises(approvals.MayNotDecide):
            approve(market, pair[1], asked)
        approve(market, market.people["R01"], asked)
        with market.house.open_reader() as reader:
            assert (
                approval_book.own(reader, number=asked.number, organisation_id=market.party("E01")).state == "APPROVED"
            )


class TestOnce:
    def test_of_two_who_approve_at_once_one_does(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        with market.house.open_work() as work:
            third = make_colleague(work, market.party("E01"), "e01.third", "firm")
        asked = prepare(market, pair[0])

        def answer(actor: Actor) -> str:
            try:
                approve(market, actor, asked)
            except WrongState:
                return "refused"
            return "approved"

        with ThreadPoolExecutor(2) as threads:
            assert sorted(threads.map(answer, (pair[1], third))) == ["approved", "refused"]

    @pytest.mark.parametrize("ending", ["REJECTED", "WITHDRAWN", "LAPSED"])
    def test_what_has_ended_is_not_approved_any_more(
        self, market: Market, pair: tuple[Actor, Actor], ending: str
    ) -> None:
        asked = prepare(market, pair[0])
        end(market, pair, asked, ending)
        assert state(market, asked.number) == ending
        with pytest.raises(WrongState):
            approve(market, pair[1], asked)
        for column in ("state = 'APPROVED'", "reason = 'other'", "outcome = 'x'"):
            with pytest.raises(IntegrityError), market.work("E01") as work:
                work.session.execute(text(f"UPDATE kernel_approval SET {column}"))

    def test_what_is_not_decided_in_time_lapses_and_its_preparer_is_told(
        self, market: Market, pair: tuple[Actor, Actor]
    ) -> None:
        asked = prepare(market, pair[0])
        with market.house.open_work() as work:
            last = replace(work, now=work.now + timedelta(days=KIND.days))
            assert approvals.lapse_overdue(last) == []
        end(market, pair, asked, "LAPSED")
        with market.house.open_reader() as reader:
            told, _ = notices.newest(reader, user_id=pair[0].user_id or 0, organisation_id=market.party("E01"))
        assert [notice.kind for notice in told] == [approvals.LAPSED]

    def test_after_the_last_day_nobody_approves_even_before_it_has_lapsed(
        self, market: Market, pair: tuple[Actor, Actor]
    ) -> None:
        asked = prepare(market, pair[0])
        with pytest.raises(approvals.TimeIsOver), market.house.open_work(pair[1]) as work:
            approvals.approve(days_later(work), number=asked.number, seen_sha256=asked.payload_sha256)

    def test_a_rejection_says_why(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        for reason in ("", "x" * 501):
            with pytest.raises(approvals.ReasonMissing), market.house.open_work(pair[1]) as work:
                approvals.reject(work, number=asked.number, reason=reason)

    def test_only_the_preparer_takes_it_back(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        with pytest.raises(approvals.NotPreparer), market.house.open_work(pair[1]) as work:
            approvals.withdraw(work, number=asked.number)

    def test_what_was_done_is_noted_once(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        approve(market, pair[1], asked)
        with market.house.open_work(pair[1]) as work:
            assert approvals.finish(work, number=asked.number, outcome="R1")
        with market.house.open_work(pair[1]) as work:
            assert not approvals.finish(work, number=asked.number, outcome="R2")
            assert not approvals.fail(work, number=asked.number, outcome="R2")
        assert state(market, asked.number) == "DONE"


def days_later(work: Work, days: int = KIND.days + 1) -> Work:
    return replace(work, now=work.now + timedelta(days=days))


def end(market: Market, pair: tuple[Actor, Actor], asked: Approval, ending: str) -> None:
    with market.house.open_work(pair[0] if ending == "WITHDRAWN" else pair[1]) as work:
        if ending == "REJECTED":
            approvals.reject(work, number=asked.number, reason="Too dear.")
        elif ending == "WITHDRAWN":
            approvals.withdraw(work, number=asked.number)
        else:
            assert approvals.lapse_overdue(days_later(work)) == [asked.number]


class TestWhatIsApprovedIsWhatWasPrepared:
    def test_the_approver_names_the_hash_of_what_was_shown(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        with pytest.raises(NotWhatWasShown), market.house.open_work(pair[1]) as work:
            approvals.approve(work, number=asked.number, seen_sha256="0" * 64)

    def test_a_document_that_was_changed_is_found_by_its_hash(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        tampered(market, "UPDATE kernel_approval SET payload = replace(payload, '\"tonnes\":5', '\"tonnes\":9')")
        with pytest.raises(NotWhatWasShown):
            approve(market, pair[1], asked)
        assert breaches(market) == ["an_approval_keeps_what_was_prepared"]

    def test_a_hash_that_was_changed_too_is_found_by_the_log(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        prepare(market, pair[0])
        assert breaches(market) == []
        tampered(
            market,
            "UPDATE kernel_approval SET payload = replace(payload, '\"tonnes\":5', '\"tonnes\":9'), payload_sha256 ="
            " encode(sha256(convert_to(replace(payload, '\"tonnes\":5', '\"tonnes\":9'), 'UTF8')), 'hex')",
        )
        assert breaches(market) == ["an_approval_keeps_what_was_prepared"]

    @pytest.mark.parametrize(
        "column", ["payload = '{}'", "payload_sha256 = ''", "subject = 'L2'", "prepared_by = 1", "organisation_id = 1"]
    )
    def test_the_database_keeps_what_was_prepared_even_from_its_owner(
        self, market: Market, pair: tuple[Actor, Actor], column: str
    ) -> None:
        prepare(market, pair[0])
        with pytest.raises(IntegrityError), market.house.database.owner_engine().begin() as owner:
            owner.execute(text(f"UPDATE kernel_approval SET {column}"))

    def test_no_approval_is_born_decided_and_none_is_deleted(self, market: Market, pair: tuple[Actor, Actor]) -> None:
        asked = prepare(market, pair[0])
        approve(market, pair[1], asked)
        names = "kind, needs, organisation_id, preparing_id, subject, payload, payload_sha256, state, prepared_by,"
        names += " prepared_at, deadline_on, decided_by, decided_at"
        copied = f"INSERT INTO kernel_approval ({names}) SELECT {names} FROM kernel_approval"
        for statement in (copied, "DELETE FROM kernel_approval"):
            with pytest.raises(IntegrityError), market.house.database.owner_engine().begin() as owner:
                owner.execute(text(statement))


def breaches(market: Market) -> list[str]:
    with market.house.open_reader() as reader:
        return [breach.invariant for breach in run_checks(reader, approval_book.CHECKS)]


class TestWhoHears:
    def test_those_who_may_decide_get_a_notice_and_a_task_until_it_is_decided(
        self, market: Market, pair: tuple[Actor, Actor]
    ) -> None:
        asked = prepare(market, pair[0])
        firm = market.party("E01")
        with market.house.open_reader() as reader:
            told, total = notices.newest(reader, user_id=pair[1].user_id or 0, organisation_id=firm)
            assert (told[0].kind, total, told[0].facts["approval"]) == (approvals.ASKED, 1, asked.number)
            assert notices.unread(reader, user_id=pair[0].user_id or 0, organisation_id=firm) == 0
            (task,) = tasks.open_of(reader, organisation_id=firm, rights=[parties.APPROVE])
            assert (task.subject, task.due_on) == (asked.number, asked.deadline_on)
            assert tasks.open_of(reader, organisation_id=firm, rights=[parties.PREPARE]) == []
        approve(market, pair[1], asked)
        with market.house.open_reader() as reader:
            assert tasks.count_open(reader, organisation_id=firm, rights=parties.RIGHTS) == 0
            told, _ = notices.newest(reader, user_id=pair[0].user_id or 0, organisation_id=firm)
        assert [(notice.kind, notice.facts["approval_state"]) for notice in told] == [(approvals.DECIDED, "APPROVED")]
