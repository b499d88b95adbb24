"""Under which names the portal answers, which proxies it believes, and who is on this machine."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.foundation.refusals import Invalid

_HOST = re.compile(
    r"([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?", re.ASCII | re.IGNORECASE
)
_REFUSED = "portal.refused_host"
_THIS_MACHINE = frozenset({"127.0.0.1", "::1"})
_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


def init_hosts(app: Flask) -> None:
    """Refuse requests for other hosts; believe as many proxies as the setting says, and none by itself.

    A proxy has to pass the request's own Host on: ``X-Forwarded-Host`` is never read. A wrong name is taken out of the
    request before the framework sees it, so that not even the page that refuses it can be made of it.
    """
    serve = app.wsgi_app

    def check_host(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if host_name(environ.get("HTTP_HOST", "")) not in app.config["HOSTS"]:
            environ[_REFUSED], environ["HTTP_HOST"] = True, app.config["HOSTS"][0]
        return serve(environ, start_response)

    app.wsgi_app = check_host  # type: ignore[method-assign]
    proxies: int = app.config["PROXIES"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]
    app.before_request(_refuse_other_hosts)
    if app.config["SESSION_COOKIE_SECURE"] and proxies:
        app.before_request(_refuse_plain_http)


def host_name(host: str) -> str | None:
    """The name in a Host header, without its port and in lower case; None where it is not well-formed.

    Two Host headers reach the app as one with a comma, which no name has.
    """
    match = _HOST.fullmatch(host)
    return match[1].lower() if match and int(match[2] or 0) < 65536 else None


def comes_from_this_machine() -> bool:
    """Whether somebody on this machine asks, as far as one can see: a proxy here may not say for whom it does."""
    return request.remote_addr in _THIS_MACHINE and not any(name in request.headers for name in _OF_PROXIES)


def _refuse_other_hosts() -> None:
    if _REFUSED in request.environ:
        raise Invalid("unknown_host", "The portal does not answer under this name. Check the address that you called.")


def _refuse_plain_http() -> None:
    """What a proxy took unencrypted is not answered, so that who sends a token so notices. Health checks pass none."""
    if "X-Forwarded-Proto" in request.headers and not request.is_secure:
        message = "The portal answers over HTTPS only. Call the address that begins with https://."
        raise Invalid("https_required", message)
