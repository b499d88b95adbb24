"""The app and a migrated database, fresh for each test, on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from argon2 import profiles
from flask import Flask, has_request_context
from flask_migrate import upgrade
from jinja2 import FileSystemBytecodeCache

from portal.accounts.passwords import passwords
from portal.app import create_app
from portal.foundation import row_security
from portal.foundation.row_security import Login
from portal.foundation.tenancy import EVERY_ACCOUNT, current_scope
from tests import postgres
from tests.apps import Pool, refill
from tests.engines import disconnect
from tests.factories import Factory
from tests.scenes import Played, Scene, play
from tests.verification import findings_of

MANY = 1_000_000
BASICS = {
    "TESTING": True, "SECRET_KEY": "tests",
    "RATE_LIMIT_TOKEN": MANY, "RATE_LIMIT_USER": MANY, "RATE_LIMIT_ADDRESS": MANY,
}  # fmt: skip
"""What the tests' apps share. Requests are counted, and no test but those about it asks too often."""


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> None:
    """argon2id at its cheapest: what is tested is what we do with a hash, not how long it takes."""
    passwords.use(profiles.CHEAPEST)


@pytest.fixture(autouse=True)
def _tests_act_as_commands_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test does itself outside a scope reaches the database as a command does: by the worker's login, on all
    accounts' rows. The portal's own filter raises as ever; nothing changes inside a request, or by a named login.
    """
    login = row_security.current_login

    def is_outside() -> bool:
        return row_security._chosen.get() is None and current_scope() is None and not has_request_context()

    monkeypatch.setattr(row_security, "current_login", lambda: Login.WORKER if is_outside() else login())
    monkeypatch.setattr(row_security, "current_scope", lambda: EVERY_ACCOUNT if is_outside() else current_scope())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """The database that the test runs on. What is about one of them only says so: ``@on("sqlite")``."""
    return str(request.param)


@pytest.fixture(scope="session")
def server() -> Iterator[postgres.Server]:
    """A PostgreSQL of this test process."""
    with postgres.server() as running:
        yield running


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables and no row, to copy from."""
    folder = tmp_path_factory.mktemp("migrated")
    _migrate(create_app({**BASICS, "DATA_DIR": folder}))
    return folder / "portal.db"


@pytest.fixture(scope="session")
def bare_template(server: postgres.Server) -> str:
    """A database of the server that is set up for the logins and has no table, to copy from; its name."""
    name = server.create()
    server.set_up(name)
    return name


@pytest.fixture(scope="session")
def migrated_template(server: postgres.Server, bare_template: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One with all tables and no row."""
    name = server.create(bare_template)
    folder = tmp_path_factory.mktemp("template")
    _migrate(create_app({**BASICS, "DATA_DIR": folder, **server.settings(name)}))
    return name


def _migrate(app: Flask) -> None:
    with app.app_context():
        upgrade()
    disconnect(app)


@pytest.fixture(scope="session")
def playing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Scene], Played]:
    """Plays a scene on SQLite or on PostgreSQL, the first time that it is asked for."""

    @cache
    def played(database: str, scene: Scene) -> Played:
        folder = tmp_path_factory.mktemp("scene")
        settings = {**BASICS, "DATA_DIR": folder}
        if database == "sqlite":
            shutil.copy(request.getfixturevalue("migrated_file"), folder / "portal.db")
            return play(scene, settings, folder / "portal.db")
        server: postgres.Server = request.getfixturevalue("server")
        name = server.create(request.getfixturevalue("migrated_template"))
        return play(scene, settings | server.settings(name), name)

    return played


@pytest.fixture
def scene() -> Scene | None:
    """Who is there before a test of the suite begins; suites that say nothing begin with nobody."""
    return None


@pytest.fixture
def played(request: pytest.FixtureRequest, database: str, scene: Scene | None) -> Played | None:
    """The suite's scene, for a test that looks at who is there."""
    if scene is None or "there" not in request.fixturenames:
        return None
    playing: Callable[[str, Scene], Played] = request.getfixturevalue("playing")
    return playing(database, scene)


@pytest.fixture
def there(played: Played) -> Any:
    """Who is there: what the scene gave."""
    return played.there()


@pytest.fixture
def new_settings(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., dict[str, Any]]]:
    """Makes the settings of apps, each over a database of its own: migrated, without tables, or with a scene in it."""
    made: list[str] = []

    def make(*, empty: bool = False, played: Played | None = None) -> dict[str, Any]:
        folder = tmp_path / f"app{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        settings = {**BASICS, "DATA_DIR": folder}
        if database == "sqlite":
            if not empty:
                shutil.copy(played.origin if played else request.getfixturevalue("migrated_file"), folder / "portal.db")
            return settings
        server: postgres.Server = request.getfixturevalue("server")
        template = "bare_template" if empty else "migrated_template"
        made.append(server.create(str(played.origin) if played else request.getfixturevalue(template)))
        return settings | server.settings(made[-1])

    yield make
    for name in made:
        request.getfixturevalue("server").drop(name)


@pytest.fixture
def new_home(
    database: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], dict[str, Any]]:
    """Makes the settings of apps that outlive the test."""

    def make() -> dict[str, Any]:
        settings = {**BASICS, "DATA_DIR": tmp_path_factory.mktemp("app")}
        if database == "sqlite":
            return settings
        server: postgres.Server = request.getfixturevalue("server")
        return settings | server.settings(server.create())

    return make


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Compiled templates, shared by the apps of this process: compiling them anew took an eighth of all tests."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(scope="session")
def pool() -> Pool:
    """The apps of this process."""
    return Pool()


@pytest.fixture
def shares_apps() -> bool:
    """Whether apps were used by other tests before. Not where tests change what an app is, rather than what it has."""
    return True


@pytest.fixture
def new_app(
    new_settings: Callable[..., dict[str, Any]], new_home: Callable[[], dict[str, Any]], database: str,
    shares_apps: bool, pool: Pool, request: pytest.FixtureRequest, templates: FileSystemBytecodeCache,
) -> Iterator[Callable[..., Flask]]:  # fmt: skip
    """Makes apps, each over a database of its own. Whatever the test wrote is verified, unless it ``corrupts``.

    One that is made ``anew`` reads the environment. No context is pushed: requests and factory calls have their own.
    """
    apps: list[Flask] = []

    def shared(played: Played | None) -> Flask:
        app = pool.take(database) or pool.add(new_home())
        if database == "sqlite":
            refill(app, played.origin if played else request.getfixturevalue("migrated_file"), None)
        else:
            origin = played.origin if played else request.getfixturevalue("migrated_template")
            refill(app, origin, request.getfixturevalue("server"))
        return app

    def make(*, empty: bool = False, anew: bool = False, played: Played | None = None) -> Flask:
        is_shared = shares_apps and not empty and not anew
        app = shared(played) if is_shared else create_app(new_settings(empty=empty, played=played))
        app.jinja_env.bytecode_cache = templates
        apps.append(app)
        return app

    yield make
    verified = request.node.get_closest_marker("corrupts") is None
    findings = [finding for app in apps if verified for finding in findings_of(app)]
    for app in apps:
        disconnect(app)
        pool.give_back(app, database)
    assert findings == []


@pytest.fixture
def app(new_app: Callable[..., Flask], played: Played | None) -> Flask:
    """One such app, with those in it who are there."""
    return new_app(played=played)


@pytest.fixture
def domain(app: Flask) -> Iterator[None]:
    """An app context for tests that call the domain themselves."""
    with app.app_context():
        yield


@pytest.fixture
def make(app: Flask) -> Factory:
    """Makes rows through the domain's own functions."""
    return Factory(app)
