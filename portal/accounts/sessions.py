"""Sessions of browsers: rows that end at once. The cookie holds a random secret, and the row its hash.

A session begins with the password alone (``authenticated_at`` is empty) where another step follows; such a one opens
nothing else, and lives for a quarter of an hour.
"""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, delete, or_, select, true, update

from portal.accounts.models import SecondFactor, User, UserSession
from portal.accounts.token_format import hash_of
from portal.accounts.uses import note_use
from portal.foundation import audit, clock
from portal.foundation.access import Permission, Role
from portal.foundation.actor import Actor
from portal.foundation.db import lock_or_refuse, locked, session, transaction
from portal.foundation.refusals import NotFound, NotSignedIn

MAX_SESSIONS = 20
HALF_SESSION_LIFE = timedelta(minutes=15)
CONFIRMATION_LIFE = timedelta(minutes=5)
KNOWN_BROWSER_LIFE = timedelta(days=90)
_SEEN_PRECISION = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a session lives without a request, and in all. Staff's are shorter: they see everybody's data."""

    staff_idle: timedelta = timedelta(minutes=30)
    staff: timedelta = timedelta(hours=12)
    customer_idle: timedelta = timedelta(hours=12)
    customer: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody signs in: what the request tells about it."""

    address: str
    agent: str = ""
    device: str = ""
    """The secret of the browser's cookie, where it has one."""
    request_id: str = ""
    lifetimes: Lifetimes = field(default_factory=Lifetimes)

    def actor(self, user: User | None = None, *, session_id: UUID | None = None) -> Actor:
        """The user here; the portal itself, for what nobody has shown to be."""
        if user is None:
            return Actor(None, None, Role.SYSTEM, "sign-in", "web", self.request_id, self.address)
        return Actor(
            user.id, user.account_id, Role(user.role), user.name, "web", self.request_id, self.address, session_id
        )


@dataclass(frozen=True, slots=True)
class Cookies:
    """What the browser gets, and nobody else ever sees: the session's secret, and the one that tells the browser."""

    session: str
    device: str | None = None


def start_session(
    user: User, *, place: Place, authenticated: bool, offered_secret: str | None = None,
    for_lack_of_a_factor: bool = False,
) -> tuple[UserSession, Cookies]:  # fmt: skip
    """Begin a session of a user who has shown the password. Raises NotSignedIn where that is not true any more, or
    where it is all that was asked for because there was no second factor, and by now there is one.
    """
    shown_to = user.password_hash
    secret, device, now = _new_secret(), _device_of(user.id, place), clock.now()
    with transaction() as unit:
        current = locked(User, user.id)
        if current is None or not current.is_enabled or current.password_hash != shown_to:
            raise NotSignedIn("not_signed_in", "Sign in again.")
        if for_lack_of_a_factor and locked(SecondFactor, user.id) is not None:
            raise NotSignedIn("not_signed_in", "A second factor was set up meanwhile. Sign in again.")
        idle, whole = _lifetime(current, place) if authenticated else (HALF_SESSION_LIFE, HALF_SESSION_LIFE)
        row = UserSession(
            user_id=current.id,
            secret_hash=hash_of(secret),
            device_hash=hash_of(device) if authenticated else None,
            created_at=now,
            last_seen_at=now,
            idle_seconds=int(idle.total_seconds()),
            expires_at=now + whole,
            address=place.address,
            agent=place.agent,
            authenticated_at=now if authenticated else None,
            offered_secret=offered_secret,
            offered_at=now if offered_secret else None,
        )
        unit.add(row)
        unit.flush()
        _make_room(row, place)
        if authenticated:
            _note_start(row, place)
        else:
            _note(place.actor(row.user, session_id=row.id), "password_accepted", row, browser=row.agent)
    return row, Cookies(secret, device if authenticated else None)


