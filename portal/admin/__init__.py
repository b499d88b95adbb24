"""Face 3: pages for staff."""

from flask import Flask

from portal.admin import accounts, approvals, audit, documents, invitations, invoices, methods, payments, users
from portal.admin.blueprint import admin

__all__ = [
    "accounts", "approvals", "audit", "documents", "invitations", "invoices", "methods", "payments", "register",
    "users",
]  # fmt: skip


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(admin)
