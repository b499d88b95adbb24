"""What a test left behind, verified: whatever was written must follow from its events and ledgers.

All databases of a test process are read through one engine for each kind: it keeps the statements that it has compiled,
which would cost more than reading.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from flask import Flask
from sqlalchemy import URL, Engine, create_engine, exists, inspect, make_url, select
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from portal.billing.verification.service import Verification
from portal.foundation.db import Base
from portal.foundation.row_security import Login
from portal.foundation.tenancy import across_accounts
from tests.engines import disconnect

_WRITTEN = ("audit_entries", "invoices", "payments", "credit_transactions")
_current: list[URL] = []


def findings_of(app: Flask) -> list[str]:
    """What ``verify`` finds in the app's database; nothing at once where nothing was written."""
    with viewing(app) as view, across_accounts():
        return [str(finding) for finding in Verification().findings(view)] if _is_written(view) else []


def leave(app: Flask) -> None:
    """How a test ends with an app that it made by itself: what is in its database is verified, connections go back."""
    findings = findings_of(app)
    disconnect(app)
    assert findings == []


@contextmanager
def viewing(app: Flask) -> Iterator[Session]:
    """A view of the app's database past the app, by the login of commands where there are several."""
    by_login = app.config["SQLALCHEMY_BINDS"].get(Login.WORKER)
    _current[:] = [make_url(by_login["url"] if by_login else app.config["SQLALCHEMY_DATABASE_URI"])]
    with Session(_engine(_current[0].drivername)) as view:
        yield view


@cache
def _engine(driver: str) -> Engine:
    return create_engine(f"{driver}://", creator=lambda: _connect(driver), poolclass=NullPool, hide_parameters=True)


def _connect(driver: str) -> Any:
    dialect = _engine(driver).dialect
    positional, named = dialect.create_connect_args(_current[0])
    return dialect.connect(*positional, **named)


def _is_written(view: Session) -> bool:
    if not inspect(view.connection()).has_table("audit_entries"):
        return False
    tables = (Base.metadata.tables[name] for name in _WRITTEN)
    return any(view.execute(select(*(exists().select_from(table) for table in tables))).one())
