"""The purge: what it says, and what the audit log says of it."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.foundation import clock
from portal.foundation.audit import AuditEntry
from portal.foundation.db import db, session
from portal.foundation.tenancy import across_accounts
from tests.audited import entries, new
from tests.factories import Factory


def purge(app: Flask, *, days: int = 0) -> list[str]:
    """What it says so many days from now."""
    with clock.set_to(clock.now() + timedelta(days=days)):
        done = app.test_cli_runner().invoke(args=["purge"])
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def test_one_entry_tells_what_a_run_deleted(app: Flask, make: Factory) -> None:
    """A run that deleted nothing leaves none."""
    account = make.account()
    make.method()
    owner = make.user("owner", account)
    payment = make.payment(make.invoice(account), owner)
    make.proof(payment, owner)
    make.withdrawn(payment, owner)
    with app.app_context(), across_accounts():
        seen = entries()
    nothing = ["idempotency keys", "unsent forms", "events of webhooks", "mails", "links in mails", "files of proofs"]
    assert purge(app) == [f"0 {what} deleted." for what in nothing]
    assert purge(app, days=90)[2:] == [
        "3 events of webhooks deleted.", "0 mails deleted.", "0 links in mails deleted.", "1 files of proofs deleted."
    ]  # fmt: skip
    purge(app, days=90)
    with app.app_context(), across_accounts():
        assert new(seen) == [("database.purged", {"events_of_webhooks": 3, "files_of_proofs": 1})]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "database.purged")).one()
        assert (entry.actor_label, entry.face, entry.subject_type) == ("command line", "cli", "database")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_run_that_breaks_off_tells_what_it_deleted(app: Flask, make: Factory) -> None:
    account = make.account()
    make.invoice(account)
    make.invitation(account)
    with app.app_context(), across_accounts():
        seen = entries()
        with db.engine.begin() as connection:
            connection.execute(
                text("CREATE TRIGGER broken BEFORE DELETE ON mailed_links BEGIN SELECT RAISE(ABORT, 'broken'); END")
            )
    with clock.set_to(clock.now() + timedelta(days=30)):
        done = app.test_cli_runner().invoke(args=["purge"])
    assert (done.exit_code, done.stderr) == (1, "Error: The database did not answer: broken\n")
    with app.app_context(), across_accounts():
        assert new(seen) == [("database.purged", {"events_of_webhooks": 1})]
