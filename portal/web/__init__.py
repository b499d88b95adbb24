"""Face 1: pages for customers, and what everybody who signs in needs."""

from flask import Flask

from portal.web import (
    dev_mail,
    documents,
    invoices,
    mailed_links,
    overview,
    payments,
    profile,
    progress,
    reports,
    second_factor,
    session,
    tokens,
)
from portal.web.blueprint import web
from portal.web.dev_mail import show_mails
from portal.web.style_guide import style

__all__ = [
    "dev_mail", "documents", "invoices", "mailed_links", "overview", "payments", "profile", "progress", "register",
    "reports", "second_factor", "session", "tokens",
]  # fmt: skip


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(web)
    show_mails(app)
    app.register_blueprint(style)
