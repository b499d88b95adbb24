"""What a database holds, all of it: for tests that say that nothing changed, or that something stands nowhere."""

from typing import Any

from flask import Flask
from sqlalchemy import text

from portal.foundation.db import Base
from portal.foundation.tenancy import across_accounts
from tests.engines import engine_of_the_owner

# A look at a page is noted here.
_USED = {"last_used_at", "last_used_address", "last_seen_at"}
# That somebody was refused is noted here.
_NOTED = {"audit_entries", "audit_chains", "attempt_limits"}


def contents(app: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """All rows by table, past the session and its scopes, but for when and from where something was last used."""
    with engine_of_the_owner(app).connect() as connection, across_accounts():
        found = {}
        for table in Base.metadata.sorted_tables:
            columns = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in _USED)
            rows = connection.execute(text(f"SELECT {columns} FROM {table.name}"))
            found[table.name] = sorted((tuple(row) for row in rows), key=str)
        return found


def state(app: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """The contents but for the notes on what was refused."""
    return {table: rows for table, rows in contents(app).items() if table not in _NOTED}
