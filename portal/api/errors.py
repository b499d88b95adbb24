"""Refusals and errors as problem details (RFC 9457), all of one shape."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

import orjson
from flask import g, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from portal.api.problems import STALE
from portal.foundation.freetext import mask_card_numbers
from portal.foundation.refusals import Invalid, NotFound, NotSignedIn, Refusal

CONTENT_TYPE = "application/problem+json"

# What the framework itself answers, as codes and words of ours.
_FRAMEWORK = {
    405: ("method_not_allowed", "This address does not take that method; the Allow header names those that it does."),
    413: ("body_too_large", "The body is larger than the portal takes (1 MiB)."),
    414: ("address_too_long", "Path and query are longer than the portal takes (8,000 bytes)."),
    415: ("unsupported_media_type", "Send the body as application/json."),
    429: ("too_many_requests", "Too many requests. Wait as long as Retry-After says."),
    431: ("headers_too_large", "The headers are more or longer than the portal takes (100 of them, 32 KiB)."),
    500: ("internal_error", "Something went wrong on our side. Nothing was changed. Tell us the request_id."),
}


def answer(error: Exception) -> Response:
    """The problem details of an error."""
    refusal, status = _read(error)
    response = Response(orjson.dumps(_problem(refusal, status), default=told), status, content_type=CONTENT_TYPE)
    if isinstance(error, HTTPException):
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")
        )
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    if status == HTTPStatus.UNAUTHORIZED:
        bad = ', error="invalid_token"' if refusal.code == "invalid_token" else ""
        response.headers["WWW-Authenticate"] = f'Bearer realm="billing"{bad}'
    if refusal.code == "scope_missing" and "scope" in refusal.details:
        lacks = f'error="insufficient_scope", scope="{refusal.details["scope"]}"'  # RFC 6750
        response.headers["WWW-Authenticate"] = f'Bearer realm="billing", {lacks}'
    return response


def _read(error: Exception) -> tuple[Refusal, int]:
    if isinstance(error, NotSignedIn) and error.code == "not_signed_in":
        message = "Send a token as “Authorization: Bearer …”, or sign in with a browser."
        return NotSignedIn("not_signed_in", message), error.status
    if isinstance(error, Refusal):
        stale = error.code in STALE and "If-Match" in request.headers
        return error, HTTPStatus.PRECONDITION_FAILED if stale else error.status
    status = (error.code or 500) if isinstance(error, HTTPException) else 500
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(), status
    if type(error).__name__ == "CSRFError":
        message = "A browser's session needs the page's token in the header X-CSRFToken."
        return Invalid("csrf_failed", message), status
    code, message = _FRAMEWORK.get(status, ("bad_request", "The portal could not read this request."))
    return Refusal(code, message), status


def _problem(refusal: Refusal, status: int) -> dict[str, Any]:
    return {
        "type": f"urn:billing-portal:error:{refusal.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "success": False,
        **told(refusal),
        "request_id": g.request_id,
    }


def told(refusal: Refusal) -> dict[str, Any]:
    """The refusal itself: of the whole request, or of one item among others."""
    return {
        "detail": mask_card_numbers(refusal.message),  # some repeat what was sent
        "code": refusal.code,
        "errors": [asdict(error) | {"message": mask_card_numbers(error.message)} for error in refusal.errors],
        **refusal.details,
    }
