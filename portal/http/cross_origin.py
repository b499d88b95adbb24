"""The API for scripts of other sites: by token, where a setting names their origins. Otherwise for none."""

from flask import Flask, Response, request
from flask_cors import CORS

from portal.http.identity import API_PREFIX, is_api


def init_cross_origin(app: Flask) -> None:
    """Let browsers hand answers of the API to scripts of the origins in ``CORS_ORIGINS``; never with our cookies."""
    origins = app.config["CORS_ORIGINS"]
    if origins:
        app.after_request(_vary)
        CORS(
            app,
            resources=rf"{API_PREFIX}*",
            origins=list(origins),
            methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[
                "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID",
            ],
            expose_headers=["ETag", "Idempotent-Replayed", "Link", "Location", "Retry-After", "X-Request-ID"],
            supports_credentials=False,
            max_age=600,
        )  # fmt: skip


def _vary(response: Response) -> Response:
    """Caches must not hand the answer for one site to another. The library's own header is lost among ours."""
    if is_api(request):
        response.vary.add("Origin")
    return response
