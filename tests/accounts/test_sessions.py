"""Sessions: rows that end at once, by their user, an admin, time, or whatever makes them wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from portal.accounts import email_changes, second_factor, service, sessions, sign_in
from portal.accounts.agents import device_name
from portal.accounts.models import MailedLink, User, UserSession
from portal.accounts.passwords import passwords
from portal.accounts.sessions import Place
from portal.foundation import clock
from portal.foundation.access import Role
from portal.foundation.audit import AuditEntry
from portal.foundation.db import session, transaction
from portal.foundation.refusals import Forbidden, NotFound, NotSignedIn
from tests import authenticators
from tests.factories import PASSWORD, SYSTEM, Factory, acting

pytestmark = pytest.mark.usefixtures("domain")
HERE = Place(address="192.0.2.7", agent="Firefox on Linux")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def begin(user: User, *, authenticated: bool = True, place: Place = HERE) -> tuple[UserSession, str]:
    row, cookies = sessions.start_session(user, place=place, authenticated=authenticated)
    return row, cookies.session


def is_alive(secret: str) -> bool:
    session.rollback()
    session.expire_all()
    return sessions.find_session(secret) is not None


def test_only_a_hash_of_the_secret_is_kept(make: Factory) -> None:
    user = make.user("admin")
    _, cookies = sessions.start_session(user, place=HERE, authenticated=True)
    kept = [str(value) for row in session.execute(select(UserSession.__table__)) for value in row]
    kept += [str(entry.changes) for entry in session.scalars(select(AuditEntry))]
    assert cookies.device is not None
    assert [value for value in kept if cookies.session in value or cookies.device in value] == []
    assert is_alive(cookies.session)


@pytest.mark.parametrize("secret", ["", "x", "x" * 10_000, "\ud800", "a\x00b"])
def test_an_unknown_secret_is_nobodys(secret: str) -> None:
    assert sessions.find_session(secret) is None


@pytest.mark.parametrize(("role", "idle", "whole"), [("reviewer", HOUR / 2, 12 * HOUR), ("owner", 12 * HOUR, 7 * DAY)])
def test_a_session_ends_when_nobody_uses_it_and_in_any_case(
    role: str, idle: timedelta, whole: timedelta, make: Factory
) -> None:
    user = make.user(role, make.account() if role == "owner" else None)
    start = clock.now()
    with clock.set_to(start):
        (_, left), (_, late), (_, used) = begin(user), begin(user), begin(user)
    moment, step = start, idle - timedelta(minutes=2)
    while moment + step < start + whole:
        moment += step
        with clock.set_to(moment):
            assert is_alive(used)
    with clock.set_to(start + whole):
        assert not is_alive(used)
    for secret, idle_for, expected in ((late, idle - timedelta(seconds=1), True), (left, idle, False)):
        with clock.set_to(start + idle_for):
            assert is_alive(secret) is expected


def test_reading_writes_once_a_minute_at_most(make: Factory) -> None:
    row, secret = begin(make.user("admin"))
    first = row.last_seen_at
    for seconds, expected in ((1, 0), (59, 0), (61, 61), (100, 61), (121, 121)):
        with clock.set_to(first + timedelta(seconds=seconds)):
            assert is_alive(secret)
        assert session.get_one(UserSession, row.id).last_seen_at == first + timedelta(seconds=expected)


def test_whatever_makes_them_wrong_ends_all_sessions(make: Factory) -> None:
    account, admin = make.account(), acting(make.user("admin"))
    reasons: dict[str, Callable[[User], object]] = {
        "another password": lambda user: service.set_password(user.id, by=admin, password="another good one"),
        "another role": lambda user: service.change_role(user.id, by=admin, role=Role.VIEWER),
        "locked out": lambda user: service.set_enabled(user.id, by=admin, enabled=False),
        "ended by an admin": lambda user: sessions.end_sessions_of(user.id, by=admin),
        "second factor reset": lambda user: second_factor.reset(user.id, by=admin),
    }
    for why, change in reasons.items():
        user, other = make.user("owner", account, second_factor=True), make.user("owner", account)
        secrets = [begin(user)[1], begin(user)[1]]
        half, apart = begin(user, authenticated=False)[1], begin(other)[1]
        change(user)
        alive = [is_alive(secret) for secret in (*secrets, half, apart)]
        assert alive == [False, False, False, True], why
        ended = select(AuditEntry).where(AuditEntry.subject_id == user.id, AuditEntry.action == "session.ended")
        assert [entry.changes for entry in session.scalars(ended)] == [{"why": why, "sessions": 2}]
    with pytest.raises(Forbidden):
        sessions.end_sessions_of(make.user("owner", account).id, by=acting(make.user("reviewer")))


def test_letting_in_again_wakes_no_session(make: Factory) -> None:
    user, admin = make.user("reviewer"), acting(make.user("admin"))
    _, secret = begin(user)
    service.set_enabled(user.id, by=admin, enabled=False)
    service.set_enabled(user.id, by=admin, enabled=True)
    assert not is_alive(secret)


def test_ones_own_sessions_end_one_by_one_and_all_but_this(make: Factory) -> None:
    user, stranger = make.user("admin"), make.user("admin")
    (here, mine), (there, other), (_, third) = begin(user), begin(user), begin(user)
    by = HERE.actor(user, session_id=here.id)
    with pytest.raises(NotFound):
        sessions.end_session(here.id, by=acting(stranger))
    assert {row.id for row in sessions.sessions_of(user.id)} >= {here.id, there.id}
    sessions.end_session(there.id, by=by)
    assert [is_alive(secret) for secret in (mine, other, third)] == [True, False, True]
    sessions.end_other_sessions(by=by)
    assert [is_alive(secret) for secret in (mine, other, third)] == [True, False, False]
    assert [row.id for row in sessions.sessions_of(user.id)] == [here.id]


def test_a_session_that_ended_is_never_open_again(make: Factory) -> None:
    user = make.user("admin")
    row, secret = begin(user)
    sessions.end_session(row.id, by=acting(user))
    with pytest.raises(DBAPIError, match="user_sessions_stay_ended"), transaction() as unit:
        unit.execute(text("UPDATE user_sessions SET ended_at = NULL"))
    for again in (lambda: sessions.renew_session(row.id), lambda: sessions.go_on(row, place=HERE, factor_shown=True)):
        with pytest.raises(NotSignedIn):
            again()
    assert not is_alive(secret)


def test_a_renewed_session_leaves_the_old_secret_dead(make: Factory) -> None:
    row, old = begin(make.user("admin"))
    new = sessions.renew_session(row.id)
    assert (is_alive(old), is_alive(new)) == (False, True)


def meanwhile(change: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this happen in another thread once a password was found to fit, before anything follows from it."""
    hasher = passwords.hasher

    def verify(*given: Any) -> bool:
        fits = hasher.verify(*given)
        other = Thread(target=change)
        other.start()
        other.join()
        return fits

    monkeypatch.setattr(passwords, "hasher", SimpleNamespace(verify=verify, hash=hasher.hash))


