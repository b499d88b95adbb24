"""The receiver that the documentation shows takes what is ours, once, and nothing else."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from portal.webhooks import service
from portal.webhooks.event_types import EventType
from tests.factories import acting
from tests.webhooks.conftest import World

PAGE = Path(__file__).resolve().parents[2] / "docs/webhooks.md"


@contextmanager
def shown_receiver(port: int, secret: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The program of the page, in a process of its own."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    path = folder / "receiver.py"
    path.write_text(program, "utf-8")
    environment = os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, str(path)], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        while not listens(port):
            assert process.poll() is None
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait()


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_receiver_of_the_page(world: World, tmp_path: Path) -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = world.endpoint(None, EventType.PAYMENT_SUBMITTED, url=f"http://127.0.0.1:{port}/")
    with shown_receiver(port, world.secret(endpoint), tmp_path) as process:
        payment = world.make.payment(world.make.invoice(world.account), world.owner)
        world.work()
        (delivery,) = world.deliveries()
        with world.acting_for(world.owner):
            service.retry_delivery(delivery.id, by=acting(world.owner))
        world.work()
        assert forged(port) == HTTPStatus.UNAUTHORIZED
        (delivery,) = world.deliveries()
        assert [attempt["status"] for attempt in delivery.attempts] == [204, 204]
        process.terminate()
        assert process.communicate()[0] == f"payment.submitted {payment.id}\n"


def forged(port: int) -> int:
    """What a message with another key's signature is answered."""
    headers = {"webhook-id": "1", "webhook-timestamp": str(int(time.time())), "webhook-signature": "v1,AAAA"}
    try:
        with urlopen(Request(f"http://127.0.0.1:{port}/", b"{}", headers)) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_every_type_of_event_is_on_the_page() -> None:
    rows = re.findall(r"^\| `(\w+\.\w+)` \|", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [*EventType, "webhook.test"]
