"""One request to one endpoint: to the address that was checked, in fifteen seconds at most, following nothing."""

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from time import monotonic
from typing import Any

from portal.foundation.redaction import redact
from portal.webhooks.targets import Address, BadTarget, Target, targets

PATIENCE = 15.0
"""Seconds for all of it: finding the name, connecting, sending, and the last byte of the answer that is read."""
MOST_READ, MOST_KEPT = 64 * 1024, 4 * 1024
_MARGIN = 100
"""What is looked at beyond what is kept, so that a number that lies across the end is masked too."""
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. ``status`` is None where no answer came; ``error`` is empty where it was taken."""

    status: int | None = None
    error: str = ""
    answer: str = ""
    ms: int = 0

    @property
    def is_delivered(self) -> bool:
        return not self.error

    @property
    def is_gone(self) -> bool:
        return self.status == GONE


def send(url: str, body: bytes, headers: Mapping[str, str], *, patience: float | None = None) -> Outcome:
    """POST the body. Whatever goes wrong is an outcome, in words that say nothing of our network."""
    begun = monotonic()
    ends = begun + (PATIENCE if patience is None else patience)
    try:
        status, answer = _post(targets.read(url), body, headers, ends)
    except (BadTarget, OSError, HTTPException, ValueError) as error:
        return Outcome(error=_in_words(error), ms=_ms(begun))
    return Outcome(status, _refusal(status), answer, _ms(begun))


def _post(target: Target, body: bytes, headers: Mapping[str, str], ends: float) -> tuple[int, str]:
    addresses = targets.addresses(target, seconds=_left(ends))
    connection = _Connection(target, addresses, ends)
    try:
        connection.request("POST", target.path, body, {"Content-Type": "application/json; charset=utf-8", **headers})
        with connection.getresponse() as response:
            return response.status, _beginning(response)
    finally:
        connection.close()


def _beginning(response: HTTPResponse) -> str:
    """The first few KB as they can be kept: no card numbers, tokens or IBANs, nothing that cannot be shown."""
    text = response.read(MOST_READ).decode("utf-8", "replace")[: MOST_KEPT + _MARGIN]
    shown = "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
    return redact(shown)[:MOST_KEPT]


class _InTime:
    """A socket whose every read ends at one moment, so that an answer cannot drip on for ever."""

    ends: float

    def recv_into(self, *args: Any, **options: Any) -> int:
        self.settimeout(_left(self.ends))  # type: ignore[attr-defined]
        return super().recv_into(*args, **options)  # type: ignore[misc, no-any-return]


class _Socket(_InTime, socket.socket):
    pass


class _TlsSocket(_InTime, ssl.SSLSocket):
    pass


class _Connection(HTTPConnection):
    """A connection to an address that was checked; the request, TLS and its certificate are about the name."""

    def __init__(self, target: Target, addresses: list[Address], ends: float) -> None:
        super().__init__(target.host, target.port)
        self.default_port = 443 if target.scheme == "https" else 80  # which the header Host leaves out
        self._target, self._addresses, self._ends = target, addresses, ends

    def connect(self) -> None:
        plain = self._reach()
        self.sock = plain
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.sslsocket_class = _TlsSocket
            self.sock = context.wrap_socket(
                plain, server_hostname=self._target.host.rstrip("."), do_handshake_on_connect=False
            )
            self.sock.ends = self._ends  # type: ignore[attr-defined]
            self.sock.settimeout(_left(self._ends))
            self.sock.do_handshake()

    def _reach(self) -> _Socket:
        """The first of the addresses that takes the connection. Raises OSError."""
        failed: OSError = OSError("the name has no address")
        for address in self._addresses:
            reached = _Socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
            reached.ends = self._ends
            try:
                reached.settimeout(_left(self._ends))
                reached.connect((str(address), self._target.port))
            except OSError as error:
                reached.close()
                failed = error
            else:
                reached.settimeout(_left(self._ends))
                return reached
        raise failed


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _refusal(status: int) -> str:
    if 200 <= status < 300:
        return ""
    if 300 <= status < 400:
        return f"It answered {status}: redirects are not followed. Give the address that they lead to."
    return f"It answered {status}."


def _in_words(error: Exception) -> str:
    if isinstance(error, BadTarget):
        return error.message
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not valid for this name: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"No secure connection: {(error.reason or 'TLS failed').replace('_', ' ').lower()}."
    if isinstance(error, TimeoutError):
        return f"No whole answer within {PATIENCE:.0f} seconds."
    if isinstance(error, socket.gaierror):
        return "Host not found."
    if isinstance(error, HTTPException):
        return "What it answered is not HTTP."
    return f"No connection: {getattr(error, 'strerror', None) or 'it failed'}."


def _ms(begun: float) -> int:
    return round((monotonic() - begun) * 1000)
