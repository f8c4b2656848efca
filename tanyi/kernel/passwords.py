"""Passwords: kept as argon2id and nowhere else, and compared so that an unknown name takes as long as a wrong password.

The parameters are those of RFC 9106's second recommended option (64 MiB, three passes, four lanes), which is what the
library takes when nothing else is said; a hash of older parameters is made anew at the next sign-in.
"""

from __future__ import annotations

import secrets

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.profiles import RFC_9106_LOW_MEMORY

from tanyi.kernel.errors import N_, Forbidden

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
# Verified when the user name is unknown, so that the answer takes as long as for a known one.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


class WrongCredentials(Forbidden):
    """No such user, or not this password; which of the two is not said."""

    code = "parties.wrong_credentials"
    message = N_("The user name or the password is not right.")


def hashed(password: str | None) -> str:
    """What is kept of a password; of none, the empty text, which no password fits."""
    return "" if password is None else _hasher.hash(password)


def refuse_unless_right(kept: str | None, password: str) -> None:
    """Compares a password with what is kept of it; `None` stands for a user who does not exist."""
    try:
        # a user without a password takes as long to refuse as an unknown one
        _hasher.verify(kept or _NOBODY, password)
    except (Argon2Error, InvalidHashError) as wrong:
        raise WrongCredentials from wrong
    if not kept:
        raise WrongCredentials


def is_outdated(kept: str) -> bool:
    """Whether what is kept was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)
