"""Row-level security: PostgreSQL is told whose rows each statement may see, and which login it comes by.

The policies (``docs/decisions/0012``) compare each row with the setting ``app.account_id``: an account's id, ``*`` for
all of them, or nothing. Who may say ``*`` is a privilege of the login, so that the customers' login cannot.
An app with one login only (``DATABASE_URL`` alone) sends everything by that. SQLite knows neither settings nor logins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask_sqlalchemy.session import Session
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import SessionTransaction

from portal.foundation.tenancy import EVERY_ACCOUNT, account_scope, across_accounts, current_scope

WRITING = "portal_writing"
"""Marks the session and the connection of a unit of writing."""
_UNITS_LOGIN, _BEGUN, _TOLD = "portal_units_login", "portal_begun", "portal_scope_told"


class Login(StrEnum):
    """As whom the app comes to the database."""

    GATE = "gate"
    """Before anybody is known: users and tokens, and no row of an account."""
    CUSTOMER = "customer"
    """One account's rows."""
    STAFF = "staff"
    WORKER = "worker"
    """The command line and what runs in the background."""
    OWNER = "owner"
    """Migrations: owns the tables, and is bound by the policies all the same."""

    @property
    def setting(self) -> str:
        """The environment variable with its address. Without it, it comes by the customers'."""
        return "DATABASE_URL" if self is Login.CUSTOMER else f"DATABASE_{self.name}_URL"

    @property
    def group(self) -> str:
        """PostgreSQL's group that holds the rights of such logins. The owner has none."""
        return f"portal_{self}"


_WIDE = frozenset({Login.STAFF, Login.WORKER, Login.OWNER})
_chosen: ContextVar[Login | None] = ContextVar("login", default=None)


@contextmanager
def by_login(login: Login) -> Iterator[None]:
    """Come to the database by this login, whatever the scope."""
    token = _chosen.set(login)
    try:
        yield
    finally:
        _chosen.reset(token)


@contextmanager
def as_user_of(account_id: UUID | None) -> Iterator[None]:
    """The scope and login that requests of the account's users have, or of staff, who have none. For those who are not
    signed in yet, and for what goes on when a request is over.
    """
    if account_id is not None:
        with account_scope(account_id):
            yield
        return
    with by_login(Login.STAFF), across_accounts():
        yield


def current_login() -> Login:
    """The chosen login, or the least mighty that serves the scope."""
    scope = current_scope()
    narrowest = Login.GATE if scope is None else Login.STAFF if scope is EVERY_ACCOUNT else Login.CUSTOMER
    return _chosen.get() or narrowest


class RoutedSession(Session):
    """A session that takes its connection from the engine of the current login.

    A unit of writing keeps the login that it began with: two connections could not commit as one. A narrower scope
    inside it is told to its connection; a wider one than its login may see raises.
    """

    def get_bind(
        self, mapper: Any = None, clause: Any = None, bind: Engine | Connection | None = None, **options: Any
    ) -> Engine | Connection:
        if bind is not None:
            return bind
        engines = self._db.engines
        wanted = engines.get(current_login(), engines[None])
        begun: Login | None = self.info.get(_UNITS_LOGIN)
        if begun is None:
            return wanted
        held = engines.get(begun, engines[None])
        if held is not wanted and begun not in _WIDE:
            raise RuntimeError(f"a unit of the {begun} login cannot go on as {current_login()}: enter the scope first")
        return held

    def end_reading(self) -> None:
        """Give back the connections of what was only read, and keep what was loaded: a rollback would forget it.

        What is sent is ROLLBACK all the same, and nothing after it: a COMMIT whose answer is lost means more than this.
        """
        for connection in self.info.get(_BEGUN, ()):
            connection.exec_driver_sql("ROLLBACK")
        self.commit()


@event.listens_for(RoutedSession, "after_begin")
def _remember_the_login(current: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    current.info.setdefault(_BEGUN, []).append(connection)
    if connection.get_execution_options().get(WRITING):
        current.info.setdefault(_UNITS_LOGIN, current_login())


@event.listens_for(RoutedSession, "after_transaction_end")
def _forget_the_login(current: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        current.info.pop(_UNITS_LOGIN, None)
        current.info.pop(_BEGUN, None)


@event.listens_for(Engine, "begin")
def _nothing_told(connection: Connection) -> None:
    connection.info.pop(_TOLD, None)


@event.listens_for(Engine, "before_cursor_execute")
def _tell_the_scope(connection: Connection, _cursor: object, statement: str, *_values: object) -> None:
    """Tell the scope before the first statement of a transaction, and again where it changed since.

    The setting ends with the transaction, so that a connection carries it to nobody else, be it through a pool of ours
    or PgBouncer's. It is told even when it is empty: what an earlier user of the connection left must not count.
    """
    if connection.dialect.name != "postgresql":
        return
    if statement.startswith("ROLLBACK"):  # also to a savepoint
        connection.info.pop(_TOLD, None)  # the setting goes back as well; before that the server may take nothing else
        return
    scope = current_scope()
    told = "" if scope is None else "*" if scope is EVERY_ACCOUNT else str(scope)
    if connection.info.get(_TOLD) == told:
        return
    connection.info[_TOLD] = told  # before the statement, which comes through here too
    try:
        connection.exec_driver_sql("SELECT set_config('app.account_id', %s, true)", (told,))
    except BaseException:
        if not connection.invalidated:  # else it would connect anew, only to forget
            connection.info.pop(_TOLD, None)
        raise
