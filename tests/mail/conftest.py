"""An SMTP server of our own, and a worker that moves when it is told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Account, User
from portal.cli.worker import deliver_mail
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts
from portal.mail.models import Mail
from portal.mail.post_office import post_office
from tests.factories import Factory
from tests.mail.mailbox import Mailbox, receiving


@dataclass
class World:
    """Who there is, and the worker that writes to them."""

    app: Flask
    make: Factory
    mailbox: Mailbox
    account: Account
    owner: User
    member: User
    reviewer: User
    admin: User

    @contextmanager
    def worker(self, at: datetime | None = None) -> Iterator[None]:
        """The worker's login and scope, at this time."""
        with self.app.app_context(), across_accounts(), by_login(Login.WORKER), clock.set_to(at or clock.now()):
            yield

    def work(self, at: datetime | None = None) -> int:
        """Let a worker send all that is due then; how many tries it were."""
        tries = 0
        with self.worker(at):
            while deliver_mail():
                tries += 1
        return tries

    def mails(self) -> list[Mail]:
        """All there are, as the database holds them."""
        with self.worker():
            return list(session.scalars(select(Mail).order_by(Mail.id)))

    def outcomes(self) -> list[tuple[str, str]]:
        return [(mail.address, mail.state) for mail in self.mails()]

    def settle(self, **settings: Any) -> None:
        """Change where mails leave, for this test."""
        self.app.config.update(settings)
        post_office.use(self.app.config)


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving() as running:
        yield running


@pytest.fixture
def new_world(app: Flask, make: Factory, mailbox: Mailbox) -> Callable[[], World]:
    def new() -> World:
        make.method()
        account = make.account()
        people = (make.user("owner", account, email="olga@acme.example", name="Olga Owner"),
                  make.user("member", account, email="max@acme.example", name="Max Member"))  # fmt: skip
        return World(app, make, mailbox, account, *people, make.user("reviewer"), make.user("admin"))

    return new


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    made = new_world()
    before = dict(made.app.config)
    made.settle(
        SMTP_HOST="127.0.0.1", SMTP_PORT=made.mailbox.port, SMTP_SECURITY="none",
        BASE_URL="https://billing.portal.example", MAIL_FROM="Billing <billing@portal.example>",
    )  # fmt: skip
    yield made
    post_office.use(before)
