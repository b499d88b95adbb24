"""What the two HTML faces share: filters, forms, refusals as pages. No routes."""

from functools import cache
from typing import Any

from flask import Flask, g

from portal.billing.payments.queries import queue_length
from portal.foundation.access import Permission
from portal.foundation.tenancy import across_accounts
from portal.html import confirmation, filters, unsent


def register(app: Flask) -> None:
    """Add filters and template variables to the app."""
    filters.register(app)
    confirmation.register(app)
    unsent.register(app)
    app.context_processor(_context)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def _context() -> dict[str, Any]:
    """What every template may use. ``queue_count`` is a function: error pages do not ask the database."""
    return {
        "actor": g.get("actor"),
        "account": g.get("account"),
        "request_id": g.get("request_id", ""),
        "queue_count": cache(_queue_count),
        "Permission": Permission,
    }


def _queue_count() -> int:
    with across_accounts():
        return queue_length()
