"""Face 2: JSON, under ``/api/v1/billing/``."""

from typing import Any

import orjson
from flask import Flask
from flask.json.provider import JSONProvider
from flask_smorest import Api

from portal.api import account, invoices, payments, webhooks
from portal.api.blueprint import api

__all__ = ["account", "invoices", "payments", "register", "webhooks"]

_SETTINGS = {
    "API_TITLE": "Billing Portal",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
}


class _Json(JSONProvider):
    """orjson: exact, fast, and without a way to write NaN."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


class _Api(Api):
    """Leaves errors to the app, which answers them by face."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        return


def register(app: Flask) -> None:
    """Add the routes to the app."""
    app.json = _Json(app)
    app.config.update(_SETTINGS)
    _Api(app).register_blueprint(api)
