"""Credentials: whether a user name and a password belong together, and the change of a password.

When something of them changes, the moment is kept: capabilities that move money or tonnes away may ask for a while of
quiet after it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from tanyi.kernel import passwords
from tanyi.kernel.parties import SignedIn, User
from tanyi.kernel.work import Reader, Work


def check(reader: Reader, *, username: str, password: str) -> int:
    """The id of the user with this name and this password, or `WrongCredentials`, which takes as long either way."""
    person = reader.session.scalar(select(User).where(User.username == username))
    passwords.refuse_unless_right(person.password_hash if person else None, password)
    assert person is not None, "nobody's password is never right"
    return person.id


def change_password(work: Work, *, person: SignedIn, current: str, new: str) -> None:
    """Replaces a password by somebody who knows the current one."""
    user = work.session.get_one(User, person.user_id)
    passwords.refuse_unless_right(user.password_hash, current)
    passwords.refuse_unless_strong(new, names=[user.username, person.name_en, person.organisation_name_en])
    user.password_hash, user.credentials_changed_at = passwords.hashed(new), work.now
    work.record("password.changed", user=f"user-{user.id}")


def changed_at(reader: Reader, user_id: int) -> datetime:
    """When a password or a second factor of this user was last set, changed or taken away."""
    return reader.session.get_one(User, user_id).credentials_changed_at


def note_change(work: Work, *, user_id: int) -> None:
    """Keeps the moment at which something of a user's credentials changed."""
    work.session.get_one(User, user_id).credentials_changed_at = work.now
