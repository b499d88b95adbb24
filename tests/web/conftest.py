"""Visitors of the customer pages."""

from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from portal.accounts.models import Account, User
from tests.factories import Factory
from tests.pages import Pages
from tests.scenes import Scene


@dataclass
class World:
    """Two accounts and staff; ``visit(who)`` gives a signed-in visitor."""

    app: Flask
    account: Account
    globex: Account
    users: dict[str, User]

    def visit(self, who: str | None = None) -> Pages:
        """A visitor of their own browser; nobody in particular without a name."""
        pages = Pages(self.app)
        return pages.sign_in(self.users[who]) if who else pages


def everybody(make: Factory) -> tuple[Account, Account, dict[str, User]]:
    """Both accounts, and users."""
    make.method(details=[["IBAN", "DE02120300000000202051"], ["BIC", "BYLADEM1001"]])
    acme, globex = make.account("Acme GmbH", timezone="Europe/Berlin"), make.account("グローベックス", "JP", "JPY")
    users = {
        "owner": make.user("owner", acme, name="Olga Owner"),
        "member": make.user("member", acme, name="Max Member"),
        "viewer": make.user("viewer", acme, name="Vera Viewer"),
        "stranger": make.user("owner", globex, name="Gina Globex"),
        "reviewer": make.user("reviewer", name="Rita Reviewer"),
        "admin": make.user("admin", name="Ada Admin"),
    }
    return acme, globex, users


@pytest.fixture
def scene() -> Scene:
    return everybody


@pytest.fixture
def world(app: Flask, there: Any) -> World:
    return World(app, *there)