def go_on(row: UserSession, *, place: Place, factor_shown: bool) -> Cookies:
    """A step after the password is done. The session has a new secret, and counts from now on, unless the user has yet
    to choose a password of their own. Raises NotSignedIn if it ended.
    """
    secret, device, now = _new_secret(), _device_of(row.user_id, place), clock.now()
    with transaction():
        user = locked(User, row.user_id)
        live_or_refused(row.id)
        row.secret_hash, row.last_seen_at = hash_of(secret), now
        row.offered_secret = row.offered_at = None
        if factor_shown:
            row.confirmed_at = now
        if user is None or user.must_choose_password:
            if factor_shown:
                _note(place.actor(row.user, session_id=row.id), "confirmed", row)
            return Cookies(secret)
        idle, whole = _lifetime(user, place)
        row.device_hash, row.authenticated_at = hash_of(device), now
        row.idle_seconds, row.expires_at = int(idle.total_seconds()), now + whole
        _make_room(row, place)
        _note_start(row, place)
    return Cookies(secret, device)


def renew_session(session_id: UUID) -> str:
    """Another secret for the session: a copy of the old cookie is worth nothing."""
    secret = _new_secret()
    with transaction():
        live_or_refused(session_id).secret_hash = hash_of(secret)
    return secret


def find_session(secret: str, *, is_use: bool = True) -> UserSession | None:
    """The live session of an enabled user with this secret, or None.

    Notes when it was seen, to the minute, unless its user did nothing: what a page asks by itself keeps nobody in.
    """
    row = recognise_session(secret)
    if row is None or not row.is_live or not row.user.is_enabled:
        return None
    if is_use and clock.now() - row.last_seen_at >= _SEEN_PRECISION:
        seen = update(UserSession).where(UserSession.id == row.id, UserSession.ended_at.is_(None))
        note_use(seen.values(last_seen_at=clock.now()))
    return row


def recognise_session(secret: str) -> UserSession | None:
    """The session with this secret, whatever became of it. It opens nothing: it tells whose browser this was."""
    return session.scalar(select(UserSession).where(UserSession.secret_hash == hash_of(secret)))


def sessions_of(user_id: UUID) -> list[UserSession]:
    """The sessions in which the user is signed in, the one seen last first."""
    rows = session.scalars(_open(user_id).where(UserSession.authenticated_at.is_not(None)))
    return sorted((row for row in rows if row.is_live), key=lambda row: row.last_seen_at, reverse=True)


def end_session(session_id: UUID, *, by: Actor) -> UserSession:
    """End one of one's own sessions. A second time changes nothing. Raises NotFound for somebody else's."""
    with transaction():
        row = locked(UserSession, session_id)
        if row is None or row.user_id != by.user_id:
            raise NotFound()
        if row.ended_at is None:
            row.ended_at = clock.now()
            _note_end(row.user, by, "signed out" if row.id == by.session_id else "ended by its user", 1)
    return row


def end_sessions(user: User, *, by: Actor, why: str, spare: UUID | None = None) -> None:
    """End all the user's sessions but the spared one. The user is locked: no session begins meanwhile.

    Their browsers are strangers from then on: one of them may be whose sake this is done for.
    """
    with transaction() as unit:
        others = update(UserSession).where(UserSession.user_id == user.id, UserSession.device_hash.is_not(None))
        unit.execute(others.where(UserSession.id != spare if spare else true()).values(device_hash=None))
        rows = [row for row in unit.scalars(_open(user.id)) if row.id != spare]
        for row in rows:
            row.ended_at = clock.now()
        ended = sum(row.is_authenticated for row in rows)
        if ended:
            _note_end(user, by, why, ended)


def end_other_sessions(*, by: Actor) -> None:
    """End all one's sessions but this one."""
    with transaction():
        end_sessions(lock_or_refuse(User, by.user_id), by=by, why="ended by its user", spare=by.session_id)


def end_sessions_of(user_id: UUID, *, by: Actor) -> None:
    """End all sessions of a user, by an admin."""
    by.must(Permission.USER_MANAGE)
    with transaction():
        end_sessions(lock_or_refuse(User, user_id), by=by, why="ended by an admin", spare=by.session_id)


def note_confirmation(session_id: UUID, *, by: Actor) -> None:
    """The second factor was shown in the session, now."""
    with transaction():
        row = live_or_refused(session_id)
        row.confirmed_at = clock.now()
        _note(by, "confirmed", row)


