"""What the worker does besides sending."""

from datetime import timedelta

from flask import Flask
from sqlalchemy import select

from portal.accounts.mail_choices import choose_mails
from portal.accounts.models import PortalFact
from portal.cli import worker
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.tenancy import across_accounts
from portal.mail.kinds import Kind
from portal.mail.models import Mail
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


def test_what_is_done_seldom_is_not_done_at_each_look() -> None:
    done: list[int] = []
    often, seldom = (worker.seldom(lambda: done.append(1), seconds) for seconds in (0, 60))
    for _ in range(3):
        often()
    assert len(done) == 3
    for _ in range(3):
        seldom()
    assert len(done) == 4
