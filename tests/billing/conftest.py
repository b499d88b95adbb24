"""A small world: one account with an owner, and staff."""

from dataclasses import dataclass

import pytest
from flask import Flask

from portal.accounts.models import Account, User
from tests.factories import Factory
from tests.scenes import Scene


@dataclass
class World:
    """Who there is before a test begins."""

    account: Account
    owner: User
    member: User
    viewer: User
    reviewer: User
    admin: User


def everybody(make: Factory) -> World:
    account = make.account()
    make.method()
    return World(
        account,
        make.user("owner", account, name="Olga Owner"),
        make.user("member", account, name="Max Member"),
        make.user("viewer", account, name="Vera Viewer"),
        make.user("reviewer", name="Rita Reviewer"),
        make.user("admin", name="Ada Admin"),
    )


@pytest.fixture
def scene() -> Scene:
    return everybody


@pytest.fixture
def world(app: Flask, there: World) -> World:
    return there
