"""The world of the attempts, made once for each database, and copies of it with guarantees taken away."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from portal.app import create_app
from portal.foundation.db import db
from tests import postgres
from tests.conftest import BASICS
from tests.factories import Factory
from tests.guarantees.rows import World
from tests.guarantees.schema import drop
from tests.verification import leave


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="package")
def world(dialect: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The world, for attempts that are refused and so change nothing."""
    folder = tmp_path_factory.mktemp("world")
    settings = {**BASICS, "DATA_DIR": folder}
    if dialect == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), folder / "portal.db")
    else:
        server: postgres.Server = request.getfixturevalue("server")
        settings["SQLALCHEMY_DATABASE_URI"] = server.url(server.create(request.getfixturevalue("migrated_template")))
    app = create_app(settings)
    with app.app_context():
        engine = db.engine
    yield World(app, Factory(app), engine)
    engine.dispose()
    leave(app)


@pytest.fixture
def without(
    world: World, dialect: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., World]]:
    """Makes a copy of the world whose database has lost these guarantees."""
    made: list[World] = []
    server: postgres.Server | None = request.getfixturevalue("server") if dialect == "postgresql" else None

    def make(*guarantees: str) -> World:
        world.engine.dispose()
        if server is None:
            shutil.copy(str(world.engine.url.database), tmp_path / "copy.db")
            url = f"sqlite:///{tmp_path / 'copy.db'}"
        else:
            url = server.url(server.create(str(world.engine.url.database)))
        copy = World.__new__(World)
        copy.__dict__.update(world.__dict__, engine=create_engine(url))
        made.append(copy)
        for guarantee in guarantees:
            drop(copy.engine, guarantee)
        return copy

    yield make
    for copy in made:
        copy.engine.dispose()
        if server is not None:
            server.drop(str(copy.engine.url.database))
