"""What a test left behind, verified: whatever was written must follow from its events and ledgers."""

from flask import Flask
from sqlalchemy import exists, inspect, select

from portal.billing.verification.service import Verification
from portal.foundation.db import Base, db, session
from portal.foundation.tenancy import across_accounts

_WRITTEN = ("audit_entries", "invoices", "payments", "credit_transactions")


def findings_of(app: Flask) -> list[str]:
    """What ``verify`` finds in the app's database; nothing at once where nothing was written."""
    with app.app_context(), across_accounts():
        if not inspect(db.engine).has_table("audit_entries") or not _is_written():
            return []
        return [str(finding) for finding in Verification().findings()]


def _is_written() -> bool:
    tables = (Base.metadata.tables[name] for name in _WRITTEN)
    return any(session.execute(select(*(exists().select_from(table) for table in tables))).one())
