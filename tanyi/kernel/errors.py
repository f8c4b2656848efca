"""Refusals: what the system says no to. Five kinds, each refusal a class with a stable code.

A refusal is an expected answer, not a bug (`assert` is for bugs). The kind decides the HTTP status in one table of the
app; the code is for programs, the message (a gettext msgid with named places) for people in their language. `facts`
fill the places and travel in the problem document.
"""

from __future__ import annotations

from typing import ClassVar


def N_(message: str) -> str:  # noqa: N802  the name that gettext tools look for
    """Marks a string for the catalogs without translating it here."""
    return message


class Refusal(Exception):  # noqa: N818  a refusal says what is wrong, it is not an error
    """Base of the five kinds. Subclasses set `code` (dotted, stable) and `message` (msgid)."""

    code: ClassVar[str] = "refused"
    message: ClassVar[str] = N_("This is not possible.")

    def __init__(self, **facts: object) -> None:
        self.facts = facts
        super().__init__(self.message % facts if facts else self.message)


class NotFound(Refusal):
    """No such thing, or none that the asker may see."""

    code = "not_found"
    message = N_("There is no such page or record, or it is not yours to see.")


class Forbidden(Refusal):
    """The asker may not do this."""

    code = "forbidden"
    message = N_("Your role does not allow this.")


class Invalid(Refusal):
    """The request itself is wrong."""

    code = "invalid"
    message = N_("The request is not valid: %(detail)s")


class Conflict(Refusal):
    """The request is right but the state of things does not allow it."""

    code = "conflict"
    message = N_("The state of things does not allow this now.")


class Unavailable(Refusal):
    """Something that this needs does not answer; try again later."""

    code = "unavailable"
    message = N_("A part of the system does not answer. Please try again in a moment.")
