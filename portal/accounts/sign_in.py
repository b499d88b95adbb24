"""Signing in: the password, then the second factor where there is one or has to be one, then a password of one's own
where somebody else chose it. Throttled, and written down.

Who guesses learns nothing: an address that nobody has is counted, checked and answered like one that somebody has.
Who is attacked is not locked out: a browser in which they signed in before has attempts of its own, which no stranger
can use up (OWASP, "device cookies").
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from ipaddress import IPv6Address, ip_address, ip_network
from uuid import UUID

from portal.accounts import second_factor, sessions, throttle
from portal.accounts.models import User, UserSession
from portal.accounts.passwords import passwords
from portal.accounts.queries import find_user, get_user
from portal.accounts.second_factor import Proof
from portal.accounts.service import authenticate, keep_password, renew_hash, set_password, typed_address
from portal.accounts.sessions import Cookies, Place
from portal.accounts.throttle import Bucket, Limit
from portal.foundation import audit
from portal.foundation.actor import Actor
from portal.foundation.db import locked, transaction
from portal.foundation.refusals import Invalid, NotSignedIn
from portal.foundation.row_security import as_user_of

_MINUTE = timedelta(minutes=1)
PASSWORD_AT_ADDRESS = Limit("password, at this address", 30, _MINUTE)
PASSWORD_OF_USER_AT_ADDRESS = Limit("password, of a user at this address", 5, 3 * _MINUTE)
PASSWORD_OF_USER = Limit("password, of a user anywhere", 20, _MINUTE)
PASSWORD_IN_BROWSER = Limit("password, in a known browser", 10, 2 * _MINUTE)
CODE_OF_USER = Limit("code, of a user anywhere", 5, 30 * _MINUTE)
CODE_IN_BROWSER = Limit("code, in a known browser", 5, 10 * _MINUTE)
CODE_IN_SESSION = Limit("code, in a session", 5, 5 * _MINUTE)
PASSWORD_IN_SESSION = Limit("password, in a session", 5, 3 * _MINUTE)


@dataclass(frozen=True, slots=True)
class Started:
    """A session that began or went on, with the cookies that its browser gets."""

    session: UserSession
    cookies: Cookies
    recovery_codes: tuple[str, ...] = ()
    """Of a factor that was just set up: shown now, and never again."""
    by_recovery_code: bool = False


def by_password(email: str, password: str, *, place: Place) -> Started | None:
    """The first step. None where address and password do not fit. Raises TooManyAttempts, before anything is checked.

    The session is whole, unless another step has to follow; ``next_step`` tells which.
    """
    email = typed_address(email)
    known = find_user(email)
    by, buckets = place.actor(), _password_buckets(email, known, place)
    throttle.take(*buckets, note=lambda limit: _note(by, "session.throttled", known, limit=limit))
    user = authenticate(email, password)
    if user is None:
        _note(by, "session.refused", known)
        return None
    fitted = user.password_hash
    started = _start(user, place)  # before anything is read anew: it compares with the password that was checked
    throttle.give_back(*buckets, emptied=buckets[:1])
    renew_hash(user, password, fitted)
    return started


class Step(Enum):
    """What is left of signing in."""

    NOTHING = auto()
    SHOW_FACTOR = auto()
    SET_UP_FACTOR = auto()
    CHOOSE_PASSWORD = auto()
    START_AGAIN = auto()


def next_step(row: UserSession) -> Step:
    """Which step comes next in the session."""
    if row.is_authenticated:
        return Step.NOTHING
    if row.confirmed_at is None and row.user.second_factor is not None:
        return Step.SHOW_FACTOR
    if row.confirmed_at is None and second_factor.is_obligatory(row.user):
        return Step.SET_UP_FACTOR if second_factor.live_offer(row) else Step.START_AGAIN
    return Step.CHOOSE_PASSWORD if row.user.must_choose_password else Step.START_AGAIN


def by_code(row: UserSession, code: str, *, place: Place) -> Started:
    """The second step: a code of the app, or a recovery code. Raises Invalid, and TooManyAttempts."""
    by = place.actor(row.user, session_id=row.id)
    proof = _prove(row, code, _code_bucket(row.user_id, place), by=by, field="code")
    cookies = sessions.go_on(row, place=place, factor_shown=True)
    return Started(row, cookies, by_recovery_code=proof is Proof.RECOVERY)


def by_set_up(row: UserSession, code: str, *, place: Place) -> Started:
    """The second step where a factor was missing: the first code of the one that was offered. Raises as ``by_code``."""
    codes = accept_offer(row, code, by=place.actor(row.user, session_id=row.id))
    return Started(row, sessions.go_on(row, place=place, factor_shown=True), tuple(codes))


def by_own_password(row: UserSession, password: str, *, place: Place) -> Started:
    """The last step where somebody else chose the password: one's own. Raises Invalid, and NotSignedIn."""
    _must_choose_password(row)
    if passwords.fits(password, row.user.password_hash):
        message = "This is the password that you were given. Choose one that nobody else knows."
        raise Invalid("password_unchanged", message, field="password")
    by, about = place.actor(row.user, session_id=row.id), (row.user.name, row.user.email)
    hashed = passwords.hash(password, about=about)  # before the unit: others wait for the lock
    with as_user_of(row.user.account_id), transaction():
        locked(User, row.user_id)
        current = sessions.live_or_refused(row.id)
        _must_choose_password(current)  # still: of two clicks the second comes too late
        keep_password(current.user, hashed, by=by)
        return Started(current, sessions.go_on(current, place=place, factor_shown=False))


