"""The purge: what it says, and what the audit log says of it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update

from portal.billing.payments.proofs import purging as proofs
from portal.billing.payments.proofs.models import PaymentProof
from portal.cli.purge import PURGES
from portal.foundation import clock
from portal.foundation.audit import THE_DATABASE, AuditEntry
from portal.foundation.db import db, session, transaction
from portal.foundation.idempotency import IdempotencyKey
from portal.foundation.ids import new_id
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.mail.models import Mail, MailState
from tests.audited import entries, new
from tests.factories import Factory
from tests.pages import Pages


def purge(app: Flask, *, days: int = 0) -> list[str]:
    """What it says so many days from now."""
    with clock.set_to(clock.now() + timedelta(days=days)):
        done = app.test_cli_runner().invoke(args=["purge"])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def lost(make: Factory, *names: str) -> None:
    """A report for each of the names, with a proof called so, that its customer took back."""
    account = make.account()
    make.method()
    owner = make.user("owner", account)
    for name in names:
        payment = make.payment(make.invoice(account), owner)
        make.proof(payment, owner, name.encode(), name=name)
        make.withdrawn(payment, owner)


@contextmanager
def worker(app: Flask) -> Iterator[None]:
    """As commands run."""
    with app.app_context(), across_accounts(), by_login(Login.WORKER):
        yield


def seen_by(app: Flask) -> set[UUID]:
    with app.app_context(), across_accounts():
        return entries()


def new_since(seen: set[UUID], app: Flask) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context(), across_accounts():
        return new(seen)


def files_there(app: Flask) -> list[str]:
    with app.app_context(), across_accounts():
        return list(session.scalars(select(PaymentProof.name).where(PaymentProof.is_kept).order_by(PaymentProof.name)))


def break_down(app: Flask, change: str, when: str) -> None:
    """Have SQLite refuse this change from now on."""
    with app.app_context(), db.engine.begin() as connection:
        trigger = f"CREATE TRIGGER broken BEFORE {change} WHEN {when} BEGIN SELECT RAISE(ABORT, 'broken'); END"
        connection.execute(text(trigger))


def purge_that_breaks_off(app: Flask) -> None:
    with clock.set_to(clock.now() + timedelta(days=90)):
        done = app.test_cli_runner().invoke(args=["purge"])
    assert (done.exit_code, done.stderr) == (1, "Error: The database did not answer: broken\n")


def test_an_entry_for_each_unit_tells_what_was_deleted(
    app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that deleted nothing leaves none."""
    monkeypatch.setattr(proofs, "_AT_ONCE", 2)
    lost(make, "1", "2", "3")
    seen = seen_by(app)
    nothing = ["idempotency keys", "unsent forms", "events of webhooks", "mails", "links in mails", "files of proofs"]
    assert purge(app) == [f"0 {what} deleted." for what in nothing]
    assert purge(app, days=90)[2:] == [
        "9 events of webhooks deleted.", "0 mails deleted.", "0 links in mails deleted.", "3 files of proofs deleted."
    ]  # fmt: skip
    purge(app, days=90)
    assert new_since(seen, app) == [
        ("database.purged", {"events_of_webhooks": 9}),
        ("database.purged", {"files_of_proofs": 2}),
        ("database.purged", {"files_of_proofs": 1}),
    ]


def test_an_entry_tells_who_purged_what(app: Flask, make: Factory) -> None:
    """Under its subject stands what was done to the database, and none of the sign-ins of nobody."""
    lost(make, "1")
    Pages(app).post("/login", {"email": "nobody@portal.example", "password": "wrong"})
    purge(app, days=90)
    with app.app_context(), across_accounts():
        of_the_database = select(AuditEntry).where(AuditEntry.subject_id == THE_DATABASE)
        found = [
            (entry.action, entry.subject_type, entry.actor_label, entry.face)
            for entry in session.scalars(of_the_database)
        ]
    assert found == [("database.purged", "database", "command line", "cli")] * 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_run_that_breaks_off_tells_what_it_deleted(
    app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the kind in the middle of which it broke off, too."""
    monkeypatch.setattr(proofs, "_AT_ONCE", 2)
    lost(make, "1", "2", "3", "4")
    break_down(app, "UPDATE OF content ON payment_proofs", "OLD.name = '3'")
    seen = seen_by(app)
    purge_that_breaks_off(app)
    assert new_since(seen, app) == [
        ("database.purged", {"events_of_webhooks": 12}),
        ("database.purged", {"files_of_proofs": 2}),
    ]
    assert files_there(app) == ["3", "4"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_cannot_be_told_is_not_deleted(app: Flask, make: Factory) -> None:
    lost(make, "1")
    purge(app, days=89)  # the events of webhooks, which stand in no one's way any more
    break_down(app, "INSERT ON audit_entries", "NEW.action = 'database.purged'")
    purge_that_breaks_off(app)
    assert files_there(app) == ["1"]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_of_two_runs_at_once_each_tells_what_it_deleted_itself(
    app: Flask, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one has in hand the other leaves alone, waits for nothing, and goes on with the rest."""
    monkeypatch.setattr(proofs, "_AT_ONCE", 1)
    lost(make, "1", "2")
    make.invitation(make.account())
    key = {"scope_id": new_id(), "route": "x", "key": "1", "fingerprint": "", "request_id": "", "replays": 0}
    with worker(app), transaction() as unit:
        unit.execute(insert(IdempotencyKey), [key])
        unit.execute(update(Mail).values(state=MailState.FAILED, sealed=None))
    seen = seen_by(app)
    in_90_days = clock.now() + timedelta(days=90)
    with ThreadPoolExecutor(1) as pool, clock.set_to(in_90_days), worker(app), transaction():
        in_hand = [some() for some in PURGES.values()]
        other = pool.submit(purge, app, days=90).result()
    assert in_hand == [1, 0, 6, 5, 1, 1]
    assert other == [
        "0 idempotency keys deleted.", "0 unsent forms deleted.", "0 events of webhooks deleted.", "0 mails deleted.",
        "0 links in mails deleted.", "1 files of proofs deleted.",
    ]  # fmt: skip
    assert new_since(seen, app) == [("database.purged", {"files_of_proofs": 1})]
    assert files_there(app) == []
