"""A database brought back to what it held, so that each value finds the same, whatever the last one did."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count

from flask import Flask
from sqlalchemy import Connection

from portal.foundation.db import Base
from tests.engines import superuser_of

BringBack = Callable[[set[str]], None]
_VACUUM_EVERY = 200


@contextmanager
def kept(app: Flask) -> Iterator[BringBack]:
    """Keep a copy of what the database holds now. What is given brings these tables back, past rules and triggers."""
    with superuser_of(app) as mighty, mighty.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if mighty.dialect.name == "postgresql":
            yield _beside(connection)
            return
        file = connection.connection.driver_connection
        assert isinstance(file, sqlite3.Connection)
        file.execute("PRAGMA synchronous=OFF")
        with closing(sqlite3.connect(":memory:")) as copy:
            file.backup(copy)
            yield lambda _: copy.backup(file)


def _beside(connection: Connection) -> BringBack:
    """By copies of the tables in a schema of their own."""
    connection.exec_driver_sql("SET session_replication_role = replica")  # no triggers, no foreign keys
    connection.exec_driver_sql("CREATE SCHEMA kept")
    for table in Base.metadata.tables:
        connection.exec_driver_sql(f"CREATE TABLE kept.{table} AS TABLE {table}")
    times = count(1)

    def bring_back(tables: set[str]) -> None:
        refill = "".join(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept.{table};" for table in tables)
        connection.exec_driver_sql(f"BEGIN; {refill} COMMIT")
        if next(times) % _VACUUM_EVERY == 0:
            connection.exec_driver_sql("VACUUM")

    return bring_back
