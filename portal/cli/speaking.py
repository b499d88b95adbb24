"""How commands speak: one clear sentence when something is refused, never a trace."""

import re
import sqlite3
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from flask.cli import with_appcontext
from sqlalchemy import URL
from sqlalchemy.exc import DatabaseError

from portal.foundation.actor import Actor
from portal.foundation.db import db
from portal.foundation.outages import sqlstate
from portal.foundation.refusals import Refusal
from portal.foundation.row_security import Login, by_login
from portal.foundation.tenancy import across_accounts

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
INSUFFICIENT_PRIVILEGE = "42501"
_UNDEFINED_TABLE, _READ_ONLY, _DISK_FULL = "42P01", "25006", "53100"
# What fails at connecting has words from the server and no state.
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist')
_DAMAGED = "The database's file is damaged: restore the last copy, as docs/operations.md says."
_CAN_ONLY_BE_READ = "The database can only be read"
_OF_SQLITE = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_FULL: "The disk is full.",
    sqlite3.SQLITE_READONLY: f"{_CAN_ONLY_BE_READ}: look at the owner and the mode of its file and folder.",
    sqlite3.SQLITE_CANTOPEN: "The database's file cannot be opened: look at the owner and the mode of its folder.",
}
OPERATOR = Actor.system("command line")
"""Whoever may run commands on this machine."""


def speaking(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Run the command in the app's context, over all accounts, and turn refusals into sentences (exit status 1)."""

    @wraps(command)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            with across_accounts(), by_login(Login.WORKER):
                return command(*args, **kwargs)
        except Refusal as refusal:
            several = " ".join(error.message for error in refusal.errors)
            raise click.ClickException(several or refusal.message) from refusal
        except DatabaseError as error:
            raise click.ClickException(_told(error)) from error

    wrapped: Callable[Parameters, Result] = with_appcontext(run)
    return wrapped


def told_of_sqlite(error: sqlite3.Error) -> str:
    """What the failure of SQLite means, and what helps."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extension of the code
    return _OF_SQLITE.get(code, f"The database did not answer: {error}")


def shown(url: URL) -> str:
    """The database's address without its password; of SQLite, the file."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    plain = url.set(drivername="postgresql")
    return plain.difference_update_query(["password", "sslpassword"]).render_as_string()


def _told(error: DatabaseError) -> str:
    words, state = " ".join(str(error.orig).split()), sqlstate(error)
    if state == _UNDEFINED_TABLE or words.startswith("no such table"):
        where = shown(db.engines.get(Login.WORKER, db.engine).url)
        return f"The database {where} has no tables yet. Run: flask --app wsgi db upgrade"
    if isinstance(error.orig, sqlite3.Error):
        return told_of_sqlite(error.orig)
    if _NO_DATABASE.search(words):
        return f"There is no database of this name ({words}). Make it: createdb NAME"
    if state == INSUFFICIENT_PRIVILEGE:
        return (
            f"This login may not do that ({words}). Commands come by DATABASE_WORKER_URL, and tables are changed by "
            "DATABASE_OWNER_URL. After a restore, db upgrade gives the logins their rights."
        )
    if state in (_READ_ONLY, _DISK_FULL):
        return f"{'The disk is full' if state == _DISK_FULL else _CAN_ONLY_BE_READ}: {words}"
    return f"The database did not answer: {words}"
