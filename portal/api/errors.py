"""Refusals and errors as problem details (RFC 9457)."""

from werkzeug.wrappers import Response


def answer(error: Exception) -> Response:
    return Response(str(error), 500)
