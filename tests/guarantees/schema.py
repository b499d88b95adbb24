"""The guarantees that a database holds, and how to take one away."""

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import (
    CheckConstraint,
    Connection,
    Engine,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)

from portal.foundation.db import Base

_TRIGGERS = {
    "sqlite": "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname, relname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal",
}
_KINDS = {CheckConstraint: "check", UniqueConstraint: "unique", ForeignKeyConstraint: "foreignkey"}
Guarantee = CheckConstraint | UniqueConstraint | ForeignKeyConstraint | Index


def declared() -> dict[str, Guarantee]:
    """The constraints and indexes of all tables, by name. Primary keys are not among them."""
    return {
        str(found.name): found
        for table in Base.metadata.tables.values()
        for found in (*table.constraints, *table.indexes)
        if isinstance(found, (CheckConstraint, UniqueConstraint, ForeignKeyConstraint, Index))
    }


def is_target(name: str) -> bool:
    """Whether it is there only as what foreign keys point at: a primary key with more columns."""
    found = declared().get(name)
    return isinstance(found, UniqueConstraint) and any(
        set(found.columns.keys()) > set(key)
        for key in ([c.name for c in found.table.primary_key.columns], ["invoice_id", "seq"], ["chain", "seq"])
    )


def triggers(connection: Connection) -> dict[str, str]:
    """The triggers of the database, and the table of each."""
    return {row[0]: row[1] for row in connection.execute(text(_TRIGGERS[connection.dialect.name]))}


def drop(engine: Engine, name: str) -> None:
    """Take the guarantee away from the database, as a careless migration would."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")  # type: ignore[union-attr]
        _drop(connection, name)
        connection.commit()
    engine.dispose()


def _drop(connection: Connection, name: str) -> None:
    found = declared().get(name)
    operations = Operations(MigrationContext.configure(connection))
    if found is None:
        suffix = "" if connection.dialect.name == "sqlite" else f" ON {triggers(connection)[name]}"
        connection.execute(text(f"DROP TRIGGER {name}{suffix}"))
    elif isinstance(found, Index):
        operations.drop_index(name, found.table.name)  # type: ignore[union-attr]
    elif connection.dialect.name == "postgresql":
        operations.drop_constraint(name, found.table.name, type_=_KINDS[type(found)])
    else:
        _rebuild_without(connection, operations, name, found)


def _rebuild_without(connection: Connection, operations: Operations, name: str, found: Guarantee) -> None:
    """SQLite rebuilds the table. Triggers would be lost, or name it while it is away: they come back afterwards."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    kept = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
    for trigger, _ in kept:
        raw.execute(f"DROP TRIGGER {trigger}")
    # Of a constraint that came with its column SQLAlchemy does not read the name: it is as the convention has it.
    named = {"fk": str(Base.metadata.naming_convention["fk"])}
    with operations.batch_alter_table(found.table.name, naming_convention=named) as batch:  # type: ignore[union-attr]
        batch.drop_constraint(name, type_=_KINDS[type(found)])
    for _, statement in kept:
        raw.execute(statement)
