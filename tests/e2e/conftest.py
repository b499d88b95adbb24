"""The portal as ``make run`` serves it, and a browser in front of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.browser import arguments, executable

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "portal-demo"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the portal keeps its data."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[str]:
    """The address of a portal with a fresh demo, served by the real server."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment["PORTAL_DATA_DIR"] = str(folder)
    environment |= {f"PORTAL_RATE_LIMIT_{whose}": "1000000" for whose in ("TOKEN", "USER", "ADDRESS")}
    command = [sys.executable, "-m", "flask", "--app", "wsgi", "serve", "--demo", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process)
        yield address
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
    verify = [sys.executable, "-m", "flask", "--app", "wsgi", "verify"]
    subprocess.run(verify, cwd=ROOT, env=environment, check=True)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended"
        try:
            urlopen(f"{address}/login").close()
        except (URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = executable()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=arguments())
        yield running
        running.close()


@dataclass
class Visitor:
    """Somebody with a browser of their own. Whatever goes wrong in it is a fault of the portal."""

    context: BrowserContext
    server: str
    faults: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    """Statuses that the test means to see, beside those below 400."""

    def page(self) -> Page:
        """A new tab."""
        page = self.context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("console", self._listen)
        page.on("request", self._watch)
        page.on("requestfailed", self._note_failure)
        page.on("response", self._read)
        return page

    def sign_in(self, email: str, page: Page | None = None) -> Page:
        """Sign in by the form."""
        page = page or self.page()
        page.goto(f"{self.server}/login")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    def _listen(self, message: ConsoleMessage) -> None:
        ours = any(f"status of {status} " in message.text for status in self.expected)
        if message.type in ("error", "warning") and not ours:
            self.faults.append(f"console: {message.text}")

    def _note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left before all of it had come
            self.faults.append(f"failed: {request.url} {request.failure}")

    def _watch(self, request: Request) -> None:
        if not request.url.startswith((self.server, "data:", "about:", "blob:")):
            self.faults.append(f"external: {request.url}")

    def _read(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status}: {response.url}")


@pytest.fixture
def visitor(browser: Browser, server: str) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors: ``visitor(java_script_enabled=False, color_scheme="dark", viewport=…)``."""
    visitors: list[Visitor] = []

    def make(**options: Any) -> Visitor:
        visitors.append(Visitor(browser.new_context(**options), server))
        return visitors[-1]

    yield make
    faults = [fault for one in visitors for fault in one.faults]
    for one in visitors:
        one.context.close()
    assert faults == []
