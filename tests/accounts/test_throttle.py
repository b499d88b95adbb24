"""Throttling: guesses run out, for addresses that nobody has as for others, and for their victim they do not."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts import service, sign_in, throttle
from portal.accounts.models import AttemptLimit
from portal.accounts.passwords import passwords
from portal.accounts.sessions import Place
from portal.accounts.throttle import Limit
from portal.foundation import clock
from portal.foundation.audit import NOBODY, AuditEntry
from portal.foundation.db import session
from portal.foundation.refusals import TooManyAttempts
from tests.factories import PASSWORD, SYSTEM, Factory

pytestmark = pytest.mark.usefixtures("domain")
MINUTE = timedelta(minutes=1)
VICTIM = "olga@acme.example"


def unheard(limit: str) -> None:
    raise AssertionError(limit)


def ignored(_limit: str) -> None:
    """Nobody listens."""


def attempt(email: str, address: str, *, password: str = "a wrong password", device: str = "") -> str:
    """``in``, ``wrong`` or how long to wait."""
    try:
        started = sign_in.by_password(email, password, place=Place(address, device=device))
    except TooManyAttempts as refusal:
        return f"{refusal.retry_after} s"
    return "in" if started else "wrong"


def tries(count: int, email: str, address: str) -> list[str]:
    return [attempt(email, address) for _ in range(count)]


def test_attempts_run_out_and_come_back_one_by_one() -> None:
    bucket, heard = Limit("test", 3, MINUTE).of("somebody"), list[str]()
    start = clock.now()
    for minutes, expected in ((0, "taken"), (0, "taken"), (0, "taken"), (0, 60), (0.5, 30), (1, "taken"), (1, 60)):
        with clock.set_to(start + minutes * MINUTE):
            try:
                throttle.take(bucket, note=heard.append)
                outcome: str | int = "taken"
            except TooManyAttempts as refusal:
                outcome = refusal.retry_after or 0
        assert outcome == expected, minutes
    assert heard == ["test"]  # once in ten minutes


def test_what_is_refused_takes_from_none() -> None:
    full, free = Limit("full", 1, MINUTE).of("x"), Limit("free", 2, MINUTE).of("x")
    throttle.take(full, note=unheard)
    for _ in range(5):
        with pytest.raises(TooManyAttempts):
            throttle.take(full, free, note=ignored)
    throttle.take(free, note=unheard)
    throttle.take(free, note=unheard)


def test_what_was_right_is_given_back() -> None:
    one, other = Limit("one", 2, MINUTE).of("x"), Limit("other", 2, MINUTE).of("x")
    throttle.take(one, other, note=unheard)
    throttle.take(one, other, note=unheard)
    throttle.give_back(one, other, emptied=[one])
    throttle.take(one, other, note=unheard)
    throttle.take(one, note=unheard)
    with pytest.raises(TooManyAttempts):
        throttle.take(other, note=ignored)


def test_rows_of_the_past_go_and_name_nobody() -> None:
    for number in range(30):
        throttle.take(Limit("test", 1, MINUTE).of(VICTIM, number), note=unheard)
    assert [key for key in session.scalars(select(AttemptLimit.key)) if len(key) != 64 or "olga" in key] == []
    with clock.set_to(clock.now() + 20 * MINUTE):
        for number in range(2):
            throttle.take(Limit("test", 1, MINUTE).of("later", number), note=unheard)
        assert session.scalar(select(func.count()).select_from(AttemptLimit)) == 2


def test_guessing_from_one_address_runs_out_alike_for_everybody(make: Factory) -> None:
    """Whether somebody has the address of e-mail, or nobody: the same answers in the same order."""
    make.user("owner", make.account(), email=VICTIM)
    with clock.set_to(clock.now()):
        known, unknown = (tries(8, email, "192.0.2.1") for email in (VICTIM, "nobody@acme.example"))
    assert known == unknown == ["wrong"] * 5 + ["180 s"] * 3


def test_guessing_names_at_one_address_runs_out() -> None:
    with clock.set_to(clock.now()):
        answers = [attempt(f"user{number}@acme.example", "192.0.2.1") for number in range(32)]
    assert answers == ["wrong"] * 30 + ["60 s"] * 2


def test_guessing_from_many_addresses_runs_out_but_not_for_the_users_own_browser(make: Factory) -> None:
    user = make.user("owner", make.account(), email=VICTIM)
    started = sign_in.by_password(VICTIM, PASSWORD, place=Place("198.51.100.1"))
    assert started is not None
    device = str(started.cookies.device)
    with clock.set_to(clock.now()):
        answers = [attempt(VICTIM, f"192.0.2.{number}") for number in range(25)]
        assert answers == ["wrong"] * 20 + ["60 s"] * 5
        assert attempt(VICTIM, "203.0.113.9", password=PASSWORD) == "60 s"
        assert attempt(VICTIM, "192.0.2.1", password=PASSWORD, device="stolen or guessed") == "60 s"
        assert attempt(VICTIM, "192.0.2.1", password=PASSWORD, device=device) == "in"
        mistyped = [attempt(VICTIM, "203.0.113.9", device=device) for _ in range(12)]
        assert mistyped == ["wrong"] * 10 + ["120 s"] * 2
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "session.throttled")).all()
    assert {entry.subject_id for entry in entries} == {user.id}
    assert len(entries) == 2  # told once, not twenty times


def test_the_right_password_frees_its_user(make: Factory) -> None:
    make.user("owner", make.account(), email=VICTIM)
    for _ in range(4):
        assert tries(4, VICTIM, "192.0.2.1") == ["wrong"] * 4
        assert attempt(VICTIM, "192.0.2.1", password=PASSWORD) == "in"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
        ("unix:", "192.0.2.1", False),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, alike: bool) -> None:
    assert (sign_in.neighbourhood(one) == sign_in.neighbourhood(other)) is alike


def test_twenty_guesses_at_once_are_not_twenty(app: Flask, make: Factory) -> None:
    make.user("owner", make.account(), email=VICTIM)
    start = Barrier(20, timeout=60)

    def guess(number: int) -> str:
        with app.app_context():
            start.wait()
            return attempt(VICTIM, "192.0.2.1")

    with ThreadPoolExecutor(20) as pool:
        outcomes = Counter("wrong" if found == "wrong" else "later" for found in pool.map(guess, range(20)))
    assert outcomes == {"wrong": 5, "later": 15}


def test_what_was_typed_is_written_nowhere(make: Factory) -> None:
    user = make.user("owner", make.account(), email=VICTIM)
    for email in (VICTIM, "hunter2-typed-into-the-wrong-field", "nobody@acme.example"):
        attempt(email, "192.0.2.1", password="my secret password")
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "session.refused")).all()
    assert sorted(entry.subject_id for entry in entries) == sorted([user.id, NOBODY, NOBODY])
    assert {entry.address for entry in entries} == {"192.0.2.1"}
    written = " ".join(str(vars(entry)) for entry in entries)
    assert [word for word in ("hunter2", "nobody@", "secret password", VICTIM) if word in written] == []


def test_the_same_work_is_done_whoever_is_guessed(make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password is hashed for nobody too, and for nobody at all once attempts have run out."""
    make.user("owner", make.account(), email=VICTIM)
    gone = make.user("admin")
    service.set_enabled(gone.id, by=SYSTEM, enabled=False)
    hashed, verify = Counter[str](), passwords.hasher.verify
    for email in (VICTIM, "nobody@acme.example", gone.email):
        counting = lambda *given, whose=email: hashed.update([whose]) or verify(*given)  # noqa: E731
        monkeypatch.setattr(passwords, "hasher", SimpleNamespace(verify=counting))
        tries(8, email, "192.0.2.1")
    assert hashed == {VICTIM: 5, "nobody@acme.example": 5, gone.email: 5}


PADDED = ("  {}", "{}\t", "\x00 {}", " \x00{}", "{}" + " " * 300 + "z", "{}" + "\t " * 200 + "x", "{}\u2003")


@pytest.mark.parametrize("shape", PADDED, ids=repr)
def test_padding_makes_no_other_address_of_it(shape: str, make: Factory) -> None:
    """Whatever stands around an address, either its limit counts or it is nobody's."""
    user = make.user("owner", make.account(), email=VICTIM)
    typed = shape.format(VICTIM)
    assert service.typed_address(service.typed_address(typed)) == service.typed_address(typed)
    tries_before = 20
    for number in range(tries_before):
        assert attempt(typed, f"198.51.100.{number}") == "wrong"
    same = service.typed_address(typed) == user.email
    assert (attempt(user.email, "203.0.113.7") == "wrong") is not same
    assert (attempt(typed, "203.0.113.8", password=PASSWORD) == "in") is False
