"""Which ways of the portal to other machines are open to whoever stands between, a sentence each.

Asked of the settings and not of the connections: by the first of those the password would have crossed the network.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, urlsplit

from psycopg.pq import Conninfo
from sqlalchemy import URL, make_url

from portal.foundation.row_security import Login

_CHECKED = ("verify-full", "verify-ca")
"""What makes libpq look at the certificate. With ``verify-ca`` only for who signed it: the operator then names that
authority, and hosted databases are often reached by a name or address that their certificate does not hold.
"""
_UNCHECKED = {"ssl_cert_reqs", "ssl_check_hostname"}
"""By which redis-py can be told to check less than it does of itself."""
_OTHERWISE = "or set PORTAL_PRIVATE_NETWORK=1 where the network itself is protected."


def network_problems(config: Mapping[str, Any]) -> list[str]:
    """What is wrong with the ways to the database, to the Redis and to the mail server."""
    return [] if config["NETWORK_IS_PRIVATE"] else [*_to_databases(config), *_to_others(config)]


def _to_databases(config: Mapping[str, Any]) -> Iterator[str]:
    settings = {config["SQLALCHEMY_DATABASE_URI"]: Login.CUSTOMER.setting}
    # Last, since a worker is given its own login only: by that one's setting its database is named.
    settings |= {bind["url"]: Login(login).setting for login, bind in config["SQLALCHEMY_BINDS"].items()}
    for url, setting in settings.items():
        if _is_open(make_url(url)):
            yield (
                f"{setting} leads to another machine, whose certificate nobody checks: "
                f"add sslmode=verify-full to it, {_OTHERWISE}"
            )


def _to_others(config: Mapping[str, Any]) -> Iterator[str]:
    counts = urlsplit(config["RATE_LIMIT_STORAGE"])
    is_checked = counts.scheme == "rediss" and not parse_qs(counts.query).keys() & _UNCHECKED
    if counts.scheme != "memory" and not is_checked and not _is_here(counts.hostname or ""):
        yield (
            "PORTAL_RATE_LIMIT_STORAGE leads to another machine, whose certificate nobody checks: "
            f"let it begin with rediss:// and ask for no less than that, {_OTHERWISE}"
        )
    if config["SMTP_SECURITY"] == "none" and not _is_here(config["SMTP_HOST"]):
        yield (
            "PORTAL_SMTP_HOST is another machine, and mails go in the clear: "
            f"set PORTAL_SMTP_SECURITY to starttls or tls, {_OTHERWISE}"
        )


def _is_open(url: URL) -> bool:
    """Whether the database is on another machine, and libpq would not check whom it finds there.

    libpq also goes by the environment (``PGHOST``, ``PGSSLMODE`` …), which yields to the address. Where a service or
    a further string that the address names leads to is not looked up.
    """
    if url.get_backend_name() != "postgresql":
        return False
    own = dict(url.get_dialect()().create_connect_args(url)[1])
    told = {option.keyword.decode(): option.val.decode() for option in Conninfo.get_defaults() if option.val} | own
    hosts = [host for name in ("host", "hostaddr") for host in str(told.get(name, "")).split(",")]
    is_elsewhere = own.keys() & {"service", "conninfo"} or not all(map(_is_here, hosts))
    return bool(is_elsewhere) and told.get("sslmode") not in _CHECKED


def _is_here(host: str) -> bool:
    """Whether this is no name or address of another machine: nothing, a socket, or this machine's own."""
    if host in ("", "localhost") or host.startswith(("/", "@")):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
