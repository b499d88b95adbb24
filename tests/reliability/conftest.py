"""The portal behind a network that fails, beside the same portal on a sound one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import make_url

from portal.accounts.models import Account, User
from portal.app import create_app
from tests import faults, postgres
from tests.api.conftest import Caller
from tests.conftest import BASICS
from tests.engines import disconnect
from tests.factories import Factory
from tests.pages import Pages

LIMIT = 5.0
"""Seconds within which every request is answered, whatever became of the database."""


@dataclass
class World:
    """An account with an owner, staff, and the factory that makes more, all over a sound connection."""

    app: Flask
    make: Factory
    account: Account
    owner: User
    reviewer: User
    token: str

    def caller(self, app: Flask | None = None) -> Caller:
        """The owner as a program."""
        return Caller(app or self.app, self.token)

    def pages(self, app: Flask | None = None) -> Pages:
        """The owner in a browser, signed in."""
        return Pages(app or self.app).sign_in(self.owner)


@pytest.fixture
def shares_apps() -> bool:
    """Their engines are listened to, and their connections break."""
    return False


@pytest.fixture
def world(app: Flask, make: Factory) -> World:
    account = make.account()
    make.method()
    owner = make.user("owner", account)
    made = World(app, make, account, owner, make.user("reviewer"), make.token(owner))
    assert (
        made.caller().get("/account/").status_code == 200
    )  # notes the token's use: nothing else is written by reading
    return made


@pytest.fixture
def network(server: postgres.Server) -> Iterator[faults.Proxy]:
    """What stands between the portal and PostgreSQL."""
    with faults.proxy(server.folder) as made:
        yield made


@pytest.fixture
def behind(
    new_settings: Callable[..., dict[str, Any]], app: Flask, server: postgres.Server, network: faults.Proxy
) -> Iterator[Flask]:
    """The same portal over the same database, behind the network."""
    name = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database or ""
    settings = server.settings(name, host=str(network.folder))
    made = create_app({**BASICS, "DATA_DIR": app.config["DATA_DIR"], **settings})
    yield made
    disconnect(made)
