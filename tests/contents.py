"""What a database holds, all of it: for tests that say that nothing changed, or that something stands nowhere."""

from typing import Any

from flask import Flask
from sqlalchemy import text

from portal.foundation.db import Base, db


def contents(app: Flask) -> dict[str, list[tuple[Any, ...]]]:
    """All rows by table, past the session and its scopes."""
    with app.app_context(), db.engine.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {table.name}"))), key=str)
            for table in Base.metadata.sorted_tables
        }
