"""The second factor: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost."""

import re
import secrets
import unicodedata
from datetime import timedelta
from enum import Enum
from hmac import compare_digest
from uuid import UUID

import pyotp
from sqlalchemy import delete, func, select

from portal.accounts.models import RecoveryCode, SecondFactor, User, UserSession
from portal.accounts.passwords import is_demo, passwords
from portal.accounts.sessions import end_sessions, must_be_signed_in
from portal.accounts.tokens import revoke_tokens
from portal.foundation import audit, clock
from portal.foundation.access import Permission
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, locked, session, transaction
from portal.foundation.refusals import Conflict, NotFound
from portal.foundation.sealing import Unreadable, sealer

ISSUER = "Billing Portal"
STEP_SECONDS = 30
RECOVERY_CODES = 10
OFFER_LIFE = timedelta(minutes=15)
_TOLERANCE = (-1, 0, 1)
"""Steps beside the present one that count: clocks differ, and people type slowly (RFC 6238, section 5.2)."""
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter looks like a digit."""
_MISREAD = str.maketrans("OIL", "011")
_RECOVERY_LENGTH, _SELECTOR_LENGTH = 12, 2


class Proof(Enum):
    """What a code was."""

    APP = "app"
    RECOVERY = "recovery"


def is_obligatory(user: User) -> bool:
    """Whether the user cannot do without. Staff see everybody's data, outside the demo that is real."""
    return user.is_staff and not is_demo()


def new_secret(user: User) -> str:
    """A fresh secret for the user, sealed."""
    return sealer.seal(pyotp.random_base32(), bound_to=user.id)


def readable_secret(user: User, sealed: str) -> tuple[str, str]:
    """A sealed secret as an app takes it: the address that the QR code holds, and the secret to type."""
    secret = _unsealed(user.id, sealed)
    return pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=ISSUER), secret


def live_offer(row: UserSession) -> str | None:
    """The secret, sealed, that was offered in the session less than a quarter of an hour ago."""
    if row.offered_secret is None or row.offered_at is None or clock.now() - row.offered_at > OFFER_LIFE:
        return None
    return row.offered_secret


def offer(session_id: UUID, *, by: Actor) -> None:
    """Offer a new factor in one's session. The one that there may be stays until the new one has shown a code."""
    with transaction():
        row = locked(UserSession, session_id)
        if row is None or row.user_id != by.user_id:
            raise NotFound()
        must_be_signed_in(by)
        row.offered_secret, row.offered_at = new_secret(row.user), clock.now()
        _note(by, "offered", row.user, session=row.id)


def accept(row: UserSession, code: str, *, by: Actor) -> list[str] | None:
    """Make the offered factor the user's, once its app shows a code. The recovery codes, or None if it does not fit.

    Everywhere else the user is signed out.
    """
    sealed = live_offer(row)
    if sealed is None:
        message = "This took too long. Begin again: you get another code to scan."
        raise Conflict("offer_expired", message, field="code")
    step = _fitting_step(_unsealed(row.user_id, sealed), _typed(code), after=0)
    if step is None:
        return None
    codes, hashes = _new_codes()
    with transaction() as unit:
        user = locked(User, row.user_id)
        mine = locked(UserSession, row.id)
        if user is None or mine is None or not mine.is_live or mine.offered_secret != sealed:
            raise Conflict("offer_expired", "This was done in another window.", field="code")
        replaced = _forget(user)
        unit.add(SecondFactor(user_id=user.id, sealed_secret=sealed, last_step=step, created_at=clock.now()))
        _keep(user.id, hashes)
        mine.offered_secret = mine.offered_at = None
        mine.confirmed_at = clock.now()
        end_sessions(user, by=by, why="another second factor", spare=mine.id)
        _note(by, "replaced" if replaced else "enabled", user)
    return codes


def prove(user_id: UUID, code: str, *, by: Actor) -> Proof | None:
    """What the code is: the app's of now, or a recovery code that was not used yet, or None. Either works once."""
    typed = _typed(code)
    if re.fullmatch("[0-9]{6}", typed):
        return Proof.APP if _prove_by_app(user_id, typed) else None
    return Proof.RECOVERY if _prove_by_recovery(user_id, typed, by) else None


def renew_recovery_codes(*, by: Actor) -> list[str]:
    """Ten other recovery codes; those of before are worth nothing."""
    codes, hashes = _new_codes()
    with transaction():
        user = _with_factor(by.user_id)
        must_be_signed_in(by)
        _forget_codes(user.id)
        _keep(user.id, hashes)
        _note(by, "recovery_codes_renewed", user)
    return codes


def recovery_codes_left(user_id: UUID) -> int:
    """How many were not used yet."""
    unused = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(unused) or 0


