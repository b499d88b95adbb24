"""Apps that tests hand on to each other: making one, and its engines learning their statements, took half of the time.

Each test gets its app over a database of its own, with the settings that it was made with.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import make_url
from werkzeug.test import TestResponse

from portal.app import create_app, settle
from tests import postgres
from tests.engines import disconnect


class Reader(FlaskClient):
    """Reads each answer to its end: one that streams keeps its request's context, until whenever it is collected."""

    def open(self, *args: Any, buffered: bool = True, **kwargs: Any) -> TestResponse:
        return super().open(*args, buffered=buffered, **kwargs)


@dataclass
class Pool:
    """Apps that nobody uses just now, with the settings that they were made with, by database."""

    _idle: dict[str, list[tuple[Flask, dict[str, Any]]]] = field(default_factory=dict)
    _lent: dict[Flask, dict[str, Any]] = field(default_factory=dict)

    def take(self, database: str) -> Flask | None:
        """An idle app, if there is one, as it was when it was made."""
        if not self._idle.get(database):
            return None
        app, made_with = self._idle[database].pop()
        app.config.clear()
        app.config.update(made_with)
        settle(app.config)
        self._lent[app] = made_with
        return app

    def add(self, settings: dict[str, Any]) -> Flask:
        """Another app, to be given back."""
        app = create_app(settings)
        app.test_client_class = Reader
        self._lent[app] = dict(app.config)
        return app

    def give_back(self, app: Flask, database: str) -> None:
        """Whoever had the app has disconnected it."""
        if app in self._lent:
            self._idle.setdefault(database, []).append((app, self._lent.pop(app)))


def refill(app: Flask, origin: Path | str, server: postgres.Server | None) -> None:
    """Replace what the app's database holds by a copy of the origin: of SQLite's file, or of the server's database."""
    disconnect(app)
    folder = Path(app.config["DATA_DIR"])
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    if server is None:
        shutil.copy(origin, folder / "portal.db")
        return
    name = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database or ""
    server.drop(name)
    server.create(str(origin), name=name)
