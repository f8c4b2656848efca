"""The post: words in both languages for each kind, nothing that breaks a header or a page, at least once, and an end."""

from __future__ import annotations

import email
import smtplib
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tanyi.app import errands, post, wording
from tanyi.app.installation import Installation
from tanyi.app.pages import rendering
from tanyi.kernel import messages, notices, parties
from tanyi.kernel.db import DatabaseDown
from tanyi.kernel.messages import EMAIL, SMS, Letter, Message, NotAnAddress, Wish
from tests.app.desks import Desk
from tests.app.sample_members import FACTS
from tests.app.test_templates import CHINESE
from tests.app.web import Site, site_of
from tests.market_makers import Market
from tests.matching.solvings import until

ADDRESS = "compliance@example.org"
LANGUAGES = pytest.mark.parametrize("locale", ["zh", "en"])
KINDS = pytest.mark.parametrize("kind", list(wording.KINDS))
HOSTILE = "<script>alert(1)</script>\r\nBcc: all@example.org\r\n\r\n<img src=x onerror=alert(2)> & \" ' {{ 7*7 }}"


def letter(kind: str = "certificate.issued", **changed: Any) -> Letter:
    given = {"channel": EMAIL, "recipient": ADDRESS, "language": "en", "kind": kind, "facts": FACTS[kind]}
    return Letter(**(given | {"address": "/certificates/R100022"} | changed))


def queue(house: Installation, *letters: Letter) -> None:
    with house.open_work() as work:
        messages.queue(work, letters=letters or [letter()])


def rows(house: Installation) -> list[Any]:
    with house.open_reader() as reader:
        return list(reader.session.execute(text("SELECT * FROM kernel_message ORDER BY id")))


def files(house: Installation) -> list[Path]:
    return sorted((house.settings.data / post.OUTBOX).iterdir())


def mail_in(path: Path) -> EmailMessage:
    parsed = email.message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return part.get_content()


def make_due(house: Installation) -> None:
    """Time passes: what waits for its next attempt is due now."""
    with house.database.owner_engine().begin() as owner:
        owner.execute(text("UPDATE kernel_message SET due_at = now() - interval '1 second' WHERE state = 'QUEUED'"))


class TestTheWords:
    def test_every_kind_of_the_table_has_facts_here(self) -> None:
        assert set(FACTS) == set(wording.KINDS)

    @KINDS
    @LANGUAGES
    def test_every_kind_is_said_in_either_language_and_in_no_other(self, kind: str, locale: str) -> None:
        for said in (wording.line(kind, FACTS[kind], locale), wording.text(kind, FACTS[kind], locale)):
            assert said
            assert "%(" not in said
            assert bool(CHINESE.search(said)) is (locale == "zh"), said

    @LANGUAGES
    def test_every_word_of_a_code_is_translated(self, locale: str) -> None:
        for table in (wording.ACTS, wording.TASKS, {kind: each.name for kind, each in wording.KINDS.items()}):
            for code, word in table.items():
                said = wording.word_of(word, locale, code)
                assert bool(CHINESE.search(said)) is (locale == "zh"), code

    def test_a_kind_that_nobody_knows_any_more_is_shown_by_its_code(self) -> None:
        assert (wording.line("gone.kind", {}, "en"), wording.text("gone.kind", {}, "en")) == ("gone.kind", "")

    @KINDS
    @LANGUAGES
    def test_every_kind_leaves_as_an_email_and_as_a_text_message(self, market: Market, kind: str, locale: str) -> None:
        house = market.house
        queue(house, letter(kind, language=locale), letter(kind, language=locale, channel=SMS, recipient="13800000000"))
        errands.send_messages(house)
        mail = mail_in(next(path for path in files(house) if path.suffix == ".eml"))
        line = wording.line(kind, FACTS[kind], locale)
        assert mail["Subject"] == " ".join(line.split()) or mail["Subject"].replace("\u00a0", " ") == line.replace(
            "\u00a0", " "
        )
        assert (mail["To"], mail["Content-Language"]) == (ADDRESS, rendering.LANGUAGES[locale])
        for part in ("plain", "html"):
            assert "http://127.0.0.1:8000/certificates/R100022" in body(mail, part)
            assert "DEMO 演示，无法律效力" in body(mail, part)
        short = next(path for path in files(house) if path.suffix == ".txt").read_text(encoding="utf8")
        assert short.startswith("13800000000\n")
        assert line in short


