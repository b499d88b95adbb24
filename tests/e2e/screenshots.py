"""A picture of every page of a fresh demo, light and dark, at three widths: ``make screenshots``.

``python -m tests.e2e.screenshots [words]`` takes only those whose names hold one of the words. With ``PORTAL_ADDRESS``
they are of a demo that is served already.
"""

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.sync_api import Browser, Page
from werkzeug.routing import Map

from portal.app import create_app
from tests.e2e.atlas import STARTS, explore, furnish
from tests.e2e.axe import show
from tests.e2e.serving import PASSWORD, ROOT, chromium, demo_server

FOLDER = ROOT / "test-results" / "screenshots"
WIDTHS = (360, 768, 1280)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def main(words: list[str]) -> None:
    """Take them. What was there before goes."""
    rmtree(FOLDER, ignore_errors=True)
    with TemporaryDirectory() as folder, _server(Path(folder) / "demo") as server, chromium() as browser:
        routes = create_app({"TESTING": True, "SECRET_KEY": "routes", "DATA_DIR": Path(folder) / "routes"}).url_map
        for email in STARTS:
            _take_all(browser, server, email, routes, words)
    print(f"{len(list(FOLDER.rglob('*.png')))} pictures in {FOLDER}")  # noqa: T201


def _server(folder: Path) -> AbstractContextManager[str]:
    address = os.environ.get("PORTAL_ADDRESS")
    return nullcontext(address) if address else demo_server(folder)


def _take_all(browser: Browser, server: str, email: str, routes: Map, words: list[str]) -> None:
    context = browser.new_context()
    page = context.new_page()
    if email:
        page.goto(f"{server}/login")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        page.wait_for_url(lambda url: "/login" not in url)
        furnish(page, server, "/admin" if "admin" in email else "")
    for place in explore(context.request, server, STARTS[email], routes).places:
        if not words or any(word in place.name for word in words):
            page.goto(f"{server}{place.address}")
            _take(page, FOLDER / (email.partition("@")[0] or "signed-out") / place.name)
    context.close()


def _take(page: Page, name: Path) -> None:
    for width in WIDTHS:
        for scheme in SCHEMES:
            show(page, width, scheme)
            page.screenshot(path=f"{name}-{width}-{scheme}.png", full_page=True)


if __name__ == "__main__":
    main(sys.argv[1:])
