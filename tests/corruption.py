"""Writing past all rules, as somebody could who has the database's files or its superuser's password."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from sqlalchemy import Connection, delete, insert, select, text

from portal.foundation.db import Base
from tests.engines import superuser_of


@contextmanager
def past_the_rules(app: Flask) -> Iterator[Connection]:
    """A connection on which no trigger, foreign key or CHECK holds. Unique indexes do: drop them by their names."""
    with superuser_of(app) as engine, engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            raw = connection.connection.dbapi_connection
            assert raw is not None
            raw.execute("PRAGMA foreign_keys=OFF")
            raw.execute("PRAGMA ignore_check_constraints=ON")
            _drop(connection, "SELECT 'DROP TRIGGER ' || name FROM sqlite_master WHERE type = 'trigger'")
        else:
            connection.execute(text("SET session_replication_role = replica"))
            _drop(
                connection,
                "SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT ' || conname FROM pg_constraint"
                " WHERE contype = 'c' AND conrelid <> 0 AND connamespace = 'public'::regnamespace",
            )
        yield connection
        connection.commit()
        connection.detach()  # what was said on it must reach nobody else


def _drop(connection: Connection, statements: str) -> None:
    for (statement,) in connection.execute(text(statements)).all():
        connection.execute(text(statement))


@contextmanager
def undone(app: Flask) -> Iterator[None]:
    """Afterwards every table holds what it held before the block."""
    tables = [table for _, table in sorted(Base.metadata.tables.items())]
    with superuser_of(app) as engine, engine.connect() as connection:
        kept = {table: [dict(row._mapping) for row in connection.execute(select(table))] for table in tables}
    yield
    with past_the_rules(app) as connection:
        for table, rows in kept.items():
            connection.execute(delete(table))
            if rows:
                connection.execute(insert(table), rows)
