"""Face 3: pages for staff."""

from flask import Flask

from portal.admin import (
    accounts,
    approvals,
    audit,
    dashboard,
    documents,
    invitations,
    invoices,
    methods,
    payments,
    search,
    users,
)
from portal.admin.blueprint import admin

__all__ = [
    "accounts", "approvals", "audit", "dashboard", "documents", "invitations", "invoices", "methods", "payments",
    "register", "search", "users",
]  # fmt: skip


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(admin)
