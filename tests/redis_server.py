"""As much of a Redis as counting requests needs, in this process: its protocol (RESP), INCRBY, EXPIRE, MULTI."""

import socket
import socketserver
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Thread


class Server(socketserver.ThreadingTCPServer):
    """A server on a free port of this machine."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.numbers: Counter[str] = Counter()
        self.expire_in: dict[str, int] = {}
        self.lock = Lock()
        self.connections: list[_Connection] = []

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.server_address[1]}/0"


class _Connection(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.connections.append(self)
        queue: list[list[str]] | None = None
        while words := self._read():
            name = words[0].upper()
            if name == "MULTI":
                queue = []
                self.wfile.write(b"+OK\r\n")
            elif name == "EXEC" and queue is not None:
                answers = [self._carry_out(queued) for queued in queue]
                queue = None
                self.wfile.write(b"*%d\r\n%s" % (len(answers), b"".join(answers)))
            elif queue is not None:
                queue.append(words)
                self.wfile.write(b"+QUEUED\r\n")
            else:
                self.wfile.write(self._carry_out(words))

    def _read(self) -> list[str]:
        """The next command, an array of strings; nothing at the end of the connection."""
        head = self.rfile.readline()
        words = []
        for _ in range(int(head[1:] or 0)):
            length = int(self.rfile.readline()[1:])
            words.append(self.rfile.read(length + 2)[:-2].decode())
        return words

    def _carry_out(self, words: list[str]) -> bytes:
        name, *rest = words
        with self.server.lock:
            if name.upper() == "INCRBY":
                self.server.numbers[rest[0]] += int(rest[1])
                return b":%d\r\n" % self.server.numbers[rest[0]]
            if name.upper() == "EXPIRE":
                self.server.expire_in[rest[0]] = int(rest[1])
                return b":1\r\n"
        return b"%1\r\n$5\r\nproto\r\n:3\r\n" if name.upper() == "HELLO" else b"+OK\r\n"


@contextmanager
def redis_server(port: int = 0) -> Iterator[Server]:
    """Serve for the block. At its end the connections break, as they do when a server dies."""
    with Server(port) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
            for connection in server.connections:
                with suppress(OSError):  # the client hung up before
                    connection.connection.shutdown(socket.SHUT_RDWR)
