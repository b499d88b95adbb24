"""Face 1: pages for customers."""

from flask import Flask

from portal.web.blueprint import web


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(web)
