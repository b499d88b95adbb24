"""What a statement touches, so that two orders which cannot differ are tried once.

Two neighbouring statements of different transactions may change places unless they lock the same row in ways that do
not go together, or one is the end of a transaction that wrote what the other reads or waits for. What may be read under
READ COMMITTED, and which locks go together, is as PostgreSQL's documentation has it (13.2.1 and 13.3.2). Where a row
is not certain, all of its table count.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Table, UniqueConstraint

from portal.foundation.db import Base

Keys = frozenset[object]
ALL: Keys = frozenset({"*"})
Rows = dict[str, Keys]
"""Rows by their table: by their ids or what else names them, or ``ALL``."""


@dataclass
class Footprint:
    """The rows that a statement, or at its end a transaction, touches."""

    writes: Rows = field(default_factory=dict)
    """Made, changed or locked."""
    takes: Rows = field(default_factory=dict)
    """Those of them that nobody may refer to meanwhile: deleted, changed in what names them, or locked FOR UPDATE."""
    refers: Rows = field(default_factory=dict)
    """Kept from vanishing, since a row that was written refers to them, and read for that."""
    reads: Rows = field(default_factory=dict)
    ends: bool = False
    """A commit or rollback: what its transaction wrote can be seen from then on, and its locks are gone."""

    def hold(self, other: "Footprint") -> None:
        """Count in the locks of another statement of the same transaction."""
        for mine, theirs in (
            (self.writes, other.writes),
            (self.takes, other.takes),
            (self.refers, other.refers),
        ):
            _add(mine, theirs)

    def meets(self, other: "Footprint") -> bool:
        """Whether the order of the two can matter. That of two ends cannot: neither waits for what the other holds."""
        if self.ends and other.ends:
            return False
        return (
            _overlap(self.writes, other.writes)
            or _overlap(self.takes, other.refers)
            or _overlap(self.refers, other.takes)
            or (self.ends and (_overlap(self.writes, other.reads) or _overlap(self.writes, other.refers)))
            or (other.ends and (_overlap(self.reads, other.writes) or _overlap(self.refers, other.writes)))
        )


class Footprints:
    """Of the statements to one database, whose rules read other tables too."""

    def __init__(self, connection: psycopg.Connection) -> None:
        triggers = connection.execute(
            "SELECT tgrelid::regclass::text, prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid"
            " WHERE NOT tgisinternal"
        ).fetchall()
        policies = connection.execute(
            "SELECT tablename, concat(qual, ' ', with_check) FROM pg_policies WHERE schemaname = current_schema()"
        ).fetchall()
        self._by_writing = _tables_by_table(triggers)
        self._by_naming = _tables_by_table(policies)

    def of(self, sql: str, parameters: Mapping[str, Any] | Iterable[object]) -> Footprint:
        """What the statement touches."""
        rows = [
            row for row in ([parameters] if isinstance(parameters, Mapping) else parameters) if isinstance(row, Mapping)
        ]
        named = {name: _named(name, sql, rows) for name in _names(sql)}
        reads = named | {read: ALL for name in named for read in self._by_naming.get(name, ())}
        change = re.match(r"\s*(INSERT INTO|UPDATE|DELETE FROM) (\w+)", sql)
        if change:
            reads |= dict.fromkeys(self._by_writing.get(change[2], ()), ALL)
            return _changing(change[1], change[2], sql, rows, named, reads)
        lock = re.search(r"FOR (NO KEY UPDATE|UPDATE|KEY SHARE|SHARE)(?: OF (\w+))?", sql)
        if not lock:
            return Footprint(reads=reads)
        locked = {name: keys for name, keys in named.items() if lock[2] in (None, name)}
        if lock[1] == "KEY SHARE":
            return Footprint(refers=locked, reads=reads)
        return Footprint(locked, locked if lock[1] == "UPDATE" else {}, {}, reads)


@lru_cache
def _names(sql: str) -> frozenset[str]:
    return frozenset(name for name in Base.metadata.tables if re.search(rf"\b{name}\b", sql))


def _tables_by_table(sources: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for table, source in sources:
        found.setdefault(table, set()).update(_names(source))
    return found


def _changing(verb: str, name: str, sql: str, rows: list[Mapping[str, Any]], named: Rows, reads: Rows) -> Footprint:
    table = Base.metadata.tables.get(name)
    if table is None:
        return Footprint({name: ALL}, {name: ALL}, {}, reads)
    if verb == "INSERT INTO":
        return Footprint({name: _inserted(table, rows)}, {}, _parents(table, rows), reads)
    columns, keys = _set(sql), named[name]
    takes = {name: keys} if verb == "DELETE FROM" or columns & _columns(_keys_of(table)) else {}
    writes = {name: ALL if columns & _columns(_partial_keys_of(table)) else keys}
    return Footprint(writes, takes, _parents(table, rows), reads)


def _add(mine: Rows, theirs: Rows) -> None:
    for table, keys in theirs.items():
        mine[table] = mine.get(table, frozenset()) | keys


def _overlap(one: Rows, other: Rows) -> bool:
    return any(
        keys & other[table] or "*" in keys or "*" in other[table] for table, keys in one.items() if table in other
    )


def _named(name: str, sql: str, rows: list[Mapping[str, Any]]) -> Keys:
    """The rows that the statement can reach: those of its ids where it asks for the row of an id alone, else all."""
    keys = [column.name for column in Base.metadata.tables[name].primary_key]
    is_by_id = len(keys) == 1 and re.search(rf"WHERE {name}\.{keys[0]} (= |IN )", sql)
    is_there_once = len(re.findall(rf"(?:FROM|JOIN|UPDATE|,)\s+{name}\b(?!\.)", sql)) == 1
    return (_ids(rows) if is_by_id and is_there_once and not _has_alternatives(sql) else ALL) or ALL


def _has_alternatives(sql: str) -> bool:
    """Whether an OR stands outside all parentheses."""
    while (inner := re.sub(r"\([^()]*\)", "", sql)) != sql:
        sql = inner
    return " OR " in sql or " UNION " in sql


def _ids(rows: list[Mapping[str, Any]]) -> Keys:
    return frozenset(value for row in rows for value in row.values() if isinstance(value, UUID))


def _set(sql: str) -> set[str]:
    """The columns that an UPDATE sets; none of other statements."""
    clause = re.search(r"\bSET (.*?)(?:\bWHERE\b|\bFROM\b|\bRETURNING\b|$)", sql, re.DOTALL)
    return set(re.findall(r"(\w+)\s*=", clause[1])) if clause else set()


def _keys_of(table: Table) -> list[list[str]]:
    """The columns of each unique key that holds for all rows."""
    keys = [list(key.columns) for key in table.constraints if isinstance(key, UniqueConstraint)]
    keys += [list(index.columns) for index in table.indexes if index.unique and _condition(index) is None]
    return [[column.name for column in columns] for columns in [list(table.primary_key), *keys]]


def _partial_keys_of(table: Table) -> list[list[str]]:
    """The columns of each unique key that holds for some rows only, those of its condition beside them."""
    partial = [index for index in table.indexes if index.unique and _condition(index) is not None]
    return [
        [column.name for column in index.columns]
        + [column.name for column in table.columns if re.search(rf"\b{column.name}\b", str(_condition(index)))]
        for index in partial
    ]


def _condition(index: Any) -> Any:
    return index.dialect_options["postgresql"]["where"]


def _columns(keys: list[list[str]]) -> set[str]:
    return {name for key in keys for name in key}


def _inserted(table: Table, rows: list[Mapping[str, Any]]) -> Keys:
    """By the first column of each unique key but of those over the row's own random id."""
    columns = {key[0] for key in [*_keys_of(table), *_partial_keys_of(table)] if "id" not in key}
    values = [(name, value) for row in rows for key, value in row.items() for name in columns if _of(key, name)]
    named = frozenset(value for _, value in values if isinstance(value, UUID))  # by which others lock the row
    return named | frozenset(values) if values or not columns else ALL


def _parents(table: Table, rows: list[Mapping[str, Any]]) -> Rows:
    """The rows that the written ones refer to."""
    parents: Rows = {}
    for key in table.foreign_keys:
        values = frozenset(
            value
            for row in rows
            for name, value in row.items()
            if _of(name, key.parent.name) and isinstance(value, UUID)
        )
        _add(parents, {key.column.table.name: values})
    return parents


def _of(parameter: str, column: str) -> bool:
    """Whether the parameter is of the column: SQLAlchemy numbers those of many rows (``id__0``)."""
    return re.sub(r"__\d+$", "", parameter) == column
