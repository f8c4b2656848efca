"""The second factor: time-based codes (TOTP, RFC 6238) of an app on one's phone, and ten codes for when it is lost.

The secret is sealed with a key that is not in the database. A code counts once: the time step of the last one is kept, and
only a later step is taken. A code of the step before and of the next is taken too, since clocks differ. Recovery codes hold
80 random bits each, are kept as hashes and count once each. A new secret is offered first and takes the place of the old
one only when a code of it was entered, so nobody is locked out by a picture that was never scanned.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

import pyotp
from sqlalchemy import BigInteger, ForeignKey, LargeBinary, Text, delete, func, select
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from tanyi.kernel import credentials
from tanyi.kernel.db import Base
from tanyi.kernel.errors import N_, Conflict, Forbidden
from tanyi.kernel.sealing import SealingKey
from tanyi.kernel.work import Reader, Work

RECOVERY_CODES = 10
STEP_S = 30
DIGITS = 6
OFFER_LENGTH = timedelta(minutes=30)
ISSUER = "Tanyi"


class WrongCode(Forbidden):
    """Not the code of this moment, or one that was used before."""

    code = "second_factor.wrong_code"
    message = N_("This code is not right, or it was used before. Wait for the next one and try again.")


class NothingOffered(Conflict):
    """There is no fresh secret to confirm."""

    code = "second_factor.nothing_offered"
    message = N_("Begin the setting up once more: the picture was shown too long ago.")


class SecondFactor(Base):
    """The sealed secret of a user, the last time step that was used, and a secret offered in its place."""

    __tablename__ = "kernel_second_factor"
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"), primary_key=True, autoincrement=False)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger)
    offered: Mapped[bytes | None] = mapped_column(LargeBinary)
    offered_at: Mapped[datetime | None] = mapped_column(TIMESTAMP(timezone=True))


class RecoveryCode(Base):
    """One code for when the phone is lost, as its hash; deleted when it is used."""

    __tablename__ = "kernel_recovery_code"
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id"), primary_key=True, autoincrement=False)
    code_sha256: Mapped[str] = mapped_column(Text, primary_key=True)


def is_enrolled(reader: Reader, user_id: int) -> bool:
    """Whether signing in as this user takes a code."""
    query = select(SecondFactor.user_id).where(SecondFactor.user_id == user_id, SecondFactor.sealed.is_not(None))
    return reader.session.scalar(query) is not None


def recovery_codes_left(reader: Reader, user_id: int) -> int:
    """How many recovery codes are unused."""
    return reader.session.scalar(select(func.count()).where(RecoveryCode.user_id == user_id)) or 0


def offer(work: Work, *, user_id: int, key: SealingKey) -> None:
    """Makes a fresh secret, to be confirmed by a code of it within half an hour."""
    row = _row(work, user_id)
    if row is None:
        row = SecondFactor(user_id=user_id, sealed=None, last_step=0)
        work.session.add(row)
    row.offered, row.offered_at = key.seal(pyotp.random_base32(), purpose=_purpose(user_id)), work.now


def offered_secret(reader: Reader, user_id: int, key: SealingKey) -> str | None:
    """The fresh secret that waits for a code, in base32."""
    row = reader.session.get(SecondFactor, user_id)
    if row is None or row.offered is None or row.offered_at is None or row.offered_at <= reader.now - OFFER_LENGTH:
        return None
    return key.unseal(row.offered, purpose=_purpose(user_id))


def address_of(secret: str, username: str) -> str:
    """What the picture says to the app: an address of the kind otpauth."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def confirm(work: Work, *, user_id: int, key: SealingKey, code: str) -> list[str]:
    """Puts the offered secret in force by a code of it; gives fresh recovery codes, the old ones are void."""
    row = _row(work, user_id)
    secret = offered_secret(work, user_id, key)
    if row is None or secret is None:
        raise NothingOffered
    row.last_step = _step_of(work, secret, code, after_step=0)
    row.sealed, row.offered, row.offered_at = row.offered, None, None
    credentials.note_change(work, user_id=user_id)
    work.record("second_factor.enrolled", user=f"user-{user_id}")
    return renew_recovery_codes(work, user_id=user_id)


def use_code(work: Work, *, user_id: int, key: SealingKey, code: str) -> bool:
    """Takes a code of the app, or a recovery code; whether it was a recovery code. Refuses with `WrongCode`."""
    row = _row(work, user_id)
    if row is None or row.sealed is None:
        raise WrongCode
    typed = "".join(code.split()).replace("-", "")
    if len(typed) > DIGITS:
        _use_recovery_code(work, user_id, typed)
        return True
    secret = key.unseal(row.sealed, purpose=_purpose(user_id))
    row.last_step = _step_of(work, secret, typed, after_step=row.last_step)
    return False


def renew_recovery_codes(work: Work, *, user_id: int) -> list[str]:
    """Ten fresh recovery codes, told once; the old ones are void."""
    work.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    work.session.add_all(RecoveryCode(user_id=user_id, code_sha256=_fingerprint(code)) for code in codes)
    work.record("recovery_codes.renewed", user=f"user-{user_id}")
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def end(work: Work, *, user_id: int) -> None:
    """Signing in takes no code any more."""
    for row in (RecoveryCode, SecondFactor):
        work.session.execute(delete(row).where(row.user_id == user_id))
    credentials.note_change(work, user_id=user_id)
    work.record("second_factor.ended", user=f"user-{user_id}")


def _row(work: Work, user_id: int) -> SecondFactor | None:
    """Locked, so that of two who bring the same code at once one is refused."""
    return work.session.scalar(select(SecondFactor).where(SecondFactor.user_id == user_id).with_for_update())


def _step_of(reader: Reader, secret: str, code: str, *, after_step: int) -> int:
    """The time step whose code this is, among the present one and its neighbours, later than `after_step`."""
    totp, typed = pyotp.TOTP(secret), "".join(code.split())
    now = int(reader.now.timestamp()) // STEP_S
    for step in (now, now - 1, now + 1):
        is_right = hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode())
        if is_right and step > after_step:
            return step
    raise WrongCode


def _use_recovery_code(work: Work, user_id: int, typed: str) -> None:
    mine = delete(RecoveryCode).where(
        RecoveryCode.user_id == user_id, RecoveryCode.code_sha256 == _fingerprint(typed.lower())
    )
    if work.session.scalar(mine.returning(RecoveryCode.user_id)) is None:
        raise WrongCode
    work.record("recovery_code.used", user=f"user-{user_id}")


def _purpose(user_id: int) -> str:
    return f"second factor of user {user_id}"


def _fingerprint(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
