"""What all tables say, without what differs each time that the same is done: new ids, moments, and secrets."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table

from portal.foundation.db import Base

RANDOM = {
    "code_hash", "device_hash", "hint", "offered_secret", "password_hash", "payment_reference", "sealed",
    "sealed_previous", "sealed_secret", "secret_hash", "stands_for", "token_hash",
}  # fmt: skip
"""Columns, and words in JSON, for what is drawn anew or depends on it. Told as known or not."""
NOT_TOLD = {
    "audit_entries": {"actor_role", "seq", "previous_seq", "previous_hash", "hash"},
    "audit_chains": {"hash"},
    "recovery_codes": {"selector"},
    "second_factors": {"last_step"},
}
"""Columns that say which of two came first to a chain, where that may be either; what somebody was when they came; what
time it was; or two letters drawn by chance, which may be known."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*")


class Teller:
    """Knows all values that were there in the beginning, and tells those as they are."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._columns = {table.name: list(_told(table)) for table in Base.metadata.sorted_tables}
        self._known: set[str] = set()
        self._labels: dict[str, str] = {}
        rows = self._rows()
        self._known = {str(value) for found in rows.values() for row in found for value in _leaves(row)}

    def tell(self) -> dict[str, list[str]]:
        """The rows of each table, in an order of their own."""
        rows = self._rows()
        self._labels = {str(row[0]): f"new of {table}" for table, found in rows.items() for row in found}
        return {
            table: sorted(
                repr([self._plain(*pair) for pair in zip(self._columns[table], row, strict=True)]) for row in found
            )
            for table, found in rows.items()
        }

    def _rows(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            table: self._connection.execute(f"SELECT {', '.join(columns)} FROM {table}".encode()).fetchall()
            for table, columns in self._columns.items()
        }

    def _plain(self, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._plain(key, inner) for key, inner in sorted(value.items())}
        if isinstance(value, list):
            return [self._plain(name, inner) for inner in value]
        if name == "body":
            return self._plain("", json.loads(value))
        if value is None or str(value) in self._known:
            return value
        if name in RANDOM or isinstance(value, bytes):
            return "random"
        text = str(value)
        if isinstance(value, UUID) or _ID.fullmatch(text):
            return self._labels.get(text, "new")
        return "a moment" if isinstance(value, datetime) or _MOMENT.fullmatch(text) else value


def _told(table: Table) -> Iterator[str]:
    """The primary key comes first."""
    left_out = NOT_TOLD.get(table.name, set())
    names = [*(column.name for column in table.primary_key), *(column.name for column in table.columns)]
    return (name for name in dict.fromkeys(names) if name not in left_out)


def _leaves(value: Any) -> Iterator[Any]:
    """The single values in rows and in the JSON that they hold."""
    if isinstance(value, dict):
        yield from _leaves(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value
