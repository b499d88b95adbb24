"""The portal with a fresh demo, served as ``make run`` serves it; and the browser in front of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from tests.browser import arguments, executable

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "portal-demo"


@contextmanager
def demo_server(folder: Path) -> Iterator[str]:
    """The address of the real server, for the block. What the demo holds in the end is verified."""
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


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the block."""
    path = executable()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=arguments())
        yield running
        running.close()


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(1800):  # a busy machine takes its time to make the demo
        assert process.poll() is None, "the server ended"
        try:
            urlopen(f"{address}/login").close()
        except (URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(address)
