"""Times between two moments: counted by the database, and in words."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Double
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


def age(value: timedelta) -> str:
    """How long ago, in the largest whole unit: ``3 h``."""
    minutes = max(int(value.total_seconds()) // 60, 0)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes >= size:
            return f"{minutes // size}\u00a0{unit}"
    return f"{minutes}\u00a0min"


class seconds_between(GenericFunction[float]):  # noqa: N801  (it reads as the function that it is)
    """Seconds from the first moment to the second. SQLite's are exact to about a millisecond."""

    type = Double()
    inherit_cache = True

    def __init__(self, begin: Any, end: Any) -> None:
        super().__init__(begin, end, type_=Double())


@compiles(seconds_between, "postgresql")
def _on_postgresql(element: seconds_between, compiler: Any, **options: Any) -> str:
    begin, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"extract(epoch FROM {end} - {begin})::double precision"


@compiles(seconds_between, "sqlite")
def _on_sqlite(element: seconds_between, compiler: Any, **options: Any) -> str:
    begin, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((julianday({end}) - julianday({begin})) * 86400.0)"
