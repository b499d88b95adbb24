"""What the API's description promises of an answer, held against the answer."""

import gzip
import json
from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from portal.api.reference import document


def keeps_the_promise(app: Flask, response: TestResponse) -> None:
    """Fail unless the description of the route names this status, its headers, and a body of this shape.

    Answers of no described route, such as 404 of an unknown address and 405, are none of its business.
    """
    described = _operation(app, response.request.method, response.request.path)
    if described is None or response.request.method == "OPTIONS":
        return
    endpoint, operation = described
    promised = operation["responses"].get(str(response.status_code))
    where = f"{endpoint}: {response.status_code} {response.data[:300]!r}"
    assert promised is not None, f"the description does not know {where}"
    promised = _resolved(app, promised)
    if response.status_code == 304:
        return
    media = promised["content"].get(response.mimetype)
    assert media is not None, f"the description does not know {response.content_type} of {where}"
    if response.mimetype == "text/csv":
        return
    body = gzip.decompress(response.data) if response.content_encoding == "gzip" else response.data
    errors = [error.message for error in _validator(app, media["schema"]).iter_errors(json.loads(body))]
    assert errors == [], f"{errors} of {where}"
    assert "x-codes" not in promised or json.loads(body)["code"] in promised["x-codes"], where
    assert response.headers["X-Request-ID"]


def message_keeps_the_promise(app: Flask, message: dict[str, Any]) -> None:
    """Fail unless the description names a webhook of this type, and its body has exactly the fields that it tells."""
    with app.app_context():
        told = document()
    schema = told["webhooks"][message["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert [error.message for error in _validator(app, schema).iter_errors(message)] == []
    fields = told["components"]["schemas"][schema["properties"]["data"]["$ref"].rpartition("/")[2]]["properties"]
    assert message["data"].keys() == fields.keys()


def _operation(app: Flask, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path, method)
    except HTTPException:
        return None
    with app.app_context():
        operation: dict[str, Any] | None = _operations().get(endpoint)
    return None if operation is None or method == "HEAD" else (endpoint, operation)


@cache
def _operations() -> dict[str, Any]:
    paths = document()["paths"]
    operations = [operation for path in paths.values() for name, operation in path.items() if name != "parameters"]
    return {f"api.{operation['operationId']}": operation for operation in operations}


def _resolved(app: Flask, answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, or what it refers to."""
    with app.app_context():
        kept: dict[str, Any] = document()["components"]["responses"]
    return kept[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer


def _validator(app: Flask, schema: dict[str, Any]) -> Any:
    with app.app_context():
        components = document()["components"]
    return jsonschema_rs.Draft202012Validator(schema | {"components": components})
