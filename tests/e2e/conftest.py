"""The portal as ``make run`` serves it, and a browser in front of it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.e2e.serving import PASSWORD, chromium, demo_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the browser comes first, since it goes one by one; of it the pages, while the demo is fresh."""
    here = Path(__file__).parent
    items.sort(key=lambda item: (item.path.parent != here, item.path.name != "test_pages.py"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the portal keeps its data."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[str]:
    """The address of a portal with a fresh demo, served by the real server."""
    with demo_server(folder) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@dataclass
class Visitor:
    """Somebody with a browser of their own. Whatever goes wrong in it is a fault of the portal."""

    context: BrowserContext
    server: str
    faults: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)
    """Statuses that the test means to see, beside those below 400."""
    loses_answers: bool = False
    """Whether the test means some of them not to come."""

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
        ours |= self.loses_answers and bool(re.search("htmx:error|net::ERR_FAILED", message.text))
        if message.type in ("error", "warning") and not ours:
            self.faults.append(f"console: {message.text}")

    def _note_failure(self, request: Request) -> None:
        lost = "net::ERR_FAILED" if self.loses_answers else None
        if request.failure not in ("net::ERR_ABORTED", lost):  # aborted: the page was left before all of it had come
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
