"""A small world, and staff who look at it."""

from dataclasses import dataclass

import pytest
from flask import Flask

from portal.accounts.models import Account, User
from tests.factories import Factory
from tests.pages import Pages
from tests.scenes import Scene


@dataclass
class World:
    """Who there is before a test begins."""

    acme: Account
    globex: Account
    owner: User
    globex_owner: User
    reviewer: User
    admin: User


def everybody(make: Factory) -> World:
    acme = make.account("Acme GmbH", number="C-1")
    globex = make.account("Globex", country="JP", currency="JPY", number="C-2")
    make.method()
    return World(
        acme,
        globex,
        make.user("owner", acme, name="Olga Owner", email="olga@acme.example"),
        make.user("owner", globex, name="Goro Owner", email="goro@globex.example"),
        make.user("reviewer", name="Rita Reviewer"),
        make.user("admin", name="Ada Admin"),
    )


@pytest.fixture
def scene() -> Scene:
    return everybody


@pytest.fixture
def world(app: Flask, there: World) -> World:
    return there


@pytest.fixture
def reviewer(app: Flask, world: World) -> Pages:
    return Pages(app).sign_in(world.reviewer)


@pytest.fixture
def admin(app: Flask, world: World) -> Pages:
    return Pages(app).sign_in(world.admin)
