"""Connections to the database that never keep a request waiting, whatever became of the server.

A frozen server, a dead network or a full queue of locks answers nothing at all, so the waiting is bounded here. What
the server itself can bound is said anew in each transaction: settings of a session would be lost behind PgBouncer.
"""

import random
import select
import sqlite3
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg
from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from portal.foundation.deadline import remaining, within
from portal.foundation.outages import Outage, outage
from portal.foundation.turns import queue_of

SQLITE_BUSY_MS = 3000
"""What a reader of SQLite waits at most. Writers queue up (``turns``), and need it only while a file is recovered."""
UNHURRIED = 15.0
"""Seconds that a command waits for the turn to write."""
LOCK_SECONDS = 2.0
_LEAST = 0.2
_PING_SECONDS = 1.0
_TRUSTED_SECONDS = 5.0
_LOOK_AGAIN = 0.002
# Of libpq, not of the server: they pass PgBouncer. A host that does not answer is given up before the request is.
_LINK = {
    "connect_timeout": 2, "keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 3, "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}  # fmt: skip


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that gives up with the request's time. It is closed then: the server undoes what it had open."""

    warned: list[str]
    """SQLSTATEs of the warnings since the list was last emptied."""
    used_at: float
    """When it last answered."""

    def is_alive(self) -> bool:
        """Whether the server still answers. What was used a moment ago is asked for its farewell only, in no time."""
        if self.closed or select.select([self.fileno()], [], [], 0)[0]:
            return False
        if time.monotonic() - self.used_at < _TRUSTED_SECONDS:
            return True
        try:
            with within(_PING_SECONDS):
                self.autocommit = True  # else it would begin a transaction
                self.execute("SELECT 1")
                self.autocommit = False
        except psycopg.Error:
            return False
        return True

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        left, began = remaining(), time.monotonic()
        limit = None if left is None else max(left, _LEAST)  # a little is given even at the end, to roll back
        try:
            result = super().wait(gen, interval, limit if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if limit is None or time.monotonic() - began < limit:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError("the database did not answer in time") from error
        self.used_at = time.monotonic()
        return result


@event.listens_for(Engine, "do_connect")
def _connect(dialect: Dialect, _record: ConnectionPoolEntry, cargs: tuple[Any, ...], cparams: dict[str, Any]) -> Any:
    if dialect.name != "postgresql":
        return None
    connection = BoundedConnection.connect(*cargs, **(_LINK | cparams))
    connection.warned, connection.used_at = [], time.monotonic()
    connection.add_notice_handler(lambda said: _note(connection, said))
    return connection


@event.listens_for(Engine, "checkout")
def _check(connection: Any, _record: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    """A connection that went away while nobody used it is replaced, unnoticed by who asks for it."""
    if isinstance(connection, BoundedConnection) and not connection.is_alive():
        raise DisconnectionError


def _note(connection: BoundedConnection, said: psycopg.errors.Diagnostic) -> None:
    if said.severity_nonlocalized == "WARNING":
        connection.warned.append(said.sqlstate or "")


def warnings_of(connection: Connection) -> list[str]:
    """SQLSTATEs of what PostgreSQL warned of on this connection; the list goes on growing."""
    warned: list[str] = getattr(connection.connection.dbapi_connection, "warned", [])
    return warned


def turn_to_write(engine: Engine) -> AbstractContextManager[None]:
    """On SQLite, this process's turn among its threads; PostgreSQL lets many write."""
    if engine.dialect.name != "sqlite":
        return nullcontext()
    return queue_of(engine).turn(_patience())


def begin(connection: Connection, *, writing: bool) -> None:
    """Begin a transaction. On SQLite a writing one takes the write lock at once; on PostgreSQL it gets its limits."""
    if connection.dialect.name != "sqlite":
        _limit(connection)
    elif writing:
        _begin_immediate(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _limit(connection: Connection) -> None:
    left = remaining()
    if left is None:
        return
    milliseconds = max(round((left - _LEAST) * 1000), 1)  # the server gives up first, and says why
    connection.exec_driver_sql(
        f"SET LOCAL statement_timeout = {milliseconds}; "
        f"SET LOCAL lock_timeout = {min(milliseconds, round(LOCK_SECONDS * 1000))}; "
        f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds + 5000}"
    )


def _begin_immediate(connection: Connection) -> None:
    """Wait for other processes' writers by looking often: SQLite's own waiting starves under load."""
    ends = time.monotonic() + _patience()
    connection.exec_driver_sql("PRAGMA busy_timeout=0")
    try:
        while not _lock(connection, time.monotonic() >= ends):
            time.sleep(_LOOK_AGAIN * random.uniform(0.5, 1.5))  # noqa: S311  (nothing secret)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout={SQLITE_BUSY_MS}")


def _lock(connection: Connection, is_last_try: bool) -> bool:
    try:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except DBAPIError as error:
        if is_last_try or outage(error) is not Outage.BUSY or not isinstance(error.orig, sqlite3.Error):
            raise
        return False
    return True


def _patience() -> float:
    left = remaining()
    return UNHURRIED if left is None else left
