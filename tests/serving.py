"""The portal served by its real server, in processes of its own, for tests that signal and kill them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from flask import Flask

from portal.foundation.row_security import Login

ROOT = Path(__file__).resolve().parent.parent
UNANSWERED = (URLError, ConnectionError, TimeoutError, HTTPException)
"""What a client meets whose connection breaks, or whom nobody answers."""


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["data"]
        return found


class Serving:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process, self.port = process, port

    def ask(self, path: str, body: dict[str, Any] | None = None, *, timeout: float = 20, **headers: str) -> Answer:
        """GET, or POST of JSON where there is a body. Raises one of UNANSWERED."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        asked = Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"} | names)
        try:
            with urlopen(asked, timeout=timeout) as response:
                return Answer(response.status, response.read(), dict(response.headers))
        except HTTPError as error:
            with error:
                return Answer(error.code, error.read(), dict(error.headers))

    def workers(self) -> list[int]:
        """The processes that answer. The one that sends webhooks is not among them."""
        listed = subprocess.run(
            ["ps", "-o", "pid=,stat=,args=", "--ppid", str(self.process.pid)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        lines = [line.split(None, 2) for line in listed.stdout.splitlines()]
        return [int(pid) for pid, state, args in lines if not state.startswith("Z") and " worker " not in args]

    def kill(self, pid: int) -> None:
        """End a process without a word."""
        os.kill(pid, signal.SIGKILL)

    def wait_until_it_answers(self) -> None:
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            assert self.process.poll() is None, "the server ended"
            try:
                if self.ask("/readyz", timeout=2).status == 200:
                    return
            except UNANSWERED:
                pass
            time.sleep(0.1)
        raise TimeoutError("the server does not answer")


@contextmanager
def serving(app: Flask) -> Iterator[Serving]:
    """Serve the app's database by the real server for the block."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PORTAL_ENV": "development",
        **{f"PORTAL_RATE_LIMIT_{whose}": "1000000" for whose in ("TOKEN", "USER", "ADDRESS")},
        "PORTAL_SECRET_KEY": str(app.config["SECRET_KEY"]),
        "PORTAL_DATA_DIR": str(app.config["DATA_DIR"]),
        "DATABASE_URL": app.config["SQLALCHEMY_DATABASE_URI"],
        **{Login(login).setting: str(bind["url"]) for login, bind in app.config["SQLALCHEMY_BINDS"].items()},
    }
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "serve", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    running = Serving(process, port)
    try:
        running.wait_until_it_answers()
        yield running
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