def remove(*, by: Actor) -> None:
    """Do without. Raises Conflict for those who must not."""
    with transaction():
        user = _with_factor(by.user_id)
        must_be_signed_in(by)
        if is_obligatory(user):
            raise Conflict("second_factor_obligatory", "Staff need a second factor. You can replace it by another.")
        _forget(user)
        end_sessions(user, by=by, why="second factor removed", spare=by.session_id)
        _note(by, "removed", user)


def reset(user_id: UUID, *, by: Actor) -> User:
    """Take a lost factor off somebody else, and sign them out. Staff set up another when they sign in."""
    by.must(Permission.USER_MANAGE)
    by.must_confirm()
    with transaction():
        if by.user_id == user_id:
            raise Conflict("own_user", "Your own second factor is replaced on your profile.")
        user = _with_factor(user_id)
        _forget(user)
        end_sessions(user, by=by, why="second factor reset")
        revoke_tokens(user, by=by)
        _note(by, "reset", user)
    return user


def _prove_by_app(user_id: UUID, typed: str) -> bool:
    with transaction():
        factor = locked(SecondFactor, user_id)
        if factor is None:
            return False
        secret = _unsealed(user_id, factor.sealed_secret)
        step = _fitting_step(secret, typed, after=factor.last_step)
        if step is None:
            return False
        factor.last_step = step
        factor.sealed_secret = sealer.seal(secret, bound_to=user_id)  # by the newest key
    return True


def _prove_by_recovery(user_id: UUID, typed: str, by: Actor) -> bool:
    code = typed.translate(_MISREAD)
    if len(code) != _RECOVERY_LENGTH or not set(code) <= set(_LETTERS):
        return False
    wanted = select(RecoveryCode).where(
        RecoveryCode.user_id == user_id, RecoveryCode.selector == code[:_SELECTOR_LENGTH]
    )
    found = session.scalar(wanted)
    if not passwords.fits(code, found.code_hash if found else None) or found is None:
        return False
    code_id = found.id  # of a row that may be gone once the unit begins
    with transaction():
        kept = locked(RecoveryCode, code_id)
        if kept is None or kept.used_at is not None:
            return False
        kept.used_at = clock.now()
        user = session.get_one(User, user_id)
        _note(by, "recovery_code_used", user, left=recovery_codes_left(user_id))
    return True


def _fitting_step(secret: str, typed: str, *, after: int) -> int | None:
    """The time step whose code was typed, if it is one of now and later than the last one that was taken."""
    totp, now = pyotp.TOTP(secret), int(clock.now().timestamp()) // STEP_SECONDS
    steps = [now + beside for beside in _TOLERANCE]
    fitting = [step for step in steps if compare_digest(totp.generate_otp(step), typed) and step > after]
    return fitting[0] if fitting else None


def _typed(code: str) -> str:
    """The code without blanks and dashes, in capitals, whatever keyboard wrote it; empty for what no code can be."""
    plain = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", code[:100])).upper()
    return plain if plain.isascii() else ""


def _unsealed(user_id: UUID, sealed: str) -> str:
    try:
        return sealer.unseal(sealed, bound_to=user_id)
    except Unreadable as error:
        message = "The portal's key was changed, so that your second factor cannot be read. Ask an admin to reset it."
        raise Conflict("second_factor_unreadable", message, field="code") from error


def _new_codes() -> tuple[list[str], list[tuple[str, str]]]:
    """Recovery codes for people, and what is kept: selectors and hashes. Hashing takes long: do it outside a unit."""
    selectors: set[str] = set()
    while len(selectors) < RECOVERY_CODES:
        selectors.add(_random(_SELECTOR_LENGTH))
    codes = [selector + _random(_RECOVERY_LENGTH - _SELECTOR_LENGTH) for selector in selectors]
    hashes = [(code[:_SELECTOR_LENGTH], passwords.hash_code(code)) for code in codes]
    return ["-".join(code[start : start + 4] for start in range(0, _RECOVERY_LENGTH, 4)) for code in codes], hashes


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _keep(user_id: UUID, hashes: list[tuple[str, str]]) -> None:
    session.add_all(RecoveryCode(user_id=user_id, selector=selector, code_hash=hashed) for selector, hashed in hashes)


def _forget(user: User) -> bool:
    """Whether there was a factor. It goes with its recovery codes."""
    _forget_codes(user.id)
    known = locked(SecondFactor, user.id)
    if known is not None:
        session.delete(known)
        session.flush()
    session.expire(user, ["second_factor"])
    return known is not None


def _forget_codes(user_id: UUID) -> None:
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))


def _with_factor(user_id: UUID | None) -> User:
    user = lock_or_refuse(User, user_id)
    if locked(SecondFactor, user.id) is None:  # what came along with the user is from before it was locked
        raise Conflict("no_second_factor", "There is no second factor.")
    return user


def _note(by: Actor, action: str, user: User, **changes: object) -> None:
    audit.record(by, f"second_factor.{action}", "user", user.id, account_id=user.account_id, **changes)
