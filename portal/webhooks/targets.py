"""Where webhooks may go: to public addresses of the internet, and nowhere inside.

Whoever names an endpoint chooses where our servers connect to. So the name is resolved once, every address that it has
is looked at, and the connection goes to the very address that was looked at (``sending``): a name that answers
differently the next time leads nowhere else.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from queue import Empty, Queue
from threading import Thread
from urllib.parse import SplitResult, urlsplit

from portal.foundation.refusals import Invalid

MAX_URL = 2000
Address = IPv4Address | IPv6Address

# IANA's special-purpose registry (2026-10), multicast, what is reserved, and Azure's metadata, which looks public.
_REFUSED_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
    )
]  # fmt: skip
_PUBLIC_6 = IPv6Network("2000::/3")
"""Global unicast; the rest of IPv6 is loopback, link-local, private, multicast, or forms of IPv4."""
_REFUSED_6 = [IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20")]
_NAT64, _MAPPED = IPv6Network("64:ff9b::/96"), IPv6Network("::ffff:0:0/96")

_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}\.?", re.IGNORECASE | re.ASCII)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE | re.ASCII)
"""A last label that makes the whole an IPv4 address in some spelling (WHATWG URL, "ends in a number")."""


class BadTarget(Invalid):
    """Webhooks do not go there."""

    def __init__(self, message: str) -> None:
        super().__init__("webhook_url_refused", message, field="url")


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to, for a request to ``host``."""

    scheme: str
    host: str
    port: int
    path: str
    """With its query."""


class Targets:
    """The rules. ``use`` says whether this is a developer's portal: then plain HTTP to this machine is let through."""

    def __init__(self) -> None:
        self._local = False

    def use(self, *, local: bool) -> None:
        self._local = local

    def read(self, url: str) -> Target:
        """The parts of an address that webhooks may go to, as far as its text tells. Raises BadTarget."""
        parts = _split(url)
        host = parts.hostname or ""
        local = self._local and (host == "localhost" or _is_loopback(host))
        if parts.scheme != "https" and not (local and parts.scheme == "http"):
            raise BadTarget("The address must begin with https://.")
        if not local:
            self._check_host(host)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Target(parts.scheme, host, parts.port or (443 if parts.scheme == "https" else 80), path)

    def addresses(self, target: Target, *, seconds: float) -> list[Address]:
        """What the name stands for now, asked once. Raises BadTarget if any of it is inside, OSError for no answer."""
        found = resolve(target.host, target.port, seconds)
        if not all(self.is_allowed(address) for address in found):
            raise BadTarget("This name leads to an address that is not on the public internet.")
        return found

    def is_allowed(self, address: Address) -> bool:
        return is_public(address) or (self._local and address.is_loopback)

    def _check_host(self, host: str) -> None:
        literal = _literal(host)
        if literal is not None and not is_public(literal):
            raise BadTarget("This address is not on the public internet.")
        if literal is None and (not _NAME.fullmatch(host) or _NUMBER.fullmatch(host.rstrip(".").split(".")[-1])):
            raise BadTarget("Give the full name of a host on the internet; other than ASCII in its xn-- form.")


targets = Targets()


def is_public(address: Address) -> bool:
    """Whether the address is somebody's on the internet, in whatever form it is written."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_4)
    inner = address.sixtofour
    if address in _NAT64 or address in _MAPPED:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(inner)
    return address in _PUBLIC_6 and not any(address in network for network in _REFUSED_6)


def resolve(host: str, port: int, seconds: float) -> list[Address]:
    """All addresses of the name, in the system's order, in time or not at all. Raises OSError."""
    answers: Queue[list[Address] | OSError] = Queue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(ip_address(str(row[4][0]).split("%")[0]) for row in found)))
        except (OSError, ValueError) as error:  # the latter for a name that cannot be asked for
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    Thread(target=ask, daemon=True).start()  # the system's resolver knows no limit of time
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError("the name was not found in time") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _split(url: str) -> SplitResult:
    if len(url) > MAX_URL:
        raise BadTarget(f"The address must not be longer than {MAX_URL} characters.")
    if not re.fullmatch(r"[\x21-\x5b\x5d-\x7e]+", url):
        raise BadTarget("The address must be of visible ASCII characters, without blanks and backslashes.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadTarget("This is not an address. Write it like https://billing.example/webhooks.") from None
    if "@" in parts.netloc:
        raise BadTarget("The address must not hold a user or a password. Messages are signed instead.")
    if parts.fragment or url.endswith("#") or port == 0:
        raise BadTarget("The address must not have a fragment (#) or port 0.")
    return parts


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    literal = _literal(host)
    return literal is not None and literal.is_loopback
