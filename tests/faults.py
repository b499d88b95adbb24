"""A network that fails: it stands between the portal and PostgreSQL, and understands just enough to find COMMITs.

It offers a socket in a folder of its own and passes on what comes. PostgreSQL's manual, "Message Formats".
"""

import shutil
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from tempfile import mkdtemp

SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\x00"
_CHUNK = 65536


class AtCommit(Enum):
    """What happens to a COMMIT on its way."""

    PASS = "it arrives, and so does its answer"
    LOSE = "it arrives, and its answer is lost with the connection"
    CUT = "the connection breaks before it"


class Proxy:
    """Passes connections on to the server that listens in ``target``. Faults can be changed at any time."""

    def __init__(self, target: Path) -> None:
        self.folder = Path(mkdtemp(prefix="portal-net-"))
        self.at_commit: Callable[[], AtCommit] = lambda: AtCommit.PASS
        self.delay = 0.0
        """Seconds that each answer of the server takes longer."""
        self.flowing = threading.Event()
        self.flowing.set()
        self._target = str(target / SOCKET)
        self._deciding = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.folder / SOCKET))
        (self.folder / SOCKET).chmod(0o777)
        self._listener.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self.flowing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.folder)

    def freeze(self) -> None:
        """Let nothing through from now on; connections stay open."""
        self.flowing.clear()

    def thaw(self) -> None:
        """Let everything through again."""
        self.flowing.set()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=_Link(self, client, self._target).run, daemon=True).start()

    def decide(self) -> AtCommit:
        """What happens to this COMMIT."""
        with self._deciding:
            return self.at_commit()


class _Link:
    """One connection: what the portal says goes up, message by message; what the server says comes down."""

    def __init__(self, proxy: Proxy, client: socket.socket, target: str) -> None:
        self.proxy, self.client, self.target = proxy, client, target
        self.swallow = False

    def run(self) -> None:
        with self.client, socket.socket(socket.AF_UNIX) as self.server, suppress(OSError, EOFError):
            self.server.connect(self.target)
            threading.Thread(target=self._down, daemon=True).start()
            try:
                self._up()
            finally:
                self._hang_up()

    def _up(self) -> None:
        self.server.sendall(self._message(b""))
        while True:
            kind = self._exactly(1)
            message = self._message(kind)
            self.proxy.flowing.wait()
            if kind == b"Q" and message.endswith(_COMMIT):
                fate = self.proxy.decide()
                if fate is AtCommit.CUT:
                    return
                self.swallow = fate is AtCommit.LOSE
            self.server.sendall(message)

    def _down(self) -> None:
        with suppress(OSError):
            while chunk := self.server.recv(_CHUNK):
                if self.swallow:  # the server has answered: it has committed
                    break
                time.sleep(self.proxy.delay)
                self.proxy.flowing.wait()
                self.client.sendall(chunk)
        self._hang_up()

    def _message(self, kind: bytes) -> bytes:
        length = self._exactly(4)
        return kind + length + self._exactly(struct.unpack("!i", length)[0] - 4)

    def _exactly(self, size: int) -> bytes:
        parts = b""
        while len(parts) < size:
            part = self.client.recv(size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return parts

    def _hang_up(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(target: Path) -> Iterator[Proxy]:
    """A proxy for the block."""
    made = Proxy(target)
    try:
        yield made
    finally:
        made.close()
