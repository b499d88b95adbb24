"""The app and a migrated database, fresh for each test."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from argon2 import profiles
from flask import Flask
from flask_migrate import upgrade

from portal.accounts.passwords import passwords
from portal.app import create_app
from portal.foundation.db import db
from tests.factories import Factory


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """argon2id at its cheapest: what is tested is what we do with a hash, not how long it takes."""
    passwords.use(profiles.CHEAPEST)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables and no row, to copy from."""
    folder = tmp_path_factory.mktemp("migrated")
    app = create_app({"TESTING": True, "DATA_DIR": folder, "SECRET_KEY": "tests"})
    with app.app_context():
        upgrade()
        db.engine.dispose()
    return folder / "portal.db"


@pytest.fixture
def new_app(migrated: Path, tmp_path: Path) -> Iterator[Callable[[], Flask]]:
    """Makes apps, each over a database of its own.

    No context is pushed: each request and each factory call has its own.
    """
    apps: list[Flask] = []

    def make() -> Flask:
        folder = tmp_path / f"app{len(apps)}"
        folder.mkdir()
        shutil.copy(migrated, folder / "portal.db")
        apps.append(create_app({"TESTING": True, "DATA_DIR": folder, "SECRET_KEY": "tests"}))
        return apps[-1]

    yield make
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(new_app: Callable[[], Flask]) -> Flask:
    """One such app."""
    return new_app()


@pytest.fixture
def domain(app: Flask) -> Iterator[None]:
    """An app context for tests that call the domain themselves."""
    with app.app_context():
        yield


@pytest.fixture
def make(app: Flask) -> Factory:
    """Makes rows through the domain's own functions."""
    return Factory(app)
