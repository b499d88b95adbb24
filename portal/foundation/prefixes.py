"""What begins with a text, as a range of bytes that an index serves, whatever language the database sorts by.

On PostgreSQL the index is one with ``text_pattern_ops``, which serves equality too.
"""

from typing import Any

from sqlalchemy import ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

_LAST = "\U0010ffff"


class _InBytes(FunctionElement[Any]):
    """Whether the first is not before the second, and before the third.

    Of no type: a Boolean would be compared with 1 on SQLite, which no index serves.
    """

    type = NullType()
    inherit_cache = True


@compiles(_InBytes)
def _binary(element: _InBytes, compiler: SQLCompiler, **options: Any) -> str:
    column, least, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} >= {least} AND {column} < {end})"


@compiles(_InBytes, "postgresql")
def _by_pattern_operators(element: _InBytes, compiler: SQLCompiler, **options: Any) -> str:
    column, least, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"({column} ~>=~ {least} AND {column} ~<~ {end})"


def begins_with(column: InstrumentedAttribute[Any], text: str) -> ColumnElement[bool]:
    """Whether the column begins with the text, to the letter."""
    return _InBytes(column, literal(text), literal(text + _LAST))
