"""Face 3: pages for staff."""

from flask import Flask

from portal.admin.blueprint import admin


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(admin)
