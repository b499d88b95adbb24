"""What machines ask about the portal: whether it lives, whether it is ready, and its figures."""

import hmac

from flask import Blueprint, Flask, Response, current_app, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portal.foundation.access import public
from portal.foundation.db import db
from portal.foundation.refusals import NotFound
from portal.foundation.releases import Tables, tables_of
from portal.foundation.row_security import Login
from portal.http import metrics
from portal.http.hosts import comes_from_this_machine

NAME = "probes"
probes = Blueprint(NAME, __name__)


def register(app: Flask) -> None:
    """Add the routes to the app."""
    app.register_blueprint(probes)


@probes.get("/healthz")
@public
def alive() -> Response:
    """This process lives. Asks nothing else, so that a database that is gone restarts no server."""
    return _said("ok", 200)


@probes.get("/readyz")
@public
def ready() -> Response:
    """The database answers by each login that pages need, and has the tables of this release or of a newer one."""
    login = Login.CUSTOMER
    try:
        with db.engine.connect() as connection:
            tables = tables_of(connection, str(current_app.extensions["migrate"].directory))
        for login in {Login.GATE, Login.STAFF} & set(db.engines):
            with db.engines[login].connect() as connection:
                connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return _said(f"the database does not answer by {login.setting}", 503)
    if tables is Tables.OLDER:
        return _said("the database is not migrated to this release", 503)
    return _said("ok", 200)


@probes.get("/metrics")
@public
def figures() -> Response:
    """For whoever shows the settings' token, and outside of production for this machine. Others find nothing.

    In production a request of this machine may be anybody's, by a proxy that says nothing of where it came from.
    """
    if not (_is_local() or _shows_token()):
        raise NotFound()
    return Response(metrics.scrape(), content_type=metrics.CONTENT_TYPE)


def _is_local() -> bool:
    return current_app.config["ENVIRONMENT"] != "production" and comes_from_this_machine()


def _shows_token() -> bool:
    token: str = current_app.config["METRICS_TOKEN"]
    shown = request.headers.get("Authorization", "")
    return bool(token) and hmac.compare_digest(shown.encode(), f"Bearer {token}".encode())


def _said(words: str, status: int) -> Response:
    return Response(f"{words}\n", status, content_type="text/plain; charset=utf-8")
