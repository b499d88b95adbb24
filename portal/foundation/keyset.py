"""Keyset pages: a page starts behind a row, not at a number. The cost is the same at any depth, and rows that are added
meanwhile shift nothing. A cursor is opaque to its holder: a direction and the id of the row that it starts from."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Row, Select
from sqlalchemy.orm import InstrumentedAttribute

from portal.foundation.db import session
from portal.foundation.refusals import Invalid

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
RowT = TypeVar("RowT")
_FORWARD, _BACKWARD = b"n", b"p"
CURSOR = re.compile("^(b[g-v]|c[A-P])[A-Za-z0-9_-]{20}[AEIMQUYcgkosw048]$")
"""What cursors look like: a direction and 16 bytes, as URL-safe Base64 without its padding."""


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Some rows of a list in its order, and the cursors of the pages beside it (None at an end)."""

    rows: Sequence[RowT]
    next: str | None
    previous: str | None
    page_size: int


def paginate(
    statement: Select[*tuple[Any, ...]],
    key: InstrumentedAttribute[UUID],
    *,
    cursor: str | None = None,
    page_size: int = PAGE_SIZE,
    newest_first: bool = True,
) -> Page[Row[*tuple[Any, ...]]]:
    """One page of the statement's rows in the order of ``key``, which must be among its columns by its own name.

    Raises Invalid for a cursor that this portal has not written, or a page size outside 1–100.
    """
    if not 1 <= page_size <= MAX_PAGE_SIZE:
        raise Invalid("invalid_page_size", f"page_size must be from 1 to {MAX_PAGE_SIZE}.", field="page_size")
    direction, start = _read_cursor(cursor) if cursor else (_FORWARD, None)
    backward = direction == _BACKWARD
    descending = newest_first != backward
    if start is not None:
        statement = statement.where(key < start if descending else key > start)
    statement = statement.order_by(None).order_by(key.desc() if descending else key.asc()).limit(page_size + 1)
    rows = list(session.execute(statement).all())
    more = len(rows) > page_size
    rows = rows[:page_size]
    if backward:
        rows.reverse()
    has_next, has_previous = (bool(rows), more) if backward else (more, start is not None and bool(rows))
    first, last = (getattr(rows[0], key.key), getattr(rows[-1], key.key)) if rows else (None, None)
    return Page(
        rows,
        next=_write_cursor(_FORWARD, last) if has_next and last else None,
        previous=_write_cursor(_BACKWARD, first) if has_previous and first else None,
        page_size=page_size,
    )


def _write_cursor(direction: bytes, start: UUID) -> str:
    return urlsafe_b64encode(direction + start.bytes).rstrip(b"=").decode("ascii")


def _read_cursor(cursor: str) -> tuple[bytes, UUID]:
    if not CURSOR.fullmatch(cursor):
        message = "This cursor was not written by the portal. Follow the links of a page instead of making one."
        raise Invalid("invalid_cursor", message, field="cursor")
    raw = urlsafe_b64decode(f"{cursor}=")
    return raw[:1], UUID(bytes=raw[1:])