class TestNothingBreaksOut:
    def test_what_people_wrote_is_escaped_in_the_mail_and_stays_on_its_line(self, market: Market) -> None:
        house = market.house
        facts = notices.plain_facts(FACTS["approval.asked"] | {"subject": HOSTILE})
        queue(house, letter("approval.asked", facts=facts))
        errands.send_messages(house)
        (path,) = files(house)
        mail = mail_in(path)
        assert mail["Bcc"] is None
        assert set(mail.keys()) == {
            *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version"),
            "Content-Type",
        }
        html = body(mail, "html")
        assert "<script>" not in html
        assert "<img" not in html
        assert "&lt;script&gt;" in html
        assert "{{ 7*7 }}" in html

    def test_what_people_wrote_is_escaped_on_the_page(self, market: Market) -> None:
        with site_of(market) as site:
            user = member(site)
            facts = FACTS["approval.asked"] | {"subject": HOSTILE}
            tell(market, user, "approval.asked", facts)
            page = Desk(site, "firm").get("/notices").text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page

    def test_no_mail_names_another_host_than_the_sites_own(self, market: Market) -> None:
        for kind in wording.KINDS:
            queue(market.house, letter(kind))
        errands.send_messages(market.house)
        for path in files(market.house):
            html = body(mail_in(path), "html")
            assert html.count("://") == html.count("http://127.0.0.1:8000/")
            assert not [tag for tag in ("<img", "<link", "<script", "style=", "src=") if tag in html]

    @pytest.mark.parametrize(
        "address",
        [
            "a@example.org\r\nBcc: b@example.org",
            "a@example.org\n",
            "a@example.org, b@example.org",
            "a b@example.org",
            "<a@example.org>",
            '"a"@example.org',
            "a@example",
            "@example.org",
            "a@exämple.org",
            "a\0@example.org",
            f"{'a' * 250}@example.org",
            "",
        ],
    )
    def test_what_is_not_one_address_is_refused(self, market: Market, address: str) -> None:
        with pytest.raises(NotAnAddress):
            queue(market.house, letter(recipient=address))
        wish = Wish(email=address, mobile=None, language="en", email_kinds=[], sms_kinds=[])
        with pytest.raises(NotAnAddress), market.work("E01") as work:
            messages.keep_contact(work, user_id=market.people["E01"].user_id or 0, wish=wish)

    def test_an_address_that_was_written_into_the_database_by_force_ends_no_header(self, market: Market) -> None:
        message = Message(reference="x", channel=EMAIL, recipient="a@b.cd\nBcc: c@d.ef", language="en", address="/")
        message.kind, message.facts = "certificate.issued", FACTS["certificate.issued"]
        with pytest.raises(post.Hopeless):
            post.email_of(market.house, message)

    def test_a_message_leads_to_a_page_of_this_site_only(self, market: Market) -> None:
        for address in ("https://example.org", "//example.org", "/\\example.org", "javascript:x"):
            with pytest.raises(Exception, match="a_message_leads_to_a_page_of_this_site"):
                queue(market.house, letter(address=address))

    def test_the_log_never_holds_an_address(self, market: Market) -> None:
        with market.work("E01") as work:
            wish = Wish(email=ADDRESS, mobile="13800000000", language="zh", email_kinds=["x"], sms_kinds=[])
            messages.keep_contact(work, user_id=market.people["E01"].user_id or 0, wish=wish)
        queue(market.house)
        errands.send_messages(market.house)
        with market.house.open_reader() as reader:
            bodies = " ".join(reader.session.scalars(text("SELECT body FROM ledger_audit_entry")))
        assert "contact.changed" in bodies
        assert "example.org" not in bodies
        assert "13800000000" not in bodies