def _must_choose_password(row: UserSession) -> None:
    if next_step(row) is not Step.CHOOSE_PASSWORD:
        raise NotSignedIn("not_signed_in", "Sign in again.")


def confirm(row: UserSession, code: str, *, by: Actor) -> None:
    """Show the second factor once more, in a session. Raises as ``by_code``."""
    _prove(row, code, CODE_IN_SESSION.of(row.id), by=by, field="confirmation_code")
    sessions.note_confirmation(row.id, by=by)


def accept_offer(row: UserSession, code: str, *, by: Actor) -> list[str]:
    """Take on the second factor that was offered in the session; its recovery codes. Raises as ``by_code``."""
    bucket = CODE_IN_SESSION.of(row.id)
    throttle.take(bucket, note=lambda limit: _note(by, "second_factor.throttled", row.user, limit=limit))
    codes = second_factor.accept(row, code, by=by)
    if codes is None:
        raise _wrong_code("code")
    throttle.give_back(bucket, emptied=[bucket])
    return codes


def offer_factor(row: UserSession, password: str, *, by: Actor) -> None:
    """Offer a new second factor in one's session, to somebody who shows the password once more."""
    by.must_confirm()
    must_know(password, by=by, field="password")
    second_factor.offer(row.id, by=by)


def remove_factor(password: str, *, by: Actor) -> None:
    """Do without a second factor from now on. Raises Conflict for those who must not."""
    by.must_confirm()
    must_know(password, by=by, field="password")
    second_factor.remove(by=by)


def renew_recovery_codes(password: str, *, by: Actor) -> list[str]:
    """Ten other recovery codes."""
    by.must_confirm()
    must_know(password, by=by, field="password")
    return second_factor.renew_recovery_codes(by=by)


def must_know(password: str, *, by: Actor, field: str) -> User:
    """One's user, who has shown the password once more. Raises Invalid, and TooManyAttempts."""
    user, bucket = get_user(by.user_id), PASSWORD_IN_SESSION.of(by.session_id or by.user_id)
    throttle.take(bucket, note=lambda limit: _note(by, "session.throttled", user, limit=limit))
    if not passwords.fits(password, user.password_hash):
        _note(by, "session.password_refused", user)
        raise Invalid("wrong_password", "This is not your current password.", field=field)
    throttle.give_back(bucket, emptied=[bucket])
    return user


def change_own_password(*, by: Actor, current: str, password: str) -> User:
    """Give oneself another password, knowing the current one. Raises Invalid where it is not right."""
    user = must_know(current, by=by, field="current_password")
    return set_password(user.id, by=by, password=password)


def _start(user: User, place: Place) -> Started:
    if user.second_factor is not None:
        return Started(*sessions.start_session(user, place=place, authenticated=False))
    if second_factor.is_obligatory(user):
        secret = second_factor.new_secret(user)
        half = sessions.start_session(
            user, place=place, authenticated=False, offered_secret=secret, for_lack_of_a_factor=True
        )
        return Started(*half)
    is_whole = not user.must_choose_password
    return Started(*sessions.start_session(user, place=place, authenticated=is_whole, for_lack_of_a_factor=True))


def _prove(row: UserSession, code: str, bucket: Bucket, *, by: Actor, field: str) -> Proof:
    throttle.take(bucket, note=lambda limit: _note(by, "second_factor.throttled", row.user, limit=limit))
    proof = second_factor.prove(row.user_id, code, by=by)
    if proof is None:
        _note(by, "second_factor.refused", row.user)
        raise _wrong_code(field)
    throttle.give_back(bucket, emptied=[bucket])
    return proof


def _wrong_code(field: str) -> Invalid:
    """What is said of a code that does not fit, whatever is wrong with it."""
    message = "This code does not fit. Wait for the next one, and check your phone's clock if it happens again."
    return Invalid("wrong_code", message, field=field)


def _note(by: Actor, action: str, user: User | None, **changes: object) -> None:
    account_id = user.account_id if user else None
    audit.record(by, action, "user", user.id if user else audit.NOBODY, account_id=account_id, **changes)


def _password_buckets(email: str, user: User | None, place: Place) -> list[Bucket]:
    """What an attempt is taken from; the first is emptied by success."""
    if sessions.is_known_browser(user.id if user else None, place.device):
        return [PASSWORD_IN_BROWSER.of(email, place.device)]
    address = neighbourhood(place.address)
    return [
        PASSWORD_OF_USER_AT_ADDRESS.of(email, address),
        PASSWORD_OF_USER.of(email),
        PASSWORD_AT_ADDRESS.of(address),
    ]


def _code_bucket(user_id: UUID, place: Place) -> Bucket:
    if sessions.is_known_browser(user_id, place.device):
        return CODE_IN_BROWSER.of(user_id, place.device)
    return CODE_OF_USER.of(user_id)


def neighbourhood(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 of IPv6 that one household or machine has."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)
