"""What the two HTML faces share: filters, forms, refusals as pages. No routes."""

from flask import Flask


def register(app: Flask) -> None:
    """Add filters and template variables to the app."""
