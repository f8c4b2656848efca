"""Passwords: kept as argon2id and nowhere else, and compared so that an unknown name takes as long as a wrong password.

The parameters are those of RFC 9106's second recommended option (64 MiB, three passes, four lanes). A new password has
at least twelve characters, any characters, and something left when one takes away what everybody tries first: own and
site names, rows of the keyboard, runs like 1234 or abcd, and repetitions. No character classes are demanded and no
password expires (NIST SP 800-63B-4 §3.1.1.2 says why neither helps).
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from tanyi.kernel.errors import N_, Forbidden, Invalid

SHORTEST, LONGEST = 12, 200
LEAST_LEFT = 5  # different characters beside what everybody tries first
SHORTEST_NAME = 4
OBVIOUS = (
    "password",
    "passw0rd",
    "iloveyou",
    "woaini",
    "welcome",
    "letmein",
    "administrator",
    "admin",
    "tanyi",
    "hebei",
)
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc", "qazwsxedc", "1q2w3e4r5t")
SHORTEST_RUN = 4

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# Verified when the user name is unknown, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


class WrongCredentials(Forbidden):
    """No such user, or not this password; which of the two is not said."""

    code = "parties.wrong_credentials"
    message = N_("The user name or the password is not right.")


class PasswordTooShort(Invalid):
    """A new password with too few or far too many characters."""

    code = "passwords.length"
    message = N_("Take at least %(shortest)s and at most %(longest)s characters.")


class PasswordTooObvious(Invalid):
    """A new password that is one's own name or what everybody tries first."""

    code = "passwords.too_obvious"
    message = N_(
        "This password is easy to guess: little is left without names, keyboard rows and runs. Take a few unrelated words."
    )


def refuse_unless_strong(password: str, *, names: Iterable[str]) -> None:
    """The rule for a new password; `names` are those of its owner and of the organisation."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise PasswordTooShort(shortest=SHORTEST, longest=LONGEST)
    if len(set(_beside_the_obvious(password, names))) < LEAST_LEFT:
        raise PasswordTooObvious


def hashed(password: str | None) -> str:
    """What is kept of a password; of none, the empty text, which no password fits."""
    return "" if password is None else _hasher.hash(_one_form(password))


def refuse_unless_right(kept: str | None, password: str) -> None:
    """Compares a password with what is kept of it; `None` stands for a user who does not exist."""
    try:
        # a user without a password takes as long to refuse as an unknown one
        _hasher.verify(kept or _NOBODY, _one_form(password))
    except (Argon2Error, InvalidHashError) as wrong:
        raise WrongCredentials from wrong
    if not kept:
        raise WrongCredentials


def _one_form(password: str) -> str:
    """The same characters, however a keyboard composes them."""
    return unicodedata.normalize("NFC", password)


def _beside_the_obvious(password: str, names: Iterable[str]) -> str:
    left = password.casefold()
    own = (part for name in names for part in [name.casefold(), *name.casefold().replace("-", ".").split(".")])
    for word in sorted({*OBVIOUS, *KEYBOARD, *own}, key=len, reverse=True):
        if len(word) >= SHORTEST_NAME:
            left = left.replace(word, "")
    return _without_runs(left)


def _without_runs(text: str) -> str:
    """The text without runs of four or more characters that rise, fall or stay: 1234, dcba, 0000, and keyboard rows."""
    kept, run = "", text[:1]
    for character in text[1:]:
        step = ord(character) - ord(run[-1])
        is_going_on = abs(step) <= 1 and (len(run) == 1 or step == ord(run[-1]) - ord(run[-2]))
        if is_going_on or any(run[-SHORTEST_RUN:] + character in row for row in KEYBOARD):
            run += character
        else:
            kept, run = kept + (run if len(run) < SHORTEST_RUN else ""), character
    return kept + (run if len(run) < SHORTEST_RUN else "")