def needs_confirmation(row: UserSession) -> bool:
    """Whether the second factor has to be shown again. Who has none, has nothing to show."""
    if row.user.second_factor is None:
        return False
    return row.confirmed_at is None or clock.now() - row.confirmed_at > CONFIRMATION_LIFE


def is_known_browser(user_id: UUID | None, device: str) -> bool:
    """Whether the user, if there is one, has signed in with this browser lately."""
    if not device:
        return False
    found = select(UserSession.id).where(
        UserSession.device_hash == hash_of(device),
        UserSession.user_id == user_id,
        UserSession.authenticated_at > clock.now() - KNOWN_BROWSER_LIFE,
    )
    return session.scalar(found.limit(1)) is not None


def _device_of(user_id: UUID, place: Place) -> str:
    """The browser's secret. One that the user did not bring from here may be known to whoever planted it: another."""
    return place.device if is_known_browser(user_id, place.device) else _new_secret()


def _lifetime(user: User, place: Place) -> tuple[timedelta, timedelta]:
    lives = place.lifetimes
    return (lives.staff_idle, lives.staff) if user.is_staff else (lives.customer_idle, lives.customer)


def _open(user_id: UUID) -> Select[UserSession]:
    now = clock.now()
    return select(UserSession).where(
        UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.expires_at > now
    )


def _make_room(row: UserSession, place: Place) -> None:
    """The oldest sessions beyond twenty end; what nothing needs any more goes.

    Half sessions push out half ones only: who has but the password must not sign its owner out.
    """
    is_whole = UserSession.authenticated_at.is_not(None)
    alike = _open(row.user_id).where(is_whole if row.is_authenticated else ~is_whole, UserSession.id != row.id)
    pushed_out = session.scalars(alike.order_by(UserSession.id.desc()).offset(MAX_SESSIONS - 1)).all()
    for old in pushed_out:
        old.ended_at = clock.now()
    if pushed_out and row.is_authenticated:
        by = place.actor(row.user, session_id=row.id)
        _note_end(row.user, by, "more than are kept", len(pushed_out))
    forgotten = clock.now() - KNOWN_BROWSER_LIFE
    session.execute(
        delete(UserSession).where(
            UserSession.user_id == row.user_id,
            UserSession.created_at < forgotten,
            or_(UserSession.ended_at < forgotten, UserSession.expires_at < forgotten),
        )
    )


def is_live(session_id: UUID | None) -> bool:
    """Whether the session is there and has not ended, now and not when the request came."""
    found = select(UserSession.id).where(UserSession.id == session_id, UserSession.ended_at.is_(None))
    return session.scalar(found) is not None


def live_or_refused(session_id: UUID) -> UserSession:
    """The session, locked. Raises NotSignedIn where it has ended."""
    row = locked(UserSession, session_id)
    if row is None or not row.is_live:
        raise NotSignedIn("not_signed_in", "Sign in again.")
    return row


def must_be_signed_in(by: Actor) -> None:
    """Raise NotSignedIn where the session has ended since the request came, such as by another password.

    For the unit that does what a password was shown for, once it has locked the user: nobody acts by an old one.
    """
    if by.session_id is not None and not is_live(by.session_id):
        raise NotSignedIn("not_signed_in", "You were signed out meanwhile. Sign in again.")


def _note_start(row: UserSession, place: Place) -> None:
    by, has_shown_factor = place.actor(row.user, session_id=row.id), row.confirmed_at is not None
    _note(by, "started", row, browser=row.agent, second_factor=has_shown_factor)


def _note(by: Actor, action: str, row: UserSession, **changes: object) -> None:
    changes = {"session": row.id} | changes
    audit.record(by, f"session.{action}", "user", row.user_id, account_id=by.account_id, **changes)


def _note_end(user: User, by: Actor, why: str, count: int) -> None:
    audit.record(by, "session.ended", "user", user.id, account_id=user.account_id, why=why, sessions=count)


def _new_secret() -> str:
    return secrets.token_urlsafe(32)
