"""Face 2: JSON, under ``/api/v1/billing/``."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the routes to the app."""
