"""The one place where time comes from, and how programs read it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime

_told: ContextVar[datetime | None] = ContextVar("told_time", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _told.get() or datetime.now(UTC)


def today() -> date:
    """The present date in UTC. A due date counts by it, wherever the reader sits."""
    return now().date()


def rfc3339(moment: datetime) -> str:
    """The moment as programs read it (RFC 3339): in UTC, with microseconds."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"


@contextmanager
def set_to(moment: datetime) -> Iterator[None]:
    """Tell the time: everything in the block happens at this moment. For demo data and tests."""
    token = _told.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _told.reset(token)
