"""What the worker does besides sending."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.mail_choices import choose_mails
from portal.accounts.models import PortalFact
from portal.app import create_app
from portal.cli import worker
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from portal.mail.kinds import Kind
from portal.mail.models import Mail
from tests import postgres
from tests.engines import disconnect
from tests.factories import Factory, acting


def test_it_keeps_how_long_decisions_take(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["worker", "--once"])
    assert (result.exit_code, result.output) == (0, "")
    with app.app_context():
        assert session.scalars(select(PortalFact.name)).all() == ["decision_times"]


def test_it_writes_the_digests_that_are_due(app: Flask, make: Factory) -> None:
    reviewer, account = make.user("reviewer"), make.account()
    make.method()
    make.payment(make.invoice(account), make.user("owner", account))
    with app.app_context(), across_accounts(), clock.set_to(clock.now() - timedelta(days=2)):
        choose_mails(by=acting(reviewer), digest_hours="0")
    for _ in range(2):
        assert app.test_cli_runner().invoke(args=["worker", "--once"]).exit_code == 0
    with app.app_context(), across_accounts():
        digests = session.scalars(select(Mail.address).where(Mail.kind == Kind.DIGEST)).all()
    assert digests == [reviewer.email]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_database_that_is_missing_is_one_line(
    new_settings: Callable[[], dict[str, Any]], server: postgres.Server, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """And one more when it answers again, however many threads asked how often."""
    monkeypatch.setattr(worker, "PAUSE", 0.05)
    monkeypatch.setattr(worker, "_AFTER_A_FAILURE", 0.05)
    settings = new_settings()
    settings["DATABASE_LOGINS"]["worker"] = settings["DATABASE_LOGINS"]["worker"].replace("app_worker", "app_late")
    app, stop = create_app(settings), Event()
    working = Thread(target=worker.run, args=(app, stop))
    working.start()
    try:
        wait_for("the worker waits for the database: gone: ", caplog)
        sleep(0.5)
        with server.connect() as connection:
            connection.execute("CREATE ROLE app_late LOGIN IN ROLE portal_worker")
        wait_for("the database answers the worker again", caplog)
    finally:
        stop.set()
        working.join()
        disconnect(app)
        with server.connect() as connection:
            connection.execute("DROP ROLE IF EXISTS app_late")
    assert [record.getMessage()[:40] for record in caplog.records if record.name == "portal.webhooks"] == [
        "the worker waits for the database: gone:", "the database answers the worker again",
    ]  # fmt: skip


def wait_for(words: str, caplog: pytest.LogCaptureFixture) -> None:
    ends = monotonic() + 60
    while not any(words in record.getMessage() for record in caplog.records):
        assert monotonic() < ends, words
        sleep(0.05)


def test_what_is_done_seldom_is_not_done_at_each_look() -> None:
    done: list[int] = []
    often, seldom = (worker.seldom(lambda: done.append(1), seconds) for seconds in (0, 60))
    for _ in range(3):
        often()
    assert len(done) == 3
    for _ in range(3):
        seldom()
    assert len(done) == 4
