"""The application: its parts, put together."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, g, request
from flask_migrate import Migrate
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from portal import admin, api, cli, config, html, web
from portal.api import errors as api_errors
from portal.foundation import logs
from portal.foundation.db import db
from portal.foundation.refusals import Refusal
from portal.foundation.sealing import sealer
from portal.html import errors as html_errors
from portal.http import probes
from portal.http.availability import as_refusal, init_availability
from portal.http.cross_origin import init_cross_origin
from portal.http.gate import check_declarations, init_gate
from portal.http.headers import init_headers
from portal.http.hosts import init_hosts
from portal.http.identity import init_identity, is_api
from portal.http.limits import init_limits
from portal.http.metrics import init_metrics
from portal.http.rates import init_rates
from portal.http.refusals import init_refusals
from portal.http.request_log import init_request_log
from portal.http.static_files import init_static_files
from portal.http.urls import init_urls
from portal.mail.post_office import post_office
from portal.safety import init_safety
from portal.webhooks.targets import targets

log = structlog.get_logger("portal")


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """The portal as a WSGI application. ``settings`` win over the environment.

    Raises UndeclaredRoute when a route does not say who may use it.
    """
    values = config.load(settings)
    settle(values)
    app = Flask(
        "portal",
        root_path=str(config.ROOT / "portal"),
        instance_path=str(values["DATA_DIR"]),
        template_folder=str(config.ROOT / "templates"),
        static_folder=str(config.ROOT / "static"),
    )
    app.config.update(values)
    db.init_app(app)
    Migrate(app, db, directory=str(config.ROOT / "migrations"))
    init_request_log(app)
    init_safety(app)
    init_hosts(app)
    init_limits(app)
    init_identity(app)
    init_rates(app)
    init_gate(app)
    init_cross_origin(app)
    init_headers(app)
    init_static_files(app)
    init_refusals(app)
    init_urls(app)
    init_availability(app)
    init_metrics(app)
    for part in (html, web, admin, api, cli, probes):
        part.register(app)
    for kind in (Refusal, HTTPException, Exception):
        app.register_error_handler(kind, _answer_error)
    check_declarations(app)
    return app


def settle(values: Mapping[str, Any]) -> None:
    """Have what a process has one of work by these settings: its logs, what seals secrets, where webhooks may go, where
    mails leave.
    """
    logs.set_up(level=values["LOG_LEVEL"], as_json=values["ENVIRONMENT"] == "production")
    sealer.use(values["SECRET_KEY"], values["SECRET_KEY_FALLBACKS"])
    targets.use(local=values["ENVIRONMENT"] == "development")
    post_office.use(values)


def _answer_error(error: Exception) -> Response:
    """Each face answers what goes wrong in its own way, also where no route matched."""
    error = as_refusal(error) or error
    if isinstance(error, (Refusal, CSRFError)):
        g.refusal = error.code if isinstance(error, Refusal) else "csrf_failed"
    elif not isinstance(error, HTTPException):
        log.error("request failed", exc_info=error)
    return api_errors.answer(error) if is_api(request) else html_errors.answer(error)