@pytest.mark.parametrize("change", ["password", "locked out"])
def test_what_changes_while_the_password_is_checked_counts(
    change: str, app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old password was right when it was looked up; by the time that a session could begin it is not any more."""
    user = make.user("owner", make.account())

    def change_it() -> None:
        with app.app_context():
            if change == "password":
                service.set_password(user.id, by=SYSTEM, password="another good one")
            else:
                service.set_enabled(user.id, by=SYSTEM, enabled=False)

    meanwhile(change_it, monkeypatch)
    with pytest.raises(NotSignedIn):
        sign_in.by_password(user.email, PASSWORD, place=HERE)
    assert sessions.sessions_of(user.id) == []


@pytest.mark.parametrize("deed", ["address", "password", "factor", "no factor", "codes"])
def test_nobody_acts_by_a_password_that_is_another_by_then(
    deed: str, app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows the old one shows it; before it acts the owner chooses another, which ends all sessions."""
    user, hasher = make.user("owner", make.account()), passwords.hasher
    authenticators.set_up(user)
    row, _ = begin(user)
    by = replace(acting(user), session_id=row.id)
    deeds: dict[str, Callable[[], object]] = {
        "address": lambda: email_changes.ask("eve@else.example", PASSWORD, by=by),
        "password": lambda: sign_in.change_own_password(by=by, current=PASSWORD, password="chosen by eve herself"),
        "factor": lambda: sign_in.offer_factor(row, PASSWORD, by=by),
        "no factor": lambda: sign_in.remove_factor(PASSWORD, by=by),
        "codes": lambda: sign_in.renew_recovery_codes(PASSWORD, by=by),
    }

    def choose_another() -> None:
        with app.app_context():
            service.set_password(user.id, by=SYSTEM, password="another good one")

    meanwhile(choose_another, monkeypatch)
    with pytest.raises(NotSignedIn):
        deeds[deed]()
    session.rollback()
    session.expire_all()
    owner = session.get_one(User, user.id)
    assert hasher.verify(str(owner.password_hash), "another good one")
    assert owner.second_factor is not None
    assert session.scalars(select(MailedLink)).all() == []


def test_half_a_session_is_short_and_pushes_out_its_like_only(make: Factory) -> None:
    user = make.user("admin")
    _, whole = begin(user)
    halves = [begin(user, authenticated=False)[1] for _ in range(sessions.MAX_SESSIONS + 1)]
    assert [is_alive(secret) for secret in (whole, halves[0], halves[1])] == [True, False, True]
    assert len(sessions.sessions_of(user.id)) == 1
    with clock.set_to(clock.now() + timedelta(minutes=15)):
        assert not is_alive(halves[-1])
    wholes = [begin(user)[1] for _ in range(sessions.MAX_SESSIONS)]
    assert [is_alive(secret) for secret in (whole, wholes[0], halves[1])] == [False, True, True]
    ended = session.scalars(select(AuditEntry).where(AuditEntry.action == "session.ended")).all()
    assert [(entry.subject_id, entry.changes) for entry in ended] == [
        (user.id, {"why": "more than are kept", "sessions": 1})
    ]


def test_rows_that_nothing_needs_go(make: Factory) -> None:
    user = make.user("owner", make.account())
    with clock.set_to(clock.now() - 98 * DAY):
        begin(user)
    begin(user)
    assert session.scalar(select(func.count()).select_from(UserSession)) == 1


def test_a_browser_is_known_to_its_user_only_and_for_a_while(make: Factory) -> None:
    user, other = make.user("admin"), make.user("admin")
    _, cookies = sessions.start_session(user, place=HERE, authenticated=True)
    device = str(cookies.device)
    known = [sessions.is_known_browser(who, device) for who in (user.id, other.id, None)]
    assert (known, sessions.is_known_browser(user.id, "")) == ([True, False, False], False)
    with clock.set_to(clock.now() + 91 * DAY):
        assert not sessions.is_known_browser(user.id, device)
    again = sessions.start_session(user, place=Place("", device=device), authenticated=True)[1]
    planted = sessions.start_session(other, place=Place("", device=device), authenticated=True)[1]
    assert (again.device, planted.device == device) == (device, False)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.14.1", "curl"),
        ("<script>alert(1)</script>", "An unknown browser"),
        ("x" * 10_000, "x" * 60),
        ("", "An unknown browser"),
        ("\x00\r\n", "An unknown browser"),
    ],
)
def test_a_browser_by_name(agent: str, name: str) -> None:
    assert device_name(agent) == name


def test_lifetimes_come_from_settings(app: Flask) -> None:
    names = ("SESSION_STAFF_IDLE", "SESSION_STAFF", "SESSION_CUSTOMER_IDLE", "SESSION_CUSTOMER")
    assert [app.config[name] for name in names] == [HOUR / 2, 12 * HOUR, 12 * HOUR, 7 * DAY]


def test_a_factor_that_is_set_up_while_the_password_is_checked_counts(
    app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has but the password, and is quick, gets no whole session past the factor of its owner."""
    user = make.user("owner", make.account())

    def set_it_up() -> None:
        with app.app_context():
            authenticators.set_up(user)

    meanwhile(set_it_up, monkeypatch)
    with pytest.raises(NotSignedIn):
        sign_in.by_password(user.email, PASSWORD, place=HERE)


def test_browsers_are_strangers_after_another_password(make: Factory) -> None:
    """One of them may be whose sake the password was changed for."""
    user = make.user("owner", make.account())
    _, cookies = sessions.start_session(user, place=HERE, authenticated=True)
    assert sessions.is_known_browser(user.id, str(cookies.device))
    service.set_password(user.id, by=SYSTEM, password="another good one")
    assert not sessions.is_known_browser(user.id, str(cookies.device))
