"""Face 2: JSON, under ``/api/v1/billing/``."""

from typing import Any

import orjson
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Flask
from flask.json.provider import JSONProvider
from flask_smorest import Api

from portal.api import account, accounts, audit, description, invoices, methods, payments, tokens, users, webhooks
from portal.api.blueprint import api
from portal.api.reference import reference
from portal.api.schemas.payments import StatusWord
from portal.api.schemas.users import RoleWord
from portal.api.schemas.values import Amount, Day, Id, Moment
from portal.http.urls import IdConverter

__all__ = ["account", "accounts", "audit", "invoices", "methods", "payments", "register", "tokens", "users", "webhooks"]

_SETTINGS = {
    "API_TITLE": "Billing Portal",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {"info": description.INFO},
}


_FORMS = {Id: "uuid", Moment: "date-time", Amount: None, Day: "date", StatusWord: None, RoleWord: None}
"""Kinds of values, all of them strings, with their formats."""


class _Json(JSONProvider):
    """orjson: exact, fast, and without a way to write NaN."""

    def dumps(self, obj: Any, **_: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        return orjson.loads(s)


class _Api(Api):
    """Leaves errors to the app, which answers them by face, and describes none but ours."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _nothing(self) -> None:
        return

    _register_error_handlers = _register_responses = _register_etag_headers = _register_pagination_header = _nothing

    def register_blueprint(self, blueprint: Blueprint) -> None:
        """Add the routes only: to describe them takes longer than all else that makes an app, and few ask for it."""
        self._app.register_blueprint(blueprint)


def register(app: Flask) -> None:
    """Add the routes to the app."""
    app.json = _Json(app)
    app.config.update(_SETTINGS)
    routes = _Api(spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(schema_name_resolver=description.name_of)})
    for field, form in _FORMS.items():
        routes.register_field(field, "string", form)
    routes.register_converter(IdConverter, lambda _: {"type": "string", "format": "uuid", "examples": [Id.EXAMPLE]})
    routes.init_app(app)
    description.add_components(routes.spec)
    description.add_webhooks(routes.spec)
    routes.register_blueprint(api)
    app.register_blueprint(reference)
