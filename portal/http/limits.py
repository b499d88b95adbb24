"""How much a request may bring. Larger ones end here, before anybody is looked up."""

from urllib.parse import unquote_to_bytes

from flask import Flask, current_app, request
from werkzeug.exceptions import (
    ClientDisconnected,
    RequestEntityTooLarge,
    RequestHeaderFieldsTooLarge,
    RequestURITooLarge,
)

from portal.foundation.deadline import uncounted
from portal.foundation.refusals import Invalid
from portal.http.uploads import widen_for_a_file

MAX_ADDRESS = 8_000
"""Bytes of path and query together: what RFC 9110 asks every server to take."""
MAX_PARAMETERS = 100
MAX_HEADERS, MAX_HEADER_BYTES = 100, 32_768
_FORM = "application/x-www-form-urlencoded"
_REPLACED = "\ufffd"  # what the parser of multipart puts where bytes are no text


def init_limits(app: Flask) -> None:
    """Set the limits in front of all routes."""
    app.before_request(_check)


def _check() -> None:
    _check_address()
    _check_headers()
    widen_for_a_file()
    _check_size()
    if request.mimetype in (_FORM, "multipart/form-data"):
        _check_form()


def _check_address() -> None:
    query: bytes = request.query_string
    if len(request.environ.get("PATH_INFO", "")) + len(query) > MAX_ADDRESS:
        raise RequestURITooLarge
    if query.count(b"&") >= MAX_PARAMETERS:
        raise Invalid("too_many_parameters", f"An address takes {MAX_PARAMETERS} parameters.")
    _check_text(query)


def _check_headers() -> None:
    headers = list(request.headers)
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        raise RequestHeaderFieldsTooLarge


def _check_size() -> None:
    """Refuse a body that is too large, or that ended before its announced length.

    Behind a server that ends the stream itself the framework would take what fits, or what came, as the whole of it.
    """
    most, announced = request.max_content_length, request.content_length
    if most is not None and (announced or 0) > most:
        raise RequestEntityTooLarge
    if not announced and "Transfer-Encoding" not in request.headers:
        return
    with uncounted():
        came = len(request.get_data())  # kept: forms and JSON are read from it afterwards
    if announced is None and most is not None and came >= most:
        raise RequestEntityTooLarge
    if announced is not None and came < announced:
        raise ClientDisconnected


def _check_form() -> None:
    if request.mimetype == _FORM:
        body = request.get_data()
        if body.count(b"&") >= current_app.config["MAX_FORM_PARTS"]:
            raise RequestEntityTooLarge
        _check_text(body)
    elif any(_REPLACED in text for pair in request.form.items(multi=True) for text in pair):
        raise _not_text()


def _check_text(encoded: bytes) -> None:
    """Raise Invalid unless names and values are UTF-8. The framework would keep other bytes as ``%FF``."""
    try:
        unquote_to_bytes(encoded).decode()
    except UnicodeDecodeError:
        raise _not_text() from None


def _not_text() -> Invalid:
    return Invalid("invalid_encoding", "The request holds bytes that are not text in UTF-8.")
