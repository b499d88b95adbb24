"""An app's ways to its database, one for each login on PostgreSQL; and the ways past the portal and its logins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import Engine, create_engine, event

from portal.foundation.db import db
from portal.foundation.row_security import Login


def engines_of(app: Flask) -> list[Engine]:
    """All that the app sends statements by."""
    with app.app_context():
        return list(db.engines.values())


def engine_of_the_owner(app: Flask) -> Engine:
    """By which tables and rows can be changed past the portal. Outside a scope it sees all accounts."""
    with app.app_context():
        return db.engines.get(Login.OWNER, db.engine)


def disconnect(app: Flask) -> None:
    """Give back the app's connections."""
    for engine in engines_of(app):
        engine.dispose()


@contextmanager
def superuser_of(app: Flask) -> Iterator[Engine]:
    """By which nothing at all is refused on PostgreSQL; on SQLite the file is everybody's."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "sqlite":
        yield engine
        return
    mighty = create_engine(engine.url.set(username="postgres"))
    yield mighty
    mighty.dispose()


@contextmanager
def listening(app: Flask, name: str, hook: Callable[..., Any], **options: Any) -> Iterator[None]:
    """Call the hook at this event of every engine of the app, in the block."""
    engines = engines_of(app)
    for engine in engines:
        event.listen(engine, name, hook, **options)
    try:
        yield
    finally:
        for engine in engines:
            event.remove(engine, name, hook)
