"""What every answer carries: its request id, and what browsers and caches must not do with it."""

from flask import Flask, Response, current_app, g, request

from portal.http.static_files import caching_of

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_TWO_YEARS = "max-age=63072000; includeSubDomains"


def init_headers(app: Flask) -> None:
    """Add the headers to all answers."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers["Strict-Transport-Security"] = _TWO_YEARS
    if request.endpoint == "static":
        response.headers["Cache-Control"] = caching_of(response)
    else:
        response.headers.setdefault("Cache-Control", "no-store")
        response.vary.update(("Cookie", "Authorization"))  # for a cache that keeps what it must not
    if g.get("signed_out"):
        # Not "cookies": that would end the sessions of other applications under the same domain, and our own is
        # emptied by this very answer.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
    if "request_id" in g:
        response.headers["X-Request-ID"] = g.request_id
    return response
