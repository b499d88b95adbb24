"""Under which names the portal answers, and which proxies it believes."""

import re
from typing import Any

from flask import Flask, current_app, request
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.foundation.refusals import Invalid

_HOST = re.compile(r"([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


def init_hosts(app: Flask) -> None:
    """Refuse requests for other hosts; believe as many proxies as the setting says, and none by itself.

    A proxy has to pass the request's own Host on: ``X-Forwarded-Host`` is never read.
    """
    proxies: int = app.config["PROXIES"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]
    app.before_request(_refuse_other_hosts)


def host_name(host: str) -> str | None:
    """The name in a Host header, without its port and in lower case; None where it is not well-formed.

    Two Host headers reach the app as one with a comma, which no name has.
    """
    match = _HOST.fullmatch(host)
    return match.group(1).lower() if match else None


def _refuse_other_hosts() -> None:
    environment: dict[str, Any] = request.environ
    if host_name(environment.get("HTTP_HOST", "")) not in current_app.config["HOSTS"]:
        raise Invalid("unknown_host", "The portal does not answer under this name. Check the address that you called.")
