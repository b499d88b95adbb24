"""The one place where time comes from."""

from datetime import UTC, date, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The present date in UTC. A due date counts by it, wherever the reader sits."""
    return now().date()
