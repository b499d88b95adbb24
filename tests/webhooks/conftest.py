"""A customer with an endpoint, staff with another, a receiver behind both, and a worker that moves when it is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Account, User
from portal.foundation import clock
from portal.foundation.db import session
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import account_scope, across_accounts
from portal.webhooks import delivering, service
from portal.webhooks.event_types import EventType
from portal.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.factories import Factory, acting
from tests.webhooks.receiver import Receiver, receiving


@dataclass
class World:
    """Who there is, and what they can do with webhooks."""

    app: Flask
    make: Factory
    account: Account
    owner: User
    reviewer: User
    admin: User
    receiver: Receiver

    @contextmanager
    def acting_for(self, user: User) -> Iterator[None]:
        """What happens in the block comes by the login and with the scope of this user's requests."""
        with self.app.app_context():
            if user.account_id:
                with account_scope(user.account_id):
                    yield
            else:
                with by_login(Login.STAFF), across_accounts():
                    yield

    def endpoint(self, user: User | None = None, *types: EventType, url: str = "") -> WebhookEndpoint:
        """An endpoint of the owner's account, or of staff; of all events unless some are said."""
        user = user or self.owner
        with self.acting_for(user):
            address = url or self.receiver.url
            return service.create_endpoint(by=acting(user), url=address, event_types=types or tuple(EventType))

    def secret(self, endpoint: WebhookEndpoint, user: User | None = None) -> str:
        user = user or self.owner
        with self.acting_for(user):
            return service.show_secret(endpoint.id, by=acting(user))

    @contextmanager
    def worker(self, at: datetime | None = None) -> Iterator[None]:
        """The worker's login and scope, at this time."""
        with self.app.app_context(), across_accounts(), by_login(Login.WORKER), clock.set_to(at or clock.now()):
            yield

    def work(self, at: datetime | None = None) -> int:
        """Let a worker send all that is due then; how many sends it were."""
        sent = 0
        with self.worker(at):
            while delivering.hand_out():
                pass
            while delivering.deliver_next():
                sent += 1
        return sent

    def deliveries(self) -> list[WebhookDelivery]:
        with self.worker():
            found = list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))
            for one in found:
                assert one.event
            return found

    def endpoint_now(self, endpoint: WebhookEndpoint) -> WebhookEndpoint:
        with self.worker():
            session.rollback()
            return session.get_one(WebhookEndpoint, endpoint.id, populate_existing=True)

    def told(self) -> list[tuple[str, Any]]:
        """Type and subject's status of each message, in the order of their coming."""
        import json

        bodies = [json.loads(message.body) for message in self.receiver.messages]
        return [(body["type"], body["data"].get("status")) for body in bodies]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def world(app: Flask, make: Factory, receiver: Receiver) -> World:
    make.method()
    account = make.account()
    people = (make.user("owner", account), make.user("reviewer"), make.user("admin"))
    return World(app, make, account, *people, receiver)


def later(**how: float) -> datetime:
    return clock.now() + timedelta(**how)
