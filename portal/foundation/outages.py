"""What a failure of the database means: not there, busy, full; and above all whether something may have been written.

PostgreSQL says it by SQLSTATE (its manual, appendix A), SQLite by result code (sqlite.org/rescode.html).
"""

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, TimeoutError

from portal.foundation.refusals import OutcomeUnknown
from portal.foundation.turns import NoTurn

CLASHES = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the database undid the transaction, and the same again may succeed."""
LOCK_TIMEOUT = "55P03"
# Classes and states with which PostgreSQL says that it is not there for us; without a state the connection is gone.
_GONE = ("08", "28", "3D", "57P", "25006", "25P03", "25P04", "53300", "58", "XX001", "XX002")
_FULL = ("53",)
_SQLITE_FULL = {sqlite3.SQLITE_FULL}
_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_SQLITE_GONE = {
    sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH,
}  # fmt: skip
_log = logging.getLogger(__name__)


class Outage(StrEnum):
    """Why the database did not do what it was asked, though nothing was wrong with what was asked."""

    GONE = "gone"
    FULL = "full"
    BUSY = "busy"


def outage(error: BaseException) -> Outage | None:
    """Which outage the error tells of; None where the request or the code is at fault."""
    if isinstance(error, NoTurn):
        return Outage.BUSY
    if isinstance(error, TimeoutError):  # no connection of the pool came free
        return Outage.BUSY
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig)
    return _of_postgresql(error)


@contextmanager
def best_effort(what: str) -> Iterator[None]:
    """For what may be left undone: an outage in the block is logged, and the block ends. Other errors leave it."""
    try:
        yield
    except Exception as error:
        if outage(error) is None and not isinstance(error, OutcomeUnknown):
            raise
        _log.warning("%s: %s", what, type(error).__name__)


def is_lost(error: BaseException) -> bool:
    """Whether the connection went away, so that the server undid what was not committed."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    return error.connection_invalidated or (sqlstate(error) is None and outage(error) is Outage.GONE)


def is_clash(error: BaseException) -> bool:
    """Whether two transactions were in each other's way, and this one was undone."""
    return sqlstate(error) in CLASHES


def may_be_committed(error: DBAPIError) -> bool:
    """Of an error at COMMIT: whether the transaction may be committed all the same.

    An error that PostgreSQL answers is a clear no, unless it is of the connection (class 08, as PgBouncer says, too) or
    says itself that it does not know (40003). Without an answer nobody knows; nor when SQLite's disk failed.
    """
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) == sqlite3.SQLITE_IOERR
    state = sqlstate(error)
    return error.connection_invalidated or state is None or state.startswith("08") or state == "40003"


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's five letters for the error, if it sent any."""
    state: str | None = getattr(getattr(error, "orig", None), "sqlstate", None)
    return state


def _of_postgresql(error: DBAPIError) -> Outage | None:
    state = sqlstate(error)
    if error.connection_invalidated:
        return Outage.GONE
    if state is None:  # psycopg's own errors of the connection carry no state
        return Outage.GONE if type(error.orig).__name__ in _CONNECTION_ERRORS else None
    if state in CLASHES or state in (LOCK_TIMEOUT, "57014"):
        return Outage.BUSY
    if state.startswith(_GONE):
        return Outage.GONE
    return Outage.FULL if state.startswith(_FULL) else None


_CONNECTION_ERRORS = {"OperationalError", "ConnectionTimeout", "InterfaceError"}


def _of_sqlite(error: sqlite3.Error) -> Outage | None:
    code = _sqlite_code(error)
    if code in _SQLITE_BUSY:
        return Outage.BUSY
    if code in _SQLITE_FULL:
        return Outage.FULL
    return Outage.GONE if code in _SQLITE_GONE else None


def _sqlite_code(error: sqlite3.Error) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # without the extension of the code
