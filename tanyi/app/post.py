"""The post: takes messages out of the outbox, writes their words, and lets them leave.

Without further settings they are written as files: e-mails as `.eml`, which any mail program opens, text messages as
`.txt` (no operator is connected; they are simulated). With TANYI_SMTP_URL e-mails go to that server. A message keeps its
reference through every attempt, so the same e-mail sent twice has the same Message-ID and the same file.
"""

from __future__ import annotations

import os
import re
import smtplib
import ssl
import tempfile
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from tanyi.app import wording
from tanyi.app.installation import Installation
from tanyi.app.pages import rendering
from tanyi.kernel import messages
from tanyi.kernel.errors import N_
from tanyi.kernel.messages import EMAIL, Message

OUTBOX: Final = "outbox"
TIMEOUT_S: Final = 20.0
PERMANENT: Final = 500  # SMTP replies from here on are no use trying again
LOCAL_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})
SHORT = N_("Tanyi: %(line)s %(link)s")
UNSENDABLE = "unsendable"
BREAKS = re.compile(r"[\r\n\x00]")

Outlet = Callable[[Installation, Message], None]


class Hopeless(Exception):  # noqa: N818  says what is wrong with the attempt, not with a program
    """Trying again would change nothing; `failure` is a code without any address."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


def send_next(house: Installation) -> bool:
    """Lets the message leave that waits longest; False when none waits. No transaction is open meanwhile."""
    with house.open_work() as work:
        message = messages.claim(work)
    if message is None:
        return False
    failure, is_final = _attempted(house, message)
    with house.open_work() as work:
        if failure is None:
            messages.note_sent(work, message_id=message.id)
        else:
            messages.note_not_sent(work, message_id=message.id, failure=failure, is_final=is_final)
    return True


def _attempted(house: Installation, message: Message) -> tuple[str | None, bool]:
    """Why the attempt failed, None if it did not; and whether there is no use in another. Never names an address."""
    try:
        outlet_of(house, message)(house, message)
    except Hopeless as hopeless:
        return hopeless.failure, True
    except smtplib.SMTPResponseException as answer:
        return f"smtp_{answer.smtp_code}", answer.smtp_code >= PERMANENT
    except smtplib.SMTPRecipientsRefused as refused:
        codes = [code for code, _ in refused.recipients.values()]
        return f"smtp_{max(codes)}", min(codes) >= PERMANENT
    except (OSError, smtplib.SMTPException) as wrong:
        return type(wrong).__name__, False
    return None, False


def outlet_of(house: Installation, message: Message) -> Outlet:
    """The way by which a message leaves."""
    if message.channel != EMAIL:
        return write_text_message
    return send_by_smtp if house.settings.smtp_url else write_email


def link_of(house: Installation, message: Message) -> str:
    """The page of this site that a message leads to."""
    return f"{house.settings.public_url}{message.address}"


def email_of(house: Installation, message: Message) -> EmailMessage:
    """The e-mail: plain text and HTML, in the reader's language. Refuses what could end a header."""
    if BREAKS.search(message.recipient):
        raise Hopeless(UNSENDABLE)
    locale, is_demo = message.language, house.settings.mode != "production"
    words = {
        "line": wording.line(message.kind, message.facts, locale),
        "text": wording.text(message.kind, message.facts, locale),
        "link": link_of(house, message),
    }
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"], mail["To"] = house.settings.mail_from, message.recipient
        mail["Subject"] = words["line"]
    except ValueError as broken:  # a line break, which the kernel does not let in
        raise Hopeless(UNSENDABLE) from broken
    mail["Date"] = format_datetime(message.queued_at)
    mail["Message-ID"] = f"<{message.reference}@{urlsplit(house.settings.public_url).hostname}>"
    mail["Auto-Submitted"] = "auto-generated"
    mark = ["DEMO 演示，无法律效力"] if is_demo else []
    mail.set_content("\n\n".join([*mark, *words.values()]) + "\n", cte="base64")
    html = rendering.render("mail/message.html", locale=locale, demo=is_demo, **words)
    mail.add_alternative(html, subtype="html", cte="base64")
    mail["Content-Language"] = rendering.LANGUAGES[locale]  # here, or it would go with the first of the two parts
    return mail


def write_email(house: Installation, message: Message) -> None:
    """Keeps an e-mail as a file."""
    _write(house, f"{message.reference}.eml", email_of(house, message).as_bytes())


def write_text_message(house: Installation, message: Message) -> None:
    """Keeps a text message as a file: its number, then its words."""
    line = wording.line(message.kind, message.facts, message.language)
    said = rendering.catalog(message.language).gettext(SHORT) % {"line": line, "link": link_of(house, message)}
    _write(house, f"{message.reference}.txt", f"{message.recipient}\n{BREAKS.sub(' ', said)}\n".encode())


def send_by_smtp(house: Installation, message: Message) -> None:
    """Hands an e-mail to the server of TANYI_SMTP_URL; a password never travels in clear text to another machine."""
    server = urlsplit(house.settings.smtp_url or "")
    host = server.hostname or ""
    mail = email_of(house, message)
    safe = ssl.create_default_context()
    if server.scheme == "smtps":
        client: smtplib.SMTP = smtplib.SMTP_SSL(host, server.port or 465, timeout=TIMEOUT_S, context=safe)
    else:
        client = smtplib.SMTP(host, server.port or 25, timeout=TIMEOUT_S)
    with client:
        if server.scheme == "smtp" and (client.has_extn("starttls") or client.ehlo()) and client.has_extn("starttls"):
            client.starttls(context=safe)
        elif server.scheme == "smtp" and server.username and host not in LOCAL_HOSTS:
            raise Hopeless("smtp_not_encrypted")
        if server.username:
            client.login(unquote(server.username), unquote(server.password or ""))
        client.send_message(mail)


def _write(house: Installation, name: str, raw: bytes) -> None:
    """Writes a file of mode 600, whole or not at all; sent again it is the same file."""
    folder = house.settings.data / OUTBOX
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # mkstemp makes it mode 600
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
    Path(draft).replace(folder / name)
