"""What a statement touches, so that two orders which cannot differ are tried once.

Two neighbouring statements of different transactions may change places unless one of them writes, locks or commits
rows that the other writes, locks or (for a commit) reads. Where that is not certain, they count as touching.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Table, UniqueConstraint

from portal.foundation.db import Base

Keys = frozenset[object]
ALL: Keys = frozenset({"*"})


@dataclass
class Footprint:
    """By table: which rows are written or locked, which are only kept from vanishing, and which tables are read."""

    writes: dict[str, Keys] = field(default_factory=dict)
    shares: dict[str, Keys] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    ends: bool = False
    """A commit or rollback: what its transaction wrote can be seen from then on, and its locks are gone."""

    def add(self, other: "Footprint") -> None:
        """Count in another statement of the same transaction."""
        for mine, theirs in ((self.writes, other.writes), (self.shares, other.shares)):
            for table, keys in theirs.items():
                mine[table] = mine.get(table, frozenset()) | keys

    def meets(self, other: "Footprint") -> bool:
        """Whether the order of the two can matter."""
        return (
            _overlap(self.writes, other.writes)
            or _overlap(self.writes, other.shares)
            or _overlap(self.shares, other.writes)
            or (self.ends and bool(other.reads & self.writes.keys()))
            or (other.ends and bool(self.reads & other.writes.keys()))
        )


def footprint(sql: str, parameters: Mapping[str, Any] | Iterable[object]) -> Footprint:
    """What the statement touches."""
    rows = [
        row for row in ([parameters] if isinstance(parameters, Mapping) else parameters) if isinstance(row, Mapping)
    ]
    named = frozenset(name for name in Base.metadata.tables if re.search(rf"\b{name}\b", sql))
    change = re.match(r"\s*(INSERT INTO|UPDATE|DELETE FROM) (\w+)", sql)
    if change:
        table = Base.metadata.tables.get(change[2])
        if table is None:
            return Footprint({change[2]: ALL}, {}, named)
        if change[1] == "INSERT INTO":
            return Footprint({table.name: _inserted(table, rows)}, _parents(table, rows), named - {table.name})
        keys = ALL if _has_moving_keys(table) else _named(table.name, sql, rows)
        return Footprint({table.name: keys}, {}, named - {table.name})
    lock = re.search(r"FOR (?:NO KEY )?(?:UPDATE|SHARE)(?: OF (\w+))?", sql)
    if lock:
        locked = [lock[1]] if lock[1] else named
        return Footprint({name: _named(name, sql, rows) for name in locked}, {}, named)
    return Footprint({}, {}, named)


def _overlap(one: dict[str, Keys], other: dict[str, Keys]) -> bool:
    return any(
        keys & other[table] or "*" in keys or "*" in other[table] for table, keys in one.items() if table in other
    )


def _named(name: str, sql: str, rows: list[Mapping[str, Any]]) -> Keys:
    """The rows that the statement can reach: those of its ids where it asks for the row of an id, else all."""
    table = Base.metadata.tables.get(name)
    keys = [column.name for column in table.primary_key] if table is not None else []
    by_id = len(keys) == 1 and re.search(rf"WHERE {name}\.{keys[0]} (= |IN )", sql)
    return (_ids(rows) if by_id else ALL) or ALL


def _ids(rows: list[Mapping[str, Any]]) -> Keys:
    return frozenset(value for row in rows for value in row.values() if isinstance(value, UUID))


def _unique_columns(table: Table) -> set[str]:
    """The first column of each unique key but of those over the row's own random id."""
    keys = [list(key.columns) for key in table.constraints if isinstance(key, UniqueConstraint)]
    keys += [list(index.columns) for index in table.indexes if index.unique]
    keys += [list(table.primary_key.columns)]
    return {columns[0].name for columns in keys if not any(column.name == "id" for column in columns)}


def _inserted(table: Table, rows: list[Mapping[str, Any]]) -> Keys:
    columns = _unique_columns(table)
    values = [(name, value) for row in rows for key, value in row.items() for name in columns if _of(key, name)]
    named = frozenset(value for _, value in values if isinstance(value, UUID))  # by which others lock the row
    return named | frozenset(values) if values or not columns else ALL


def _parents(table: Table, rows: list[Mapping[str, Any]]) -> dict[str, Keys]:
    shares: dict[str, Keys] = {}
    for key in table.foreign_keys:
        values = frozenset(
            value
            for row in rows
            for name, value in row.items()
            if _of(name, key.parent.name) and isinstance(value, UUID)
        )
        shares[key.column.table.name] = shares.get(key.column.table.name, frozenset()) | values
    return shares


def _of(parameter: str, column: str) -> bool:
    """Whether the parameter is of the column: SQLAlchemy numbers those of many rows (``id__0``)."""
    return re.sub(r"__\d+$", "", parameter) == column


def _has_moving_keys(table: Table) -> bool:
    """Whether an update can run into a unique key: one that holds for some rows only."""
    return any(index.unique and index.dialect_options["postgresql"]["where"] is not None for index in table.indexes)
