"""The database: one engine, one session, one way to write."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ColumnElement, Connection, DateTime, Dialect, Engine, MetaData, TypeDecorator, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session
from sqlalchemy.pool import ConnectionPoolEntry

from portal.foundation import connections
from portal.foundation.outages import may_be_committed
from portal.foundation.refusals import NotFound, OutcomeUnknown
from portal.foundation.row_security import WRITING as _WRITING
from portal.foundation.row_security import RoutedSession

_FAILED, _COMMITTED = "portal_failed", "portal_committed"
RowT = TypeVar("RowT")


class Base(DeclarativeBase):
    """What all models share: names of constraints that are the same in every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base, session_options={"class_": RoutedSession, "expire_on_commit": False})
session = db.session

# Flask-SQLAlchemy makes db.Model at run time; the type checker reads the same class before that.
if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, in UTC on the way in and out. SQLite keeps no time zone, and a naive one is a mistake."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@event.listens_for(Engine, "connect")
def _set_up_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:
    """Make SQLite durable and strict. FULL: in power cuts WAL with NORMAL loses acknowledged rows."""
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # BEGIN is ours, below; the driver would defer it
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={connections.SQLITE_BUSY_MS}",
        "foreign_keys=ON",
        "secure_delete=ON",  # else what the purge deletes stays in the file and its copies; FAST leaves most of it
        "recursive_triggers=ON",  # else INSERT OR REPLACE slips past the triggers of append-only tables
    ):
        connection.execute(f"PRAGMA {pragma}")


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    """On SQLite a writing unit takes the write lock at once: one that reads first and writes later loses updates."""
    connections.begin(connection, writing=connection.get_execution_options().get(_WRITING, False))


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of writing: all of the block is committed, or none of it. Inside another unit it joins that one.

    Everything that was read before is forgotten, so that what a decision rests on is read again under the unit's locks.
    Where an error leaves the block, nothing was written, unless it is OutcomeUnknown.
    """
    current = session()
    if current.info.get(_WRITING):
        with _part_of_a_unit(current):
            yield current
        return
    _undo(current)
    current.expire_all()
    with connections.turn_to_write(db.engine):
        current.info.update({_WRITING: True, _FAILED: False})
        try:
            current.connection(execution_options={_WRITING: True})
            yield current
            _commit(current)
            current.info[_COMMITTED] = True
        except BaseException:
            _undo(current)
            raise
        finally:
            current.info[_WRITING] = False


@contextmanager
def unit_of(connection: Connection) -> Iterator[None]:
    """Have the block write in the transaction of this connection, which came by a login that is none of the app's.

    It is committed by whoever began it, after the block.
    """
    session.remove()
    current = Session(connection, info={_WRITING: True, _FAILED: False})
    of_this_request = session.registry
    of_this_request.set(current)  # type: ignore[arg-type]  # it looks for no login of the app's
    try:
        current.connection()
        yield
        current.commit()  # writes what waits for the end of a unit, and leaves the connection's transaction open
    finally:
        session.remove()


def has_committed() -> bool:
    """Whether a unit of this session was committed since ``forget_commits``: what fails now cannot undo it."""
    return bool(session().info.get(_COMMITTED))


def forget_commits() -> None:
    """What was committed up to here is not what is asked for now."""
    session().info.pop(_COMMITTED, None)


@contextmanager
def _part_of_a_unit(current: Session) -> Iterator[None]:
    """What joins a unit ends the whole of it when it fails: its writes and locks are gone, nothing more is written."""
    try:
        yield
    except BaseException:
        current.info[_FAILED] = True
        _undo(current)
        raise


def _commit(current: Session) -> None:
    """Commit, and tell "no" from "nobody knows". The answer to a COMMIT may be lost, and PostgreSQL may warn (01000)
    that what it committed has not reached its standby.
    """
    if current.info[_FAILED]:
        raise RuntimeError("a part of this unit failed: the rest of it cannot be committed")
    current.flush()
    warned = connections.warnings_of(current.connection())
    warned.clear()
    try:
        current.commit()
    except DBAPIError as error:
        if may_be_committed(error):
            raise OutcomeUnknown() from error
        raise
    if warned:
        raise OutcomeUnknown()


def _undo(current: Session) -> None:
    """Roll back. A connection that cannot even do that is thrown away: the server undoes what it had open."""
    try:
        current.rollback()
    except DBAPIError:
        current.invalidate()


def end_reading() -> None:
    """Give back the connections of what was only read. What was loaded stays; a unit of writing goes on."""
    current = session()
    if isinstance(current, RoutedSession) and not current.info.get(_WRITING):
        current.end_reading()


@contextmanager
def snapshot() -> Iterator[Session]:
    """One view of the whole database for those who read much of it: what is committed meanwhile is not in it."""
    current = session()
    current.rollback()
    current.expire_all()
    try:
        if db.engine.dialect.name == "postgresql":
            current.connection(execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
        yield current
    finally:
        current.rollback()


@event.listens_for(Session, "before_flush")
def _write_only_in_a_unit(current: Session, _context: object, _instances: object) -> None:
    """A changed row outside ``transaction()`` is a mistake in the code: nothing would hold its lock."""
    may_write = current.info.get(_WRITING) and not current.info[_FAILED]
    if not may_write and (current.new or current.dirty or current.deleted):
        raise RuntimeError("rows are written inside transaction() only")


def violates(error: IntegrityError, constraint: str) -> bool:
    """Whether the database refused because of the named constraint or unique index (PostgreSQL tells its name).

    SQLite tells columns only; there writers take turns, so that a check before the write cannot be overtaken.
    """
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None) == constraint


def flush_or_refuse(refusals: Mapping[str, Exception]) -> None:
    """Send the pending rows to the database, and raise the refusal of the constraint that stands against them."""
    try:
        session.flush()
    except IntegrityError as error:
        for constraint, refusal in refusals.items():
            if violates(error, constraint):
                raise refusal from error
        raise


def contains(column: InstrumentedAttribute[str], text: str) -> ColumnElement[bool]:
    """Whether the column holds the text somewhere, in any case; ``%`` and ``_`` mean themselves."""
    return column.icontains(text, autoescape=True)


def locked(model: type[RowT], row_id: UUID) -> RowT | None:
    """The row, locked until the unit ends and read afresh, without what it refers to. None where there is none.

    ``FOR NO KEY UPDATE``: new rows that refer to it need not wait. With ``FOR UPDATE`` two units that have each added
    such a row, and lock it then, wait for each other.
    """
    return session.get(model, row_id, with_for_update={"of": model, "key_share": True}, populate_existing=True)


def lock_or_refuse(model: type[RowT], row_id: UUID | None) -> RowT:
    """The row, ``locked``. Raises NotFound where there is none, and without an id."""
    row = locked(model, row_id) if row_id else None
    if row is None:
        raise NotFound()
    return row
