"""A receiver of webhooks on this machine: a real HTTP server, that answers as the test says."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from standardwebhooks import Webhook


@dataclass
class Message:
    """What came. ``headers`` are in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Answer = Callable[[BaseHTTPRequestHandler], None]


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answers with this."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name, value)
        to.send_header("Content-Length", str(len(body)))
        to.end_headers()
        to.wfile.write(body)

    return answer


@dataclass
class Receiver:
    """``messages`` are those that came, ``answers`` what the next ones get; after them ``then``."""

    url: str = ""
    messages: list[Message] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    then: Answer = field(default_factory=lambda: answering(204))
    arrived: threading.Event = field(default_factory=threading.Event)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def take(self, message: Message) -> Answer:
        with self._guard:
            self.messages.append(message)
            self.arrived.set()
            return self.answers.pop(0) if self.answers else self.then

    def verified(self, secret: str) -> list[dict[str, Any]]:
        """The bodies of the messages, each found to be signed by the secret, as the public library finds it."""
        return [cast("dict[str, Any]", Webhook(secret).verify(one.body, one.headers)) for one in self.messages]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message = Message(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.receiver.take(message)(self)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A sender that went away is no fault of the receiver."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive for the block."""
    receiver = Receiver()
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    server = _Server(("127.0.0.1", 0), handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks?for=tests"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
