"""The API's own description, as a document for programs and as a page for people."""

from typing import Any

import orjson
from flask import Blueprint, Response, current_app

from portal.foundation.access import public

reference = Blueprint("reference", __name__, url_prefix="/api/v1/billing")


def document() -> dict[str, Any]:
    """The description (OpenAPI 3.1) of this app's routes."""
    described: dict[str, Any] = current_app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    return described


@reference.get("/openapi.json")
@public
def openapi() -> Response:
    """The description, as ``docs/openapi.json`` has it."""
    return Response(orjson.dumps(document()), content_type="application/json")