class TestAtLeastOnceAndNotForEver:
    def test_what_was_undone_sends_nothing(self, market: Market) -> None:
        with pytest.raises(ZeroDivisionError):
            queue_and_fail(market)
        assert not post.send_next(market.house)

    def test_a_crash_between_sending_and_marking_sends_again_under_the_same_id(
        self, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house, real = market.house, messages.note_sent
        queue(house)

        def crash(*_given: object, **_more: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(messages, "note_sent", crash)
        with pytest.raises(KeyboardInterrupt):
            post.send_next(house)
        (first,) = files(house)
        before = mail_in(first)["Message-ID"], first.name
        monkeypatch.setattr(messages, "note_sent", real)
        assert not post.send_next(house), "the attempt under way has its time"
        make_due(house)
        assert post.send_next(house)
        (second,) = files(house)
        assert (mail_in(second)["Message-ID"], second.name) == before
        assert [(row.state, row.attempts) for row in rows(house)] == [("SENT", 2)]

    def test_what_has_left_keeps_neither_address_nor_link(self, market: Market) -> None:
        queue(market.house)
        errands.send_messages(market.house)
        assert [(row.state, row.recipient, row.address) for row in rows(market.house)] == [("SENT", "", "/")]
        with pytest.raises(Exception, match="was sent"), market.house.database.owner_engine().begin() as owner:
            owner.execute(text("UPDATE kernel_message SET state = 'QUEUED'"))

    def test_an_outlet_that_fails_is_tried_again_and_given_up_where_an_operator_sees_it(
        self, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house = market.house
        monkeypatch.setattr(post, "write_email", broken)
        queue(house)
        for attempt in range(1, messages.MOST_ATTEMPTS + 1):
            assert post.send_next(house)
            assert not post.send_next(house), "the next attempt is put off"
            assert rows(house)[0].attempts == attempt
            make_due(house)
        assert [(row.state, row.failure) for row in rows(house)] == [("FAILED", "BrokenPipeError")]
        assert not post.send_next(house)
        with site_of(market) as site:
            operator = Desk(site, "operator")
            page = operator.get("/operator/messages").text
            assert "BrokenPipeError" in page
            assert ADDRESS not in page
            monkeypatch.undo()
            assert operator.post(f"/operator/messages/{rows(house)[0].id}/again").status_code == 303
            errands.send_messages(house)
            assert [row.state for row in rows(house)] == ["SENT"]
            assert operator.post(f"/operator/messages/{rows(house)[0].id}/again").status_code == 409

    def test_a_sender_that_dies_every_time_does_not_send_for_ever(self, market: Market) -> None:
        queue(market.house)
        for _ in range(messages.MOST_ATTEMPTS):
            with market.house.open_work() as work:
                assert messages.claim(work) is not None
            make_due(market.house)
        assert not post.send_next(market.house)
        assert [(row.state, row.failure) for row in rows(market.house)] == [("FAILED", messages.SENDER_LOST)]

    def test_two_senders_at_once_never_take_the_same_message(self, market: Market) -> None:
        queue(market.house, letter(), letter())
        with market.house.open_work() as first, market.house.open_work() as second:
            taken = [messages.claim(first), messages.claim(second), messages.claim(second)]
        assert len({message.id for message in taken if message}) == 2
        assert taken[2] is None

    def test_files_are_for_this_user_alone(self, market: Market) -> None:
        queue(market.house)
        errands.send_messages(market.house)
        (path,) = files(market.house)
        assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


def queue_and_fail(market: Market) -> None:
    with market.work("E01") as work:
        messages.queue(work, letters=[letter()])
        raise ZeroDivisionError


def broken(*_given: object) -> None:
    raise BrokenPipeError


class Server(socketserver.StreamRequestHandler):
    """A mail server that takes what it is given, or answers as it is told."""

    heard: list[str] = []
    answer = "250 taken"

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline().decode().strip().upper():
            if line == "DATA":
                self._say("354 go on")
                self.heard.append("".join(iter(lambda: self.rfile.readline().decode(), ".\r\n")))
                self._say("250 taken")
            elif line.startswith("RCPT"):
                self._say(type(self).answer)
            elif line == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 here")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def mail_server(answer: str = "250 taken") -> Iterator[str]:
    Server.heard, Server.answer = [], answer
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"smtp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def with_smtp(house: Installation, url: str) -> Installation:
    return replace(house, settings=replace(house.settings, smtp_url=url))


class TestAMailServer:
    def test_a_mail_goes_to_the_server_of_the_setting(self, market: Market) -> None:
        queue(market.house)
        with mail_server() as url:
            errands.send_messages(with_smtp(market.house, url))
        (raw,) = Server.heard
        assert email.message_from_string(raw, policy=default)["To"] == ADDRESS
        assert not (market.house.settings.data / post.OUTBOX).exists()

    @pytest.mark.parametrize(
        ("answer", "state", "failure"), [("550 unknown", "FAILED", "smtp_550"), ("451 later", "QUEUED", "smtp_451")]
    )
    def test_a_refusal_for_good_ends_it_and_one_for_now_does_not(
        self, market: Market, answer: str, state: str, failure: str
    ) -> None:
        queue(market.house)
        with mail_server(answer) as url:
            errands.send_messages(with_smtp(market.house, url))
        assert [(row.state, row.failure) for row in rows(market.house)] == [(state, failure)]

    def test_a_server_that_is_not_there_is_asked_again_later(self, market: Market) -> None:
        queue(market.house)
        with mail_server() as url:
            pass
        errands.send_messages(with_smtp(market.house, url))
        assert [(row.state, row.failure) for row in rows(market.house)] == [("QUEUED", "ConnectionRefusedError")]

    def test_no_password_travels_in_clear_text_to_another_machine(
        self, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue(market.house)
        real = smtplib.SMTP
        with mail_server() as url:
            port = int(url.rpartition(":")[2])
            monkeypatch.setattr(smtplib, "SMTP", lambda _host, _port, **given: real("127.0.0.1", port, **given))
            errands.send_messages(with_smtp(market.house, "smtp://user:secret@mail.example.org"))
        assert Server.heard == []
        assert [(row.state, row.failure) for row in rows(market.house)] == [("FAILED", "smtp_not_encrypted")]


def member(site: Site) -> int:
    """The user who signs in as the firm."""
    with site.market.house.open_reader() as reader:
        people = parties.users_of(reader, site.market.party("E01"))
    return next(person.user_id for person in people if person.username == "firm")


def tell(market: Market, user_id: int, kind: str, facts: Any) -> None:
    note = notices.Note(
        organisation_id=market.party("E01"), kind=kind, address="/certificates/R1", facts=facts, user_id=user_id
    )
    with market.house.open_work() as work:
        notices.tell(work, notes=[note])


class TestOnTheSite:
    @pytest.fixture
    def site(self, market: Market) -> Iterator[Site]:
        with site_of(market) as opened:
            yield opened

    def test_the_header_counts_what_is_unread_until_it_is_opened(self, site: Site, market: Market) -> None:
        for _ in range(3):
            tell(market, member(site), "certificate.issued", FACTS["certificate.issued"])
        desk = Desk(site, "firm")
        assert 'class="bell-count">3<' in desk.get("/my").text
        page = desk.get("/notices").text
        first = page[page.index("/notices/") :].split('action="/notices/')[2].partition("/")[0]
        assert desk.post(f"/notices/{first}/read").headers["location"] == "/certificates/R1"
        assert 'class="bell-count">2<' in desk.get("/my").text
        desk.post("/notices/read")
        assert "bell-count" not in desk.get("/my").text

    def test_a_message_is_sent_for_the_kinds_that_were_chosen_and_no_other(self, site: Site, market: Market) -> None:
        desk = Desk(site, "firm")
        form = {"email": ADDRESS, "mobile": "", "language": "en", "email:certificate.issued": "yes"}
        assert desk.post("/account/notices", **form).headers["location"] == "/account/notices?said=kept"
        kept = desk.get("/account/notices?said=kept").text
        assert ADDRESS in kept
        assert kept.count(" checked") == 1
        for kind in ("certificate.issued", "purchase.settled"):
            tell(market, member(site), kind, FACTS[kind])
        assert [(row.channel, row.kind, row.language) for row in rows(market.house)] == [
            (EMAIL, "certificate.issued", "en")
        ]

    @pytest.mark.parametrize(
        ("form", "field"),
        [
            ({"email": "nobody", "mobile": ""}, "email"),
            ({"email": "", "mobile": "call me"}, "mobile"),
            ({"email": "", "mobile": "", "email:purchase.settled": "yes"}, "email"),
            ({"email": "", "mobile": "", "sms:purchase.settled": "yes"}, "mobile"),
        ],
    )
    def test_a_contact_that_cannot_be_is_said_beside_its_field(
        self, site: Site, form: dict[str, str], field: str
    ) -> None:
        answer = Desk(site, "firm").post("/account/notices", **form, language="zh")
        assert answer.status_code == 422
        assert f'id="error-{field}"' in answer.text

    def test_a_notice_of_a_person_in_one_organisation_is_not_shown_in_another(self, site: Site, market: Market) -> None:
        tell(market, member(site), "certificate.issued", FACTS["certificate.issued"])
        with market.house.open_reader() as reader:
            assert notices.newest(reader, user_id=member(site), organisation_id=market.party("E02")) == ([], 0)

    def test_an_invitation_goes_to_the_invited_address_and_its_link_is_forgotten_afterwards(
        self, site: Site, market: Market
    ) -> None:
        desk = Desk(site, "firm")
        form = {"email": ADDRESS, "role_firm": "yes", "right_PREPARE": "yes", "jurisdiction": ""}
        page = desk.post("/account/people", **form).text
        (waiting,) = rows(market.house)
        assert f"http://127.0.0.1:8000{waiting.address}" in page
        errands.send_messages(market.house)
        (path,) = files(market.house)
        assert mail_in(path)["To"] == ADDRESS
        assert f"http://127.0.0.1:8000{waiting.address}" in body(mail_in(path), "plain")
        assert [(row.recipient, row.address) for row in rows(market.house)] == [("", "/")]

    def test_the_errands_run_beside_until_they_are_told_to_stop(
        self, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(errands, "LOOK_S", 0.05)
        queue(market.house)
        said: list[str] = []
        with errands.beside(market.house, said.append):
            until(lambda: [row.state for row in rows(market.house)] == ["SENT"])
        assert said == []
        assert not [thread for thread in threading.enumerate() if thread.name == "errands"]

    def test_a_database_that_does_not_answer_stops_no_errand_for_ever(
        self, market: Market, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(errands, "LOOK_S", 0.05)
        real, answers = errands.send_messages, iter([DatabaseDown()])

        def ask(house: Installation) -> None:
            for down in answers:
                raise down
            real(house)

        monkeypatch.setattr(errands, "send_messages", ask)
        queue(market.house)
        said: list[str] = []
        with errands.beside(market.house, said.append):
            until(lambda: [row.state for row in rows(market.house)] == ["SENT"])
        assert said == ["errands: DatabaseDown"]
