"""Static files: each under an address that changes with its content, so that browsers and caches may keep it for good.

What caches keep must be nobody's: a static file's answer knows no session.
"""

from collections.abc import Mapping
from functools import lru_cache
from gzip import compress
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from werkzeug.security import safe_join

KEPT = "public, max-age=31536000, immutable"
ASKED_AGAIN = "no-cache"
_VERSION = "v"
_TEXTS = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")


class _Sessions(SecureCookieSessionInterface):
    """Renews the session's cookie with every answer, as Flask does, but not with a static file."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if request.endpoint != "static":
            super().save_session(app, session, response)


def init_static_files(app: Flask) -> None:
    """Write the version into the addresses that ``url_for`` makes, and keep sessions out of the files' answers."""
    app.session_interface = _Sessions()
    app.url_defaults(_add_version)
    app.after_request(_pack)


def caching_of(response: Response) -> str:
    """How long a static file may be kept: for good under the address of its present content, else until asked again."""
    view_args: Mapping[str, Any] = request.view_args or {}
    asked = request.args.get(_VERSION)
    if response.status_code in (200, 206, 304) and asked and asked == _version(view_args.get("filename")):
        return KEPT
    return ASKED_AGAIN if response.status_code < 400 else "no-store"


def _pack(response: Response) -> Response:
    """gzip, for what is text. A file's answer is everybody's, so that its size tells nothing."""
    if request.endpoint != "static" or response.mimetype not in _TEXTS:
        return response
    response.vary.add("Accept-Encoding")
    if response.status_code == 200 and request.accept_encodings.quality("gzip"):
        response.direct_passthrough = False
        response.set_data(_packed(response.get_data()))
        response.content_encoding = "gzip"
        response.headers.pop("Accept-Ranges", None)
        response.set_etag(response.get_etag()[0] or "", weak=True)  # the file, and not these bytes
    return response


@lru_cache(maxsize=64)
def _packed(content: bytes) -> bytes:
    return compress(content, mtime=0)


def _add_version(endpoint: str, values: dict[str, Any]) -> None:
    if endpoint == "static" and (version := _version(values.get("filename"))):
        values[_VERSION] = version


def _version(filename: str | None) -> str | None:
    path = safe_join(str(current_app.static_folder), filename) if filename else None
    try:
        changed = Path(path).stat().st_mtime_ns if path else None
    except OSError:
        return None
    return _hash(str(path), changed) if changed else None


@lru_cache(maxsize=256)
def _hash(path: str, _changed: int) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()[:16]
