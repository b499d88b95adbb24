"""Where a state-changing request comes from: beside the CSRF token, what the browser itself says about it.

Sites cannot forge ``Sec-Fetch-Site`` and ``Origin``. Browsers that send neither are let through to the token's check.
"""

from urllib.parse import urlsplit

from flask import current_app, request

from portal.foundation.refusals import Forbidden

_OWN = ("same-origin", "none")  # none: the person's own doing, such as loading a page again


def refuse_other_origins() -> None:
    """Raise Forbidden for a request that another site, or another origin of the same site, had the browser make."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if (site is not None and site not in _OWN) or (origin is not None and _plain(origin) != _own_origin()):
        message = "Another site asked for this. Open the portal itself, and use its own pages."
        raise Forbidden("cross_site", message)


def comes_from_own_page() -> bool:
    """Whether the browser itself says that one of the portal's own pages asks. No other site can have it say so."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    return site == "same-origin" if site is not None else origin is not None and _plain(origin) == _own_origin()


def _own_origin() -> str | None:
    scheme = "https" if current_app.config["SESSION_COOKIE_SECURE"] else request.scheme
    return _plain(f"{scheme}://{request.environ.get('HTTP_HOST', '')}")


def _plain(origin: str) -> str | None:
    """The origin in lower case and without its scheme's own port; None for what is none, such as ``null``."""
    try:
        parts = urlsplit(origin.lower())
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port or usual}"
